"""Drawn parts joined into one tagged file: one tree of tags, one contents of bookmarks, links that cross parts.

What qpdf and pikepdf do by themselves when pages are put together loses the tags: here they are copied and renumbered.
The head and the foot of pages are stamped as artifacts, once the number of pages is known.
"""

import hashlib
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from ctg_portal.pdf.annexes import AnnexePdf, forms_of
from ctg_portal.pdf.dessin import ANCRE, Dessin, DocumentError, livre

LARGEUR_A4, HAUTEUR_A4 = 595.28, 841.89
BANDE = 48.0
"""Points kept for the head and the foot on the sheet of an annexe."""
MARGE = 51.02
"""Left and right of the head and foot, in points (18 mm)."""
HAUT = 37.0
BAS = 25.6
"""Baselines of the head and of the foot, from the edge of the paper, in points."""
CORPS = 8.5
GRIS = "0.31 0.349 0.404 rg"


def _pairs(flat: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """The couples of a flat array of a PDF tree."""
    found = list(flat)
    return zip(found[::2], found[1::2], strict=True)


def _widths(font: Any) -> dict[int, float]:
    """The glyphs a font of WeasyPrint has, and their widths in thousandths."""
    return {
        int(first) + rank: float(width)
        for first, widths in _pairs(font.DescendantFonts[0].W)
        for rank, width in enumerate(widths)
    }


class Fontes:
    """One copy of each face for the whole file.

    WeasyPrint keeps the numbers of glyphs when it subsets, so the font of the book (all our letters, some 15 kB a face)
    stands for that of any part. A part with a glyph that the book has not keeps its own font.
    """

    def __init__(self, pdf: pikepdf.Pdf, book: pikepdf.Pdf) -> None:
        self.dictionary = pdf.make_indirect(pdf.copy_foreign(pdf_fonts(book)))
        self.widths = {name: _widths(font) for name, font in self.dictionary.items()}
        self.used: set[str] = set()
        self.face = next(
            name for name, font in self.dictionary.items() if not re.search("Bold|Italic", str(font.BaseFont))
        )
        mapping = bytes(self.dictionary[self.face].ToUnicode.read_bytes()).decode()
        self.glyphs = {
            bytes.fromhex(text).decode("utf-16-be"): int(glyph, 16)
            for glyph, text in re.findall(r"^<(\w{4})> <(\w+)>$", mapping, re.MULTILINE)
        }

    def take(self, resources: Any) -> None:
        """Take out of a part, before it is copied, the fonts that the book replaces."""
        own = resources.get("/Font")
        if own is None:
            return
        for name, font in list(own.items()):
            needed = _widths(font).keys()
            if name in self.widths and self.widths[name].keys() >= needed:
                self.used.add(name)
                del own[name]

    def give(self, resources: Any) -> None:
        own = resources.get("/Font")
        if own is None or not own.keys():
            resources.Font = self.dictionary
            return
        for name, font in self.dictionary.items():
            if name not in own:
                own[name] = font

    def write(self, text: str) -> tuple[str, float]:
        """``text`` as glyphs in hexadecimal, and its width in points; a letter that the book has not is undressed."""
        glyphs = []
        for letter in text:
            plain = next(
                (x for x in (letter, unicodedata.normalize("NFKD", letter)[:1]) if x in self.glyphs), "?"
            )
            glyphs.append(self.glyphs[plain])
        self.used.add(self.face)
        width = sum(self.widths[self.face][glyph] for glyph in glyphs) * CORPS / 1000
        return "".join(f"{glyph:04x}" for glyph in glyphs), width

    def shorten(self, text: str, room: float) -> str:
        """``text``, its last words left out for « … » when it is wider than ``room`` points."""
        if self.write(text)[1] <= room:
            return text
        words = text.split(" ")
        while len(words) > 1 and self.write(" ".join(words) + " …")[1] > room:
            words.pop()
        return " ".join(words) + " …"

    def close(self) -> None:
        """Leave out the faces that nothing used."""
        for name in self.widths.keys() - self.used:
            del self.dictionary[name]


def pdf_fonts(pdf: pikepdf.Pdf) -> Any:
    """The fonts of a drawing of WeasyPrint: all its pages have the same."""
    fonts = pdf.pages[0].Resources.Font
    return fonts if fonts.is_indirect else pdf.make_indirect(fonts)


class Assemblage:
    """The file being made. Parts are added in order; ``finish`` joins what crosses them and gives the bytes."""

    def __init__(self, *, titre: str, auteur: str, langue: str, entete: str, pied: str) -> None:
        self.titre, self.auteur, self.langue, self.entete, self.pied = titre, auteur, langue, entete, pied
        self.pdf = pikepdf.new()
        self.fontes = Fontes(self.pdf, pikepdf.open(io.BytesIO(livre().contenu)))
        self.sources: list[pikepdf.Pdf] = []  # their streams are read when the file is saved
        self.root = self.pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
        self.document = self.pdf.make_indirect(
            Dictionary(Type=Name.StructElem, S=Name.Document, P=self.root, K=Array())
        )
        self.kids: list[Any] = []
        self.nums: list[Any] = []
        self.next_num = 0
        self.images: dict[bytes, Any] = {}
        self.pages: list[tuple[Any, bool]] = []
        self.titres: list[tuple[Any, int, str, float]] = []
        self.ancres: dict[str, tuple[Any, float, str]] = {}
        self.entetes: dict[int, str] = {}  # by number of page, where it is not that of the document

    def add(self, dessin: Dessin) -> None:
        source = pikepdf.open(io.BytesIO(dessin.contenu))
        self.sources.append(source)
        self.fontes.take(source.pages[0].Resources)
        first = len(self.pdf.pages)
        self.pdf.pages.extend(source.pages)  # pages first: what is copied next then names the copies
        new = [self.pdf.pages[first + rank].obj for rank in range(len(source.pages))]
        self.fontes.give(new[0].Resources)
        self._share_images(new[0].Resources)
        self._add_tags(source, new)
        self.pages += zip(new, dessin.reperes["pied"], strict=True)
        self.titres += [(new[page], level, words, y) for page, level, words, y in dessin.reperes["titres"]]
        for name, (page, y, words) in dessin.reperes["ancres"].items():
            self.ancres.setdefault(name, (new[page], y, words))

    def append(self, annexe: AnnexePdf) -> None:
        """The pages of a deposited file, each a figure with words on a sheet of ours. Raise ``AnnexeError``."""
        source, forms = forms_of(annexe.contenu)
        self.sources.append(source)
        part = self.pdf.make_indirect(
            Dictionary(Type=Name.StructElem, S=Name.Sect, P=self.document, T=String(annexe.nom), K=Array())
        )
        for rank, (form, is_wide) in enumerate(forms, 1):
            width, height = (HAUTEUR_A4, LARGEUR_A4) if is_wide else (LARGEUR_A4, HAUTEUR_A4)
            page = self.pdf.add_blank_page(page_size=(width, height))
            drawn = self.pdf.copy_foreign(form)
            page.obj.Resources = Dictionary(Font=self.fontes.dictionary, XObject=Dictionary(Annexe=drawn))
            room = pikepdf.Rectangle(0, BANDE, width, height - BANDE)
            placed = page.calc_form_xobject_placement(
                drawn, Name.Annexe, room, invert_transformations=True, allow_shrink=True, allow_expand=False
            )
            page.obj.Contents = self.pdf.make_stream(b"/Figure <</MCID 0>> BDC\n" + placed + b"\nEMC")
            figure = self.pdf.make_indirect(
                Dictionary(
                    Type=Name.StructElem,
                    S=Name.Figure,
                    P=part,
                    Pg=page.obj,
                    K=0,
                    Alt=String(annexe.words(rank)),
                    A=Dictionary(
                        O=Name.Layout, Placement=Name.Block, BBox=Array([0, BANDE, width, height - BANDE])
                    ),
                )
            )
            part.K.append(figure)
            page.obj.StructParents = self.next_num
            self.nums += (self.next_num, self.pdf.make_indirect(Array([figure])))
            self.next_num += 1
            if rank == 1:
                self.titres.append((page.obj, 2, annexe.nom, height))
            self.pages.append((page.obj, True))
            self.entetes[len(self.pages)] = annexe.nom
        self.kids.append(part)

    def _share_images(self, resources: Any) -> None:
        """The same logo in every part is one object."""
        drawings = resources.get("/XObject", {})
        for name, image in list(drawings.items()):
            if image.get("/Subtype") != Name.Image:
                continue
            mask = image.SMask.read_raw_bytes() if "/SMask" in image else b""
            digest = hashlib.sha256(image.read_raw_bytes() + b"/" + mask).digest()
            drawings[name] = self.images.setdefault(digest, image)

    def _add_tags(self, source: pikepdf.Pdf, pages: list[Any]) -> None:
        tree = self.pdf.copy_foreign(source.Root.StructTreeRoot)
        offset = self.next_num
        for number, elements in _pairs(tree.ParentTree.Nums):
            self.nums += (int(number) + offset, elements)
            self.next_num = max(self.next_num, int(number) + offset + 1)
        for page in pages:
            page.StructParents = int(page.StructParents) + offset
            for annotation in page.get("/Annots", ()):
                if "/StructParent" in annotation:
                    annotation.StructParent = int(annotation.StructParent) + offset
        for element in tree.K[0].K:
            element.P = self.document
            self.kids.append(element)

    def finish(self) -> bytes:
        """The bytes of the file. Raise ``DocumentError`` when a link leads nowhere."""
        root = self.pdf.Root
        self.document.K = Array(self.kids)
        self.root.K = Array([self.document])
        self.root.ParentTree = self.pdf.make_indirect(Dictionary(Nums=Array(self.nums)))
        self.root.ParentTreeNextKey = self.next_num
        root.StructTreeRoot = self.root
        root.MarkInfo = Dictionary(Marked=True)
        root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
        if self.langue:
            root.Lang = String(self.langue)
        self._join_links()
        self._add_outline()
        self._stamp()
        self.fontes.close()
        self._describe()
        out = io.BytesIO()
        self.pdf.save(
            out,
            object_stream_mode=pikepdf.ObjectStreamMode.generate,
            deterministic_id=True,
            min_version="1.7",
        )
        return out.getvalue()

    def _place(self, page: Any, y: float) -> Array:
        return Array([page, Name.XYZ, 0, y, 0])

    def _join_links(self) -> None:
        """Links to a place of the document lead to its page, and say its title."""
        for page, _ in self.pages:
            for annotation in page.get("/Annots", ()):
                address = str(annotation.get("/A", {}).get("/URI", ""))
                if not address.startswith(ANCRE):
                    continue
                name = address.removeprefix(ANCRE)
                if name not in self.ancres:
                    raise DocumentError(f"no such place: {name}")
                target, y, words = self.ancres[name]
                del annotation.A
                annotation.Dest = self._place(target, y)
                if words:
                    annotation.Contents = String(words)

    def _add_outline(self) -> None:
        """Bookmarks nested by the level of their headings; closed below the second, as long plans need."""
        if not self.titres:
            return
        outline = self.pdf.make_indirect(Dictionary(Type=Name.Outlines))
        stack: list[tuple[int, Any, list[Any]]] = [(0, outline, [])]
        everything = [stack[0]]
        for page, level, words, y in self.titres:
            while stack[-1][0] >= level:
                stack.pop()
            _, parent, siblings = stack[-1]
            item = self.pdf.make_indirect(
                Dictionary(Title=String(words), Parent=parent, Dest=self._place(page, y))
            )
            if siblings:
                item.Prev, siblings[-1].Next = siblings[-1], item
            siblings.append(item)
            stack.append((level, item, []))
            everything.append(stack[-1])
        for level, item, children in everything:
            if children:
                item.First, item.Last = children[0], children[-1]
                # Negative: closed. Only what stands under the first level is open.
                item.Count = len(children) if level < 1 else -len(children)
        self.pdf.Root.Outlines = outline

    def _stamp(self) -> None:
        """Head and foot of each page, as artifacts; WeasyPrint leaves its matrix open, so its content is closed in."""
        total = len(self.pages)
        opening = self.pdf.make_stream(b"q")
        width = float(self.pages[0][0].MediaBox[2])
        entete = self.fontes.shorten(self.entete, width - 2 * MARGE)
        for number, (page, has_pied) in enumerate(self.pages, 1):
            _, _, width, height = map(float, page.MediaBox)
            stamps = ["Q"]
            if has_pied:
                said = self.entetes.get(number)
                head = self.fontes.shorten(said, width - 2 * MARGE) if said else entete
                numero = f"page {number} / {total}"
                right = width - MARGE - self.fontes.write(numero)[1]
                pied = self.fontes.shorten(self.pied, right - MARGE - 12)
                stamps += (
                    self._text(head, MARGE, height - HAUT, "Header"),
                    self._text(pied, MARGE, BAS, "Footer"),
                    self._text(numero, right, BAS, "Footer"),
                )
            drawn = page.Contents
            page.Contents = Array(
                [
                    opening,
                    *(drawn if isinstance(drawn, Array) else [drawn]),
                    self.pdf.make_stream("\n".join(stamps).encode()),
                ]
            )

    def _text(self, text: str, x: float, y: float, place: str) -> str:
        if not text:
            return ""
        return (
            f"/Artifact <</Type/Pagination/Subtype/{place}>> BDC BT {GRIS} {self.fontes.face} {CORPS} Tf "
            f"1 0 0 1 {x:.2f} {y:.2f} Tm <{self.fontes.write(text)[0]}> Tj ET EMC"
        )

    def _describe(self) -> None:
        self.pdf.docinfo["/Title"] = self.titre
        if self.auteur:
            self.pdf.docinfo["/Author"] = self.auteur
        with self.pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
            metadata["dc:title"] = self.titre
            if self.auteur:
                metadata["dc:creator"] = [self.auteur]
            if self.langue:
                metadata["dc:language"] = {self.langue}
            metadata["pdfuaid:part"] = "1"


def assemble(dessins: Iterable[Dessin], annexes: Iterable[AnnexePdf] = (), **said: str) -> bytes:
    """One file of these parts, then of these files, in order. ``said``: titre, auteur, langue, entete (head of pages),
    pied (foot)."""
    assemblage = Assemblage(**said)
    for dessin in dessins:
        assemblage.add(dessin)
    for annexe in annexes:
        assemblage.append(annexe)
    return assemblage.finish()
