"""Names compared without accents, case or punctuation: the same table in PostgreSQL, without an extension, and in Python."""

import unicodedata
from typing import Any

from django.db.models import F, Func, Value

_LIGATURES = (("œ", "oe"), ("Œ", "oe"), ("æ", "ae"), ("Æ", "ae"))
_LETTRES = {
    "a": "àâäáãåAÀÂÄÁÃÅ",
    "c": "çCÇ",
    "e": "èéêëEÈÉÊË",
    "i": "ìíîïIÌÍÎÏ",
    "n": "ñNÑ",
    "o": "òóôöõOÒÓÔÖÕ",
    "u": "ùúûüUÙÚÛÜ",
    "y": "ýÿYÝŸ",
    " ": "-–—'’.,;:()/\u00a0\u202f",
}
_AVEC = "".join(_LETTRES.values()) + "BDFGHJKLMPQRSTVWXZ"
_SANS = "".join(plain * len(written) for plain, written in _LETTRES.items()) + "bdfghjklmpqrstvwxz"
_TABLE = str.maketrans(_AVEC, _SANS)
MOTS = 10
"""Words of a search that are looked at."""


def sans_accents(text: str) -> str:
    """« L’Hospitalet-du-Cœur » → « l hospitalet du coeur »."""
    text = unicodedata.normalize("NFC", text)
    for written, plain in _LIGATURES:
        text = text.replace(written, plain)
    return text.translate(_TABLE)


def mots(text: str) -> list[str]:
    """The words of a search, as ``sans_accents`` writes them."""
    return sans_accents(text).split()[:MOTS]


def colonne_sans_accents(column: str) -> Func:
    """The same in SQL, whatever the locale of the database."""
    expression: Any = Func(F(column), template="normalize(%(expressions)s, NFC)")
    for written, plain in _LIGATURES:
        expression = Func(expression, Value(written), Value(plain), function="replace")
    return Func(expression, Value(_AVEC), Value(_SANS), function="translate")


def chiffres(text: str) -> str:
    """The digits of a SIREN or SIRET typed with or without spaces; nothing when there is anything else."""
    compact = "".join(text.split())
    return compact if compact.isascii() and compact.isdigit() and len(compact) >= 3 else ""
