"""Every sheet of a file that people send (.xlsx, .ods, .csv), cell by cell, with what a table of texts would lose.

Which cells are formulas, which are merged, which are dates: what somebody who knows nothing of the file needs to guess
from it. Whatever the bytes, ``read_grilles`` gives grids or raises ``ImportRefuse``, whose text is a French sentence;
what it reads is bounded (rows, cells, bytes once decompressed).
"""

import io
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from defusedxml import ElementTree
from openpyxl import load_workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter

from ctg_portal.imports import (
    MAX_CELLULES,
    MAX_COLONNES,
    MAX_FEUILLES,
    MAX_LIGNES,
    MAX_OCTETS,
    ImportRefuse,
    Parser,
    canonical,
    check_archive,
    check_parts,
    has_doctype,
    read_text,
)

MAX_PARCOURUES = 100_000
"""Rows looked at in a sheet, empty ones included."""
MAX_FUSIONS = 20_000
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ECHAPPE = re.compile("_x([0-9A-Fa-f]{4})_")
_INTERDITS = re.compile("[\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


@dataclass(frozen=True)
class Case:
    """A cell that holds something. ``texte``: dates in ISO 8601, numbers with a decimal point, « vrai » or « faux »."""

    texte: str
    nature: str = "texte"
    """« texte », « nombre », « date », « booleen » or « erreur »."""
    formule: bool = False


@dataclass
class Grille:
    """A sheet: ``lignes`` maps the number of a row (1 is the first) to its cells by column (1 is A).

    ``fusions`` are blocks of merged cells (first row, first column, last row, last column); their value is in the first.
    """

    titre: str
    lignes: dict[int, dict[int, Case]] = field(default_factory=dict)
    fusions: list[tuple[int, int, int, int]] = field(default_factory=list)
    cachee: bool = False

    def adresse(self, ligne: int, colonne: int) -> str:
        """« Fiches!D12 »."""
        return adresse(self.titre, ligne, colonne)


def adresse(feuille: str, ligne: int, colonne: int) -> str:
    """The address of a cell as a spreadsheet says it, the sheet in quotation marks only where it must be."""
    named = feuille if re.fullmatch(r"\w+", feuille) else f"'{feuille}'"
    return f"{named}!{get_column_letter(colonne)}{ligne}"


def plain(text: str) -> str:
    """A text as a cell keeps it: no control character, one kind of line end, nothing around."""
    text = _INTERDITS.sub("", ILLEGAL_CHARACTERS_RE.sub("", text))
    return text.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff \t\n\xa0\u202f")


def escape(text: str) -> str:
    """A text that the format does not take for an escape: « _x0041_ » would come back as « A »."""
    return re.sub("_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)


def unescape(text: str) -> str:
    """What ``escape`` was given, and the characters that other programs write so."""
    return _ECHAPPE.sub(lambda found: chr(int(found[1], 16)), text) if "_x" in text else text


def read_grilles(content: bytes, name: str) -> list[Grille]:
    """The sheets of a file that hold something, hidden ones included; ``name`` only serves the messages."""
    if not content:
        raise ImportRefuse(f"« {name} » est vide.")
    if len(content) > MAX_OCTETS:
        raise ImportRefuse(f"« {name} » est trop lourd : {MAX_OCTETS // 1_000_000} Mo au plus.")
    if content.startswith(_ZIP):
        grilles = _read_zip(content, name)
    elif content.startswith(_OLE):
        raise ImportRefuse(
            f"« {name} » est protégé par un mot de passe, ou d’un ancien format (.xls) : enregistrez-le au format "
            ".xlsx, sans mot de passe, et recommencez."
        )
    else:
        grilles = [_read_csv(content, name)]
    filled = [grille for grille in grilles if grille.lignes]
    if not filled:
        raise ImportRefuse(f"« {name} » est vide : aucune de ses feuilles ne contient quoi que ce soit.")
    return filled


def _read_zip(content: bytes, name: str) -> list[Grille]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_parts(archive, name)
            is_ods = "mimetype" in archive.namelist() and b"opendocument" in archive.read("mimetype")[:200]
        if is_ods:
            return _read_ods(content, name)
        check_archive(content, name)
        # openpyxl warns about what it leaves out: charts, rules, extensions.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(_read_xlsx(content, name))
    except ImportRefuse:
        raise
    # A hostile file can make the archive, openpyxl and the XML reader raise nearly anything.
    except Exception as error:
        raise ImportRefuse(
            f"« {name} » est abîmé, ou n’est pas un classeur : ouvrez-le dans un tableur, enregistrez-le, et recommencez."
        ) from error


class _Compte:
    """What was read so far, in all the sheets."""

    def __init__(self, name: str) -> None:
        self.name, self.lignes, self.cellules = name, 0, 0

    def row(self, numero: int, cells: dict[int, Case]) -> None:
        if numero > MAX_PARCOURUES:
            self._refuse()
        if not cells:
            return
        self.lignes += 1
        self.cellules += len(cells)
        if max(cells) > MAX_COLONNES:
            raise ImportRefuse(f"« {self.name} » est trop large : {MAX_COLONNES} colonnes au plus.")
        if self.lignes > MAX_LIGNES or self.cellules > MAX_CELLULES:
            self._refuse()

    def _refuse(self) -> None:
        raise ImportRefuse(
            f"« {self.name} » est trop long : {MAX_LIGNES // 1000}\u202f000 lignes au plus. Si les lignes du bas sont vides, "
            "supprimez-les, et recommencez."
        )


def _read_xlsx(content: bytes, name: str) -> Iterator[Grille]:
    workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    compte = _Compte(name)
    for sheet in workbook.worksheets[:MAX_FEUILLES]:
        grille = Grille(sheet.title, cachee=sheet.sheet_state != "visible")
        with sheet._get_source() as source:
            parser = Parser(
                source,
                sheet._shared_strings,
                data_only=True,
                epoch=workbook.epoch,
                date_formats=workbook._date_formats,
                timedelta_formats=workbook._timedelta_formats,
            )
            for numero, cells in parser.parse():
                row = {cell["column"]: made for cell in cells if (made := _case(cell)) is not None}
                compte.row(numero, row)
                if row:
                    grille.lignes[numero] = row
            merged = parser.merged_cells.mergeCell if parser.merged_cells else []
            grille.fusions = [
                (block.min_row, block.min_col, block.max_row, block.max_col) for block in merged[:MAX_FUSIONS]
            ]
        yield grille


_NATURES = {"n": "nombre", "d": "date", "b": "booleen", "e": "erreur"}


def _case(cell: dict[str, Any]) -> Case | None:
    value, is_formula = cell["value"], cell["is_formula"]
    if isinstance(value, str):
        text = plain(unescape(value))
        nature = "erreur" if cell["data_type"] == "e" else "texte"
    elif value is None:
        text, nature = "", "texte"
    else:
        text = canonical(value)
        nature = _NATURES.get(cell["data_type"], "texte")
    return Case(text, nature, is_formula) if text or is_formula else None


def _read_csv(content: bytes, name: str) -> Grille:
    compte, grille = _Compte(name), Grille("Tableau")
    for numero, cells in read_text(content, name):
        row = {column: Case(text) for column, cell in cells.items() if (text := plain(cell))}
        compte.row(numero, row)
        if row:
            grille.lignes[numero] = row
    return grille


# OpenDocument

_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_CELLULES = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")


def _read_ods(content: bytes, name: str) -> list[Grille]:
    """``content``: an archive that passed ``check_parts``."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if not archive.read("mimetype").startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
            raise ImportRefuse(f"« {name} » n’est pas un classeur : envoyez un fichier .xlsx, .ods ou .csv.")
        if any(part.startswith(("Basic/", "Scripts/")) for part in names):
            raise ImportRefuse(f"« {name} » contient des macros : enregistrez-le sans macro, et recommencez.")
        if "encrypted-package" in names or b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise ImportRefuse(
                f"« {name} » est protégé par un mot de passe : enregistrez-le sans, et recommencez."
            )
        body = archive.read("content.xml")
    if has_doctype(body):
        raise ImportRefuse(f"« {name} » n’est pas un classeur ordinaire : il n’est pas lu.")
    return list(_parse_ods(body, name))


def _parse_ods(body: bytes, name: str) -> Iterator[Grille]:
    """The tables of a document; each row is forgotten once read."""
    compte = _Compte(name)
    stack: list[Any] = []
    hidden: set[str] = set()
    grille, numero, count = None, 1, 0
    for event, element in ElementTree.iterparse(io.BytesIO(body), ("start", "end"), forbid_dtd=True):
        if event == "start":
            stack.append(element)
            if element.tag == f"{_TABLE}table":
                count += 1
                grille, numero = Grille(element.get(f"{_TABLE}name") or f"Feuille {count}"), 1
                grille.cachee = element.get(f"{_TABLE}style-name") in hidden
            continue
        stack.pop()
        if element.tag == f"{_STYLE}style":
            if any(part.get(f"{_TABLE}display") == "false" for part in element):
                hidden.add(element.get(f"{_STYLE}name"))
        elif element.tag == f"{_TABLE}table-row" and grille is not None:
            repeated = _count(element, "number-rows-repeated")
            row = _ods_row(element, grille, numero, name)
            for _ in range(repeated if row else 0):
                compte.row(numero, row)
                grille.lignes[numero] = row
                numero += 1
            numero += 0 if row else repeated
            stack[-1].remove(element)
        elif element.tag == f"{_TABLE}table" and grille is not None:
            yield grille
            grille = None
            if count >= MAX_FEUILLES:
                return


def _count(element: Any, name: str) -> int:
    found = element.get(f"{_TABLE}{name}", "1")
    return min(int(found), 2_000_000) if found.isdigit() else 1


def _ods_row(element: Any, grille: Grille, numero: int, name: str) -> dict[int, Case]:
    row: dict[int, Case] = {}
    column = 1
    for cell in element:
        if cell.tag not in _CELLULES:
            continue
        repeated = _count(cell, "number-columns-repeated")
        made = _ods_case(cell)
        if made is not None:
            if column + repeated - 1 > MAX_COLONNES:
                raise ImportRefuse(f"« {name} » est trop large : {MAX_COLONNES} colonnes au plus.")
            row |= dict.fromkeys(range(column, column + repeated), made)
            height, width = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
            if (height > 1 or width > 1) and len(grille.fusions) < MAX_FUSIONS:
                grille.fusions.append((numero, column, numero + height - 1, column + width - 1))
        column += repeated
    return row


def _ods_case(cell: Any) -> Case | None:
    kind = cell.get(f"{_OFFICE}value-type", "")
    is_formula = bool(cell.get(f"{_TABLE}formula"))
    if kind in ("float", "currency", "percentage"):
        nature, text = "nombre", _number(cell.get(f"{_OFFICE}value", ""))
    elif kind == "date":
        nature, text = "date", cell.get(f"{_OFFICE}date-value", "").removesuffix("T00:00:00")
    elif kind == "boolean":
        nature, text = "booleen", "vrai" if cell.get(f"{_OFFICE}boolean-value") == "true" else "faux"
    else:
        nature, text = "texte", "\n".join(_words(part) for part in cell if part.tag == f"{_TEXT}p")
    text = plain(text)
    if is_formula and text.startswith(("#", "Err:")) and nature == "texte":
        nature = "erreur"
    return Case(text, nature, is_formula) if text or is_formula else None


def _number(value: str) -> str:
    try:
        return canonical(float(value))
    except ValueError:
        return value


def _words(paragraph: Any) -> str:
    """The text of a paragraph; several spaces, tabs and line ends are elements of their own."""
    said = [paragraph.text or ""]
    for part in paragraph:
        if part.tag == f"{_TEXT}s":
            found = part.get(f"{_TEXT}c", "1")
            said.append(" " * (min(int(found), 1000) if found.isdigit() else 1))
        elif part.tag == f"{_TEXT}tab":
            said.append("\t")
        elif part.tag == f"{_TEXT}line-break":
            said.append("\n")
        elif part.tag != f"{_OFFICE}annotation":
            said.append(_words(part))
        said.append(part.tail or "")
    return "".join(said)
