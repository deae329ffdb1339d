"""Large files that people send, read as a stream: text, workbook, or an archive that holds one of them.

Whatever the bytes, what is here gives rows or raises ``ImportRefuse``, whose text is a French sentence.
"""

import codecs
import csv
import io
import itertools
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import IO, cast

from ctg_portal.imports import ImportRefuse, clean_text, iter_workbook

MAX_OCTETS = 300 * 1_048_576
"""Bytes of what is sent: a dossier complet is some 150 MB in its archive."""
MAX_OCTETS_DEPLIES = 2_000_000_000
"""Bytes read out of it: a dossier complet is some 700 MB once decompressed."""
MAX_RAPPORT = 200
MAX_LIGNES = 6_000_000
MAX_LIGNE = 1_000_000
"""Bytes of one row: the head of a dossier complet is some 30 000."""
MAX_SAUTS = 200
"""Line ends inside one cell: beyond, a quotation mark was never closed."""
MAX_MEMBRES = 50
MAX_CLASSEUR = 20_000_000
DEBUT = 262_144
TETE = 10
"""Rows in which the head of a table is looked for: some files begin with four lines of titles."""

TROP_LOURD_ENVOYE = (
    f"« {{nom}} » est trop lourd : {MAX_OCTETS // 1_048_576} Mo au plus. Envoyez-le dans une archive .zip, comme on le "
    "télécharge."
)
_ABIME = "« {nom} » est abîmé : il ne s’ouvre pas. Téléchargez-le de nouveau, et recommencez."
_TROP_LOURD = "« {nom} » est trop lourd une fois décompressé : il n’est pas lu."
_GUILLEMET = "« {nom} » : un guillemet ouvert à la ligne {ligne} n’est pas refermé."
_PAS_UN_TABLEAU = "« {nom} » n’est ni un classeur .xlsx, ni un fichier .csv en UTF-8, ni une archive .zip qui en contient un."
_AUTRES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "une archive .gz : décompressez-la, et envoyez le fichier .csv."),
    (b"7z\xbc\xaf", "une archive .7z : décompressez-la, et envoyez le fichier .csv."),
    (b"Rar!", "une archive .rar : décompressez-la, et envoyez le fichier .csv."),
    (b"PAR1", "un fichier Parquet : téléchargez plutôt sa version .csv."),
    (b"%PDF", "un PDF : téléchargez plutôt le fichier .csv ou .xlsx."),
    (b"\xff\xfe", "un texte en UTF-16 : enregistrez-le au format « CSV UTF-8 », et recommencez."),
    (b"\xfe\xff", "un texte en UTF-16 : enregistrez-le au format « CSV UTF-8 », et recommencez."),
)
"""What else people send, by its first bytes."""
_WEB = (b"<!doctype html", b"<html", b"<head", b"<body")

_ABIMES = (
    zipfile.BadZipFile,
    OSError,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
)
"""What reading a broken archive raises."""

Ouvre = Callable[[], IO[bytes]]


class Tableau:
    """A table opened to be read: ``tete`` holds its first rows (number, cells)."""

    nom: str
    tete: list[tuple[int, list[str]]]

    def rows(
        self, cle: int | None, cles: Collection[str] | None, *, apres: int
    ) -> Iterator[tuple[int, list[str]]]:
        """The rows after line ``apres`` whose cell ``cle`` (any cell, for ``None``) is one of ``cles``; all, without them.

        What comes before a hyphen in cell ``cle`` counts for nothing: « 2024-COM-46066 » is 46066.
        """
        raise NotImplementedError


