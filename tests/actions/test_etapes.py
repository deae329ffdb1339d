"""Steps: ticked in one press, undone by another, never in the future; their dates are questioned, not refused."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, for_screen
from tests.actions.test_pages import log_in, payload
from tests.factories import EtapeFactory, FicheActionFactory

TODAY = timezone.localdate()


def tick_url(etape):
    fiche = etape.fiche
    return reverse("actions:etape_tick", args=[fiche.convention.code, fiche.pk, etape.pk])


def shown(fiche):
    return for_screen(FicheAction.objects.filter(pk=fiche.pk)).get().suivi


def test_a_press_ticks_and_another_undoes(client):
    etape = EtapeFactory(intitule="Visiter le local")
    log_in(client, etape.fiche.convention)
    assert "Marquer faite" in client.get(etape.fiche.get_absolute_url()).text

    page = client.post(tick_url(etape), {"faite": "oui"}, follow=True).text
    etape.refresh_from_db()
    assert etape.faite_le == timezone.localdate()
    assert "est faite aujourd’hui" in page
    assert "Remettre à faire" in page

    client.post(tick_url(etape), {"faite": "non"})
    etape.refresh_from_db()
    assert etape.faite_le is None


def test_two_who_tick_agree_and_the_first_date_stays(client):
    etape = EtapeFactory(faite_le=datetime.date(2025, 3, 12))
    log_in(client, etape.fiche.convention)

    page = client.post(tick_url(etape), {"faite": "oui"}, follow=True).text

    etape.refresh_from_db()
    assert etape.faite_le == datetime.date(2025, 3, 12)
    assert "rien n’a changé" in page
    undone = client.post(tick_url(etape), {"faite": "non"}, follow=True).text
    assert "12\xa0mars 2025" in undone


@pytest.mark.parametrize("sent", [{}, {"faite": "peut-être"}, {"faite": "\x00"}])
def test_hostile_press_changes_nothing(client, sent):
    etape = EtapeFactory()
    log_in(client, etape.fiche.convention)

    assert "Rien n’a changé" in client.post(tick_url(etape), sent, follow=True).text
    etape.refresh_from_db()
    assert etape.faite_le is None


def test_step_of_another_fiche_or_of_an_archived_one(client):
    etape, other = EtapeFactory(), EtapeFactory()
    user = log_in(client, etape.fiche.convention)
    fiche = etape.fiche
    foreign = reverse("actions:etape_tick", args=[fiche.convention.code, fiche.pk, other.pk])

    assert client.post(foreign, {"faite": "oui"}).status_code == 404
    assert client.get(tick_url(etape)).status_code == 405
    fiche.archive(by=user)
    assert "archivée" in client.post(tick_url(etape), {"faite": "oui"}, follow=True).text
    etape.refresh_from_db()
    assert etape.faite_le is None


def test_a_step_cannot_be_done_in_the_future(client):
    fiche = FicheActionFactory()
    log_in(client, fiche.convention)
    url = reverse("actions:etapes_edit", args=[fiche.convention.code, fiche.pk])
    row = {"etapes-0-intitule": "Ouvrir", "etapes-0-faite_le": TODAY + datetime.timedelta(days=1)}

    assert "à une date à venir" in client.post(url, payload(client, url) | row).text
    assert not fiche.etapes.exists()
    client.post(url, payload(client, url) | row | {"etapes-0-faite_le": TODAY})
    assert fiche.etapes.get().faite_le == TODAY


def test_dates_outside_the_calendar_are_said_and_kept(client):
    fiche = FicheActionFactory(debut=TODAY, echeance=TODAY + datetime.timedelta(days=10))
    log_in(client, fiche.convention)
    url = reverse("actions:etapes_edit", args=[fiche.convention.code, fiche.pk])
    late = fiche.convention.fin + datetime.timedelta(days=1)
    row = {"etapes-0-intitule": "Ouvrir", "etapes-0-echeance": late}

    page = client.post(url, payload(client, url) | row, follow=True).text

    assert fiche.etapes.get().echeance == late
    (line,) = shown(fiche).etapes
    assert line.remarques == ["échéance après la fin de la convention", "échéance après celle de l’action"]
    assert page.count("échéance après la fin de la convention") == 2  # the message, and beside the date


def test_next_step_and_delay_in_words(client):
    fiche = FicheActionFactory()
    EtapeFactory(fiche=fiche, intitule="Sans date", ordre=0)
    EtapeFactory(fiche=fiche, intitule="Plus tard", echeance=TODAY + datetime.timedelta(days=30), ordre=1)
    late = EtapeFactory(
        fiche=fiche, intitule="En retard", echeance=TODAY - datetime.timedelta(days=12), ordre=2
    )
    EtapeFactory(fiche=fiche, intitule="Faite", echeance=TODAY - datetime.timedelta(days=90), faite_le=TODAY)
    log_in(client, fiche.convention)

    assert shown(fiche).prochaine_etape == late
    assert "en retard de 12\xa0jours" in client.get(fiche.get_absolute_url()).text
    late.delete()
    assert shown(fiche).prochaine_etape.intitule == "Plus tard"
    FicheAction.objects.filter(pk=fiche.pk).update(avancement="realisee")
    assert shown(fiche).prochaine_etape is None
