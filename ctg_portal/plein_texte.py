"""Search by words in French: PostgreSQL's stemmer, accents ignored, without the extension ``unaccent`` (ADR 0026).

A model that can be found has one ``index_texte`` in its ``Meta.indexes``: it names the fields, and ``vecteur_of`` reads
them from there, so that the question and the index always say the same thing.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import connection, models
from django.db.models import F, Func

_AVEC = "àâäáãåçéèêëíìîïñóòôöõúùûüýÿÀÂÄÁÃÅÇÉÈÊËÍÌÎÏÑÓÒÔÖÕÚÙÛÜÝŸ’‘«»“”„–—…·•<>\u00a0\u202f\u2009\u2011"
_SANS = "aaaaaaceeeeiiiinooooouuuuyyAAAAAACEEEEIIIINOOOOOUUUUYY''               -"
assert len(_AVEC) == len(_SANS)  # noqa: S101 - two halves of one table
_TABLE = str.maketrans(_AVEC, _SANS)
_LIGATURES = {"œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"}
_DEBUT, _FIN = "\x02", "\x03"

LONGUEUR_MAX = 200
"""Signs of a question."""


def sans_accents(texte: str) -> str:
    """What ``recherche_texte`` gives, from the composed form of the text: two signs for a ligature, one for any other."""
    texte = unicodedata.normalize("NFC", texte).translate(_TABLE)
    for ligature, lettres in _LIGATURES.items():
        texte = texte.replace(ligature, lettres)
    return texte


class Texte(Func):
    """Several columns as one text; none of them may be null."""

    template = "(%(expressions)s)"
    arg_joiner = " || ' ' || "
    output_field = models.TextField()


class Vecteur(Func):
    function = "recherche_vecteur"
    output_field = SearchVectorField()


def index_texte(name: str, *fields: str) -> GinIndex:
    """The index of what can be found in a row. ``fields``: text columns that are never null, the title first."""
    return GinIndex(Vecteur(Texte(*map(F, fields))), name=name)


def vecteur_of(model: type[models.Model]) -> Vecteur:
    """The expression of the model's ``index_texte``."""
    return next(
        index.expressions[0]
        for index in model._meta.indexes
        if index.expressions and isinstance(index.expressions[0], Vecteur)
    )


def texte_of(model: type[models.Model]) -> Texte:
    """All that can be found in a row, as one text."""
    found: Texte = vecteur_of(model).get_source_expressions()[0]
    return found


class Requete(SearchQuery):
    """What is looked for: words, "an expression", -excluded; the last word also by its beginning."""

    def __init__(self, question: str) -> None:
        self.question = sans_accents(question)[:LONGUEUR_MAX].lower()
        super().__init__(self.question)

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list[str]]:  # type: ignore[override]  # the stubs promise a tuple of parameters
        before, _, last = self.question.rpartition(" ")
        whole = "websearch_to_tsquery('pg_catalog.french', %s)"
        if not re.fullmatch(r"[a-z0-9]{2,}", last) or before.count('"') % 2:
            return whole, [self.question]
        begun = f"({whole} && to_tsquery('pg_catalog.french', %s))"
        return f"({whole} || {begun})", [self.question, before, f"{last}:*"]


@dataclass(frozen=True)
class Morceau:
    """A run of a text: found words, or what stands between them."""

    texte: str
    trouve: bool


def marques(textes: Sequence[str], question: str) -> list[list[Morceau]]:
    """Each text cut where the words of ``question`` are found in it, its accents kept; one query for all."""
    if not textes:
        return []
    # An accent may come as a sign of its own, as macOS writes it: the two texts are laid side by side composed.
    clean = [unicodedata.normalize("NFC", re.sub("[\x00\x02\x03]", " ", texte)) for texte in textes]
    requete, params = Requete(question).as_sql(None, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ts_headline('pg_catalog.french', recherche_texte(t), q.q, %s)"  # noqa: S608 - no word of anybody
            f" FROM unnest(%s::text[]) WITH ORDINALITY AS t(t, rang), (SELECT {requete} AS q) AS q ORDER BY rang",
            [f"HighlightAll=true, StartSel={_DEBUT}, StopSel={_FIN}", clean, *params],
        )
        return [_recut(texte, row[0]) for texte, row in zip(clean, cursor.fetchall(), strict=True)]


def _recut(texte: str, marked: str) -> list[Morceau]:
    """``texte`` cut as ``marked`` is; whole and unmarked when the two cannot be laid side by side."""
    if marked.replace(_DEBUT, "").replace(_FIN, "") != sans_accents(texte):
        return [Morceau(texte, trouve=False)]
    found, run, trouve = [], "", False
    signs = iter(marked)
    for sign in texte:
        for _ in range(2 if sign in _LIGATURES else 1):
            mark = next(signs)
            while mark in (_DEBUT, _FIN):
                if run:
                    found.append(Morceau(run, trouve))
                run, trouve = "", mark == _DEBUT
                mark = next(signs)
        run += sign
    return [*found, Morceau(run, trouve)] if run else found


def extrait(morceaux: Sequence[Morceau], avant: int = 70, total: int = 280) -> list[Morceau]:
    """Around the first found words: about ``total`` signs, cut between words; the beginning when nothing is marked."""
    texte = "".join(morceau.texte for morceau in morceaux)
    marks = []
    place = 0
    for morceau in morceaux:
        marks += [(place, place + len(morceau.texte))] if morceau.trouve else []
        place += len(morceau.texte)
    start = max(0, marks[0][0] - avant) if marks else 0
    if start:
        start = texte.find(" ", start, marks[0][0]) + 1 or start
    end = start + total
    if end < len(texte):
        end = max(texte.rfind(" ", start, end), marks[0][1] if marks else start + 1)
    shown = [Morceau("… ", trouve=False)] if start else []
    place = 0
    for morceau in morceaux:
        words = texte[max(place, start) : min(place + len(morceau.texte), end)]
        place += len(morceau.texte)
        shown += [Morceau(" ".join(words.split("\n")), morceau.trouve)] if words else []
    return [*shown, Morceau(" …", trouve=False)] if end < len(texte) else shown
