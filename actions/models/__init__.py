from actions.models.arbre import BrancheAxe, BrancheObjectif, plan_tree
from actions.models.brouillon import Brouillon, fits_in_draft
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
from actions.models.lecture import for_screen
from actions.models.liens import LienFiche
from actions.models.modeles import ModeleFiche
from actions.models.parts import (
    Bilan,
    Commentaire,
    Imputation,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from actions.models.pieces import PieceJointe
from actions.models.plan import TRANSITIONS_PLAN, Axe, Objectif, PlanActions

__all__ = [
    "AVANCEMENT_TRANSITIONS",
    "REDACTION_TRANSITIONS",
    "SECTIONS",
    "TRANSITIONS_PLAN",
    "Axe",
    "Bilan",
    "Brouillon",
    "BrancheAxe",
    "BrancheObjectif",
    "Commentaire",
    "Etape",
    "FicheAction",
    "Imputation",
    "IndicateurSuivi",
    "LigneBudget",
    "LigneFinancement",
    "LienFiche",
    "Mesure",
    "ModeleFiche",
    "Note",
    "Objectif",
    "PartenaireFiche",
    "PieceJointe",
    "Pilote",
    "PlanActions",
    "Public",
    "Transition",
    "fits_in_draft",
    "for_screen",
    "plan_tree",
]
