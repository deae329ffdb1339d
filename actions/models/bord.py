"""The plan at a glance: what it costs, who pays, and whether its indicators are on their way."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, QuerySet, Sum
from django.db.models.functions import JSONObject
from django.utils import timezone

from actions.models.fiche import Avancement, FicheActionQuerySet
from actions.models.parts import IndicateurSuivi, LigneBudget, LigneFinancement, Mesure
from actions.models.trajectoire import Trajectoire
from ctg_portal.templatetags.portal import euros


@dataclass
class Sommes:
    """Euros; ``None`` where nothing was entered, refused fundings left out.

    What was spent or obtained is counted whatever became of the action; what is planned or asked for is not, once it is
    abandoned. ``*_abandon``: the share of abandoned actions, counted or not.
    """

    prevu: Decimal | None = None
    realise: Decimal | None = None
    demande: Decimal | None = None
    obtenu: Decimal | None = None
    prevu_abandon: Decimal | None = None
    realise_abandon: Decimal | None = None
    demande_abandon: Decimal | None = None
    obtenu_abandon: Decimal | None = None


@dataclass
class Exercice(Sommes):
    """A year of the plan."""

    annee: int = 0


ABANDONNEE = Q(fiche__avancement=Avancement.ABANDONNEE)
COUTS = {
    "prevu": Sum("prevu", filter=~ABANDONNEE),
    "realise": Sum("realise"),
    "prevu_abandon": Sum("prevu", filter=ABANDONNEE),
    "realise_abandon": Sum("realise", filter=ABANDONNEE),
}
"""Sums of lines of budget, by name of ``Sommes``."""
FINANCEMENTS = {
    "demande": Sum("demande", filter=~ABANDONNEE),
    "obtenu": Sum("obtenu"),
    "demande_abandon": Sum("demande", filter=ABANDONNEE),
    "obtenu_abandon": Sum("obtenu", filter=ABANDONNEE),
}
"""The same of lines of financement."""


def summed(rows: QuerySet[Any], sums: Mapping[str, Any], *by: str) -> QuerySet[Any, dict[str, Any]]:
    """``sums`` of the lines ``rows``, one row for each value of ``by``."""
    return rows.order_by().values(*by).annotate(**{f"somme_{name}": found for name, found in sums.items()})


def said_of_abandoned(sommes: Iterable[Sommes]) -> str:
    """What the sums hold of abandoned actions, and what they leave out, in sentences; « » without any."""
    rows = list(sommes)

    def of(name: str, mot: str) -> str:
        total = sum((getattr(row, name) or Decimal(0) for row in rows), Decimal(0))
        return f"{euros(total)} {mot}" if total else ""

    counted = [of("realise_abandon", "de coût réalisé"), of("obtenu_abandon", "de financement obtenu")]
    left = [of("prevu_abandon", "de coût prévu"), of("demande_abandon", "de financement demandé")]
    said = []
    if any(counted):
        said.append(f"Dont actions abandonnées\u00a0: {' et '.join(filter(None, counted))}.")
    if any(left):
        said.append(f"Non comptés, pour des actions abandonnées\u00a0: {' et '.join(filter(None, left))}.")
    return " ".join(said)


@dataclass(frozen=True)
class PartFinanceur:
    """Euros of a financeur, as in ``Sommes``."""

    nom: str
    demande: Decimal | None = None
    obtenu: Decimal | None = None


def budget_by_year(fiches: FicheActionQuerySet, annees: Iterable[int] = ()) -> list[Exercice]:
    """Costs and fundings of each year that has some, and of ``annees`` all the same; two queries."""
    return money_of(fiches, annees)[0]


def money_of(
    fiches: FicheActionQuerySet, annees: Iterable[int] = ()
) -> tuple[list[Exercice], list[PartFinanceur]]:
    """The years of ``budget_by_year``, and who is asked and who gives, the largest first; two queries."""
    ids = fiches.order_by().values("pk")
    years: dict[int, dict[str, Decimal | None]] = {annee: {} for annee in annees}
    for row in summed(LigneBudget.objects.filter(fiche__in=ids), COUTS, "annee"):
        years.setdefault(row["annee"], {}).update({name: row[f"somme_{name}"] for name in COUTS})
    granted = LigneFinancement.objects.filter(fiche__in=ids).exclude(etat=LigneFinancement.Etat.REFUSE)
    fundings = summed(granted, FINANCEMENTS, "annee", "financeur", "financeur__nom")
    parts: dict[int, PartFinanceur] = {}
    for funding in fundings:
        year = years.setdefault(funding["annee"], {})
        for name in FINANCEMENTS:
            year[name] = _plus(year.get(name), funding[f"somme_{name}"])
        part = parts.get(funding["financeur"], PartFinanceur(funding["financeur__nom"]))
        parts[funding["financeur"]] = PartFinanceur(
            part.nom,
            _plus(part.demande, funding["somme_demande"]),
            _plus(part.obtenu, funding["somme_obtenu"]),
        )
    return (
        [Exercice(annee=annee, **years[annee]) for annee in sorted(years)],
        sorted(parts.values(), key=lambda part: (-(part.demande or part.obtenu or 0), part.nom)),
    )


def _plus(amount: Decimal | None, other: Decimal | None) -> Decimal | None:
    """``None`` is nothing known, which adds nothing."""
    if amount is None or other is None:
        return other if amount is None else amount
    return amount + other


def total_budget(exercices: Iterable[Exercice]) -> dict[str, Decimal | None]:
    """All the years together, by name of the amount."""
    found: dict[str, Decimal | None] = {}
    rows = list(exercices)
    for name in ("prevu", "realise", "demande", "obtenu"):
        known = [value for row in rows if (value := getattr(row, name)) is not None]
        found[name] = sum(known, Decimal(0)) if known else None
    return found


class Cap(Enum):
    """Where an indicator stands against the time that has passed."""

    ATTEINTE = "Cible atteinte"
    EN_BONNE_VOIE = "En bonne voie"
    EN_DESSOUS = "En dessous de la trajectoire"
    SANS_MESURE = "Pas encore mesuré"
    SANS_CIBLE = "Sans départ ni cible chiffrés"


@dataclass(frozen=True)
class SuiviIndicateur:
    trajectoire: Trajectoire
    cap: Cap


def heading(trajectoire: Trajectoire, fin: datetime.date) -> Cap:
    """Compare the share of the way with the share of the time, at the end of the year of the last measure.

    The time runs from the date of the baseline (else the start of the action) to the date of the target (else ``fin``).
    """
    indicateur = trajectoire.indicateur
    if trajectoire.dernier is None:
        return Cap.SANS_MESURE
    if trajectoire.chemin is None:
        kept = trajectoire.cible is not None and trajectoire.dernier.valeur == trajectoire.cible
        return Cap.ATTEINTE if kept else Cap.SANS_CIBLE
    if trajectoire.chemin >= 1:
        return Cap.ATTEINTE
    start = indicateur.date_initiale or indicateur.fiche.debut or indicateur.fiche.plan.convention.debut
    end = max(indicateur.echeance_cible or fin, start + datetime.timedelta(days=1))
    measured = min(datetime.date(trajectoire.dernier.annee, 12, 31), timezone.localdate())
    elapsed = Decimal(max((measured - start).days, 0)) / Decimal((end - start).days)
    return Cap.EN_BONNE_VOIE if trajectoire.chemin >= min(elapsed, Decimal(1)) else Cap.EN_DESSOUS


def indicators_on_track(fiches: FicheActionQuerySet, fin: datetime.date) -> list[SuiviIndicateur]:
    """The indicators of actions that are not abandoned, those that need a look first; one query."""
    row = JSONObject(**{name: name for name in ("annee", "valeur", "commentaire", "source")})
    mesures = Mesure.objects.filter(indicateur=OuterRef("pk")).order_by("annee").values(row=row)
    rows = (
        IndicateurSuivi.objects.filter(
            fiche__in=fiches.exclude(avancement=Avancement.ABANDONNEE).order_by().values("pk")
        )
        .select_related("fiche__plan__convention")
        .annotate(rows_mesures=ArraySubquery(mesures))
        .order_by("fiche__axe__ordre", "fiche__ordre", "fiche", "ordre", "pk")
    )
    found = [
        SuiviIndicateur(trajectoire, heading(trajectoire, fin)) for trajectoire in map(Trajectoire.of, rows)
    ]
    urgence = (Cap.EN_DESSOUS, Cap.SANS_MESURE, Cap.EN_BONNE_VOIE, Cap.ATTEINTE, Cap.SANS_CIBLE)
    return sorted(found, key=lambda suivi: urgence.index(suivi.cap))
