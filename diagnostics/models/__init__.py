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
from diagnostics.models.questionnaire import Passage, Question, Questionnaire, Reponse

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
    "TableauCommunes",
    "Valeur",
    "portrait",
    "somme",
    "tableau_communes",
]
