"""People who were convened and are no longer expected: the meeting leaves their calendar too."""

import pytest
from django.urls import reverse

from ctg_portal.workflow import TransitionError
from governance.brouillons import draft_of
from governance.convocations import prepare_presences
from governance.forms.envois import EnvoiForm
from governance.suivi import expected_at, follow_up
from tests.actions.test_lettres import Boite, letter, parts_of, server
from tests.actions.test_pages import log_in
from tests.factories import PresenceFactory, UserFactory
from tests.governance.test_envois import calendar_of, launched, meeting, outcomes, when_due


@pytest.fixture
def smtp(settings):
    with server(settings, Boite()) as boite:
        yield boite


@pytest.fixture
def by():
    return UserFactory(nom="Camille Bourian", email="camille@example.org")


def gone(reunion):
    reunion.refresh_from_db()
    return [person.email for person in follow_up(reunion, expected_at(reunion)).partis]


def test_whoever_was_convened_and_taken_away_gets_a_cancel_once(smtp, by, client):
    reunion = meeting(2)
    when_due(launched(reunion, "convocation", by))
    presence = reunion.presences.get(email="personne0@example.org")
    log_in(client, reunion.convention)
    removed = client.post(
        reverse("governance:presence_remove", args=[reunion.convention.code, presence.pk]), follow=True
    )
    assert "Une personne convoquée n’est plus attendue" in removed.text
    assert "Prévenir qui n’est plus attendu" in removed.text
    assert gone(reunion) == ["personne0@example.org"]
    closed = client.get(reverse("governance:reponse", args=[presence.cle]))
    assert closed.status_code == 404
    assert "n’est plus attendue à la réunion" in closed.text
    assert closed.headers["Cache-Control"] == "private, no-store"
    del smtp.received[:]

    draft = draft_of(reunion, "annulation", by=by)
    assert [choice[0] for choice in EnvoiForm(instance=draft).fields["portee"].choices] == ["partis"]
    shown = client.get(draft.get_absolute_url()).text
    assert "personne0@example.org" in shown
    assert "Retrait de la liste" in shown
    envoi = when_due(launched(reunion, "annulation", by))

    (envelope,) = smtp.received
    assert (envelope.rcpt_tos, outcomes(envoi)) == (["personne0@example.org"], ["envoye"])
    message = letter(envelope)
    assert message["Subject"].strip().startswith("Vous n’êtes plus attendu·e")
    for words in parts_of(message):
        assert "Vous n’êtes plus attendu·e à la réunion suivante" in words
        assert "annulée" not in words
    _, calendar = calendar_of(message)
    assert calendar.method.value == "CANCEL"
    assert [row.value for row in calendar.vevent.attendee_list] == ["mailto:personne0@example.org"]
    assert gone(reunion) == []
    with pytest.raises(TransitionError, match="n’est pas annulée"):
        draft_of(reunion, "annulation", by=by)


def test_replaced_at_the_same_address_keeps_the_meeting(smtp, by):
    reunion = meeting(2)
    when_due(launched(reunion, "convocation", by))
    for rang, membre in enumerate(reunion.instance.membres.all()):
        membre.nom = "Nouvelle Maire"
        membre.email = membre.email if rang else "autre@example.org"
        membre.save()

    prepare_presences(reunion)

    assert gone(reunion) == ["personne0@example.org"]


def test_expected_again_in_the_window_is_left_alone(smtp, by):
    reunion = meeting(2)
    when_due(launched(reunion, "convocation", by))
    reunion.presences.get(email="personne0@example.org").delete()
    envoi = launched(reunion, "annulation", by)
    PresenceFactory(reunion=reunion, email="Personne0@example.org")
    del smtp.received[:]

    when_due(envoi)

    assert (smtp.received, outcomes(envoi)) == ([], ["arrete"])


def test_a_cancelled_meeting_is_told_to_those_who_left_too(smtp, by):
    reunion = meeting(2)
    when_due(launched(reunion, "convocation", by))
    reunion.presences.get(email="personne0@example.org").delete()
    draft = draft_of(reunion, "annulation", by=by)
    reunion.refresh_from_db()
    reunion.move_to("annulee", by=by)
    assert follow_up(reunion, expected_at(reunion)).annulation_a_dire
    del smtp.received[:]

    envoi = when_due(launched(reunion, "annulation", by))

    assert envoi == draft
    assert envoi.objet.startswith("Annulation")
    assert sorted(envelope.rcpt_tos[0] for envelope in smtp.received) == [
        "personne0@example.org",
        "personne1@example.org",
    ]
