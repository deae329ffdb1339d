"""The diagnostic as a document: one content, three drawings, frozen when the COPIL validates it."""

import hashlib
import io
import threading

import page
import pytest
from django.db import connection
from django.urls import reverse
from docx import Document

from ctg_portal.documents import render_pdf
from ctg_portal.workflow import TransitionError
from diagnostics.models import Diagnostic
from governance.actes import acte_docx, acte_html, convention_acte
from governance.diagnostic import diagnostic_acte, validate_diagnostic
from governance.emissions import draw_document
from governance.models import DocumentEmis
from tests.factories import (
    AtelierFactory,
    ConstatFactory,
    EnjeuFactory,
    EquipementFactory,
    ObjectifFactory,
    ParoleFactory,
    ValeurFactory,
)
from tests.world import build_world


@pytest.fixture
def world():
    world = build_world()
    world.diagnostic.synthese = "Un territoire & ses <familles>."
    world.diagnostic.statut = Diagnostic.Statut.PARTAGE
    world.diagnostic.save()
    constat = world.objects["constat"]
    constat.paroles.add(ParoleFactory(diagnostic=world.diagnostic))
    constat.valeurs.add(world.objects["valeur"])
    return world


def plain(words):
    return " ".join(words.replace("\u202f", " ").replace("\xa0", " ").split())


def test_three_drawings_say_the_same(client, world):
    acte = diagnostic_acte(world.diagnostic)
    client.force_login(world.people["lecture"])

    screen = plain(client.get(reverse("governance:diagnostic_texte", args=[world.convention.code])).text)
    word = Document(io.BytesIO(acte_docx(acte, world.convention)))
    paper = plain(acte_html(acte, world.convention))

    headings = [plain(row.text) for row in word.paragraphs if row.style.name.startswith("Heading")]
    titles = [plain(section.titre) for section in acte.sections]
    assert [heading for heading in headings if heading in titles] == titles
    assert len(word.tables) == sum(
        bloc.genre == "tableau" for section in acte.sections for bloc in section.blocs
    )
    for words in ("Un territoire &amp; ses &lt;familles&gt;.", "on met un an", "5 372", "Ludothèque du Val"):
        assert words in screen
        assert words in paper


def test_sections_in_reading_order(world):
    firsts = [section.titre for section in diagnostic_acte(world.diagnostic).sections if section.niveau == 1]

    assert firsts == [
        "Synthèse",
        "Méthode",
        "Portrait statistique",
        "Offre de services",
        "Ateliers",
        "Paroles de terrain",
        "Constats",
        "Enjeux",
    ]


def test_annexe_of_the_convention_says_the_same(world):
    """Constats, their preuves and enjeux are the very rows of the document, one level down."""

    def tables(acte):
        return {
            bloc.legende: bloc.lignes
            for section in acte.sections
            for bloc in section.blocs
            if bloc.genre == "tableau"
        }

    own = tables(diagnostic_acte(world.diagnostic))
    annexe = tables(convention_acte(world.convention))
    shared = [name for name in own if "points forts" in name or name.startswith("Enjeux")]

    assert len(shared) == 2
    assert {name: annexe[name] for name in shared} == {name: own[name] for name in shared}
    cells = " ".join(cell for name in shared for line in own[name] for cell in line)
    assert "« Quand on arrive ici, on met un an à savoir tout ce qui existe. » (habitant·e)" in cells
    assert "Population municipale : 5\u202f372 habitants" in cells


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize(
    ("route", "queries"),
    [
        ("diagnostics:detail", 15),
        ("diagnostics:priorisation", 8),
        ("diagnostics:mouvements", 7),
        ("diagnostics:constat_preuves", 16),
        ("actions:fil", 14),
        ("actions:fil_enjeu", 16),
        ("governance:diagnostic_texte", 17),
    ],
)
def test_query_count_does_not_grow(client, django_assert_num_queries, world, count, route, queries):
    territoire = world.convention.territoire
    for _ in range(count - 1):
        enjeu, constat = (
            EnjeuFactory(diagnostic=world.diagnostic),
            ConstatFactory(diagnostic=world.diagnostic),
        )
        enjeu.constats.add(constat)
        atelier = AtelierFactory(diagnostic=world.diagnostic, synthese="Dit.")
        constat.paroles.add(ParoleFactory(diagnostic=world.diagnostic, atelier=atelier))
        constat.valeurs.add(ValeurFactory(territoire=territoire, annee=2010 + constat.pk % 10))
        constat.equipements.add(EquipementFactory(territoire=territoire))
        ObjectifFactory(axe=world.objects["axe"]).enjeux.add(enjeu)
    thing = {"constat_preuves": "constat", "fil_enjeu": "enjeu"}.get(route.split(":")[1])
    args = [world.convention.code, *([world.objects[thing].pk] if thing else [])]
    client.force_login(world.people["coordination"])
    path = reverse(route, args=args)
    client.get(path)

    # Two of them open and close the transaction of the request.
    with django_assert_num_queries(queries):
        assert client.get(path).status_code == 200


