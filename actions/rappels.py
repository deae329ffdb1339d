"""Reminders computed each day from dates: a step overdue, an action without news. Settled when they are no longer true."""

import datetime
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from django.db import transaction
from django.db.models import Prefetch
from django.utils import timezone

from actions.models import Avis, Etape, FicheAction, Genre, Notification, Pilote, PlanActions
from actions.models.attentes import SILENCE, followed, silent
from actions.models.fiche import FicheActionQuerySet
from actions.models.notification import RAPPELS, coordination, relecteurs
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr

AVANT_AVIS = 7
"""Days before its date when an avis is first spoken of."""


class Rappel(NamedTuple):
    """One thing that is true today of a fiche or a plan. ``cle`` changes when it is a new thing: another date, another
    silence. ``relecteurs``: it is for the CAF, not for those who carry the action."""

    genre: str
    sujet: FicheAction | PlanActions
    cle: str
    detail: str = ""
    relecteurs: bool = False


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


def _avis_dus(today: datetime.date) -> Iterator[Rappel]:
    """Said once when the date comes near, once more when it is past."""
    dus = (Avis.objects.due_within(AVANT_AVIS, today) | Avis.objects.overdue(today)).order_by(
        "echeance", "pk"
    )
    for avis in dus.select_related("plan__convention__territoire", "fiche__plan__convention__territoire"):
        assert avis.echeance is not None  # noqa: S101 - both lists compare it
        past = avis.echeance < today
        detail = f"{'attendu depuis le' if past else 'avant le'} {date_fr(avis.echeance)}"
        cle = f"avis:{avis.pk}:{avis.echeance}:{'passe' if past else 'proche'}"
        yield Rappel(Genre.AVIS_DU, avis.fiche or avis.plan, cle, detail, relecteurs=True)


SOURCES: list[Callable[[datetime.date], Iterable[Rappel]]] = [_etapes_en_retard, _sans_nouvelle, _avis_dus]
"""What is looked at each day; the kind of each is in ``RAPPELS``."""


@transaction.atomic
def remind(today: datetime.date | None = None) -> int:
    """Tell the pilotes with an account (the coordination, where there is none) what is true ``today``; settle the rest.

    Run twice it tells nothing twice. Give how many rows are true.
    """
    day = today or timezone.localdate()
    told = set(Notification.objects.filter(genre__in=RAPPELS).values_list("destinataire", "cle").iterator())
    known: dict[tuple[str, int], list[User]] = {}
    true: set[str] = set()
    for source in SOURCES:
        for rappel in source(day):
            people = _concerned(rappel, known)
            new = [person for person in people if (person.pk, rappel.cle) not in told]
            Notification.objects.tell(rappel.genre, rappel.sujet, new, cle=rappel.cle, detail=rappel.detail)
            true.add(rappel.cle)
    stale = Notification.objects.non_lues().filter(genre__in=RAPPELS).exclude(cle__in=true)
    stale.update(lue_le=timezone.now())
    return len(true)


def _concerned(rappel: Rappel, known: dict[tuple[str, int], list[User]]) -> list[User]:
    """``known``: the teams already read, by role and convention."""
    convention, sujet = rappel.sujet.convention, rappel.sujet
    if isinstance(sujet, FicheAction) and not rappel.relecteurs:
        people = [pilote.user for pilote in sujet.pilotes.all() if pilote.user]
        if people:
            return people
    role, team = ("relecture", relecteurs) if rappel.relecteurs else ("coordination", coordination)
    if (role, convention.pk) not in known:
        known[role, convention.pk] = team(convention)
    return known[role, convention.pk]
