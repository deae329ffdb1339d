import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from ctg_portal.accueil import a_faire, instances_a_reunir, portfolio
from governance.models import Reunion
from tests.factories import (
    ConventionFactory,
    FicheActionFactory,
    FinancementFactory,
    HabilitationFactory,
    InstanceFactory,
    PlanActionsFactory,
    ReunionFactory,
    SignataireFactory,
    UserFactory,
)
from tests.world import build_world


@pytest.mark.parametrize("number", [1, 3])
def test_portfolio_query_count(django_assert_num_queries, number):
    user = UserFactory()
    for _ in range(number):
        convention = ConventionFactory()
        HabilitationFactory(user=user, convention=convention, role="relecture")
        FicheActionFactory(axe__plan=PlanActionsFactory(convention=convention))
        InstanceFactory(convention=convention)
        FinancementFactory(convention=convention)

    with django_assert_num_queries(5):  # conventions, fiches, COPIL, money, roles
        lines = portfolio(user)

    assert [(line.fiches, line.copil_tenus, line.copil_minimum) for line in lines] == [(1, 0, 1)] * number


def test_portfolio_through_an_organisation_covers_what_it_signs():
    caf = SignataireFactory().organisation
    SignataireFactory(organisation=caf)
    adviser = HabilitationFactory(convention=None, organisation=caf, role="relecture").user

    assert len(portfolio(adviser)) == 2


def test_portfolio_money_is_that_of_the_last_exercice():
    convention = ConventionFactory()
    user = HabilitationFactory(convention=convention).user
    FinancementFactory(convention=convention, exercice=2023, verse="10.25")
    FinancementFactory(convention=convention, exercice=2024, verse="20.10")
    FinancementFactory(convention=convention, exercice=2024, verse="0.05")

    (line,) = portfolio(user)

    assert (line.exercice, str(line.verse)) == (2024, "20.15")


def test_a_faire_of_the_adviser_is_what_is_to_be_read():
    world = build_world()

    lines = a_faire(world.people["relecture"], world.convention, frozenset({"relecture"}))

    assert [(line["count"], line["text"]) for line in lines] == [(1, "fiche à relire")]


def test_a_faire_of_a_pilote_counts_only_what_they_pilot():
    world = build_world()
    FicheActionFactory(axe=world.objects["axe"], redaction="a_completer")

    lines = a_faire(world.people["redaction"], world.convention, frozenset({"redaction"}))

    assert [(line["count"], line["text"]) for line in lines] == [
        (1, "fiche en retard"),
        (1, "fiche en brouillon"),
    ]


def test_a_yearly_minimum_not_reached_is_said():
    instance = InstanceFactory(minimum_annuel=2)
    ReunionFactory(instance=instance, statut=Reunion.Statut.TENUE, debut=timezone.now())

    (line,) = instances_a_reunir(instance.convention)

    assert (line.instance, line.manque, line.prochaine) == (instance, 1, None)


def test_a_meeting_of_another_year_does_not_count():
    instance = InstanceFactory()
    ReunionFactory(
        instance=instance, statut=Reunion.Statut.TENUE, debut=timezone.now() - datetime.timedelta(days=366)
    )

    assert len(instances_a_reunir(instance.convention)) == 1


def test_nothing_is_watched_once_the_convention_is_over():
    convention = ConventionFactory(debut=datetime.date(2015, 1, 1))
    InstanceFactory(convention=convention)

    assert instances_a_reunir(convention) == []


def test_home_leads_straight_to_a_single_convention(client):
    habilitation = HabilitationFactory()
    client.force_login(habilitation.user)

    response = client.get(reverse("home"))

    assert response.headers["Location"] == reverse("convention_home", args=[habilitation.convention.code])


def test_home_of_somebody_without_territory_says_what_to_do(client):
    client.force_login(UserFactory())

    assert "Aucun territoire pour l’instant" in client.get(reverse("home")).text
