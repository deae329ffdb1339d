"""The axes and objectifs that a file names: those of the plan, or new ones."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from actions.models import Axe, Objectif, PlanActions
from actions.tableur.apercu import compte
from actions.tableur.mots import split_code
from ctg_portal.imports import normalise

TITRE_MAX = 300
NOUVEL_AXE = "nouveau"
NOMMES = 12
"""How many names a sentence lists."""


@dataclass
class Branche:
    """An axe or an objectif that the file names: the row of the plan, or one to create."""

    objet: Any
    nouveau: bool = False


class TroisiemeNiveau:
    """A level below the objectifs: the plan has none, so its words go to the notes of its fiches, and this is said."""

    def __init__(self, titre: str) -> None:
        self.titre = titre or "Troisième niveau"
        self.courant = ""
        self._fiches: Counter[str] = Counter()

    def follow(self, text: str, *, autre: bool) -> None:
        """A row names it, or (``autre``) names another axe or objectif: what follows is no longer of the former one."""
        if text or autre:
            self.courant = text

    def note(self, *, is_dit: bool) -> list[tuple[str, str]]:
        """What a fiche keeps of it; ``is_dit``: its own row says it, in a cell that is kept already."""
        if not self.courant:
            return []
        self._fiches[self.courant] += 1
        return [] if is_dit else [(self.titre, self.courant)]

    @property
    def remarques(self) -> list[str]:
        if not self._fiches:
            return []
        named = [f"« {text[:80]} » ({compte(count, 'fiche')})" for text, count in self._fiches.items()]
        more = f", et {len(named) - NOMMES} autres" if len(named) > NOMMES else ""
        return [
            f"« {self.titre} » est un troisième niveau, sous les axes et les objectifs ; le plan du portail en a deux. Ses "
            f"mots sont gardés dans une note de chaque fiche : {', '.join(named[:NOMMES])}{more}."
        ]


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
