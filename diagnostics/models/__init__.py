from diagnostics.models.atelier import Atelier, Parole
from diagnostics.models.constat import Constat, Enjeu
from diagnostics.models.diagnostic import TRANSITIONS_DIAGNOSTIC, Diagnostic
from diagnostics.models.indicateur import Correspondance, Indicateur, Valeur
from diagnostics.models.portrait import (
    FRANCE,
    NonSommableError,
    Portrait,
    TableauCommunes,
    portrait,
    somme,
    tableau_communes,
)
from diagnostics.models.questionnaire import (
    Passage,
    Question,
    Questionnaire,
    Reponse,
    TropDeReponsesError,
    new_cle,
)
from diagnostics.models.resultats import Resultat, Resultats, resultats_of

__all__ = [
    "FRANCE",
    "TRANSITIONS_DIAGNOSTIC",
    "Atelier",
    "Constat",
    "Correspondance",
    "Diagnostic",
    "Enjeu",
    "Indicateur",
    "NonSommableError",
    "Parole",
    "Passage",
    "Portrait",
    "Question",
    "Questionnaire",
    "Reponse",
    "Resultat",
    "Resultats",
    "TableauCommunes",
    "TropDeReponsesError",
    "Valeur",
    "new_cle",
    "portrait",
    "resultats_of",
    "somme",
    "tableau_communes",
]
