"""An HTML page of ours to a tagged PDF: cut in parts, each drawn once and kept, joined (see ``ctg_portal.pdf``)."""

import base64
import math
from collections.abc import Sequence

from django.db.models.fields.files import FieldFile

from ctg_portal.pdf.annexes import AnnexeError, AnnexePdf, read_annexe
from ctg_portal.pdf.assemblage import assemble
from ctg_portal.pdf.dessin import Dessin, DocumentError, draw, key_of
from ctg_portal.pdf.fragments import drawn, missing
from ctg_portal.pdf.parties import count_entries, numbered, read_page, with_numbers

__all__ = [
    "AnnexeError",
    "AnnexePdf",
    "DocumentError",
    "content_key",
    "image_data",
    "prepare_parts",
    "progress",
    "read_annexe",
    "render_pdf",
]

ESSAIS = 6
"""How often a contents is drawn again because its own length moved the pages it tells."""
ENTREES_PAR_PAGE = 33


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


def render_pdf(html: str, annexes: Sequence[AnnexePdf] = ()) -> bytes:
    """Draw a whole page as PDF/UA-1: tagged, titled by its ``<title>``, in the language of its ``<html>``.

    A page with ``<section data-fragment>`` is cut: a part that was drawn before, here or for another page, is not drawn
    again. The pages of ``annexes`` follow. Raise ``DocumentError`` when anything it needs is missing, ``AnnexeError``
    for an annexe that cannot be appended.
    """
    page = read_page(html)
    dessins = _numbered_parts(page.parties) if page.is_cut else [draw(html)]
    return assemble(
        dessins,
        annexes,
        titre=page.titre,
        auteur=page.auteur,
        langue=page.langue,
        entete=page.entete,
        pied=page.pied,
        corps=page.corps,
    )


def _numbered_parts(parties: list[str]) -> list[Dessin]:
    """Every part drawn, those that tell page numbers last: they are drawn again until what they tell is so."""
    late = [rank for rank, part in enumerate(parties) if numbered(part)]
    early = [rank for rank in range(len(parties)) if rank not in late]
    found = dict(zip(early, drawn([parties[rank] for rank in early]), strict=True))
    lengths = {rank: dessin.pages for rank, dessin in found.items()}
    lengths |= {rank: 1 + math.ceil(count_entries(parties[rank]) / ENTREES_PAR_PAGE) for rank in late}
    told: list[str] | None = None
    for _ in range(ESSAIS):
        numbers: dict[str, int] = {}
        page = 1
        for rank in range(len(parties)):
            for name, (own, *_rest) in found[rank].reperes["ancres"].items() if rank in found else ():
                numbers.setdefault(name, page + own)
            page += lengths[rank]
        texts = [with_numbers(parties[rank], numbers) for rank in late]
        if texts == told:
            return [found[rank] for rank in range(len(parties))]
        found |= dict(zip(late, drawn(texts), strict=True))
        lengths = {rank: dessin.pages for rank, dessin in found.items()}
        told = texts
    raise DocumentError("the contents does not find its page numbers")


def _early(html: str) -> list[str]:
    """The parts that can be drawn before the page is asked for: all but those that tell page numbers."""
    page = read_page(html)
    return [part for part in page.parties if not numbered(part)] if page.is_cut else []


def progress(html: str) -> tuple[int, int]:
    """How many parts of this page are drawn, of how many; ``(0, 1)`` for a page that is not cut."""
    parts = _early(html)
    return (len(parts) - len(missing(parts)), len(parts)) if parts else (0, 1)


def prepare_parts(html: str, at_most: int | None = None) -> int:
    """Draw now, and keep, the parts of a page that will be asked for later; how many are still to be drawn."""
    parts = missing(_early(html))
    drawn(parts[:at_most])
    return 0 if at_most is None else max(0, len(parts) - at_most)


def content_key(html: str) -> str:
    """SHA-256 of all that the drawn file depends on: page, images, style sheet, fonts, libraries and our own drawing."""
    return key_of(html)
