"""Names of people as they are written on fiches: which ones may be one person's."""

import hashlib
import re
import unicodedata
from difflib import SequenceMatcher

CIVILITES = frozenset({"m", "mr", "mme", "mlle", "monsieur", "madame", "mademoiselle", "dr", "docteur"})
RESSEMBLE = 0.82
"""Two names closer than this, by the letters they share, may be one person's."""


def words_of_name(nom: str) -> tuple[str, ...]:
    """The words of a name without case, accents, civility or order, so that « MARTIN Élise » is « Mme Elise Martin »."""
    plain = unicodedata.normalize("NFKD", nom.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return tuple(sorted(word for word in re.findall(r"[a-z0-9]+", letters) if word not in CIVILITES))


def key_of_name(nom: str) -> str:
    """The same for every way of writing a name; fit for an address. A name without a Latin letter has its own."""
    words = "-".join(words_of_name(nom))
    return words or f"nom-{hashlib.sha256(nom.encode()).hexdigest()[:12]}"


def looks_like(nom: str, other: str) -> bool:
    """Whether two names may be those of one person: the same words, an initial for a first name, or a slip of a letter."""
    one, two = words_of_name(nom), words_of_name(other)
    if not one or not two:
        return False
    if one == two or SequenceMatcher(None, " ".join(one), " ".join(two)).ratio() >= RESSEMBLE:
        return True
    return _by_initial(one, two) or _by_initial(two, one)


def _by_initial(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """« C. Martin » for « Claude Martin »: every word is in the other name, or begins one of its words."""
    initials = [word for word in short if len(word) == 1]
    words = [word for word in short if len(word) > 1]
    rest = [word for word in full if word not in words]
    if not initials or not words or len(words) + len(rest) != len(full) or len(initials) > len(rest):
        return False
    return all(any(word.startswith(initial) for word in rest) for initial in initials)
