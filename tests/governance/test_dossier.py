"""The dossier of a meeting: chosen parts, the same on the page and on paper; issued, it never changes."""

import datetime
import hashlib
import re
from decimal import Decimal

import page
import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, LigneBudget, LigneFinancement, Mesure
from ctg_portal.depots import read_depot
from ctg_portal.documents import render_pdf
from ctg_portal.workflow import TransitionError
from governance.documents import dossier_context, dossier_html, issue_dossier
from governance.dossier import TROUVER, parties_of
from governance.emissions import draw_document
from governance.forms.dossier import DIT, SommaireForm
from governance.matiere import Matiere, for_dossier
from governance.models import DocumentEmis, PieceReunion, PointOrdreDuJour, Reunion, SommaireDossier
from governance.models.dossier import Partie
from governance.operations import record_decision
from tests.actions.test_pages import log_in
from tests.factories import (
    PDF,
    AxeFactory,
    DecisionFactory,
    FicheActionFactory,
    FinancementFactory,
    IndicateurSuiviFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
    UserFactory,
)
from tests.pdf.controle import faults
from tests.pdf.test_documents import words
from tests.world import build_world

ENTIERES = SommaireDossier.Fiches.ENTIERES
COURTES = SommaireDossier.Fiches.COURTES
DAY = datetime.timedelta(days=1)


def fill(reunion, count):
    """``count`` of all that a dossier speaks of, and a COPIL before."""
    convention = reunion.convention
    plan = getattr(convention, "plan", None) or PlanActionsFactory(convention=convention)
    before = ReunionFactory(
        instance=reunion.instance, debut=timezone.now() - datetime.timedelta(days=200), statut="tenue"
    )
    for number in range(count):
        fiche = FicheActionFactory(axe=AxeFactory(plan=plan), difficultes="Un recrutement.")
        Mesure.objects.create(indicateur=IndicateurSuiviFactory(fiche=fiche), annee=2024, valeur="4")
        LigneBudget.objects.create(fiche=fiche, annee=2024 + number, prevu="1000")
        LigneFinancement.objects.create(
            fiche=fiche, annee=2024, financeur=OrganisationFactory(), demande="500"
        )
        PointOrdreDuJourFactory(reunion=reunion, visee="decision", texte="À trancher.").fiches.add(fiche)
        FinancementFactory(convention=convention, exercice=2024, prevu="1000.55", verse="700")
        DecisionFactory(reunion=before)
        MembreInstanceFactory(instance=reunion.instance)
    return before


def deposit(reunion, titre="Étude des besoins", content=PDF, name="etude.pdf", **fields):
    depot = read_depot(SimpleUploadedFile(name, content), name)
    return PieceReunion.objects.deposit(depot, by=UserFactory(), reunion=reunion, titre=titre, **fields)


def codes_of(reunion):
    sommaire = SommaireDossier.of(reunion)
    return [partie.code for partie in parties_of(Matiere(reunion), sommaire)]


def form_data(kept, fiches=COURTES, **more):
    found = {"fiches": fiches} | {f"garder_{code}": "on" for code in kept}
    return found | {f"place_{code}": str(rang) for rang, code in enumerate(kept, 1)} | more


def test_nobody_chose_and_all_the_parts_are_there(media):
    reunion = ReunionFactory()
    fill(reunion, 1)
    deposit(reunion)

    assert codes_of(reunion) == Partie.values
    assert not SommaireDossier.objects.exists()


def test_an_empty_meeting_has_no_empty_title():
    reunion = ReunionFactory()

    assert codes_of(reunion) == ["ordre_du_jour"]
    html = dossier_html(dossier_context(reunion), "Projet")
    assert "Aucune décision n’est demandée pendant cette séance." in html
    assert page.validate_pdf_bytes(render_pdf(html), profile=page.ValidationProfile.PDF_UA_1).failures == []


