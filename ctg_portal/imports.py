"""Reading the tables people send: .xlsx, .csv and .txt, known by their content, never trusted.

Cells come as text, with the place they have in the file, so that a report can say « ligne 7 ». Whatever the bytes,
``read_table`` gives a ``Table`` or raises ``ImportRefuse``, whose text is a French sentence.
"""

import csv
import datetime
import io
import re
import unicodedata
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._reader import FORMULA_TAG, WorkSheetParser

from ctg_portal.fields import parse_montant
from ctg_portal.tableurs import LISTES, restore

MAX_OCTETS = 5_000_000
MAX_OCTETS_DEPLIES = 80_000_000
"""Bytes that a workbook may hold once decompressed."""
MAX_RAPPORT = 200
"""How many times larger than its file a part of a workbook may be (a table of numbers reaches 30)."""
MAX_LIGNES = 20_000
MAX_COLONNES = 200
MAX_CELLULES = 500_000
MAX_FEUILLES = 50
DELIMITEURS = ";,\t|"

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOIS = (
    *("janvier", "fevrier", "mars", "avril", "mai", "juin"),
    *("juillet", "aout", "septembre", "octobre", "novembre", "decembre"),
)


class ImportRefuse(Exception):  # noqa: N818 - the word of the person who reads it
    """A file that cannot be read as a table. Its text is a French sentence to show as it is."""

    def __init__(self, sentence: str) -> None:
        sentence = re.sub(r" ([:»])", "\u00a0\\1", sentence.replace("« ", "«\u00a0"))
        super().__init__(re.sub(r" ([;!?])", "\u202f\\1", sentence))


