"""Sendings whose meeting, author or server changes on the way."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.apercus import preview_of
from governance.brouillons import draft_of
from governance.departs import ABANDON, send_due
from governance.envois import launch, retry
from governance.forms.reunions import ReunionForm
from governance.models import Envoi, Reunion
from governance.suivi import expected_at, follow_up
from tests.actions.test_lettres import Boite, letter, parts_of, server
from tests.actions.test_pages import log_in
from tests.factories import PointOrdreDuJourFactory, PresenceFactory, UserFactory
from tests.governance.test_envois import (
    DAY,
    MINUTE,
    calendar_of,
    launched,
    meeting,
    outcomes,
    when_due,
)


@pytest.fixture
def smtp(settings):
    with server(settings, Boite()) as boite:
        yield boite


@pytest.fixture
def by():
    return UserFactory(nom="Camille Bourian", email="camille@example.org")


def move(reunion, **fields):
    form = ReunionForm(instance=reunion)
    data = {bound.html_name: bound.value() or "" for bound in form}
    debut = timezone.localtime(reunion.debut + DAY)
    form = ReunionForm(data | {"debut": f"{debut:%Y-%m-%dT%H:%M}"} | fields, instance=reunion)
    assert form.is_valid(), form.errors
    return form.save()


def test_subject_that_the_portal_wrote_follows_the_date(by):
    reunion = meeting(1)
    draft = draft_of(reunion, "convocation", by=by)

    reunion = move(reunion)

    draft.refresh_from_db()
    assert draft.objet == f"Convocation : Comité de pilotage, {date_fr(reunion.debut)}"
    Envoi.objects.filter(pk=draft.pk).update(objet=f"Venez le {date_fr(reunion.debut)}")
    former = date_fr(reunion.debut).replace("\u00a0", " ")
    reunion = move(reunion)
    draft = Envoi.objects.get(pk=draft.pk)
    # What somebody wrote stays; whoever looks at it is told.
    assert draft.objet.startswith("Venez le ")
    assert preview_of(draft, by=by).autre_jour == former


def test_answers_are_asked_again_when_the_date_moves_under_a_draft(smtp, by):
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    reunion.refresh_from_db()
    draft = draft_of(reunion, "modification", by=by)
    assert not draft.redemander

    move(reunion)

    draft.refresh_from_db()
    assert draft.redemander


def test_whoever_sends_the_next_ones_the_organiser_stays(smtp, by):
    other = UserFactory(nom="Dominique Lacan", email="dominique@example.org")
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    reunion = move(reunion)
    when_due(launched(reunion, "modification", other))
    reunion.refresh_from_db()
    reunion.move_to("annulee", by=other)
    when_due(launched(reunion, "annulation", other))

    messages = [letter(envelope) for envelope in smtp.received]
    entries = [calendar_of(message)[1] for message in messages]
    assert [entry.method.value for entry in entries] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {entry.vevent.organizer.value for entry in entries} == {"mailto:camille@example.org"}
    assert [message["Reply-To"] for message in messages] == [by.email, other.email, other.email]


def test_another_agenda_is_said_and_raises_the_revision(smtp, by):
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    reunion.refresh_from_db()
    PointOrdreDuJourFactory(reunion=reunion, intitule="Le relais")
    assert follow_up(reunion, expected_at(reunion)).change

    envoi = launched(reunion, "modification", by)

    reunion.refresh_from_db()
    assert (reunion.sequence, envoi.faits["sequence"]) == (1, 1)
    when_due(envoi)
    entries = [calendar_of(letter(envelope))[1].vevent for envelope in smtp.received]
    assert [entry.sequence.value for entry in entries] == ["0", "1"]
    assert "Le relais" in entries[1].description.value
    reunion.refresh_from_db()
    assert not follow_up(reunion, expected_at(reunion)).change
    # Said again without any change, it is no other revision.
    again = launched(reunion, "modification", by)
    assert again.faits["sequence"] == 1


def test_what_newcomers_were_told_is_not_what_the_others_know(smtp, by):
    reunion = meeting(1)
    when_due(launched(reunion, "convocation", by))
    reunion.refresh_from_db()
    reunion = move(reunion)
    PresenceFactory(reunion=reunion, email="nouvelle@example.org")
    when_due(launched(reunion, "convocation", by))

    reunion.refresh_from_db()
    assert follow_up(reunion, expected_at(reunion)).change
    envoi = launched(reunion, "modification", by)
    assert [row["quoi"] for row in envoi.faits["changements"]] == ["Date et heure"]


def test_a_reminder_goes_to_people_who_were_convened(smtp, by):
    reunion = meeting(1)
    with pytest.raises(TransitionError, match="pas encore convoquée"):
        draft_of(reunion, "rappel", by=by)
    when_due(launched(reunion, "convocation", by))
    PresenceFactory(reunion=reunion, email="jamais@example.org")
    reunion.refresh_from_db()
    del smtp.received[:]

    when_due(launched(reunion, "rappel", by))

    assert [envelope.rcpt_tos for envelope in smtp.received] == [["personne0@example.org"]]


def test_a_reminder_of_a_meeting_convened_on_paper_goes_to_all(smtp, by):
    reunion = meeting(1, statut="convoquee")

    when_due(launched(reunion, "rappel", by))

    assert [envelope.rcpt_tos for envelope in smtp.received] == [["personne0@example.org"]]


@pytest.mark.parametrize(
    "answer", ["450 4.2.0 Liste grise", "451 4.7.1 Trop de messages", "452 4.2.2 Pleine"]
)
def test_refused_for_now_waits_and_keeps_no_other_waiting(smtp, by, answer):
    smtp.answers = [answer]
    envoi = when_due(launched(meeting(2), "convocation", by))
    assert (envoi.statut, outcomes(envoi)) == ("en_cours", ["attente", "envoye"])
    assert envoi.destinataires.first().erreur.startswith(answer[:3])
    assert "demande d’attendre" in envoi.motif
    assert envoi.prochain_essai > timezone.now()

    when_due(envoi)

    assert (envoi.statut, outcomes(envoi)) == ("parti", ["envoye", "envoye"])
    assert [envelope.rcpt_tos for envelope in smtp.received] == [
        ["personne1@example.org"],
        ["personne0@example.org"],
    ]


def test_a_server_that_closes_is_not_spoken_to_any_more(smtp, by):
    smtp.answers = ["421 4.7.0 Fermeture"]
    envoi = when_due(launched(meeting(2), "convocation", by))

    assert (envoi.statut, outcomes(envoi)) == ("en_cours", ["attente", "attente"])


def test_refused_for_now_for_a_day_is_refused(smtp, by):
    envoi = launched(meeting(1), "convocation", by)
    smtp.answers = ["450 4.2.0 Liste grise"] * 2
    when_due(envoi)
    Envoi.objects.filter(pk=envoi.pk).update(
        updated_at=timezone.now() - ABANDON - MINUTE, prochain_essai=None
    )

    send_due.func()

    envoi.refresh_from_db()
    assert (envoi.statut, outcomes(envoi)) == ("parti", ["echec"])


def test_retry_after_the_hour_says_why_and_the_sending_stays(smtp, by, client):
    reunion = meeting(2)
    smtp.answers = ["550 5.1.1 Boîte inconnue"]
    envoi = when_due(launched(reunion, "convocation", by))
    log_in(client, reunion.convention)
    url = reverse("governance:envoi_retry", args=[reunion.convention.code, envoi.pk])
    Reunion.objects.filter(pk=reunion.pk).update(debut=timezone.now() - datetime.timedelta(hours=1))

    assert "L’heure de la réunion est passée." in client.post(url, follow=True).text

    envoi.refresh_from_db()
    assert (envoi.statut, outcomes(envoi)) == ("parti", ["echec", "envoye"])
    Reunion.objects.filter(pk=reunion.pk).update(debut=reunion.debut)
    said = "1 courriel à reprendre\u00a0: il part dans un instant."
    assert said in client.post(url, follow=True).text
    with pytest.raises(TransitionError, match="pas terminé"):
        retry(envoi, uncertain=False)


def test_a_draft_launched_meanwhile_is_not_thrown_away(by, client):
    reunion = meeting(1)
    draft = draft_of(reunion, "convocation", by=by)
    log_in(client, reunion.convention)
    url = reverse("governance:envoi_drop", args=[reunion.convention.code, draft.pk])
    launch(draft, by=by, seen=preview_of(Envoi.objects.get(pk=draft.pk), by=by).marque)

    page = client.post(url, follow=True)

    assert "Trop tard : Camille Bourian l’a lancé entre-temps." in page.text
    assert Envoi.objects.get(pk=draft.pk).statut == "programme"
    with pytest.raises(TransitionError, match="l’a lancé entre-temps"):
        draft.drop()


def test_text_of_a_message_keeps_its_signs_together(smtp, by):
    when_due(launched(meeting(1, lieu="Mairie"), "convocation", by))

    text, _ = parts_of(letter(smtp.received[0]))

    assert "Lieu\u00a0: Mairie" in text
    assert "présent·e\u00a0? Répondez" in text
    assert " :" not in text
