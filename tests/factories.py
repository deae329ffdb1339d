"""Fixed values, so that a failing test reads well. Dates are far enough to last, or computed from today."""

import datetime
import hashlib
import io
from importlib import import_module

import factory
import pikepdf
from django.apps import apps
from django.utils import timezone
from factory.django import DjangoModelFactory

from actions.models import (
    Axe,
    Etape,
    FicheAction,
    IndicateurSuivi,
    Objectif,
    PieceJointe,
    Pilote,
    PlanActions,
    Public,
)
from conventions.models import (
    Avenant,
    Commune,
    Convention,
    Departement,
    Dispositif,
    Document,
    Domaine,
    Equipement,
    Financement,
    Habilitation,
    Mandat,
    Organisation,
    Signataire,
    Territoire,
    TypeEquipement,
)
from ctg_portal.models import User
from diagnostics.models import (
    Atelier,
    Constat,
    Diagnostic,
    Enjeu,
    Indicateur,
    Parole,
    Question,
    Questionnaire,
    Valeur,
)
from governance.models import (
    Decision,
    Instance,
    MembreInstance,
    PieceReunion,
    PointOrdreDuJour,
    Presence,
    Reunion,
    SujetEnAttente,
)

PASSWORD = "mot-de-passe-de-test"


def siren(n):
    """A valid SIREN from a number under 10^8."""
    base = f"{n:08d}"
    total = 0
    for position, digit in enumerate(reversed(base)):
        value = int(digit) * (2 - position % 2)
        total += value - 9 if value > 9 else value
    return f"{base}{(10 - total % 10) % 10}"


def small_pdf():
    """One blank page: some 500 bytes that open everywhere."""
    made = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(made, deterministic_id=True)
    return made.getvalue()


PDF = small_pdf()


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"personne{n}@example.org")
    nom = factory.Sequence(lambda n: f"Personne {n}")
    password = factory.django.Password(PASSWORD)


class DepartementFactory(DjangoModelFactory):
    class Meta:
        model = Departement
        django_get_or_create = ["code"]

    code = "46"
    nom = "Lot"
    code_region = "76"
    region = "Occitanie"
    millesime = 2026


class CommuneFactory(DjangoModelFactory):
    class Meta:
        model = Commune

    code = factory.Sequence(lambda n: f"46{n % 1000:03d}")
    nom = factory.Sequence(lambda n: f"Commune {n}")
    departement = factory.SubFactory(DepartementFactory)
    population = 500
    millesime = 2026


class TerritoireFactory(DjangoModelFactory):
    class Meta:
        model = Territoire

    siren = factory.Sequence(lambda n: siren(20_000_000 + n))
    nom = factory.Sequence(lambda n: f"CC du Val {n}")
    nature = Territoire.Nature.CC
    departement = factory.SubFactory(DepartementFactory)
    population = 5432
    millesime = 2026


class OrganisationFactory(DjangoModelFactory):
    class Meta:
        model = Organisation

    nom = factory.Sequence(lambda n: f"Organisation {n}")
    nature = Organisation.Nature.ASSOCIATION


class DomaineFactory(DjangoModelFactory):
    class Meta:
        model = Domaine

    code = factory.Sequence(lambda n: f"domaine-{n}")
    intitule = factory.Sequence(lambda n: f"Domaine {n}")


class ConventionFactory(DjangoModelFactory):
    """A CTG in its fourth year out of five, whatever the day the tests run."""

    class Meta:
        model = Convention

    code = factory.Sequence(lambda n: f"val-{n}-ctg")
    nature = Convention.Nature.CTG
    territoire = factory.SubFactory(TerritoireFactory)
    intitule = "Convention territoriale globale du Val"
    debut = factory.LazyFunction(lambda: datetime.date(timezone.localdate().year - 3, 1, 1))
    fin = factory.LazyAttribute(lambda o: datetime.date(o.debut.year + 4, 12, 31))
    statut = Convention.Statut.EN_COURS


