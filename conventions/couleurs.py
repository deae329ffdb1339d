"""A territory's colour made legible: contrast as WCAG 2.1 defines it, and the variables of its style sheet."""

from dataclasses import dataclass

TEXTE = 4.5
"""Contrast that WCAG 2.1 AA asks of text (1.4.3)."""
FORME = 3.0
"""Contrast that it asks of a shape that says something (1.4.11)."""

BLANC, NOIR = "#ffffff", "#000000"
# The grounds of static/css/theme.css on which the colour is laid: the hardest of each theme.
FOND_CLAIR = "#e5e0d3"
FOND_SOMBRE = "#313944"


def _channels(couleur: str) -> bytes:
    """Red, green, blue of « #rrggbb », 0 to 255."""
    return bytes.fromhex(couleur.removeprefix("#"))


def luminance(couleur: str) -> float:
    """Relative luminance of « #rrggbb », 0 for black to 1 for white."""
    linear = [
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4
        for c in _channels(couleur)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    clair, sombre = sorted((luminance(a), luminance(b)), reverse=True)
    return (clair + 0.05) / (sombre + 0.05)


def _mix(couleur: str, vers: str, part: float) -> str:
    pairs = zip(_channels(couleur), _channels(vers), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


def legible(couleur: str, *, fond: str, ratio: float) -> str:
    """``couleur``, as little darkened or lightened as ``ratio`` on ``fond`` asks."""
    vers = max((BLANC, NOIR), key=lambda extreme: contrast(extreme, fond))
    for step in range(101):
        found = _mix(couleur, vers, step / 100)
        if contrast(found, fond) >= ratio:
            return found
    return vers


def ink(couleur: str) -> str:
    """White or black, whichever reads better on ``couleur``: one of the two always reaches 4.5."""
    return max((BLANC, NOIR), key=lambda extreme: contrast(extreme, couleur))


@dataclass(frozen=True)
class Palette:
    """``forme`` fills, ``encre`` writes on it, ``texte`` writes on the page."""

    forme: str
    encre: str
    texte: str


def palette(couleur: str, *, fond: str) -> Palette:
    forme = legible(couleur, fond=fond, ratio=FORME)
    return Palette(forme, ink(forme), legible(couleur, fond=fond, ratio=TEXTE))
