"""Deposited PDFs that follow one of ours: each page is drawn on a sheet of ours, as a figure with words (ADR 0028).

Only what a page draws is taken: its content and what that needs. Scripts, actions, attached files, forms, links and
comments stay behind; what a form or a comment shows is drawn. Marks of the former tags are taken out, as they would lead
nowhere. Whatever a file made to harm does to the libraries ends as an ``AnnexeError``.
"""

import io
import zlib
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name

OCTETS_MAX = 20_000_000
PAGES_MAX = 150
DESSIN_MAX = 60_000_000
"""Bytes of drawing, once unpacked, in a whole file."""
AUTRES_MAX = 200_000
"""Bytes of a packed drawing whose size cannot be told before it is unpacked."""
PROFONDEUR_MAX = 20

ABIMEE = "Le fichier est abîmé : il n’est pas joint."
PROTEGEE = "Le fichier est protégé : il n’est pas joint."
LOURDE = "Le fichier dépasse 20 Mo : il n’est pas joint."
LONGUE = f"Le fichier dépasse {PAGES_MAX} pages : il n’est pas joint."
DEMESUREE = "Le fichier contient trop de dessin : il n’est pas joint."
CALQUES = "Le fichier a des calques masqués : il n’est pas joint."
FORMULAIRE = "Le fichier est un formulaire dynamique : il n’est pas joint."

MARQUES = frozenset({"BMC", "BDC", "EMC", "MP", "DP"})
LAISSES = (
    "/StructParent",
    "/StructParents",
    "/OC",
    "/OPI",
    "/Ref",
    "/Alternates",
    "/Metadata",
    "/AF",
    "/PieceInfo",
)


class AnnexeError(Exception):
    """The file cannot be appended. Its text is a French sentence to show as it is."""


@dataclass(frozen=True)
class AnnexePdf:
    """A file to append: ``rang`` and ``titre`` name its pages."""

    rang: int
    titre: str
    contenu: bytes

    @property
    def nom(self) -> str:
        return f"Annexe {self.rang} – {self.titre}"

    def words(self, page: int) -> str:
        """What is said of a page to who does not see it."""
        return f"Annexe {self.rang}, page {page} : {self.titre}"


def read_annexe(content: bytes) -> int:
    """How many pages it has; raise ``AnnexeError`` when it cannot be appended."""
    return len(forms_of(content)[1])


def forms_of(content: bytes) -> tuple[pikepdf.Pdf, list[tuple[Any, bool]]]:
    """Each page as one drawing, and whether it is wider than high; the file they are in must stay open meanwhile.

    Raise ``AnnexeError``.
    """
    if len(content) > OCTETS_MAX:
        raise AnnexeError(LOURDE)
    try:
        pdf = pikepdf.open(io.BytesIO(content))
        return pdf, _forms(pdf)
    except AnnexeError:
        raise
    except pikepdf.PasswordError as error:
        raise AnnexeError(PROTEGEE) from error
    except Exception as error:
        # The libraries that read this format raise anything on a file made to harm them.
        raise AnnexeError(ABIMEE) from error


def _check(pdf: pikepdf.Pdf) -> None:
    if pdf.is_encrypted:
        raise AnnexeError(PROTEGEE)
    if not 0 < len(pdf.pages) <= PAGES_MAX:
        raise AnnexeError(LONGUE if len(pdf.pages) else ABIMEE)
    layers = pdf.Root.get("/OCProperties", Dictionary()).get("/D", Dictionary())
    if len(layers.get("/OFF", [])) or str(layers.get("/BaseState", "/ON")) != "/ON":
        raise AnnexeError(CALQUES)
    if "/XFA" in pdf.Root.get("/AcroForm", Dictionary()):
        raise AnnexeError(FORMULAIRE)
    _Tailles(pdf).check()


