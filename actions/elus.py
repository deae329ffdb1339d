"""The plan for élus: short, in large type, two pages an axe. Same rows, same figures as the whole plan."""

import datetime
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from textwrap import shorten
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from actions.documents import plan_context_of, plan_filename, printable_fiches
from actions.models import FicheAction, LigneBudget, LigneFinancement, PlanActions
from actions.models.arbre import BrancheAxe
from actions.models.bord import COUTS, FINANCEMENTS, Sommes, said_of_abandoned, summed
from actions.models.depuis import FicheChangee, changes_since, in_plan
from actions.models.fiche import AVANCEMENTS_FINIS, Avancement
from actions.models.progression import Progression
from ctg_portal.templatetags.portal import date_fr

PERIODE = datetime.timedelta(days=182)
"""How far back « ce qui a changé » looks."""
LIGNES = 3
"""Lines of each list: what does not fit is counted, and is in the whole plan."""
MOTS = 360
"""Letters of the words of an axe."""
TITRE = 64


def titre_court(fiche: FicheAction) -> str:
    """« 2.1.3 Ouvrir un relais » cut between two words."""
    return shorten(str(fiche), TITRE, placeholder=" …")


@dataclass
class Montants(Sommes):
    """The money of an axe."""

    @property
    def is_vide(self) -> bool:
        return all(value is None for value in asdict(self).values())

    @property
    def abandons(self) -> str:
        return said_of_abandoned([self])

    @property
    def a_trouver(self) -> Decimal | None:
        """What was asked for and is not obtained yet, ``None`` when nothing is."""
        if self.demande is None:
            return None
        gap = self.demande - (self.obtenu or 0) + (self.obtenu_abandon or 0)
        return gap if gap > 0 else None


@dataclass
class Liste:
    """The first lines, and how many more there are."""

    lignes: list[str]
    autres: int = 0

    @classmethod
    def of(cls, lignes: list[str]) -> "Liste":
        return cls(lignes[:LIGNES], max(0, len(lignes) - LIGNES))


@dataclass
class AxeEnBref:
    branche: BrancheAxe
    progression: Progression
    montants: Montants
    late: list[FicheAction] = field(default_factory=list)
    changements: Liste = field(default_factory=lambda: Liste([]))

    @property
    def titre_court(self) -> str:
        return shorten(str(self.branche.axe), 2 * TITRE, placeholder=" …")

    @property
    def resume(self) -> str:
        """The words of the axe, cut between two words."""
        return shorten(" ".join(self.branche.axe.enjeu_central.split()), MOTS, placeholder=" …")

    @property
    def retards(self) -> Liste:
        """Since when, never for how long: the sheet is still true tomorrow, and is not drawn again for it."""
        return Liste.of(
            [f"{titre_court(fiche)}, depuis le {date_fr(fiche.retard_depuis)}" for fiche in self.late]
        )

    @property
    def objectifs(self) -> Liste:
        found = [
            f"{shorten(str(sous.objectif), 2 * TITRE, placeholder=' …')} ({len(sous.fiches)} fiche{'s' if len(sous.fiches) > 1 else ''})"
            for sous in self.branche.objectifs
        ]
        return Liste(found[: 2 * LIGNES], max(0, len(found) - 2 * LIGNES))

    @property
    def fiches(self) -> Liste:
        """Named when the axe has no objectif to say what it does."""
        found = [titre_court(fiche) for fiche in self.branche.toutes] if not self.branche.objectifs else []
        return Liste(found[: 2 * LIGNES], max(0, len(found) - 2 * LIGNES))

    @property
    def demandes(self) -> list[str]:
        """What is asked of the élus, in French sentences."""
        ongoing = [fiche for fiche in self.branche.toutes if fiche.avancement not in AVANCEMENTS_FINIS]
        paused = [fiche for fiche in ongoing if fiche.avancement == Avancement.EN_PAUSE]
        orphan = [fiche for fiche in ongoing if not fiche.elu_referent]
        said = []
        if self.late:
            said.append(
                f"Choisir pour {_fiches(len(self.late), 'en retard')} : une nouvelle échéance, d’autres moyens, ou l’arrêt."
            )
        if paused:
            said.append(
                f"Dire si {_fiches(len(paused), 'en pause')} reprend ou s’arrête."
                if len(paused) == 1
                else f"Dire si {_fiches(len(paused), 'en pause')} reprennent ou s’arrêtent."
            )
        if orphan:
            said.append(f"Nommer un·e élu·e référent·e pour {_fiches(len(orphan), 'sans élu·e')}.")
        return said


def _fiches(number: int, mot: str) -> str:
    return f"{number} fiche{'s' if number > 1 else ''} {mot}"


def _montants(fiches: Any) -> dict[int, Montants]:
    """By axe, in two queries."""
    ids = fiches.order_by().values("pk")
    found: dict[int, Montants] = defaultdict(Montants)
    granted = LigneFinancement.objects.filter(fiche__in=ids).exclude(etat=LigneFinancement.Etat.REFUSE)
    for rows, sums in ((LigneBudget.objects.filter(fiche__in=ids), COUTS), (granted, FINANCEMENTS)):
        for row in summed(rows, sums, "fiche__axe"):
            for name in sums:
                setattr(found[row["fiche__axe"]], name, row[f"somme_{name}"])
    return found


def _said(change: FicheChangee) -> str:
    """One line of what élus follow: new, moved, a step done; empty for what was only rewritten."""
    moved = [etat for etat in change.etats if etat.champ == "avancement"]
    if change.genre == "modifiee" and not moved and not change.etapes_faites:
        return ""
    if moved:
        return f"{titre_court(change.fiche)} : {moved[0].avant.lower()} → {moved[0].apres.lower()}"
    if change.etapes_faites:
        return f"{titre_court(change.fiche)} : {shorten(', '.join(change.etapes_faites), TITRE, placeholder=' …')}, fait"
    return f"{titre_court(change.fiche)} : {change.mot}"


def elus_context(plan: PlanActions, today: datetime.date | None = None) -> dict[str, Any]:
    """What the short edition says, in a constant number of queries."""
    today = today or timezone.localdate()
    fiches = printable_fiches(plan.convention)
    context = plan_context_of(
        plan,
        fiches.select_related("axe", "objectif").with_late().in_plan_order(),
        f"Le plan d’actions en bref – {plan.convention}",
        today,
    )
    since = timezone.make_aware(datetime.datetime.combine(today - PERIODE, datetime.time.min))
    changes: dict[int, list[str]] = defaultdict(list)
    for change in changes_since(in_plan(fiches), since, named=False):
        if said := _said(change):
            changes[change.fiche.axe_id].append(said)
    montants = _montants(fiches)
    axes = [
        AxeEnBref(
            branche,
            progression,
            montants.get(branche.axe.pk, Montants()),
            [fiche for fiche in branche.toutes if fiche.is_late],
            Liste.of(changes[branche.axe.pk]),
        )
        for branche, progression in context["branches"]
    ]
    return context | {"axes": axes, "depuis": since.date()}


def elus_html(plan: PlanActions, today: datetime.date | None = None) -> str:
    return render_to_string("actions/pdf/elus.html", elus_context(plan, today))


def elus_filename(plan: PlanActions, today: datetime.date | None = None) -> str:
    return f"{slugify('En bref')}-{plan_filename(plan, today)}"
