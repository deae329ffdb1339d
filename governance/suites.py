"""What becomes of a decision, meeting after meeting."""

import datetime

import pghistory
from django.db import transaction

from ctg_portal.models import User
from ctg_portal.workflow import TransitionError
from governance.models import Decision, Reunion, SuiteDecision
from governance.models.compte_rendu import require_open_minutes


@transaction.atomic
def record_suite(
    decision: Decision,
    *,
    by: User,
    texte: str,
    echeance: datetime.date | None = None,
    realisee: bool = False,
    reunion: Reunion | None = None,
) -> SuiteDecision:
    """Write how far the decision is, move its échéance or mark it as done: in one transaction.

    Raise ``TransitionError`` when it is no longer open, or when ``reunion`` hears nothing: not held yet, locked, its
    minutes submitted.
    """
    if reunion is not None:
        reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
        if not reunion.is_decidable:
            raise TransitionError(
                f"La réunion est «\u00a0{reunion.get_statut_display().lower()}\u00a0»\u00a0: elle n’entend pas la suite d’une décision."
            )
        require_open_minutes(reunion)
    decision = (
        Decision.objects.select_for_update(of=("self",)).select_related("convention").get(pk=decision.pk)
    )
    if not decision.is_ouverte:
        raise TransitionError("Cette décision n’est plus ouverte.")
    suite = SuiteDecision.objects.create(
        decision=decision,
        reunion=reunion,
        texte=texte,
        echeance_avant=decision.echeance,
        echeance_apres=echeance,
        realisee=realisee,
        par=by,
    )
    if realisee:
        decision.complete(by=by)
    elif echeance is not None:
        decision.echeance = echeance
        with pghistory.context(par=by.pk):
            decision.save(update_fields=["echeance", "updated_at"])
    return suite
