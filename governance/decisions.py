"""A decision looked at before it is written, and put right while the minutes may still say it. See ADR 0029."""

import datetime
import hashlib
import json
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import pghistory
from django.db import transaction

from ctg_portal.histoire import past_of
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.models import Decision, EffetDecision, Reunion
from governance.models.compte_rendu import require_open_minutes
from governance.operations import changes_fiches, is_voted_down, record_decision

CORRIGEABLES = ("texte", "responsable", "echeance", "mode", "pour", "contre", "abstentions")
"""What is put right. Its number, its meeting and what it did to fiches stay."""


class ApercuDecision(NamedTuple):
    """What a decision would be: its number if no other comes before, its effects in sentences, and their mark."""

    numero: str
    phrases: list[str]
    marque: str


class EffetsNonVusError(TransitionError):
    """The effects would not be those that were looked at."""


def preview_decision(**asked: Any) -> ApercuDecision:
    """From a trial that is rolled back: nothing is written.

    Takes and raises as ``record_decision``: what is shown before is what happens after.
    """
    with transaction.atomic():
        apercu = _seen_of(record_decision(**asked))
        transaction.set_rollback(True)
    return apercu


@transaction.atomic
def record_seen_decision(*, vu: str, **asked: Any) -> Decision:
    """As ``record_decision``, but fiches change only as it was shown: ``vu`` is the ``marque`` of the preview.

    Raise ``EffetsNonVusError``, and write nothing, when the effects would be others.
    """
    decision = record_decision(**asked)
    if changes_fiches(asked.get("effets", ())) and _seen_of(decision).marque != vu:
        raise EffetsNonVusError(
            "Les effets ne sont plus ceux que vous avez vus\u00a0: rien n’est enregistré. Relisez-les, puis confirmez."
        )
    return decision


def _seen_of(decision: Decision) -> ApercuDecision:
    effets = list(decision.effets.select_related("fiche"))
    told = json.dumps([[effet.fiche_id, effet.phrase] for effet in effets])
    marque = hashlib.sha256(told.encode()).hexdigest()[:20]
    return ApercuDecision(decision.numero, [effet.phrase for effet in effets], marque)


@transaction.atomic
def correct_decision(decision: Decision, *, by: User, **values: Any) -> Decision:
    """Write ``values`` (of ``CORRIGEABLES``); the history keeps what it said before.

    Raise ``TransitionError`` once the minutes were submitted, or when the vote would no longer carry effects that were
    applied.
    """
    reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=decision.reunion_id)
    if not reunion.is_decidable:
        raise TransitionError(
            f"La réunion est «\u00a0{reunion.get_statut_display().lower()}\u00a0»\u00a0: ses décisions ne changent plus."
        )
    require_open_minutes(reunion)
    decision = (
        Decision.objects.select_for_update(of=("self",)).select_related("convention").get(pk=decision.pk)
    )
    for name in CORRIGEABLES:
        setattr(decision, name, values[name])
    applied = decision.effets.exclude(effet=EffetDecision.Effet.AUCUN)
    if is_voted_down(decision.mode, decision.pour, decision.contre) and applied.exists():
        raise TransitionError(
            "Cette décision a changé des fiches\u00a0: un vote qui ne l’adopte pas dirait le contraire. Prenez une "
            "nouvelle décision qui les remet en l’état."
        )
    with pghistory.context(par=by.pk, correction=decision.numero):
        decision.save(update_fields=[*CORRIGEABLES, "updated_at"])
    return decision


@dataclass(frozen=True)
class Correction:
    """What one correction changed: names of fields with what they said before. ``nom`` is empty for a command."""

    moment: datetime.datetime
    nom: str
    avant: list[tuple[str, str]]


def corrections_of(decision: Decision) -> list[Correction]:
    """The latest first, as the history tells them. One query."""
    states = past_of(Decision).filter(pgh_obj=decision.pk).select_related("pgh_context").order_by("pgh_id")
    found = []
    for before, after in pairwise(states):
        context = after.pgh_context.metadata if after.pgh_context else {}
        if "correction" not in context:
            continue
        was, becomes = _said(before), _said(after)
        changed = [(name, words or "rien") for name, words in was.items() if words != becomes[name]]
        if changed:
            found.append(Correction(after.pgh_created_at, context.get("nom", ""), changed))
    return found[::-1]


def _said(state: Any) -> dict[str, str]:
    """What a copy of the decision says of ``CORRIGEABLES``, in words."""
    voix = {name: getattr(state, name) for name in ("mode", "pour", "contre", "abstentions")}
    return {
        "Texte": state.texte,
        "Qui s’en charge": state.responsable,
        "Échéance": date_fr(state.echeance) if state.echeance else "",
        "Prise": Decision(**voix).prise,
    }
