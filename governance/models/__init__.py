from governance.models.agenda import FluxAgenda
from governance.models.compte_rendu import (
    CompteRendu,
    PartieCompteRendu,
    Reouverture,
    SuiteDecision,
    VisaCompteRendu,
)
from governance.models.decision import Decision, EffetDecision
from governance.models.document import DocumentEmis
from governance.models.dossier import AnnexeEmise, SommaireDossier
from governance.models.envoi import Destinataire, Envoi
from governance.models.instance import Instance, MembreInstance
from governance.models.lien import LienPublic
from governance.models.pieces import PieceReunion
from governance.models.preparation import ModeleOrdreDuJour, PointModele, SujetEnAttente
from governance.models.presence import Presence
from governance.models.reunion import TRANSITIONS_REUNION, PointOrdreDuJour, Reunion

__all__ = [
    "CompteRendu",
    "PartieCompteRendu",
    "Reouverture",
    "SuiteDecision",
    "VisaCompteRendu",
    "TRANSITIONS_REUNION",
    "AnnexeEmise",
    "Decision",
    "Destinataire",
    "DocumentEmis",
    "EffetDecision",
    "Envoi",
    "FluxAgenda",
    "Instance",
    "LienPublic",
    "MembreInstance",
    "ModeleOrdreDuJour",
    "PieceReunion",
    "PointModele",
    "PointOrdreDuJour",
    "Presence",
    "Reunion",
    "SommaireDossier",
    "SujetEnAttente",
]
