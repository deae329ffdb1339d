"""What a part of a dossier is made of: words and tables as an ``Acte`` has them (ADR 0012), titles, charts, whole fiches."""

from dataclasses import dataclass
from typing import ClassVar

from actions.actes import fiche_sections
from actions.description import SANS_NOTES, Choix
from actions.models import FicheAction
from actions.models.progression import Progression
from ctg_portal.contenu import Bloc, Section
from ctg_portal.graphiques import Graphique


@dataclass(frozen=True)
class Mots:
    """Words and tables, as an ``Acte`` has them."""

    blocs: list[Bloc]
    genre: ClassVar[str] = "mots"


@dataclass(frozen=True)
class Titre:
    """A title inside a part, and the short line below it."""

    texte: str
    ligne: str = ""
    genre: ClassVar[str] = "titre"


@dataclass(frozen=True)
class Champ:
    """A text of a fiche under its name."""

    titre: str
    texte: str
    genre: ClassVar[str] = "champ"


@dataclass(frozen=True)
class Liste:
    """Short lines under a few words."""

    annonce: str
    lignes: list[str]
    genre: ClassVar[str] = "liste"


@dataclass(frozen=True)
class Barre:
    """Shares of the plan; their words follow."""

    progression: Progression
    label: str
    genre: ClassVar[str] = "barre"


@dataclass(frozen=True)
class Dessin:
    """A chart; the table of its numbers follows."""

    graphique: Graphique
    genre: ClassVar[str] = "graphique"


@dataclass(frozen=True)
class FicheEntiere:
    """A fiche of ``for_document()``, drawn by its description."""

    fiche: FicheAction
    choix: ClassVar[Choix] = SANS_NOTES
    genre: ClassVar[str] = "fiche"

    @property
    def sections(self) -> list[Section]:
        """For a screen; the paper has its own drawing of the same description."""
        return fiche_sections(self.fiche, self.choix, 1)


Contenu = Mots | Titre | Champ | Liste | Barre | Dessin | FicheEntiere


@dataclass(frozen=True)
class PartieDossier:
    """A part with something to say. ``ancre`` names its place."""

    code: str
    titre: str
    contenus: list[Contenu]

    @property
    def ancre(self) -> str:
        return f"dossier-{self.code.replace('_', '-')}"
