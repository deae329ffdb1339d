"""One fiche read by its description: every field with its value, every table with its rows, as each drawing takes them."""

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from actions.description.contenu import DESCRIPTION
from actions.description.forme import (
    COURTE,
    LISTES,
    Champ,
    Colonne,
    Genre,
    Rubrique,
    Table,
    Valeur,
    is_empty,
    words_of,
)
from actions.description.lignes import say_retard
from actions.models.fiche import Avancement, FicheAction
from ctg_portal.templatetags.portal import ESPACE_INSECABLE, date_fr


@dataclass(frozen=True)
class ChampLu:
    """A field with what one fiche says of it."""

    champ: Champ
    valeur: Valeur

    @property
    def is_vide(self) -> bool:
        return is_empty(self.valeur) and not self.champ.sinon

    @property
    def is_sinon(self) -> bool:
        """Nothing was chosen, which means something."""
        return is_empty(self.valeur) and bool(self.champ.sinon)

    @property
    def texte(self) -> str:
        """In words; « » when there is nothing to say."""
        return words_of(self.champ.genre, self.valeur, self.champ.choix) or self.champ.sinon

    @property
    def textes(self) -> list[str]:
        """The items of a list."""
        return list(self.valeur) if self.champ.genre in LISTES else [self.texte]

    @property
    def forme(self) -> str:
        """How it is drawn: « fait » (a name and a few words), « texte » or « liste »."""
        return {Genre.TEXTE: "texte", Genre.LISTE: "liste"}.get(self.champ.genre, "fait")


@dataclass(frozen=True)
class CelluleLue:
    """A cell: its own words (one line each), then those of the columns drawn below it."""

    colonne: Colonne
    textes: list[str]
    dessous: list[str]
    courbe: Any = None

    @property
    def is_vide(self) -> bool:
        return not self.textes and not self.dessous


@dataclass(frozen=True)
class BlocLu:
    """A row drawn as a title and texts: (label or « », text)."""

    titre: str
    textes: list[tuple[str, str]]


