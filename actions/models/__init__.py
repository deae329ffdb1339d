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
from actions.models.lettre import AbonnementCourriel, Lettre, Routine
from actions.models.notification import Genre, Notification, ReglageNotification
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
from actions.models.pilotage import RattachementPilote
from actions.models.plan import TRANSITIONS_PLAN, Axe, Objectif, PlanActions

__all__ = [
    "AVANCEMENT_TRANSITIONS",
    "REDACTION_TRANSITIONS",
    "SECTIONS",
    "TRANSITIONS_PLAN",
    "AbonnementCourriel",
    "Axe",
    "Bilan",
    "Brouillon",
    "BrancheAxe",
    "BrancheObjectif",
    "Commentaire",
    "Etape",
    "FicheAction",
    "Genre",
    "Imputation",
    "IndicateurSuivi",
    "Lettre",
    "LigneBudget",
    "LigneFinancement",
    "Mesure",
    "Note",
    "Notification",
    "Objectif",
    "PartenaireFiche",
    "Pilote",
    "PlanActions",
    "Public",
    "RattachementPilote",
    "ReglageNotification",
    "Routine",
    "Transition",
    "fits_in_draft",
    "for_screen",
    "plan_tree",
]
