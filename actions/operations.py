"""What spans several fiches, or ties a row of ``conventions`` to a fiche: it is done from above."""

from collections.abc import Iterable

import pghistory
from django.db import transaction
from django.utils import timezone

from actions.models import Etape, FicheAction, Imputation
from conventions.models import Convention, Financement
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr


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


@transaction.atomic
def tick_etape(*, etape: Etape, faite: bool, by: User) -> str:
    """Say that a step is done today, or to do again; the first date is kept when somebody ticked it before.

    Give a sentence that says what changed, with the date that was taken away.
    """
    etape.refresh_from_db(from_queryset=Etape.objects.select_for_update(of=("self",)))
    before = etape.faite_le
    if faite == (before is not None):
        state = f"déjà faite, le {date_fr(before)}" if before else "déjà à faire"
        return f"« {etape.intitule} » était {state}\u00a0: rien n’a changé."
    etape.faite_le = timezone.localdate() if faite else None
    etape.save(update_fields=["faite_le"])
    with pghistory.context(par=by.pk):
        etape.fiche.save(update_fields=["updated_at"])
    if faite:
        return f"« {etape.intitule} » est faite aujourd’hui. Appuyez de nouveau pour revenir en arrière."
    return f"« {etape.intitule} » est de nouveau à faire (elle était faite le {date_fr(before)})."
