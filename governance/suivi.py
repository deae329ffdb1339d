"""What is looked at about sendings: the state of a meeting, a message before it leaves, who got what and when."""

from collections.abc import Sequence
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
from governance.models.composition import one_per_person

Nature = Envoi.Nature
Reponse = Presence.Reponse


@dataclass(frozen=True)
class Suivi:
    """Where the convocation of a meeting stands: answers by person, sendings, and what people do not know yet."""

    personnes: int
    reponses: dict[str, int]
    sans_adresse: list[Presence]
    nouveaux: int
    envois: list[Envoi]
    raconte: Envoi | None
    change: bool
    annulation_a_dire: bool

    @property
    def en_partance(self) -> list[Envoi]:
        return [envoi for envoi in self.envois if envoi.is_stoppable]

    @property
    def convoquee_le(self) -> Any:
        """When the first convocation left, if it did from here."""
        gone = [
            envoi.part_le
            for envoi in self.envois
            if envoi.part_le and envoi.nature == Nature.CONVOCATION and reached(envoi)
        ]
        return min(gone, default=None)

    @property
    def comptes(self) -> list[tuple[str, int]]:
        """Answers by person, as they are shown."""
        return [
            ("Présents", self.reponses.get(Reponse.PRESENT, 0)),
            ("Pouvoirs", self.reponses.get(Reponse.POUVOIR, 0)),
            ("Excusés", self.reponses.get(Reponse.EXCUSE, 0)),
            ("Sans réponse", self.attente),
        ]

    @property
    def attente(self) -> int:
        return self.reponses.get(Reponse.ATTENTE, 0)


def reached(envoi: Any) -> int:
    """How many people have it, or may have it. Reads ``with_counts()``."""
    return int(envoi.nb_envoye + envoi.nb_en_cours + envoi.nb_incertain)


def follow_up(reunion: Reunion, presences: Sequence[Presence]) -> Suivi:
    """Two queries, whatever the number of people and of sendings."""
    people = one_per_person(presences)
    reponses: dict[str, int] = {}
    for seats in people:
        # Who gives pouvoir for one seat is away for the others.
        given = next((seat.reponse for seat in seats if seat.reponse == Reponse.POUVOIR), seats[0].reponse)
        reponses[given] = reponses.get(given, 0) + 1
    envois = list(
        reunion.envois.with_counts().select_related("auteur", "arrete_par").order_by("-created_at", "-pk")
    )
    for envoi in envois:
        envoi.reunion = reunion
    told = [
        envoi
        for envoi in envois
        if envoi.nature in (Nature.CONVOCATION, Nature.MODIFICATION) and reached(envoi)
    ]
    raconte = max(told, key=lambda envoi: (envoi.part_le, envoi.pk), default=None)
    known = {
        pk
        for pk in Destinataire.objects.filter(
            envoi__in=[envoi.pk for envoi in told], statut__in=("envoye", "en_cours", "incertain")
        ).values_list("presence_id", flat=True)
        if pk
    }
    open_ = [envoi.nature for envoi in envois if envoi.is_stoppable]
    change = (
        raconte is not None
        and reunion.statut == Reunion.Statut.CONVOQUEE
        and not raconte.tells_of(reunion)
        and Nature.MODIFICATION not in open_
    )
    announced = any(envoi.nature == Nature.ANNULATION and reached(envoi) for envoi in envois)
    return Suivi(
        personnes=len(people),
        reponses=reponses,
        sans_adresse=[seats[0] for seats in people if not address_of(seats)],
        nouveaux=len(
            [seats for seats in people if address_of(seats) and not any(seat.pk in known for seat in seats)]
        )
        if told
        else 0,
        envois=envois,
        raconte=raconte,
        change=change,
        annulation_a_dire=raconte is not None
        and reunion.statut == Reunion.Statut.ANNULEE
        and not announced
        and Nature.ANNULATION not in open_,
    )


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


def preview_of(envoi: Envoi, *, by: User) -> Apercu:
    """Of a draft, what would leave if ``by`` launched it now; of a launched one, what it says. Six queries at most."""
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
                row.envoi.get_nature_display(),
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
