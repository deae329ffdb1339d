"""What the printed plan and the printed fiche say: a context and a template each, without the printing."""

import datetime
from decimal import Decimal
from textwrap import shorten
from typing import Any

from django.db.models import Sum
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from actions.models import FicheAction, LigneBudget, LigneFinancement, PlanActions, plan_tree
from actions.models.fiche import FicheActionQuerySet
from actions.models.lecture import for_screen
from actions.models.progression import total_progress, with_progression
from conventions.models import Convention
from ctg_portal.documents import image_data


def printable_fiches(convention: Convention) -> FicheActionQuerySet:
    """What a document that leaves the portal may hold: neither archived nor confidential."""
    return FicheAction.objects.filter(plan__convention=convention, confidentielle=False).actives()


def budget_by_year(fiches: FicheActionQuerySet) -> list[dict[str, Any]]:
    """Costs and fundings of each year, in euros; ``None`` where nothing was entered, refused fundings left out."""
    ids = fiches.order_by().values("pk")
    years: dict[int, dict[str, Decimal | None]] = {}
    costs = LigneBudget.objects.filter(fiche__in=ids).order_by().values("annee")
    for row in costs.annotate(p=Sum("prevu"), r=Sum("realise")):
        years.setdefault(row["annee"], {}).update(prevu=row["p"], realise=row["r"])
    fundings = LigneFinancement.objects.filter(fiche__in=ids).exclude(etat=LigneFinancement.Etat.REFUSE)
    for funding in fundings.order_by().values("annee").annotate(d=Sum("demande"), o=Sum("obtenu")):
        years.setdefault(funding["annee"], {}).update(demande=funding["d"], obtenu=funding["o"])
    empty = dict.fromkeys(("prevu", "realise", "demande", "obtenu"))
    return [{"annee": annee} | empty | years[annee] for annee in sorted(years)]


def _frame(convention: Convention, titre: str, today: datetime.date | None) -> dict[str, Any]:
    """What every document says of its convention."""
    return {
        "convention": convention,
        "territoire": convention.territoire,
        "titre": titre,
        "date": today or timezone.localdate(),
    }


def plan_context(plan: PlanActions, today: datetime.date | None = None) -> dict[str, Any]:
    """Everything the printed plan says, in a constant number of queries."""
    convention = plan.convention
    fiches = for_screen(printable_fiches(convention).in_plan_order())
    return plan_context_of(plan, fiches, f"Plan d’actions – {convention}", today) | {
        "signataires": convention.signataires.for_page()
    }


def plan_context_of(
    plan: PlanActions, fiches: FicheActionQuerySet, titre: str, today: datetime.date | None = None
) -> dict[str, Any]:
    """What every edition of the plan says: its tree of ``fiches``, in order, and its figures."""
    convention = plan.convention
    printable = printable_fiches(convention)
    axes = list(plan.axes.prefetch_related("objectifs"))
    progressions = [found for _, found in with_progression(axes, printable)]
    return _frame(convention, titre, today) | {
        "plan": plan,
        "logo": image_data(convention.territoire.logo),
        "branches": list(zip(plan_tree(axes, fiches), progressions, strict=True)),
        "total": total_progress(progressions),
        "plus_grand": max((found.total for found in progressions), default=0),
        "exercices": budget_by_year(printable),
    }


def plan_html(plan: PlanActions, today: datetime.date | None = None) -> str:
    return render_to_string("actions/pdf/plan.html", plan_context(plan, today))


def plan_filename(plan: PlanActions, today: datetime.date | None = None) -> str:
    """« plan-actions-cazals-salviac-2022-2026-2026-11-23.pdf »: two conventions of a territoire keep their own files."""
    convention = plan.convention
    territoire = slugify(convention.territoire.nom_court)
    periode = f"{convention.debut.year}-{convention.fin.year}"
    return f"plan-actions-{territoire}-{periode}-{(today or timezone.localdate()).isoformat()}.pdf"


def fiche_html(fiche: FicheAction, today: datetime.date | None = None) -> str:
    """One fiche, as loaded by ``for_screen()``."""
    frame = _frame(fiche.plan.convention, f"Fiche action {fiche}", today)
    return render_to_string("actions/pdf/fiche.html", frame | {"fiche": fiche})


def fiche_filename(fiche: FicheAction) -> str:
    """« fiche-2-1-3-ouvrir-un-relais-itinerant.pdf »: a long title is cut between two words."""
    titre = shorten(slugify(fiche.intitule).replace("-", " "), 60, placeholder="").replace(" ", "-")
    return "-".join(filter(None, ("fiche", slugify(fiche.code.replace(".", "-")), titre))) + ".pdf"