def _forms(pdf: pikepdf.Pdf) -> list[tuple[Any, bool]]:
    _check(pdf)
    if "/AcroForm" in pdf.Root:
        pdf.generate_appearance_streams()
    pdf.flatten_annotations("print")
    cleaner = _Nettoyage(pdf)
    found = []
    for page in pdf.pages:
        cleaner.clean_page(page)
        form = page.as_form_xobject()
        left, bottom, right, top = (float(value) for value in page.trimbox)
        width, height = abs(right - left), abs(top - bottom)
        if not (1 <= width <= 14_400 and 1 <= height <= 14_400):
            raise AnnexeError(ABIMEE)
        if int(page.obj.get("/Rotate", 0)) % 180:
            width, height = height, width
        for key in LAISSES:
            if key in form:
                del form[key]
        found.append((form, width > height))
    return found


class _Tailles:
    """Adds up the drawing of the whole file before anything of it is unpacked."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.pdf = pdf
        self.total = 0

    def check(self) -> None:
        for obj in self.pdf.objects:
            if isinstance(obj, pikepdf.Stream) and _is_drawing(obj):
                self._add(obj)

    def _add(self, stream: Any) -> None:
        raw = stream.read_raw_bytes()
        filters = stream.get("/Filter", [])
        names = [str(filters)] if isinstance(filters, Name) else [str(name) for name in filters]
        if not names:
            self._count(len(raw))
        elif names == ["/FlateDecode"]:
            unpack = zlib.decompressobj()
            self._count(len(unpack.decompress(raw, DESSIN_MAX + 1)))
        elif len(raw) > AUTRES_MAX or len(names) > 2:
            raise AnnexeError(DEMESUREE)
        else:
            self._count(len(raw))

    def _count(self, size: int) -> None:
        self.total += size
        if self.total > DESSIN_MAX:
            raise AnnexeError(DEMESUREE)


def _is_drawing(stream: Any) -> bool:
    """Content of pages and forms: neither a picture, nor a font, nor data beside."""
    kind = str(stream.get("/Type", ""))
    if kind in ("/XRef", "/ObjStm", "/Metadata", "/EmbeddedFile"):
        return False
    return str(stream.get("/Subtype", "/Form")) == "/Form" and "/Length1" not in stream


class _Nettoyage:
    """Takes the marks and the active parts out of pages, and of the forms that they draw."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.pdf = pdf
        self.seen: set[tuple[int, int]] = set()

    def clean_page(self, page: pikepdf.Page) -> None:
        drawn = _unmarked(page.obj)
        page.obj.Contents = self.pdf.make_stream(drawn)
        self._clean_resources(page.resources, 0)
        for key in ("/Annots", "/AA", "/StructParents", "/Metadata", "/PieceInfo", "/AF"):
            if key in page.obj:
                del page.obj[key]

    def _clean_resources(self, resources: Any, depth: int) -> None:
        if depth > PROFONDEUR_MAX:
            raise AnnexeError(DEMESUREE)
        if "/Properties" in resources:
            del resources.Properties
        drawings = resources.get("/XObject", Dictionary())
        for name, drawing in list(drawings.items()):
            if str(drawing.get("/Subtype")) not in ("/Form", "/Image"):
                del drawings[name]
                continue
            self._clean_form(drawing, depth)
        for pattern in dict(resources.get("/Pattern", Dictionary()).items()).values():
            if isinstance(pattern, pikepdf.Stream):
                self._clean_form(pattern, depth)
        for state in dict(resources.get("/ExtGState", Dictionary()).items()).values():
            mask = state.get("/SMask")
            if isinstance(mask, Dictionary) and "/G" in mask:
                self._clean_form(mask.G, depth)

    def _clean_form(self, form: Any, depth: int) -> None:
        if form.objgen in self.seen:
            return
        self.seen.add(form.objgen)
        for key in LAISSES:
            if key in form:
                del form[key]
        if str(form.get("/Subtype", "")) == "/Image":
            return
        form.write(_unmarked(form))
        if "/Resources" in form:
            self._clean_resources(form.Resources, depth + 1)


def _unmarked(drawing: Any) -> bytes:
    kept = [
        instruction
        for instruction in pikepdf.parse_content_stream(drawing)
        if str(instruction.operator) not in MARQUES
    ]
    return pikepdf.unparse_content_stream(kept)
