"""The plan at a glance: what it costs, who pays, and whether its indicators are on their way."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Sum
from django.db.models.functions import JSONObject
from django.utils import timezone

from actions.models.fiche import Avancement, FicheActionQuerySet
from actions.models.parts import IndicateurSuivi, LigneBudget, LigneFinancement, Mesure
from actions.models.trajectoire import Trajectoire


@dataclass(frozen=True)
class Exercice:
    """A year of the plan, in euros; ``None`` where nothing was entered, refused fundings left out."""

    annee: int
    prevu: Decimal | None = None
    realise: Decimal | None = None
    demande: Decimal | None = None
    obtenu: Decimal | None = None


@dataclass(frozen=True)
class PartFinanceur:
    """Euros of a financeur; ``None`` where nothing was entered."""

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
    costs = LigneBudget.objects.filter(fiche__in=ids).order_by().values("annee")
    for row in costs.annotate(p=Sum("prevu"), r=Sum("realise")):
        years.setdefault(row["annee"], {}).update(prevu=row["p"], realise=row["r"])
    fundings = (
        LigneFinancement.objects.filter(fiche__in=ids)
        .exclude(etat=LigneFinancement.Etat.REFUSE)
        .order_by()
        .values("annee", "financeur", "financeur__nom")
        .annotate(d=Sum("demande"), o=Sum("obtenu"))
    )
    parts: dict[int, PartFinanceur] = {}
    for funding in fundings:
        year = years.setdefault(funding["annee"], {})
        year["demande"] = _plus(year.get("demande"), funding["d"])
        year["obtenu"] = _plus(year.get("obtenu"), funding["o"])
        part = parts.get(funding["financeur"], PartFinanceur(funding["financeur__nom"]))
        parts[funding["financeur"]] = PartFinanceur(
            part.nom, _plus(part.demande, funding["d"]), _plus(part.obtenu, funding["o"])
        )
    return (
        [Exercice(annee, **years[annee]) for annee in sorted(years)],
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
