"""A decision and what it does to fiches, in one transaction."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import pghistory
from django.db import transaction
from django.db.models import Max

from actions.models import FicheAction
from conventions.models import Convention
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.models import Decision, EffetDecision, PointOrdreDuJour, Reunion
from governance.models.decision import AVANCEMENTS, PRIORITES

Effet = EffetDecision.Effet


@dataclass(frozen=True)
class EffetDemande:
    """What is asked of one fiche; ``nouvelle_echeance`` only for a report."""

    fiche: FicheAction
    effet: str = Effet.AUCUN
    nouvelle_echeance: datetime.date | None = None


class EffetsRefusesError(TransitionError):
    """Some fiches refuse what is asked. ``refus`` says which (by id) and why; the text says it all."""

    def __init__(self, refus: Sequence[tuple[FicheAction, str]]) -> None:
        self.refus = {fiche.pk: raison for fiche, raison in refus}
        super().__init__(" ".join(f"{fiche} : {raison}" for fiche, raison in refus))


@transaction.atomic
def record_decision(
    *,
    reunion: Reunion,
    by: User,
    nature: str,
    texte: str,
    point: PointOrdreDuJour | None = None,
    responsable: str = "",
    echeance: datetime.date | None = None,
    effets: Sequence[EffetDemande] = (),
) -> Decision:
    """Number the decision in its series, write it and apply its effects: all of it or nothing.

    Raise ``TransitionError`` when the meeting takes no decision now, ``EffetsRefusesError`` when fiches refuse.
    """
    # One writer at a time allots numbers; NO KEY leaves rows that only refer to the convention alone.
    convention = Convention.objects.select_for_update(no_key=True).get(pk=reunion.instance.convention_id)
    reunion = Reunion.objects.select_for_update(of=("self",)).select_related("instance").get(pk=reunion.pk)
    if not reunion.is_decidable:
        raise TransitionError(
            f"Une réunion « {reunion.get_statut_display().lower()} » ne prend pas de décision :"
            " ouvrez la séance d’abord."
        )
    if point is not None and point.reunion_id != reunion.pk:
        raise TransitionError("Ce point n’est pas à l’ordre du jour de cette réunion.")
    serie = Decision.objects.filter(
        convention=convention, annee=reunion.jour.year, serie=reunion.instance.nature
    )
    decision = Decision.objects.create(
        convention=convention,
        reunion=reunion,
        point=point,
        annee=reunion.jour.year,
        serie=reunion.instance.nature,
        rang=(serie.aggregate(last=Max("rang"))["last"] or 0) + 1,
        nature=nature,
        texte=texte,
        responsable=responsable,
        echeance=echeance,
    )
    refus = []
    with pghistory.context(par=by.pk, decision=decision.numero):
        for demande in effets:
            try:
                _apply(demande, decision, by=by)
            except TransitionError as raison:
                refus.append((demande.fiche, str(raison)))
    if refus:
        raise EffetsRefusesError(refus)
    return decision


def preview_decision(
    *,
    reunion: Reunion,
    by: User,
    nature: str,
    texte: str,
    point: PointOrdreDuJour | None = None,
    responsable: str = "",
    echeance: datetime.date | None = None,
    effets: Sequence[EffetDemande] = (),
) -> tuple[str, list[str]]:
    """The number and the sentences of the effects, from a trial that is rolled back: nothing is written.

    Raises as ``record_decision``: what is shown before is what happens after.
    """
    with transaction.atomic():
        decision = record_decision(
            reunion=reunion,
            by=by,
            nature=nature,
            texte=texte,
            point=point,
            responsable=responsable,
            echeance=echeance,
            effets=effets,
        )
        phrases = [effet.phrase for effet in decision.effets.select_related("fiche")]
        transaction.set_rollback(True)
    return decision.numero, phrases


@transaction.atomic
def _apply(demande: EffetDemande, decision: Decision, *, by: User) -> None:
    """Change the fiche by its own verb, and keep how it was and how it is."""
    fiche = (
        FicheAction.objects.select_for_update(of=("self",)).select_related("plan").get(pk=demande.fiche.pk)
    )
    if fiche.plan.convention_id != decision.convention_id:
        raise TransitionError("Cette fiche est d’une autre convention.")
    if decision.effets.filter(fiche=fiche).exists():
        raise TransitionError("Cette fiche est déjà dans la décision.")
    avant = _state(fiche, demande.effet)
    if demande.effet in PRIORITES:
        fiche.prioritise(PRIORITES[demande.effet], by=by)
    elif demande.effet == Effet.REPORT:
        if demande.nouvelle_echeance is None:
            raise TransitionError("Un report donne la nouvelle échéance.")
        fiche.postpone(demande.nouvelle_echeance, by=by)
    elif demande.effet == Effet.ABANDON:
        fiche.abandon(by=by, motif=_motif(decision))
    elif demande.effet in AVANCEMENTS:
        fiche.move_avancement(AVANCEMENTS[demande.effet], by=by, motif=_motif(decision))
    EffetDecision.objects.create(
        decision=decision,
        fiche=fiche,
        effet=demande.effet,
        nouvelle_echeance=demande.nouvelle_echeance if demande.effet == Effet.REPORT else None,
        avant=avant,
        apres=_state(fiche, demande.effet),
    )


def _motif(decision: Decision) -> str:
    return f"Décision {decision.numero} : {decision.texte}"


def _state(fiche: FicheAction, effet: str) -> str:
    """What the effect touches, in words; nothing when it touches nothing."""
    if effet in PRIORITES:
        return fiche.get_priorite_display() or "Sans priorité"
    if effet == Effet.REPORT:
        return date_fr(fiche.echeance) if fiche.echeance else "Sans échéance"
    return str(fiche.get_avancement_display()) if effet in AVANCEMENTS else ""
