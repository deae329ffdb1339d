"""Money of a convention as it is read: by exercice, group of dispositifs and beneficiary, to the cent."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby

from conventions.models.financement import Dispositif, Financement, Montants
from conventions.models.organisation import Organisation


def montants_total(financements: Iterable[Financement]) -> Montants:
    return sum((Montants.of(financement) for financement in financements), Montants())


@dataclass(frozen=True)
class TableauDispositif:
    dispositif: Dispositif
    lignes: list[Financement]
    total: Montants


@dataclass(frozen=True)
class TableauGroupe:
    groupe: Dispositif.Groupe
    lignes: list[Financement]
    total: Montants
    dispositifs: list[TableauDispositif]


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
    sources = sorted({row.source for row in rows if row.source})
    return TableauExercice(annee, par_groupe(rows), par_beneficiaire(rows), montants_total(rows), sources)


def par_groupe(rows: Iterable[Financement]) -> list[TableauGroupe]:
    """Groups in their order, each with its dispositifs and their lines; empty ones are left out."""
    rows = sorted(
        rows,
        key=lambda row: (
            row.dispositif.ordre,
            row.dispositif.intitule,
            -row.exercice,
            row.beneficiaire.nom,
            row.pk,
        ),
    )
    groupes = []
    for groupe in Dispositif.Groupe:
        lignes = [row for row in rows if row.dispositif.groupe == groupe]
        if lignes:
            dispositifs = [
                TableauDispositif(found[0].dispositif, found, montants_total(found))
                for _, found in (
                    (pk, list(same)) for pk, same in groupby(lignes, lambda row: row.dispositif_id)
                )
            ]
            groupes.append(TableauGroupe(groupe, lignes, montants_total(lignes), dispositifs))
    return groupes


def par_beneficiaire(rows: Iterable[Financement]) -> list[TableauBeneficiaire]:
    """By name."""
    rows = list(rows)
    organisations = {row.beneficiaire_id: row.beneficiaire for row in rows}
    return [
        TableauBeneficiaire(organisation, montants_total(row for row in rows if row.beneficiaire_id == pk))
        for pk, organisation in sorted(organisations.items(), key=lambda item: (item[1].nom, item[0]))
    ]
