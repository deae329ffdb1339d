"""The sheets of an annexe as a piece beside the others: each of its pages is a figure with words on a sheet of ours (ADR 0028)."""

import io
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from ctg_portal.pdf.annexes import AnnexePdf, forms_of
from ctg_portal.pdf.fichier import renumber, words
from ctg_portal.pdf.morceaux import DOCUMENT, LIBRE, PAGES, POLICES, Morceau

LARGEUR_A4, HAUTEUR_A4 = 595.28, 841.89
BANDE = 48.0
"""Points kept for the head and the foot on a sheet."""
PAR_FEUILLE = 3
"""Objects of ours for each sheet: its page, its content, its figure. The part that holds the figures is before them all."""
NIVEAU = 2
"""Of the bookmark of an annexe, below the title of the document."""


def sheets_of(annexe: AnnexePdf) -> tuple[Morceau, dict[str, Any]]:
    """The piece that an annexe is, with its ``reperes`` (see ``Dessin``). Raise ``AnnexeError``."""
    content, placements = _redrawn(annexe)
    sheets = _Feuilles(annexe, len(placements))
    with pikepdf.open(io.BytesIO(content)) as drawn:
        for page, placed in zip(drawn.pages, placements, strict=True):
            sheets.add(page, placed)
        return sheets.piece(drawn), sheets.reperes


def _redrawn(annexe: AnnexePdf) -> tuple[bytes, list[bytes]]:
    """A file of sheets that has only what they draw, densely numbered, and how the drawing of each is placed."""
    source, forms = forms_of(annexe.contenu)
    with source, pikepdf.new() as copy:
        placements = []
        for form, is_wide in forms:
            size = (HAUTEUR_A4, LARGEUR_A4) if is_wide else (LARGEUR_A4, HAUTEUR_A4)
            page = copy.add_blank_page(page_size=size)
            drawing = copy.copy_foreign(form)
            page.obj.Resources = Dictionary(XObject=Dictionary(Annexe=drawing))
            room = pikepdf.Rectangle(0, BANDE, size[0], size[1] - BANDE)
            placements.append(
                page.calc_form_xobject_placement(
                    drawing,
                    Name.Annexe,
                    room,
                    invert_transformations=True,
                    allow_shrink=True,
                    allow_expand=False,
                )
            )
        out = io.BytesIO()
        copy.save(out)
    return out.getvalue(), placements


class _Feuilles:
    """Our objects first, then those of the drawings, in the order in which they are named."""

    def __init__(self, annexe: AnnexePdf, sheets: int) -> None:
        self.annexe = annexe
        self.part = LIBRE
        self.free = LIBRE + 1 + PAR_FEUILLE * sheets
        self.numbers: dict[int, int] = {}
        self.order: list[int] = []
        self.objets: list[bytes] = []
        self.figures: list[int] = []
        self.entete: dict[str, Any] = {
            "pages": [],
            "notes": [],
            "enfants": [self.part],
            "parents": [],
            "images": {},
            "polices": [],
            "propres": {},
            "flux": [],
        }
        self.reperes: dict[str, Any] = {"pied": [], "titres": [], "ancres": {}}

    def add(self, page: pikepdf.Page, placed: bytes) -> None:
        rank = len(self.figures)
        number = self.part + 1 + PAR_FEUILLE * rank
        content, figure = number + 1, number + 2
        _, _, width, height = map(float, page.mediabox)
        drawing = self._new(page.obj.Resources.XObject.Annexe.objgen[0])
        body = b"/Figure <</MCID 0>> BDC\n%b\nEMC" % placed
        self.objets += (
            b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %g %g]/Resources<</Font %d 0 R/XObject<</Annexe %d 0 R>>>>>>"
            % (PAGES, width, height, POLICES, drawing),
            b"<</Length %d>>\nstream\n%b\nendstream" % (len(body), body),
            b"<</Type/StructElem/S/Figure/P %d 0 R/Pg %d 0 R/K 0/Alt %b"
            b"/A<</O/Layout/Placement/Block/BBox[0 %g %g %g]>>>>"
            % (self.part, number, words(self.annexe.words(rank + 1)), BANDE, width, height - BANDE),
        )
        self.figures.append(figure)
        self.entete["pages"].append([number, content, rank])
        self.entete["parents"].append([rank, f"[{figure} 0 R]"])
        self.entete["flux"].append(content)
        self.reperes["pied"].append(True)
        if rank == 0:
            self.reperes["titres"].append([0, NIVEAU, self.annexe.nom, height])

    def piece(self, drawn: pikepdf.Pdf) -> Morceau:
        kids = b" ".join(b"%d 0 R" % figure for figure in self.figures)
        part = b"<</Type/StructElem/S/Sect/P %d 0 R/T %b/K[%b]>>" % (DOCUMENT, words(self.annexe.nom), kids)
        found: list[bytes] = []
        while len(found) < len(self.order):  # what an object names comes behind it
            obj = drawn.get_object(self.order[len(found)], 0)
            if isinstance(obj, pikepdf.Stream):
                self.entete["flux"].append(self.free + len(found))
                said = renumber(obj.stream_dict.unparse(resolved=True), self._new)
                found.append(b"%b\nstream\n%b\nendstream" % (said, obj.read_raw_bytes()))
            else:
                found.append(renumber(_text(obj), self._new))
        return Morceau(self.entete, [part, *self.objets, *found])

    def _new(self, old: int) -> int:
        if old not in self.numbers:
            self.numbers[old] = self.free + len(self.order)
            self.order.append(old)
        return self.numbers[old]


def _text(obj: Any) -> bytes:
    """An object as it is written; a number by itself is one of Python here."""
    if isinstance(obj, pikepdf.Object):
        return obj.unparse(resolved=True)
    return Array([obj]).unparse().strip(b"[ ]")
