"""Fiches as sheets to read: one row a fiche, then one sheet a table, from the same description as everything else.

The workbook that comes back to the portal is another one (``actions/tableur/export.py``): it says less, and remembers.
"""

import datetime
from collections.abc import Mapping, Sequence

from django.utils import timezone

from actions.description import (
    DESCRIPTION,
    Champ,
    ChampLu,
    Choix,
    Genre,
    Table,
    TableLue,
    read_fiche,
    words_of,
)
from actions.description import Colonne as ColonneDite
from actions.description.forme import Valeur as ValeurLue
from actions.lots import Lot
from actions.models import FicheAction
from ctg_portal.contenu import propre
from ctg_portal.tableurs import Colonne, Feuille, Nature, Valeur

FICHES = "Fiches"
PRECISIONS = "Précisions"
"""The sheet that says what the file holds, and what is not in it."""
CLE = Colonne("Clé", "entier", 8)
REPERES = [CLE, Colonne("Numéro", largeur=10), Colonne("Intitulé", largeur=44)]
"""What each row of a table says of its fiche."""
NATURES: Mapping[Genre, Nature] = {
    Genre.NOMBRE: "decimal",
    Genre.MONTANT: "montant",
    Genre.DATE: "date",
    Genre.ANNEE: "entier",
}
LARGEURS = {Genre.TEXTE: 60, Genre.LISTE: 44, Genre.NOMS: 30, Genre.LIGNE: 28, Genre.CHOIX: 18}
ETROITE = 14


def parts_of(choix: Choix) -> list[Champ | Table]:
    """The chosen fields and tables, in the order of the description; its title always comes first."""
    parts = [part for rubrique in DESCRIPTION for part in rubrique.contenu]
    titles = [part for part in parts if isinstance(part, Champ) and part.en_titre]
    kept = [part for rubrique in DESCRIPTION if rubrique.slug in choix.rubriques for part in rubrique.contenu]
    return [*titles, *(part for part in kept if part not in titles)]


def cell_of(genre: Genre, valeur: ValeurLue, choix: Mapping[str, str], sinon: str = "") -> Valeur:
    """Numbers and days as they are, so that a spreadsheet reckons with them; the rest in words."""
    if isinstance(valeur, datetime.datetime):
        return timezone.localtime(valeur).date()
    if genre in NATURES:
        known: Valeur = valeur
        return known
    return propre(words_of(genre, valeur, choix) or sinon)


def lot_feuilles(lot: Lot) -> list[Feuille]:
    """The sheets of a workbook: ``FICHES``, the tables that have a row, ``PRECISIONS``."""
    parts = parts_of(lot.choix)
    champs = [part for part in parts if isinstance(part, Champ)]
    tables = _Tables([part for part in parts if isinstance(part, Table)])
    lignes: list[list[Valeur]] = []
    for fiche in lot.fiches():
        # The title is said whatever was chosen.
        said = {champ.cle: champ.lire(fiche) for champ in champs if champ.en_titre}
        for lue in read_fiche(fiche, lot.choix):
            for lu in lue.contenu:
                if isinstance(lu, ChampLu):
                    said[lu.champ.cle] = lu.valeur
                else:
                    tables.add(fiche, lu)
        cells = (cell_of(champ.genre, said[champ.cle], champ.choix, champ.sinon) for champ in champs)
        lignes.append([fiche.pk, *cells])
    titles = dict(zip(("code", "intitule"), REPERES[1:], strict=True))
    colonnes = [CLE, *(titles.get(champ.cle) or _colonne(champ.libelle, champ.genre) for champ in champs)]
    precisions = [[lot.nom], [str(lot.convention)], *([mention] for mention in lot.mentions)]
    return [
        Feuille(FICHES, colonnes, lignes),
        *tables.feuilles(),
        Feuille(PRECISIONS, [Colonne(PRECISIONS, largeur=110)], precisions),
    ]


def _colonne(libelle: str, genre: Genre) -> Colonne:
    return Colonne(libelle, NATURES.get(genre, "texte"), LARGEURS.get(genre, ETROITE))


def _plain(table: Table) -> list[ColonneDite]:
    return [colonne for colonne in table.colonnes if colonne.genre is not Genre.TABLE]


def _inside(table: Table) -> list[ColonneDite]:
    return [colonne for colonne in table.colonnes if colonne.genre is Genre.TABLE]


class _Tables:
    """The sheets of the tables, filled as fiches are read; rows that hang from a row have a sheet of their own."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.colonnes: dict[str, list[Colonne]] = {}
        self.lignes: dict[str, list[list[Valeur]]] = {}
        for table in tables:
            self._open(table.libelle, _plain(table))
            for inside in _inside(table):
                self._open(inside.libelle, [table.colonnes[0], *inside.colonnes])

    def _open(self, titre: str, colonnes: Sequence[ColonneDite]) -> None:
        self.colonnes[titre] = [*REPERES, *(_colonne(column.libelle, column.genre) for column in colonnes)]
        self.lignes[titre] = []

    def add(self, fiche: FicheAction, lu: TableLue) -> None:
        table = lu.table
        reperes: list[Valeur] = [fiche.pk, propre(fiche.code), propre(fiche.intitule)]
        # Without the row that sums up: whoever adds the column would count it twice.
        for ligne in lu.lignes[:-1] if table.total else lu.lignes:
            self.lignes[table.libelle].append([*reperes, *_cells(_plain(table), ligne)])
            for inside in _inside(table):
                head = _cells(table.colonnes[:1], ligne)
                for row in ligne[inside.cle]:
                    self.lignes[inside.libelle].append([*reperes, *head, *_cells(inside.colonnes, row)])

    def feuilles(self) -> list[Feuille]:
        return [
            Feuille(titre, self.colonnes[titre], lignes) for titre, lignes in self.lignes.items() if lignes
        ]


def _cells(colonnes: Sequence[ColonneDite], ligne: Mapping[str, ValeurLue]) -> list[Valeur]:
    return [cell_of(column.genre, ligne[column.cle], column.choix) for column in colonnes]
