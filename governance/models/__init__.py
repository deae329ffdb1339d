from governance.models.agenda import FluxAgenda
from governance.models.decision import Decision, EffetDecision
from governance.models.document import DocumentEmis
from governance.models.dossier import AnnexeEmise, SommaireDossier
from governance.models.instance import Instance, MembreInstance
from governance.models.lien import LienPublic
from governance.models.pieces import PieceReunion
from governance.models.preparation import ModeleOrdreDuJour, PointModele, SujetEnAttente
from governance.models.reunion import TRANSITIONS_REUNION, PointOrdreDuJour, Reunion

__all__ = [
    "TRANSITIONS_REUNION",
    "AnnexeEmise",
    "Decision",
    "DocumentEmis",
    "EffetDecision",
    "FluxAgenda",
    "Instance",
    "LienPublic",
    "MembreInstance",
    "ModeleOrdreDuJour",
    "PieceReunion",
    "PointModele",
    "PointOrdreDuJour",
    "Reunion",
    "SommaireDossier",
    "SujetEnAttente",
]
