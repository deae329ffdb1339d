"""What the tests of the history share: saves made at their own moment, though one test is one transaction."""

import datetime

import pghistory
import pgtrigger
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from actions.models import Axe, FicheAction, Objectif, PlanActions
from actions.models.suivis import ENJEUX_OBJECTIF, PARTIES, Transition

TABLES = [
    *(model.pgh_event_model for model in (FicheAction, Axe, Objectif, PlanActions, Transition)),
    *(part.events for part in (*PARTIES.values(), ENJEUX_OBJECTIF)),
]


def il_y_a(days, hours=0):
    return timezone.now() - datetime.timedelta(days=days, hours=hours)


def date_events(moment):
    """All that was copied in this transaction and not dated yet took place at ``moment``."""
    fresh = timezone.now() - datetime.timedelta(hours=1)
    with pgtrigger.ignore(*(f"{model._meta.label}:append_only" for model in TABLES)):
        for model in TABLES:
            QuerySet(model).filter(pgh_created_at__gte=fresh).update(pgh_created_at=moment)


def save_as(user, moment, write):
    """``write()`` as one save of ``user`` at ``moment`` (now when ``None``), as a request would make it."""
    with pghistory.context(user=user.pk, nom=str(user)):
        write()
    with connection.cursor() as cursor:
        # Set for the transaction, that is for the rest of the test: a request would end here.
        cursor.execute("SELECT set_config('pghistory.context_id', '', true)")
    if moment:
        date_events(moment)
