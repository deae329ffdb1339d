"""The one call to WeasyPrint: a page of ours to tagged PDF, offline, with our own fonts and images only."""

import functools
import gc
import hashlib
import logging
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydyf
import weasyprint
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from weasyprint import CSS, HTML
from weasyprint.text.ffi import pango
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher

from ctg_portal.pdf.morceaux import Morceau, fonts_of, glyphs_of, piece_of, widths_of

SCHEME = "static:"
STYLESHEET = "pdf/document.css"
FONTS = (
    "fonts/SourceSans3-Regular.ttf",
    "fonts/SourceSans3-It.ttf",
    "fonts/SourceSans3-Semibold.ttf",
    "fonts/SourceSans3-SemiboldIt.ttf",
)
ANCRE = "ancre:"
"""A link to a place of the whole document, which the part that holds it may not have: joined later."""
SANS_PIED = "couverture"
"""The name of the pages (CSS ``page``) without head and foot."""
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
POINT = 0.75
"""Points of paper in a pixel of style sheets."""


class DocumentError(Exception):
    """The document cannot be drawn as it must be: something it needs is missing."""


@dataclass(frozen=True)
class Dessin:
    """One drawn page or more, as its objects (``Morceau``), with what has to be known to join them to others.

    ``reperes``, as JSON keeps it: ``pied`` (for each page, whether it has a head and a foot), ``titres``
    (``[page, level, words, y]``, pages from 0, y in points from the foot), ``ancres`` (by name, ``[page, y, words]``,
    words only where the anchor is a heading).
    """

    contenu: bytes
    reperes: dict[str, Any]

    @property
    def pages(self) -> int:
        return len(self.reperes["pied"])


