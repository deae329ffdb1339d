"""The drawn time of a convention, for ``components/timeline_period.html``: geometry and words.

``frise`` draws the legal period alone; ``Calendrier`` goes from the convention before to the one after, and gives the
same lines to the drawing and to the table.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, NotRequired, TypedDict

from django.utils import timezone
from django.utils.functional import cached_property

from conventions.models import Convention, Phase
from ctg_portal.templatetags.portal import date_fr, depuis, jours, periode

LARGEUR = 1000
ETATS = {"terminée": "fait", "en cours": "en_cours", "à venir": "prevu", "en retard": "retard"}
# Under this share of the width two year labels would touch.
ECART_ANNEES = 60
ANNEES_ECRITES = 7
"""Year labels that a phone has room for; beyond, only one in two, in three… is written."""

Dates = tuple[datetime.date, datetime.date]


class Point(TypedDict):
    x: float
    state: str


class Barre(TypedDict):
    x: float
    w: float
    label: str
    state: str
    dates: str
    prevu: NotRequired[dict[str, float]]
    points: NotRequired[list[Point]]


class Annee(TypedDict):
    x: float
    label: str


class Frise(TypedDict):
    width: int
    years: list[Annee]
    today_x: float | None
    socle: dict[str, float]
    phases: list[Barre]
    bars: list[Barre]


@dataclass(frozen=True)
class Echelle:
    """Days of a period on ``LARGEUR`` units; what overflows is cut at its edges."""

    debut: datetime.date
    fin: datetime.date

    def x(self, day: datetime.date) -> float:
        total = (self.fin - self.debut).days + 1
        return round(min(max((day - self.debut).days / total, 0), 1) * LARGEUR, 1)

    def segment(self, debut: datetime.date, fin: datetime.date) -> dict[str, float]:
        x = self.x(debut)
        return {"x": x, "w": round(self.x(fin + datetime.timedelta(days=1)) - x, 1)}

    def barre(self, debut: datetime.date, fin: datetime.date, *, label: str, state: str, dates: str) -> Barre:
        place = self.segment(debut, fin)
        return {"x": place["x"], "w": place["w"], "label": label, "state": state, "dates": dates}

    def today_x(self) -> float | None:
        today = timezone.localdate()
        return self.x(today) if self.debut <= today <= self.fin else None

    def socle(self, convention: Convention) -> dict[str, float]:
        """The legal period, and how much of it is gone by."""
        passe = min(max(self.x(timezone.localdate()), self.x(convention.debut)), self.x(convention.fin))
        place = self.segment(convention.debut, convention.fin)
        gone = place["w"] if convention.is_terminee else round(passe - place["x"], 1)
        return place | {"passe": gone}

    def years(self) -> list[Annee]:
        firsts: list[Annee] = [
            {"x": self.x(datetime.date(annee, 1, 1)), "label": str(annee)}
            for annee in range(self.debut.year + 1, self.fin.year + 1)
        ]
        if not firsts or firsts[0]["x"] >= ECART_ANNEES:
            firsts.insert(0, {"x": 0, "label": str(self.debut.year)})
        step = ceil(len(firsts) / ANNEES_ECRITES)
        return [
            {"x": year["x"], "label": year["label"] if index % step == 0 else ""}
            for index, year in enumerate(firsts)
        ]


def frise(convention: Convention, phases: Iterable[Phase], contrats: Iterable[Convention]) -> Frise:
    echelle = Echelle(convention.debut, convention.fin)
    return {
        "width": LARGEUR,
        "years": echelle.years(),
        "today_x": echelle.today_x(),
        "socle": echelle.socle(convention),
        "phases": [_phase(echelle, phase) for phase in phases],
        "bars": [
            echelle.barre(
                contrat.debut,
                contrat.fin,
                label=f"{contrat.sigle} {contrat.periode}",
                state="lien",
                dates=periode(contrat.debut, contrat.fin),
            )
            for contrat in contrats
        ],
    }


def _drawn(phase: Phase) -> Dates:
    """Where a phase is drawn: where it really happened, else where it is planned; under way, it reaches its planned end."""
    today = timezone.localdate()
    debut = phase.debut_reel or phase.debut_prevu
    fin = phase.fin_reelle or max(phase.fin_prevue, debut, today if phase.etat == "en retard" else debut)
    return debut, fin


def _phase(echelle: Echelle, phase: Phase) -> Barre:
    dates = f"prévue {periode(phase.debut_prevu, phase.fin_prevue)}"
    if phase.debut_reel:
        dates += f" ; réelle {periode(phase.debut_reel, phase.fin_reelle)}"
    return echelle.barre(*_drawn(phase), label=str(phase), state=ETATS[phase.etat], dates=dates)


@dataclass(frozen=True)
class Ligne:
    """One line, of the table and of the drawing: planned days, real days, and what it is now, in words.

    ``reel`` has no end while it lasts. ``drawn`` is where the solid bar goes; a meeting is a point.
    """

    libelle: str
    etat: str
    state: str
    drawn: Dates
    prevu: Dates | None = None
    reel: tuple[datetime.date, datetime.date | None] | None = None
    url: str = ""

    @property
    def prevu_mots(self) -> str:
        return periode(*self.prevu) if self.prevu else ""

    @property
    def reel_mots(self) -> str:
        return periode(*self.reel) if self.reel else ""

    @property
    def dates(self) -> str:
        prevu = f"prévu {self.prevu_mots}" if self.prevu else ""
        reel = f"réel {self.reel_mots}" if self.reel else ""
        return " ; ".join(part for part in (prevu, reel) if part)


@dataclass(frozen=True)
class Groupe:
    """Lines of one kind. A group of meetings (``is_points``) is one line of the drawing."""

    titre: str
    lignes: list[Ligne]
    ancre: str = ""
    is_points: bool = False


@dataclass
class Calendrier:
    """All that has a date around a convention. ``liens`` as ``Convention.liens()``; ``instances`` with their meetings."""

    convention: Convention
    phases: list[Phase]
    liens: list[tuple[str, Convention]]
    instances: list[Any]
    groupes: list[Groupe] = field(init=False)

    def __post_init__(self) -> None:
        groupes = [
            Groupe("La convention", self._own()),
            Groupe("Phases", [_ligne_phase(phase) for phase in self.phases], "phases"),
            Groupe("Contrats, avant et après", [_ligne_lien(mot, lie) for mot, lie in self.liens]),
            *(
                Groupe(str(instance), _lignes_reunions(instance), is_points=True)
                for instance in self.instances
            ),
        ]
        self.groupes = [groupe for groupe in groupes if groupe.lignes]

    def _own(self) -> list[Ligne]:
        convention = self.convention
        etat = convention.get_statut_display().lower()
        state = "fait" if convention.is_terminee or convention.is_fermee else "en_cours"
        period = (convention.debut, convention.fin)
        lignes = [Ligne(f"{convention.sigle} {convention.periode}", etat, state, period, period)]
        if convention.horizon_projet:
            horizon = (convention.debut, convention.horizon_projet)
            lignes.append(Ligne("Projet social de territoire", "horizon", "lien", horizon, horizon))
        return lignes

    @cached_property
    def echelle(self) -> Echelle:
        """Wide enough for every line: a phase before the legal start, a meeting after the end."""
        days = [day for groupe in self.groupes for ligne in groupe.lignes for day in ligne.drawn]
        days += [
            day for groupe in self.groupes for ligne in groupe.lignes if ligne.prevu for day in ligne.prevu
        ]
        return Echelle(min(days), max(days))

    @property
    def frise(self) -> Frise:
        echelle = self.echelle
        lignes = [self._barre(ligne) for g in self.groupes if not g.is_points for ligne in g.lignes]
        points = [self._points(groupe) for groupe in self.groupes if groupe.is_points]
        return {
            "width": LARGEUR,
            "years": echelle.years(),
            "today_x": echelle.today_x(),
            "socle": echelle.socle(self.convention),
            # The convention itself is the first bar of the drawing, with its legend: it takes no line of its own.
            "phases": lignes[1:],
            "bars": points,
        }

    def _barre(self, ligne: Ligne) -> Barre:
        barre = self.echelle.barre(*ligne.drawn, label=ligne.libelle, state=ligne.state, dates=ligne.dates)
        if ligne.prevu and (ligne.reel or ligne.drawn != ligne.prevu):
            barre["prevu"] = self.echelle.segment(*ligne.prevu)
        return barre

    def _points(self, groupe: Groupe) -> Barre:
        nombre = len(groupe.lignes)
        barre = self.echelle.barre(
            min(ligne.drawn[0] for ligne in groupe.lignes),
            max(ligne.drawn[1] for ligne in groupe.lignes),
            label=f"{groupe.titre}\u00a0: {nombre} réunion{'s' if nombre > 1 else ''}",
            state="lien",
            dates="",
        )
        barre["points"] = [
            {"x": self.echelle.x(ligne.drawn[0]), "state": ligne.state} for ligne in groupe.lignes
        ]
        return barre


def _ligne_phase(phase: Phase) -> Ligne:
    return Ligne(
        str(phase),
        phase.etat,
        ETATS[phase.etat],
        _drawn(phase),
        (phase.debut_prevu, phase.fin_prevue),
        (phase.debut_reel, phase.fin_reelle) if phase.debut_reel else None,
    )


def _ligne_lien(mot: str, lie: Convention) -> Ligne:
    """A contract to which its reader has no right is named, not opened (``with_opening``)."""
    period = (lie.debut, lie.fin)
    url = lie.get_absolute_url() if getattr(lie, "est_ouverte", False) else ""
    return Ligne(
        f"{lie.sigle} {lie.periode}",
        f"{mot}, {lie.get_statut_display().lower()}",
        "lien",
        period,
        period,
        url=url,
    )


def _lignes_reunions(instance: Any) -> list[Ligne]:
    """Meetings of an instance by date; they are planned until they are held."""
    lignes = []
    for reunion in sorted(instance.reunions.all(), key=lambda reunion: reunion.debut):
        jour = (reunion.jour, reunion.jour)
        tenue, annulee = reunion.is_tenue, reunion.statut == "annulee"
        lignes.append(
            Ligne(
                str(instance),
                reunion.get_statut_display().lower(),
                "tenue" if tenue else "annulee" if annulee else "a_tenir",
                jour,
                None if tenue else jour,
                jour if tenue else None,
                reunion.get_absolute_url(),
            )
        )
    return lignes


def situation(convention: Convention) -> str:
    """Where today is in the period, in one sentence."""
    if not convention.is_commencee:
        return f"Commence {depuis(convention.debut)}, le {date_fr(convention.debut)}."
    if convention.is_terminee:
        return f"Terminée {depuis(convention.fin)}, le {date_fr(convention.fin)}."
    annee = f"Année {convention.annee_courante} sur {convention.nombre_annees}"
    if convention.jours_restants == 0:
        return f"{annee}, dernier jour."
    restent = "reste" if convention.jours_restants == 1 else "restent"
    return f"{annee}\u00a0: {restent} {jours(convention.jours_restants)}, jusqu’au {date_fr(convention.fin)}."
