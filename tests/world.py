"""One small, full world: a convention with something in every room, a person per role, and a stranger's convention."""

import datetime
import hashlib
import io
from dataclasses import dataclass, field

from django.utils import timezone

from actions.models import (
    Avis,
    Bilan,
    ChangementGroupe,
    Commentaire,
    EnvoiPlan,
    FicheAction,
    Genre,
    LienFiche,
    LigneBudget,
    LigneFinancement,
    Mesure,
    ModeleFiche,
    Note,
    Notification,
    PlanActions,
    RattachementPilote,
    VueEnregistree,
)
from actions.tableur.apercu import Apercu, Cellule, Objet, Retrait, Sorte
from actions.tableur.apercu import Genre as ModificationGenre
from conventions.models import (
    ArticleConvention,
    Convention,
    FusionOrganisation,
    Habilitation,
    Impression,
    Organisation,
    Phase,
)
from conventions.operations import importations
from ctg_portal.models import User
from diagnostics.imports import envoi
from diagnostics.imports.lieux import Lieux
from diagnostics.models import Diagnostic, Reponse
from governance.convocations import prepare_presences
from governance.invitations import facts_of
from governance.models import (
    CompteRendu,
    DocumentEmis,
    Envoi,
    FluxAgenda,
    LienPublic,
    ModeleOrdreDuJour,
    Reunion,
)
from tests.factories import (
    AtelierFactory,
    AvenantFactory,
    AxeFactory,
    CommuneFactory,
    ConstatFactory,
    ConventionFactory,
    DecisionFactory,
    DiagnosticFactory,
    DocumentFactory,
    EnjeuFactory,
    EquipementFactory,
    EtapeFactory,
    FinancementFactory,
    HabilitationFactory,
    InstanceFactory,
    MandatFactory,
    MembreInstanceFactory,
    ObjectifFactory,
    OrganisationFactory,
    ParoleFactory,
    PieceJointeFactory,
    PieceReunionFactory,
    PiloteFactory,
    PlanActionsFactory,
    PointOrdreDuJourFactory,
    PresenceFactory,
    QuestionFactory,
    QuestionnaireFactory,
    ReunionFactory,
    SignataireFactory,
    SujetEnAttenteFactory,
    TerritoireFactory,
    UserFactory,
    ValeurFactory,
    complete_fiche,
)
from tests.replay import replayed

MEMBERS = ("lecture", "pilotage", "redaction", "relecture", "coordination", "administration")
VISITORS = ("anonymous", "outsider", *MEMBERS)


@dataclass
class Version:
    """A save of a fiche, by its name in an address."""

    pk: str


@dataclass
class World:
    convention: Convention
    diagnostic: Diagnostic
    plan: PlanActions
    fiche: FicheAction
    reunion: Reunion
    people: dict[str, User]
    objects: dict[str, object] = field(default_factory=dict)