class _Complaints(logging.Handler):
    """What WeasyPrint only logs (an image without words, a style it could not read), in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.thread = threading.get_ident()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.messages.append(record.getMessage())


def static_path(name: str) -> Path:
    """Where a static file is; an address that leaves the static folders, or leads nowhere, stops the document."""
    try:
        path = finders.find(name)
    except SuspiciousFileOperation as error:
        raise FatalURLFetchingError(f"outside static: {name}") from error
    if not isinstance(path, str):
        raise FatalURLFetchingError(f"no such static file: {name}")
    return Path(path)


class StaticFetcher(URLFetcher):
    """Serves ``static:`` and ``data:`` addresses; anything else stops the document.

    WeasyPrint only logs what it cannot load, so a refusal has to be fatal.
    """

    def fetch(self, url: str, headers: Any = None) -> Any:
        if url.startswith("data:"):
            return super().fetch(url, headers)
        if not url.startswith((f"{SCHEME}pdf/", f"{SCHEME}fonts/")):
            raise FatalURLFetchingError(f"not a static file: {url}")
        return super().fetch(static_path(url.removeprefix(SCHEME)).as_uri(), headers)


def _words(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _reperes(document: Any, tree: Any) -> dict[str, Any]:
    """Where headings and anchors fell."""
    headings = {
        element.get("id"): _words(element)
        for element in tree.iter()
        if element.tag in HEADINGS and element.get("id")
    }
    pied: list[bool] = []
    titres: list[list[Any]] = []
    ancres: dict[str, list[Any]] = {}
    for number, sheet in enumerate(document.pages):
        pied.append(sheet._page_box.page_type.name != SANS_PIED)
        for level, label, (_, y), _ in sheet.bookmarks:
            titres.append([number, level, label, round((sheet.height - y) * POINT, 2)])
        for name, (_, y, *_) in sheet.anchors.items():
            ancres.setdefault(name, [number, round((sheet.height - y) * POINT, 2), headings.get(name, "")])
    return {"pied": pied, "titres": titres, "ancres": ancres}


def _finish(prefix: str, tree: Any, pdf: Any) -> None:
    """Names of table headers that stay apart once joined; links that lead somewhere and say where."""
    texts = {element.get("href"): _words(element) for element in tree.iter("a") if element.get("href")}
    for obj in pdf.objects:
        if not isinstance(obj, pydyf.Dictionary):
            continue
        if obj.get("Type") == "/StructElem":
            if "ID" in obj:
                obj["ID"] = pydyf.String(f"{prefix}-{obj['ID'].string}")
            cells = obj.get("A") or {}
            if "Headers" in cells:
                cells["Headers"] = pydyf.Array(
                    pydyf.String(f"{prefix}-{key.string}") for key in cells["Headers"]
                )
        elif obj.get("Subtype") == "/Link":
            if "Dest" in obj:
                # Joined with the others, as if it left the part.
                name = obj.pop("Dest").string
                obj["A"] = pydyf.Dictionary(
                    {"Type": "/Action", "S": "/URI", "URI": pydyf.String(ANCRE + name)}
                )
                texts.setdefault(ANCRE + name, texts.get(f"#{name}", ""))
            address = obj["A"]["URI"].string
            obj["Contents"] = pydyf.String(texts.get(address) or address)


class Atelier:
    """Draws pages one after the other with the style sheet and the fonts read once. Not shared between threads."""

    def __init__(self, *, bare: bool = False) -> None:
        """``bare``: without the book, to draw the book itself."""
        self.book = None if bare else livre()
        self.fetcher = StaticFetcher()
        self.fonts = FontConfiguration()
        self.read: dict[str, tuple[str, dict[int, float], dict[str, int]]] = {}
        self.stylesheet = CSS(url=f"{SCHEME}{STYLESHEET}", url_fetcher=self.fetcher, font_config=self.fonts)

    def _draw(self, html: str) -> Dessin:
        drawn: list[Morceau] = []

        def take(_: Any, pdf: pydyf.PDF) -> None:
            _finish(hashlib.sha256(html.encode()).hexdigest()[:12], tree, pdf)
            drawn.append(piece_of(pdf, self.book.largeurs if self.book else {}, ANCRE))
            if self.book is None:
                self.read = {
                    name: (str(font["BaseFont"]), widths_of(pdf, font), glyphs_of(pdf, font))
                    for name, font in fonts_of(pdf).items()
                }
            del pdf.objects[1:]  # all of it is taken: nothing is left to write

        page = HTML(string=html, url_fetcher=self.fetcher)
        tree = page.etree_element
        options = {"pdf_variant": "pdf/ua-1"}
        document = page.render(stylesheets=[self.stylesheet], font_config=self.fonts, **options)
        document.write_pdf(finisher=take, **options)
        return Dessin(drawn[0].pack(), _reperes(document, tree))

    def draw(self, html: str) -> Dessin:
        """Draw a whole page as PDF/UA-1. Raise ``DocumentError`` when anything it needs is missing."""
        complaints = _Complaints()
        logger = logging.getLogger("weasyprint")
        logger.addHandler(complaints)
        # A layout makes millions of objects that live to its end: looking for cycles among them takes time and frees
        # nothing. Whoever found the collector at work sets it to work again, so threads that draw together end as
        # they began.
        collecting = gc.isenabled()
        gc.disable()
        try:
            drawn = self._draw(html)
        # It is no Exception for WeasyPrint, which would swallow it; it is one for whoever asked.
        except FatalURLFetchingError as error:
            raise DocumentError(str(error)) from error
        finally:
            if collecting:
                gc.enable()
            logger.removeHandler(complaints)
        if complaints.messages:
            raise DocumentError(" ".join(complaints.messages))
        return drawn


def draw(html: str) -> Dessin:
    """One page, drawn here and now."""
    try:
        return Atelier().draw(html)
    except FatalURLFetchingError as error:
        raise DocumentError(str(error)) from error


LETTRES = (
    "a b "  # a space first: the no-break ones are drawn alike and would be read back in its place
    + "".join(map(chr, (*range(0x21, 0x7F), *range(0xA1, 0x180))))
    + "–—‘’‚“”„†‡•…‰‹›€™→←≤≥−✓\N{NARROW NO-BREAK SPACE}\N{NO-BREAK SPACE}\N{NON-BREAKING HYPHEN}\N{HYPHEN} fi fl ff ffi ffl ft fj"
)


@dataclass(frozen=True)
class Livre:
    """Every letter we write in each face: its fonts stand for those of all parts, as WeasyPrint keeps the numbers of glyphs
    when it subsets. By name of the font: its widths in thousandths. ``face``: the plain one, ``glyphes`` its letters."""

    morceau: Morceau
    largeurs: dict[str, dict[int, float]]
    face: str
    glyphes: dict[str, int]


@functools.cache
def livre() -> Livre:
    """Drawn once by a process."""
    lettres = LETTRES.replace("&", "&amp;").replace("<", "&lt;")
    faces = f"<p>{lettres} <b>{lettres}</b> <i>{lettres} <b>{lettres}</b></i></p><h4>{lettres}</h4>"
    atelier = Atelier(bare=True)
    dessin = atelier.draw(
        f'<!DOCTYPE html><html lang="fr"><head><title>Lettres</title></head><body>{faces}</body></html>'
    )
    plain = next(name for name, (base, _, _) in atelier.read.items() if not re.search("Bold|Italic", base))
    return Livre(
        Morceau.unpack(dessin.contenu),
        {name: widths for name, (_, widths, _) in atelier.read.items()},
        plain,
        atelier.read[plain][2],
    )


def _sources() -> Iterable[bytes]:
    for name in (STYLESHEET, *FONTS):
        yield static_path(name).read_bytes()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        yield path.read_bytes()


@functools.cache
def _engine(_: tuple[int, ...]) -> str:
    digest = hashlib.sha256(f"{weasyprint.__version__} {pydyf.__version__} {pango.pango_version()}".encode())
    for source in _sources():
        digest.update(source)
    return digest.hexdigest()


def key_of(html: str) -> str:
    """SHA-256 of all that the drawing depends on: page, images, style sheet, fonts, libraries and our own drawing."""
    times = tuple(static_path(name).stat().st_mtime_ns for name in (STYLESHEET, *FONTS))
    digest = hashlib.sha256(_engine(times).encode())
    for name in sorted(set(re.findall(rf'(?:src|href)="{SCHEME}([^"]+)"', html))):
        try:
            digest.update(static_path(name).read_bytes())
        except FatalURLFetchingError:
            digest.update(b"absent")  # the drawing will say so
    digest.update(html.encode())
    return digest.hexdigest()
