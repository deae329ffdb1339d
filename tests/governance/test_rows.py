"""Rows of an instance and notes of a meeting when two people hold the same page."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from ctg_portal.workflow import TransitionError
from governance.models import Reunion
from tests.actions.test_pages import log_in
from tests.factories import MembreInstanceFactory, ReunionFactory, UserFactory

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


@pytest.mark.parametrize("statut", ["ouverte", "tenue"])
def test_meeting_is_not_held_before_its_day(statut):
    reunion = ReunionFactory(statut="convoquee", debut=timezone.now() + datetime.timedelta(days=2))

    with pytest.raises(TransitionError, match="La réunion a lieu le"):
        reunion.move_to(statut, by=UserFactory())
