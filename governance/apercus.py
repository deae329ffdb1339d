"""What is looked at: a message before it leaves, and who got what and when."""

from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from ctg_portal.models import User
from ctg_portal.tableurs import Colonne, Feuille
from ctg_portal.workflow import TransitionError
from governance.convocations import convocation_context
from governance.courriels import AGENDA_NOM, Lettre, write_letter
from governance.envois import (
    address_of,
    departure_of,
    preview_mark,
    recipients_of,
    require_meeting,
    told_facts,
)
from governance.models import Destinataire, DocumentEmis, Envoi, Presence, Reunion
from governance.objets import other_day


@dataclass(frozen=True)
class Apercu:
    """A message as it will be read, and who would get it now."""

    lettre: Lettre
    avec: list[tuple[str, list[Presence]]]
    sans: list[Presence]
    marque: str
    documents: list[DocumentEmis]
    convocation: SafeString
    depart: Any
    refus: str
    autre_jour: str


def preview_of(envoi: Envoi, *, by: User) -> Apercu:
    """Of a draft, what would leave if ``by`` launched it now; of a launched one, what it says. Eight queries at most."""
    draft = envoi.is_brouillon
    # What was fixed is what is shown; a reminder set ahead is not fixed before it leaves.
    faits = envoi.faits or told_facts(envoi, by=by if draft else envoi.auteur)
    people = recipients_of(envoi) if draft or not envoi.faits else []
    documents = list(envoi.documents.without_content())
    names = [document.nom_fichier for document in documents]
    convocation = mark_safe("")
    if draft and envoi.carries_convocation:
        names.append("convocation.pdf")
        context = convocation_context(envoi.reunion)
        # Our own escaping template.
        convocation = mark_safe(  # noqa: S308
            render_to_string("governance/pdf/convocation_contenu.html", context)
        )
    if envoi.carries_agenda:
        names.append(AGENDA_NOM)
    refus = ""
    if draft:
        try:
            require_meeting(envoi)
        except TransitionError as raison:
            refus = str(raison)
    sample = next((seats for seats in people if address_of(seats)), people[0] if people else [])
    return Apercu(
        lettre=write_letter(envoi, faits, sample, names, masked=True),
        avec=[(address, seats) for seats in people if (address := address_of(seats))],
        sans=[seats[0] for seats in people if not address_of(seats)],
        marque=preview_mark(envoi, faits, people) if draft else "",
        documents=documents,
        convocation=convocation,
        depart=departure_of(envoi) if draft and envoi.jours_avant else None,
        refus=refus,
        autre_jour=other_day(envoi) if draft else "",
    )


def traces_sheet(reunion: Reunion) -> Feuille:
    """One row a message: which, to whom, where, what came of it, when. Two queries."""
    rows = (
        Destinataire.objects.filter(envoi__reunion=reunion)
        .select_related("envoi__auteur")
        .order_by("envoi__part_le", "envoi", "pk")
    )
    return Feuille(
        "Envois",
        [
            Colonne("Envoi", largeur=16),
            Colonne("Objet", largeur=50),
            Colonne("Envoyé par", largeur=25),
            Colonne("À qui", largeur=45),
            Colonne("Adresse", largeur=35),
            Colonne("Statut", largeur=20),
            Colonne("Date et heure", largeur=18),
            Colonne("Refus", largeur=40),
        ],
        [
            [
                row.envoi.titre,
                row.envoi.objet,
                str(row.envoi.auteur),
                row.nom,
                row.email,
                row.get_statut_display(),
                f"{timezone.localtime(row.envoye_le):%d/%m/%Y %H:%M}" if row.envoye_le else "",
                row.erreur,
            ]
            for row in rows
        ],
    )
