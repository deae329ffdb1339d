from conventions.models.article import ArticleConvention
from conventions.models.avenant import TRANSITIONS_AVENANT, Avenant
from conventions.models.convention import (
    TRANSITIONS_CONVENTION,
    Convention,
    Domaine,
    Partenaire,
    Phase,
    Signataire,
)
from conventions.models.document import Document
from conventions.models.equipement import Equipement, TypeEquipement
from conventions.models.fichiers import FichierAConfirmer
from conventions.models.financement import Dispositif, Financement, Montants
from conventions.models.fusion import FusionOrganisation
from conventions.models.habilitation import Habilitation, people_of
from conventions.models.importation import Importation
from conventions.models.impression import Impression
from conventions.models.mandat import Mandat
from conventions.models.offre import OffreFamille, OffreType, offre_services
from conventions.models.organisation import Organisation
from conventions.models.reference import Commune, Departement, Territoire
from conventions.models.tableau import (
    TableauExercice,
    montants_total,
    par_beneficiaire,
    par_groupe,
    tableaux_financements,
)

__all__ = [
    "ArticleConvention",
    "Avenant",
    "TRANSITIONS_AVENANT",
    "Document",
    "Equipement",
    "TypeEquipement",
    "FusionOrganisation",
    "FichierAConfirmer",
    "Importation",
    "Mandat",
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
    "OffreFamille",
    "OffreType",
    "Organisation",
    "Partenaire",
    "Phase",
    "Signataire",
    "TableauExercice",
    "Territoire",
    "offre_services",
    "montants_total",
    "par_beneficiaire",
    "par_groupe",
    "people_of",
    "tableaux_financements",
]
