"""Where the convocation of a meeting stands: one query for its people, none for its sendings."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Q
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import JSONObject
from django.urls import reverse

from governance.envois import address_of
from governance.invitations import points_of
from governance.models import Envoi, Presence, Reunion
from governance.models.composition import one_per_person
from governance.models.envoi import RECUS, RETRAIT
from governance.retraits import retired, told_and_gone

Nature = Envoi.Nature
Reponse = Presence.Reponse
CONVIENT = (Nature.CONVOCATION, Nature.MODIFICATION)
"""Natures that tell people when and where the meeting is."""


def with_sendings(reunions: Any) -> Any:
    """Annotate ``envois_dits``, the sendings, the latest first, and ``partis_dits``, what people who left the list were
    told: ``follow_up`` needs no query of its own."""
    gone = told_and_gone().filter(envoi__reunion=OuterRef("pk"))
    gone = gone.values(dit=JSONObject(nom="nom", email="email", nature="envoi__nature"))
    rows = (
        Envoi.objects.filter(reunion=OuterRef("pk"))
        .annotate(nb_recus=Count("destinataires", filter=Q(destinataires__statut__in=RECUS)))
        .order_by("-created_at", "-pk")
        .values(
            dit=JSONObject(
                pk="pk",
                nature="nature",
                portee="portee",
                statut="statut",
                objet="objet",
                part_le="part_le",
                nom="auteur__nom",
                email="auteur__email",
                sequence=KeyTransform("sequence", "faits"),
                points=KeyTransform("points", "faits"),
                recus="nb_recus",
            )
        )
    )
    return reunions.annotate(envois_dits=ArraySubquery(rows), partis_dits=ArraySubquery(gone))


def expected_at(reunion: Reunion) -> list[Presence]:
    """The people expected, with ``nb_recus``: the convocations they have, or may have. One query."""
    presences = list(reunion.presences.for_page().with_told(CONVIENT, RECUS))
    for presence in presences:
        presence.reunion = reunion
    return presences


@dataclass(frozen=True)
class EnvoiDit:
    """A sending in a word, on the pages of its meeting."""

    pk: int
    nature: str
    portee: str
    statut: str
    objet: str
    part_le: datetime.datetime | None
    nom: str
    email: str
    sequence: int | None
    points: list[dict[str, str]] | None
    recus: int
    code: str

    @property
    def is_stoppable(self) -> bool:
        return self.statut in (Envoi.Statut.PROGRAMME, Envoi.Statut.EN_COURS)

    @property
    def is_for_retired(self) -> bool:
        return self.nature == Nature.ANNULATION and self.portee == Envoi.Portee.PARTIS

    @property
    def auteur(self) -> str:
        return self.nom or self.email

    @property
    def titre(self) -> str:
        return RETRAIT if self.is_for_retired else Nature(self.nature).label

    def get_absolute_url(self) -> str:
        return reverse("governance:envoi", args=[self.code, self.pk])


@dataclass(frozen=True)
class Suivi:
    """Where the convocation of a meeting stands: answers by person, sendings, and what people do not know yet."""

    personnes: int
    reponses: dict[str, int]
    sans_adresse: list[Presence]
    nouveaux: int
    envois: list[EnvoiDit]
    raconte: EnvoiDit | None
    change: bool
    annulation_a_dire: bool
    partis: list[Presence]

    @property
    def en_partance(self) -> list[EnvoiDit]:
        return [envoi for envoi in self.envois if envoi.is_stoppable]

    @property
    def convoquee_le(self) -> datetime.datetime | None:
        """When the first convocation left, if it did from here."""
        gone = [
            envoi.part_le
            for envoi in self.envois
            if envoi.part_le and envoi.nature == Nature.CONVOCATION and envoi.recus
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


def follow_up(reunion: Reunion, presences: Sequence[Presence]) -> Suivi:
    """``presences`` as ``expected_at`` gives them; no query when the meeting comes ``with_sendings``, else one.

    Reads ``points.all()`` of a meeting that is convened.
    """
    dits: list[dict[str, Any]] | None = getattr(reunion, "envois_dits", None)
    partis: list[dict[str, Any]] = getattr(reunion, "partis_dits", [])
    if dits is None:
        read = with_sendings(Reunion.objects.filter(pk=reunion.pk)).get()
        dits, partis = read.envois_dits, read.partis_dits
    envois = [_envoi(dit, reunion) for dit in dits or []]
    people = one_per_person(presences)
    reponses: dict[str, int] = {}
    for seats in people:
        # Who gives pouvoir for one seat is away for the others.
        given = next((seat.reponse for seat in seats if seat.reponse == Reponse.POUVOIR), seats[0].reponse)
        reponses[given] = reponses.get(given, 0) + 1
    told = [envoi for envoi in envois if envoi.nature in CONVIENT and envoi.recus and envoi.part_le]
    told.sort(key=lambda envoi: (envoi.part_le, envoi.pk), reverse=True)
    # As ``governance.envois.last_told``: what went to newcomers alone taught the others nothing.
    broad = [envoi for envoi in told if envoi.portee != Envoi.Portee.NOUVEAUX]
    raconte = next(iter(broad or told[-1:]), None)
    leaving = {envoi.nature for envoi in envois if envoi.is_stoppable and not envoi.is_for_retired}
    announced = any(
        envoi.nature == Nature.ANNULATION and envoi.recus and not envoi.is_for_retired for envoi in envois
    )
    return Suivi(
        personnes=len(people),
        reponses=reponses,
        sans_adresse=[seats[0] for seats in people if not address_of(seats)],
        nouveaux=sum(bool(told and address_of(seats)) and not _told(seats) for seats in people),
        envois=envois,
        raconte=raconte,
        change=raconte is not None
        and reunion.statut == Reunion.Statut.CONVOQUEE
        and Nature.MODIFICATION not in leaving
        and (raconte.sequence != reunion.sequence or raconte.points != points_of(reunion)),
        annulation_a_dire=raconte is not None
        and reunion.statut == Reunion.Statut.ANNULEE
        and not announced
        and Nature.ANNULATION not in leaving,
        partis=retired(partis or [], presences)
        if reunion.is_repondable and not any(envoi.is_stoppable and envoi.is_for_retired for envoi in envois)
        else [],
    )


def _envoi(dit: dict[str, Any], reunion: Reunion) -> EnvoiDit:
    part_le = datetime.datetime.fromisoformat(dit["part_le"]) if dit["part_le"] else None
    return EnvoiDit(**(dit | {"part_le": part_le}), code=reunion.convention.code)


def _told(seats: Sequence[Presence]) -> bool:
    return any(seat.nb_recus for seat in seats)
