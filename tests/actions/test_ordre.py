"""Putting the plan in order: every move by a button or a drag, two people at once, and taking it back."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from actions.models import FicheAction, Objectif
from actions.models.ordre import Contenant, Ordre, Place, PlanMovedError, move_in_plan
from ctg_portal.workflow import TransitionError
from tests.factories import (
    AxeFactory,
    FicheActionFactory,
    HabilitationFactory,
    ObjectifFactory,
    PlanActionsFactory,
    UserFactory,
)


def build_plan():
    """Axe 1 (fiche D; objectif 1.1: A, B; objectif 1.2: empty), axe 2 (objectif 2.1: C)."""
    plan = PlanActionsFactory()
    un, deux = (AxeFactory(plan=plan, code=code, ordre=rank) for rank, code in enumerate("12"))
    objectifs = {
        code: ObjectifFactory(axe=axe, code=code, ordre=rank)
        for axe, code, rank in ((un, "1.1", 0), (un, "1.2", 1), (deux, "2.1", 0))
    }
    for code, axe, objectif, rank in (
        ("D", un, None, 0),
        ("A", un, "1.1", 0),
        ("B", un, "1.1", 1),
        ("C", deux, "2.1", 0),
    ):
        FicheActionFactory(axe=axe, objectif=objectifs.get(objectif), code=code, ordre=rank)
    return plan


def shown(plan):
    """« 1: D | 1.1: A B | … », as the plan shows it."""
    fiches = list(FicheAction.objects.filter(plan=plan).actives().order_by("ordre", "pk"))
    lines = []
    for axe in plan.axes.all():
        lines.append((axe.code, [f.code for f in fiches if f.axe_id == axe.pk and f.objectif_id is None]))
        lines += [
            (objectif.code, [f.code for f in fiches if f.objectif_id == objectif.pk])
            for objectif in axe.objectifs.all()
        ]
    return " | ".join(f"{code}: {' '.join(found)}".strip() for code, found in lines)


START = "1: D | 1.1: A B | 1.2: | 2: | 2.1: C"


def open_page(client, plan):
    client.force_login(HabilitationFactory(convention=plan.convention, role="coordination").user)
    url = reverse("actions:organiser", args=[plan.convention.code])
    return url, client.get(url).context["empreinte"]


def fiche(code):
    return FicheAction.objects.get(code=code)


def objectif(code):
    return Objectif.objects.get(code=code)


@pytest.mark.parametrize(
    ("geste", "expected"),
    [
        (lambda p: f"fiche-{fiche('B').pk}:haut", "1: D | 1.1: B A | 1.2: | 2: | 2.1: C"),
        (lambda p: f"fiche-{fiche('A').pk}:haut", "1: D A | 1.1: B | 1.2: | 2: | 2.1: C"),
        (lambda p: f"fiche-{fiche('B').pk}:bas", "1: D | 1.1: A | 1.2: B | 2: | 2.1: C"),
        (lambda p: f"fiche-{fiche('C').pk}:haut", "1: D | 1.1: A B | 1.2: | 2: C | 2.1:"),
        (lambda p: f"fiche-{fiche('D').pk}:bas", "1: | 1.1: D A B | 1.2: | 2: | 2.1: C"),
        (
            lambda p: f"fiche-{fiche('D').pk}:dans:objectif-{objectif('2.1').pk}:{fiche('C').pk}",
            "1: | 1.1: A B | 1.2: | 2: | 2.1: C D",
        ),
        (
            lambda p: f"fiche-{fiche('C').pk}:dans:axe-{p.axes.first().pk}:",
            "1: C D | 1.1: A B | 1.2: | 2: | 2.1:",
        ),
        (lambda p: f"objectif-{objectif('1.1').pk}:bas", "1: D | 1.2: | 1.1: A B | 2: | 2.1: C"),
        (lambda p: f"objectif-{objectif('2.1').pk}:haut", "1: D | 1.1: A B | 1.2: | 2.1: C | 2:"),
        (
            lambda p: f"objectif-{objectif('1.1').pk}:dans:axe-{p.axes.last().pk}:",
            "1: D | 1.2: | 2: | 1.1: A B | 2.1: C",
        ),
        (lambda p: f"axe-{p.axes.last().pk}:haut", "2: | 2.1: C | 1: D | 1.1: A B | 1.2:"),
    ],
)
def test_every_move_and_its_undo(client, geste, expected):
    plan = build_plan()
    url, empreinte = open_page(client, plan)

    page = client.post(url, {"geste": geste(plan), "empreinte": empreinte}, follow=True)

    assert shown(plan) == expected
    # Each row stays where its axe says: the database holds the three columns together.
    assert {f.axe.plan_id for f in FicheAction.objects.all()} == {plan.pk}
    undo = page.context["dernier"]["geste"]
    client.post(url, {"geste": undo, "empreinte": page.context["empreinte"]})
    assert shown(plan) == START


@pytest.mark.parametrize(
    ("geste", "sentence"),
    [
        (lambda: f"fiche-{fiche('D').pk}:haut", "déjà la première du plan"),
        (lambda: f"fiche-{fiche('C').pk}:bas", "déjà la dernière du plan"),
        (lambda: f"fiche-{fiche('A').pk}:dans:objectif-{objectif('1.1').pk}:", "déjà à cette place"),
        (lambda: f"fiche-{fiche('A').pk}:dans:objectif-{objectif('1.1').pk}:{fiche('C').pk}", "n’existe pas"),
        (lambda: f"fiche-{fiche('A').pk}:dans:plan-{fiche('A').plan_id}:", "n’existe pas"),
        (lambda: f"fiche-{fiche('A').pk}:dans:objectif-{ObjectifFactory().pk}:", "n’existe pas"),
        (lambda: f"fiche-{FicheActionFactory().pk}:haut", "n’est plus dans le plan"),
        (lambda: f"objectif-{ObjectifFactory().pk}:haut", "n’est plus dans le plan"),
        (lambda: "fiche-999999999999999:haut", "n’est plus dans le plan"),
        (lambda: "fiche-1:gauche", "n’a pas été compris"),
        (lambda: "fiche-1; DROP TABLE:haut\x00", "nul"),
        (lambda: "", "obligatoire"),
    ],
)
def test_a_move_that_cannot_be_is_said(client, geste, sentence):
    plan = build_plan()
    url, empreinte = open_page(client, plan)

    page = client.post(url, {"geste": geste(), "empreinte": empreinte})

    assert page.status_code == 200
    assert sentence in page.context["refus"]
    assert shown(plan) == START


def test_a_page_from_before_another_move_says_so_and_shows_the_order_of_now(client):
    plan = build_plan()
    url, empreinte = open_page(client, plan)
    by = UserFactory()
    move_in_plan(plan, "fiche", fiche("B").pk, vers="haut", empreinte=Ordre.of(plan).empreinte, by=by)

    page = client.post(url, {"geste": f"fiche-{fiche('C').pk}:haut", "empreinte": empreinte})

    assert "a changé depuis l’ouverture de cette page" in page.text
    assert page.text.index(f"fiche-{fiche('B').pk}-haut") < page.text.index(f"fiche-{fiche('A').pk}-haut")
    assert shown(plan) == "1: D | 1.1: B A | 1.2: | 2: | 2.1: C"
    again = {"geste": f"fiche-{fiche('C').pk}:haut", "empreinte": page.context["empreinte"]}
    assert client.post(url, again).status_code == 302


def test_an_undo_is_no_longer_offered_once_somebody_moved_something(client):
    plan = build_plan()
    url, empreinte = open_page(client, plan)
    client.post(url, {"geste": f"fiche-{fiche('B').pk}:haut", "empreinte": empreinte})
    assert client.get(url).context["dernier"] is not None

    move_in_plan(
        plan, "fiche", fiche("C").pk, vers="haut", empreinte=Ordre.of(plan).empreinte, by=UserFactory()
    )

    assert client.get(url).context["dernier"] is None


def test_a_place_chosen_by_name_is_taken_back_too(client):
    plan = build_plan()
    url, _ = open_page(client, plan)
    place = reverse("actions:fiche_place", args=[plan.convention.code, fiche("C").pk])

    client.post(place, {"place": f"fiche-{fiche('A').pk}"})
    assert shown(plan) == "1: D | 1.1: A C B | 1.2: | 2: | 2.1:"
    page = client.get(url)
    client.post(url, {"geste": page.context["dernier"]["geste"], "empreinte": page.context["empreinte"]})

    assert shown(plan) == START


def test_archived_fiches_keep_their_rank_and_follow_their_objectif():
    plan = build_plan()
    by = UserFactory()
    fiche("A").archive(by=by)
    deux = plan.axes.last()

    vers = Place(Contenant("axe", deux.pk), None)
    move_in_plan(plan, "objectif", objectif("1.1").pk, vers=vers, empreinte=Ordre.of(plan).empreinte, by=by)
    fiche("A").restore(by=by)

    assert shown(plan) == "1: D | 1.2: | 2: | 1.1: A B | 2.1: C"


def test_two_objectifs_of_one_number_do_not_meet_under_an_axe():
    plan = build_plan()
    Objectif.objects.filter(code="2.1").update(code="1.1", ordre=9)
    stranger = Objectif.objects.get(axe=plan.axes.last())

    with pytest.raises(TransitionError, match="L’axe 1 a déjà un objectif 1.1"):
        move_in_plan(
            plan, "objectif", stranger.pk, vers="haut", empreinte=Ordre.of(plan).empreinte, by=UserFactory()
        )

    assert Objectif.objects.get(pk=stranger.pk).axe == plan.axes.last()


def test_a_place_whose_objectif_left_its_axe_is_refused():
    plan = build_plan()
    moving, target, axe = fiche("C"), objectif("1.2"), plan.axes.first()
    Objectif.objects.filter(pk=target.pk).update(axe=plan.axes.last())

    with pytest.raises(TransitionError, match="a changé de place"):
        moving.place(axe, target, after=None, by=UserFactory())


def test_the_history_says_who_moved():
    plan = build_plan()
    by = UserFactory()

    move_in_plan(plan, "fiche", fiche("B").pk, vers="bas", empreinte=Ordre.of(plan).empreinte, by=by)

    last = fiche("B").events.order_by("-pgh_id").first()
    assert (last.objectif_id, last.pgh_context.metadata) == (objectif("1.2").pk, {"par": by.pk})


@pytest.mark.django_db(transaction=True)
def test_two_people_at_once_lose_and_double_nothing():
    plan = build_plan()
    by = UserFactory()
    empreinte = Ordre.of(plan).empreinte
    gate = threading.Barrier(4)
    outcomes = []

    def act(code, sens):
        try:
            gate.wait()
            move_in_plan(plan, "fiche", fiche(code).pk, vers=sens, empreinte=empreinte, by=by)
            outcomes.append("fait")
        except PlanMovedError:
            outcomes.append("dépassé")
        finally:
            connection.close()

    threads = [
        threading.Thread(target=act, args=pair)
        for pair in zip("ABCA", ("bas", "haut", "haut", "haut"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["dépassé", "dépassé", "dépassé", "fait"]
    assert sorted(
        pk for (genre, _), pks in Ordre.of(plan).listes.items() if genre == "fiche" for pk in pks
    ) == sorted(FicheAction.objects.values_list("pk", flat=True))


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_does_not_grow(client, django_assert_num_queries, count):
    first = FicheActionFactory()
    for _ in range(count - 1):
        ObjectifFactory(axe=AxeFactory(plan=first.plan))
        FicheActionFactory(axe=first.axe)
    url, _ = open_page(client, first.plan)

    with django_assert_num_queries(13):
        page = client.get(url)

    assert page.text.count("Monter la fiche") == count
