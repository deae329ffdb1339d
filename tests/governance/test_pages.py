"""The lists of the room under one count of queries, whatever their length."""

import pytest
from django.urls import reverse

from governance.documents import issue_dossier
from governance.models import EffetDecision
from tests.actions.test_pages import log_in
from tests.factories import (
    AxeFactory,
    DecisionFactory,
    FicheActionFactory,
    InstanceFactory,
    MembreInstanceFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    ReunionFactory,
)

QUERIES = {"detail": 15, "register": 13, "reunion": 16, "instance": 11, "dossier_preview": 16}


@pytest.fixture
def reunion():
    return ReunionFactory(statut="ouverte")


def fill(reunion, count):
    """``count`` instances, members, items with their fiche, and decisions that touch one."""
    axe = AxeFactory(plan=PlanActionsFactory(convention=reunion.convention))
    for number in range(count):
        fiche = FicheActionFactory(axe=axe)
        PointOrdreDuJourFactory(reunion=reunion).fiches.add(fiche)
        decision = DecisionFactory(reunion=reunion, texte=f"Décision prise {number}")
        EffetDecision.objects.create(decision=decision, fiche=fiche)
        MembreInstanceFactory(instance=reunion.instance)
        ReunionFactory(instance=InstanceFactory(convention=reunion.convention))


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("route", ["detail", "register", "reunion", "instance", "dossier_preview"])
def test_lists_do_not_grow(client, django_assert_num_queries, reunion, route, count):
    fill(reunion, count)
    log_in(client, reunion.convention)
    of = {"reunion": [reunion.pk], "dossier_preview": [reunion.pk], "instance": [reunion.instance.pk]}
    path = reverse(f"governance:{route}", args=[reunion.convention.code, *of.get(route, [])])

    with django_assert_num_queries(QUERIES[route]):
        response = client.get(path)

    assert response.text.count("Décision prise") == (0 if route in ("instance", "dossier_preview") else count)


@pytest.mark.parametrize("count", [1, 3])
def test_documents_do_not_grow(client, django_assert_num_queries, reunion, count):
    user = log_in(client, reunion.convention)
    for _ in range(count):
        issue_dossier(reunion, by=user)

    with django_assert_num_queries(8):
        response = client.get(reverse("governance:documents", args=[reunion.convention.code]))

    assert len(response.context["documents"]) == count