@dataclass(frozen=True)
class Ligne:
    """A row: its number in the file (1 is the first), and one text a column of the table."""

    numero: int
    cellules: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A head and its rows, without the rows and columns that hold nothing.

    ``positions`` are the places of the columns in the file (1 is A); ``feuille`` is the sheet read, ``feuilles``
    those of the workbook that hold something (none for a text file).
    """

    entete: tuple[str, ...]
    lignes: tuple[Ligne, ...]
    positions: tuple[int, ...]
    feuille: str = ""
    feuilles: tuple[str, ...] = ()

    def adresse(self, ligne: Ligne, colonne: int) -> str:
        """« C7 », for the column of that rank (0 is the first) of ``ligne``."""
        return f"{get_column_letter(self.positions[colonne])}{ligne.numero}"


def read_table(content: bytes, name: str, *, feuille: str = "", ligne_entete: int | None = None) -> Table:
    """The table of a file; ``name`` only serves the messages.

    ``feuille`` chooses a sheet of a workbook (the first that holds something otherwise), ``ligne_entete`` the row of
    the heads (the first that holds something otherwise).
    """
    if not content:
        raise ImportRefuse(f"« {name} » est vide.")
    if len(content) > MAX_OCTETS:
        raise ImportRefuse(f"« {name} » est trop lourd : {MAX_OCTETS // 1_000_000} Mo au plus.")
    if content.startswith(_ZIP):
        return _read_workbook(content, name, feuille, ligne_entete)
    if content.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in content:
            raise ImportRefuse(
                f"« {name} » est protégé par un mot de passe : enregistrez-le sans, et recommencez."
            )
        raise ImportRefuse(
            f"« {name} » est un ancien fichier Excel (.xls) : enregistrez-le au format .xlsx, et recommencez."
        )
    return _table(read_text(content, name), ligne_entete, name)


# Text files


def read_text(content: bytes, name: str) -> Iterator[tuple[int, dict[int, str]]]:
    text = _decode(content, name)
    delimiter = None
    if found := re.match(r"sep=(.)\r?\n", text):
        delimiter, text = found[1], text[found.end() :]
    delimiter = delimiter or _delimiter(text)
    for numero, row in enumerate(_records(text, delimiter, name), start=1):
        if len(row) > MAX_COLONNES and any(map(str.strip, row[MAX_COLONNES:])):
            raise ImportRefuse(_TROP_LARGE.format(name=name))
        yield numero, dict(enumerate(row, start=1))


def _decode(content: bytes, name: str) -> str:
    is_utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    encodings = ["utf-16"] if is_utf16 else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise ImportRefuse(
        f"« {name} » n’est ni un classeur .xlsx ni un fichier texte : envoyez un fichier .xlsx ou .csv."
    )


def _delimiter(text: str) -> str:
    """The one that cuts the first rows into the same number of cells, most often and most finely."""
    head = text[:20_000]

    def score(delimiter: str) -> int:
        try:
            rows = [row for row in csv.reader(io.StringIO(head, newline=""), delimiter=delimiter) if row][:50]
        except csv.Error:
            return 0
        width = len(rows[0]) if rows else 0
        return sum(len(row) == width for row in rows) * (width - 1)

    return max(DELIMITEURS, key=score)


def _records(text: str, delimiter: str, name: str) -> list[list[str]]:
    for strict in (True, False):
        rows: list[list[str]] = []
        try:
            for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict):
                rows.append(row)
                if len(rows) > 10 * MAX_LIGNES:
                    raise ImportRefuse(_TROP_LONG.format(name=name))
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise ImportRefuse(
                    f"« {name} » : un guillemet ouvert n’est pas refermé, après la ligne {len(rows)}."
                ) from error
            if not strict:
                raise ImportRefuse(f"« {name} » : la ligne {len(rows) + 1} ne se lit pas.") from error
        else:
            break
    return rows


# Workbooks


class Parser(WorkSheetParser):
    """Cells as they are in the file. The public reader fills the gaps between them, however wide, and forgets
    which cells are formulas."""

    def parse_cell(self, element: Any) -> dict[str, Any]:
        cell: dict[str, Any] = super().parse_cell(element)
        return cell | {"is_formula": element.find(FORMULA_TAG) is not None}


def _read_workbook(content: bytes, name: str, feuille: str, ligne_entete: int | None) -> Table:
    check_archive(content, name)
    try:
        # openpyxl warns about what it leaves out: charts, rules, extensions.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _read_sheet(content, name, feuille, ligne_entete)
    except ImportRefuse:
        raise
    # A hostile file can make openpyxl and the XML reader raise nearly anything.
    except Exception as error:
        raise ImportRefuse(
            f"« {name} » est abîmé, ou n’est pas un classeur : ouvrez-le dans un tableur, enregistrez-le, et recommencez."
        ) from error


def _read_sheet(content: bytes, name: str, feuille: str, ligne_entete: int | None) -> Table:
    workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
    sheets = {sheet.title: sheet for sheet in workbook.worksheets[:MAX_FEUILLES]}
    filled = tuple(
        title
        for title, sheet in sheets.items()
        if title != LISTES and next(_cells(workbook, sheet, name, formulas=False), None)
    )
    if feuille and feuille not in filled:
        raise ImportRefuse(f"« {name} » n’a pas de feuille « {feuille} », ou elle est vide.")
    if not filled:
        raise ImportRefuse(f"« {name} » est vide.")
    chosen = feuille or filled[0]
    return _table(_cells(workbook, sheets[chosen], name), ligne_entete, name, feuille=chosen, feuilles=filled)


def iter_workbook(
    content: bytes, name: str, *, max_lignes: int = 100_000, max_cellules: int = 5_000_000
) -> Iterator[tuple[int, dict[int, str]]]:
    """The rows of the first sheet that holds something, as a stream: number, then text by column (1 is A)."""
    check_archive(content, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
            for sheet in workbook.worksheets[:MAX_FEUILLES]:
                rows = _cells(workbook, sheet, name, max_lignes=max_lignes, max_cellules=max_cellules)
                first = next(rows, None) if sheet.title != LISTES else None
                if first is not None:
                    yield first
                    yield from rows
                    return
    except ImportRefuse:
        raise
    # A hostile file can make openpyxl and the XML reader raise nearly anything.
    except Exception as error:
        raise ImportRefuse(
            f"« {name} » est abîmé, ou n’est pas un classeur : ouvrez-le dans un tableur, enregistrez-le, et recommencez."
        ) from error


def check_archive(content: bytes, name: str) -> None:
    """Refuse what is no workbook, what carries programs, and what would fill the memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            check_parts(archive, name)
            names = set(archive.namelist())
            if "mimetype" in names and b"opendocument" in archive.read("mimetype")[:200]:
                raise ImportRefuse(
                    f"« {name} » est un fichier OpenDocument : enregistrez-le au format .xlsx, et recommencez."
                )
            if "[Content_Types].xml" not in names or not any(part.startswith("xl/") for part in names):
                raise ImportRefuse(f"« {name} » n’est pas un classeur : envoyez un fichier .xlsx ou .csv.")
            types = archive.read("[Content_Types].xml")
            if b"macroEnabled" in types or any(part.endswith("vbaProject.bin") for part in names):
                raise ImportRefuse(
                    f"« {name} » contient des macros : enregistrez-le au format .xlsx, sans macro, et recommencez."
                )
            # The format has no document type: what declares one wants entities read, from here or from elsewhere.
            if any(has_doctype(archive.read(part)) for part in names if part.endswith((".xml", ".rels"))):
                raise ImportRefuse(f"« {name} » n’est pas un classeur ordinaire : il n’est pas lu.")
    except ImportRefuse:
        raise
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ImportRefuse(f"« {name} » est abîmé : il ne s’ouvre pas.") from error
    except Exception as error:  # zlib.error and LZMAError share no base class with the others
        raise ImportRefuse(f"« {name} » est abîmé : il ne s’ouvre pas.") from error


