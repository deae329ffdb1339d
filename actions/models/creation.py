"""Many new fiches at once, in a number of queries that does not depend on theirs."""

import datetime
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from actions.models.copie import free_code
from actions.models.fiche import Avancement, FicheAction, Pilote, Transition
from actions.models.plan import PlanActions
from ctg_portal.models import User


@dataclass
class FicheNouvelle:
    """A fiche that is not saved yet, with all that it holds. Its values were checked by whoever filled them.

    ``lignes`` are rows that hang from it, in their order (``ordre`` set); ``liens`` what each of its many-to-many fields
    names. Without a code it takes the next one of its place.
    """

    fiche: FicheAction
    liens: dict[str, list[models.Model]] = field(default_factory=dict)
    lignes: list[models.Model] = field(default_factory=list)
    avancement: str = ""
    """Where it already stands; « » : à venir."""
    motif: str = ""
    fin_reelle: datetime.date | None = None


@transaction.atomic
def create_fiches(plan: PlanActions, nouvelles: Sequence[FicheNouvelle], *, by: User) -> None:
    """Save them all, each last of its place, with the journal of where they stand. ``plan`` is locked by the caller.

    Raises ``TransitionError`` when an avancement cannot be that of its fiche.
    """
    _place(plan, nouvelles)
    journal = [line for nouvelle in nouvelles if (line := _stand(nouvelle, by))]
    FicheAction.objects.bulk_create([nouvelle.fiche for nouvelle in nouvelles])
    Transition.objects.bulk_create(journal)
    rows = defaultdict[type[models.Model], list[models.Model]](list)
    for nouvelle in nouvelles:
        for row in nouvelle.lignes:
            row.fiche = nouvelle.fiche  # type: ignore[attr-defined]  # every row of a fiche has it
            rows[type(row)].append(row)
    for model, made in rows.items():
        model._default_manager.bulk_create(made)
    _tie(nouvelles)
    for nouvelle in nouvelles:
        people = [row.user for row in nouvelle.lignes if isinstance(row, Pilote) and row.user is not None]
        if people:
            nouvelle.fiche.notifications.tell_pilotes(nouvelle.fiche, people, by=by)


def _place(plan: PlanActions, nouvelles: Iterable[FicheNouvelle]) -> None:
    fiches = FicheAction.objects.filter(plan=plan)
    taken = set(fiches.values_list("code", flat=True)) | {nouvelle.fiche.code for nouvelle in nouvelles}
    last = {
        (axe, objectif): ordre
        for axe, objectif, ordre in fiches.values_list("axe", "objectif").annotate(models.Max("ordre"))
    }
    for nouvelle in nouvelles:
        fiche = nouvelle.fiche
        place = fiche.axe_id, fiche.objectif_id
        fiche.ordre = last[place] = last.get(place, -1) + 1
        if not fiche.code:
            fiche.code = free_code(fiche.objectif or fiche.axe, taken)
            taken.add(fiche.code)


def _stand(nouvelle: FicheNouvelle, by: User) -> Transition | None:
    """Put the fiche where it already stands, and give the line of its journal."""
    fiche, target = nouvelle.fiche, nouvelle.avancement
    if target in ("", fiche.avancement):
        return None
    motif = nouvelle.motif.strip()
    fiche.fin_reelle = fiche.check_avancement(target, motif=motif, fin_reelle=nouvelle.fin_reelle)
    line = Transition(
        fiche=fiche,
        champ=Transition.Champ.AVANCEMENT,
        depuis=fiche.avancement,
        vers=target,
        by=by,
        motif=motif,
    )
    fiche.motif_abandon = motif if target == Avancement.ABANDONNEE else ""
    fiche.avancement = target
    return line


def _tie(nouvelles: Sequence[FicheNouvelle]) -> None:
    for name in dict.fromkeys(name for nouvelle in nouvelles for name in nouvelle.liens):
        relation: Any = FicheAction._meta.get_field(name)
        through = relation.remote_field.through
        owner, target = relation.m2m_field_name(), relation.m2m_reverse_field_name()
        through._default_manager.bulk_create(
            through(**{f"{owner}_id": nouvelle.fiche.pk, f"{target}_id": row.pk})
            for nouvelle in nouvelles
            for row in nouvelle.liens.get(name, ())
        )