def test_pdf_is_ua1(world):
    content = render_pdf(acte_html(diagnostic_acte(world.diagnostic), world.convention))

    assert page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures == []


def test_validation_freezes_bytes_that_later_edits_leave_alone(world):
    by = world.people["coordination"]
    document = validate_diagnostic(world.diagnostic, by=by)
    draw_document.func(str(document.pk))
    document.refresh_from_db()
    first = bytes(document.contenu)

    world.diagnostic.move_to(Diagnostic.Statut.EN_COURS, by=by)
    world.diagnostic.synthese = "Une autre synthèse."
    world.diagnostic.save()
    world.diagnostic.move_to(Diagnostic.Statut.PARTAGE, by=by)
    second = validate_diagnostic(world.diagnostic, by=by)

    document.refresh_from_db()
    assert bytes(document.contenu) == first
    assert (document.version, second.version) == (1, 2)
    assert document.sha256 == hashlib.sha256(first).hexdigest()
    assert "Un territoire &amp; ses &lt;familles&gt;." in document.html
    assert "Une autre synthèse." in second.html


def test_only_a_shared_diagnostic_is_validated(world):
    by = world.people["coordination"]
    world.diagnostic.move_to(Diagnostic.Statut.EN_COURS, by=by)

    with pytest.raises(TransitionError, match="ne peut pas devenir"):
        validate_diagnostic(world.diagnostic, by=by)

    assert not DocumentEmis.objects.filter(nature="diagnostic").exists()


def test_validation_has_one_way_only_and_is_said_twice_without_harm(client, world):
    client.force_login(world.people["coordination"])
    code = world.convention.code

    assert client.get(reverse("diagnostics:move", args=[code, "valide"])).status_code == 404
    path = reverse("governance:diagnostic_validate", args=[code])
    assert client.post(path, follow=True).status_code == 200
    again = client.post(path, follow=True)

    assert "ne peut pas devenir" in again.text
    assert DocumentEmis.objects.filter(nature="diagnostic").count() == 1


@pytest.mark.parametrize(
    ("statut", "vers", "allowed"),
    [
        ("en_cours", "partage", True),
        ("partage", "en_cours", True),
        ("partage", "valide", True),
        ("valide", "en_cours", True),
        ("en_cours", "valide", False),
        ("valide", "partage", False),
        ("en_cours", "en_cours", False),
    ],
)
def test_transitions(world, statut, vers, allowed):
    Diagnostic.objects.filter(pk=world.diagnostic.pk).update(statut=statut)
    by = world.people["coordination"]

    if allowed:
        world.diagnostic.move_to(vers, by=by)
    else:
        with pytest.raises(TransitionError, match="ne peut pas devenir"):
            world.diagnostic.move_to(vers, by=by)

    world.diagnostic.refresh_from_db()
    assert world.diagnostic.statut == (vers if allowed else statut)


@pytest.mark.parametrize("role", ["redaction", "relecture", "pilotage", "lecture"])
def test_only_the_coordination_validates(client, world, role):
    client.force_login(world.people[role])

    response = client.post(reverse("governance:diagnostic_validate", args=[world.convention.code]))

    assert response.status_code == 403
    assert not DocumentEmis.objects.filter(nature="diagnostic").exists()


@pytest.mark.django_db(transaction=True)
def test_two_validate_at_once_and_one_document_is_frozen(world):
    ready = threading.Barrier(2)
    outcomes = []

    def validate():
        try:
            diagnostic = Diagnostic.objects.get(pk=world.diagnostic.pk)
            ready.wait(timeout=10)
            outcomes.append(validate_diagnostic(diagnostic, by=world.people["coordination"]).version)
        except TransitionError as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=validate) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)

    assert sorted(map(str, outcomes)) == [
        "1",
        "Un diagnostic « validé en COPIL » ne peut pas devenir « validé en COPIL ».",
    ]
    assert DocumentEmis.objects.filter(nature="diagnostic").count() == 1
