"""The pages of the workbook: take it away, send it back, see, choose, confirm."""

import io

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from actions.models import EnvoiPlan, FicheAction, SectionDemandee
from actions.models.envoi import GARDE
from actions.tableur import demande
from actions.tableur.contenu import Contenu, plan_of
from actions.tableur.lecture import read_classeur
from actions.tableur.retour import Retour
from conventions.models import Impression
from conventions.operations.impressions import draw_impression
from ctg_portal.contraintes import holds
from ctg_portal.workflow import TransitionError
from tests.actions.classeurs import D, build_plan, change, confirm, export, full_fiche, plain, send
from tests.factories import FicheActionFactory, HabilitationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(client):
    """(plan, fiche, somebody of the coordination, logged in)"""
    _, plan, axe, objectif, user = build_plan()
    fiche = FicheActionFactory(
        axe=axe, objectif=objectif, code="1.1.1", intitule="Ouvrir un relais", besoins="A"
    )
    client.force_login(user)
    return plan, fiche, user


def url(plan, name, *args):
    return reverse(f"actions:{name}", args=[plan.convention.code, *args])


def upload(client, plan, content, name="plan.xlsx"):
    return client.post(url(plan, "tableur"), {"fichier": SimpleUploadedFile(name, content)})


def test_the_workbook_goes_from_the_page_and_back_to_the_plan(client, place):
    plan, fiche, _ = place
    page = client.get(url(plan, "tableur"))
    assert url(plan, "tableur_export") in page.content.decode()
    downloaded = client.get(url(plan, "tableur_export"))
    assert downloaded["Content-Disposition"] == f'attachment; filename="plan-{plan.convention.code}.xlsx"'
    content = change(
        downloaded.content, ("Fiches", 2, "Besoins constatés", "B"), ("Fiches", 2, "Début", "jamais")
    )

    sent = upload(client, plan, content)
    envoi = EnvoiPlan.objects.get()
    preview = client.get(sent.url)
    text = plain(preview.content.decode())
    assert "Fiches!P2" in text
    assert "« jamais » n’est pas une date : écrivez 31/01/2022." in text
    refused = client.post(url(plan, "envoi_confirm", envoi.pk), {"empreinte": envoi.rapport["empreinte"]})
    assert "1 case est refusée" in plain(refused.content.decode())
    fiche.refresh_from_db()
    assert fiche.besoins == "A"

    done = client.post(
        url(plan, "envoi_confirm", envoi.pk),
        {"empreinte": envoi.rapport["empreinte"], "sans_refusees": "on"},
        follow=True,
    )

    assert "C’est écrit dans le plan" in done.content.decode()
    fiche.refresh_from_db()
    assert fiche.besoins == "B"
    assert "Import du classeur" in client.get(url(plan, "tableur")).content.decode()
    assert (
        "Import du classeur"
        in client.get(
            reverse("actions:fiche_historique", args=[plan.convention.code, fiche.pk])
        ).content.decode()
    )


def test_an_unchanged_workbook_says_that_nothing_differs(client, place):
    plan, _, user = place

    sent = upload(client, plan, export(plan, user))

    assert "Aucune différence" in client.get(sent.url).content.decode()


def test_a_conflict_is_chosen_on_the_page_and_a_choice_survives_a_refusal(client, place):
    plan, fiche, user = place
    content = change(
        export(plan, user), ("Fiches", 2, "Besoins constatés", "Mien"), ("Fiches", 2, "Début", "jamais")
    )
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Leur")
    envoi = EnvoiPlan.objects.get(pk=upload(client, plan, content).url.split("/")[-2])
    answers = {"empreinte": envoi.rapport["empreinte"], f"conflit-F{fiche.pk}.besoins": "mien"}

    back = client.post(url(plan, "envoi_confirm", envoi.pk), answers)
    radios = [line for line in back.content.decode().split("<input") if 'value="mien"' in line]
    assert ["checked" in line for line in radios] == [True]

    client.post(url(plan, "envoi_confirm", envoi.pk), answers | {"sans_refusees": "on"})
    fiche.refresh_from_db()
    assert fiche.besoins == "Mien"