def check_parts(archive: zipfile.ZipFile, name: str) -> None:
    """Refuse an archive that asks for a password or that would fill the memory."""
    parts = archive.infolist()
    if any(part.flag_bits & 1 for part in parts):
        raise ImportRefuse(
            f"« {name} » est protégé par un mot de passe : enregistrez-le sans, et recommencez."
        )
    if sum(part.file_size for part in parts) > MAX_OCTETS_DEPLIES or any(
        part.file_size > 1_000_000 and part.file_size > MAX_RAPPORT * max(part.compress_size, 1)
        for part in parts
    ):
        raise ImportRefuse(f"« {name} » est trop lourd une fois décompressé.")
    # Other methods may ask for gigabytes of memory, whatever the size.
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in parts):
        raise ImportRefuse(
            f"« {name} » est compressé d’une façon que le portail ne lit pas : ouvrez-le dans un tableur, enregistrez-le, "
            "et recommencez."
        )


def has_doctype(part: bytes) -> bool:
    return b"<!DOCTYPE" in part or part.startswith((b"\xff\xfe", b"\xfe\xff"))


def _cells(
    workbook: Any,
    sheet: Any,
    name: str,
    *,
    formulas: bool = True,
    max_lignes: int = MAX_LIGNES,
    max_cellules: int = MAX_CELLULES,
) -> Iterator[tuple[int, dict[int, str]]]:
    """The rows of a sheet that hold something: number, then text by column.

    A formula whose result is not in the file is refused, or left empty when ``formulas`` is false.
    """
    total = filled = 0
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
            row = {}
            for cell in cells:
                if formulas and cell["value"] is None and cell["is_formula"]:
                    address = f"{get_column_letter(cell['column'])}{cell['row']}"
                    raise ImportRefuse(
                        f"« {name} » : la formule de la cellule {address} n’a pas de résultat. Ouvrez le fichier "
                        "dans un tableur, enregistrez-le, et recommencez."
                    )
                if cell["value"] is not None and (text := canonical(cell["value"])):
                    row[cell["column"]] = text
            if not row:
                continue
            filled += 1
            total += len(row)
            if max(row) > MAX_COLONNES:
                raise ImportRefuse(_TROP_LARGE.format(name=name))
            if filled > max_lignes + 1 or total > max_cellules:
                raise ImportRefuse(
                    f"« {name} » est trop long : {max_lignes // 1000}\u202f000 lignes au plus."
                )
            yield numero, row


