"""The one call to WeasyPrint: an HTML page of ours to a tagged PDF, offline, with our own fonts and images only."""

import base64
import gc
import hashlib
import logging
import threading
from pathlib import Path
from typing import Any

import weasyprint
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation
from django.db.models.fields.files import FieldFile
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import FatalURLFetchingError, URLFetcher

SCHEME = "static:"
STYLESHEET = "pdf/document.css"
FONTS = (
    "fonts/SourceSans3-Regular.ttf",
    "fonts/SourceSans3-It.ttf",
    "fonts/SourceSans3-Semibold.ttf",
    "fonts/SourceSans3-SemiboldIt.ttf",
)


class DocumentError(Exception):
    """The document cannot be drawn as it must be: something it needs is missing."""


class _Complaints(logging.Handler):
    """What WeasyPrint only logs (an image without words, a style it could not read), in this thread."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.thread = threading.get_ident()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.messages.append(record.getMessage())


def _static_path(name: str) -> Path:
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
        return super().fetch(_static_path(url.removeprefix(SCHEME)).as_uri(), headers)


def image_data(image: FieldFile) -> str:
    """A stored PNG or JPEG as a ``data:`` address, empty when there is none: the page is then whole by itself."""
    if not image:
        return ""
    try:
        with image.open("rb") as file:
            content = base64.b64encode(file.read()).decode()
    except FileNotFoundError as error:
        raise DocumentError(f"missing image: {image.name}") from error
    kind = "png" if str(image.name).endswith(".png") else "jpeg"
    return f"data:image/{kind};base64,{content}"


def render_pdf(html: str) -> bytes:
    """Draw a whole page as PDF/UA-1: tagged, titled by its ``<title>``, in the language of its ``<html>``.

    Raise ``DocumentError`` when anything it needs is missing.
    """
    fetcher = StaticFetcher()
    complaints = _Complaints()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    # A layout makes millions of objects that live to its end: looking for cycles among them takes time and frees
    # nothing. Whoever found the collector at work sets it to work again, so threads that draw together end as they began.
    collecting = gc.isenabled()
    gc.disable()
    try:
        fonts = FontConfiguration()
        stylesheet = CSS(url=f"{SCHEME}{STYLESHEET}", url_fetcher=fetcher, font_config=fonts)
        drawn: bytes = HTML(string=html, url_fetcher=fetcher).write_pdf(
            stylesheets=[stylesheet], font_config=fonts, pdf_variant="pdf/ua-1"
        )
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


def content_key(html: str) -> str:
    """SHA-256 of all that the drawn file depends on: page, style sheet, fonts and version of WeasyPrint."""
    digest = hashlib.sha256(weasyprint.__version__.encode())
    for name in (STYLESHEET, *FONTS):
        digest.update(_static_path(name).read_bytes())
    digest.update(html.encode())
    return digest.hexdigest()
