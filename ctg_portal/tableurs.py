"""Tables as files: .xlsx and .csv, written so that a spreadsheet reads text as text and numbers as numbers.

What ``ctg_portal.imports`` reads back is what was written here: the same columns, the same values.
"""

import csv
import datetime
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

Valeur = str | int | Decimal | datetime.date | None
Nature = Literal["texte", "entier", "decimal", "montant", "date"]

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
LISTES = "Listes"
"""The sheet that holds the choices of the columns."""

FORMATS = {
    "montant": '#,##0.00\\ "€"',
    "entier": "0",
    "decimal": "#,##0.0###",
    "date": "DD/MM/YYYY",
    "texte": "@",
}
LARGEUR_PAGE = 220
"""Characters across a landscape A4 page, at the smallest readable size."""
LIGNE_LONGUE = 60
"""Characters from which a text goes on below."""
LIGNES_HAUTES = 8
"""How many lines of a long text a row shows at once."""
ENTETE = PatternFill("solid", fgColor="E7ECEF")
FILET = Border(bottom=Side("thin", color="8A98A3"))
TOTAL = Border(top=Side("thin", color="8A98A3"))
MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time of every part of a file: the same content gives the same bytes."""
CELLULE_MAX = 32_000
"""Characters of a text that a cell holds (32 767 in Excel, which drops the rest without a word)."""
COUPE = "… (suite sur le portail : une cellule n’en tient pas plus)"
FORMULE = re.compile(r"'*[=+\-@\t\r]")


@dataclass(frozen=True)
class Colonne:
    """One column: its head, what its cells hold, its width in characters, and the only values it accepts (if any)."""

    titre: str
    nature: Nature = "texte"
    largeur: int = 20
    choix: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feuille:
    """A sheet: ``lignes`` hold one value a column (``None``: an empty cell); ``total`` is one more row, in bold."""

    titre: str
    colonnes: Sequence[Colonne]
    lignes: Iterable[Sequence[Valeur]]
    total: Sequence[Valeur] | None = None


def neutralise(text: str) -> str:
    """Text that no spreadsheet takes for a formula: an apostrophe goes before ``=``, ``+``, ``-``, ``@``, tab and CR.

    ``restore`` takes it back, so that nothing changes in a round trip.
    """
    return f"'{text}" if FORMULE.match(text) else text


def restore(text: str) -> str:
    """What ``neutralise`` was given."""
    return text[1:] if text.startswith("'") and FORMULE.match(text) else text


def write_xlsx(feuilles: Sequence[Feuille], *, titre: str, auteur: str = "Portail CTG") -> bytes:
    """A workbook: heads that stay in sight, filters, widths, formats; ``titre`` and ``auteur`` are its properties.

    A text is written as a text whatever it starts with, and marked so (the apostrophe of Excel): it is never
    computed, and its value stays exact. The same content gives the same bytes.
    """
    workbook = Workbook()
    workbook.remove(workbook.active)
    listes: dict[tuple[str, ...], str] = {}
    for feuille in feuilles:
        _write_sheet(workbook.create_sheet(_sheet_title(feuille.titre)), feuille, listes)
    if listes:
        _write_listes(workbook.create_sheet(LISTES), listes)
    properties = workbook.properties
    properties.title = _clean(titre)
    properties.creator = properties.lastModifiedBy = _clean(auteur)
    properties.language = "fr-FR"
    properties.created = datetime.datetime(*MOMENT)  # noqa: DTZ001 - openpyxl writes naive moments only
    written = io.BytesIO()
    workbook.save(written)
    return timeless(written.getvalue())


def xlsx_source(feuilles: Sequence[Feuille], *, titre: str) -> str:
    """All that a workbook depends on, as text to keep until it is written; its columns have no choices."""
    return json.dumps(
        {
            "titre": titre,
            "feuilles": [
                {
                    "titre": feuille.titre,
                    "colonnes": [[c.titre, c.nature, c.largeur] for c in feuille.colonnes],
                    "lignes": [list(map(_said, ligne)) for ligne in feuille.lignes],
                }
                for feuille in feuilles
            ],
        },
        ensure_ascii=False,
    )


def _said(valeur: Valeur) -> str | int | None:
    if isinstance(valeur, datetime.date):
        return valeur.isoformat()
    return f"{valeur:f}" if isinstance(valeur, Decimal) else valeur


READ: dict[str, Callable[[Any], Valeur]] = {
    "decimal": Decimal,
    "montant": Decimal,
    "date": datetime.date.fromisoformat,
}


def draw_xlsx(source: str) -> bytes:
    """The workbook that ``xlsx_source`` describes."""
    given = json.loads(source)
    feuilles = []
    for told in given["feuilles"]:
        colonnes = [Colonne(titre, nature, largeur) for titre, nature, largeur in told["colonnes"]]
        readers = [READ.get(colonne.nature, lambda value: value) for colonne in colonnes]
        lignes = [
            [None if value is None else read(value) for read, value in zip(readers, ligne, strict=True)]
            for ligne in told["lignes"]
        ]
        feuilles.append(Feuille(told["titre"], colonnes, lignes))
    return write_xlsx(feuilles, titre=given["titre"])


def xlsx_key(source: str) -> str:
    """SHA-256 of all that the workbook depends on: what it says, and what writes it."""
    digest = hashlib.sha256(f"xlsx {version('openpyxl')}".encode())
    digest.update(Path(__file__).read_bytes())
    digest.update(source.encode())
    return digest.hexdigest()


def write_csv(feuille: Feuille) -> bytes:
    """The sheet as CSV: ``;``, UTF-8 with its mark, decimal comma, ISO dates, formulas neutralised."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=";", lineterminator="\r\n")
    writer.writerow([neutralise(colonne.titre) for colonne in feuille.colonnes])
    for ligne in [*feuille.lignes, *([feuille.total] if feuille.total else [])]:
        writer.writerow([_csv_cell(valeur) for valeur in ligne])
    return written.getvalue().encode("utf-8-sig")


