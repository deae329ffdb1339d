from actions.models.arbre import BrancheAxe, BrancheObjectif, plan_tree
from actions.models.avis import Avis, Reserve, SuiteReserve
from actions.models.brouillon import Brouillon
from actions.models.changement_groupe import ChangementGroupe, LigneChangement
from actions.models.commentaire import Commentaire, Mention, SuiteCommentaire, mentionable
from actions.models.complements import (
    Complements,
    SectionDemandee,
    complements_of,
    complete_section,
    complete_sections,
    open_section,
)
from actions.models.envoi import CorrespondancePlan, EnvoiPlan
from actions.models.etats import AVANCEMENT_TRANSITIONS, REDACTION_TRANSITIONS
from actions.models.fiche import (
    Etape,
    FicheAction,
    Pilote,
    Public,
    Transition,
)
from actions.models.lecture import for_screen
from actions.models.lettre import AbonnementCourriel, Lettre, Routine
from actions.models.liens import LienFiche
from actions.models.modeles import ModeleFiche
from actions.models.notification import Genre, Notification, ReglageNotification
from actions.models.parts import (
    Bilan,
    Imputation,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    PartenaireFiche,
)
from actions.models.pieces import PieceJointe
from actions.models.pilotage import RattachementPilote
from actions.models.plan import TRANSITIONS_PLAN, Axe, Objectif, PlanActions
from actions.models.sections import SECTIONS
from actions.models.suivis import LIENS, LIGNES
from actions.models.vues import ColonnesTableau, VueEnregistree

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
    "CorrespondancePlan",
    "EnvoiPlan",
    "BrancheObjectif",
    "ColonnesTableau",
    "Commentaire",
    "Etape",
    "FicheAction",
    "Genre",
    "Imputation",
    "IndicateurSuivi",
    "LIENS",
    "LIGNES",
    "Lettre",
    "LigneBudget",
    "LigneFinancement",
    "LienFiche",
    "LigneChangement",
    "ChangementGroupe",
    "Mesure",
    "ModeleFiche",
    "Note",
    "Notification",
    "Objectif",
    "PartenaireFiche",
    "PieceJointe",
    "Pilote",
    "PlanActions",
    "Public",
    "RattachementPilote",
    "ReglageNotification",
    "Routine",
    "Transition",
    "VueEnregistree",
    "for_screen",
    "plan_tree",
    "Avis",
    "Reserve",
    "SuiteReserve",
    "Mention",
    "SuiteCommentaire",
    "mentionable",
    "Complements",
    "SectionDemandee",
    "complements_of",
    "complete_section",
    "complete_sections",
    "open_section",
]
