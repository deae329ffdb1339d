"""What a file would do to a plan, as it is shown before anything is written, and kept once it is."""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Sorte(StrEnum):
    """What becomes of a cell."""

    CHANGE = "change"
    CONFLIT = "conflit"
    REFUS = "refus"
    NOTE = "note"
    """Kept in the notes of the fiche: it has no field of its own."""


class Genre(StrEnum):
    """What becomes of a row of the plan."""

    MODIFIE = "modifie"
    NOUVEAU = "nouveau"
    RETIRE = "retire"


MIEN, LEUR = "mien", "leur"


@dataclass
class Cellule:
    """A cell of the file: its address, what the plan says, what the file says. ``motif``: why it is refused."""

    cle: str
    adresse: str
    titre: str
    avant: str
    apres: str
    sorte: Sorte = Sorte.CHANGE
    motif: str = ""
    choix: str = ""

    def refuse(self, motif: str) -> None:
        self.sorte, self.motif = Sorte.REFUS, motif

    @property
    def is_ecrite(self) -> bool:
        if self.sorte is Sorte.CONFLIT:
            return self.choix == MIEN
        return self.sorte in (Sorte.CHANGE, Sorte.NOTE)


@dataclass
class Objet:
    """A row of the plan that the file changes or adds: a fiche, or something of a fiche."""

    cle: str
    fiche: str
    nom: str
    """What it is called: « 1.1.1 Ouvrir un relais » or « Étape : Trouver un local »."""
    genre: Genre
    cellules: list[Cellule] = field(default_factory=list)
    adresse: str = ""


@dataclass
class Retrait:
    """A row that the file no longer has: nothing is taken away unless it is ticked. ``refus``: why it cannot be."""

    cle: str
    fiche: str
    nom: str
    effet: str
    """What ticking does: « archiver la fiche »."""
    refus: str = ""
    coche: bool = False


@dataclass
class Ecartee:
    """A row of the file that makes no fiche as it is: what it says, why, and the title it has, if any.

    Somebody may say that it is an action after all, or give it another title.
    """

    ligne: int
    texte: str
    motif: str
    titre: str = ""


@dataclass
class Apercu:
    """``objets`` in the order of the plan; ``remarques`` are sentences on the file itself."""

    objets: list[Objet] = field(default_factory=list)
    retraits: list[Retrait] = field(default_factory=list)
    remarques: list[str] = field(default_factory=list)
    empreinte: str = ""
    entete: dict[str, Any] = field(default_factory=dict)
    ecartees: list[Ecartee] = field(default_factory=list)

    @property
    def cellules(self) -> list[Cellule]:
        return [cellule for objet in self.objets for cellule in objet.cellules]

    def of(self, *sortes: Sorte) -> list[Cellule]:
        return [cellule for cellule in self.cellules if cellule.sorte in sortes]

    @property
    def refusees(self) -> int:
        return len(self.of(Sorte.REFUS))

    @property
    def conflits(self) -> list[Cellule]:
        return self.of(Sorte.CONFLIT)

    @property
    def ecrites(self) -> int:
        """Cells that confirming writes, conflicts decided for the file included."""
        return sum(cellule.is_ecrite for cellule in self.cellules)

    @property
    def is_vide(self) -> bool:
        return not self.objets and not self.retraits

    def seal(self) -> None:
        """The fingerprint of what is shown, whatever is decided of it: what is confirmed must be what was seen."""
        cells = [[c.cle, c.adresse, c.avant, c.apres, c.sorte.value, c.motif] for c in self.cellules]
        rows = [[objet.cle, objet.fiche, objet.nom, objet.genre.value] for objet in self.objets]
        gone = [[retrait.cle, retrait.nom, retrait.refus] for retrait in self.retraits]
        aside = [asdict(row) for row in self.ecartees]
        text = json.dumps([cells, rows, gone, self.remarques, aside], ensure_ascii=False)
        self.empreinte = hashlib.sha256(text.encode()).hexdigest()[:32]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Apercu":
        objets = [
            Objet(
                **{
                    **row,
                    "genre": Genre(row["genre"]),
                    "cellules": [Cellule(**{**c, "sorte": Sorte(c["sorte"])}) for c in row["cellules"]],
                }
            )
            for row in data.get("objets", [])
        ]
        return cls(
            objets,
            [Retrait(**row) for row in data.get("retraits", [])],
            data.get("remarques", []),
            data.get("empreinte", ""),
            data.get("entete", {}),
            [Ecartee(**row) for row in data.get("ecartees", [])],
        )


def compte(nombre: int, mot: str, pluriel: str = "") -> str:
    """« 1 case », « 12 cases »."""
    return f"{nombre} {mot if nombre < 2 else pluriel or mot + 's'}"