def test_chosen_parts_come_in_their_order_on_the_page_and_on_paper(client):
    reunion = ReunionFactory()
    fill(reunion, 1)
    log_in(client, reunion.convention)
    code = reunion.convention.code
    kept = ["membres", "argent", "demandes"]

    answer = client.post(
        reverse("governance:dossier_sommaire", args=[code, reunion.pk]),
        form_data(kept, place_argent="1", place_demandes="", place_membres="1"),
    )

    preview = reverse("governance:dossier_preview", args=[code, reunion.pk])
    assert answer.headers["Location"] == preview
    expected = ["argent", "membres", "demandes"]
    assert SommaireDossier.objects.get().parties == expected
    reunion.refresh_from_db()
    for html in (client.get(preview).text, dossier_html(dossier_context(reunion), "Projet")):
        found = re.findall(r'<h2 id="dossier-(\w+)"', html)
        assert [name for name in found if name not in ("seance", "a")] == expected
    # The form comes back as it was saved: the kept parts first.
    form = SommaireForm(reunion=reunion)
    assert form.codes[:3] == expected
    assert [row[0].value() for row in form.lignes] == [True] * 3 + [False] * 9


@pytest.mark.parametrize(
    ("data", "where"),
    [
        ({"fiches": COURTES}, "__all__"),
        ({"fiches": COURTES, "garder_inconnue": "on"}, "__all__"),
        (form_data(["membres"], fiches="longues"), "fiches"),
        (form_data(["membres"], place_membres="0"), "place_membres"),
        (form_data(["membres"], place_membres="premier"), "place_membres"),
    ],
)
def test_a_wrong_choice_is_said_and_keeps_nothing(client, data, where):
    reunion = ReunionFactory()
    log_in(client, reunion.convention)
    path = reverse("governance:dossier_sommaire", args=[reunion.convention.code, reunion.pk])

    answer = client.post(path, data)

    assert list(answer.context["form"].errors) == [where]
    assert answer.context["form"].errors[where][0] in answer.text
    assert not SommaireDossier.objects.exists()


def test_two_who_choose_at_once_do_not_overwrite_each_other(client):
    reunion = ReunionFactory()
    log_in(client, reunion.convention)
    path = reverse("governance:dossier_sommaire", args=[reunion.convention.code, reunion.pk])
    read = client.get(path).context["form"]["lu"].value()
    SommaireDossier.choose(reunion, parties=["argent"], fiches=ENTIERES)

    answer = client.post(path, form_data(["membres"], lu=read))

    assert "Quelqu’un d’autre a choisi les parties" in answer.text
    assert SommaireDossier.objects.get().parties == ["argent"]
    form = answer.context["form"]
    assert [row[0].html_name for row in form.lignes if row[0].value()] == ["garder_membres"]
    client.post(path, form_data(["membres"], lu=form["lu"].value()))
    assert SommaireDossier.objects.get().parties == ["membres"]


def test_a_meeting_cancelled_meanwhile_keeps_its_dossier():
    reunion = ReunionFactory(statut="annulee")

    with pytest.raises(TransitionError, match="annulée"):
        SommaireDossier.choose(reunion, parties=["membres"], fiches=COURTES)


@pytest.mark.parametrize("parties", [[], ["inconnue"], ["membres", "inconnue"]])
def test_the_database_refuses_unknown_parts(parties):
    with pytest.raises(IntegrityError, match="sommairedossier_parties_connues"), transaction.atomic():
        SommaireDossier.objects.create(reunion=ReunionFactory(), parties=parties)


def test_a_part_written_twice_is_told_once():
    assert SommaireDossier(parties=["membres", "argent", "membres"]).ordonnees == ["membres", "argent"]


def test_money_of_the_convention_is_added_up_to_the_cent():
    reunion = ReunionFactory()
    for exercice, prevu, verse in ((2024, "0.10", None), (2023, "0.20", "7"), (2024, "0.30", None)):
        FinancementFactory(convention=reunion.convention, exercice=exercice, prevu=prevu, verse=verse)
    loaded = for_dossier(Reunion.objects.select_related("instance__convention")).get()

    for known in (reunion, loaded):
        amounts = [(row.exercice, row.prevu, row.verse) for row in Matiere(known).financements]
        assert sorted(amounts, key=lambda row: row[:2]) == [
            (2023, Decimal("0.20"), Decimal("7")),
            (2024, Decimal("0.10"), None),
            (2024, Decimal("0.30"), None),
        ]
        (*_, mots) = TROUVER[Partie.FINANCEMENTS](Matiere(known), SommaireDossier.of(known))[1]
        assert [ligne[0] for ligne in mots.blocs[0].lignes] == ["2023", "2024", "Ensemble"]


