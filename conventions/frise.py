"""The drawn period of a convention, for ``components/timeline_period.html``: geometry and words."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

from django.utils import timezone

from conventions.models import Convention, Phase
from ctg_portal.templatetags.portal import date_fr, depuis, jours, periode

LARGEUR = 1000
ETATS = {"terminée": "fait", "en cours": "en_cours", "à venir": "prevu", "en retard": "retard"}
# Under this share of the width two year labels would touch.
ECART_ANNEES = 60


class Barre(TypedDict):
    x: float
    w: float
    label: str
    state: str
    dates: str


class Annee(TypedDict):
    x: float
    label: str


class Frise(TypedDict):
    width: int
    years: list[Annee]
    today_x: float | None
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

    def barre(self, debut: datetime.date, fin: datetime.date, *, label: str, state: str, dates: str) -> Barre:
        x = self.x(debut)
        end = self.x(fin + datetime.timedelta(days=1))
        return {"x": x, "w": round(end - x, 1), "label": label, "state": state, "dates": dates}


def frise(convention: Convention, phases: Iterable[Phase], contrats: Iterable[Convention]) -> Frise:
    echelle = Echelle(convention.debut, convention.fin)
    today = timezone.localdate()
    return {
        "width": LARGEUR,
        "years": _years(echelle),
        "today_x": echelle.x(today) if convention.debut <= today <= convention.fin else None,
        "phases": [_phase(echelle, phase, today) for phase in phases],
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


def _years(echelle: Echelle) -> list[Annee]:
    firsts: list[Annee] = [
        {"x": echelle.x(datetime.date(annee, 1, 1)), "label": str(annee)}
        for annee in range(echelle.debut.year + 1, echelle.fin.year + 1)
    ]
    if not firsts or firsts[0]["x"] >= ECART_ANNEES:
        firsts.insert(0, {"x": 0, "label": str(echelle.debut.year)})
    return firsts


def _phase(echelle: Echelle, phase: Phase, today: datetime.date) -> Barre:
    """Drawn where it really happened, else where it is planned; a phase under way reaches its planned end."""
    dates = f"prévue {periode(phase.debut_prevu, phase.fin_prevue)}"
    if phase.debut_reel:
        dates += f" ; réelle {periode(phase.debut_reel, phase.fin_reelle)}"
    debut = phase.debut_reel or phase.debut_prevu
    fin = phase.fin_reelle or max(phase.fin_prevue, debut, today if phase.etat == "en retard" else debut)
    return echelle.barre(debut, fin, label=str(phase), state=ETATS[phase.etat], dates=dates)


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
