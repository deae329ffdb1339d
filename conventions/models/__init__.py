from conventions.models.convention import (
    TRANSITIONS_CONVENTION,
    Convention,
    Domaine,
    Partenaire,
    Phase,
    Signataire,
)
from conventions.models.financement import Dispositif, Financement
from conventions.models.habilitation import Habilitation, people_of
from conventions.models.impression import Impression
from conventions.models.organisation import Organisation
from conventions.models.reference import Commune, Departement, Territoire
from conventions.models.tableau import Montants, TableauExercice, tableaux_financements

__all__ = [
    "TRANSITIONS_CONVENTION",
    "Commune",
    "Convention",
    "Departement",
    "Dispositif",
    "Domaine",
    "Financement",
    "Habilitation",
    "Impression",
    "Montants",
    "Organisation",
    "Partenaire",
    "Phase",
    "Signataire",
    "TableauExercice",
    "Territoire",
    "people_of",
    "tableaux_financements",
]
