"""Charts of a portrait, and of what a questionnaire says: the lines of their tables, drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ctg_portal.graphiques import Graphique, Serie, barres_par_annee, barres_par_categorie
from diagnostics.models import Resultat, Resultats
from diagnostics.models.portrait import Chiffre, LignePortrait, ThemePortrait
from diagnostics.models.resultats import Ligne

COURBES = 2
"""Evolutions drawn in a theme; the others are read in the table."""
UNITE = "fois"


@dataclass(frozen=True)
class GraphiqueSource:
    graphique: Graphique
    source: str


def _is_drawable(chiffres: Iterable[Chiffre]) -> bool:
    """At least two figures that bars can show; a rate of change may be negative, and is read in the table."""
    known = [chiffre.valeur for chiffre in chiffres if chiffre.valeur is not None]
    return len(known) > 1 and min(known) >= 0


def _titre(ligne: LignePortrait, suite: str) -> str:
    unite = f" ({ligne.indicateur.unite})" if ligne.indicateur.unite else ""
    return f"{ligne.indicateur}{unite}, {suite}"


def _sources(chiffres: Iterable[Chiffre]) -> str:
    return "\u202f; ".join(dict.fromkeys(f"{chiffre.source}, {chiffre.annee}" for chiffre in chiffres))


def graphique_comparaison(ligne: LignePortrait, nom: str) -> GraphiqueSource | None:
    """The territoire beside the others, for a rate or a median: counts of places of such sizes compare nothing."""
    if ligne.chiffre is None or ligne.indicateur.is_sommable:
        return None
    places = [(nom, ligne.chiffre), *ligne.comparaisons]
    if not _is_drawable(chiffre for _, chiffre in places):
        return None
    serie = Serie(str(ligne.indicateur), tuple(chiffre.valeur for _, chiffre in places))
    graphique = barres_par_categorie(
        _titre(ligne, str(ligne.chiffre.annee)),
        [nom for nom, _ in places],
        [serie],
        unite=ligne.indicateur.unite or " ",
        decimales=ligne.indicateur.decimales,
    )
    return GraphiqueSource(graphique, _sources(chiffre for _, chiffre in places))


def graphique_evolution(ligne: LignePortrait) -> GraphiqueSource | None:
    """The years that have a figure; a sum that lacks communes would draw a fall that never was."""
    chiffres = [chiffre for chiffre in ligne.evolution if chiffre.is_complet]
    if not _is_drawable(chiffres):
        return None
    graphique = barres_par_annee(
        _titre(ligne, f"de {chiffres[0].annee} à {chiffres[-1].annee}"),
        [chiffre.annee for chiffre in chiffres],
        [Serie(str(ligne.indicateur), tuple(chiffre.valeur for chiffre in chiffres))],
        unite=ligne.indicateur.unite or " ",
        decimales=ligne.indicateur.decimales,
    )
    return GraphiqueSource(graphique, chiffres[0].source)


def graphiques_theme(theme: ThemePortrait, nom: str) -> list[GraphiqueSource]:
    """Every comparison that means something, then the first evolutions."""
    comparisons = [graphique_comparaison(ligne, nom) for ligne in theme.lignes]
    evolutions = [found for ligne in theme.lignes if (found := graphique_evolution(ligne))]
    return [*(found for found in comparisons if found), *evolutions[:COURBES]]


def _graphique(titre: str, lignes: list[Ligne]) -> Graphique:
    serie = Serie("Réponses", tuple(Decimal(ligne.nombre) for ligne in lignes))
    return barres_par_categorie(titre, [ligne.label for ligne in lignes], [serie], unite=UNITE)


def graphique_resultat(resultat: Resultat) -> Graphique:
    return _graphique(f"{resultat.question.intitule} Nombre de réponses", resultat.lignes)


def graphique_jours(resultats: Resultats) -> Graphique:
    quand = "semaine" if resultats.par_semaine else "jour"
    return _graphique(f"Réponses reçues, par {quand}", resultats.jours)
