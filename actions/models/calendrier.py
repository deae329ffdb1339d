"""The fiches over the years of a convention: where each bar and each step stands, and the same in words."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils import timezone

from actions.models.fiche import Etape, FicheAction
from actions.models.plan import Axe
from conventions.models import Convention

DEBORDE = 1.0
"""Width of the narrowest bar, in percents of the drawing: an action of one day is seen."""


@dataclass(frozen=True)
class Repere:
    """A step on its line: ``x`` in percents as an SVG length; ``etat`` is faite, prevue or retard."""

    etape: Etape
    x: str
    etat: str


@dataclass(frozen=True)
class Barre:
    """A fiche on its line. ``x`` and ``width`` are SVG lengths, « » when it has no date to draw.

    ``is_ouverte``: its end is not known, the bar goes to the end of the convention. ``is_point``: only its end is known.
    """

    fiche: FicheAction
    x: str
    width: str
    is_ouverte: bool
    is_point: bool
    etapes: list[Repere]


@dataclass
class Groupe:
    """The fiches of an axe."""

    axe: Axe
    barres: list[Barre] = field(default_factory=list)


@dataclass(frozen=True)
class Annee:
    annee: int
    x: str
    milieu: str


@dataclass(frozen=True)
class Calendrier:
    """``annees``: each calendar year of the convention with its place. ``aujourd_hui``: where today is, « » outside."""

    annees: list[Annee]
    groupes: list[Groupe]
    sans_dates: list[FicheAction]
    aujourd_hui: str


def draw(fiches: Iterable[FicheAction], convention: Convention) -> Calendrier:
    """``fiches`` come with their axe and their ``etapes``, in the order of the plan; no query."""
    echelle = _Echelle(convention.annees)
    groupes: dict[int, Groupe] = {}
    sans_dates = []
    today = timezone.localdate()
    for fiche in fiches:
        barre = echelle.barre(fiche, today)
        if barre is None:
            sans_dates.append(fiche)
        else:
            groupes.setdefault(fiche.axe_id, Groupe(fiche.axe)).barres.append(barre)
    return Calendrier(
        echelle.annees,
        list(groupes.values()),
        sans_dates,
        echelle.place(today) if echelle.holds(today) else "",
    )


class _Echelle:
    def __init__(self, annees: list[int]) -> None:
        self.debut = datetime.date(annees[0], 1, 1)
        self.fin = datetime.date(annees[-1], 12, 31)
        self.jours = (self.fin - self.debut).days + 1
        self.annees = [
            Annee(
                annee,
                self.place(datetime.date(annee, 1, 1)),
                self.place(datetime.date(annee, 7, 2)),
            )
            for annee in annees
        ]

    def holds(self, day: datetime.date) -> bool:
        return self.debut <= day <= self.fin

    def share(self, day: datetime.date) -> float:
        """Percents from the left, within the drawing."""
        return min(max((day - self.debut).days / self.jours * 100, 0.0), 100.0)

    def place(self, day: datetime.date) -> str:
        return f"{self.share(day):.2f}%"

    def barre(self, fiche: FicheAction, today: datetime.date) -> Barre | None:
        fin = fiche.fin_reelle or fiche.echeance
        etapes = [etape for etape in fiche.etapes.all() if etape.faite_le or etape.echeance]
        reperes = [self.repere(etape, today) for etape in etapes]
        if fiche.debut is None and fin is None:
            return Barre(fiche, "", "", False, False, reperes) if reperes else None
        first = self.share(fiche.debut or fin or self.debut)
        last = self.share((fin or self.fin) + datetime.timedelta(days=1))
        width = max(last - first, DEBORDE)
        first = min(first, 100 - width)
        return Barre(
            fiche,
            f"{first:.2f}%",
            f"{width:.2f}%",
            is_ouverte=fin is None,
            is_point=fiche.debut is None,
            etapes=reperes,
        )

    def repere(self, etape: Etape, today: datetime.date) -> Repere:
        if etape.faite_le:
            return Repere(etape, self.place(etape.faite_le), "faite")
        assert etape.echeance is not None  # noqa: S101 - those without a day are left out above
        return Repere(etape, self.place(etape.echeance), "retard" if etape.echeance < today else "prevue")
