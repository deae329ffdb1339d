"""The filtered set in the tree of its plan."""

from collections import defaultdict
from dataclasses import dataclass, field

from django.urls import reverse

from actions.models import FicheAction, plan_tree
from actions.models.arbre import BrancheAxe, BrancheObjectif
from actions.models.facettes import AUCUN
from actions.models.groupes import progress_by
from actions.models.progression import Progression, total_progress

TOUT = 300
"""Fiches up to which the whole tree is on the page; beyond, those of a branch are read when it is opened."""
PREMIERES = 100
"""Fiches of one branch that a long tree shows; the rest is in the table."""


@dataclass(frozen=True)
class Feuillage:
    """The fiches that hang from a branch. ``url``: the same in the table."""

    cle: str
    total: int
    url: str
    is_charge: bool = True
    fiches: list[FicheAction] = field(default_factory=list)

    @property
    def reste(self):
        return self.total - len(self.fiches)


@dataclass(frozen=True)
class Arbre:
    """``branches``: (branch, its progression, what hangs from it, its objectifs with theirs).

    ``is_long``: the objectifs are folded until one is opened. ``masques``: what is hidden, in a sentence.
    """

    branches: list[
        tuple[BrancheAxe, Progression, Feuillage, list[tuple[BrancheObjectif, Progression, Feuillage]]]
    ]
    total: Progression
    masques: str
    is_long: bool = False


def tree_of(plan, filtre, opened=frozenset()):
    """What no filter keeps is hidden only when a filter is in force: an axe still empty is there to be filled.

    ``opened``: keys of the branches of a long tree whose fiches are read.
    """
    if plan is None:
        return Arbre([], Progression(), "")
    by_axe = progress_by(filtre.kept, "axe")
    by_objectif = progress_by(filtre.kept, "objectif")
    leaves = _Feuilles(filtre, opened)
    branches, axes, objectifs = [], 0, 0
    for branche in plan_tree(plan.axes.all(), ()):
        progression = by_axe.get(str(branche.axe.pk), Progression())
        rows = [
            (
                row,
                by_objectif.get(str(row.objectif.pk), Progression()),
                leaves.of(f"objectif-{row.objectif.pk}", objectif=row.objectif.pk),
            )
            for row in branche.objectifs
        ]
        if filtre.is_filtering:
            kept = [row for row in rows if row[1].total]
            if not progression.total:
                axes += 1
                objectifs += len(rows)
                continue
            objectifs += len(rows) - len(kept)
            rows = kept
        own = leaves.of(f"axe-{branche.axe.pk}", axe=branche.axe.pk, objectif=AUCUN)
        branches.append((branche, progression, own, rows))
    return Arbre(branches, total_progress(by_axe.values()), _said(axes, objectifs), leaves.is_long)


class _Feuilles:
    """The fiches of each branch, in the order of the plan: all of a short tree, those of the opened branches of a long one."""

    def __init__(self, filtre, opened):
        self.filtre, self.opened = filtre, opened
        self.is_long = len(filtre.kept) > TOUT
        self.par_cle = defaultdict(list)
        if not self.is_long:
            for fiche in filtre.in_order().for_list():
                self.par_cle[_cle(fiche.axe_id, fiche.objectif_id)].append(fiche)
            return
        for pk, axe, objectif in filtre.in_order().values_list("pk", "axe", "objectif"):
            self.par_cle[_cle(axe, objectif)].append(pk)
        wanted = [pk for cle in opened for pk in self.par_cle.get(cle, ())[:PREMIERES]]
        rows = FicheAction.objects.filter(pk__in=wanted).for_list() if wanted else ()
        self.lues = {fiche.pk: fiche for fiche in rows}

    def of(self, cle, **place):
        found = self.par_cle[cle]
        asked = self.filtre.data.copy()
        for name, value in place.items():
            asked.setlist(name, [value])
        for name in ("page", "ouvert", "replie"):
            asked.pop(name, None)
        url = f"{reverse('actions:fiches', args=[self.filtre.convention.code])}?{asked.urlencode()}"
        if not self.is_long:
            return Feuillage(cle, len(found), url, fiches=found)
        shown = found[:PREMIERES] if cle in self.opened else []
        fiches = [self.lues[pk] for pk in shown if pk in self.lues]
        return Feuillage(cle, len(found), url, cle in self.opened, fiches)


def _cle(axe, objectif):
    """The key of the branch that a fiche hangs from: also its anchor in the page."""
    return f"axe-{axe}" if objectif is None else f"objectif-{objectif}"


def _said(axes, objectifs):
    parts = [f"{n} {word}{'s' if n > 1 else ''}" for n, word in ((axes, "axe"), (objectifs, "objectif")) if n]
    if not parts:
        return ""
    many = axes + objectifs > 1
    return (
        f"{' et '.join(parts)} sans fiche qui réponde aux filtres {'sont masqués' if many else 'est masqué'}."
    )
