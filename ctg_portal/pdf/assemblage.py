"""Drawn parts joined into one tagged file: one tree of tags, one contents of bookmarks, links that cross parts.

A part is written as soon as it is given and forgotten: its objects take new numbers, what crosses parts waits for the end.
The head and the foot of pages are stamped as artifacts, once the number of pages is known.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from ctg_portal.pdf.annexes import AnnexePdf
from ctg_portal.pdf.dessin import Dessin, DocumentError, Livre, livre
from ctg_portal.pdf.feuilles import sheets_of
from ctg_portal.pdf.fichier import Fichier, references, renumber, words
from ctg_portal.pdf.morceaux import (
    ARBRE,
    CATALOGUE,
    DIT,
    DOCUMENT,
    LIBRE,
    OUVRE,
    PAGES,
    PARENTS,
    POLICES,
    PROPRES,
    Morceau,
)

MARGE = 51.02
"""Left and right of the head and foot, in points (18 mm)."""
HAUT = 37.0
BAS = 25.6
"""Baselines of the head and of the foot, from the edge of the paper, in points."""
GRIS = "0.31 0.349 0.404 rg"
HORS_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/">'
    '<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{titre}</rdf:li></rdf:Alt></dc:title>{plus}'
    "<pdfuaid:part>1</pdfuaid:part></rdf:Description></rdf:RDF></x:xmpmeta>\n"
    '<?xpacket end="w"?>'
)


class Ecriture:
    """Words of the head and foot, in the plain face of the book."""

    def __init__(self, book: Livre) -> None:
        self.glyphes, self.largeurs, self.face = book.glyphes, book.largeurs[book.face], book.face

    def write(self, text: str, corps: float) -> tuple[str, float]:
        """``text`` as glyphs in hexadecimal, and its width in points; a letter that the book has not is undressed."""
        glyphs = []
        for letter in text:
            plain = next(
                (x for x in (letter, unicodedata.normalize("NFKD", letter)[:1]) if x in self.glyphes), "?"
            )
            glyphs.append(self.glyphes[plain])
        width = sum(self.largeurs[glyph] for glyph in glyphs) * corps / 1000
        return "".join(f"{glyph:04x}" for glyph in glyphs), width

    def shorten(self, text: str, room: float, corps: float) -> str:
        """``text``, its last words left out for « … » when it is wider than ``room`` points."""
        if self.write(text, corps)[1] <= room:
            return text
        left = text.split(" ")
        while len(left) > 1 and self.write(" ".join(left) + " …", corps)[1] > room:
            left.pop()
        return " ".join(left) + " …"


@dataclass(frozen=True)
class Feuille:
    """A page of the file: its number, its text but for its last ``>>``, its content, its rank among the parents, and the
    words of its head, where it has one."""

    numero: int
    texte: bytes
    contenu: int
    rang: int
    has_pied: bool
    entete: str


class Assemblage:
    """The file being made. Parts are added in order; ``finish`` joins what crosses them and gives the bytes."""

    def __init__(self, *, titre: str, auteur: str, langue: str, entete: str, pied: str, corps: float) -> None:
        self.titre, self.auteur, self.langue = titre, auteur, langue
        self.entete, self.pied, self.corps = entete, pied, corps
        self.fichier = Fichier(PROPRES)
        self.book = livre()
        self.ecriture = Ecriture(self.book)
        self.used: set[str] = set()
        self.base_livre = self.fichier.take(len(self.book.morceau.objets)) - LIBRE
        self.enfants: list[int] = []
        self.parents: list[bytes] = []
        self.next_rank = 0
        self.images: dict[str, int] = {}
        self.feuilles: list[Feuille] = []
        self.notes: list[tuple[int, bytes, str, str]] = []
        self.titres: list[tuple[int, int, str, float]] = []
        self.ancres: dict[str, tuple[int, float, str]] = {}

    def add(self, dessin: Dessin) -> None:
        self._join(Morceau.unpack(dessin.contenu), dessin.reperes, self.entete)

    def append(self, annexe: AnnexePdf) -> None:
        """The pages of a deposited file, under a head of their own. Raise ``AnnexeError``."""
        self._join(*sheets_of(annexe), annexe.nom)

    def _join(self, piece: Morceau, reperes: dict[str, Any], entete: str) -> None:
        head = piece.entete
        base = self.fichier.take(len(piece.objets)) - LIBRE
        other = {PROPRES: self._own_fonts(head["propres"], base)} if head["propres"] else {}
        for number, look in head["images"].items():
            known = self.images.setdefault(look, int(number) + base)
            if known != int(number) + base:
                other[int(number)] = known  # the same logo in every part is one object

        def new(number: int) -> int:
            return other.get(number) or (number if number < LIBRE else number + base)

        self.used.update(head["polices"])
        open_ = self._open_objects(head, piece, new)
        self._write(piece, new, open_.keys() | other.keys())
        self.enfants += map(new, head["enfants"])
        self._keep_places(reperes, [new(number) for number, _, _ in head["pages"]])
        for rank, text in head["parents"]:
            self.parents.append(b"%d %b" % (rank + self.next_rank, renumber(text.encode(), new)))
        for (number, content, rank), has_pied in zip(head["pages"], reperes["pied"], strict=True):
            self.feuilles.append(
                Feuille(new(number), open_[number], new(content), rank + self.next_rank, has_pied, entete)
            )
        for number, rank, place, said in head["notes"]:
            text = open_[number] + b"/StructParent %d" % (rank + self.next_rank)
            self.notes.append((new(number), text, place, said))
        self.next_rank += max((rank for rank, _ in head["parents"]), default=-1) + 1

    def _write(self, piece: Morceau, new: Callable[[int], int], left: Set[int]) -> None:
        """Its objects, but those that are ``left`` for later or are there already."""
        flux = set(piece.entete["flux"])
        for number, text in enumerate(piece.objets, LIBRE):
            if number in left:
                continue
            if number in flux:
                said, mark, body = text.partition(b"\nstream\n")
                self.fichier.put_stream(new(number), renumber(said, new) + mark + body)
            else:
                self.fichier.put(new(number), renumber(text, new))

    def _keep_places(self, reperes: dict[str, Any], pages: list[int]) -> None:
        self.titres += [(pages[page], level, said, y) for page, level, said, y in reperes["titres"]]
        for name, (page, y, said) in reperes["ancres"].items():
            self.ancres.setdefault(name, (pages[page], y, said))

    def _open_objects(
        self, head: dict[str, Any], piece: Morceau, new: Callable[[int], int]
    ) -> dict[int, bytes]:
        """What waits for the end, but for its last ``>>``: pages and links."""
        numbers = [number for number, *_ in [*head["pages"], *head["notes"]]]
        return {number: renumber(piece.objets[number - LIBRE], new)[:-2] for number in numbers}

    def _own_fonts(self, own: dict[str, int], base: int) -> int:
        """A part with a letter that the book has not keeps its own font for it."""
        common: dict[str, int] = self.book.morceau.entete["propres"]
        self.used |= common.keys()
        names = {name: number + self.base_livre for name, number in common.items()}
        return self._put_fonts(names | {name: number + base for name, number in own.items()})

    def _put_fonts(self, names: dict[str, int], number: int = 0) -> int:
        number = number or self.fichier.take()
        said = b"".join(b"/%b %d 0 R" % (name.encode(), font) for name, font in sorted(names.items()))
        self.fichier.put(number, b"<<%b>>" % said)
        return number

    def finish(self) -> bytes:
        """The bytes of the file. Raise ``DocumentError`` when a link leads nowhere."""
        self._join_links()
        outline = self._add_outline()
        self._stamp()
        self._write_fonts()
        kids = b" ".join(b"%d 0 R" % feuille.numero for feuille in self.feuilles)
        self.fichier.put(PAGES, b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(self.feuilles), kids))
        tags = b" ".join(b"%d 0 R" % number for number in self.enfants)
        self.fichier.put(DOCUMENT, b"<</Type/StructElem/S/Document/P %d 0 R/K[%b]>>" % (ARBRE, tags))
        self.fichier.put(PARENTS, b"<</Nums[%b]>>" % b" ".join(self.parents))
        self.fichier.put(
            ARBRE,
            b"<</Type/StructTreeRoot/K[%d 0 R]/ParentTree %d 0 R/ParentTreeNextKey %d>>"
            % (DOCUMENT, PARENTS, self.next_rank),
        )
        info = self._describe()
        said = b"/Lang %b" % words(self.langue) if self.langue else b""
        if outline:
            said += b"/Outlines %d 0 R" % outline
        self.fichier.put(
            CATALOGUE,
            b"<</Type/Catalog/Pages %d 0 R/StructTreeRoot %d 0 R/Metadata %d 0 R/MarkInfo<</Marked true>>"
            b"/ViewerPreferences<</DisplayDocTitle true>>%b>>" % (PAGES, ARBRE, DIT, said),
        )
        return self.fichier.close(root=CATALOGUE, info=info)

    def _place(self, page: int, y: float) -> bytes:
        return b"[%d 0 R/XYZ 0 %g 0]" % (page, y)

    def _join_links(self) -> None:
        """Links to a place of the document lead to its page, and say its title."""
        for number, text, name, said in self.notes:
            if name:
                if name not in self.ancres:
                    raise DocumentError(f"no such place: {name}")
                page, y, title = self.ancres[name]
                text, said = text + b"/Dest %b" % self._place(page, y), title or said
            self.fichier.put(number, b"%b/Contents %b>>" % (text, words(said)))

    def _add_outline(self) -> int:
        """The number of the bookmarks, nested by the level of their headings; closed below the second, as long plans need.
        0 without any."""
        if not self.titres:
            return 0
        first = self.fichier.take(len(self.titres) + 1)
        kids: dict[int, list[int]] = {first: []}
        parents: dict[int, int] = {}
        stack = [(0, first)]
        for number, (_, level, _, _) in enumerate(self.titres, first + 1):
            while stack[-1][0] >= level:
                stack.pop()
            parents[number] = stack[-1][1]
            kids[stack[-1][1]].append(number)
            kids[number] = []
            stack.append((level, number))
        rank = {number: at for siblings in kids.values() for at, number in enumerate(siblings)}
        for number, below in kids.items():
            said = b"/Type/Outlines" if number == first else b""
            if number != first:
                page, _, title, y = self.titres[number - first - 1]
                siblings, at = kids[parents[number]], rank[number]
                said = b"/Title %b/Parent %d 0 R/Dest %b" % (
                    words(title),
                    parents[number],
                    self._place(page, y),
                )
                said += b"/Prev %d 0 R" % siblings[at - 1] if at else b""
                said += b"/Next %d 0 R" % siblings[at + 1] if at + 1 < len(siblings) else b""
            if below:
                # Negative: closed. Only what stands under the first level is open.
                count = len(below) if number == first else -len(below)
                said += b"/First %d 0 R/Last %d 0 R/Count %d" % (below[0], below[-1], count)
            self.fichier.put(number, b"<<%b>>" % said)
        return first

    def _stamp(self) -> None:
        """Head and foot of each page, as artifacts; WeasyPrint leaves its matrix open, so its content is closed in."""
        total = len(self.feuilles)
        self.fichier.put_stream(OUVRE, b"<</Length 1>>\nstream\nq\nendstream")
        for number, feuille in enumerate(self.feuilles, 1):
            box = re.search(rb"/MediaBox ?\[([^\]]*)\]", feuille.texte)
            width, height = map(float, box[1].split()[2:]) if box else (0.0, 0.0)
            stamps = ["Q"]
            if feuille.has_pied:
                numero = f"page {number} / {total}"
                right = width - MARGE - self.ecriture.write(numero, self.corps)[1]
                entete = self.ecriture.shorten(feuille.entete, width - 2 * MARGE, self.corps)
                pied = self.ecriture.shorten(self.pied, right - MARGE - 12, self.corps)
                stamps += (
                    self._text(entete, MARGE, height - HAUT, "Header"),
                    self._text(pied, MARGE, BAS, "Footer"),
                    self._text(numero, right, BAS, "Footer"),
                )
            after = self.fichier.take()
            self.fichier.squeeze(after, "\n".join(stamps).encode())
            self.fichier.put(
                feuille.numero,
                b"%b/StructParents %d/Contents[%d 0 R %d 0 R %d 0 R]>>"
                % (feuille.texte, feuille.rang, OUVRE, feuille.contenu, after),
            )

    def _text(self, text: str, x: float, y: float, place: str) -> str:
        if not text:
            return ""
        self.used.add(self.ecriture.face)
        return (
            f"/Artifact <</Type/Pagination/Subtype/{place}>> BDC BT {GRIS} /{self.ecriture.face} {self.corps} Tf "
            f"1 0 0 1 {x:.2f} {y:.2f} Tm <{self.ecriture.write(text, self.corps)[0]}> Tj ET EMC"
        )

    def _write_fonts(self) -> None:
        """The faces of the book that something used."""
        objets, flux = self.book.morceau.objets, set(self.book.morceau.entete["flux"])
        own = self.book.morceau.entete["propres"]
        self._put_fonts({name: own[name] + self.base_livre for name in self.used}, POLICES)
        waiting, seen = [own[name] for name in self.used], set()
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            text = objets[number - LIBRE]
            said, mark, body = text.partition(b"\nstream\n") if number in flux else (text, b"", b"")
            waiting += references(said)
            moved = renumber(said, lambda n: n + self.base_livre) + mark + body
            (self.fichier.put_stream if mark else self.fichier.put)(number + self.base_livre, moved)

    def _describe(self) -> int:
        """The number of what the file says of itself, in both manners."""
        titre, auteur, langue = (HORS_XML.sub("", said) for said in (self.titre, self.auteur, self.langue))
        plus = (
            f"<dc:creator><rdf:Seq><rdf:li>{escape(auteur)}</rdf:li></rdf:Seq></dc:creator>" if auteur else ""
        )
        if langue:
            plus += f"<dc:language><rdf:Bag><rdf:li>{escape(langue)}</rdf:li></rdf:Bag></dc:language>"
        xmp = XMP.format(titre=escape(titre), plus=plus).encode()
        self.fichier.put_stream(
            DIT,
            b"<</Type/Metadata/Subtype/XML/Length %d>>\nstream\n%b\nendstream" % (len(xmp), xmp),
        )
        info = self.fichier.take()
        said = b"/Author %b" % words(auteur) if auteur else b""
        self.fichier.put(info, b"<</Title %b%b>>" % (words(titre), said))
        return info


def assemble(
    dessins: Iterable[Dessin],
    annexes: Iterable[AnnexePdf] = (),
    *,
    titre: str,
    auteur: str,
    langue: str,
    entete: str,
    pied: str,
    corps: float,
) -> bytes:
    """One file of these parts, then of these files, in order, with the head and foot of its pages (``corps``: points of
    their letters). Raise ``AnnexeError`` for a file that cannot be appended."""
    assemblage = Assemblage(titre=titre, auteur=auteur, langue=langue, entete=entete, pied=pied, corps=corps)
    for dessin in dessins:
        assemblage.add(dessin)
    for annexe in annexes:
        assemblage.append(annexe)
    return assemblage.finish()