@dataclass(frozen=True)
class TableLue:
    """A table with the rows of one fiche."""

    table: Table
    lignes: list[dict[str, Valeur]]

    @property
    def is_vide(self) -> bool:
        return not self.lignes

    @property
    def is_courte(self) -> bool:
        """Short enough to stay on one sheet of paper."""
        return len(self.lignes) <= COURTE

    @property
    def forme(self) -> str:
        """« table », or « blocs »."""
        return "blocs" if self.table.en_blocs else "table"

    @property
    def colonnes(self) -> list[Colonne]:
        """Those that are drawn: one where every row is silent is left out, unless it is the first."""
        heads = [colonne for colonne in self.table.colonnes if not colonne.sous]
        said = {
            colonne.sous or colonne.cle
            for colonne in self.table.colonnes
            for ligne in self.lignes
            if not is_empty(ligne[colonne.cle])
        }
        return [colonne for rank, colonne in enumerate(heads) if rank == 0 or colonne.cle in said]

    @property
    def tetes(self) -> list[Colonne]:
        """All those that have a head, said or not: the page keeps its columns."""
        return [colonne for colonne in self.table.colonnes if not colonne.sous]

    @property
    def libelles(self) -> dict[str, str]:
        """By key, those of the rows inside a cell too."""
        inside = [column for colonne in self.table.colonnes for column in colonne.colonnes]
        return {colonne.cle: colonne.libelle for colonne in [*inside, *self.table.colonnes]}

    @property
    def largeurs(self) -> list[int]:
        """Hundredths of the table for each drawn column, by fives: what is left out is shared in proportion."""
        given = [colonne.largeur for colonne in self.colonnes]
        widths = [width * 100 // sum(given) // 5 * 5 for width in given]
        wanting = sorted(range(len(given)), key=lambda rank: widths[rank] - given[rank] * 100 / sum(given))
        for rank in wanting[: (100 - sum(widths)) // 5]:
            widths[rank] += 5
        return widths

    @property
    def entetes(self) -> list[tuple[Colonne, int]]:
        """Drawn columns with their widths."""
        return list(zip(self.colonnes, self.largeurs, strict=True))

    @property
    def rangees(self) -> list[list[CelluleLue]]:
        """The cells of each row, drawn columns only."""
        columns = self.colonnes
        return [[self._cellule(colonne, ligne) for colonne in columns] for ligne in self.lignes]

    def _cellule(self, colonne: Colonne, ligne: Mapping[str, Valeur]) -> CelluleLue:
        textes = list(texts_of(colonne, ligne[colonne.cle]))
        if self.table.total and ligne is self.lignes[-1] and colonne is self.table.colonnes[0]:
            textes = ["Total"]
        below = []
        for other in self.table.colonnes:
            if other.sous == colonne.cle:
                for text in texts_of(other, ligne[other.cle]):
                    below.append(text if other.muette else f"{other.libelle}{ESPACE_INSECABLE}: {text}")
        return CelluleLue(colonne, textes, below, ligne.get(colonne.courbe))

    @property
    def blocs(self) -> list[BlocLu]:
        """Rows as titles and texts; a single text needs no label."""
        texts = [colonne for colonne in self.table.colonnes if colonne.cle not in self.table.titres]
        return [
            BlocLu(
                self.table.en_tete(ligne),
                [
                    (colonne.libelle if len(texts) > 1 else "", str(ligne[colonne.cle]))
                    for colonne in texts
                    if not is_empty(ligne[colonne.cle])
                ],
            )
            for ligne in self.lignes
        ]


def texts_of(colonne: Colonne, valeur: Valeur) -> Iterator[str]:
    """The lines of a cell; none when nothing was given."""
    if is_empty(valeur):
        return
    if colonne.genre is Genre.TABLE:
        yield from (colonne.dire(row) for row in valeur)
    elif colonne.genre in LISTES:
        yield from valeur
    else:
        yield words_of(colonne.genre, valeur, colonne.choix)


Lu = ChampLu | TableLue


@dataclass(frozen=True)
class RubriqueLue:
    """A part of one fiche."""

    rubrique: Rubrique
    contenu: list[Lu]

    @property
    def is_vide(self) -> bool:
        return all(lu.is_vide for lu in self.contenu)

    @property
    def groupes(self) -> list[tuple[str, list[Lu]]]:
        """What is drawn together, in order: facts that follow one another make one list, the rest stands alone."""
        found: list[tuple[str, list[Lu]]] = []
        for lu in self.contenu:
            if lu.forme == "fait" and found and found[-1][0] == "faits":
                found[-1][1].append(lu)
            else:
                found.append(("faits" if lu.forme == "fait" else lu.forme, [lu]))
        return found


@dataclass(frozen=True)
class Choix:
    """What a document takes of the fiches; everything by default."""

    rubriques: frozenset[str] = frozenset(rubrique.slug for rubrique in DESCRIPTION)
    annees: frozenset[int] | None = None
    """Years of the notes and bilans; ``None``: all."""
    notes: bool = True

    def keeps(self, table: Table, ligne: dict[str, Valeur]) -> bool:
        if table.cle == "notes" and not self.notes:
            return False
        return self.annees is None or table.annuelle is None or table.annuelle(ligne) in self.annees


TOUT = Choix()
SANS_NOTES = Choix(notes=False)
"""What a plan or a selection says unless more is asked: notes are written from day to day, for those who follow."""


def read_fiche(fiche: FicheAction, choix: Choix = TOUT) -> list[RubriqueLue]:
    """Every chosen rubrique of a loaded fiche with all its fields and tables, empty ones too; what its title says is
    left to it."""
    found = []
    for rubrique in DESCRIPTION:
        if rubrique.slug in choix.rubriques:
            contenu: list[Lu] = []
            for part in rubrique.contenu:
                if isinstance(part, Champ):
                    if not part.en_titre:
                        contenu.append(ChampLu(part, part.lire(fiche)))
                else:
                    rows = [ligne for ligne in part.lire(fiche) if choix.keeps(part, ligne)]
                    contenu.append(TableLue(part, rows))
            found.append(RubriqueLue(rubrique, contenu))
    return found


def read_for_paper(fiche: FicheAction, choix: Choix = TOUT) -> list[RubriqueLue]:
    """The same without what is empty: neither a dash nor a title stands for what nobody wrote."""
    return [
        RubriqueLue(lue.rubrique, [lu for lu in lue.contenu if not lu.is_vide])
        for lue in read_fiche(fiche, choix)
        if not lue.is_vide
    ]


def read_for_screen(fiche: FicheAction) -> dict[str, RubriqueLue]:
    """By slug, with what the page says of empty fields; the discreet ones left out when they are."""
    return {
        lue.rubrique.slug: RubriqueLue(
            lue.rubrique, [lu for lu in lue.contenu if not (lu.is_vide and _part(lu).discret)]
        )
        for lue in read_fiche(fiche)
    }


def _part(lu: Lu) -> Champ | Table:
    return lu.champ if isinstance(lu, ChampLu) else lu.table


def chapeau_of(fiche: FicheAction) -> str:
    """The line below the title on paper: where the action stands, who leads it, when."""
    days: list[datetime.date | None] = [fiche.debut, fiche.echeance]
    said = [
        str(Avancement(fiche.avancement).label) + (f", {late}" if (late := say_retard(fiche)) else ""),
        str(fiche.structure_pilote or ""),
        f"{date_fr(days[0])} → {date_fr(days[1])}" if all(days) else "",
    ]
    return " · ".join(filter(None, said))
