from diagnostics.models.atelier import Atelier, Parole
from diagnostics.models.constat import Constat, Enjeu
from diagnostics.models.diagnostic import TRANSITIONS_DIAGNOSTIC, Diagnostic
from diagnostics.models.indicateur import Correspondance, Indicateur, Valeur
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
    "TRANSITIONS_DIAGNOSTIC",
    "Atelier",
    "Constat",
    "Correspondance",
    "Diagnostic",
    "Enjeu",
    "Indicateur",
    "Parole",
    "Passage",
    "Question",
    "Questionnaire",
    "Reponse",
    "Resultat",
    "Resultats",
    "TropDeReponsesError",
    "Valeur",
    "new_cle",
    "resultats_of",
]