def test_a_plan_that_moved_sends_back_to_the_new_preview(client, place):
    plan, fiche, user = place
    envoi = send(plan, user, change(export(plan, user), ("Fiches", 2, "Besoins constatés", "Mien")))
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Leur")

    page = client.post(
        url(plan, "envoi_confirm", envoi.pk), {"empreinte": envoi.rapport["empreinte"]}, follow=True
    )

    assert "Le plan a changé depuis l’aperçu" in page.content.decode()
    assert "Changées des deux côtés" in page.content.decode()


def test_a_file_that_is_no_workbook_keeps_the_page_with_a_sentence(client, place):
    plan, _, _ = place

    said = [
        plain(upload(client, plan, content, name).content.decode())
        for content, name in ((b"bonjour", "plan.xlsx"), (b"", "vide.xlsx"), (b"PK\x03\x04", "plan.xlsm"))
    ]

    assert "n’est pas un classeur téléchargé du portail" in said[0]
    assert "Ce fichier est vide." in said[1]
    assert "contient des macros (.xlsm)" in said[2]
    assert EnvoiPlan.objects.count() == 0


def test_a_dropped_file_is_forgotten_and_an_old_one_too(client, place):
    plan, _, user = place
    envoi = send(plan, user, change(export(plan, user), ("Fiches", 2, "Besoins constatés", "B")))
    client.post(url(plan, "envoi_drop", envoi.pk))
    envoi.refresh_from_db()
    assert (envoi.statut, bytes(envoi.contenu)) == ("abandonne", b"")

    EnvoiPlan.objects.filter(pk=envoi.pk).update(created_at=envoi.created_at - GARDE)
    other = send(plan, user, export(plan, user))
    assert list(EnvoiPlan.objects.all()) == [other]


def test_who_writes_nothing_here_sees_neither_the_page_nor_its_link(client, place):
    plan, _, _ = place
    client.force_login(HabilitationFactory(convention=plan.convention, role="lecture").user)

    assert client.get(url(plan, "tableur")).status_code == 403
    assert url(plan, "tableur") not in client.get(url(plan, "plan")).content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_pages_ask_the_same_questions_whatever_the_number_of_fiches(client, place, count):
    plan, fiche, user = place
    for number in range(count - 1):
        FicheActionFactory(axe=fiche.axe, objectif=fiche.objectif, intitule=f"Fiche {number}")
    edits = [("Fiches", row, "Besoins constatés", "B") for row in range(2, 2 + count)]
    envoi = send(plan, user, change(export(plan, user), *edits))

    with CaptureQueriesContext(
        connection,
    ) as page:
        client.get(envoi.get_absolute_url())
    with CaptureQueriesContext(connection) as home:
        client.get(url(plan, "tableur"))
    with CaptureQueriesContext(connection) as download:
        client.get(url(plan, "tableur_export"))

    assert (len(page), len(home)) == (7, 9)
    assert len(download) == 32


def test_the_workbook_of_a_long_plan_is_written_by_the_worker_for_who_may_still_take_it(
    client, place, monkeypatch
):
    plan, fiche, user = place
    short = client.post(url(plan, "tableur_export"))
    assert short.url == url(plan, "tableur_export")
    monkeypatch.setattr(demande, "SANS_ATTENDRE", 0)
    assert client.get(url(plan, "tableur_export")).url == url(plan, "tableur")
    assert "Préparer le classeur" in client.get(url(plan, "tableur")).text

    waiting = client.post(url(plan, "tableur_export"), {"courriel": "on"})
    assert client.post(url(plan, "tableur_export")).url == waiting.url
    impression = Impression.objects.get()
    draw_impression.func(str(impression.pk))

    impression.refresh_from_db()
    assert mail.outbox[0].to == [user.email]
    file = client.get(reverse("conventions:impression_file", args=[plan.convention.code, impression.pk]))
    assert file["Content-Disposition"] == f'attachment; filename="plan-{plan.convention.code}.xlsx"'
    assert (
        upload(client, plan, change(file.content, ("Fiches", 2, "Besoins constatés", "B"))).status_code == 302
    )
    assert EnvoiPlan.objects.get().auteur == user

    Impression.objects.all().delete()
    client.post(url(plan, "tableur_export"))
    user.habilitations.all().delete()
    with pytest.raises(TransitionError):
        draw_impression.func(str(Impression.objects.get().pk))
    assert Impression.objects.get().statut == "echec"


