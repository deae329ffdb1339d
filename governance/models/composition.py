"""The people expected at a meeting, together: their voices, and how they differ from the seats of the instance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from governance.models.instance import MembreInstance
from governance.models.presence import Presence


@dataclass
class Groupe:
    """The people of one organisation at a meeting, and the voices they make."""

    structure: str
    presences: list[Presence] = field(default_factory=list)
    sieges: int = 0
    presentes: int = 0
    representees: int = 0

    @property
    def voix(self) -> int:
        return self.presentes + self.representees


@dataclass
class Voix:
    """What a meeting counts, by organisation, against its quorum (``None`` where there is none)."""

    groupes: list[Groupe]
    quorum: int | None

    @property
    def sieges(self) -> int:
        """Seats that vote: one a titulaire with a voix délibérative."""
        return sum(groupe.sieges for groupe in self.groupes)

    @property
    def presentes(self) -> int:
        return sum(groupe.presentes for groupe in self.groupes)

    @property
    def representees(self) -> int:
        return sum(groupe.representees for groupe in self.groupes)

    @property
    def total(self) -> int:
        return self.presentes + self.representees

    @property
    def is_quorum(self) -> bool:
        """Reached, or not asked for."""
        return self.quorum is None or self.total >= self.quorum

    @property
    def manque(self) -> int:
        """Voices missing for the quorum."""
        return max(0, (self.quorum or 0) - self.total)


def count_voices(
    presences: Iterable[Presence], *, quorum: int | None, pouvoirs_max: int = 1, en_seance: bool = False
) -> Voix:
    """The voices that the answers announce, or, ``en_seance``, those of the people seen in the room.

    A voice is counted once: that of a titulaire who is there; of one who gave pouvoir to somebody who is there (at most
    ``pouvoirs_max`` a person); then a suppléant for each titulaire of its own organisation that is still missing.
    """
    rows = sorted(presences, key=lambda row: (row.ordre, row.pk))
    there = {row.pk for row in rows if _is_there(row, en_seance)}
    person = {row.pk: row.person for row in rows}
    people_there = {person[pk] for pk in there}
    held: dict[tuple[str, str], int] = {}
    represented: set[int] = set()
    for row in rows:
        holder = person.get(row.pouvoir_a_id or 0)
        if row.pk in there or not row.may_give_pouvoir or holder not in people_there:
            continue
        if held.get(holder, 0) < pouvoirs_max:
            held[holder] = held.get(holder, 0) + 1
            represented.add(row.pk)
    groupes: dict[str, Groupe] = {}
    for row in rows:
        groupes.setdefault(_place(row), Groupe(row.structure)).presences.append(row)
    for groupe in groupes.values():
        titulaires = [row for row in groupe.presences if row.may_give_pouvoir]
        present = sum(row.pk in there for row in titulaires)
        groupe.sieges = len(titulaires)
        groupe.representees = sum(row.pk in represented for row in titulaires)
        suppleants = sum(
            row.pk in there and row.has_voice and row.qualite == Presence.Qualite.SUPPLEANT
            for row in groupe.presences
        )
        missing = len(titulaires) - present - groupe.representees
        groupe.presentes = present + min(suppleants, missing)
    return Voix(list(groupes.values()), quorum)


def _is_there(row: Presence, en_seance: bool) -> bool:
    return row.etat == Presence.Etat.PRESENT if en_seance else row.reponse == Presence.Reponse.PRESENT


def _place(row: Presence) -> str:
    return f"organisation:{row.organisation_id}" if row.organisation_id else f"nom:{row.structure.casefold()}"


def one_per_person(presences: Iterable[Presence]) -> list[list[Presence]]:
    """Seats by person, in the order of their first seat."""
    found: dict[tuple[str, str], list[Presence]] = {}
    for row in presences:
        found.setdefault(row.person, []).append(row)
    return list(found.values())


CHAMPS_COPIES = ("organisation_id", "fonction", "nom", "email", "user_id", "qualite", "voix", "ordre")
"""What a seat gives to the row copied from it."""


def copied_from(membre: MembreInstance, ordre: int) -> dict[str, object]:
    """Values of the row of a seat today. Reads ``organisation`` and ``user``."""
    return {
        "organisation_id": membre.organisation_id,
        "structure": str(membre.organisation),
        "fonction": membre.fonction,
        "nom": membre.nom or (membre.user.nom if membre.user else ""),
        "email": membre.adresse,
        "user_id": membre.user_id,
        "qualite": membre.qualite,
        "voix": membre.voix,
        "ordre": ordre,
    }


@dataclass
class Ecart:
    """How the people expected differ from the seats of the instance today."""

    ajoutes: list[MembreInstance]
    partis: list[Presence]
    changes: list[tuple[Presence, MembreInstance]]

    def __bool__(self) -> bool:
        return bool(self.ajoutes or self.partis or self.changes)


def gap_with_instance(presences: Sequence[Presence], membres: Sequence[MembreInstance]) -> Ecart:
    """Seats not copied yet, people whose seat is gone, and seats that say something else now (order apart)."""
    copied = {row.membre_id: row for row in presences if row.membre_id}
    changes = []
    for membre in membres:
        row = copied.get(membre.pk)
        if row is None:
            continue
        values = copied_from(membre, row.ordre)
        # The name of an organisation is that of the day of the copy.
        del values["structure"]
        if row.email:
            # An address noted for this meeting stays.
            del values["email"]
        if any(getattr(row, name) != value for name, value in values.items()):
            changes.append((row, membre))
    return Ecart(
        [membre for membre in membres if membre.pk not in copied],
        [row for row in presences if row.membre_id is None and row.qualite != Presence.Qualite.INVITE],
        changes,
    )


def by_structure(presences: Iterable[Presence]) -> list[tuple[str, list[Presence]]]:
    """People by organisation, each at the place of its first row."""
    rows = list(presences)
    first: dict[str, int] = {}
    for rank, row in enumerate(rows):
        first.setdefault(_place(row), rank)
    rows.sort(key=lambda row: first[_place(row)])
    return [(found[0].structure, found) for _, group in groupby(rows, _place) if (found := list(group))]
