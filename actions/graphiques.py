"""Charts of a plan, from the numbers as they are read; the same on the page and on paper."""

from collections.abc import Sequence
from decimal import Decimal

from actions.models import Axe
from actions.models.bord import Cap, Exercice, PartFinanceur, SuiviIndicateur
from actions.models.fiche import Avancement
from actions.models.progression import Progression
from ctg_portal.graphiques import Graphique, Serie, barres_par_annee, barres_par_categorie

FINANCEURS_MAX = 8
"""Bars of the chart; the table has them all."""
AVANCEMENTS = (
    (Avancement.REALISEE, "Réalisées", 0),
    (Avancement.EN_COURS, "En cours", 2),
    (Avancement.EN_PAUSE, "En pause", 3),
    (Avancement.A_VENIR, "À venir", 1),
    (Avancement.ABANDONNEE, "Abandonnées", 5),
)
"""In the order of ``Progression.segments``, each with its pattern."""


def _known(series: Sequence[Serie]) -> list[Serie]:
    return [serie for serie in series if any(valeur is not None for valeur in serie.valeurs)]


def graphique_budget(exercices: Sequence[Exercice]) -> Graphique:
    series = (
        Serie("Coût prévu", tuple(row.prevu for row in exercices), 1),
        Serie("Coût réalisé", tuple(row.realise for row in exercices), 0),
    )
    annees = [row.annee for row in exercices]
    return barres_par_annee("Coût des fiches par année, prévu et réalisé", annees, _known(series))


def graphique_financeurs(parts: Sequence[PartFinanceur]) -> Graphique:
    shown = parts[:FINANCEURS_MAX]
    series = (
        Serie("Demandé", tuple(part.demande for part in shown), 1),
        Serie("Obtenu", tuple(part.obtenu for part in shown), 0),
    )
    return barres_par_categorie(
        "Financements par financeur, demandés et obtenus", [part.nom for part in shown], _known(series)
    )


def graphique_indicateurs(suivis: Sequence[SuiviIndicateur]) -> Graphique:
    caps = [cap for cap in Cap if any(suivi.cap is cap for suivi in suivis)]
    counts = tuple(Decimal(sum(suivi.cap is cap for suivi in suivis)) for cap in caps)
    serie = Serie("Indicateurs", counts)
    return barres_par_categorie(
        "Indicateurs sur leur trajectoire", [cap.value for cap in caps], [serie], unite="indicateurs"
    )


def graphique_axes(axes: Sequence[tuple[Axe, Progression]]) -> Graphique:
    """The fiches of each axe by avancement; what no fiche is in is not drawn."""
    series = [
        Serie(
            nom,
            tuple(Decimal(count) if (count := found.counts.get(code)) else None for _, found in axes),
            motif,
        )
        for code, nom, motif in AVANCEMENTS
    ]
    noms = [str(axe) for axe, _ in axes]
    return barres_par_categorie("Fiches par axe et par avancement", noms, _known(series), unite="fiches")