class Texte(Tableau):
    """A text file: the bytes of a row are looked at before it is cut into cells, which costs a hundred times more."""

    def __init__(self, ouvre: Ouvre, nom: str) -> None:
        self.ouvre, self.nom = ouvre, nom
        with ouvre() as file:
            debut = file.read(DEBUT)
        start = debut.lstrip(b"\xef\xbb\xbf \r\n\t")
        if not start:
            raise ImportRefuse(f"« {nom} » est vide.")
        for magic, what in _AUTRES:
            if debut.startswith(magic):
                raise ImportRefuse(f"« {nom} » est {what}")
        if b"\x00" in debut:
            raise ImportRefuse(_PAS_UN_TABLEAU.format(nom=nom))
        if start[:200].lower().startswith(_WEB):
            raise ImportRefuse(
                f"« {nom} » est une page web, pas un tableau : le téléchargement a échoué, ou c’est la page qui a été "
                "enregistrée. Téléchargez le fichier lui-même, et recommencez."
            )
        if start.startswith((b"{", b"[")):
            raise ImportRefuse(f"« {nom} » est un fichier JSON : téléchargez plutôt sa version .csv.")
        if start.startswith(b"<"):
            raise ImportRefuse(f"« {nom} » est un fichier XML : téléchargez plutôt sa version .csv ou .xlsx.")
        physical = debut.split(b"\n")[:TETE]
        self.delimiteur = self._delimiter([line.decode("utf-8-sig", "replace") for line in physical])
        first_rows = itertools.islice(_safely(self._lines(), nom), TETE)
        self.tete = [
            (numero, cells) for numero, line in first_rows if any(cells := self._cells(line, numero))
        ]

    @staticmethod
    def _delimiter(lines: list[str]) -> str:
        """The one that cuts most of the rows seen; a semicolon first, as French files do."""
        filled = [line for line in lines if line.strip()][-3:]
        for delimiter in ";\t|,":
            if filled and all(delimiter in line for line in filled):
                return delimiter
        return ";"

    def _cells(self, line: bytes, numero: int) -> list[str]:
        line = line.removeprefix(codecs.BOM_UTF8) if numero == 1 else line
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("cp1252", "replace")
        # The database keeps no null character.
        text = text.replace("\x00", "")
        try:
            cells = next(csv.reader([text], delimiter=self.delimiteur), [])
        except csv.Error as error:
            raise ImportRefuse(f"« {self.nom} » : la ligne {numero} ne se lit pas.") from error
        return [clean_text(cell) for cell in cells]

    def _is_open(self, line: bytes) -> bool:
        """Whether a cell in quotation marks goes on after ``line``; a mark inside a bare cell opens nothing."""
        inside = False
        for piece in line.removeprefix(codecs.BOM_UTF8).split(self.delimiteur.encode()):
            if inside or piece.startswith(b'"'):
                inside ^= bool(piece.count(b'"') % 2)
        return inside

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """The rows as bytes; a cell in quotation marks may hold line ends."""
        total = numero = 0
        with self.ouvre() as opened:
            file = io.BufferedReader(cast("io.RawIOBase", opened), 1 << 20)
            while line := file.readline(MAX_LIGNE):
                numero += 1
                first = numero
                while line.count(b'"') % 2 and self._is_open(line) and len(line) < MAX_LIGNE:
                    more = file.readline(MAX_LIGNE)
                    if not more:
                        raise ImportRefuse(_GUILLEMET.format(nom=self.nom, ligne=first))
                    line += more
                    numero += 1
                    if numero - first > MAX_SAUTS:
                        raise ImportRefuse(_GUILLEMET.format(nom=self.nom, ligne=first))
                total += len(line)
                if len(line) >= MAX_LIGNE:
                    raise ImportRefuse(f"« {self.nom} » : la ligne {first} est trop longue pour être lue.")
                if numero > MAX_LIGNES:
                    raise ImportRefuse(
                        f"« {self.nom} » est trop long : {MAX_LIGNES // 1_000_000} millions de lignes au plus."
                    )
                if total > MAX_OCTETS_DEPLIES:
                    raise ImportRefuse(_TROP_LOURD.format(nom=self.nom))
                yield first, line

    def rows(
        self, cle: int | None, cles: Collection[str] | None, *, apres: int
    ) -> Iterator[tuple[int, list[str]]]:
        wanted = frozenset(key.encode() for key in cles or ())
        delimiter = self.delimiteur.encode()
        for numero, line in _safely(self._lines(), self.nom):
            if numero <= apres:
                continue
            if cle is not None and cles is not None:
                pieces = line.split(delimiter, cle + 1)[: cle + 1]
                whole = not any(piece.count(b'"') % 2 for piece in pieces)
                if whole and (
                    len(pieces) <= cle or pieces[cle].strip(b'" \r\n\t').rsplit(b"-", 1)[-1] not in wanted
                ):
                    continue
            cells = self._cells(line, numero)
            if any(cells) and _is_wanted(cells, cle, cles):
                yield numero, cells


def _is_wanted(cells: Sequence[str], cle: int | None, cles: Collection[str] | None) -> bool:
    """« 2024-COM-46066 », whose end is the code, is the place 46066."""
    if cles is None:
        return True
    if cle is None:
        return any(cell in cles for cell in cells)
    return cle < len(cells) and cells[cle].rsplit("-", 1)[-1] in cles


class Classeur(Tableau):
    """A workbook: its first sheet that holds something. Opening it may cost as much as reading it: it is done once."""

    def __init__(self, contenu: bytes, nom: str) -> None:
        self.nom = nom
        self.contenu = contenu
        self.suite: Iterator[tuple[int, list[str]]] | None = self._all()
        self.tete = list(itertools.islice(self.suite, TETE))
        if not self.tete:
            raise ImportRefuse(f"« {nom} » est vide.")

    def _all(self) -> Iterator[tuple[int, list[str]]]:
        for numero, cells in iter_workbook(self.contenu, self.nom):
            yield numero, [clean_text(cells.get(column, "")) for column in range(1, max(cells) + 1)]

    def rows(
        self, cle: int | None, cles: Collection[str] | None, *, apres: int
    ) -> Iterator[tuple[int, list[str]]]:
        suite, self.suite = self.suite, None
        for numero, cells in itertools.chain(self.tete, suite) if suite else self._all():
            if numero > apres and _is_wanted(cells, cle, cles):
                yield numero, cells


