"""Reminders computed each day from dates: a step overdue, an action without news. Settled when they are no longer true."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from actions.models import Etape, FicheAction, Genre, Notification, Pilote
from actions.models.attentes import SILENCE, followed, silent
from actions.models.fiche import FicheActionQuerySet
from actions.models.notification import RAPPELS, coordination
from ctg_portal.models import User


class Rappel(NamedTuple):
    """One thing that is true today of a fiche. ``cle`` changes when it is a new thing: another date, another silence."""

    genre: str
    fiche: FicheAction
    cle: str
    detail: str = ""


def _etapes_en_retard(today: datetime.date) -> Iterator[Rappel]:
    overdue = Etape.objects.filter(faite_le=None, echeance__lt=today).order_by("echeance", "pk")
    fiches = _with_people(followed(FicheAction.objects.filter(etapes__in=overdue))).distinct()
    for fiche in fiches.prefetch_related(Prefetch("etapes", overdue)):
        for etape in fiche.etapes.all():
            yield Rappel(Genre.ETAPE_EN_RETARD, fiche, f"etape:{etape.pk}:{etape.echeance}", str(etape))


def _sans_nouvelle(today: datetime.date) -> Iterator[Rappel]:
    """Said once a silence, and again after each six months more of it."""
    for fiche in _with_people(silent(FicheAction.objects.all(), today)):
        depuis = fiche.derniere_nouvelle  # type: ignore[attr-defined]  # annotated
        fois = (today - depuis) // SILENCE
        yield Rappel(Genre.SANS_NOUVELLE, fiche, f"silence:{fiche.pk}:{depuis}:{fois}")


def _with_people(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    pilotes = Pilote.objects.filter(user__is_active=True).select_related("user")
    return fiches.select_related("plan__convention__territoire").prefetch_related(
        Prefetch("pilotes", pilotes)
    )


SOURCES: list[Callable[[datetime.date], Iterable[Rappel]]] = [_etapes_en_retard, _sans_nouvelle]
"""What is looked at each day. An app above adds its own (avis due); its kind then goes into ``RAPPELS``."""


@transaction.atomic
def remind(today: datetime.date | None = None) -> int:
    """Tell the pilotes with an account (the coordination, where there is none) what is true ``today``; settle the rest.

    Run twice it tells nothing twice. Give how many rows are true.
    """
    day = today or timezone.localdate()
    told = set(Notification.objects.filter(genre__in=RAPPELS).values_list("destinataire", "cle").iterator())
    coordinations: dict[int, list[User]] = {}
    true: set[str] = set()
    for source in SOURCES:
        for rappel in source(day):
            people = [pilote.user for pilote in rappel.fiche.pilotes.all() if pilote.user]
            if not people:
                convention = rappel.fiche.convention
                if convention.pk not in coordinations:
                    coordinations[convention.pk] = coordination(convention)
                people = coordinations[convention.pk]
            new = [person for person in people if (person.pk, rappel.cle) not in told]
            Notification.objects.tell(rappel.genre, rappel.fiche, new, cle=rappel.cle, detail=rappel.detail)
            true.add(rappel.cle)
    stale = Notification.objects.non_lues().filter(genre__in=RAPPELS).exclude(cle__in=true)
    stale.update(lue_le=timezone.now())
    return len(true)