_TROP_LONG = f"« {{name}} » est trop long : {MAX_LIGNES // 1000}\u202f000 lignes au plus."
_TROP_LARGE = f"« {{name}} » est trop large : {MAX_COLONNES} colonnes au plus."


def canonical(value: Any) -> str:
    """The text of a cell: cents kept, dates in ISO 8601.

    A spreadsheet keeps 15 significant digits; what a binary number shows beyond is not the person's.
    """
    if isinstance(value, bool):
        return "vrai" if value else "faux"
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        number = Decimal(repr(value))
        if len(number.as_tuple().digits) > 15:
            number = Decimal(f"{value:.15g}")
        return f"{number.to_integral_value():f}" if number == number.to_integral_value() else f"{number:f}"
    if isinstance(value, datetime.datetime):
        is_day = value.time() == datetime.time()
        return value.date().isoformat() if is_day else value.isoformat(timespec="minutes")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return clean_text(str(value).replace("_x000D_", "\r"))


def clean_text(text: str) -> str:
    """Text as a cell gives it: one kind of line end, nothing around, the apostrophe of ``neutralise`` taken back."""
    return restore(text.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff \t\n\xa0\u202f"))


# From rows to a table


def _table(
    rows: Iterator[tuple[int, dict[int, str]]],
    ligne_entete: int | None,
    name: str,
    *,
    feuille: str = "",
    feuilles: tuple[str, ...] = (),
) -> Table:
    entete: dict[int, str] = {}
    kept: list[tuple[int, dict[int, str]]] = []
    total = 0
    for numero, cells in rows:
        if ligne_entete is not None and numero < ligne_entete:
            continue
        row = {column: text for column, cell in cells.items() if (text := clean_text(cell))}
        if not row:
            continue
        if not entete:
            entete = row
            continue
        kept.append((numero, row))
        total += len(row)
        if len(kept) > MAX_LIGNES or total > MAX_CELLULES:
            raise ImportRefuse(_TROP_LONG.format(name=name))
    if not entete:
        raise ImportRefuse(f"« {name} » est vide.")
    positions = tuple(sorted(entete.keys() | {column for _, row in kept for column in row}))
    return Table(
        tuple(entete.get(column, "") for column in positions),
        tuple(Ligne(numero, tuple(row.get(column, "") for column in positions)) for numero, row in kept),
        positions,
        feuille,
        feuilles,
    )


# Columns


@dataclass(frozen=True)
class Champ:
    """A column that an import understands: what it fills, its title, and what else people call it.

    ``derive``: written in exports for the reader, left aside when it comes back.
    """

    nom: str
    titre: str
    synonymes: tuple[str, ...] = ()
    obligatoire: bool = False
    derive: bool = False


@dataclass(frozen=True)
class Correspondance:
    """Which column of a table fills which field: ``colonnes`` by name of ``Champ``; the titles nobody knows."""

    colonnes: Mapping[str, int]
    inconnues: tuple[str, ...]

    def cellules(self, ligne: Ligne) -> dict[str, str]:
        """The texts of a row by field; a field whose column is not in the file is not there."""
        return {nom: ligne.cellules[index] for nom, index in self.colonnes.items()}


def normalise(text: str) -> str:
    """Text to compare: no accent, no case, no punctuation.

    >>> normalise("N° de la COF — Début")
    'n de la cof debut'
    """
    text = text.replace("œ", "oe").replace("Œ", "oe").replace("°", " ").replace("æ", "ae")
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", plain.casefold()))


def match_columns(table: Table, champs: Sequence[Champ]) -> Correspondance:
    """Find the columns of ``champs``; raise ``ImportRefuse`` if one is there twice, or a required one is missing."""
    known = {
        normalise(title): champ for champ in champs for title in (*champ.synonymes, champ.titre, champ.nom)
    }
    colonnes: dict[str, int] = {}
    inconnues = []
    for index, title in enumerate(table.entete):
        champ = known.get(normalise(title))
        if champ is None:
            inconnues.append(title or f"colonne {get_column_letter(table.positions[index])}, sans titre")
        elif champ.nom in colonnes:
            raise ImportRefuse(
                f"Deux colonnes disent « {champ.titre} » : « {table.entete[colonnes[champ.nom]]} » et « {title} ». "
                "Gardez-en une."
            )
        else:
            colonnes[champ.nom] = index
    if missing := [champ.titre for champ in champs if champ.obligatoire and champ.nom not in colonnes]:
        titles = ", ".join(f"« {title} »" for title in missing)
        plural = "la colonne" if len(missing) == 1 else "les colonnes"
        raise ImportRefuse(
            f"Il manque {plural} {titles} : la première ligne du tableau porte les titres des colonnes."
        )
    return Correspondance(colonnes, tuple(inconnues))


# Cells. Each raises ``ValidationError`` with a French sentence.


def parse_date(text: str) -> datetime.date:
    """A day as people and spreadsheets write it: ``31/01/2022``, ``2022-01-31``, ``31 janvier 2022``, ``44592``."""
    written = " ".join(text.split())
    day = _day(written)
    if day is None:
        raise ValidationError(f"« {written} » n’est pas une date : écrivez 31/01/2022.", code="date")
    if not 1900 <= day.year <= 2100:
        raise ValidationError(f"« {written} » : l’année d’une date est entre 1900 et 2100.", code="date")
    return day


def _day(written: str) -> datetime.date | None:
    year = month = day = ""
    if found := re.fullmatch(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ][0-9:.]+Z?)?", written):
        year, month, day = found.groups()
    elif found := re.fullmatch(r"([0-9]{1,2})[/.\- ]([0-9]{1,2})[/.\- ]([0-9]{4}|[0-9]{2})", written):
        day, month, year = found.groups()
    elif found := re.fullmatch(r"([0-9]{1,2})(?:er)? ([a-z]+) ([0-9]{4})", normalise(written)):
        day, name, year = found.groups()
        starts = [i for i, mois in enumerate(_MOIS, start=1) if mois.startswith(name)]
        month = str(starts[0]) if len(starts) == 1 and len(name) >= 3 else ""
    elif re.fullmatch(r"[0-9]{5}", written):
        # The day count of spreadsheets: 1 is 1 January 1900, and 1900 has a 29 February there.
        return datetime.date(1899, 12, 30) + datetime.timedelta(days=int(written))
    if len(year) == 2:
        year = f"{'20' if int(year) < 70 else '19'}{year}"
    try:
        return datetime.date(int(year), int(month), int(day))
    except ValueError:
        return None


