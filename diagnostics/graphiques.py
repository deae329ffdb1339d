"""Charts of what a questionnaire says."""

from decimal import Decimal

from ctg_portal.graphiques import Graphique, Serie, barres_par_categorie
from diagnostics.models import Resultat, Resultats
from diagnostics.models.resultats import Ligne

UNITE = "fois"


def _graphique(titre: str, lignes: list[Ligne]) -> Graphique:
    serie = Serie("Réponses", tuple(Decimal(ligne.nombre) for ligne in lignes))
    return barres_par_categorie(titre, [ligne.label for ligne in lignes], [serie], unite=UNITE)


def graphique_resultat(resultat: Resultat) -> Graphique:
    return _graphique(f"{resultat.question.intitule} Nombre de réponses", resultat.lignes)


def graphique_jours(resultats: Resultats) -> Graphique:
    quand = "semaine" if resultats.par_semaine else "jour"
    return _graphique(f"Réponses reçues, par {quand}", resultats.jours)
