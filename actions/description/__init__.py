"""What a fiche holds, told once and in order: the screen, the PDF, the Word file, the tables and the data are drawn from it.

A field is added to a fiche here, in one place: a ``Champ`` or a ``Table`` of ``DESCRIPTION``. The words that name it are
those of the model (``label_of``), as the history says them, unless none of its columns says it. Everything is read from a
fiche loaded by ``lecture.for_document()`` or by what the page adds to ``lecture.for_screen()``: no query.

Nothing here depends on the day but whether a date is past: the same fiche is said with the same words tomorrow.
"""

from actions.description.contenu import (
    CHAMPS,
    DESCRIPTION,
    HORS_DESCRIPTION,
    TABLES,
    TITRES_ANNEXES,
)
from actions.description.forme import (
    Champ,
    Colonne,
    Genre,
    Table,
    words_of,
)
from actions.description.lecture import (
    SANS_NOTES,
    TOUT,
    ChampLu,
    Choix,
    RubriqueLue,
    TableLue,
    chapeau_of,
    read_fiche,
    read_for_paper,
    read_for_screen,
)

__all__ = [
    "CHAMPS",
    "Champ",
    "ChampLu",
    "Choix",
    "Colonne",
    "DESCRIPTION",
    "Genre",
    "HORS_DESCRIPTION",
    "RubriqueLue",
    "SANS_NOTES",
    "TABLES",
    "TITRES_ANNEXES",
    "TOUT",
    "Table",
    "TableLue",
    "chapeau_of",
    "read_fiche",
    "read_for_paper",
    "read_for_screen",
    "words_of",
]
