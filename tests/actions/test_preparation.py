"""Plans drawn by the worker soon after a save, before anybody asks."""

import datetime

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from actions import preparation
from actions.documents import plan_html
from actions.models import FicheAction, PlanActions, Routine
from actions.preparation import plan_preparations, prepare_plan
from conventions.models import Impression
from ctg_portal.documents import progress
from ctg_portal.models import Fragment
from ctg_portal.pdf import fragments
from tests.actions.test_etapes import tick_url
from tests.factories import EtapeFactory
from tests.world import build_world

BACKEND = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


@pytest.fixture
def world():
    return build_world()


def later():
    Routine.objects.update(faite_le=timezone.now() - preparation.PAUSE)


def asked():
    return [row.args_kwargs["args"] for row in DBTaskResult.objects.filter(status="READY")]


def test_saving_a_fiche_asks_for_its_plan_once(client, world, settings):
    settings.TASKS = BACKEND
    plan_preparations()
    DBTaskResult.objects.all().delete()
    Routine.objects.update(faite_le=timezone.now() + preparation.RECUL)
    later()
    nothing = plan_preparations()
    client.force_login(world.people["coordination"])
    client.post(tick_url(EtapeFactory(fiche=world.fiche)), {"faite": "oui"})
    at_once = plan_preparations()
    later()
    first = plan_preparations()
    later()
    again = plan_preparations()

    assert (nothing, at_once, first, again) == (0, 0, 1, 0)
    assert asked() == [[world.plan.pk]]


def test_plan_that_people_print_is_prepared_each_new_day(world, settings):
    settings.TASKS = BACKEND
    plan_preparations()
    first = asked()
    DBTaskResult.objects.all().delete()
    later()
    same_day = plan_preparations()
    Routine.objects.filter(nom="preparation-du-jour").update(
        faite_le=timezone.now() - datetime.timedelta(days=1)
    )
    Routine.objects.filter(nom="preparation").update(faite_le=timezone.now() - preparation.PAUSE)
    next_day = plan_preparations()
    Impression.objects.update(updated_at=timezone.now() - preparation.IMPRIME)
    DBTaskResult.objects.all().delete()
    Routine.objects.update(faite_le=timezone.now() - datetime.timedelta(days=1))
    long_ago = plan_preparations()

    assert (first, same_day, next_day, long_ago) == ([[world.plan.pk]], 0, 1, 0)


def test_prepared_plan_is_drawn_but_for_what_changed(world, monkeypatch):
    plan = PlanActions.objects.get(pk=world.plan.pk)
    prepare_plan.func(plan.pk)
    before = progress(plan_html(plan))
    FicheAction.objects.filter(pk=world.fiche.pk).update(modalites="Autre chose.")
    after = progress(plan_html(plan))
    drawn = []
    draw_pages = fragments.draw_pages
    monkeypatch.setattr(fragments, "draw_pages", lambda pages: drawn.extend(pages) or draw_pages(pages))
    prepare_plan.func(plan.pk)
    prepare_plan.func(plan.pk)

    assert (before, after) == ((7, 7), (6, 7))
    assert ["Autre chose." in html for html in drawn] == [True]


def test_plan_that_is_gone_is_not_prepared(world):
    prepare_plan.func(world.plan.pk + 1000)

    assert Fragment.objects.count() == 0


def test_forgotten_fragments_are_deleted_once_a_day():
    old = timezone.now() - fragments.GARDE - datetime.timedelta(days=1)

    def forgotten():
        Fragment.objects.create(cle="0" * 64, contenu=b"%PDF-", reperes={}, pages=1, utilise_le=old)

    forgotten()
    plan_preparations()
    left = Fragment.objects.count()
    forgotten()
    Routine.objects.filter(nom="preparation").update(faite_le=timezone.now() - preparation.PAUSE)
    plan_preparations()

    assert (left, Fragment.objects.count()) == (0, 1)
