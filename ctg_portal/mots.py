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


@dataclass
class Effort:
    """What one page may still spend on comparing, in pairs of words; past it, what differs is shown whole."""

    reste: int = 6_000_000

    def spend(self, pairs: int) -> bool:
        if pairs > self.reste:
            return False
        self.reste -= pairs
        return True


def words_of(before: str, after: str, effort: Effort | None = None) -> list[Mot]:
    """What was taken out and put in, word by word; the spaces between words do not count."""
    old, new = re.findall(r"\S+", before), re.findall(r"\S+", after)
    if len(old) + len(new) > MOTS_MAX:
        return [Mot("retire", " ".join(old)), Mot("ajoute", " ".join(new))]
    # What both begin and end with needs no comparison, and an edit is most often in one place.
    same = min(len(old), len(new))
    head = next((n for n in range(same) if old[n] != new[n]), same)
    tail = next((n for n in range(same - head) if old[-1 - n] != new[-1 - n]), same - head)
    start, end = old[:head], old[len(old) - tail :]
    changed = old[head : len(old) - tail], new[head : len(new) - tail]
    if effort is None or effort.spend(len(changed[0]) * len(changed[1])):
        middle = _compared(*changed)
    else:
        middle = [Mot("retire", " ".join(changed[0])), Mot("ajoute", " ".join(changed[1]))]
    around = [Mot("garde", " ".join(words)) if words else None for words in (start, end)]
    return _joined([around[0], *middle, around[1]])


def _joined(runs: list[Mot | None]) -> list[Mot]:
    """Runs of words kept one after the other are one."""
    found: list[Mot] = []
    for run in runs:
        if run and found and found[-1].genre == run.genre == "garde":
            found[-1] = Mot("garde", f"{found[-1].texte} {run.texte}")
        elif run:
            found.append(run)
    return found


def _compared(old: list[str], new: list[str]) -> list[Mot]:
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
