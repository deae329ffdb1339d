"""Charts of the money of a convention, from the lines as they are read."""

from collections.abc import Sequence

from conventions.models import Dispositif, Financement, Montants, montants_total, par_beneficiaire, par_groupe
from ctg_portal.graphiques import Graphique, Serie, barres_par_annee, barres_par_categorie

# The same amount, and the same group, always have the same hatch.
MONTANTS = (("prevu", "Prévu", 1), ("notifie", "Notifié", 2), ("verse", "Versé", 0))
MOTIFS_GROUPES = {groupe: rank for rank, groupe in enumerate(Dispositif.Groupe)}


def _series(totaux: Sequence[Montants]) -> list[Serie]:
    """One serie an amount; those in which nothing was entered are left out."""
    series = [
        Serie(nom, tuple(getattr(total, name) for total in totaux), motif) for name, nom, motif in MONTANTS
    ]
    return [serie for serie in series if any(valeur is not None for valeur in serie.valeurs)]


def _annees(lignes: Sequence[Financement]) -> list[int]:
    """Every year from the first to the last, so that a year without money is seen."""
    found = {ligne.exercice for ligne in lignes}
    return list(range(min(found), max(found) + 1)) if found else []


def graphique_annees(lignes: Sequence[Financement]) -> Graphique:
    annees = _annees(lignes)
    totaux = [montants_total(ligne for ligne in lignes if ligne.exercice == annee) for annee in annees]
    return barres_par_annee("Financements par exercice", annees, _series(totaux))


def graphique_annees_groupes(lignes: Sequence[Financement]) -> Graphique:
    """What was paid each year, stacked by group."""
    annees = _annees(lignes)
    series = [
        Serie(
            groupe.groupe.label,
            tuple(
                montants_total(ligne for ligne in groupe.lignes if ligne.exercice == annee).verse
                for annee in annees
            ),
            MOTIFS_GROUPES[groupe.groupe],
        )
        for groupe in par_groupe(lignes)
    ]
    return barres_par_annee("Versé par exercice et par groupe", annees, series, empilees=True)


def graphique_groupes(lignes: Sequence[Financement]) -> Graphique:
    groupes = par_groupe(lignes)
    return barres_par_categorie(
        "Financements par groupe de dispositifs",
        [groupe.groupe.label for groupe in groupes],
        _series([groupe.total for groupe in groupes]),
    )


def graphique_beneficiaires(lignes: Sequence[Financement]) -> Graphique:
    """The best endowed first."""
    rows = sorted(par_beneficiaire(lignes), key=lambda row: -(row.total.dernier or 0))
    return barres_par_categorie(
        "Financements par bénéficiaire",
        [row.organisation.nom for row in rows],
        _series([row.total for row in rows]),
    )
