"""The filtered set in the tree of its plan."""

from dataclasses import dataclass

from actions.models import plan_tree
from actions.models.arbre import BrancheAxe, BrancheObjectif
from actions.models.groupes import progress_by
from actions.models.progression import Progression, total_progress


@dataclass(frozen=True)
class Arbre:
    """``branches``: (branch, its progression, its objectifs with theirs). ``masques``: what is hidden, in a sentence."""

    branches: list[tuple[BrancheAxe, Progression, list[tuple[BrancheObjectif, Progression]]]]
    total: Progression
    masques: str


def tree_of(plan, filtre):
    """What no filter keeps is hidden only when a filter is in force: an axe still empty is there to be filled."""
    if plan is None:
        return Arbre([], Progression(), "")
    by_axe = progress_by(filtre.kept, "axe")
    by_objectif = progress_by(filtre.kept, "objectif")
    branches, axes, objectifs = [], 0, 0
    for branche in plan_tree(plan.axes.all(), filtre.in_order().for_list()):
        rows = [(row, by_objectif.get(str(row.objectif.pk), Progression())) for row in branche.objectifs]
        if filtre.is_filtering:
            kept = [row for row in rows if row[0].fiches]
            if not branche.toutes:
                axes += 1
                objectifs += len(rows)
                continue
            objectifs += len(rows) - len(kept)
            rows = kept
        branches.append((branche, by_axe.get(str(branche.axe.pk), Progression()), rows))
    return Arbre(branches, total_progress(by_axe.values()), _said(axes, objectifs))


def _said(axes, objectifs):
    parts = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((axes, "axe"), (objectifs, "objectif")) if n]
    if not parts:
        return ""
    many = axes + objectifs > 1
    return (
        f"{' et '.join(parts)} sans fiche qui réponde aux filtres {'sont masqués' if many else 'est masqué'}."
    )
