"""A page cut in parts that do not know each other: each starts on its own sheet and may be drawn apart.

A part is a ``<section data-fragment>`` of the page, or what lies between two of them. Sections may hold sections.
What a person typed is escaped in our pages, so a ``<`` is always one of ours.
"""

import re
from collections import Counter
from dataclasses import dataclass
from html import escape, unescape

from ctg_portal.pdf.dessin import ANCRE

SECTION = re.compile(r"<(/?)section\b([^>]*)>")
ENTIER = re.compile(r"<body[^>]*\bdata-entier\b")
BODY = re.compile(r"(<body[^>]*>)(.*)</body>\s*</html>\s*\Z", re.DOTALL)
COURANT = re.compile(r'\s*<div class="courant"([^>]*)>(.*)</div>\s*\Z', re.DOTALL)
NUMERO = re.compile(r'(<span class="numero"\s+data-cible="#([^"]+)">)(</span>)')
CORPS = 8.5
"""Points of the letters of the head and foot, unless the page says others."""
LIEN = re.compile(r'(<a\b[^>]*\shref=")#')


@dataclass(frozen=True)
class Page:
    """A whole page: what is said of it, and its parts, each a page by itself. One part when it is not to be cut."""

    titre: str
    auteur: str
    langue: str
    entete: str
    pied: str
    corps: float
    """Points of the letters of the head and foot."""
    parties: list[str]

    @property
    def is_cut(self) -> bool:
        return len(self.parties) > 1


def _attribute(text: str, name: str) -> str:
    found = re.search(rf'\b{name}="([^"]*)"', text)
    return " ".join(unescape(found[1]).split()) if found else ""


def cut(html: str) -> list[str]:
    """The fragments of ``html`` and what is between them, in order; what is blank is left out."""
    parts, start, depth, opened = [], 0, 0, -1
    for tag in SECTION.finditer(html):
        depth += -1 if tag[1] else 1
        if not tag[1] and opened < 0 and "data-fragment" in tag[2]:
            parts.append(html[start : tag.start()])
            start, opened = tag.start(), depth
        elif tag[1] and depth == opened - 1 and opened > 0:
            parts.append(html[start : tag.end()])
            start, opened = tag.end(), -1
    return [part.strip() for part in (*parts, html[start:]) if part.strip()]


def read_page(html: str) -> Page:
    head = html.split("<body", 1)[0]
    titre = re.search(r"<title>(.*?)</title>", head, re.DOTALL)
    auteur = re.search(r'<meta name="author"\s+content="([^"]*)"', head)
    langue = re.search(r'<html[^>]*\blang="([^"]*)"', head)
    body = BODY.search(html)
    courant = COURANT.match(body[2]) if body else None
    parties = [html]
    if body and courant and not ENTIER.search(html):
        found = cut(courant[2])
        if len(found) > 1:
            parties = _whole(found, langue[1] if langue else "", body[1])
    return Page(
        titre=" ".join(unescape(titre[1]).split()) if titre else "",
        auteur=unescape(auteur[1]) if auteur else "",
        langue=langue[1] if langue else "",
        entete=_attribute(courant[1], "data-titre") if courant else "",
        pied=_attribute(courant[1], "data-edition") if courant else "",
        corps=float(_attribute(courant[1], "data-corps") or CORPS) if courant else CORPS,
        parties=parties,
    )


def _whole(parts: list[str], langue: str, body: str) -> list[str]:
    """Each part as a page of its own, its links to any place of the document kept for later.

    Nothing of the document is in them: the same fiche is the same page in a plan and in a selection.
    """
    seen: Counter[str] = Counter()
    pages = []
    for part in parts:
        # The same part twice would name the same table headers twice.
        rang = f' data-rang="{seen[part]}"' if seen[part] else ""
        seen[part] += 1
        linked = LIEN.sub(rf"\g<1>{ANCRE}", part)
        pages.append(
            f'<!DOCTYPE html><html lang="{escape(langue)}"{rang}><head><meta charset="utf-8"><title>Partie</title></head>'
            f"{body}{linked}</body></html>"
        )
    return pages


def numbered(html: str) -> bool:
    """Whether the part tells page numbers of others: a contents."""
    return NUMERO.search(html) is not None


def count_entries(html: str) -> int:
    return len(NUMERO.findall(html))


def with_numbers(html: str, numbers: dict[str, int]) -> str:
    """The page numbers, from 1, written in the contents; 0 for a place that is not known yet."""
    return NUMERO.sub(lambda found: f"{found[1]}{numbers.get(found[2], 0)}{found[3]}", html)