class SignataireFactory(DjangoModelFactory):
    class Meta:
        model = Signataire

    convention = factory.SubFactory(ConventionFactory)
    organisation = factory.SubFactory(OrganisationFactory)


class DispositifFactory(DjangoModelFactory):
    class Meta:
        model = Dispositif

    code = factory.Sequence(lambda n: f"dispositif-{n}")
    intitule = factory.Sequence(lambda n: f"Dispositif {n}")
    groupe = Dispositif.Groupe.PRESTATION_SERVICE


class FinancementFactory(DjangoModelFactory):
    class Meta:
        model = Financement

    convention = factory.SubFactory(ConventionFactory)
    exercice = 2022
    financeur = factory.SubFactory(OrganisationFactory)
    dispositif = factory.SubFactory(DispositifFactory)
    beneficiaire = factory.SubFactory(OrganisationFactory)
    verse = "1000.50"


class TypeEquipementFactory(DjangoModelFactory):
    class Meta:
        model = TypeEquipement

    code = factory.Sequence(lambda n: f"type-{n}")
    intitule = factory.Sequence(lambda n: f"Type {n}")
    famille = TypeEquipement.Famille.PETITE_ENFANCE
    unite_capacite = "places"


class EquipementFactory(DjangoModelFactory):
    class Meta:
        model = Equipement

    territoire = factory.SubFactory(TerritoireFactory)
    type = factory.SubFactory(TypeEquipementFactory)
    nom = factory.Sequence(lambda n: f"Équipement {n}")
    capacite = 20


class DocumentFactory(DjangoModelFactory):
    class Meta:
        model = Document

    convention = factory.SubFactory(ConventionFactory)
    titre = "Délibération du conseil communautaire"
    fichier = factory.django.FileField(data=PDF, filename="deliberation.pdf")
    nom_fichier = "deliberation.pdf"
    type_mime = "application/pdf"
    taille = len(PDF)
    sha256 = hashlib.sha256(PDF).hexdigest()
    auteur = factory.SubFactory(UserFactory)


class AvenantFactory(DjangoModelFactory):
    class Meta:
        model = Avenant

    convention = factory.SubFactory(ConventionFactory)
    numero = factory.Sequence(lambda n: n % 1000 + 1)
    objet = "Prolongation d’un an"


class MandatFactory(DjangoModelFactory):
    class Meta:
        model = Mandat

    organisation = factory.SubFactory(OrganisationFactory)
    fonction = "Présidence"
    nom = factory.Sequence(lambda n: f"Élue {n}")


class HabilitationFactory(DjangoModelFactory):
    class Meta:
        model = Habilitation

    user = factory.SubFactory(UserFactory)
    role = Habilitation.Role.COORDINATION
    convention = factory.SubFactory(ConventionFactory)


class DiagnosticFactory(DjangoModelFactory):
    class Meta:
        model = Diagnostic

    convention = factory.SubFactory(ConventionFactory)
    annee = 2023
    synthese = "Un territoire rural à taille humaine."


class AtelierFactory(DjangoModelFactory):
    class Meta:
        model = Atelier

    diagnostic = factory.SubFactory(DiagnosticFactory)
    intitule = factory.Sequence(lambda n: f"Atelier {n}")


class ParoleFactory(DjangoModelFactory):
    class Meta:
        model = Parole

    diagnostic = factory.SubFactory(DiagnosticFactory)
    texte = "Quand on arrive ici, on met un an à savoir tout ce qui existe."
    locuteur = Parole.Locuteur.HABITANT


class IndicateurFactory(DjangoModelFactory):
    """One of the starter set: found where the migrations left it, made again after a browser test emptied the tables."""

    class Meta:
        model = Indicateur
        django_get_or_create = ["code"]

    code = "population"
    intitule = "Population municipale"
    unite = "habitants"
    theme = Indicateur.Theme.POPULATION
    agregation = Indicateur.Agregation.SOMME


