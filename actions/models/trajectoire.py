"""How far an indicator is on the way from its baseline to its target, in a sentence and a curve."""

import datetime
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from functools import cached_property
from typing import Any

from django.utils import timezone

from ctg_portal.courbes import Courbe
from ctg_portal.templatetags.portal import ESPACE_FINE, ESPACE_INSECABLE, date_fr, nombre

SIGNES = {"%": f"{ESPACE_INSECABLE}%", "€": f"{ESPACE_INSECABLE}€"}
ANNEES_AVANT_CIBLE = 10
"""A target further than this from the last measure does not stretch the curve."""


@dataclass(frozen=True)
class Releve:
    """The measure of one year; ``valeur`` is ``None`` when it could not be measured."""

    annee: int
    valeur: Decimal | None
    commentaire: str
    source: str


def _releve(row: Any) -> Releve:
    given = row if isinstance(row, dict) else vars(row)
    valeur = given["valeur"]
    return Releve(
        given["annee"],
        None if valeur is None else Decimal(str(valeur)),
        given["commentaire"],
        given["source"],
    )


@dataclass(frozen=True)
class Trajectoire:
    """An indicator with its measures in the order of years."""

    indicateur: Any
    releves: list[Releve]

    @classmethod
    def of(cls, indicateur: Any) -> "Trajectoire":
        """From an ``IndicateurSuivi`` of ``for_screen()`` (``rows_mesures``), or one whose measures are read."""
        rows = indicateur.rows_mesures if hasattr(indicateur, "rows_mesures") else indicateur.mesures.all()
        return cls(indicateur, sorted((_releve(row) for row in rows), key=lambda releve: releve.annee))

    @property
    def depart(self) -> Decimal | None:
        value: Decimal | None = self.indicateur.valeur_initiale
        return value

    @property
    def cible(self) -> Decimal | None:
        value: Decimal | None = self.indicateur.cible
        return value

    @property
    def dernier(self) -> Releve | None:
        """The latest year that has a value."""
        return next((releve for releve in reversed(self.releves) if releve.valeur is not None), None)

    @property
    def chemin(self) -> Decimal | None:
        """Share of the way from the baseline to the target: 0 at the start, 1 at the target, negative when going back.

        ``None`` without a measure, a baseline or a target, and when the target is the baseline.
        """
        value = self.dernier.valeur if self.dernier else None
        if value is None or self.depart is None or self.cible is None or self.depart == self.cible:
            return None
        return (value - self.depart) / (self.cible - self.depart)

    def _dire(self, value: Decimal) -> str:
        return f"{nombre(value)}{SIGNES.get(self.indicateur.unite.strip(), '')}"

    @property
    def phrase(self) -> str:
        """Where the indicator stands, in a sentence."""
        depart, cible = self.depart, self.cible
        dernier = self.dernier
        if dernier is None or dernier.valeur is None:
            aim = "" if cible is None else f"{ESPACE_FINE}; {self._dire(cible)} attendus"
            return f"Aucune mesure encore{aim}."
        said, annee = self._dire(dernier.valeur), dernier.annee
        if cible is None:
            start = "" if depart is None else f", {self._dire(depart)} au départ"
            return f"{said} en {annee}{start}. Aucune cible n’est fixée."
        if depart is None:
            return f"{said} en {annee} pour une cible de {self._dire(cible)}. Sans valeur de départ, le chemin parcouru ne se calcule pas."
        if depart == cible:
            kept = (
                ""
                if dernier.valeur == cible
                else f"{ESPACE_INSECABLE}: l’écart est de {self._dire(abs(dernier.valeur - cible))}"
            )
            return f"{said} en {annee}, pour {self._dire(cible)} à maintenir{kept}."
        if cible < depart:
            aim = f"{said} en {annee}, pour descendre de {self._dire(depart)} à {self._dire(cible)}"
        else:
            aim = f"{said} sur {self._dire(cible)} attendus en {annee}"
        return f"{aim}{ESPACE_INSECABLE}: {self._avance(depart, cible)}{self._delai()}."

    def _avance(self, depart: Decimal, cible: Decimal) -> str:
        chemin = self.chemin or Decimal(0)
        if chemin >= 1:
            return "cible atteinte" if chemin == 1 else "cible dépassée"
        down = cible < depart
        if chemin < 0:
            return (
                "en recul depuis le départ" if down else f"en recul depuis le départ ({self._dire(depart)})"
            )
        percent = (chemin * 100).quantize(Decimal(1), rounding=ROUND_DOWN)
        share = "moins de 1" if chemin > 0 and percent == 0 else nombre(percent)
        since = "" if down or depart == 0 else f" depuis {self._dire(depart)}"
        return f"{share}{ESPACE_INSECABLE}% du chemin{since}"

    def _delai(self) -> str:
        """What the due date of the target adds, when it is past and the target is not reached."""
        due: datetime.date | None = self.indicateur.echeance_cible
        if due is None or due >= timezone.localdate() or self.is_atteinte:
            return ""
        return f"{ESPACE_FINE}; la cible était pour le {date_fr(due)}"

    @property
    def is_atteinte(self) -> bool:
        """Whether the latest measure is at the target or past it, on the side that the baseline says."""
        return self.chemin is not None and self.chemin >= 1

    @cached_property
    def courbe(self) -> Courbe:
        """From the first measured year to the last one, or to the year of the target when it is near."""
        years = [releve.annee for releve in self.releves]
        due: datetime.date | None = self.indicateur.echeance_cible
        if years and due and years[-1] < due.year <= years[-1] + ANNEES_AVANT_CIBLE:
            years.append(due.year)
        annees = range(years[0], years[-1] + 1) if years else range(0)
        values = {releve.annee: releve.valeur for releve in self.releves}
        return Courbe(
            self.indicateur.intitule,
            tuple(annees),
            tuple(values.get(annee) for annee in annees),
            self.depart,
            self.cible,
            self.indicateur.unite,
        )
