"""Meetings month by month, and people who are expected at two of them."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from governance.conflits import conflicts_of, in_conflict
from governance.models import Instance, Reunion
from governance.mois import Mois
from tests.actions.test_pages import log_in
from tests.factories import (
    HabilitationFactory,
    InstanceFactory,
    MembreInstanceFactory,
    OrganisationFactory,
    PresenceFactory,
    ReunionFactory,
    UserFactory,
)

PAGE = reverse("governance:calendrier")
DEBUT = timezone.now().replace(hour=13, minute=0, second=0, microsecond=0) + datetime.timedelta(days=20)


def held(start, *, minutes=60, **fields):
    return ReunionFactory(debut=start, duree=minutes, **fields)


@pytest.fixture
def caf():
    return OrganisationFactory(nom="CAF du Lot")


@pytest.mark.parametrize(
    ("decalage", "attendu"), [(0, True), (59, True), (60, False), (-60, False), (-59, True)]
)
def test_two_meetings_of_one_person_conflict_while_both_run(caf, decalage, attendu):
    ici, ailleurs = held(DEBUT), held(DEBUT + datetime.timedelta(minutes=decalage))
    # Meetings of other years of the two instances run at other times.
    for reunion in (ici, ailleurs):
        MembreInstanceFactory(instance=reunion.instance, organisation=caf, nom="Dominique Lacan")
        held(DEBUT - datetime.timedelta(days=365), instance=reunion.instance)
    user = HabilitationFactory(convention=ici.convention, role="coordination").user

    found = conflicts_of(ici, user)

    assert [conflit.debut for conflit in found] == [ailleurs.debut] * attendu
    pair = Reunion.objects.filter(pk__in=[ici.pk, ailleurs.pk])
    assert bool(in_conflict(pair)) is attendu


def test_people_listed_for_a_meeting_are_those_expected_at_it(caf):
    ici, ailleurs = held(DEBUT), held(DEBUT)
    for reunion in (ici, ailleurs):
        MembreInstanceFactory(instance=reunion.instance, organisation=caf, nom="Dominique Lacan")
    # Somebody else sat there when it was convened, and a guest comes to both.
    PresenceFactory(reunion=ailleurs, organisation=caf, nom="Ancien Siège")
    for reunion, email in ((ici, "guide@example.org"), (ailleurs, "Guide@example.org")):
        PresenceFactory(reunion=reunion, nom="Ana Guide", email=email, qualite="invite", voix="aucune")
    user = HabilitationFactory(convention=ici.convention, role="coordination").user

    assert [conflit.personne for conflit in conflicts_of(ici, user)] == ["Ana Guide"]
    assert in_conflict([ici, ailleurs]) == {ici.pk: {"Ana Guide"}, ailleurs.pk: {"Ana Guide"}}


def test_conflict_tells_nothing_of_a_convention_the_reader_does_not_follow(caf):
    ici, ailleurs = held(DEBUT), held(DEBUT)
    person = UserFactory(nom="Dominique Lacan")
    MembreInstanceFactory(instance=ici.instance, organisation=caf, user=person)
    MembreInstanceFactory(instance=ailleurs.instance, user=person)
    user = HabilitationFactory(convention=ici.convention, role="coordination").user

    (blind,) = conflicts_of(ici, user)

    assert (blind.personne, blind.ailleurs, blind.url) == ("Dominique Lacan", "", "")
    HabilitationFactory(convention=ailleurs.convention, user=user, role="lecture")
    user = type(user).objects.get(pk=user.pk)
    (seen,) = conflicts_of(ici, user)
    assert seen.url == ailleurs.get_absolute_url()


def test_seats_without_a_name_and_cancelled_meetings_conflict_with_nobody(caf):
    ici, ailleurs, annulee = held(DEBUT), held(DEBUT), held(DEBUT, statut="annulee")
    for reunion in (ici, ailleurs):
        MembreInstanceFactory(instance=reunion.instance, organisation=caf)
    for reunion in (ici, annulee):
        MembreInstanceFactory(instance=reunion.instance, organisation=caf, nom="Dominique Lacan")
    user = HabilitationFactory(convention=ici.convention, role="coordination").user

    assert conflicts_of(ici, user) == []


@pytest.mark.parametrize(
    ("texte", "attendu"),
    [("2026-12", "2026-12"), ("2026-13", None), ("", None), ("1899-01", None), ("\u0662026-12", None)],
)
def test_month_of_the_address_is_read_or_today_s_is_shown(texte, attendu):
    assert str(Mois.read(texte)) == (attendu or f"{timezone.localdate():%Y-%m}")


def test_months_follow_each_other():
    assert str(Mois.read("2026-12").apres) == "2027-01"
    assert str(Mois.read("2026-03").avant) == "2026-02"


def test_calendar_shows_the_meetings_of_every_convention_of_the_visitor(
    client, caf, django_assert_max_num_queries
):
    ici = held(DEBUT)
    user = log_in(client, ici.convention)
    autre = held(DEBUT, statut="annulee", instance=InstanceFactory(nature="cotech"))
    held(DEBUT)
    HabilitationFactory(convention=autre.convention, user=user, role="relecture")
    meme = held(DEBUT + datetime.timedelta(minutes=30), instance=InstanceFactory(convention=ici.convention))
    for reunion in (ici, meme):
        MembreInstanceFactory(instance=reunion.instance, organisation=caf, nom="Dominique Lacan")
    Instance.objects.filter(pk=meme.instance_id).update(nature="groupe_travail")

    with django_assert_max_num_queries(10):
        page = client.get(f"{PAGE}?mois={DEBUT:%Y-%m}")

    assert "3 réunions ce mois-ci" in page.text
    assert page.text.count("Attendu·e ailleurs : Dominique Lacan") == 2
    assert "annulée" in page.text
    assert "Aucune réunion ce mois-ci" in client.get(f"{PAGE}?mois=2031-06").text
    assert "1 réunion ce mois-ci" in client.get(f"{PAGE}?mois={DEBUT:%Y-%m}&nature=cotech").text
    filtered = client.get(f"{PAGE}?mois={DEBUT:%Y-%m}&nature=groupe_travail").text
    assert filtered.count("Attendu·e ailleurs : Dominique Lacan") == 1
    assert client.get(f"{PAGE}?mois=<b>&nature=<b>").status_code == 200
    assert "Attendu·es ailleurs" in client.get(ici.get_absolute_url()).text
