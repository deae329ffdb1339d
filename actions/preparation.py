"""Plans drawn before anybody asks: soon after one of their fiches is saved. See ADR 0025."""

import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult
from pghistory.models import Context

from actions.documents import plan_html
from actions.models import PlanActions, Routine
from ctg_portal import ecrits
from ctg_portal.documents import prepare_parts
from ctg_portal.pdf import fragments

PAUSE = datetime.timedelta(seconds=30)
"""How often the portal looks at what was saved: ten saves in a row are one drawing."""
RECUL = datetime.timedelta(minutes=2)
"""How far before its last look it looks again: a save may take that long to be committed."""
OUBLI = datetime.timedelta(days=1)
IMPRIME = datetime.timedelta(days=14)
"""For how long a plan that somebody printed is written again each new day."""
ADRESSE = "/conventions/"


@task()
def prepare_plan(pk: int) -> None:
    """Draw what the plan has of new parts; drawing nothing when nothing that is printed changed."""
    plan = PlanActions.objects.select_related("convention__territoire__departement").filter(pk=pk).first()
    if plan:
        prepare_parts(plan_html(plan))


def saved_since(moment: datetime.datetime) -> set[str]:
    """The codes of the conventions where something was saved, by the pages that saved it."""
    addresses = Context.objects.filter(created_at__gt=moment).values_list("metadata__url", flat=True)
    return {
        address.removeprefix(ADRESSE).split("/")[0]
        for address in addresses
        if address and address.startswith(ADRESSE)
    }


@transaction.atomic
def plan_preparations() -> int:
    """Ask for the drawing of the plans of these conventions, one of the workers for all; how many were asked."""
    now = timezone.now()
    before = Routine.objects.filter(nom="preparation").values_list("faite_le", flat=True).first()
    if not Routine.take("preparation", before=now - PAUSE):
        return 0
    if Routine.take("fragments-oublies", before=now - OUBLI):
        fragments.purge()
        ecrits.purge()
    since = max(before or now - OUBLI, now - OUBLI) - RECUL
    wanted = Q(convention__code__in=saved_since(since))
    today = now.astimezone(timezone.get_current_timezone()).replace(hour=0, minute=0, second=0, microsecond=0)
    if Routine.take("preparation-du-jour", before=today):
        # A new day is a new date on the sheets: those that people print are ready before they are at their desks.
        wanted |= Q(convention__impressions__updated_at__gt=now - IMPRIME)
    plans = PlanActions.objects.filter(wanted).values_list("pk", flat=True)
    tasks = DBTaskResult.objects.filter(task_path=prepare_plan.module_path)
    waiting = {args["args"][0] for args in tasks.filter(status="READY").values_list("args_kwargs", flat=True)}
    asked = sorted(set(plans) - waiting)
    for pk in asked:
        prepare_plan.enqueue(pk)
    tasks.filter(status="SUCCESSFUL", finished_at__lt=now - OUBLI).delete()
    return len(asked)
