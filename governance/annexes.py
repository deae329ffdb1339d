"""The annexes of a dossier: which deposited files follow it, which are only listed, and why."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.core.files.storage import default_storage

from ctg_portal.documents import AnnexeError, AnnexePdf, DocumentError, read_annexe
from governance.models import AnnexeEmise, PieceReunion, Reunion

OCTETS_MAX = 30_000_000
"""Bytes of all the annexes of a dossier: it is read on telephones and sent by e-mail."""

AUTRE_FORMAT = "N’est pas un PDF : à lire dans le portail, ou à demander."
ABSENTE = "Le fichier n’est plus là : il n’est pas joint."
EN_TROP = "Le dossier serait trop lourd : elle est à demander."


@dataclass(frozen=True)
class Annexe:
    """A deposited file as the dossier lists it: appended, with its number of ``pages``, or not, and why.

    ``point``: the number on the agenda of the item it is about.
    """

    rang: int
    piece: PieceReunion
    pages: int | None = None
    refus: str = ""
    point: int | None = None

    @property
    def titre(self) -> str:
        return self.piece.titre

    @property
    def sorte(self) -> str:
        return self.piece.extension

    @property
    def suite(self) -> str:
        if self.pages is None:
            return self.refus
        return f"À la fin du dossier : {self.pages} page{'s' if self.pages > 1 else ''}"


@lru_cache(maxsize=512)
def _read(name: str, sha256: str) -> tuple[int | None, str]:
    """Pages of a stored PDF, or why it cannot be appended. Stored files never change: each is read once by a process."""
    try:
        with default_storage.open(name, "rb") as file:
            return read_annexe(file.read()), ""
    except FileNotFoundError:
        return None, ABSENTE
    except AnnexeError as refus:
        return None, str(refus)


def annexes_of(reunion: Reunion, points: Sequence[int]) -> list[Annexe]:
    """Those of a meeting in the order of its agenda (``points``, ids); one query, and the files not read yet."""
    found: list[Annexe] = []
    total = 0
    numbers = {pk: number for number, pk in enumerate(points, 1)}
    for rang, piece in enumerate(reunion.pieces.annexes(), 1):
        pages, refus = None, AUTRE_FORMAT
        if piece.extension == "PDF":
            pages, refus = _read(str(piece.fichier.name), piece.sha256)
            if pages and total + piece.taille > OCTETS_MAX:
                pages, refus = None, EN_TROP
            elif pages:
                total += piece.taille
        point = numbers.get(piece.point_id or 0)
        found.append(Annexe(rang, piece, pages, refus, point))
    return found


def bytes_of(annexe: AnnexeEmise) -> AnnexePdf:
    """The file as it was when the document was issued. Raise ``DocumentError`` when it is not the same any more."""
    with annexe.piece.fichier.open("rb") as file:
        content = file.read()
    if hashlib.sha256(content).hexdigest() != annexe.piece.sha256:
        raise DocumentError(f"annexe {annexe.rang}: the stored file has changed")
    return AnnexePdf(annexe.rang, annexe.titre, content)