@replayed
def build_world():
    """A CTG in its fourth year: the epci and the CAF sign, one fiche is en relecture, a COPIL is being prepared."""
    communes = [CommuneFactory() for _ in range(2)]
    territoire = TerritoireFactory()
    territoire.communes.add(*communes)
    epci = OrganisationFactory(nom=territoire.nom, nature=Organisation.Nature.EPCI, territoire=territoire)
    caf = OrganisationFactory(nom="CAF du Lot", nature=Organisation.Nature.CAF)
    convention = ConventionFactory(territoire=territoire)
    SignataireFactory(convention=convention, organisation=epci, signe_le=convention.debut)
    signataire = SignataireFactory(convention=convention, organisation=caf)
    Phase.objects.create(
        convention=convention,
        nature=Phase.Nature.DIAGNOSTIC,
        debut_prevu=convention.debut,
        fin_prevue=convention.debut + datetime.timedelta(days=300),
    )
    FinancementFactory(convention=convention, financeur=caf, beneficiaire=epci)
    equipement = EquipementFactory(
        territoire=territoire, nom="Ludothèque du Val", commune=communes[0], gestionnaire=epci
    )

    article = ArticleConvention.objects.create(
        convention=convention, titre="Objet", texte="Un projet pour [territoire]."
    )
    # On a territoire of its own, so that the same people still follow a single convention.
    contrat = ConventionFactory(nature=Convention.Nature.GMR, principale=convention, intitule="Grandir ici")

    # Two rows of the directory for one association; a third was united with the first.
    organisation, doublon, absorbee = (
        OrganisationFactory(nom=nom) for nom in ("Les Jardiniers", "Les jardiniers", "Jardiniers (ancien)")
    )
    convention.partenaires.create(organisation=organisation)
    convention.partenaires.create(organisation=doublon)
    MandatFactory(organisation=organisation)

    diagnostic = DiagnosticFactory(convention=convention)
    enjeu = EnjeuFactory(diagnostic=diagnostic)
    constat = ConstatFactory(diagnostic=diagnostic)
    enjeu.constats.add(constat)
    atelier = AtelierFactory(diagnostic=diagnostic, participants=12)
    parole = ParoleFactory(diagnostic=diagnostic, atelier=atelier)
    questionnaire = QuestionnaireFactory(diagnostic=diagnostic)
    choix = QuestionFactory(questionnaire=questionnaire)
    texte = QuestionFactory(questionnaire=questionnaire, nature="texte", choix="", intitule="Et ensuite ?")
    Reponse.objects.create(
        questionnaire=questionnaire, valeurs={str(choix.pk): "Un mode de garde", str(texte.pk): "Du lien."}
    )

    valeur = ValeurFactory(territoire=territoire)
    for commune in communes:
        ValeurFactory(territoire=territoire, niveau="commune", code=commune.code, valeur="2000")

    plan = PlanActionsFactory(convention=convention)
    axe = AxeFactory(plan=plan, code="1")
    objectif = ObjectifFactory(axe=axe, code="1.1")
    objectif.enjeux.add(enjeu)
    people = {
        "outsider": UserFactory(nom="Personne d’ailleurs"),
        **{role: UserFactory(nom=f"Personne {role}") for role in MEMBERS},
    }
    for role in ("lecture", "pilotage", "redaction", "relecture", "coordination"):
        HabilitationFactory(user=people[role], role=role, convention=convention)
    Habilitation.objects.create(user=people["administration"], role="administration", organisation=epci)

    def fiche(redaction, **fields):
        made = complete_fiche(axe=axe, objectif=objectif, **fields)
        PiloteFactory(fiche=made, user=people["redaction"], nom="")
        if redaction != "brouillon":
            made.submit(by=people["coordination"])
        if redaction == "validee":
            made.validate(by=people["relecture"])
        return made

    brouillon = fiche("brouillon", code="1.1.1", intitule="Ouvrir un relais itinérant")
    en_relecture = fiche("en_relecture", code="1.1.2", intitule="Créer une ludothèque")
    validee = fiche("validee", code="1.1.3", intitule="Former les assistantes maternelles")
    archivee = fiche("brouillon", code="1.1.4", intitule="Action archivée")
    archivee.archive(by=people["coordination"])
    a_completer = fiche("en_relecture", code="1.1.5", intitule="Ouvrir un lieu d’accueil")
    a_completer.ask_completion(by=people["relecture"], motif="Qui paie ?", sections=["moyens"])
    PiloteFactory(fiche=validee, nom="Ancien Pilote")
    etape = EtapeFactory(fiche=brouillon, echeance=timezone.localdate() - datetime.timedelta(days=12))
    indicateur = brouillon.indicateurs.get()
    Mesure.objects.create(indicateur=indicateur, annee=convention.debut.year, valeur="12.50")
    LigneBudget.objects.create(fiche=brouillon, annee=convention.debut.year, prevu="13000.00")
    LigneFinancement.objects.create(
        fiche=brouillon, annee=convention.debut.year, financeur=caf, demande="5000.00"
    )
    Note.objects.create(fiche=brouillon, texte="Première réunion tenue.", auteur=people["redaction"])
    Bilan.objects.create(fiche=brouillon, annee=convention.debut.year, realise="Étude faite.")
    commentaire = Commentaire.objects.create(
        fiche=brouillon, section="contexte", texte="D’où vient ce chiffre ?", auteur=people["relecture"]
    )

    modele = ModeleFiche.objects.create(
        convention=convention, intitule="Un relais itinérant", etapes="Trouver un local\nRecruter"
    )

    resolu = Commentaire.objects.create(
        fiche=brouillon, section="moyens", texte="Le temps de travail ?", auteur=people["relecture"]
    )
    resolu.resolve(by=people["coordination"])
    note_caf = Commentaire.tous.create(
        fiche=brouillon,
        section="contexte",
        texte="Secret de la CAF.",
        portee=Commentaire.Portee.CAF,
        auteur=people["relecture"],
    )
    avis = plan.avis.ask(plan, by=people["coordination"], echeance=plan.echeance_avis)
    avis_signe = plan.avis.ask(plan, fiche=validee, by=people["coordination"], echeance=plan.echeance_avis)
    avis_signe.sens, avis_signe.texte = Avis.Sens.RESERVES, "Une action utile."
    avis_signe.save()
    reserve = avis_signe.reserves.create(texte="Le budget de la deuxième année est à préciser.")
    avis_signe.sign(by=people["relecture"], fonction="Conseillère technique")
    rattachement = RattachementPilote.link(
        convention, "ancien-pilote", people["pilotage"], by=people["coordination"]
    )
    for person in people.values():
        Notification.objects.tell(
            Genre.COMMENTAIRE,
            validee,
            [person],
            cle="commentaire:0",
            by=people["relecture"],
            detail="Contexte",
        )
    piece = PieceJointeFactory(fiche=brouillon, auteur=people["coordination"])

    lien = LienFiche.tie(brouillon, "depend", en_relecture, by=people["coordination"])

    contrat.fiches_partagees.add(brouillon)

    instance = InstanceFactory(convention=convention, intitule="Comité de pilotage")
    MembreInstanceFactory(instance=instance, organisation=epci, email="presidence@example.org")
    importation = importations.send(
        convention=convention,
        nature="equipements",
        nom="équipements.csv",
        contenu=f"Type;Nom;Places\n{equipement.type};Ludothèque du Val;25\nPiscine;Bassin d’été;\n".encode(),
        by=people["coordination"],
    )
    table = io.BytesIO(f"code;Haies plantées\n{communes[0].code};12\n".encode())
    lu = envoi.read_upload(table, "haies.csv", Lieux.of(territoire))
    chiffres = envoi.send(
        convention=convention, nom="haies.csv", file=table, lu=lu, by=people["coordination"]
    )
    cellule = Cellule("F1.besoins", "Fiches!P2", "Besoins constatés", "Vingt familles", "Trente familles")
    refusee = Cellule(
        "F1.debut", "Fiches!AH2", "Début", "", "au printemps", Sorte.REFUS, "ce n’est pas une date."
    )
    double = Cellule("F1.modalites", "Fiches!U2", "Description", "Deux", "Trois", Sorte.CONFLIT)
    objet = Objet("F1", "1.1.1 Relais", "1.1.1 Relais", ModificationGenre.MODIFIE, [cellule, refusee, double])
    retrait = Retrait("E1", "1.1.1 Relais", "Étapes : Recruter", "retirer cette étape")
    envoi_plan = EnvoiPlan.keep(
        convention=convention,
        nature="plan",
        nom="plan.csv",
        contenu="Axe;Titre de l’action;Budget\nSanté;Ouvrir une maison de santé;1500\n".encode(),
        by=people["coordination"],
    )
    envoi_plan.reponses = {"feuille": "Tableau", "entete": 1}
    envoi_plan.save()
    envois = [
        EnvoiPlan.keep(
            convention=convention, nature="retour", nom="plan.xlsx", contenu=b"-", by=people["coordination"]
        )
        for _ in range(2)
    ]
    envois[0].rapport = Apercu([objet], [retrait], ["La feuille « Étapes » manque."], "e").as_json()
    envois[0].save()
    reunion = ReunionFactory(instance=instance)
    point = PointOrdreDuJourFactory(reunion=reunion, visee="decision")
    point.fiches.add(brouillon)
    sujet = SujetEnAttenteFactory(instance=instance, auteur=people["coordination"])
    piece_reunion = PieceReunionFactory(reunion=reunion, auteur=people["coordination"])
    piece_reunion_retiree = PieceReunionFactory(
        reunion=reunion,
        auteur=people["coordination"],
        retiree_le=timezone.now(),
        retiree_par=people["coordination"],
    )
    modele_odj = ModeleOrdreDuJour.objects.create(convention=convention, intitule="COPIL d’automne")
    prepare_presences(reunion)
    presence = reunion.presences.get()
    invitee = PresenceFactory(reunion=reunion, qualite="invite", voix="aucune")
    # Past its own meeting, whose day nobody awaits: what was written and what left.
    envois_reunion = {
        name: Envoi.objects.create(
            reunion=reunion,
            nature=nature,
            objet="Comité de pilotage",
            statut=statut,
            part_le=part_le,
            faits=facts_of(reunion, by=people["coordination"]) if part_le else {},
            auteur=people["coordination"],
        )
        for name, nature, statut, part_le in (
            ("envoi_brouillon", "convocation", "brouillon", None),
            ("envoi_a_jeter_avant", "modification", "brouillon", None),
            ("envoi_programme", "convocation", "programme", timezone.now() + datetime.timedelta(hours=2)),
            ("envoi_parti", "rappel", "parti", timezone.now() - datetime.timedelta(days=1)),
        )
    }
    for envoi_reunion in envois_reunion.values():
        if envoi_reunion.part_le:
            envoi_reunion.destinataires.create(presence=presence, nom=str(presence), email=presence.email)
    tenue = ReunionFactory(
        instance=instance, statut=Reunion.Statut.TENUE, debut=timezone.now() - datetime.timedelta(days=90)
    )
    point_tenu = PointOrdreDuJourFactory(reunion=tenue)
    decision = DecisionFactory(reunion=tenue)
    ecrite, diffusee = (
        ReunionFactory(instance=instance, statut=statut, debut=timezone.now() - datetime.timedelta(days=days))
        for statut, days in ((Reunion.Statut.TENUE, 40), (Reunion.Statut.DIFFUSEE, 200))
    )
    partie = CompteRendu.objects.create(reunion=ecrite, auteur=people["coordination"]).parties.create(
        titre="Échanges", texte="Chacun a parlé."
    )
    CompteRendu.objects.create(reunion=tenue, auteur=people["coordination"])
    contenu = b"%PDF-1.7 un document d'essai"
    document = DocumentEmis.objects.create(
        convention=convention,
        reunion=reunion,
        nature=DocumentEmis.Nature.DOSSIER_SEANCE,
        titre="Dossier de séance",
        nom_fichier="dossier-copil.pdf",
        statut=DocumentEmis.Statut.PRET,
        contenu=contenu,
        html="<h2>Ordre du jour</h2><p>Un point.</p>",
        sha256=hashlib.sha256(contenu).hexdigest(),
        taille=len(contenu),
        pages=1,
        auteur=people["coordination"],
    )
    lien_public = LienPublic(
        document=document,
        destinataire="Maire de Salviac",
        expire_le=timezone.localdate() + datetime.timedelta(days=60),
    )
    lien_public.open(by=people["coordination"])
    document_en_echec = DocumentEmis.objects.create(
        convention=convention,
        reunion=tenue,
        nature=DocumentEmis.Nature.DOSSIER_SEANCE,
        titre="Dossier de la séance tenue",
        nom_fichier="dossier-tenue.pdf",
        statut=DocumentEmis.Statut.ECHEC,
        html="<h2>Ordre du jour</h2><p>Un point.</p>",
        source="<p>Un point.</p>",
        auteur=people["coordination"],
    )
    impression = Impression.objects.create(
        convention=convention,
        cle="0" * 64,
        titre="Plan d’actions",
        nom_fichier="plan.pdf",
        statut=Impression.Statut.PRETE,
        contenu=contenu,
        prete_le=timezone.now(),
    )
    impression.demandeurs.add(*people.values())
    depose = DocumentFactory(convention=convention, auteur=people["coordination"], visibilite="public")
    avenant = AvenantFactory(
        convention=convention,
        numero=1,
        nouvelle_fin=convention.fin.replace(year=convention.fin.year + 1),
        duree_motif="Le projet social va plus loin.",
    )
    for person in people.values():
        FluxAgenda.renew(by=person)
    Organisation.objects.filter(pk=absorbee.pk).update(fusionnee_dans=organisation)
    fusion = FusionOrganisation.objects.create(
        gardee=organisation, absorbee=absorbee, auteur=people["administration"]
    )
    changement_groupe = ChangementGroupe.objects.create(
        convention=convention, champ="priorite", phrase="priorité « haute »", by=people["coordination"]
    )
    changement_groupe.lignes.create(fiche=brouillon, avant="", apres="haute")
    vue = VueEnregistree.objects.create(
        convention=convention,
        auteur=people["coordination"],
        nom="Pour le COPIL",
        genre=VueEnregistree.Genre.KANBAN,
        requete="priorite=haute",
        portee=VueEnregistree.Portee.EQUIPE,
    )
    return World(
        convention,
        diagnostic,
        plan,
        brouillon,
        reunion,
        people,
        {
            "article": article,
            "avenant": avenant,
            "contrat": contrat,
            "axe": axe,
            "objectif": objectif,
            "enjeu": enjeu,
            "constat": constat,
            "atelier": atelier,
            "valeur": valeur,
            "parole": parole,
            "questionnaire": questionnaire,
            "question_libre": texte,
            "en_relecture": en_relecture,
            "validee": validee,
            "rattachement": rattachement,
            "archivee": archivee,
            "indicateur": indicateur,
            "etape": etape,
            "commentaire": commentaire,
            "resolu": resolu,
            "note_caf": note_caf,
            "a_completer": a_completer,
            "avis": avis,
            "avis_signe": avis_signe,
            "reserve": reserve,
            "piece": piece,
            "modele": modele,
            "changement_groupe": changement_groupe,
            "vue": vue,
            "lien": lien,
            "instance": instance,
            "point": point,
            "point_tenu": point_tenu,
            "reunion_a_ecrire": ecrite,
            "diffusee": diffusee,
            "partie": partie,
            "sujet": sujet,
            "piece_reunion": piece_reunion,
            "piece_reunion_retiree": piece_reunion_retiree,
            "modele_odj": modele_odj,
            "tenue": tenue,
            "presence": presence,
            "invitee": invitee,
            **envois_reunion,
            "decision": decision,
            "document": document,
            "lien_public": lien_public,
            "document_en_echec": document_en_echec,
            "impression": impression,
            "equipement": equipement,
            "importation": importation,
            "envoi": envois[0],
            "envoi_a_jeter": envois[1],
            "envoi_plan": envoi_plan,
            "chiffres": chiffres,
            "depose": depose,
            "signataire": signataire,
            "beneficiaire": epci,
            "organisation": organisation,
            "doublon": doublon,
            "fusion": fusion,
            "version": Version(f"fiche-{brouillon.events.earliest('pgh_id').pk}"),
            "habilitation": Habilitation.objects.get(user=people["lecture"]),
        },
    )
