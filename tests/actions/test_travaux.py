"""A long file is read and written by the worker, or by whoever waits when it is away; its page says what came of it."""

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from actions.models import EnvoiPlan, FicheAction, Transition
from actions.tableur.travaux import IMPREVU, SUR_PLACE, do_travail
from conventions.models import Habilitation
from tests.actions.classeurs import build_plan, plain
from tests.actions.test_import_plan import confirm, describe, workbook_of
from tests.factories import AxeFactory

pytestmark = pytest.mark.django_db
TETE = ("Axe", "Objectif", "Action", "Descriptif", "Pilote", "Budget 2025", "Statut", "Étapes")


def rows(count):
    return [
        (
            "1 Familles",
            f"1.{rank % 3 + 1} Objectif {rank % 3}",
            f"Action {rank}",
            "Deux lignes\nde texte",
            "Une chargée de mission",
            1000 + rank,
            "En cours",
            "Recruter\nOuvrir",
        )
        for rank in range(count)
    ]


@pytest.fixture
def place(client):
    """(plan, somebody of the coordination, logged in)"""
    _, plan, _, _, user = build_plan()
    client.force_login(user)
    return plan, user


@pytest.fixture
def long_envoi(place):
    plan, user = place
    return describe(plan, user, workbook_of(TETE, *rows(SUR_PLACE + 1)))


def url(envoi, name):
    return reverse(f"actions:{name}", args=[envoi.convention.code, envoi.pk])


def page_of(client, envoi):
    return plain(client.get(url(envoi, "envoi")).content.decode())


def do(envoi):
    do_travail.func(str(envoi.pk))
    envoi.refresh_from_db()


def test_a_long_plan_is_read_then_written_by_the_worker(client, place, long_envoi):
    plan, user = place
    envoi = long_envoi
    assert (envoi.travail, envoi.total, envoi.rapport) == ("lecture", SUR_PLACE + 1, {})
    waiting = page_of(client, envoi)
    assert f"Le fichier se lit ({SUR_PLACE + 1} lignes)." in waiting
    assert 'http-equiv="refresh"' in waiting

    do(envoi)

    assert envoi.travail == ""
    asked_again = client.get(url(envoi, "envoi"), headers={"HX-Request": "true", "HX-Target": "travail"})
    assert asked_again.headers["HX-Refresh"] == "true"
    assert f"{SUR_PLACE + 1}</span>" in page_of(client, envoi)
    empreinte = {"empreinte": envoi.rapport["empreinte"]}
    # What the preview alone refuses is told at once.
    client.post(url(envoi, "envoi_confirm"), {"empreinte": "celle d’avant"})
    envoi.refresh_from_db()
    assert envoi.travail == ""
    client.post(url(envoi, "envoi_confirm"), empreinte)
    envoi.refresh_from_db()
    assert envoi.travail == "ecriture"
    assert FicheAction.objects.count() == 0
    assert "Tout est écrit, ou rien ne l’est" in page_of(client, envoi)

    do(envoi)

    assert (envoi.statut, envoi.travail) == ("confirme", "")
    assert "Compte rendu de" in page_of(client, envoi)
    fiche = FicheAction.objects.get(intitule="Action 7")
    assert [row.intitule for row in fiche.etapes.all()] == ["Recruter", "Ouvrir"]
    assert [row.prevu for row in fiche.lignes_budget.all()] == [1007]
    assert (fiche.avancement, fiche.code, fiche.ordre) == ("en_cours", "1.2.3", 2)
    assert list(Transition.objects.filter(fiche=fiche).values_list("depuis", "vers", "by")) == [
        ("a_venir", "en_cours", user.pk)
    ]
    said = fiche.events.get().pgh_context.metadata
    assert (said["user"], said["nom"]) == (user.pk, str(user))
    assert said["classeur"].startswith("Import du plan")
    assert said["url"] == envoi.get_absolute_url()


