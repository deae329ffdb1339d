"""A plan with every field full, and workbooks to change cell by cell."""

import datetime
import io

from openpyxl import load_workbook

from actions.models import (
    Etape,
    FicheAction,
    LigneBudget,
    LigneFinancement,
    Mesure,
    PartenaireFiche,
    Pilote,
    Public,
)
from actions.tableur import retour, travaux
from actions.tableur.contenu import Contenu, plan_of
from actions.tableur.export import write_classeur
from tests.factories import (
    AxeFactory,
    CommuneFactory,
    ConstatFactory,
    ConventionFactory,
    DiagnosticFactory,
    DispositifFactory,
    DomaineFactory,
    EnjeuFactory,
    FicheActionFactory,
    HabilitationFactory,
    IndicateurSuiviFactory,
    ObjectifFactory,
    OrganisationFactory,
    PlanActionsFactory,
    TerritoireFactory,
)

D = datetime.date
TEXTE = "=1+1 n’est pas une formule\n- une puce\n\n**gras** ; « guillemets » 5 € _x0041_\t'fin"


def build_plan():
    """A plan with an axe, an objectif and one fiche whose every field is full; a person of its coordination."""
    territoire = TerritoireFactory()
    communes = [CommuneFactory(nom=nom) for nom in ("Cazals", "Salviac", "L’Hôpital ; Saint-Jean")]
    territoire.communes.add(*communes)
    convention = ConventionFactory(territoire=territoire)
    user = HabilitationFactory(
        convention=convention, role="coordination", user__nom="Camille Coordination"
    ).user
    plan = PlanActionsFactory(convention=convention)
    axe = AxeFactory(plan=plan, code="1", intitule="Familles")
    objectif = ObjectifFactory(axe=axe, code="1.1", intitule="Accueillir")
    AxeFactory(plan=plan, code="2", intitule="Droits", ordre=1)
    return convention, plan, axe, objectif, user


def full_fiche(plan, axe, objectif, user, **fields):
    departement = plan.convention.territoire.departement
    organisation = OrganisationFactory(nom="=CC du Val; service petite enfance", departement=departement)
    fiche = FicheActionFactory(
        **{
            "axe": axe,
            "objectif": objectif,
            "code": "1.10",
            "intitule": "Ouvrir un relais itinérant",
            "nature": "nouvelle",
            "priorite": "haute",
            "confidentielle": True,
            "public_precisions": "Familles éloignées",
            "effectif_attendu": 1250,
            "structure_pilote": organisation,
            "elu_referent": "Vice-présidence à l’enfance",
            "referent_caf": "Conseil technique",
            "referent_msa": "+33",
            "equipe_projet": TEXTE,
            "etp": "1.50",
            "debut": D(2024, 1, 31),
            "echeance": D(2025, 12, 31),
            "rythme": "recurrente",
            "avancement": "abandonnee",
            "motif_abandon": "-faute de local",
        }
        | dict.fromkeys(
            (
                *("besoins", "dispositifs_existants", "objectif_general", "objectifs_specifiques"),
                *("changements_attendus", "modalites", "moyens_humains", "moyens_materiels"),
                *("moyens_techniques", "methode_evaluation", "difficultes", "prochaines_etapes"),
            ),
            TEXTE,
        )
        | fields
    )
    diagnostic = DiagnosticFactory(convention=plan.convention)
    fiche.domaines.add(DomaineFactory(), DomaineFactory())
    fiche.publics.set(Public.objects.order_by("pk")[:3])
    fiche.communes.set(plan.convention.territoire.communes.all())
    fiche.enjeux.add(EnjeuFactory(diagnostic=diagnostic, intitule="Trouver ; garder un mode d’accueil"))
    fiche.constats.add(ConstatFactory(diagnostic=diagnostic), ConstatFactory(diagnostic=diagnostic))
    fiche.cadres.add(ConventionFactory(nature="gmr", principale=plan.convention, intitule="Grandir ici"))
    Pilote.objects.create(fiche=fiche, user=user, fonction="Coordination")
    Pilote.objects.create(fiche=fiche, nom="Chargée de mission", ordre=1)
    PartenaireFiche.objects.create(fiche=fiche, organisation=organisation, role="Accueil")
    PartenaireFiche.objects.create(fiche=fiche, nom="@Les parents", ordre=1)
    Etape.objects.create(
        fiche=fiche, intitule="Trouver un local", echeance=D(2024, 3, 1), responsable="Mairie"
    )
    Etape.objects.create(fiche=fiche, intitule="Recruter", faite_le=D(2024, 5, 1), ordre=1)
    LigneBudget.objects.create(fiche=fiche, annee=2024, intitule="Achat", prevu="248220.56", realise="0")
    LigneFinancement.objects.create(
        fiche=fiche,
        annee=2024,
        financeur=organisation,
        dispositif=DispositifFactory(),
        demande="157191.67",
        etat="demande",
    )
    indicateur = IndicateurSuiviFactory(fiche=fiche, intitule="Places ouvertes", unite="places", cible="12.5")
    Mesure.objects.create(
        indicateur=indicateur, annee=2024, valeur="-3.25", commentaire="Baisse", source="CAF"
    )
    return fiche


def export(plan, user):
    return write_classeur(Contenu(plan_of(plan.convention), user))


def change(content, *edits):
    """The workbook with cells changed: ``edits`` are (sheet, key or number of the row, title of the column, value)."""
    workbook = load_workbook(io.BytesIO(content))
    for sheet, row, title, value in edits:
        cells = workbook[sheet]
        column = next(cell.column for cell in cells[1] if cell.value == title)
        number = row if isinstance(row, int) else row_of(cells, row)
        cells.cell(number, column).value = value
    return saved(workbook)


def row_of(cells, cle):
    return next(cell.row for cell in cells["A"] if cell.value == cle)


def saved(workbook):
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def send(plan, user, content, nom="plan.xlsx"):
    envoi, lignes = retour.send(convention=plan.convention, nom=nom, contenu=content, by=user)
    return travaux.preview(envoi, lignes=lignes, by=user)


def read(plan, user, content):
    """The preview of a workbook."""
    envoi = send(plan, user, content)
    return retour.read(envoi, user).apercu


def confirm(envoi, user, *, sans_refusees=False, **decisions):
    empreinte = envoi.rapport["empreinte"]
    return travaux.confirm(
        envoi, empreinte=empreinte, decisions=decisions, sans_refusees=sans_refusees, by=user
    )


def plain(text):
    return str(text).replace("\xa0", " ").replace("\u202f", " ")


def said(apercu):
    """Each cell of a preview as (address, before, after, what becomes of it)."""
    return [(c.adresse, plain(c.avant), plain(c.apres), c.sorte.value) for c in apercu.cellules]


def refused(apercu):
    return [(c.adresse, plain(c.motif)) for c in apercu.cellules if c.sorte == "refus"]


__all__ = ["D", "TEXTE", "FicheAction", "build_plan", "change", "confirm", "export", "full_fiche"]
