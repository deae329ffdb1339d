"""What changed between two texts, word by word."""

import difflib
import re
from dataclasses import dataclass

MOTS_MAX = 4_000
"""Longer texts together are shown whole, before then after: comparing them word by word would take minutes."""


@dataclass(frozen=True)
class Mot:
    """A run of words: ``garde``, ``retire`` or ``ajoute``."""

    genre: str
    texte: str


def words_of(before: str, after: str) -> list[Mot]:
    """What was taken out and put in, word by word; the spaces between words do not count."""
    old, new = re.findall(r"\S+", before), re.findall(r"\S+", after)
    if len(old) + len(new) > MOTS_MAX:
        return [Mot("retire", " ".join(old)), Mot("ajoute", " ".join(new))]
    found: list[Mot] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(Mot("garde", " ".join(old[i:j])))
            continue
        if i < j:
            found.append(Mot("retire", " ".join(old[i:j])))
        if k < m:
            found.append(Mot("ajoute", " ".join(new[k:m])))
    return found
