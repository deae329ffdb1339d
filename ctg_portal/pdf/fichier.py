"""A PDF file written as it goes: what is told is on its way out, so a long one takes no more memory than its bytes.

Numbers of objects are given out first, so that an object may name one that is written later.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable

LOT = 200
"""Objects squeezed together in one stream."""
REFERENCE = re.compile(rb"\((?:[^\\()]|\\.)*\)|(\d+) 0 R\b", re.DOTALL)
"""A reference to an object, or a string, which may hold the letters of one."""
ENTREE = struct.Struct(">BIH")


def renumber(text: bytes, number_of: Callable[[int], int]) -> bytes:
    """``text``, an object as it is written, with each reference led to ``number_of`` its number."""
    return REFERENCE.sub(
        lambda found: b"%d 0 R" % number_of(int(found[1])) if found[1] else found[0],
        text,
    )


def references(text: bytes) -> list[int]:
    """The numbers of the objects that ``text`` names."""
    return [int(found) for found in REFERENCE.findall(text) if found]


def words(text: str) -> bytes:
    """A string of people, in UTF-16 as hexadecimal: no sign in it means anything to the format."""
    return b"<feff" + text.encode("utf-16-be", "replace").hex().encode() + b">"


class Fichier:
    """The bytes of a file. ``taken``: numbers from 1 that the caller keeps for itself."""

    def __init__(self, taken: int) -> None:
        self.out = bytearray(b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n")
        self.places = bytearray(ENTREE.size * (taken + 1))
        self.lot: list[tuple[int, bytes]] = []

    def take(self, number: int = 1) -> int:
        """The first of ``number`` new numbers."""
        first = len(self.places) // ENTREE.size
        self.places += bytes(ENTREE.size * number)
        return first

    def put(self, number: int, text: bytes) -> None:
        """An object that is no stream."""
        self.lot.append((number, text))
        if len(self.lot) >= LOT:
            self._empty()

    def put_stream(self, number: int, text: bytes) -> None:
        """A stream, with its dictionary, as it is written."""
        ENTREE.pack_into(self.places, number * ENTREE.size, 1, len(self.out), 0)
        self.out += b"%d 0 obj\n%b\nendobj\n" % (number, text)

    def squeeze(self, number: int, body: bytes, more: bytes = b"") -> None:
        """A stream of these bytes."""
        squeezed = zlib.compress(body)
        self.put_stream(
            number,
            b"<<%b/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (more, len(squeezed), squeezed),
        )

    def _empty(self) -> None:
        if not self.lot:
            return
        stream, heads, bodies, at = self.take(), [], [], 0
        for rank, (number, text) in enumerate(self.lot):
            ENTREE.pack_into(self.places, number * ENTREE.size, 2, stream, rank)
            heads.append(b"%d %d" % (number, at))
            bodies.append(text)
            at += len(text) + 1
        head = b" ".join(heads) + b"\n"
        self.squeeze(
            stream,
            head + b"\n".join(bodies),
            b"/Type/ObjStm/N %d/First %d" % (len(self.lot), len(head)),
        )
        self.lot.clear()

    def close(self, *, root: int, info: int) -> bytes:
        """The whole file; its name is that of its content."""
        self._empty()
        at, number = len(self.out), self.take()
        ENTREE.pack_into(self.places, number * ENTREE.size, 1, at, 0)
        ENTREE.pack_into(self.places, 0, 0, 0, 65535)
        name = hashlib.sha256(self.out).hexdigest()[:32].encode()
        table = zlib.compress(self.places)
        self.out += (
            b"%d 0 obj\n<</Type/XRef/Size %d/W[1 4 2]/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]"
            b"/Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n"
        ) % (number, number + 1, root, info, name, name, len(table), table, at)
        return bytes(self.out)