def test_each_part_says_what_it_holds():
    assert list(DIT) == Partie.values


def test_a_confidential_fiche_is_in_no_part():
    reunion = ReunionFactory()
    fill(reunion, 2)
    FicheAction.objects.update(intitule="Secret", confidentielle=True)
    IndicateurSuiviFactory._meta.model.objects.update(intitule="Secret")
    SommaireDossier.choose(reunion, parties=Partie.values, fiches=ENTIERES)
    reunion.refresh_from_db()

    html = dossier_html(dossier_context(reunion), "Projet")

    assert "Secret" not in html
    assert "500" not in re.sub(r"base64,[^\"]*", "", html.split("Financements de la convention</h2>")[0])
    assert not {"fiches", "avancement", "indicateurs", "argent"} & set(codes_of(reunion))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("fiches", [COURTES, ENTIERES])
def test_the_preview_does_not_grow(client, media, count, fiches):
    reunion = ReunionFactory()
    fill(reunion, count)
    for _ in range(count):
        deposit(reunion)
    SommaireDossier.choose(reunion, parties=Partie.values, fiches=fiches)
    log_in(client, reunion.convention)
    path = reverse("governance:dossier_preview", args=[reunion.convention.code, reunion.pk])
    client.get(path)

    with CaptureQueriesContext(connection) as queries:
        answer = client.get(path)

    counted = [q["sql"] for q in queries.captured_queries if "SAVEPOINT" not in q["sql"]]
    assert len(counted) == 15, "\n".join(counted)
    assert answer.text.count("<h4>Difficultés rencontrées</h4>") == count


@pytest.mark.parametrize("count", [1, 3])
def test_the_whole_dossier_does_not_grow(count, django_assert_num_queries):
    reunion = ReunionFactory()
    fill(reunion, count)
    SommaireDossier.choose(reunion, parties=Partie.values, fiches=ENTIERES)
    reunion.refresh_from_db()
    reunion.instance.convention.territoire  # noqa: B018 - loaded by the views

    with django_assert_num_queries(21):
        dossier_html(dossier_context(reunion), "Projet")


def test_whole_fiches_are_drawn_in_the_file_and_on_the_issued_page(media):
    world = build_world()
    fill(world.reunion, 1)
    world.objects["point"].fiches.add(world.fiche)
    SommaireDossier.choose(world.reunion, parties=Partie.values, fiches=ENTIERES)
    world.reunion.refresh_from_db()

    document = issued(world.reunion, world.people["coordination"])

    content = bytes(document.contenu)
    assert page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures == []
    assert faults(content) == set()
    text = words(content)
    for said in ("Vingt familles sans mode de garde.", "Un relais itinérant ouvre dans quatre communes."):
        assert said in " ".join(text.split())
        assert said in document.html
    assert world.objects["note_caf"].texte not in document.html
    # The same table in two fiches has two names for who hears the page.
    regions = re.findall(r'role="region"\s+aria-label="([^"]+)"', document.html)
    assert len(regions) == len(set(regions)) > 10


def test_hostile_and_long_words_are_only_words(media):
    reunion = ReunionFactory(lieu="<script>alert(1)</script>", president="Mot " * 37)
    fill(reunion, 1)
    hostile = "</section><section data-fragment><img src=x onerror=alert(1)> {{ settings.SECRET_KEY }} "
    PointOrdreDuJour.objects.update(intitule=hostile * 3, texte=hostile * 200, rapporteur=hostile[:150])
    FicheAction.objects.update(intitule=hostile[:200], objectif_general=hostile * 50)
    deposit(reunion, titre=hostile[:200])

    context = dossier_context(reunion)
    html = dossier_html(context, "Projet")

    assert "<script" not in html
    assert "<img src=x" not in html
    assert html.count("<section data-fragment>") == 0
    assert faults(render_pdf(html)) == set()


def issued(reunion, by):
    document = issue_dossier(reunion, by=by)
    draw_document.func(str(document.pk))
    document.refresh_from_db()
    return document


