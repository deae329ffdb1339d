"""Drafts: what is typed is kept for its author alone, offered again, and never becomes the saved text by itself."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from actions.models import Brouillon, FicheAction
from ctg_portal.session import OCTETS_MAX
from tests.actions.test_pages import edit_url, log_in, payload
from tests.factories import EtapeFactory, complete_fiche


@pytest.fixture
def fiche():
    return complete_fiche(besoins="Le texte enregistré.")


def keep_url(fiche, section="contexte", name="brouillon_keep"):
    return reverse(f"actions:{name}", args=[fiche.plan.convention.code, fiche.pk, section])


def type_in(client, fiche, words, section="contexte"):
    data = payload(client, edit_url(fiche, section)) | {"besoins": words}
    return client.post(keep_url(fiche, section), data)


def test_draft_is_kept_and_the_fiche_does_not_change(client, fiche):
    log_in(client, fiche.convention)

    answer = type_in(client, fiche, "Trente familles.")
    again = type_in(client, fiche, "Trente et une familles.")

    assert (answer.status_code, again.status_code) == (200, 200)
    assert answer.text.startswith("Brouillon gardé à ")
    (kept,) = Brouillon.objects.all()
    assert kept.donnees["besoins"] == ["Trente et une familles."]
    assert "csrfmiddlewaretoken" not in kept.donnees
    fiche.refresh_from_db()
    assert fiche.besoins == "Le texte enregistré."


def test_draft_is_offered_with_its_age_then_taken_up(client, fiche):
    log_in(client, fiche.convention)
    type_in(client, fiche, "Trente familles.")
    Brouillon.objects.update(updated_at=timezone.now() - datetime.timedelta(days=3))

    offered = client.get(edit_url(fiche, "contexte"))
    resumed = client.get(edit_url(fiche, "contexte") + "?brouillon=1")

    assert "il y a 3\u00a0jours" in offered.text
    assert offered.context["form"]["besoins"].value() == "Le texte enregistré."
    assert resumed.context["form"]["besoins"].value() == "Trente familles."
    assert "Ceci est votre brouillon" in resumed.text
    page = client.get(fiche.get_absolute_url()).text
    assert page.count("Reprendre le brouillon") == 1


def test_saving_ends_the_draft(client, fiche):
    log_in(client, fiche.convention)
    type_in(client, fiche, "Trente familles.")

    client.post(edit_url(fiche, "contexte"), payload(client, edit_url(fiche, "contexte") + "?brouillon=1"))

    fiche.refresh_from_db()
    assert fiche.besoins == "Trente familles."
    assert not Brouillon.objects.exists()


def test_draft_may_be_thrown_away(client, fiche):
    log_in(client, fiche.convention)
    type_in(client, fiche, "Trente familles.")
    type_in(client, fiche, "", section="modalites")

    client.post(keep_url(fiche, name="brouillon_drop"))

    assert list(Brouillon.objects.values_list("section", flat=True)) == ["modalites"]


def test_draft_taken_up_after_somebody_saved_shows_both(client, fiche):
    log_in(client, fiche.convention)
    type_in(client, fiche, "La mienne.")
    FicheAction.objects.filter(pk=fiche.pk).update(besoins="Celle de l’autre.")

    resumed = client.get(edit_url(fiche, "contexte") + "?brouillon=1")

    assert resumed.context["form"].conflict
    assert "enregistrée par quelqu’un d’autre" in resumed.text
    assert "La mienne." in resumed.text
    assert "Celle de l’autre." in resumed.text


def test_draft_holds_rows_added_on_the_page(client, fiche):
    log_in(client, fiche.convention)
    EtapeFactory(fiche=fiche, intitule="Première")
    url = reverse("actions:etapes_edit", args=[fiche.plan.convention.code, fiche.pk])
    data = payload(client, url) | {"etapes-4-intitule": "Louer le local", "etapes-TOTAL_FORMS": "5"}

    client.post(keep_url(fiche, "etapes"), data)
    resumed = client.get(url + "?brouillon=1")

    assert "Louer le local" in resumed.text
    assert client.post(url, payload(client, url + "?brouillon=1")).status_code == 302
    assert fiche.etapes.filter(intitule="Louer le local").exists()


def test_what_was_refused_is_kept(client, fiche):
    log_in(client, fiche.convention)
    url = edit_url(fiche, "calendrier")

    refused = client.post(url, payload(client, url) | {"debut": "2026-05-01", "echeance": "2020-01-01"})

    assert refused.status_code == 200
    (kept,) = Brouillon.objects.all()
    assert (kept.section, kept.donnees["echeance"]) == ("calendrier", ["2020-01-01"])
    assert client.get(url + "?brouillon=1").context["form"].errors


def test_draft_of_a_text_that_was_closed_meanwhile_is_still_kept(client, fiche):
    user = log_in(client, fiche.convention)
    data = payload(client, edit_url(fiche, "contexte")) | {"besoins": "Trente familles."}
    fiche.submit(by=user)

    answer = client.post(keep_url(fiche), data)

    assert answer.status_code == 200
    assert Brouillon.objects.get().donnees["besoins"] == ["Trente familles."]


def test_draft_is_read_by_its_author_alone(client, fiche):
    log_in(client, fiche.convention)
    type_in(client, fiche, "Un secret.")
    log_in(client, fiche.convention)

    page = client.get(edit_url(fiche, "contexte") + "?brouillon=1")
    client.post(keep_url(fiche, name="brouillon_drop"))

    assert "Un secret." not in page.text
    assert Brouillon.objects.count() == 1


def test_somebody_else_at_work_is_named_for_a_while(client, fiche):
    first = log_in(client, fiche.convention)
    type_in(client, fiche, "Je tape.")
    log_in(client, fiche.convention)
    url = edit_url(fiche, "contexte")

    now = client.get(url).text
    other_section = client.get(edit_url(fiche, "modalites")).text
    Brouillon.objects.update(updated_at=timezone.now() - datetime.timedelta(minutes=16))
    later = client.get(url).text

    assert f"{first} modifie aussi cette rubrique" in now
    assert "modifie aussi cette rubrique" not in other_section
    assert "modifie aussi cette rubrique" not in later


@pytest.mark.parametrize("words", ["é" * (OCTETS_MAX // 2 + 1), "a\x00b"])
def test_what_cannot_be_kept_is_said(client, fiche, words):
    log_in(client, fiche.convention)

    answer = client.post(keep_url(fiche), {"besoins": words})

    assert answer.status_code == 413
    assert not Brouillon.objects.exists()


@pytest.mark.parametrize("section", ["inconnue", "constructor", "x" * 300])
def test_unknown_section_is_not_found(client, fiche, section):
    log_in(client, fiche.convention)

    assert client.post(keep_url(fiche, section), {}).status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"pilotes-TOTAL_FORMS": "abc"},
        {"pilotes-TOTAL_FORMS": "1000000", "pilotes-INITIAL_FORMS": "0"},
        {"pilotes-TOTAL_FORMS": "1", "pilotes-INITIAL_FORMS": "1", "pilotes-0-id": "-1"},
    ],
)
def test_draft_that_no_browser_sent_is_offered_with_errors(client, fiche, data):
    log_in(client, fiche.convention)

    client.post(keep_url(fiche, "equipe"), data)

    assert client.get(edit_url(fiche, "equipe") + "?brouillon=1").status_code == 200


def test_draft_goes_with_its_author(client, fiche):
    user = log_in(client, fiche.convention)
    type_in(client, fiche, "Trente familles.")
    with pytest.raises(IntegrityError, match="brouillon_unique"), transaction.atomic():
        Brouillon.objects.create(user=user, fiche=fiche, section="contexte", donnees={})

    fiche.plan.convention.habilitations.filter(user=user).delete()

    assert not Brouillon.objects.visible_to(user).exists()
