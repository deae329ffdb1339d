"""Fiches as data: .csv for a spreadsheet (``actions/feuilles.py`` is its workbook), JSON for a program (``docs/export-fiches.md``). Keys are those of the description."""

import datetime
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from actions.description import (
    DESCRIPTION,
    ChampLu,
    Choix,
    Genre,
    TableLue,
    read_fiche,
)
from actions.feuilles import CLE, cell_of, parts_of
from actions.lots import Lot
from actions.models import FicheAction
from ctg_portal.contenu import propre
from ctg_portal.tableurs import Colonne, Feuille, Valeur, write_csv

FORMAT = "ctg-portal/fiches"
VERSION = 1


def _rows_cell(lu: TableLue) -> str:
    """One line a row: « Année : 2024 ; Poste : Animation »."""
    if lu.table.en_blocs:
        blocs = [
            "\n".join(
                [bloc.titre, *(f"{nom}\u00a0: {texte}" if nom else texte for nom, texte in bloc.textes)]
            )
            for bloc in lu.blocs
        ]
        return propre("\n".join(blocs))
    lines = []
    for row in lu.rangees:
        said = [(cell.colonne.libelle, [*cell.textes, *cell.dessous]) for cell in row]
        lines.append("\u202f; ".join(f"{nom}\u00a0: {', '.join(texts)}" for nom, texts in said if texts))
    return propre("\n".join(lines))


def _values(fiche: FicheAction, choix: Choix) -> dict[str, Valeur]:
    """By key: what the title says too."""
    found: dict[str, Valeur] = {"code": propre(fiche.code), "intitule": propre(fiche.intitule)}
    for lue in read_fiche(fiche, choix):
        for lu in lue.contenu:
            if isinstance(lu, ChampLu):
                found[lu.champ.cle] = cell_of(lu.champ.genre, lu.valeur, lu.champ.choix, lu.champ.sinon)
            else:
                found[lu.table.cle] = _rows_cell(lu)
    return found


def fiches_csv(lot: Lot) -> bytes:
    """One row a fiche, its key first; the last row, without a key, says what is not in the file."""
    parts = parts_of(lot.choix)
    columns = [CLE, *(Colonne(part.libelle) for part in parts)]
    lines: list[list[Valeur]] = []
    for fiche in lot.fiches():
        values = _values(fiche, lot.choix)
        lines.append([fiche.pk, *(values[part.cle] for part in parts)])
    note: list[Valeur] = [None, None, " ".join(lot.mentions), *[None] * (len(parts) - 2)]
    return write_csv(Feuille("Fiches", columns, [*lines, note]))


def _json(genre: Genre, value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC).isoformat(timespec="seconds")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value if isinstance(value, (bool, int, list)) else str(value)


def _json_rows(columns: Iterable[Any], rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        said: dict[str, Any] = {}
        for colonne in columns:
            value = row[colonne.cle]
            inside = colonne.genre is Genre.TABLE
            said[colonne.cle] = _json_rows(colonne.colonnes, value) if inside else _json(colonne.genre, value)
        found.append(said)
    return found


def _json_fiche(fiche: FicheAction, choix: Choix) -> dict[str, Any]:
    rubriques: dict[str, Any] = {}
    for lue in read_fiche(fiche, choix):
        said: dict[str, Any] = {}
        for lu in lue.contenu:
            if isinstance(lu, ChampLu):
                said[lu.champ.cle] = _json(lu.champ.genre, lu.valeur)
            else:
                said[lu.table.cle] = _json_rows(lu.table.colonnes, lu.lignes)
        rubriques[lue.rubrique.slug] = said
    return {"cle": fiche.pk, "code": fiche.code, "intitule": fiche.intitule, "rubriques": rubriques}


def fiches_json(lot: Lot) -> bytes:
    """The same content gives the same bytes: nothing in it depends on the day of the export but late steps."""
    said = {
        "format": FORMAT,
        "version": VERSION,
        "convention": lot.convention.code,
        "choix": {
            "rubriques": [r.slug for r in DESCRIPTION if r.slug in lot.choix.rubriques],
            "annees": None if lot.choix.annees is None else sorted(lot.choix.annees),
            "notes": lot.choix.notes,
        },
        "absents": list(lot.absents),
        "fiches": [_json_fiche(fiche, lot.choix) for fiche in lot.fiches()],
    }
    return (json.dumps(said, ensure_ascii=False, indent=2) + "\n").encode()