def test_the_frozen_file_is_the_same_a_year_and_a_hundred_edits_later(client, media, monkeypatch):
    world = build_world()
    reunion, by = world.reunion, world.people["coordination"]
    fill(reunion, 1)
    world.objects["point"].fiches.add(world.fiche)
    piece = deposit(reunion, point=world.objects["point"])
    SommaireDossier.choose(reunion, parties=Partie.values, fiches=ENTIERES)
    reunion.refresh_from_db()
    first = issued(reunion, by)
    frozen, said = bytes(first.contenu), first.html
    assert hashlib.sha256(frozen).hexdigest() == first.sha256

    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + datetime.timedelta(days=366))
    for number in range(100):
        world.fiche.intitule = f"Autre titre {number}"
        world.fiche.besoins = f"Autres mots {number}"
        world.fiche.save(update_fields=["intitule", "besoins", "updated_at"])
    territoire = world.convention.territoire
    territoire.nom, territoire.couleur = "Autre territoire", "#123456"
    territoire.logo.save("logo.png", ContentFile(b"autre logo"))
    reunion.instance.membres.all().delete()
    MembreInstanceFactory(instance=reunion.instance, nom="Nouvel élu")
    decision = reunion.convention.decisions.first()
    decision.texte = "Une autre décision."
    decision.save()
    point = world.objects["point"]
    point.intitule = "Un autre point"
    point.save()
    piece.withdraw(by=by)
    reunion.lieu = "Ailleurs"
    reunion.save()
    SommaireDossier.choose(reunion, parties=["membres"], fiches=COURTES)

    client.force_login(by)
    code = world.convention.code
    given = client.get(reverse("governance:document_file", args=[code, first.pk]))
    first.refresh_from_db()
    assert given.content == frozen == bytes(first.contenu)
    assert hashlib.sha256(given.content).hexdigest() == first.sha256
    assert first.html == said
    assert first.is_intact
    for change in ({"html": "x"}, {"contenu": b"x"}, {"sha256": "x"}, {"titre": "x"}):
        with pytest.raises(Exception, match="pgtrigger"), transaction.atomic():
            DocumentEmis.objects.filter(pk=first.pk).update(**change)

    territoire.logo = ""
    territoire.save()
    reunion.refresh_from_db()
    second = issued(reunion, by)
    assert second.version == first.version + 1
    assert bytes(second.contenu) != frozen
    assert "Nouvel élu" in second.html
    assert client.get(reverse("governance:document_file", args=[code, first.pk])).content == frozen


def test_a_decision_taken_in_the_meeting_is_not_to_be_followed_in_its_own_dossier():
    reunion = ReunionFactory(statut="ouverte")
    record_decision(
        reunion=reunion, by=UserFactory(), nature="arbitrage_financier", texte="Prise aujourd’hui."
    )

    assert "Prise aujourd’hui." not in dossier_html(dossier_context(reunion), "Projet")


def test_the_last_decisions_are_those_of_the_same_instance_and_say_what_became_of_them():
    reunion = ReunionFactory()
    older, last, other = (
        ReunionFactory(debut=timezone.now() - days * DAY, statut="tenue", **fields)
        for days, fields in (
            (300, {"instance": reunion.instance}),
            (100, {"instance": reunion.instance}),
            (50, {"instance__convention": reunion.convention}),
        )
    )
    today = timezone.localdate()
    DecisionFactory(reunion=older, texte="Ancienne")
    DecisionFactory(reunion=last, texte="Réalisée", realisee_le=today)
    DecisionFactory(reunion=last, texte="En retard", echeance=today - DAY)
    DecisionFactory(reunion=last, texte="Acte", nature="prise_acte")
    DecisionFactory(reunion=other, texte="Ailleurs")
    SommaireDossier.choose(reunion, parties=["dernieres"], fiches=COURTES)
    reunion.refresh_from_db()

    (partie,) = parties_of(Matiere(reunion), SommaireDossier.of(reunion))

    (mots,) = partie.contenus
    suites = [
        (ligne[1], ligne[2].split(" ")[0], ligne[2].endswith("en retard")) for ligne in mots.blocs[0].lignes
    ]
    assert suites == [("Réalisée", "réalisée", False), ("En retard", "à", True), ("Acte", "pour", False)]
