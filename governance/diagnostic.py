"""The diagnostic as a document: one content, drawn as a page, a tagged PDF and a Word file; frozen when validated."""

import datetime

from django.db import transaction
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from ctg_portal.contenu import Acte
from ctg_portal.models import User
from diagnostics.models import Diagnostic
from governance.actes import acte_html
from governance.emissions import issue_document
from governance.models import DocumentEmis
from governance.sections_diagnostic import diagnostic_sections


def diagnostic_acte(diagnostic: Diagnostic) -> Acte:
    """All that the diagnostic says, in reading order; an empty part says that nothing is written yet."""
    convention = diagnostic.convention
    territoire = convention.territoire
    return Acte(
        titre=f"Diagnostic partagé – {territoire.nom} – {convention.periode}",
        nom="Diagnostic partagé",
        sous_titre=f"Année {diagnostic.annee}" if diagnostic.annee else convention.periode,
        mentions=[convention.intitule, diagnostic.get_statut_display()],
        sections=diagnostic_sections(diagnostic),
        auteur=territoire.nom,
        avertissement=convention.avertissement,
    )


def diagnostic_filename(diagnostic: Diagnostic, extension: str, *, version: int = 0) -> str:
    """« diagnostic-cazals-salviac-2026-11-25.docx », or « …-v2.pdf » for what is frozen."""
    territoire = slugify(diagnostic.convention.territoire.nom_court)
    suffix = f"v{version}" if version else timezone.localdate().isoformat()
    return f"diagnostic-{territoire}-{diagnostic.convention.debut.year}-{suffix}.{extension}"


@transaction.atomic
def validate_diagnostic(
    diagnostic: Diagnostic, *, by: User, today: datetime.date | None = None
) -> DocumentEmis:
    """Move the diagnostic to « validé en COPIL » and freeze it as the next version of the annexe, or neither.

    What it says is fixed at once; its file is drawn in the background.

    Raise ``TransitionError`` when it may not be validated.
    """
    # The verb locks the row: one writer at a time numbers the versions.
    diagnostic.move_to(Diagnostic.Statut.VALIDE, by=by)
    convention = diagnostic.convention
    frozen = DocumentEmis.objects.filter(convention=convention, nature=DocumentEmis.Nature.DIAGNOSTIC)
    version = (frozen.aggregate(last=Max("version"))["last"] or 0) + 1
    acte = diagnostic_acte(diagnostic)
    return issue_document(
        convention=convention,
        nature=DocumentEmis.Nature.DIAGNOSTIC,
        titre=acte.titre,
        version=version,
        nom_fichier=diagnostic_filename(diagnostic, "pdf", version=version),
        html=render_to_string("governance/pdf/diagnostic.html", {"acte": acte}),
        source=acte_html(acte, convention, today),
        by=by,
    )
