"""Contracts that share a plan: what each carries, and choosing it in one go."""

import pytest
from django.urls import reverse

from actions.models import FicheAction
from actions.models.progression import progress_of_contrats
from actions.operations import carry_fiches
from conventions.models import Convention
from tests.factories import (
    AxeFactory,
    ConventionFactory,
    FicheActionFactory,
    FinancementFactory,
    HabilitationFactory,
    OrganisationFactory,
    PlanActionsFactory,
    SignataireFactory,
    UserFactory,
)
from tests.world import build_world


@pytest.fixture
def world():
    return build_world()


@pytest.fixture
def contrat(world):
    return world.objects["contrat"]


@pytest.fixture
def coordination(client, world):
    client.force_login(world.people["coordination"])
    return client


def address(name, world, *args):
    return reverse(f"actions:{name}", args=[world.convention.code, *args])


def choose(client, path, *ticked, shown=None):
    shown = client.get(path).context["form"].initial["montrees"] if shown is None else shown
    return client.post(path, {"montrees": shown, "fiches": [fiche.pk for fiche in ticked]}, follow=True)


def carried(contrat):
    return set(contrat.fiches_partagees.values_list("code", flat=True))


def test_progress_of_contrats_counts_shared_and_own_fiches(world, contrat):
    own = PlanActionsFactory(convention=contrat)
    FicheActionFactory(axe=AxeFactory(plan=own), avancement="realisee")
    empty = ConventionFactory(nature="pedt", principale=world.convention)

    found = progress_of_contrats(FicheAction.objects.actives(), [contrat, empty])

    assert (found[contrat.pk].counts, found[contrat.pk].late) == ({"realisee": 1, "a_venir": 1}, 1)
    assert found[empty.pk].total == 0


def test_contrats_du_plan_from_the_ctg_or_from_one_of_them(world, contrat):
    ConventionFactory(nature="gmr", principale=ConventionFactory())

    for convention in (world.convention, contrat):
        assert list(Convention.objects.contrats_du_plan(convention)) == [contrat]


def test_contract_of_another_ctg_is_not_found(coordination, world):
    other = ConventionFactory(nature="gmr", principale=ConventionFactory())

    assert coordination.get(address("contrat", world, other.pk)).status_code == 404
    assert coordination.get(address("contrat_fiches", world, other.pk)).status_code == 404


def test_choosing_attaches_and_detaches_in_one_go(coordination, world, contrat):
    path = address("contrat_fiches", world, contrat.pk)
    before = FicheAction.objects.order_by("pk").values()[:]
    kept = list(before)

    response = choose(coordination, path, world.objects["en_relecture"], world.objects["validee"])

    assert "2 fiches ajoutées et 1 fiche retirée." in response.text.replace("\xa0", " ")
    assert carried(contrat) == {"1.1.2", "1.1.3"}
    # Nothing else of the fiches changed.
    assert list(FicheAction.objects.order_by("pk").values()) == kept


def test_choosing_the_same_twice_changes_nothing(coordination, world, contrat):
    path = address("contrat_fiches", world, contrat.pk)

    response = choose(coordination, path, world.fiche)

    assert "Rien n’a changé" in response.text
    assert carried(contrat) == {"1.1.1"}


def test_filtered_list_leaves_the_hidden_fiches_alone(coordination, world, contrat):
    path = address("contrat_fiches", world, contrat.pk) + "?redaction=validee"

    choose(coordination, path, world.objects["validee"])

    assert carried(contrat) == {"1.1.1", "1.1.3"}


def test_fiche_added_since_the_page_was_opened_is_not_detached(coordination, world, contrat):
    path = address("contrat_fiches", world, contrat.pk)
    shown = coordination.get(path).context["form"].initial["montrees"]
    late = FicheActionFactory(axe=world.objects["axe"], code="1.1.9")
    contrat.fiches_partagees.add(late)

    choose(coordination, path, world.fiche, shown=shown)

    assert carried(contrat) == {"1.1.1", "1.1.9"}


@pytest.mark.parametrize("shown", ["999999", "un,deux"])
def test_list_that_changed_is_refused(coordination, world, contrat, shown):
    path = address("contrat_fiches", world, contrat.pk)

    response = choose(coordination, path, shown=shown)

    assert "rien n’est enregistré" in response.text
    assert carried(contrat) == {"1.1.1"}


def test_fiche_of_another_plan_is_refused(coordination, world, contrat):
    stranger = FicheActionFactory()

    response = choose(coordination, address("contrat_fiches", world, contrat.pk), world.fiche, stranger)

    assert "n’est plus dans cette liste" in response.text
    assert carried(contrat) == {"1.1.1"}


def test_closed_contract_is_read_only(coordination, world, contrat):
    Convention.objects.filter(pk=contrat.pk).update(statut="close")

    assert coordination.get(address("contrat_fiches", world, contrat.pk)).status_code == 403
    assert "Choisir les fiches" not in coordination.get(address("contrat", world, contrat.pk)).text


def test_confidential_fiche_is_neither_shown_nor_detached(client, world, contrat):
    FicheAction.objects.filter(pk=world.fiche.pk).update(confidentielle=True)
    client.force_login(world.people["lecture"])

    assert "Ouvrir un relais itinérant" not in client.get(address("contrat", world, contrat.pk)).text


def test_whoever_follows_the_contract_alone_is_sent_to_its_report(client, world, contrat):
    user = UserFactory()
    HabilitationFactory(user=user, convention=contrat, role="lecture")
    client.force_login(user)

    page = client.get(reverse("actions:contrat", args=[contrat.code, contrat.pk])).text
    report = client.get(reverse("governance:contrat_rapport", args=[contrat.code, contrat.pk])).text

    assert "le rapport du contrat reprend" in page
    assert ("Ouvrir un relais itinérant" in page, "Ouvrir un relais itinérant" in report) == (False, True)


def test_carry_fiches_says_what_changed(world, contrat):
    by = world.people["coordination"]

    said = carry_fiches(contrat=contrat, attach=[], detach=[world.fiche], by=by)

    assert said.endswith("1 fiche retirée.")


def fill(world, contrat, number):
    for _ in range(number):
        fiche = FicheActionFactory(axe=AxeFactory(plan=world.plan))
        contrat.fiches_partagees.add(fiche)
        SignataireFactory(convention=contrat, organisation=OrganisationFactory())
        FinancementFactory(convention=contrat)
        other = ConventionFactory(nature="pedt", principale=world.convention)
        SignataireFactory(convention=other, organisation=OrganisationFactory())
    contrat.habilitations.create(user=world.people["coordination"], role="lecture")


# Two of them are the savepoint of the request.
@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(("name", "queries"), [("contrats", 11), ("contrat", 13), ("contrat_fiches", 13)])
def test_same_queries_whatever_the_number(
    coordination, django_assert_num_queries, world, contrat, name, queries, number
):
    fill(world, contrat, number)
    path = address(name, world, *([] if name == "contrats" else [contrat.pk]))

    with django_assert_num_queries(queries):
        coordination.get(path)
