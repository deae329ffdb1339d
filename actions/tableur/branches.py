"""The axes and objectifs that a file names: those of the plan, or new ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actions.models import Axe, Objectif, PlanActions
from actions.tableur.mots import split_code
from ctg_portal.imports import normalise

TITRE_MAX = 300
NOUVEL_AXE = "nouveau"


@dataclass
class Branche:
    """An axe or an objectif that the file names: the row of the plan, or one to create."""

    objet: Any
    nouveau: bool = False


class Branches:
    """Those of one plan. ``axe`` and ``objectif`` give the row that a text names, made if need be and not saved.

    ``choisi``: the key of the axe where a fiche without any goes; another text: a new one.
    """

    def __init__(self, plan: PlanActions, axes: Iterable[Axe], choisi: str) -> None:
        self.plan, self.choisi, self.anciens = plan, choisi, list(axes)
        self.axes: dict[str, Branche] = {}
        self.objectifs: dict[tuple[int, str], Branche] = {}
        for axe in self.anciens:
            branch = Branche(axe)
            for word in (axe.intitule, f"{axe.code} {axe.intitule}", f"axe {axe.code} {axe.intitule}"):
                self.axes.setdefault(normalise(word), branch)
            for objectif in axe.objectifs.all():
                under = Branche(objectif)
                for word in (objectif.intitule, str(objectif)):
                    self.objectifs.setdefault((id(axe), normalise(word)), under)

    @property
    def nouvelles(self) -> tuple[list[Axe], list[Objectif]]:
        """Those that the plan does not have, in the order of the file."""
        axes = {id(b.objet): b.objet for b in self.axes.values() if b.nouveau}
        objectifs = {id(b.objet): b.objet for b in self.objectifs.values() if b.nouveau}
        return list(axes.values()), list(objectifs.values())

    def axe(self, text: str) -> Axe:
        code, titre = split_code(text)
        for word in (text, titre):
            if found := self.axes.get(normalise(word)):
                return found.objet
        count = len({id(branch.objet) for branch in self.axes.values()})
        taken = {branch.objet.code for branch in self.axes.values()}
        axe = Axe(
            plan=self.plan,
            code=_free(code or str(count + 1), taken),
            intitule=(titre or text)[:TITRE_MAX],
            couleur=count % 8 + 1,
            ordre=count,
        )
        branch = Branche(axe, nouveau=True)
        self.axes[normalise(text)] = self.axes[normalise(titre or text)] = branch
        return axe

    def par_defaut(self) -> Axe:
        chosen = next((axe for axe in self.anciens if str(axe.pk) == self.choisi), None)
        return chosen or self.axe("Actions")

    def objectif(self, axe: Axe, text: str) -> Objectif:
        code, titre = split_code(text)
        for word in (text, titre):
            if found := self.objectifs.get((id(axe), normalise(word))):
                return found.objet
        siblings = {id(b.objet): b.objet for key, b in self.objectifs.items() if key[0] == id(axe)}
        taken = {objectif.code for objectif in siblings.values()}
        objectif = Objectif(
            axe=axe,
            code=_free(code or f"{axe.code}.{len(siblings) + 1}", taken),
            intitule=(titre or text)[:TITRE_MAX],
            ordre=len(siblings),
        )
        branch = Branche(objectif, nouveau=True)
        for word in (text, titre or text):
            self.objectifs[id(axe), normalise(word)] = branch
        return objectif


def _free(code: str, taken: set[str]) -> str:
    found, rank = code[:20], 2
    while found in taken:
        found, rank = f"{code[:15]}-{rank}", rank + 1
    return found
