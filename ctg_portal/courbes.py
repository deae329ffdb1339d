"""Small curves beside their table: one value a year, a target, a start. Geometry only; a template draws (ADR 0010)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from ctg_portal.templatetags.portal import ESPACE_INSECABLE, nombre

LARGEUR, HAUTEUR = 320, 104
"""Units of the drawing: pixels of a screen at most."""
BORD, HAUT, BAS = 14, 20, 22
"""Room on the sides, above (the last value) and below (the years)."""
ETIQUETTES_MAX = 7
"""More years than this are told by the first and the last."""
DEPART = "départ"


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    etiquette: str
    valeur: Decimal
    is_depart: bool
    is_dernier: bool
    ancre: str
    """``start``, ``middle`` or ``end``: where its words hang so that they stay inside."""


@dataclass(frozen=True)
class Courbe:
    """``valeurs`` are by year, ``None`` where nothing is known: a gap, never a zero.

    ``depart`` stands before the first year; ``cible`` is a level.
    """

    titre: str
    annees: Sequence[int]
    valeurs: Sequence[Decimal | None]
    depart: Decimal | None = None
    cible: Decimal | None = None
    unite: str = ""

    largeur = LARGEUR
    hauteur = HAUTEUR

    @property
    def is_vide(self) -> bool:
        """No value of any year: there is nothing to draw."""
        return all(valeur is None for valeur in self.valeurs)

    @cached_property
    def _places(self) -> list[tuple[str, Decimal | None]]:
        start = [(DEPART, self.depart)] if self.depart is not None else []
        return [
            *start,
            *((str(annee), valeur) for annee, valeur in zip(self.annees, self.valeurs, strict=True)),
        ]

    @cached_property
    def _bornes(self) -> tuple[float, float]:
        known = [float(valeur) for _, valeur in self._places if valeur is not None]
        known += [float(self.cible)] if self.cible is not None else []
        low, high = min(0.0, *known), max(0.0, *known)
        return (low, high) if high > low else (low, low + 1)

    def _x(self, rank: int) -> float:
        if len(self._places) == 1:
            return LARGEUR / 2
        return round(BORD + rank * (LARGEUR - 2 * BORD) / (len(self._places) - 1), 1)

    def _y(self, valeur: Decimal) -> float:
        low, high = self._bornes
        return round(HAUT + (high - float(valeur)) / (high - low) * (HAUTEUR - HAUT - BAS), 1)

    def _ancre(self, rank: int) -> str:
        if len(self._places) == 1:
            return "middle"
        return {0: "start", len(self._places) - 1: "end"}.get(rank, "middle")

    @cached_property
    def points(self) -> list[Point]:
        known = [rank for rank, (_, valeur) in enumerate(self._places) if valeur is not None]
        return [
            Point(
                self._x(rank),
                self._y(valeur),
                etiquette,
                valeur,
                etiquette == DEPART,
                rank == known[-1],
                self._ancre(rank),
            )
            for rank, (etiquette, valeur) in enumerate(self._places)
            if valeur is not None
        ]

    @property
    def traits(self) -> list[str]:
        """Points of each unbroken line, as SVG writes them; a year without value breaks it."""
        lines: list[list[str]] = [[]]
        for rank, (_, valeur) in enumerate(self._places):
            if valeur is None:
                lines.append([])
            else:
                lines[-1].append(f"{self._x(rank)},{self._y(valeur)}")
        return [" ".join(line) for line in lines if len(line) > 1]

    @property
    def chemin(self) -> str:
        """The unbroken lines as one SVG path."""
        return " ".join(f"M{' '.join(trait.split())}" for trait in self.traits)

    @property
    def pastilles(self) -> str:
        """The points as one SVG path of dots (strokes of no length, with round ends)."""
        return " ".join(f"M{point.x},{point.y}h.01" for point in self.points)

    @property
    def graduations(self) -> list[tuple[float, str, str]]:
        """Where each year is written: x, word, anchor."""
        last = len(self._places) - 1
        return [
            (self._x(rank), etiquette, self._ancre(rank))
            for rank, (etiquette, _) in enumerate(self._places)
            if last < ETIQUETTES_MAX or rank in (0, last)
        ]

    @property
    def cible_y(self) -> float | None:
        return None if self.cible is None else self._y(self.cible)

    @property
    def zero_y(self) -> float:
        return self._y(Decimal(0))

    @property
    def bas_y(self) -> int:
        return HAUTEUR - 6

    @property
    def texte(self) -> str:
        """What the drawing says, in full."""
        said = [f"{etiquette} {nombre(valeur)}" for etiquette, valeur in self._places if valeur is not None]
        said += [f"cible {nombre(self.cible)}"] if self.cible is not None else []
        unite = f" ({self.unite})" if self.unite else ""
        return f"{self.titre}{unite}{ESPACE_INSECABLE}: {', '.join(said)}."
