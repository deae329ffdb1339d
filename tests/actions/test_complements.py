"""« À compléter » opens the sections it names and locks the others, wherever a text can be written."""

import pytest
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, complements_of, open_section
from ctg_portal.workflow import TransitionError
from tests.actions.test_pages import edit_url, log_in, payload
from tests.factories import UserFactory, complete_fiche


@pytest.fixture
def fiche():
    fiche = complete_fiche()
    fiche.submit(by=UserFactory())
    fiche.ask_completion(by=UserFactory(nom="Claude S."), motif="Qui paie ?", sections=["moyens", "suivi"])
    return fiche


def states(fiche):
    complements = complements_of(FicheAction.objects.get(pk=fiche.pk))
    return {name: complements.is_locked(name) for name in ("identite", "contexte", "moyens", "suivi")}


def test_named_sections_are_open_and_the_others_locked(fiche):
    assert states(fiche) == {"identite": True, "contexte": True, "moyens": False, "suivi": False}


def test_no_section_named_opens_the_whole_fiche():
    fiche = complete_fiche()
    fiche.submit(by=UserFactory())
    fiche.ask_completion(by=UserFactory(), motif="Tout est à revoir.")

    assert set(states(fiche).values()) == {False}


def test_locked_section_refuses_a_page_a_save_and_says_why(client, fiche):
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="brouillon")
    log_in(client, fiche.convention)
    url = edit_url(fiche, "contexte")
    data = payload(client, url) | {"besoins": "Tapé avant le verrou."}
    FicheAction.objects.filter(pk=fiche.pk).update(redaction="a_completer")

    asked = client.get(url, follow=True)
    posted = client.post(url, data)
    kept = client.post(f"{url}brouillon/", data)

    sentence = "La rubrique « Contexte » est verrouillée"
    assert sentence in str(next(iter(asked.context["messages"])))
    assert sentence in posted.text
    assert "La coordination ou la CAF peut l’ouvrir" in posted.text
    assert "Tapé avant le verrou." in posted.text
    assert kept.text.startswith("Brouillon gardé")
    assert sentence in kept.text
    fiche.refresh_from_db()
    assert fiche.besoins == "Vingt familles sans mode de garde."


def test_open_section_is_saved_and_then_completed(client, fiche):
    me = log_in(client, fiche.convention)
    url = edit_url(fiche, "moyens")

    client.post(url, payload(client, url) | {"moyens_humains": "Une animatrice."})

    ligne = complements_of(FicheAction.objects.get(pk=fiche.pk)).of("moyens")
    assert ligne.completee_par == me
    page = client.get(fiche.get_absolute_url()).text
    assert f"Complétée par {me}" in page
    assert "Qui paie" in page


def test_follow_up_goes_on(client, fiche):
    log_in(client, fiche.convention)
    code = fiche.convention.code

    found = [
        client.get(reverse(f"actions:{route}", args=[code, fiche.pk])).status_code
        for route in ("etapes_edit", "note_add", "fiche_avancement")
    ]

    assert found == [200, 200, 200]
    assert client.get(edit_url(fiche, "suivi")).status_code == 200


@pytest.mark.parametrize("role", ["coordination", "relecture"])
def test_another_section_is_opened_later(client, fiche, role):
    me = log_in(client, fiche.convention, role)
    path = reverse("actions:section_open", args=[fiche.convention.code, fiche.pk, "contexte"])

    done = client.post(path, follow=True)
    again = client.post(path)

    assert "La rubrique « Contexte » est ouverte." in done.text
    assert "est déjà ouverte" in again.text
    assert complements_of(FicheAction.objects.get(pk=fiche.pk)).of("contexte").par == me
    assert states(fiche)["contexte"] is False


def test_pilote_does_not_open_a_section(client, fiche):
    pilote = log_in(client, fiche.convention, "redaction")
    fiche.pilotes.create(user=pilote)
    path = reverse("actions:section_open", args=[fiche.convention.code, fiche.pk, "contexte"])

    assert client.post(path).status_code == 403
    assert client.get(edit_url(fiche, "moyens")).status_code == 200


@pytest.mark.parametrize("section", ["etapes", "nimporte"])
def test_section_that_is_none_is_not_found(client, fiche, section):
    log_in(client, fiche.convention)

    path = reverse("actions:section_open", args=[fiche.convention.code, fiche.pk, section])

    assert client.get(path).status_code == 404


def test_sent_again_and_asked_again_counts_from_the_last_demand(fiche):
    fiche.submit(by=UserFactory())
    with pytest.raises(TransitionError, match="ne s’ouvrent plus"):
        open_section(fiche, "contexte", by=UserFactory())
    fiche.ask_completion(by=UserFactory(), motif="Le public.", sections=["public"])

    assert states(fiche) == {"identite": True, "contexte": True, "moyens": True, "suivi": False}


def test_demand_of_the_caf_names_its_sections(client):
    fiche = complete_fiche()
    fiche.submit(by=UserFactory())
    log_in(client, fiche.convention, "relecture")
    path = reverse("actions:fiche_ask_completion", args=[fiche.convention.code, fiche.pk])

    hostile = client.post(path, {"motif": "Le budget.", "sections": ["secrets"]})
    client.post(path, {"motif": "Le budget.", "sections": ["moyens", "public"]})

    assert "sections" in hostile.context["form"].errors
    fiche.refresh_from_db()
    assert [ligne.section for ligne in complements_of(fiche).lignes] == ["public", "moyens"]


def test_sending_says_what_was_asked_and_not_saved(client, fiche):
    log_in(client, fiche.convention)

    page = client.get(reverse("actions:fiche_submit", args=[fiche.convention.code, fiche.pk]))

    assert [ligne.section for ligne in page.context["restantes"]] == ["moyens", "suivi"]


def test_formal_avis_may_be_asked_with_the_sending(client):
    fiche = complete_fiche()
    me = log_in(client, fiche.convention)
    path = reverse("actions:fiche_submit", args=[fiche.convention.code, fiche.pk])
    day = timezone.localdate()

    past = client.post(path, {"avis": "on", "echeance": "2020-01-01"})
    client.post(path, {"avis": "on", "echeance": day.isoformat()})

    assert "déjà passée" in past.text
    avis = fiche.avis.get()
    assert (avis.etat, avis.echeance, avis.demande_par) == ("attendu", day, me)
