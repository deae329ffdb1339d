"""The diagnostic as a document: one content, three drawings, frozen when the COPIL validates it."""

import hashlib
import io

import page
import pytest
from django.urls import reverse
from docx import Document

from ctg_portal.documents import render_pdf
from ctg_portal.workflow import TransitionError
from diagnostics.models import Diagnostic
from governance.actes import acte_docx, acte_html
from governance.diagnostic import diagnostic_acte, validate_diagnostic
from governance.models import DocumentEmis
from tests.factories import ParoleFactory, ValeurFactory
from tests.world import build_world


@pytest.fixture
def world():
    world = build_world()
    world.diagnostic.synthese = "Un territoire & ses <familles>."
    world.diagnostic.statut = Diagnostic.Statut.PARTAGE
    world.diagnostic.save()
    constat = world.objects["constat"]
    constat.paroles.add(ParoleFactory(diagnostic=world.diagnostic))
    constat.valeurs.add(ValeurFactory(territoire=world.convention.territoire))
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


def test_pdf_is_ua1(world):
    content = render_pdf(acte_html(diagnostic_acte(world.diagnostic), world.convention))

    assert page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures == []


def test_validation_freezes_bytes_that_later_edits_leave_alone(world):
    by = world.people["coordination"]
    document = validate_diagnostic(world.diagnostic, by=by)
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
