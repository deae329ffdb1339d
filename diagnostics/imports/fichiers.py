"""Large files that people send, read as a stream: text, workbook, or an archive that holds one of them.

Whatever the bytes, what is here gives rows or raises ``ImportRefuse``, whose text is a French sentence.
"""

import csv
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from typing import IO

from ctg_portal.imports import ImportRefuse, clean_text, iter_workbook

MAX_OCTETS = 200 * 1_048_576
"""Bytes of what is sent."""
MAX_OCTETS_DEPLIES = 4_000_000_000
"""Bytes read out of it: a dossier complet is some 700 MB once decompressed."""
MAX_RAPPORT = 200
MAX_LIGNES = 6_000_000
MAX_LIGNE = 1_000_000
"""Bytes of one row: the head of a dossier complet is some 30 000."""
MAX_MEMBRES = 50
MAX_CLASSEUR = 20_000_000
DEBUT = 262_144
TETE = 10
"""Rows in which the head of a table is looked for: some files begin with four lines of titles."""

_ABIME = "« {nom} » est abîmé : il ne s’ouvre pas. Téléchargez-le de nouveau, et recommencez."
_TROP_LOURD = "« {nom} » est trop lourd une fois décompressé : il n’est pas lu."

Ouvre = Callable[[], IO[bytes]]


class Tableau:
    """A table opened to be read: ``tete`` holds its first rows (number, cells)."""

    nom: str
    tete: list[tuple[int, list[str]]]

    def rows(
        self, cle: int | None, cles: Collection[str] | None, *, apres: int
    ) -> Iterator[tuple[int, list[str]]]:
        """The rows after line ``apres`` whose cell ``cle`` (any cell, for ``None``) is one of ``cles``; all, without them."""
        raise NotImplementedError


class Texte(Tableau):
    """A text file: the bytes of a row are looked at before it is cut into cells, which costs a hundred times more."""

    def __init__(self, ouvre: Ouvre, nom: str) -> None:
        self.ouvre, self.nom = ouvre, nom
        with ouvre() as file:
            debut = file.read(DEBUT)
        if not debut.strip(b"\xef\xbb\xbf \r\n\t"):
            raise ImportRefuse(f"« {nom} » est vide.")
        if b"\x00" in debut:
            raise ImportRefuse(
                f"« {nom} » n’est ni un classeur .xlsx, ni un fichier .csv en UTF-8, ni une archive .zip qui en contient un."
            )
        lines = debut.split(b"\n")[:TETE]
        self.delimiteur = self._delimiter([line.decode("utf-8-sig", "replace") for line in lines])
        self.tete = [
            (numero, cells)
            for numero, line in enumerate(lines, start=1)
            if any(cells := self._cells(line, numero))
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
        try:
            text = line.decode("utf-8-sig" if numero == 1 else "utf-8")
        except UnicodeDecodeError:
            text = line.decode("cp1252", "replace")
        try:
            cells = next(csv.reader([text], delimiter=self.delimiteur), [])
        except csv.Error as error:
            raise ImportRefuse(f"« {self.nom} » : la ligne {numero} ne se lit pas.") from error
        return [clean_text(cell) for cell in cells]

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """The rows as bytes; a cell in quotation marks may hold line ends."""
        total = numero = 0
        with self.ouvre() as opened:
            file = io.BufferedReader(opened, 1 << 20) if not isinstance(opened, io.BytesIO) else opened  # type: ignore[arg-type]  # what ``ouvre`` gives reads bytes
            while line := file.readline(MAX_LIGNE):
                numero += 1
                first = numero
                while line.count(b'"') % 2 and len(line) < MAX_LIGNE and (more := file.readline(MAX_LIGNE)):
                    line += more
                    numero += 1
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
                if whole and (len(pieces) <= cle or pieces[cle].strip(b'" \r\n\t') not in wanted):
                    continue
            cells = self._cells(line, numero)
            seen = cells if cle is None else cells[cle : cle + 1]
            if any(cells) and (cles is None or any(cell in cles for cell in seen)):
                yield numero, cells


class Classeur(Tableau):
    """A workbook: its first sheet that holds something."""

    def __init__(self, contenu: bytes, nom: str) -> None:
        self.nom = nom
        self.contenu = contenu
        self.tete = []
        for numero, cells in self._all():
            self.tete.append((numero, cells))
            if numero >= TETE:
                break
        if not self.tete:
            raise ImportRefuse(f"« {nom} » est vide.")

    def _all(self) -> Iterator[tuple[int, list[str]]]:
        for numero, cells in iter_workbook(self.contenu, self.nom):
            yield numero, [clean_text(cells.get(column, "")) for column in range(1, max(cells) + 1)]

    def rows(
        self, cle: int | None, cles: Collection[str] | None, *, apres: int
    ) -> Iterator[tuple[int, list[str]]]:
        for numero, cells in self._all():
            seen = cells if cle is None else cells[cle : cle + 1]
            if numero > apres and (cles is None or any(cell in cles for cell in seen)):
                yield numero, cells


def open_tables(file: IO[bytes], nom: str) -> list[Tableau]:
    """The tables that a file holds: itself, or the members of an archive, the largest first."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    file.seek(0)
    if not size:
        raise ImportRefuse(f"« {nom} » est vide.")
    if size > MAX_OCTETS:
        raise ImportRefuse(f"« {nom} » est trop lourd : {MAX_OCTETS // 1_048_576} Mo au plus.")
    start = file.read(8)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise ImportRefuse(
            f"« {nom} » est un ancien fichier Excel (.xls), ou demande un mot de passe : enregistrez-le au format .xlsx."
        )
    if not start.startswith(b"PK\x03\x04"):
        return [Texte(lambda: _Again(file), nom)]
    try:
        return _open_archive(file, size, nom)
    except ImportRefuse:
        raise
    except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ImportRefuse(_ABIME.format(nom=nom)) from error
    except (zlib.error, lzma.LZMAError) as error:
        raise ImportRefuse(_ABIME.format(nom=nom)) from error


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
    read = [part for part in parts if part.filename.lower().endswith((".csv", ".txt"))]
    if not read and any(part.filename.lower().endswith((".zip", ".gz", ".7z", ".rar")) for part in parts):
        raise ImportRefuse(
            f"« {nom} » contient une archive dans l’archive : décompressez-la, et envoyez le fichier .csv."
        )
    if not read:
        raise ImportRefuse(f"« {nom} » ne contient aucun fichier .csv.")
    read.sort(key=lambda part: -part.file_size)
    return [
        Texte(lambda part=part: archive.open(part), part.filename.rsplit("/", 1)[-1])  # type: ignore[misc]  # a default argument binds each part
        for part in read
        if part.file_size
    ]


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
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        raise ImportRefuse(_ABIME.format(nom=nom)) from error
