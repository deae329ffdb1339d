"""Words sent after the session ended come back once the same person has logged in again; a session in use is prolonged."""

import datetime

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from actions.models import Brouillon
from ctg_portal.session import OCTETS_MAX
from tests.actions.test_pages import edit_url, log_in, payload
from tests.factories import HabilitationFactory, complete_fiche

MOT_DE_PASSE = "un mot de passe assez long"


@pytest.fixture
def fiche():
    return complete_fiche(besoins="Le texte enregistré.")


@pytest.fixture
def writer(client, fiche):
    user = log_in(client, fiche.convention)
    user.set_password(MOT_DE_PASSE)
    user.save()
    client.force_login(user)
    return user


def enter(client, user, page):
    return client.post(
        page, {"login": user.email, "password": MOT_DE_PASSE, "next": page.partition("next=")[2]}, follow=True
    )


def lose_session(client, fiche, words="Trente familles."):
    """What the portal answers to a form posted after the session ended; the address of the login page."""
    url = edit_url(fiche, "contexte")
    page = client.get(url)
    data = payload(client, url) | {"besoins": words, "auteur": page.context["auteur"]}
    Session.objects.all().delete()
    answer = client.post(url, data)
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('account_login')}?next={url}"
    return answer["Location"]


def test_words_posted_too_late_come_back_after_logging_in(client, fiche, writer):
    login = lose_session(client, fiche)

    page = enter(client, writer, login)

    assert page.request["PATH_INFO"] == edit_url(fiche, "contexte")
    assert page.context["form"]["besoins"].value() == "Trente familles."
    assert "Votre session avait pris fin" in page.text
    fiche.refresh_from_db()
    assert fiche.besoins == "Le texte enregistré."


def test_words_that_came_back_are_saved_then_forgotten(client, fiche, writer):
    url = edit_url(fiche, "contexte")
    page = enter(client, writer, lose_session(client, fiche))

    client.post(url, payload(client, url))

    assert page.status_code == 200
    fiche.refresh_from_db()
    assert fiche.besoins == "Trente familles."
    assert "Votre session avait pris fin" not in client.get(url).text


def test_words_of_one_person_are_not_shown_to_the_next(client, fiche, writer):
    other = HabilitationFactory(convention=fiche.convention, role="coordination").user
    other.set_password(MOT_DE_PASSE)
    other.save()

    page = enter(client, other, lose_session(client, fiche))

    assert page.context["form"]["besoins"].value() == "Le texte enregistré."


@pytest.mark.parametrize("auteur", ["", "1", "1:faux", "é\x00"])
def test_nothing_is_kept_of_whoever_never_opened_the_form(client, fiche, auteur):
    client.post(edit_url(fiche, "contexte"), {"besoins": "Des mots.", "auteur": auteur})

    assert not Session.objects.exists()


def test_too_much_is_not_kept(client, fiche, writer):
    login = lose_session(client, fiche, "é" * (OCTETS_MAX // 2 + 1))

    page = enter(client, writer, login)

    assert page.context["form"]["besoins"].value() == "Le texte enregistré."


def test_a_draft_prolongs_the_session(client, fiche, writer):
    session = client.session
    session["prolongee_le"] = (timezone.now() - datetime.timedelta(hours=11)).timestamp()
    session.save()
    before = client.get(edit_url(fiche, "contexte")).context["session_fin"]

    client.post(
        reverse("actions:brouillon_keep", args=[fiche.convention.code, fiche.pk, "contexte"]),
        payload(client, edit_url(fiche, "contexte")),
    )

    after = client.get(edit_url(fiche, "contexte")).context["session_fin"]
    assert before - timezone.now() < datetime.timedelta(hours=1, minutes=1)
    assert after - timezone.now() > datetime.timedelta(hours=11, minutes=59)
    assert Brouillon.objects.count() == 1


def test_staying_connected_answers_the_new_end(client, fiche, writer):
    answer = client.post(reverse("session_prolong"))

    fin = datetime.datetime.fromisoformat(answer.json()["fin"])
    assert fin - timezone.now() > datetime.timedelta(hours=11, minutes=59)


def test_preview_shows_the_text_as_pages_do(client, fiche, writer):
    answer = client.post(reverse("apercu"), {"texte": "**Trente** <b>familles</b> ?"})

    assert answer.text == "<p><strong>Trente</strong> &lt;b&gt;familles&lt;/b&gt;\u202f?</p>"


def test_text_too_long_comes_back_whole(client, fiche, writer):
    url = edit_url(fiche, "contexte")

    page = client.post(url, payload(client, url) | {"besoins": "a" * 20_001})

    assert "Ce texte a 20001 signes ; il peut en avoir 20000 au plus." in page.text.replace("\xa0", " ")
    assert page.context["form"]["besoins"].value() == "a" * 20_001