def open_tables(file: IO[bytes], nom: str) -> list[Tableau]:
    """The tables that a file holds: itself, or the members of an archive, the largest first."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    if not size:
        raise ImportRefuse(f"« {nom} » est vide.")
    if size > MAX_OCTETS:
        raise ImportRefuse(TROP_LOURD_ENVOYE.format(nom=nom))
    start = file.read(8)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportRefuse(_old_office(file, nom))
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return [Texte(lambda: cast("IO[bytes]", _Again(file)), nom)]
    try:
        return _open_archive(file, size, nom)
    except ImportRefuse:
        raise
    except _ABIMES as error:
        raise ImportRefuse(_ABIME.format(nom=nom)) from error


def _old_office(file: IO[bytes], nom: str) -> str:
    """A workbook with a password comes in the wrapping of the old formats, which names what it holds."""
    file.seek(0)
    if "EncryptedPackage".encode("utf-16-le") in file.read(MAX_CLASSEUR):
        return f"« {nom} » est protégé par un mot de passe : enregistrez-le sans, et recommencez."
    return f"« {nom} » est un ancien fichier Excel (.xls) : enregistrez-le au format .xlsx, et recommencez."


def _open_archive(file: IO[bytes], size: int, nom: str) -> list[Tableau]:
    archive = zipfile.ZipFile(file)
    parts = [part for part in archive.infolist() if not part.is_dir()]
    if any(part.filename == "[Content_Types].xml" for part in parts):
        if size > MAX_CLASSEUR:
            raise ImportRefuse(
                f"« {nom} » est trop lourd pour un classeur : enregistrez-le au format .csv, et recommencez."
            )
        file.seek(0)
        return [Classeur(file.read(), nom)]
    if any(part.flag_bits & 1 for part in parts):
        raise ImportRefuse(f"« {nom} » demande un mot de passe : envoyez-le sans.")
    if sum(part.file_size for part in parts) > MAX_OCTETS_DEPLIES or any(
        part.file_size > 1_000_000 and part.file_size > MAX_RAPPORT * max(part.compress_size, 1)
        for part in parts
    ):
        raise ImportRefuse(_TROP_LOURD.format(nom=nom))
    if len(parts) > MAX_MEMBRES:
        raise ImportRefuse(f"« {nom} » contient trop de fichiers : {MAX_MEMBRES} au plus.")
    if any(part.filename == "mimetype" for part in parts):
        raise ImportRefuse(
            f"« {nom} » est un fichier OpenDocument : enregistrez-le au format .xlsx ou .csv, et recommencez."
        )
    read = _members(parts, (".csv", ".txt")) or _members(parts, (".xlsx",))
    if not read:
        raise ImportRefuse(_nothing_to_read(parts, nom))
    # Other methods may ask for gigabytes of memory, whatever the size.
    if any(part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for part in read):
        raise ImportRefuse(
            f"« {nom} » est compressé d’une façon que le portail ne lit pas : décompressez-le, et envoyez le fichier .csv."
        )
    return [_open_member(archive, part) for part in read]


def _members(parts: list[zipfile.ZipInfo], endings: tuple[str, ...]) -> list[zipfile.ZipInfo]:
    """Those that hold something, the largest first."""
    named = [part for part in parts if part.filename.lower().endswith(endings) and part.file_size]
    return sorted(named, key=lambda part: -part.file_size)


def _nothing_to_read(parts: list[zipfile.ZipInfo], nom: str) -> str:
    if not any(part.file_size for part in parts):
        return f"« {nom} » est une archive vide."
    if any(part.filename.lower().endswith((".zip", ".gz", ".7z", ".rar")) for part in parts):
        return f"« {nom} » contient une archive dans l’archive : décompressez-la, et envoyez le fichier .csv."
    return f"« {nom} » ne contient aucun fichier .csv ni .xlsx."


def _open_member(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Tableau:
    nom = part.filename.rsplit("/", 1)[-1]
    if not part.filename.lower().endswith(".xlsx"):
        return Texte(lambda: archive.open(part), nom)
    if part.file_size > MAX_CLASSEUR:
        raise ImportRefuse(_TROP_LOURD.format(nom=nom))
    return Classeur(archive.read(part), nom)


class _Again(io.RawIOBase):
    """The file from its beginning, left open when the reading ends."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        file.seek(0)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self.file.read(size)

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader gives
        chunk = self.file.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _safely(lines: Iterator[tuple[int, bytes]], nom: str) -> Iterator[tuple[int, bytes]]:
    """An archive may break in its middle."""
    try:
        yield from lines
    except _ABIMES as error:
        raise ImportRefuse(_ABIME.format(nom=nom)) from error
