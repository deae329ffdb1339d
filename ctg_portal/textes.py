"""Long texts: paragraphs, lists, bold and links, written with a few signs that read well as they are (ADR 0017).

A text is kept as it was typed. The page, the PDF and the Word file are drawn from the same reading of it, by
markdown-it with nothing but these four; what it gives for a page is sanitised by nh3 all the same.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

LONGUEUR_MAX = 20_000
"""Signs of one text: some six printed pages."""

PROTOCOLES = {"http", "https", "mailto"}
_BALISES = {"p", "br", "ul", "ol", "li", "strong", "a"}
_ATTRIBUTS = {"a": {"href"}, "ol": {"start"}}

# Read before the rest: what people type or paste, and signs that they mean as they are.
_PUCES = re.compile(r"^([ \t]*)(?:[•·–—▪◦‣●■§]|&bull;)[ \t]+", re.M)
_BARRE = re.compile(r"\\")
_PLUS = re.compile(r"^([ \t]*)\+(?=[ \t])", re.M)
_ANNEE = re.compile(r"^([ \t]*\d{3,})([.)])(?=[ \t])", re.M)
_SUITE = re.compile(r"^([ \t]*(?:[-*]|\d{1,2}[.)])[ \t].*\n)(?=\S)(?![-*][ \t]|\d{1,2}[.)][ \t])", re.M)


def _reader() -> MarkdownIt:
    reader = MarkdownIt("zero", {"breaks": True, "linkify": True, "html": False, "maxNesting": 20})
    reader.enable(
        ["list", "newline", "emphasis", "link", "linkify", "escape", "balance_pairs", "fragments_join"]
    )
    assert reader.linkify is not None  # noqa: S101 - the library gives it as optional
    reader.linkify.set({"fuzzy_link": False, "fuzzy_email": True})
    reader.validateLink = lambda url: url.partition(":")[0].strip().lower() in PROTOCOLES  # type: ignore[method-assign]  # the way markdown-it gives
    return reader


_READER = _reader()


def _lines(source: str) -> str:
    """The source with its bullets as dashes; a backslash, « + 3 places » and « 2026. Bilan » mean themselves."""
    text = source.replace("\r\n", "\n").replace("\r", "\n")
    text = _BARRE.sub(r"\\\\", text)
    text = _PUCES.sub(r"\1- ", text)
    text = _PLUS.sub(r"\1\\+", text)
    text = _ANNEE.sub(r"\1\\\2", text)
    # A line at the margin ends the list above it.
    return _SUITE.sub(r"\1\n", text)


@dataclass(frozen=True)
class Morceau:
    """A run of words, as they are said: in bold or not, with the address it leads to if any."""

    texte: str
    gras: bool = False
    adresse: str = ""


@dataclass
class Bloc:
    """``genre``: « p », « ul » or « ol » (one item of a list); ``niveau``: 1 for a list, 2 for a list inside it;
    ``rang``: the number of an item of « ol »."""

    genre: str
    niveau: int = 0
    rang: int = 0
    morceaux: list[Morceau] = field(default_factory=list)


def _inline(tokens: list[Token]) -> Iterator[Morceau]:
    gras = 0
    adresses: list[str] = []
    for token in tokens:
        if token.type in ("strong_open", "strong_close"):
            gras += token.nesting
        elif token.type == "link_open":
            adresses.append(str(token.attrGet("href") or ""))
        elif token.type == "link_close":
            adresses.pop()
        elif token.type in ("softbreak", "hardbreak"):
            yield Morceau("\n", gras > 0, adresses[-1] if adresses else "")
        elif token.type in ("em_open", "em_close"):
            # Italics are not ours: the signs stay as they were typed.
            yield Morceau(token.markup, gras > 0, adresses[-1] if adresses else "")
        elif token.content:
            yield Morceau(token.content, gras > 0, adresses[-1] if adresses else "")


def blocs_of(source: str) -> list[Bloc]:
    """A text in blocks, for what is not a page."""
    found: list[Bloc] = []
    lists: list[tuple[str, int]] = []
    is_item = False
    for token in _READER.parse(_lines(source)):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            start = int(token.attrGet("start") or 1) if token.type.startswith("ordered") else 0
            lists.append(("ol" if token.type.startswith("ordered") else "ul", start - 1))
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "list_item_open":
            genre, rang = lists[-1]
            lists[-1] = (genre, rang + 1)
            is_item = True
        elif token.type == "inline":
            genre, rang = lists[-1] if lists else ("p", 0)
            # A second paragraph of the same item has no bullet of its own.
            name = genre if is_item or not lists else "p"
            found.append(
                Bloc(name, len(lists), rang if name == "ol" else 0, list(_inline(token.children or [])))
            )
            is_item = False
    return found


def render_html(source: str, words: Callable[[str], str]) -> str:
    """The text as safe HTML. ``words`` escapes a run of words and gives it its typography."""
    out: list[str] = []
    for token in _READER.parse(_lines(source)):
        if token.type != "inline":
            if not token.hidden:
                out.append(_READER.renderer.render([token], _READER.options, {}))
            continue
        out.extend(_inline_html(token.children or [], words))
    # Lines of our own between the blocks would be spaces on the page.
    html = "".join(part.strip("\n") for part in out)
    safe = nh3.clean(
        html, tags=_BALISES, attributes=_ATTRIBUTS, url_schemes=PROTOCOLES, link_rel="noopener noreferrer"
    )
    # It writes no-break spaces by their name; pages have them as they are.
    return safe.replace("&nbsp;", "\u00a0")


def _inline_html(tokens: list[Token], words: Callable[[str], str]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("softbreak", "hardbreak"):
            yield "<br>"
        elif token.type in ("em_open", "em_close"):
            yield words(token.markup)
        elif token.type == "text":
            yield words(token.content)
        else:
            yield _READER.renderer.render([token], _READER.options, {})


def plain(value: Any) -> str:
    """The words of a text without its signs, on one line, for a summary or a list."""
    return " ".join(
        "".join(piece.texte for piece in bloc.morceaux).replace("\n", " ")
        for bloc in blocs_of(str(value or ""))
    )
