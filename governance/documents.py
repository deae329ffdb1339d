"""The dossier de séance: seen as a page, then issued and frozen as a file."""

import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max, Prefetch, Subquery
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from actions.documents import printable_fiches
from actions.models import FicheAction, Pilote
from actions.models.depuis import FicheChangee, changes_since, in_plan
from actions.models.progression import progress_by_axe, total_progress
from ctg_portal.documents import image_data
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from governance.emissions import issue_document
from governance.models import Decision, DocumentEmis, PointOrdreDuJour, Reunion

TITRE = "Dossier de séance"


def dossier_context(reunion: Reunion) -> dict[str, Any]:
    """What the dossier says, for all members alike: confidential and archived fiches are left out."""
    fiches = (
        FicheAction.objects.actives()
        .filter(confidentielle=False)
        .select_related("plan__convention", "axe", "objectif", "structure_pilote")
        .prefetch_related(Prefetch("pilotes", Pilote.objects.select_related("user")))
        .with_late()
        .in_plan_order()
    )
    points = list(reunion.points.prefetch_related(Prefetch("fiches", fiches)))
    concernees = {fiche.pk: fiche for point in points for fiche in point.fiches.all()}
    total = total_progress(progress_by_axe(printable_fiches(reunion.instance.convention)).values())
    copil_le, changements = changements_depuis_copil(reunion)
    ouvertes = Decision.objects.before(reunion).ouvertes().most_pressing_first()
    return {
        "convention": reunion.instance.convention,
        "total": total,
        "copil_le": copil_le,
        "changements": changements,
        "reunion": reunion,
        "points": points,
        "a_decider": [point for point in points if point.visee == PointOrdreDuJour.Visee.DECISION],
        "fiches": list(concernees.values()),
        "membres": list(reunion.instance.membres.select_related("organisation", "user")),
        "ouvertes": list(ouvertes.select_related("reunion__instance")),
    }


def changements_depuis_copil(reunion: Reunion) -> tuple[datetime.datetime | None, list[FicheChangee]]:
    """When the last COPIL met before ``reunion``, and what changed since; ``None`` when none met, or without a fiche.

    Confidential fiches are left out; those archived meanwhile are said. Three queries.
    """
    convention = reunion.instance.convention
    copils = Reunion.objects.copils_tenus().filter(instance__convention=convention, debut__lt=reunion.debut)
    fiches = FicheAction.objects.of_convention(convention).filter(confidentielle=False)
    found: list[Any] = in_plan(fiches.annotate(copil_le=Subquery(copils.values("debut")[:1])))
    since = found[0].copil_le if found else None
    return since, changes_since(found, since, named=False) if since else []


def dossier_filename(reunion: Reunion, version: int) -> str:
    """« dossier-cazals-salviac-copil-2026-12-09-v1.pdf »."""
    territoire = slugify(reunion.instance.convention.territoire.nom_court)
    return f"dossier-{territoire}-{slugify(reunion.instance.nature.replace('_', '-'))}-{reunion.jour.isoformat()}-v{version}.pdf"


@transaction.atomic
def issue_dossier(reunion: Reunion, *, by: User) -> DocumentEmis:
    """Fix the dossier as it is now, as the next version; its file is drawn in the background."""
    # One writer at a time numbers the versions.
    Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
    issued = DocumentEmis.objects.filter(reunion=reunion, nature=DocumentEmis.Nature.DOSSIER_SEANCE)
    version = (issued.aggregate(last=Max("version"))["last"] or 0) + 1
    context = dossier_context(reunion)
    territoire = reunion.instance.convention.territoire
    titre = f"{TITRE} – {reunion}"
    frame: dict[str, Any] = {
        "titre_seance": f"{reunion.instance.intitule} du {date_fr(reunion.debut)}",
        "titre": titre,
        "version": version,
        "territoire": territoire,
        "logo": image_data(territoire.logo),
        "date": timezone.localdate(),
    }
    return issue_document(
        convention=reunion.instance.convention,
        reunion=reunion,
        nature=DocumentEmis.Nature.DOSSIER_SEANCE,
        titre=titre,
        version=version,
        nom_fichier=dossier_filename(reunion, version),
        html=render_to_string("governance/pdf/contenu.html", context),
        source=render_to_string("governance/pdf/dossier.html", context | frame),
        by=by,
    )
