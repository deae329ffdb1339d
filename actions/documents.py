"""What the printed plan and the printed fiche say: a context and a template each, without the printing."""

import datetime
from collections.abc import Iterable, Sequence
from textwrap import shorten
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from actions.description import SANS_NOTES, TOUT, Choix
from actions.ecrits import written_fiches
from actions.lots import COMMENTAIRES, CONFIDENTIELLES, Lot, said_choices
from actions.models import FicheAction, PlanActions, plan_tree
from actions.models.bord import budget_by_year
from actions.models.fiche import FicheActionQuerySet
from actions.models.progression import total_progress, with_progression
from conventions.models import Convention
from ctg_portal.documents import image_data


def printable_fiches(convention: Convention) -> FicheActionQuerySet:
    """What a document that leaves the portal may hold: neither archived nor confidential."""
    return FicheAction.objects.filter(plan__convention=convention, confidentielle=False).actives()


def _frame(convention: Convention, titre: str, today: datetime.date | None) -> dict[str, Any]:
    """What every document says of its convention."""
    return {
        "convention": convention,
        "territoire": convention.territoire,
        "titre": titre,
        "date": today or timezone.localdate(),
    }


def plan_context(
    plan: PlanActions, today: datetime.date | None = None, lot: Lot | None = None
) -> dict[str, Any]:
    """Everything the printed plan says, or that of the fiches of ``lot``, in a constant number of queries; a fiche that did
    not change since it was last printed is not written again."""
    convention = plan.convention
    counted = FicheAction.objects.filter(pk__in=lot.pks) if lot else printable_fiches(convention)
    entier = lot is None or lot.entier
    nom = lot.nom if lot else "Plan d’actions"
    choix = lot.choix if lot else SANS_NOTES
    ecrits = written_fiches(counted, choix)
    rows = counted.select_related("axe", "objectif").in_plan_order()
    # Written first: one that came since then is for the next time, or the contents would name a page that is not there.
    fiches = [fiche for fiche in rows if fiche.pk in ecrits]
    titre = f"{nom} – {convention}"
    return plan_context_of(plan, fiches, titre, today, counted=counted, entier=entier) | {
        "nom": nom,
        "entier": entier,
        "mentions": lot.mentions if lot else [*said_choices(SANS_NOTES), CONFIDENTIELLES, COMMENTAIRES],
        "ecrits": ecrits,
        "signataires": convention.signataires.for_page() if entier else [],
    }


def plan_context_of(
    plan: PlanActions,
    fiches: Iterable[FicheAction],
    titre: str,
    today: datetime.date | None = None,
    *,
    counted: FicheActionQuerySet | None = None,
    entier: bool = True,
) -> dict[str, Any]:
    """What every edition of the plan says: its tree of ``fiches``, in order, and the figures of ``counted``.

    ``counted``: all the printable fiches when nothing is said; ``entier``: axes without a fiche are there too.
    """
    convention = plan.convention
    counted = printable_fiches(convention) if counted is None else counted
    axes = list(plan.axes.prefetch_related("objectifs"))
    if not entier:
        kept = set(counted.order_by().values_list("axe", flat=True))
        axes = [axe for axe in axes if axe.pk in kept]
    progressions = [found for _, found in with_progression(axes, counted)]
    exercices = budget_by_year(counted)
    return _frame(convention, titre, today) | {
        "plan": plan,
        "logo": image_data(convention.territoire.logo),
        "branches": list(zip(plan_tree(axes, fiches), progressions, strict=True)),
        "total": total_progress(progressions),
        "plus_grand": max((found.total for found in progressions), default=0),
        "exercices": exercices,
    }


def plan_html(plan: PlanActions, today: datetime.date | None = None, lot: Lot | None = None) -> str:
    return render_to_string("actions/pdf/plan.html", plan_context(plan, today, lot))


def plan_filename(plan: PlanActions, today: datetime.date | None = None) -> str:
    """« plan-actions-cazals-salviac-2022-2026-2026-11-23.pdf »: two conventions of a territoire keep their own files."""
    convention = plan.convention
    territoire = slugify(convention.territoire.nom_court)
    periode = f"{convention.debut.year}-{convention.fin.year}"
    return f"plan-actions-{territoire}-{periode}-{(today or timezone.localdate()).isoformat()}.pdf"


def fiche_html(
    fiche: FicheAction,
    today: datetime.date | None = None,
    choix: Choix = TOUT,
    mentions: Sequence[str] = (),
) -> str:
    """One fiche, as loaded by ``for_document()``."""
    frame = _frame(fiche.plan.convention, f"Fiche action {fiche}", today)
    return render_to_string(
        "actions/pdf/fiche.html", frame | {"fiche": fiche, "choix": choix, "mentions": mentions}
    )


def fiche_filename(fiche: FicheAction) -> str:
    """« fiche-2-1-3-ouvrir-un-relais-itinerant.pdf »: a long title is cut between two words."""
    titre = shorten(slugify(fiche.intitule).replace("-", " "), 60, placeholder="").replace(" ", "-")
    return "-".join(filter(None, ("fiche", slugify(fiche.code.replace(".", "-")), titre))) + ".pdf"