def load_indicateurs():
    """The starter set, as the migration made it: a test that empties the tables needs it again."""
    import_module("diagnostics.migrations.0003_indicateurs").add_indicateurs(apps, None)


class ValeurFactory(DjangoModelFactory):
    """The municipal population of an EPCI in 2022, unless told otherwise."""

    class Meta:
        model = Valeur

    territoire = factory.SubFactory(TerritoireFactory)
    indicateur = factory.SubFactory(IndicateurFactory)
    niveau = Valeur.Niveau.EPCI
    code = factory.SelfAttribute("territoire.siren")
    annee = 2022
    valeur = "5372"
    source = "INSEE, recensement de la population"


class QuestionnaireFactory(DjangoModelFactory):
    """Open today."""

    class Meta:
        model = Questionnaire

    diagnostic = factory.SubFactory(DiagnosticFactory)
    intitule = "Vivre ici en famille"
    cle = factory.Sequence(lambda n: f"cle-{n:039d}")
    ouvre_le = factory.LazyFunction(lambda: timezone.localdate() - datetime.timedelta(days=7))
    ferme_le = factory.LazyFunction(lambda: timezone.localdate() + datetime.timedelta(days=7))


class QuestionFactory(DjangoModelFactory):
    class Meta:
        model = Question

    questionnaire = factory.SubFactory(QuestionnaireFactory)
    intitule = "Qu’est-ce qui vous manque le plus ?"
    nature = Question.Nature.CHOIX
    choix = "Des transports\nUn mode de garde\nUn lieu où se retrouver"


class ConstatFactory(DjangoModelFactory):
    class Meta:
        model = Constat

    diagnostic = factory.SubFactory(DiagnosticFactory)
    nature = Constat.Nature.POINT_FORT
    intitule = factory.Sequence(lambda n: f"Constat {n}")


class EnjeuFactory(DjangoModelFactory):
    class Meta:
        model = Enjeu

    diagnostic = factory.SubFactory(DiagnosticFactory)
    intitule = factory.Sequence(lambda n: f"Enjeu {n}")


class PlanActionsFactory(DjangoModelFactory):
    class Meta:
        model = PlanActions

    convention = factory.SubFactory(ConventionFactory)


class AxeFactory(DjangoModelFactory):
    class Meta:
        model = Axe

    plan = factory.SubFactory(PlanActionsFactory)
    code = factory.Sequence(lambda n: f"{n}")
    intitule = "Faciliter la vie des familles"


class ObjectifFactory(DjangoModelFactory):
    class Meta:
        model = Objectif

    axe = factory.SubFactory(AxeFactory)
    code = factory.Sequence(lambda n: f"1.{n}")
    intitule = "Accompagner l’accueil de la petite enfance"


class PublicFactory(DjangoModelFactory):
    class Meta:
        model = Public

    code = factory.Sequence(lambda n: f"public-{n}")
    intitule = factory.Sequence(lambda n: f"Public {n}")


class FicheActionFactory(DjangoModelFactory):
    """A draft under an axe; ``plan`` is the axe's."""

    class Meta:
        model = FicheAction

    axe = factory.SubFactory(AxeFactory)
    plan = factory.SelfAttribute("axe.plan")
    code = factory.Sequence(lambda n: f"1.1.{n}")
    intitule = factory.Sequence(lambda n: f"Ouvrir un relais itinérant {n}")


class PiloteFactory(DjangoModelFactory):
    class Meta:
        model = Pilote

    fiche = factory.SubFactory(FicheActionFactory)
    nom = "Chargé·e de mission enfance"


class EtapeFactory(DjangoModelFactory):
    class Meta:
        model = Etape

    fiche = factory.SubFactory(FicheActionFactory)
    intitule = factory.Sequence(lambda n: f"Étape {n}")


class IndicateurSuiviFactory(DjangoModelFactory):
    class Meta:
        model = IndicateurSuivi

    fiche = factory.SubFactory(FicheActionFactory)
    intitule = factory.Sequence(lambda n: f"Nombre d’enfants accueillis {n}")


