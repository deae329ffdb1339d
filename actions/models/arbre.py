"""The plan as a tree, axes → objectifs → fiches, for its page and its documents."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from actions.models.fiche import FicheAction
from actions.models.plan import Axe, Objectif


@dataclass(frozen=True)
class BrancheObjectif:
    objectif: Objectif
    fiches: list[FicheAction] = field(default_factory=list)


@dataclass(frozen=True)
class BrancheAxe:
    """An axe; ``fiches`` hang directly under it, the others under their objectif."""

    axe: Axe
    fiches: list[FicheAction] = field(default_factory=list)
    objectifs: list[BrancheObjectif] = field(default_factory=list)

    @property
    def toutes(self) -> list[FicheAction]:
        return [*self.fiches, *(fiche for branche in self.objectifs for fiche in branche.fiches)]


def plan_tree(axes: Iterable[Axe], fiches: Iterable[FicheAction]) -> list[BrancheAxe]:
    """Every axe and objectif, even empty; give axes with their ``objectifs``, fiches in the order of the plan."""
    by_axe: dict[int, list[FicheAction]] = defaultdict(list)
    by_objectif: dict[int, list[FicheAction]] = defaultdict(list)
    for fiche in fiches:
        if fiche.objectif_id is None:
            by_axe[fiche.axe_id].append(fiche)
        else:
            by_objectif[fiche.objectif_id].append(fiche)
    return [
        BrancheAxe(
            axe,
            by_axe[axe.pk],
            [BrancheObjectif(objectif, by_objectif[objectif.pk]) for objectif in axe.objectifs.all()],
        )
        for axe in axes
    ]
