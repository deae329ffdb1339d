"""The tree of a plan of hundreds of fiches: its branches are counted, and read when they are opened."""

import pytest
from django.urls import reverse

from actions.models import FicheAction
from actions.views.arbre import PREMIERES, TOUT
from tests.factories import AxeFactory, HabilitationFactory, ObjectifFactory, PlanActionsFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(client):
    """An axe with three fiches of its own and an objectif with too many of them; somebody reads it, logged in."""
    made = PlanActionsFactory()
    axe = AxeFactory(plan=made, code="1")
    objectif = ObjectifFactory(axe=axe, code="1.1")
    FicheAction.objects.bulk_create(
        FicheAction(
            plan=made,
            axe=axe,
            objectif=None if rank < 3 else objectif,
            ordre=rank,
            code=f"F{rank}",
            intitule=f"Fiche {rank}",
            avancement="en_cours" if rank % 2 else "a_venir",
        )
        for rank in range(TOUT + 1)
    )
    client.force_login(HabilitationFactory(convention=made.convention, role="coordination").user)
    return made


def tree(client, plan, **query):
    return client.get(reverse("actions:plan", args=[plan.convention.code]), query)


def leaves(page):
    """[(key, total, codes shown)] of each branch, the objectifs after their axe."""
    found = []
    for _, _, own, objectifs in page.context["branches"]:
        found += [own, *(feuillage for _, _, feuillage in objectifs)]
    return [(row.cle, row.total, [fiche.code for fiche in row.fiches]) for row in found]


def test_a_long_tree_reads_the_branch_that_is_opened(client, plan):
    axe, objectif = plan.axes.get(), plan.axes.get().objectifs.get()

    closed = tree(client, plan)
    opened = tree(client, plan, ouvert=f"objectif-{objectif.pk}")

    assert leaves(closed) == [(f"axe-{axe.pk}", 3, []), (f"objectif-{objectif.pk}", TOUT - 2, [])]
    assert f"Voir ses {TOUT - 2} fiches ici" in closed.text
    assert leaves(opened) == [
        (f"axe-{axe.pk}", 3, []),
        (f"objectif-{objectif.pk}", TOUT - 2, [f"F{rank}" for rank in range(3, 3 + PREMIERES)]),
    ]
    assert f"Encore {TOUT - 2 - PREMIERES} dans le tableau." in opened.text
    # The rest is where the link says.
    rest = client.get(opened.context["branches"][0][3][0][2].url)
    assert rest.context["page_obj"].paginator.count == TOUT - 2
    own = client.get(opened.context["branches"][0][2].url)
    assert [fiche.code for fiche in own.context["fiches"]] == ["F0", "F1", "F2"]


def test_a_filter_that_keeps_few_fiches_shows_them_all(client, plan):
    page = tree(client, plan, avancement="en_cours", ouvert="nulle-part")

    assert [len(codes) for _, _, codes in leaves(page)] == [1, TOUT // 2 - 1]
    assert "Voir ses" not in page.text
