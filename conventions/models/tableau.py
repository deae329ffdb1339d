"""Money of a convention as it is read: by exercice, group of dispositifs and beneficiary, to the cent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Self

from conventions.models.financement import Dispositif, Financement
from conventions.models.organisation import Organisation


def _plus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    """Absent is not zero: two absents make an absent."""
    if a is None or b is None:
        return a if b is None else b
    return a + b


@dataclass(frozen=True)
class Montants:
    """Euros to the cent; ``None`` where nothing was entered."""

    prevu: Decimal | None = None
    notifie: Decimal | None = None
    verse: Decimal | None = None

    @classmethod
    def of(cls, financement: Financement) -> Self:
        return cls(financement.prevu, financement.notifie, financement.verse)

    def __add__(self, other: "Montants") -> "Montants":
        return Montants(
            _plus(self.prevu, other.prevu),
            _plus(self.notifie, other.notifie),
            _plus(self.verse, other.verse),
        )


def _total(financements: Iterable[Financement]) -> Montants:
    return sum((Montants.of(financement) for financement in financements), Montants())


@dataclass(frozen=True)
class TableauGroupe:
    groupe: Dispositif.Groupe
    lignes: list[Financement]
    total: Montants


@dataclass(frozen=True)
class TableauBeneficiaire:
    organisation: Organisation
    total: Montants


@dataclass(frozen=True)
class TableauExercice:
    exercice: int
    groupes: list[TableauGroupe]
    beneficiaires: list[TableauBeneficiaire]
    total: Montants
    sources: list[str] = field(default_factory=list)


def tableaux_financements(financements: Iterable[Financement]) -> list[TableauExercice]:
    """One table an exercice, the latest first; give rows with their ``dispositif`` and ``beneficiaire`` loaded."""
    rows = sorted(financements, key=lambda row: -row.exercice)
    return [_exercice(annee, list(found)) for annee, found in groupby(rows, lambda row: row.exercice)]


def _exercice(annee: int, rows: list[Financement]) -> TableauExercice:
    groupes = []
    for groupe in Dispositif.Groupe:
        lignes = sorted(
            (row for row in rows if row.dispositif.groupe == groupe),
            key=lambda row: (row.dispositif.ordre, row.dispositif.intitule, row.beneficiaire.nom, row.pk),
        )
        if lignes:
            groupes.append(TableauGroupe(groupe, lignes, _total(lignes)))
    organisations = {row.beneficiaire_id: row.beneficiaire for row in rows}
    beneficiaires = [
        TableauBeneficiaire(organisation, _total(row for row in rows if row.beneficiaire_id == pk))
        for pk, organisation in sorted(organisations.items(), key=lambda item: (item[1].nom, item[0]))
    ]
    sources = sorted({row.source for row in rows if row.source})
    return TableauExercice(annee, groupes, beneficiaires, _total(rows), sources)
