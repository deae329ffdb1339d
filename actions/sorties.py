"""A lot of fiches as the input of a file, fixed when it is asked, and the name of that file."""

import datetime

from django.utils import timezone
from django.utils.text import slugify

from actions.actes import MODELE_FICHE, MODELE_PLAN, fiche_acte, plan_acte
from actions.documents import fiche_filename, fiche_html, plan_html
from actions.feuilles import lot_feuilles
from actions.lots import Lot
from actions.models import FicheAction
from conventions.models import Convention
from ctg_portal.documents import DocumentError
from ctg_portal.tableurs import xlsx_source
from ctg_portal.word import word_source


def _logo(convention: Convention) -> bytes:
    """A logo whose file is gone is left out: the words can still be worked on."""
    logo = convention.territoire.logo
    if not logo:
        return b""
    try:
        with logo.open("rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        return b""


def lot_source(lot: Lot, sortie: str, today: datetime.date | None = None) -> str:
    """All that the PDF, the Word file or the workbook of ``lot`` depends on, fixed now: what ``impressions.draw`` takes."""
    if sortie == "xlsx":
        return xlsx_source(lot_feuilles(lot), titre=f"{lot.nom}, {lot.convention}")
    if lot.seule:
        (fiche,) = lot.fiches()
        if sortie == "pdf":
            return fiche_html(fiche, today, lot.choix, lot.mentions)
        acte = fiche_acte(fiche, lot.choix, lot.mentions)
        return word_source(acte, MODELE_FICHE, logo=_logo(fiche.plan.convention), today=today)
    plan = lot.plan()
    if plan is None:
        raise DocumentError("no plan to draw")
    if sortie == "pdf":
        return plan_html(plan, today, lot)
    acte = plan_acte(plan, lot.branches(), lot.choix, lot.mentions, nom=lot.nom, today=today)
    return word_source(acte, MODELE_PLAN, logo=_logo(plan.convention), today=today)


def lot_filename(lot: Lot, sortie: str, today: datetime.date | None = None) -> str:
    """« selection-cazals-salviac-2022-2026-2026-11-26.docx »; a fiche has its own number and title."""
    if lot.seule:
        fiche = FicheAction.objects.get(pk=lot.pks[0])
        return fiche_filename(fiche).removesuffix("pdf") + sortie
    convention = lot.convention
    nom = "plan-actions" if lot.entier else "selection-fiches"
    periode = f"{convention.debut.year}-{convention.fin.year}"
    day = (today or timezone.localdate()).isoformat()
    return f"{nom}-{slugify(convention.territoire.nom_court)}-{periode}-{day}.{sortie}"