def test_reading_a_workbook_asks_the_same_questions_whatever_changes(place):
    plan, fiche, user = place
    full_fiche(plan, fiche.axe, fiche.objectif, user, avancement="a_venir", motif_abandon="")
    content = export(plan, user)
    lu = read_classeur(content, "plan.xlsx")
    plan = plan_of(plan.convention)
    with CaptureQueriesContext(connection) as unchanged:
        Retour(Contenu(plan, user), lu)
    columns = [cell.value for cell in load_workbook(io.BytesIO(content))["Fiches"][1]]
    texts = [title for title in columns if title in ("Besoins constatés", "Description", "Moyens humains")]
    edits = [("Fiches", row, title, "Autre") for row in (2, 3) for title in texts]
    edits += [
        ("Budget", 2, "Prévu", 5),
        ("Étapes", 2, "Étape", "Autre"),
        ("Fiches", 2, "Début", D(2024, 2, 1)),
    ]
    lu = read_classeur(change(content, *edits), "plan.xlsx")

    with CaptureQueriesContext(connection) as changed:
        retour = Retour(Contenu(plan, user), lu)

    assert len(retour.apercu.cellules) == 9
    # A key of another table, once for each section that holds one.
    assert len(changed) - len(unchanged) <= 4


VALUES = {"debut": [None, D(2024, 1, 1), D(2025, 1, 1)], "etp": [None, -1, 0, 2]}


@given(
    debut=st.sampled_from(VALUES["debut"]),
    echeance=st.sampled_from(VALUES["debut"]),
    fin_reelle=st.sampled_from(VALUES["debut"]),
    etp=st.sampled_from(VALUES["etp"]),
    intitule=st.sampled_from(["", "A"]),
    avancement=st.sampled_from(["a_venir", "abandonnee"]),
    motif_abandon=st.sampled_from(["", "B"]),
)
def test_a_constraint_read_in_python_says_what_the_database_says(**values):
    fiche = FicheAction(**values)
    for constraint in FicheAction._meta.constraints:
        try:
            constraint.validate(FicheAction, fiche)
            allowed = True
        except ValidationError:
            allowed = False
        assert (holds(constraint.condition, fiche) is not False) == allowed, constraint.name


def test_the_section_that_was_asked_is_completed_by_the_workbook_and_the_others_stay_locked(place):
    plan, fiche, user = place
    FicheAction.objects.filter(pk=fiche.pk).update(
        redaction="en_relecture", soumise_le="2025-01-01T00:00:00Z"
    )
    fiche.refresh_from_db()
    fiche.ask_completion(by=user, motif="Précisez les besoins.", sections=["contexte"])
    content = change(
        export(plan, user),
        ("Fiches", 2, "Besoins constatés", "Trente familles"),
        ("Fiches", 2, "Objectif général", "Verrouillé"),
    )

    confirm(send(plan, user, content), user, sans_refusees=True)

    fiche.refresh_from_db()
    assert (fiche.besoins, fiche.objectif_general) == ("Trente familles", "")
    asked = SectionDemandee.objects.get()
    assert (asked.section, asked.completee_par) == ("contexte", user)
    assert asked.completee_le is not None