def parse_entier(text: str) -> int:
    """A count: ``20``, ``1 250``, ``20,0``; between 0 and 2 147 483 647, as the database keeps it."""
    written = " ".join(text.split())
    found = re.fullmatch(r"([0-9]{1,3}(?: [0-9]{3})+|[0-9]+)(?:[.,]0+)?", written)
    value = int(found[1].replace(" ", "")) if found and len(found[1]) < 20 else None
    if re.match(r"[-−–] ?[0-9]", written):
        raise ValidationError(f"« {written} » est négatif.", code="integer")
    if value is None or value > 2_147_483_647:
        raise ValidationError(f"« {written} » n’est pas un nombre entier.", code="integer")
    return value


def parse_insee(text: str) -> str:
    """A code of the INSEE, with the zero that spreadsheets lose: ``1001`` is ``01001``; ``2A004`` stays."""
    code = re.sub(r"\s", "", text).upper()
    if re.fullmatch(r"[0-9]{4}", code):
        code = f"0{code}"
    if not re.fullmatch(r"([0-9]{2}|2[AB])[0-9]{3}", code, re.ASCII):
        raise ValidationError(
            f"« {text} » n’est pas un code INSEE : cinq caractères, comme 01001 ou 2A004.", code="insee"
        )
    return code


def parse_euros(text: str) -> Decimal:
    """An amount (see ``parse_montant``) that is not negative and that the database can keep."""
    amount = parse_montant(text)
    if amount < 0:
        raise ValidationError("Un montant ne peut pas être négatif.", code="negative")
    if amount >= 10**10:
        raise ValidationError(
            "Ce montant est trop grand : dix chiffres avant la virgule au plus.", code="large"
        )
    return amount
