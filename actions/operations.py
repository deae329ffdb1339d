"""What spans several fiches, or ties a row of ``conventions`` to a fiche: it is done from above."""

from collections.abc import Iterable

import pghistory
from django.db import transaction

from actions.models import FicheAction, Imputation
from conventions.models import Convention, Financement
from ctg_portal.models import User


@transaction.atomic
def carry_fiches(
    *, contrat: Convention, attach: Iterable[FicheAction], detach: Iterable[FicheAction], by: User
) -> str:
    """Make ``contrat`` carry the first, and no longer the second; the rest of what it carries is left alone.

    Give a sentence that says what changed.
    """
    Convention.objects.select_for_update(of=("self",)).get(pk=contrat.pk)
    carried = set(contrat.fiches_partagees.values_list("pk", flat=True))
    added = [fiche.pk for fiche in attach if fiche.pk not in carried]
    removed = [fiche.pk for fiche in detach if fiche.pk in carried]
    with pghistory.context(par=by.pk):
        contrat.fiches_partagees.add(*added)
        contrat.fiches_partagees.remove(*removed)
    if not added and not removed:
        return "Rien n’a changé : le contrat portait déjà ces fiches."
    said = [
        f"{count} fiche{'s' if count > 1 else ''} {verbe}{'s' if count > 1 else ''}"
        for count, verbe in ((len(added), "ajoutée"), (len(removed), "retirée"))
        if count
    ]
    return f"{contrat.sigle} {contrat.periode}\u00a0: {' et '.join(said)}."


@transaction.atomic
def impute(*, financement: Financement, fiche: FicheAction | None) -> None:
    """Say that ``financement`` pays ``fiche``, or no fiche any more. A line pays one fiche at most."""
    if fiche is None:
        Imputation.objects.filter(financement=financement).delete()
    else:
        Imputation.objects.update_or_create(financement=financement, defaults={"fiche": fiche})