class PieceJointeFactory(DjangoModelFactory):
    class Meta:
        model = PieceJointe

    fiche = factory.SubFactory(FicheActionFactory)
    titre = "Compte rendu de visite"
    fichier = factory.django.FileField(data=PDF, filename="compte-rendu.pdf")
    nom_fichier = "compte-rendu.pdf"
    type_mime = "application/pdf"
    taille = len(PDF)
    sha256 = hashlib.sha256(PDF).hexdigest()
    auteur = factory.SubFactory(UserFactory)


def complete_fiche(**fields):
    """A fiche with all that is asked before it goes to the CAF."""
    fiche = FicheActionFactory(
        **{
            "besoins": "Vingt familles sans mode de garde.",
            "objectif_general": "Accueillir chaque enfant.",
            "modalites": "Un relais itinérant ouvre dans quatre communes.",
            "structure_pilote": OrganisationFactory(),
            "echeance": timezone.localdate() + datetime.timedelta(days=100),
        }
        | fields
    )
    fiche.domaines.add(DomaineFactory())
    fiche.publics.add(PublicFactory())
    PiloteFactory(fiche=fiche)
    IndicateurSuiviFactory(fiche=fiche)
    return fiche


class InstanceFactory(DjangoModelFactory):
    class Meta:
        model = Instance

    convention = factory.SubFactory(ConventionFactory)
    nature = Instance.Nature.COPIL
    intitule = factory.Sequence(lambda n: f"Comité de pilotage {n}")


class MembreInstanceFactory(DjangoModelFactory):
    class Meta:
        model = MembreInstance

    instance = factory.SubFactory(InstanceFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    fonction = "Président·e"


class ReunionFactory(DjangoModelFactory):
    class Meta:
        model = Reunion

    instance = factory.SubFactory(InstanceFactory)
    debut = factory.LazyFunction(lambda: timezone.now() + datetime.timedelta(days=14))
    lieu = "Salle des fêtes"


class PresenceFactory(DjangoModelFactory):
    class Meta:
        model = Presence

    reunion = factory.SubFactory(ReunionFactory)
    organisation = factory.SubFactory(OrganisationFactory)
    structure = factory.LazyAttribute(lambda row: str(row.organisation))
    fonction = factory.Sequence(lambda n: f"Élu·e {n}")
    nom = factory.Sequence(lambda n: f"Personne {n}")
    email = factory.Sequence(lambda n: f"personne{n}@example.org")


class PointOrdreDuJourFactory(DjangoModelFactory):
    class Meta:
        model = PointOrdreDuJour

    reunion = factory.SubFactory(ReunionFactory)
    intitule = factory.Sequence(lambda n: f"Point {n}")


class PieceReunionFactory(DjangoModelFactory):
    class Meta:
        model = PieceReunion

    reunion = factory.SubFactory(ReunionFactory)
    titre = "Budget prévisionnel"
    fichier = factory.django.FileField(data=PDF, filename="budget.pdf")
    nom_fichier = "budget.pdf"
    type_mime = "application/pdf"
    taille = len(PDF)
    sha256 = hashlib.sha256(PDF).hexdigest()
    auteur = factory.SubFactory(UserFactory)


class SujetEnAttenteFactory(DjangoModelFactory):
    class Meta:
        model = SujetEnAttente

    instance = factory.SubFactory(InstanceFactory)
    intitule = factory.Sequence(lambda n: f"Sujet {n}")
    auteur = factory.SubFactory(UserFactory)


class DecisionFactory(DjangoModelFactory):
    class Meta:
        model = Decision

    reunion = factory.SubFactory(ReunionFactory)
    convention = factory.SelfAttribute("reunion.instance.convention")
    annee = 2026
    serie = Instance.Nature.COPIL
    rang = factory.Sequence(lambda n: n + 1)
    nature = Decision.Nature.ARBITRAGE_FINANCIER
    texte = "Le COPIL retient le relais itinérant."
