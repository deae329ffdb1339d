"""Rows of an instance and notes of a meeting when two people hold the same page."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from ctg_portal.workflow import TransitionError
from governance.models import Reunion
from tests.actions.test_pages import log_in
from tests.factories import MembreInstanceFactory, ReunionFactory, SignataireFactory, UserFactory

RETIREE = "Une ligne a été retirée depuis l’ouverture de cette page"


def payload(*forms):
    """What a browser would send back untouched."""
    return {
        bound.html_name: bound.value()
        for form in forms
        for bound in form
        if bound.value() not in (None, False)
    }


def test_member_removed_meanwhile_is_said(client):
    member = MembreInstanceFactory()
    convention = member.instance.convention
    log_in(client, convention)
    url = reverse("governance:instance_edit", args=[convention.code, member.instance.pk])
    form = client.get(url).context["form"]
    data = payload(form, form.membres.management_form, *form.membres)
    member.delete()

    assert RETIREE in client.post(url, data).text


def test_notes_saved_by_two_people_are_not_overwritten_unseen(client):
    reunion = ReunionFactory(statut="ouverte", notes="Début de séance.")
    log_in(client, reunion.convention)
    url = reverse("governance:reunion_notes", args=[reunion.convention.code, reunion.pk])
    data = payload(client.get(url).context["form"]) | {"notes": "Les miennes."}
    Reunion.objects.filter(pk=reunion.pk).update(notes="Celles de l’autre secrétaire.")

    refused = client.post(url, data)

    assert "Celles de l’autre secrétaire." in refused.text
    assert "Les miennes." in refused.text
    reunion.refresh_from_db()
    assert reunion.notes == "Celles de l’autre secrétaire."
    empreinte = refused.context["form"].data["empreinte"]
    assert client.post(url, data | {"empreinte": empreinte}).status_code == 302
    reunion.refresh_from_db()
    assert reunion.notes == "Les miennes."


def test_date_of_a_meeting_moved_by_two_is_not_overwritten_unseen(client):
    reunion = ReunionFactory(lieu="Cahors")
    log_in(client, reunion.convention)
    url = reverse("governance:reunion_edit", args=[reunion.convention.code, reunion.pk])
    data = payload(client.get(url).context["form"])
    moved = reunion.debut.replace(hour=9, minute=30, second=0, microsecond=0) + datetime.timedelta(days=7)
    Reunion.objects.filter(pk=reunion.pk).update(debut=moved)

    refused = client.post(url, data | {"lieu": "Figeac"})

    said = f"{timezone.localtime(moved):%d/%m/%Y à %H h %M}"
    assert f"Enregistré entre-temps : « {said} »." in refused.text
    reunion.refresh_from_db()
    assert (reunion.debut, reunion.lieu) == (moved, "Cahors")
    empreinte = refused.context["form"].data["empreinte"]
    assert client.post(url, data | {"lieu": "Figeac", "empreinte": empreinte}).status_code == 302
    reunion.refresh_from_db()
    assert (reunion.lieu, reunion.sequence) == ("Figeac", 1)


def test_members_written_by_two_are_not_overwritten_unseen(client):
    member = MembreInstanceFactory(nom="Lou", fonction="Maire")
    convention = member.instance.convention
    SignataireFactory(convention=convention, organisation=member.organisation)
    log_in(client, convention)
    url = reverse("governance:instance_edit", args=[convention.code, member.instance.pk])
    form = client.get(url).context["form"]
    data = payload(form, form.membres.management_form, *form.membres)
    member.nom = "Lia"
    member.save()

    refused = client.post(url, data)

    assert "Membres enregistrés à présent\u00a0: Lia" in refused.text
    member.refresh_from_db()
    assert member.nom == "Lia"
    empreinte = refused.context["form"].data["empreinte"]
    assert client.post(url, data | {"empreinte": empreinte}).status_code == 302
    member.refresh_from_db()
    assert member.nom == "Lou"


def test_hour_of_a_cancelled_meeting_is_free_and_that_of_another_is_not(client):
    reunion = ReunionFactory(statut="annulee")
    log_in(client, reunion.convention)
    url = reverse("governance:reunion_add", args=[reunion.convention.code, reunion.instance_id])
    data = payload(client.get(url).context["form"]) | {
        "debut": f"{timezone.localtime(reunion.debut):%Y-%m-%dT%H:%M}",
        "duree": "60",
    }
    Reunion.objects.filter(pk=reunion.pk).update(debut=reunion.debut.replace(second=0, microsecond=0))

    assert client.post(url, data).status_code == 302
    assert "a déjà une réunion à cette heure" in client.post(url, data).text
    assert Reunion.objects.count() == 2


@pytest.mark.parametrize("statut", ["ouverte", "tenue"])
def test_meeting_is_not_held_before_its_day(statut):
    reunion = ReunionFactory(statut="convoquee", debut=timezone.now() + datetime.timedelta(days=2))

    with pytest.raises(TransitionError, match="La réunion a lieu le"):
        reunion.move_to(statut, by=UserFactory())
