"""What the description of a fiche is made of: fields, tables with their columns, rubriques; and what a value says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import models

from actions.models.fiche import FicheAction
from ctg_portal.templatetags.portal import date_fr, euros, nombre

Valeur = Any
"""What a field holds: ``str``, ``list[str]``, ``Decimal``, ``int``, ``date``, ``bool``, a code, or ``None``."""


class Genre(StrEnum):
    """What a value is, so that each drawing knows what to do with it."""

    LIGNE = "ligne"
    TEXTE = "texte"
    """A long text as ``ctg_portal.textes`` reads it."""
    NOMS = "noms"
    """A list of short names, said on one line."""
    LISTE = "liste"
    """A list of sentences, one below the other."""
    NOMBRE = "nombre"
    MONTANT = "montant"
    """Euros and cents."""
    ANNEE = "annee"
    DATE = "date"
    CHOIX = "choix"
    """A code, said by its label."""
    OUI = "oui"
    """True or false; only true is said."""
    TABLE = "table"
    """In a column: rows of another table, each said on one line."""


LISTES = frozenset({Genre.NOMS, Genre.LISTE})
COURTE = 5
"""Rows of a table that paper does not cut: with three on each side of a break, a shorter one is not cut anyway."""


def is_empty(valeur: Valeur) -> bool:
    """Nothing was given. Zero is something; false is not said."""
    return valeur is None or valeur is False or valeur == "" or valeur == []


def words_of(genre: Genre, valeur: Valeur, choix: Mapping[str, str]) -> str:
    """A value as people read it; « » when there is none."""
    if is_empty(valeur):
        return ""
    if genre in LISTES:
        return (", " if genre is Genre.NOMS else "\n").join(valeur)
    said: dict[Genre, Callable[[Valeur], str]] = {
        Genre.NOMBRE: nombre,
        Genre.MONTANT: euros,
        Genre.DATE: date_fr,
        Genre.CHOIX: lambda code: choix.get(code, str(code)),
        Genre.OUI: lambda _: "oui",
    }
    return said.get(genre, str)(valeur)


@dataclass(frozen=True)
class Champ:
    """A field of a fiche. ``lire`` takes a loaded fiche and gives its value."""

    cle: str
    libelle: str
    genre: Genre
    lire: Callable[[FicheAction], Valeur]
    choix: Mapping[str, str] = field(default_factory=dict)
    sinon: str = ""
    """What an empty value means, said everywhere: « Toutes les communes du territoire »."""
    vide: str = "Non renseigné"
    """What the page says of an empty value; paper leaves it out."""
    discret: bool = False
    """The page leaves it out too when it is empty."""
    en_titre: bool = False
    """Part of the title of the fiche: told there, not among the fields."""
    couvre: tuple[str, ...] = ()
    """Columns of the models that it says, as « Pilote.nom »; its own column is ``FicheAction.<cle>``."""


@dataclass(frozen=True)
class Colonne:
    """A column of a table. ``largeur`` in hundredths of the drawn table, by fives.

    ``sous`` names the column below which its value is drawn, with its label unless ``muette``: a sheet has room for a few.
    """

    cle: str
    libelle: str
    genre: Genre
    largeur: int = 0
    choix: Mapping[str, str] = field(default_factory=dict)
    sous: str = ""
    muette: bool = False
    colonnes: tuple["Colonne", ...] = ()
    """Of the rows that it holds, for ``Genre.TABLE``."""
    dire: Callable[[Any], str] = str
    """How such a row is said on one line."""
    courbe: str = ""
    """What the row carries to draw beside its words, on paper."""

    @property
    def is_nombre(self) -> bool:
        return self.genre in (Genre.NOMBRE, Genre.MONTANT)


@dataclass(frozen=True)
class Table:
    """Rows of a fiche. ``lire`` gives one mapping a row, by key of column; ``None`` where nothing was entered.

    A row may carry more than its columns, for one drawing: the key of a decision, the curve of an indicator.
    """

    cle: str
    libelle: str
    colonnes: tuple[Colonne, ...]
    lire: Callable[[FicheAction], list[dict[str, Valeur]]]
    vide: str
    precision: str = ""
    """What its caption adds: the unit."""
    en_blocs: bool = False
    """Its cells are long: each row is drawn as a title (its first columns, ``en_tete``) and its texts below."""
    en_tete: Callable[[dict[str, Valeur]], str] = str
    titres: tuple[str, ...] = ()
    """The columns that ``en_tete`` says."""
    total: bool = False
    """Its last row is one."""
    discret: bool = False
    annuelle: Callable[[dict[str, Valeur]], int | None] | None = None
    """The year of a row that one may choose to leave out of a document."""
    modele: type[models.Model] | None = None
    """Whose columns it says: those of the same key, and ``couvre``."""
    couvre: tuple[str, ...] = ()

    @property
    def legende(self) -> str:
        return f"{self.libelle}, {self.precision}" if self.precision else self.libelle


@dataclass(frozen=True)
class Rubrique:
    """A part of the fiche, with its fields and tables in reading order."""

    slug: str
    titre: str
    contenu: tuple[Champ | Table, ...]