def test_when_the_worker_is_away_the_person_has_it_done(client, long_envoi):
    envoi = long_envoi
    now = url(envoi, "envoi_now")
    assert now not in page_of(client, envoi)
    # Asked just now: the worker may be about to take it.
    client.post(now)
    envoi.refresh_from_db()
    assert envoi.travail == "lecture"
    long_ago = timezone.now() - datetime.timedelta(minutes=6)
    EnvoiPlan.objects.filter(pk=envoi.pk).update(travail_depuis=long_ago)
    assert now in page_of(client, envoi)

    assert client.post(now).url == envoi.get_absolute_url()

    envoi.refresh_from_db()
    assert (envoi.travail, len(envoi.rapport["objets"])) == ("", SUR_PLACE + 1)


def test_what_is_being_written_is_neither_confirmed_again_nor_dropped(client, long_envoi):
    envoi = long_envoi
    do(envoi)
    empreinte = {"empreinte": envoi.rapport["empreinte"]}
    client.post(url(envoi, "envoi_confirm"), empreinte)

    busy = "Ce fichier est en train d’être écrit dans le plan"
    assert busy in plain(client.post(url(envoi, "envoi_confirm"), empreinte, follow=True).content.decode())
    assert busy in plain(client.post(url(envoi, "envoi_drop"), follow=True).content.decode())

    do(envoi)
    assert envoi.statut == "confirme"
    # The worker that comes late finds nothing to do.
    do(envoi)
    assert (FicheAction.objects.count(), envoi.echec) == (SUR_PLACE + 1, "")


def test_a_plan_that_moved_meanwhile_is_said_and_nothing_is_written(client, place, long_envoi):
    plan, user = place
    envoi = long_envoi
    do(envoi)
    client.post(url(envoi, "envoi_confirm"), {"empreinte": envoi.rapport["empreinte"]})
    AxeFactory(plan=plan, code="9", intitule="Un autre", ordre=5)
    FicheAction.objects.create(plan=plan, axe=plan.axes.get(code="9"), intitule="Action 3")

    do(envoi)

    assert FicheAction.objects.count() == 1
    page = page_of(client, envoi)
    assert "Le plan a changé depuis l’aperçu : rien n’est écrit." in page
    assert "une fiche du plan porte déjà ce titre" in page


def test_who_lost_the_right_meanwhile_writes_nothing(client, long_envoi):
    envoi = long_envoi
    do(envoi)
    client.post(url(envoi, "envoi_confirm"), {"empreinte": envoi.rapport["empreinte"]})
    Habilitation.objects.update(role="lecture")

    do(envoi)

    assert FicheAction.objects.count() == 0
    assert envoi.echec == "Vous n’écrivez plus dans ce plan : rien n’est écrit."


def test_a_failure_nobody_foresaw_is_said_on_the_page(client, long_envoi):
    envoi = long_envoi
    EnvoiPlan.objects.filter(pk=envoi.pk).update(reponses=envoi.reponses | {"entete": "pas un nombre"})

    with pytest.raises(ValueError, match="pas un nombre"):
        do_travail.func(str(envoi.pk))

    envoi.refresh_from_db()
    assert (envoi.travail, envoi.echec) == ("", IMPREVU)
    answer = client.get(url(envoi, "envoi"), follow=True)
    assert IMPREVU in answer.context["messages"]._loaded_data[0].message


def test_reading_and_writing_ask_the_same_questions_whatever_the_number_of_rows(place):
    plan, user = place
    found = []
    for count in (3, 4, 12):
        content = workbook_of(
            TETE, *((axe, but, f"{count} {titre}", *rest) for axe, but, titre, *rest in rows(count))
        )
        with CaptureQueriesContext(connection) as reading:
            envoi = describe(plan, user, content)
        with CaptureQueriesContext(connection) as writing:
            confirm(envoi, user)
        found.append((len(reading), len(writing)))
    # The first makes the axe and its objectifs too, in a plan that has no fiche to read.
    _, few, many = found
    assert few == many
