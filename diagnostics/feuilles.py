"""Tables of figures as spreadsheets."""

from decimal import Decimal

from ctg_portal.tableurs import Colonne, Feuille
from ctg_portal.tableurs import Valeur as Cellule
from diagnostics.models import TableauCommunes
from diagnostics.models.portrait import Chiffre


def _cellule(chiffre: Chiffre | None) -> Cellule:
    """A number, or why there is none: an empty cell would be read as a zero."""
    if chiffre is None:
        return "non disponible"
    if chiffre.valeur is None:
        return chiffre.raison
    return int(chiffre.valeur) if chiffre.valeur == chiffre.valeur.to_integral() else _short(chiffre.valeur)


def _short(valeur: Decimal) -> Decimal:
    return valeur.normalize()


def communes_feuille(tableau: TableauCommunes) -> Feuille:
    """The table by commune; its last row is the total of what may be summed, and says what it covers."""
    colonnes = [Colonne("Code INSEE", largeur=12), Colonne("Commune", largeur=30)]
    for colonne in tableau.colonnes:
        nature = "decimal" if colonne.indicateur.decimales else "entier"
        colonnes.append(Colonne(f"{colonne.titre} – {colonne.source}", nature, largeur=24))  # type: ignore[arg-type]  # mypy widens the literal
    lignes: list[list[Cellule]] = [
        [ligne.commune.code, ligne.commune.nom, *(_cellule(chiffre) for _, chiffre in ligne.cellules)]
        for ligne in tableau.lignes
    ]
    total: list[Cellule] = ["", "Territoire (sommes)"]
    couverture: list[Cellule] = ["", "Ce que couvre la somme"]
    for colonne in tableau.colonnes:
        somme = colonne.total
        total.append(_cellule(somme) if somme else "ne se somme pas")
        couverture.append(somme.couverture.texte if somme and somme.couverture else "")
    return Feuille(tableau.theme.label, colonnes, [*lignes, couverture], total)
