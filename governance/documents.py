"""The dossier de séance: seen as a page, then issued and frozen as a file."""

from typing import Any

from django.db import transaction
from django.db.models import Max
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from ctg_portal.documents import image_data
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from governance.dossier import parties_of, plan_en_bref
from governance.emissions import issue_document
from governance.matiere import Matiere
from governance.models import AnnexeEmise, DocumentEmis, Reunion, SommaireDossier
from governance.models.dossier import Partie

TITRE = "Dossier de séance"


def dossier_context(reunion: Reunion, *, entieres: bool = True) -> dict[str, Any]:
    """What the dossier says, for all members alike: confidential and archived fiches are left out.

    The fiches concerned are whole when the meeting chose so, unless not ``entieres``.
    """
    sommaire = SommaireDossier.of(reunion)
    whole = sommaire.fiches == SommaireDossier.Fiches.ENTIERES
    matiere = Matiere(reunion, entieres=whole and entieres)
    return {
        "convention": reunion.instance.convention,
        "reunion": reunion,
        "sommaire": sommaire,
        "abregees": whole and not entieres,
        "a_decider": matiere.a_decider,
        "nb_points": len(matiere.points),
        "en_bref": plan_en_bref(matiere.total) if matiere.total.total else "",
        "parties": parties_of(matiere, sommaire),
        "annexes": matiere.annexes if Partie.ANNEXES in sommaire.ordonnees else [],
    }


def dossier_filename(reunion: Reunion, edition: str) -> str:
    """« dossier-cazals-salviac-copil-2026-12-09-v1.pdf »."""
    territoire = slugify(reunion.instance.convention.territoire.nom_court)
    return f"dossier-{territoire}-{slugify(reunion.instance.nature.replace('_', '-'))}-{reunion.jour.isoformat()}-{edition}.pdf"


def dossier_html(context: dict[str, Any], edition: str) -> str:
    """The whole page that ``render_pdf`` draws. ``edition``: at the foot of pages and on the first one."""
    reunion: Reunion = context["reunion"]
    territoire = reunion.instance.convention.territoire
    frame = {
        "titre_seance": f"{reunion.instance.intitule} du {date_fr(reunion.debut)}",
        "titre": f"{TITRE} – {reunion}",
        "edition": edition,
        "territoire": territoire,
        "logo": image_data(territoire.logo),
        "date": timezone.localdate(),
    }
    return render_to_string("governance/pdf/dossier.html", context | frame)


@transaction.atomic
def issue_dossier(reunion: Reunion, *, by: User) -> DocumentEmis:
    """Fix the dossier as it is now, as the next version; its file is drawn in the background."""
    # One writer at a time numbers the versions.
    Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
    issued = DocumentEmis.objects.filter(reunion=reunion, nature=DocumentEmis.Nature.DOSSIER_SEANCE)
    version = (issued.aggregate(last=Max("version"))["last"] or 0) + 1
    context = dossier_context(reunion)
    return issue_document(
        convention=reunion.instance.convention,
        reunion=reunion,
        nature=DocumentEmis.Nature.DOSSIER_SEANCE,
        titre=f"{TITRE} – {reunion}",
        version=version,
        nom_fichier=dossier_filename(reunion, f"v{version}"),
        html=render_to_string("governance/dossier_page.html", context),
        source=dossier_html(context, f"Version {version}, émise le {date_fr(timezone.localdate())}"),
        annexes=[
            AnnexeEmise(
                rang=annexe.rang,
                piece=annexe.piece,
                titre=annexe.titre,
                pages=annexe.pages,
                refus=annexe.refus,
            )
            for annexe in context["annexes"]
        ],
        by=by,
    )
