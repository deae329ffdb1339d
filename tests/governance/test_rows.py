"""Rows of an agenda and of an instance when two people hold the same page."""

from django.urls import reverse

from governance.models import PointOrdreDuJour
from tests.actions.test_pages import log_in
from tests.factories import MembreInstanceFactory, PointOrdreDuJourFactory

RETIREE = "Une ligne a été retirée depuis l’ouverture de cette page"


def payload(*forms):
    """What a browser would send back untouched."""
    return {
        bound.html_name: bound.value()
        for form in forms
        for bound in form
        if bound.value() not in (None, False)
    }


def test_agenda_row_removed_meanwhile_is_said_and_nothing_is_lost(client):
    kept = PointOrdreDuJourFactory(intitule="Bilan")
    removed = PointOrdreDuJourFactory(reunion=kept.reunion)
    convention = kept.reunion.convention
    log_in(client, convention)
    url = reverse("governance:agenda_edit", args=[convention.code, kept.reunion.pk])
    points = client.get(url).context["form"].points
    data = payload(points.management_form, *points) | {"points-0-intitule": "Bilan de l’année"}
    removed.delete()

    response = client.post(url, data)

    assert RETIREE in response.text
    assert "Bilan de l’année" in response.text
    assert [point.intitule for point in PointOrdreDuJour.objects.all()] == ["Bilan"]


def test_member_removed_meanwhile_is_said(client):
    member = MembreInstanceFactory()
    convention = member.instance.convention
    log_in(client, convention)
    url = reverse("governance:instance_edit", args=[convention.code, member.instance.pk])
    form = client.get(url).context["form"]
    data = payload(form, form.membres.management_form, *form.membres)
    member.delete()

    assert RETIREE in client.post(url, data).text
