from actions.models.fiche import (
    AVANCEMENT_TRANSITIONS,
    REDACTION_TRANSITIONS,
    SECTIONS,
    Etape,
    FicheAction,
    Pilote,
    Public,
    Transition,
)
from actions.models.parts import (
    Bilan,
    Commentaire,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from actions.models.plan import Axe, Objectif, PlanActions

__all__ = [
    "AVANCEMENT_TRANSITIONS",
    "REDACTION_TRANSITIONS",
    "SECTIONS",
    "Axe",
    "Bilan",
    "Commentaire",
    "Etape",
    "FicheAction",
    "IndicateurSuivi",
    "LigneBudget",
    "LigneFinancement",
    "Mesure",
    "Note",
    "Objectif",
    "PartenaireFiche",
    "Pilote",
    "PlanActions",
    "Public",
    "Transition",
]