def xlsx_response(content: bytes, name: str) -> HttpResponse:
    """A workbook to keep, under ``name`` (with its extension)."""
    return _attachment(content, name, XLSX)


def csv_response(content: bytes, name: str) -> HttpResponse:
    return _attachment(content, name, CSV)


def _attachment(content: bytes, name: str, content_type: str) -> HttpResponse:
    headers = {
        "Content-Disposition": content_disposition_header(True, name) or "attachment",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=content_type, headers=headers)


def _clean(text: str) -> str:
    """Without the control characters that the format forbids."""
    return ILLEGAL_CHARACTERS_RE.sub("", text)


def _sheet_title(titre: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", _clean(titre)).strip("' ")[:31] or "Feuille"


def _write_sheet(sheet: Worksheet, feuille: Feuille, listes: dict[tuple[str, ...], str]) -> None:
    for index, colonne in enumerate(feuille.colonnes, start=1):
        cell = sheet.cell(1, index)
        _fill(cell, colonne.titre, "texte")
        cell.font = Font(bold=True)
        cell.fill = ENTETE
        cell.border = FILET
        cell.alignment = Alignment(vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(index)].width = colonne.largeur
    last = 1
    for last, ligne in enumerate(feuille.lignes, start=2):
        _write_row(sheet, last, feuille.colonnes, ligne)
    width = get_column_letter(len(feuille.colonnes))
    sheet.auto_filter.ref = f"A1:{width}{last}"
    sheet.freeze_panes = "B2"
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    # Shrunk to one page across, as long as it can still be read.
    sheet.sheet_properties.pageSetUpPr.fitToPage = sum(c.largeur for c in feuille.colonnes) <= LARGEUR_PAGE
    for index, colonne in enumerate(feuille.colonnes, start=1):
        if colonne.choix:
            letter = listes.setdefault(colonne.choix, get_column_letter(len(listes) + 1))
            rule = DataValidation("list", f"{LISTES}!${letter}$1:${letter}${len(colonne.choix)}")
            # A warning, not a wall: what the portal does not know is said at the import.
            rule.errorStyle = "warning"
            rule.error = "Cette valeur n’est pas dans la liste."
            rule.showErrorMessage = True
            column = get_column_letter(index)
            rule.add(f"{column}2:{column}{max(last, 2) + 500}")
            sheet.add_data_validation(rule)
    if feuille.total:
        _write_row(sheet, last + 1, feuille.colonnes, feuille.total)
        for cell in sheet[last + 1]:
            cell.font = Font(bold=True)
            cell.border = TOTAL


def _write_row(sheet: Worksheet, row: int, colonnes: Sequence[Colonne], ligne: Sequence[Valeur]) -> None:
    lines = 1
    for index, (colonne, valeur) in enumerate(zip(colonnes, ligne, strict=True), start=1):
        if valeur is not None and valeur != "":
            _fill(sheet.cell(row, index), valeur, colonne.nature)
            if isinstance(valeur, str) and _is_wrapped(valeur):
                lines = max(lines, sum(1 + len(line) // colonne.largeur for line in valeur.split("\n")))
    if lines > 1:
        # Programs do not all fit the height of a row to what it holds.
        sheet.row_dimensions[row].height = 15 * min(lines, LIGNES_HAUTES) + 1


def _is_wrapped(text: str) -> bool:
    return "\n" in text or len(text) > LIGNE_LONGUE


def _write_listes(sheet: Worksheet, listes: dict[tuple[str, ...], str]) -> None:
    for choix, letter in listes.items():
        for row, text in enumerate(choix, start=1):
            _fill(sheet[f"{letter}{row}"], text, "texte")
        sheet.column_dimensions[letter].width = min(60, max(map(len, choix)) + 2)


def _fill(cell: Cell, valeur: Valeur, nature: str) -> None:
    if isinstance(valeur, str):
        # Set whole: openpyxl takes a text that starts with « = » for a formula.
        text = _clean(valeur)
        cell.value = text if len(text) <= CELLULE_MAX else text[:CELLULE_MAX] + COUPE
        cell.data_type = "s"
        cell.quotePrefix = bool(FORMULE.match(valeur))
        cell.number_format = FORMATS["texte"]
        cell.alignment = Alignment(vertical="top", wrap_text=_is_wrapped(valeur))
    else:
        cell.value = valeur
        cell.number_format = FORMATS["date"] if isinstance(valeur, datetime.date) else FORMATS[nature]
        cell.alignment = Alignment(vertical="top")


def _csv_cell(valeur: Valeur) -> Any:
    if valeur is None:
        return ""
    if isinstance(valeur, str):
        return neutralise(valeur)
    if isinstance(valeur, datetime.date):
        return valeur.isoformat()
    return f"{valeur:f}".replace(".", ",") if isinstance(valeur, Decimal) else valeur


def timeless(content: bytes) -> bytes:
    """The same workbook without the moment of its writing."""
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>1980-01-01T00:00:00Z", part)
            target.writestr(zipfile.ZipInfo(name, MOMENT), part, zipfile.ZIP_DEFLATED)
    return written.getvalue()
