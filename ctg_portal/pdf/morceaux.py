"""A drawing as its objects, ready to be written in a file beside others: what WeasyPrint made, less what is common to all.

Numbers below ``LIBRE`` are those of the file: the same in every piece. A piece keeps only what its pages need.
"""

import hashlib
import json
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pydyf

from ctg_portal.pdf.fichier import renumber

CATALOGUE, PAGES, ARBRE, DOCUMENT, PARENTS, POLICES, OUVRE, DIT, PROPRES = range(1, 10)
"""Catalogue, pages, tree of tags, its document, its parents, fonts of the book, « q », what is said of the file, and the
fonts of a piece that has its own."""
LIBRE = PROPRES + 1
TETE = struct.Struct(">II")

Largeurs = Mapping[int, float]
"""The glyphs a font has, and their widths in thousandths."""


@dataclass(frozen=True)
class Morceau:
    """``entete``: ``pages`` (``[page, content, rank among parents]``), ``notes`` (``[link, rank, place, words]``, place
    « » for an address), ``enfants`` (tags under the document), ``parents`` (``[rank, text]``), ``images`` (by number, what
    they look like), ``polices`` (of the book), ``propres`` (by name, the number of a font), ``flux`` (which are streams).

    ``objets``: the text of each, from number ``LIBRE`` on.
    """

    entete: dict[str, Any]
    objets: list[bytes]

    def pack(self) -> bytes:
        flux = set(self.entete["flux"])
        texts = [text for rank, text in enumerate(self.objets, LIBRE) if rank not in flux]
        streams = [text for rank, text in enumerate(self.objets, LIBRE) if rank in flux]
        head = json.dumps(self.entete | {"tailles": [len(text) for text in self.objets]}).encode()
        squeezed = zlib.compress(head + b"".join(texts))
        return TETE.pack(len(head), len(squeezed)) + squeezed + b"".join(streams)

    @classmethod
    def unpack(cls, content: bytes) -> "Morceau":
        length, squeezed = TETE.unpack_from(content)
        body = zlib.decompress(content[TETE.size : TETE.size + squeezed])
        entete = json.loads(body[:length])
        flux = set(entete["flux"])
        objets, text_at, stream_at = [], length, TETE.size + squeezed
        for rank, taille in enumerate(entete.pop("tailles"), LIBRE):
            if rank in flux:
                objets.append(content[stream_at : stream_at + taille])
                stream_at += taille
            else:
                objets.append(body[text_at : text_at + taille])
                text_at += taille
        return cls(entete, objets)


def _number(reference: bytes) -> int:
    return int(reference.split()[0])


def widths_of(pdf: pydyf.PDF, font: Any) -> dict[int, float]:
    flat = pdf.objects[_number(font["DescendantFonts"][0])]["W"]
    return {
        int(first) + rank: float(width)
        for first, widths in zip(flat[::2], flat[1::2], strict=True)
        for rank, width in enumerate(widths)
    }


def glyphs_of(pdf: pydyf.PDF, font: Any) -> dict[str, int]:
    """The glyph of each letter, or of letters that are drawn as one."""
    mapping = b"\n".join(pdf.objects[_number(font["ToUnicode"])].stream).decode()
    return {
        bytes.fromhex(text).decode("utf-16-be"): int(glyph, 16)
        for glyph, text in re.findall(r"^<(\w{4})> <(\w+)>$", mapping, re.MULTILINE)
    }


def fonts_of(pdf: pydyf.PDF) -> dict[str, Any]:
    """By name, the fonts of a drawing: all its pages have the same."""
    return {name: pdf.objects[_number(reference)] for name, reference in _fonts(pdf).items()}


def _fonts(pdf: pydyf.PDF) -> Any:
    page = pdf.objects[pdf.pages["Kids"][0]]
    return pdf.objects[_number(pdf.objects[_number(page["Resources"])]["Font"])]


def _look(pdf: pydyf.PDF, image: Any) -> str:
    """Two images of one look are one object."""
    drawn = [image, *([pdf.objects[_number(image.extra["SMask"])]] if "SMask" in image.extra else [])]
    return hashlib.sha256(
        b"/mask/".join(found.data.partition(b"\nstream\n")[2] for found in drawn)
    ).hexdigest()


def piece_of(pdf: pydyf.PDF, book: Mapping[str, Largeurs], ancre: str) -> Morceau:
    """The piece that a drawing is, with the fonts that ``book`` (by name) has not. ``ancre``: how an address that is a place
    of the whole document begins."""
    fonts = _fonts(pdf)
    covered = {
        name
        for name, font in fonts_of(pdf).items()
        if name in book and book[name].keys() >= widths_of(pdf, font).keys()
    }
    tree = pdf.objects[_number(pdf.catalog["StructTreeRoot"])]
    document = pdf.objects[_number(tree["K"][0])]
    numbers = {
        pdf.pages.number: PAGES,
        document.number: DOCUMENT,
        fonts.number: POLICES if len(covered) == len(fonts) else PROPRES,
    }
    order: list[int] = []

    def new(old: int) -> int:
        if old not in numbers:
            numbers[old] = LIBRE + len(order)
            order.append(old)
        return numbers[old]

    entete: dict[str, Any] = {"pages": [], "notes": [], "images": {}, "flux": [], "polices": sorted(covered)}
    for number in pdf.pages["Kids"][::3]:
        page = pdf.objects[number]
        content, rank = _number(page.pop("Contents")), page.pop("StructParents")
        entete["pages"].append([new(number), new(content), rank])
        for reference in page.get("Annots", ()):
            note = pdf.objects[_number(reference)]
            address = note["A"]["URI"].string
            place = address.removeprefix(ancre) if address.startswith(ancre) else ""
            said = note.pop("Contents").string
            if place:
                del note["A"]
            entete["notes"].append([new(_number(reference)), note.pop("StructParent"), place, said])
    entete["enfants"] = [new(_number(reference)) for reference in document["K"]]
    entete["propres"] = {
        name: new(_number(reference)) for name, reference in fonts.items() if name not in covered
    }
    nums = (
        tree["ParentTree"]
        if isinstance(tree["ParentTree"], dict)
        else pdf.objects[_number(tree["ParentTree"])]
    )
    flat = nums["Nums"]
    entete["parents"] = [
        [rank, renumber(value.data if isinstance(value, pydyf.Object) else value, new).decode()]
        for rank, value in zip(flat[::2], flat[1::2], strict=True)
    ]
    objets: list[bytes] = []
    while len(objets) < len(order):  # what an object names comes behind it
        found = pdf.objects[order[len(objets)]]
        number = LIBRE + len(objets)
        text = found.data
        if isinstance(found, pydyf.Stream):
            entete["flux"].append(number)
            if found.extra.get("Subtype") == "/Image":
                entete["images"][str(number)] = _look(pdf, found)
            head, mark, body = text.partition(b"\nstream\n")
            objets.append(renumber(head, new) + mark + body)
        else:
            objets.append(renumber(text, new))
    return Morceau(entete, objets)
