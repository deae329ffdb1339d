"""The avis of the CAF as a document: what it says, and its signature, which freezes the file with the words."""

import datetime

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from actions.models import Avis
from conventions.models import Organisation
from ctg_portal.contenu import Acte, Bloc, Section, Texte
from ctg_portal.documents import image_data
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.emissions import issue_document
from governance.models import DocumentEmis


def avis_acte(avis: Avis) -> Acte:
    """All that the avis says, in reading order: its sens, its words, its réserves, who signed it."""
    convention = avis.plan.convention
    territoire = convention.territoire
    objet = f"Plan d’actions, version {avis.version}" if avis.fiche is None else f"Fiche action {avis.fiche}"
    sens: list[Bloc] = [Texte(f"Avis {avis.get_sens_display().lower()}." if avis.sens else "Sens à choisir.")]
    sections = [
        Section("Sens de l’avis", 1, sens),
        Section("Avis", 1, [Texte(avis.texte or "Texte à écrire.")]),
        *(
            Section(f"Réserve {rank}", 1, [Texte(reserve.texte)])
            for rank, reserve in enumerate(avis.reserves.all(), start=1)
        ),
        Section("Signature", 1, [Texte(_signature(avis))]),
    ]
    return Acte(
        titre=f"Avis de la CAF – {objet} – {territoire.nom} – {convention.periode}",
        nom="Avis de la CAF",
        sous_titre=objet,
        mentions=[
            f"{convention.intitule}, {convention.periode}",
            _demande(avis),
            f"Signé le {date_fr(avis.signe_le)}" if avis.signe_le else "Projet, non signé",
        ],
        sections=sections,
        auteur=territoire.nom,
        avertissement=convention.avertissement,
    )


def _demande(avis: Avis) -> str:
    asked = f"Demandé le {date_fr(avis.demande_le)}"
    return f"{asked}, attendu avant le {date_fr(avis.echeance)}" if avis.echeance else asked


def _signature(avis: Avis) -> str:
    if not avis.signe_le:
        return "Cet avis n’est pas signé."
    caf = Organisation.objects.filter(
        nature=Organisation.Nature.CAF,
        pk__in=avis.plan.convention.signataires.actuels().values("organisation"),
    ).first()
    lignes = [f"Pour la {caf.nom}" if caf else "Pour la CAF", avis.signataire, avis.fonction]
    return "\n".join([*filter(None, lignes), f"Le {date_fr(avis.signe_le)}"])


def avis_filename(avis: Avis) -> str:
    """« avis-caf-cazals-salviac-fiche-1-1-2-2026-11-26.pdf »."""
    territoire = slugify(avis.plan.convention.territoire.nom_court)
    objet = f"plan-v{avis.version}"
    if avis.fiche is not None:
        objet = f"fiche-{slugify(avis.fiche.code.replace('.', '-')) or avis.fiche.pk}"
    day = timezone.localtime(avis.signe_le).date() if avis.signe_le else timezone.localdate()
    return f"avis-caf-{territoire}-{objet}-{day.isoformat()}.pdf"


@transaction.atomic
def sign_avis(
    avis: Avis, *, by: User, fonction: str, lu: str, today: datetime.date | None = None
) -> DocumentEmis:
    """Sign the avis and freeze its document, or neither. ``lu``: ``version_lue`` of what the signer read.

    Raise ``TransitionError`` when it may not be signed, or when a colleague changed it meanwhile.
    """
    avis.lock()
    if lu != version_lue(avis) and avis.etat == Avis.Etat.ATTENDU:
        raise TransitionError(
            "L’avis a été modifié depuis que vous avez ouvert cette page : relisez-le ci-dessous, puis signez."
        )
    avis.sign(by=by, fonction=fonction)
    acte = avis_acte(avis)
    convention = avis.plan.convention
    frame = {
        "acte": acte,
        "titre": acte.titre,
        "territoire": convention.territoire,
        "logo": image_data(convention.territoire.logo),
        "date": today or timezone.localdate(),
    }
    return issue_document(
        convention=convention,
        avis=avis,
        nature=DocumentEmis.Nature.AVIS,
        titre=acte.titre[:300],
        version=1,
        nom_fichier=avis_filename(avis),
        html=render_to_string("governance/pdf/avis_page.html", {"acte": acte}),
        source=render_to_string("governance/pdf/avis.html", frame),
        by=by,
    )


def version_lue(avis: Avis) -> str:
    """Stands for what the avis said when it was read: every save of it changes it."""
    return avis.updated_at.isoformat()
