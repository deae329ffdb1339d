"""What a document says, told once: the page, the tagged PDF and the Word file are three drawings of one ``Acte``.

Sections follow one another in reading order, each with its level (1 to 3; to 5 in the Word files of fiches); their blocks are words or tables. The words are
those of people: nothing here is markup, and what no file may hold (control characters) is taken out on the way in.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

_INTERDITS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def propre(texte: Any) -> str:
    """The words without what XML refuses."""
    return _INTERDITS.sub("", str(texte).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))


def une_ligne(texte: Any) -> str:
    """The same on one line, for a title."""
    # Plain spaces only: no-break ones are typography.
    return re.sub("[ \n]+", " ", propre(texte)).strip(" ")


@dataclass(frozen=True)
class Texte:
    """Words as ``textes`` reads them: paragraphs, lists, bold, links."""

    texte: str
    genre: ClassVar[str] = "texte"

    def __post_init__(self) -> None:
        object.__setattr__(self, "texte", propre(self.texte))


@dataclass(frozen=True)
class Colonne:
    """``largeur`` in hundredths of the table, by fives; ``nombre`` is aligned on the right."""

    titre: str
    largeur: int
    nombre: bool = False


@dataclass(frozen=True)
class Tableau:
    """Its first column names the row. ``hautes``: rows with room to sign; ``total``: the last row is one; ``faits``: rows of
    a name and a few words, drawn without a head."""

    legende: str
    colonnes: tuple[Colonne, ...]
    lignes: list[list[str]]
    hautes: bool = False
    total: bool = False
    faits: bool = False
    genre: ClassVar[str] = "tableau"

    def __post_init__(self) -> None:
        object.__setattr__(self, "legende", une_ligne(self.legende))
        object.__setattr__(self, "lignes", [[propre(cell) for cell in line] for line in self.lignes])

    @property
    def rangees(self) -> list[list[tuple[Colonne, str]]]:
        """Each row as cells with their column."""
        return [list(zip(self.colonnes, line, strict=True)) for line in self.lignes]


Bloc = Texte | Tableau


@dataclass(frozen=True)
class Section:
    """``cle`` names what the page may change of it, if anything; ``saut`` begins a page on paper."""

    titre: str
    niveau: int = 1
    blocs: list[Bloc] = field(default_factory=list)
    cle: str = ""
    saut: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "titre", une_ligne(self.titre))


@dataclass(frozen=True)
class Acte:
    """A document: ``titre`` for its properties and heads of pages, ``nom`` and ``sous_titre`` for its cover."""

    titre: str
    nom: str
    sous_titre: str
    mentions: list[str]
    sections: list[Section]
    auteur: str
    avertissement: str = ""

    def __post_init__(self) -> None:
        for name in ("titre", "nom", "sous_titre", "auteur", "avertissement"):
            object.__setattr__(self, name, une_ligne(getattr(self, name)))
        object.__setattr__(self, "mentions", [propre(mention) for mention in self.mentions])

    @property
    def etat(self) -> str:
        """The last mention: projet, or signed on what day."""
        return self.mentions[-1]

    @property
    def numerotees(self) -> list[tuple[str, Section]]:
        """Sections with the anchor of each."""
        return [(f"s{rank}", section) for rank, section in enumerate(self.sections, start=1)]

    @property
    def sommaire(self) -> list[tuple[str, Section]]:
        """What the table of contents lists: the first two levels."""
        return [(ancre, section) for ancre, section in self.numerotees if section.niveau <= 2]


def acte_values(acte: Acte) -> dict[str, Any]:
    """The whole of it as plain values, to keep until it is drawn; ``acte_of`` reads them back."""
    return asdict(acte)


def acte_of(values: Mapping[str, Any]) -> Acte:
    """What ``acte_values`` was given."""
    sections = [
        Section(**row | {"blocs": [_bloc_of(bloc) for bloc in row["blocs"]]}) for row in values["sections"]
    ]
    return Acte(**dict(values) | {"sections": sections})


def _bloc_of(values: Mapping[str, Any]) -> Bloc:
    if "texte" in values:
        return Texte(values["texte"])
    return Tableau(**dict(values) | {"colonnes": tuple(Colonne(**row) for row in values["colonnes"])})
