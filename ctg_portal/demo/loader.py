"""Writes the five territories of the demonstration: conventions, diagnostics, plans, meetings and people."""

import datetime
from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile
from django.db import models, transaction
from django.db.models import Max
from django.db.models.functions import Greatest
from django.template.loader import render_to_string
from django.utils import timezone

from actions.models import (
    Axe,
    Bilan,
    Commentaire,
    Etape,
    FicheAction,
    Imputation,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    Objectif,
    PartenaireFiche,
    Pilote,
    PlanActions,
    Public,
    Transition,
)
from conventions.models import (
    Avenant,
    Commune,
    Convention,
    Dispositif,
    Document,
    Domaine,
    Equipement,
    Financement,
    Habilitation,
    Mandat,
    Organisation,
    Partenaire,
    Phase,
    Signataire,
    Territoire,
    TypeEquipement,
)
from ctg_portal.demo.accounts import ACCOUNTS, PASSWORD
from ctg_portal.demo.logos import draw_logo
from ctg_portal.demo.reader import Calendar, amount, cells, read, read_conventions
from ctg_portal.depots import Depot, read_depot
from ctg_portal.documents import render_pdf
from ctg_portal.models import User
from diagnostics.models import (
    FRANCE,
    Atelier,
    Constat,
    Diagnostic,
    Enjeu,
    Indicateur,
    Parole,
    Question,
    Questionnaire,
    Reponse,
    Valeur,
    new_cle,
)
from governance.diagnostic import validate_diagnostic
from governance.documents import issue_dossier
from governance.emissions import draw_document
from governance.models import DocumentEmis, Instance, MembreInstance, PointOrdreDuJour, Reunion
from governance.operations import EffetDemande, record_decision

Redaction = FicheAction.Redaction
Avancement = FicheAction.Avancement
Role = Habilitation.Role

REFERENCE = "INSEE, populations légales, reprises de découpage administratif 6.0.0"
AVERTISSEMENT = (
    "Données d’illustration : les faits publiés par le territoire sont repris ; "
    "les fiches, dates de réunion et valeurs d’indicateurs sont inventées."
)
# What a fiche holds as it is written in its file, besides its dates and its ties.
TEXTES = (
    "code",
    "intitule",
    "nature",
    "priorite",
    "confidentielle",
    "besoins",
    "dispositifs_existants",
    "objectif_general",
    "objectifs_specifiques",
    "changements_attendus",
    "modalites",
    "public_precisions",
    "effectif_attendu",
    "elu_referent",
    "referent_caf",
    "referent_msa",
    "equipe_projet",
    "moyens_humains",
    "moyens_materiels",
    "moyens_techniques",
    "rythme",
    "methode_evaluation",
    "difficultes",
    "prochaines_etapes",
    "avancement",
)


def is_loaded() -> bool:
    return Convention.objects.filter(code__in=[row["code"] for row in read_conventions()]).exists()


def load() -> None:
    """Write the demonstration whole, or nothing of it. The reference data must be there."""
    with transaction.atomic():
        Loader(timezone.localdate()).run()


def pick(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {
        name: row[name].strip() if isinstance(row[name], str) else row[name] for name in names if name in row
    }


def text(value: str) -> str:
    return value.strip()


class Batch:
    """Rows checked one by one (lengths, choices) and written together, in the order of their tables."""

    def __init__(self) -> None:
        self.rows: dict[type[models.Model], list[Any]] = defaultdict(list)
        self.links: dict[type[models.Model], list[Any]] = defaultdict(list)

    def add(self, row: Any) -> Any:
        row.clean_fields(exclude={field.name for field in row._meta.fields if field.is_relation})
        self.rows[type(row)].append(row)
        return row

    def link(self, row: Any, name: str, others: list[Any]) -> None:
        """Tie ``row`` to ``others`` through its many-to-many field ``name``, once both are written."""
        field = row._meta.get_field(name)
        through = field.remote_field.through
        for other in others:
            made = through(**{field.m2m_field_name(): row, field.m2m_reverse_field_name(): other})
            self.links[through].append(made)

    def write(self) -> None:
        for model, rows in self.rows.items():
            model._default_manager.bulk_create(rows)
        for through, links in self.links.items():
            through._default_manager.bulk_create(links)
        self.rows.clear()
        self.links.clear()


class Loader:
    DATES_EQUIPEMENT = ("cof_debut", "cof_fin", "ouvert_le", "ferme_le")

    def __init__(self, today: datetime.date) -> None:
        self.calendar = Calendar(today)
        self.day = self.calendar.day
        self.batch = Batch()
        self.domaines = {row.code: row for row in Domaine.objects.all()}
        self.publics = {row.code: row for row in Public.objects.all()}
        self.dispositifs = {row.code: row for row in Dispositif.objects.all()}
        self.territoires: dict[str, Territoire] = {}
        self.organisations: dict[str, Organisation] = {}
        self.equipements: dict[tuple[Territoire, str], Equipement] = {}
        self.conventions: dict[str, Convention] = {}
        self.signers: dict[str, set[str]] = {}
        self.titulaires: dict[tuple[str, str], str] = {}
        self.comments: list[Commentaire] = []
        self.written: list[datetime.datetime] = []
        self.enjeux: dict[str, list[Enjeu]] = {}
        self.constats: dict[str, list[Constat]] = {}
        self.fiches: dict[tuple[str, str], FicheAction] = {}
        self.imputations: list[tuple[Financement, tuple[str, str]]] = []
        self.users: dict[str, User] = {}
        self.convoked: list[tuple[Reunion, str]] = []
        self.a_valider: list[Diagnostic] = []

    def run(self) -> None:
        rows = list(read_conventions())
        lists = read("territoires.toml")
        self.write_territoires(lists["territoires"])
        self.write_organisations(lists["organisations"])
        self.write_equipements(read("equipements.toml"))
        self.write_mandats(lists["mandats"])
        for row in rows:
            self.write_convention(row)
        self.write_accounts()
        for row in rows:
            documents = self.write_documents(row["code"], row.get("documents", []))
            self.write_avenants(row["code"], row.get("avenants", []), documents)
        self.write_chiffres(read("chiffres.toml"))
        self.write_contents(rows)
        for row in rows:
            self.write_governance(row["code"], row)
        self.date_news()
        for reunion, code in self.convoked:
            self.issued(issue_dossier(reunion, by=self.person(code, Role.COORDINATION)))
        for diagnostic in self.a_valider:
            code = diagnostic.convention.code
            self.issued(validate_diagnostic(diagnostic, by=self.person(code, Role.COORDINATION)))

    def issued(self, document: DocumentEmis) -> None:
        """Drawn at once: the worker may not be there yet."""
        draw_document.func(str(document.pk))

    def write_contents(self, rows: list[dict[str, Any]]) -> None:
        """Diagnostics and plans, and what ties money and comments to them."""
        for row in rows:
            if "diagnostic" in row:
                self.write_diagnostic(row["code"], row["diagnostic"])
        for row in rows:
            if "plan" in row:
                self.write_plan(row["code"], row)
        for financement, fiche in self.imputations:
            self.batch.add(Imputation(financement=financement, fiche=self.fiches[fiche]))
        self.batch.write()
        for comment, moment in zip(self.comments, self.written, strict=True):
            comment.created_at = moment
        Commentaire.objects.bulk_update(self.comments, ["created_at"])

    def date_news(self) -> None:
        """Loading is no news: a note dates from its day, and a fiche from the last thing that happened to it."""
        notes = list(Note.objects.filter(fiche__in=self.fiches.values()))
        for note in notes:
            note.created_at = self.moment(note.date, 12)
        Note.objects.bulk_update(notes, ["created_at"])
        fiches = list(
            FicheAction.objects.filter(pk__in=[fiche.pk for fiche in self.fiches.values()])
            .select_related("plan__convention")
            .annotate(heard=Greatest(Max("notes__created_at"), Max("journal__created_at")))
        )
        for fiche in fiches:
            written = min(fiche.plan.convention.debut, self.calendar.today - datetime.timedelta(days=30))
            fiche.updated_at = fiche.heard or self.moment(written)
        FicheAction.objects.bulk_update(fiches, ["updated_at"])

    # Places and bodies

    def write_territoires(self, rows: dict[str, dict[str, Any]]) -> None:
        for key, row in rows.items():
            territoire = Territoire.objects.get(siren=row["siren"])
            if not territoire.logo:
                territoire.couleur = row["couleur"]
                logo = ContentFile(draw_logo(row["initiales"], row["couleur"]))
                territoire.logo.save(f"{key}.png", logo, save=False)
                territoire.full_clean()
                territoire.save(update_fields=["couleur", "logo"])
            self.territoires[key] = territoire

    def write_organisations(self, rows: dict[str, dict[str, Any]]) -> None:
        for key, row in rows.items():
            territoire = self.territoires[row["territoire"]] if "territoire" in row else None
            found = None
            if territoire:
                found = Organisation.objects.filter(territoire=territoire).first()
            elif "commune" in row:
                found = Organisation.objects.filter(commune=row["commune"]).first()
            if found is None:
                found = Organisation(
                    nom=row["nom"],
                    nature=row["nature"],
                    siren=territoire.siren if territoire else "",
                    territoire=territoire,
                    commune_id=row.get("commune"),
                    departement_id=row["departement"],
                    fonction_contact=row.get("contact", ""),
                    courriel=row.get("courriel", ""),
                )
                found.full_clean()
                found.save()
            self.organisations[key] = found

    def write_equipements(self, registers: dict[str, list[Any]]) -> None:
        types = {row.code: row for row in TypeEquipement.objects.all()}
        for key, rows in registers.items():
            for code, nom, commune, gestionnaire, capacite, others in rows:
                equipement = Equipement(
                    territoire=self.territoires[key],
                    type=types[code],
                    nom=nom,
                    commune_id=commune or None,
                    gestionnaire=self.organisations[gestionnaire] if gestionnaire else None,
                    capacite=capacite or None,
                    **pick(others, "ouverture", "cof_numero", "observations"),
                    **{name: self.day(others.get(name)) for name in self.DATES_EQUIPEMENT},
                )
                self.batch.add(equipement)
                self.equipements[equipement.territoire, nom] = equipement
        self.batch.write()

    def write_mandats(self, rows: dict[str, list[list[Any]]]) -> None:
        for key, held in rows.items():
            organisation = self.organisations[key]
            for ordre, cell in enumerate(held):
                fonction, nom, debut, fin = cells(cell, 4)
                self.batch.add(
                    Mandat(
                        organisation=organisation,
                        ordre=ordre,
                        fonction=fonction,
                        nom=nom,
                        debut=debut or None,
                        fin=fin or None,
                    )
                )
                if not fin:
                    self.titulaires[key, fonction] = nom

    def write_accounts(self) -> None:
        password = make_password(PASSWORD)
        for account in ACCOUNTS:
            technical = not account.role
            user = User(
                email=account.email,
                nom=account.nom,
                fonction=account.fonction,
                password=password,
                is_staff=technical,
                is_superuser=technical,
            )
            user.full_clean()
            user.save()
            self.users[account.email] = user
            scopes: list[dict[str, Any]] = [
                {"convention": self.conventions[code]} for code in account.conventions
            ]
            if account.organisation:
                scopes.append({"organisation": self.organisations[account.organisation]})
            for scope in scopes:
                habilitation = Habilitation(user=user, role=account.role, **scope)
                habilitation.full_clean()
                habilitation.save()

    def person(self, code: str, role: str) -> User:
        """Who holds ``role`` on a convention of the demonstration; its CAF reviews."""
        for account in ACCOUNTS:
            if account.role == role and (
                code in account.conventions or account.organisation in self.signers[code]
            ):
                return self.users[account.email]
        raise LookupError(f"Nobody has the role {role} on {code}.")

    # Conventions

    def write_convention(self, row: dict[str, Any]) -> None:
        convention = Convention(
            **pick(row, "code", "nature", "numero", "intitule", "duree_motif", "statut", "presentation"),
            territoire=self.territoires[row["territoire"]],
            debut=row["debut"],
            fin=row["fin"],
            signee_le=self.day(row.get("signee_le")),
            horizon_projet=self.day(row.get("horizon_projet")),
            precedente=self.conventions.get(row.get("precedente", "")),
            principale=self.conventions.get(row.get("principale", "")),
            avertissement=AVERTISSEMENT,
        )
        convention.full_clean()
        convention.save()
        self.conventions[row["code"]] = convention
        self.signers[row["code"]] = {cell[0] for cell in row.get("signataires", [])}
        convention.domaines.set([self.domaines[code] for code in row.get("domaines", [])])
        for ordre, cell in enumerate(row.get("signataires", [])):
            organisation, fonction, signe_le, deliberation_date, numero = cells(cell, 5)
            self.batch.add(
                Signataire(
                    convention=convention,
                    ordre=ordre,
                    organisation=self.organisations[organisation],
                    fonction=fonction,
                    # Who signed is not published; who is to sign holds the function today.
                    representant="" if signe_le else self.titulaires.get((organisation, fonction), ""),
                    signe_le=self.day(signe_le),
                    deliberation_date=self.day(deliberation_date),
                    deliberation_numero=numero,
                )
            )
        for ordre, (organisation, role) in enumerate(row.get("partenaires", [])):
            self.batch.add(
                Partenaire(
                    convention=convention,
                    ordre=ordre,
                    organisation=self.organisations[organisation],
                    role=role,
                )
            )
        for ordre, cell in enumerate(row.get("phases", [])):
            nature, precision, debut_prevu, fin_prevue, debut_reel, fin_reelle = cells(cell, 6)
            self.batch.add(
                Phase(
                    convention=convention,
                    ordre=ordre,
                    nature=nature,
                    precision=precision,
                    debut_prevu=self.known_day(debut_prevu),
                    fin_prevue=self.known_day(fin_prevue),
                    debut_reel=self.day(debut_reel),
                    fin_reelle=self.day(fin_reelle),
                )
            )
        for money in row.get("financements", []):
            self.write_financement(convention, money)
        self.batch.write()

    def write_financement(self, convention: Convention, row: dict[str, Any]) -> None:
        """One line, or one a year where ``montants`` holds [exercice, prévu, notifié, versé]."""
        equipement = (
            self.equipements[convention.territoire, row["equipement"]] if "equipement" in row else None
        )
        years = row.get("montants") or [[row["exercice"], *(row.get(name) for name in Financement.MONTANTS)]]
        for exercice, *montants in years:
            financement = Financement(
                **pick(row, "objet", "source", "reference_cof"),
                convention=convention,
                exercice=exercice,
                financeur=self.organisations[row["financeur"]],
                dispositif=self.dispositifs[row["dispositif"]],
                beneficiaire=self.organisations[row["beneficiaire"]],
                equipement=equipement,
                **{name: amount(value) for name, value in zip(Financement.MONTANTS, montants, strict=True)},
            )
            self.batch.add(financement)
            if "fiche" in row:
                plan = convention.principale or convention
                self.imputations.append((financement, (plan.code, row["fiche"])))

    # Deposited documents and avenants

    def write_documents(self, code: str, rows: list[dict[str, Any]]) -> dict[str, Document]:
        """Each document by its ``clef``, or its title; ``copie_de`` names the signatories whose copy it is."""
        written = {}
        for row in rows:
            by = self.person(code, row.get("depose_par", Role.COORDINATION))
            date = self.day(row.get("date"))
            document = Document.objects.deposit(
                self.draw(code, row["titre"], row["texte"]),
                by=by,
                convention=self.conventions[code],
                date=date,
                **pick(row, "nature", "titre", "visibilite"),
            )
            for following in row.get("versions", []):
                document = document.replace(self.draw(code, row["titre"], following), by=by, date=date)
            signing = [self.organisations[key] for key in row.get("copie_de", [])]
            self.conventions[code].signataires.filter(organisation__in=signing).update(copie=document)
            written[row.get("clef", row["titre"])] = document
        return written

    def draw(self, code: str, titre: str, contenu: str) -> Depot:
        """A page of a few lines, as somebody would have deposited it."""
        convention = self.conventions[code]
        html = render_to_string(
            "demo/document.html",
            {
                "titre": titre,
                "contenu": contenu,
                "convention": convention,
                "territoire": convention.territoire,
            },
        )
        return read_depot(ContentFile(render_pdf(html)), f"{titre}.pdf")

    def write_avenants(self, code: str, rows: list[dict[str, Any]], documents: dict[str, Document]) -> None:
        convention = self.conventions[code]
        for row in rows:
            avenant = Avenant(
                convention=convention,
                **pick(row, "numero", "objet", "texte", "duree_motif", "modification_plan"),
                nouveau_debut=self.day(row.get("nouveau_debut")),
                nouvelle_fin=self.day(row.get("nouvelle_fin")),
            )
            avenant.full_clean()
            avenant.save()
            avenant.domaines_ajoutes.set([self.domaines[key] for key in row.get("domaines_ajoutes", [])])
            avenant.domaines_retires.set([self.domaines[key] for key in row.get("domaines_retires", [])])
            avenant.organisations_ajoutees.set(
                [self.organisations[key] for key in row.get("organisations_ajoutees", [])]
            )
            leaving = [self.organisations[key] for key in row.get("signataires_retires", [])]
            avenant.signataires_retires.set(convention.signataires.actuels().filter(organisation__in=leaving))
            if signe_le := self.day(row.get("signe_le")):
                avenant.sign(
                    by=self.person(code, Role.COORDINATION),
                    signe_le=signe_le,
                    copie=documents.get(row.get("copie", "")),
                )

    # Diagnostics

    def write_diagnostic(self, code: str, row: dict[str, Any]) -> None:
        diagnostic = Diagnostic(
            convention=self.conventions[code],
            precedent=Diagnostic.objects.get(convention=self.conventions[row["precedent"]])
            if "precedent" in row
            else None,
            **pick(
                row, "annee", "methode", "synthese", "portrait", "offre_services", "paroles_terrain", "statut"
            ),
        )
        if row.get("annexe") == "figee":
            # Validated once everything is there: its document is frozen then.
            diagnostic.statut = Diagnostic.Statut.PARTAGE
            self.a_valider.append(diagnostic)
        diagnostic.full_clean()
        diagnostic.save()
        ateliers: list[Atelier] = []
        for ordre, cell in enumerate(row.get("ateliers", [])):
            intitule, theme, date, lieu, participants, organisations, synthese = cells(cell, 7)
            atelier = self.batch.add(
                Atelier(
                    diagnostic=diagnostic,
                    ordre=ordre,
                    intitule=intitule,
                    theme=self.domaines[theme] if theme else None,
                    date=self.day(date),
                    lieu=lieu,
                    participants=participants if participants != "" else None,
                    synthese=text(synthese),
                )
            )
            ateliers.append(atelier)
            self.batch.link(atelier, "organisations", [self.organisations[key] for key in organisations])
        paroles: list[Parole] = []
        for ordre, cell in enumerate(row.get("paroles", [])):
            contenu, locuteur, theme, numero, origine = cells(cell, 5)
            paroles.append(
                self.batch.add(
                    Parole(
                        diagnostic=diagnostic,
                        ordre=ordre,
                        texte=contenu,
                        locuteur=locuteur,
                        theme=self.domaines[theme] if theme else None,
                        atelier=ateliers[numero - 1] if numero else None,
                        origine=origine,
                    )
                )
            )
        self.constats[code] = []
        for ordre, (nature, intitule, theme, elements) in enumerate(row.get("constats", [])):
            constat = Constat(
                diagnostic=diagnostic,
                ordre=ordre,
                nature=f"point_{nature}",
                intitule=intitule,
                theme=self.domaines[theme] if theme else None,
                elements=text(elements),
            )
            self.constats[code].append(self.batch.add(constat))
        self.enjeux[code] = []
        for ordre, cell in enumerate(row.get("enjeux", [])):
            intitule, contenu, constats, portee = cells(cell, 4)
            enjeu = Enjeu(
                diagnostic=diagnostic,
                ordre=ordre,
                intitule=intitule,
                texte=text(contenu),
                portee=portee or Enjeu.Portee.THEMATIQUE,
            )
            self.enjeux[code].append(self.batch.add(enjeu))
            self.batch.link(enjeu, "constats", [self.constats[code][number - 1] for number in constats or []])
        self.batch.write()
        for line in row.get("questionnaires", []):
            self.write_questionnaire(diagnostic, line)

        self.write_preuves(diagnostic, self.constats[code], paroles, row.get("preuves", []))

    def write_preuves(
        self,
        diagnostic: Diagnostic,
        constats: list[Constat],
        paroles: list[Parole],
        rows: list[dict[str, Any]],
    ) -> None:
        """What shows a constat: ``constat`` and ``paroles`` are numbers in their lists, ``valeurs`` figures gathered before."""
        territoire = diagnostic.convention.territoire
        for row in rows:
            constat = constats[row["constat"] - 1]
            constat.paroles.add(*(paroles[number - 1] for number in row.get("paroles", [])))
            for code, annee in row.get("valeurs", []):
                constat.valeurs.add(
                    Valeur.objects.exclude(source=REFERENCE).get(
                        territoire=territoire,
                        indicateur=self.indicateurs[code],
                        niveau=Valeur.Niveau.EPCI,
                        annee=annee,
                    )
                )
            for types in row.get("types_equipements", []):
                constat.equipements.add(*Equipement.objects.filter(territoire=territoire, type__code=types))

    def write_questionnaire(self, diagnostic: Diagnostic, row: dict[str, Any]) -> None:
        """``reponses`` are one day and one value a question, empty where nothing was answered."""
        questionnaire = Questionnaire(
            diagnostic=diagnostic,
            cle=new_cle(),
            **{name: self.day(row[name]) for name in ("ouvre_le", "ferme_le")},
            **pick(row, "intitule", "introduction", "destinataires"),
        )
        questionnaire.full_clean()
        questionnaire.save()
        questions = []
        for ordre, (intitule, nature, choix, exigence) in enumerate(row["questions"]):
            question = Question(
                questionnaire=questionnaire,
                ordre=ordre,
                intitule=intitule,
                nature=nature,
                choix="\n".join(choix),
                exigence=exigence,
            )
            question.full_clean()
            question.save()
            questions.append(question)
        reponses = []
        for jour, *valeurs in row["reponses"]:
            kept = {
                str(question.pk): valeur
                for question, valeur in zip(questions, valeurs, strict=True)
                if valeur != ""
            }
            if refused := [q for q in questions if str(q.pk) in kept and not q.accepts(kept[str(q.pk)])]:
                raise ValueError(f"{refused[0]}: {kept[str(refused[0].pk)]!r} is no answer")
            reponses.append(
                Reponse(
                    questionnaire=questionnaire,
                    valeurs=kept,
                    recue_le=self.day(jour) or questionnaire.ouvre_le,
                )
            )
        Reponse.objects.bulk_create(reponses)

    # Figures

    def write_chiffres(self, rows: dict[str, list[Any]]) -> None:
        """The populations of the reference data for every territoire, then what the file gives to some of them."""
        self.indicateurs = {row.code: row for row in Indicateur.objects.all()}
        for territoire in self.territoires.values():
            self.write_populations(territoire)
        for key, lines in rows.items():
            for indicateur, niveau, code, source, annee, *values in lines:
                # One value a year, from ``annee`` on.
                for rank, value in enumerate(values):
                    self.add_chiffre(
                        self.territoires[key], indicateur, (niveau, code), annee + rank, value, source
                    )
        self.batch.write()

    def add_chiffre(
        self,
        territoire: Territoire,
        indicateur: str,
        lieu: tuple[str, str],
        annee: int,
        value: str,
        source: str,
    ) -> None:
        """``value`` is a decimal text, or « secret » or « absente »; no code: the territoire's own."""
        niveau, code = lieu
        is_absent = value in Valeur.Absence.values
        self.batch.add(
            Valeur(
                territoire=territoire,
                indicateur=self.indicateurs[indicateur],
                niveau=niveau,
                code=code or territoire.siren,
                annee=annee,
                valeur=None if is_absent else Decimal(value),
                absence=value if is_absent else "",
                source=source,
            )
        )

    def write_populations(self, territoire: Territoire) -> None:
        communes, departement = Commune.objects.all(), territoire.departement
        places: list[tuple[Valeur.Niveau, str, int | None]] = [
            (Valeur.Niveau.COMMUNE, row.code, row.population) for row in territoire.communes.all()
        ]
        places.append((Valeur.Niveau.EPCI, territoire.siren, territoire.population))
        for niveau, code, members in (
            (Valeur.Niveau.DEPARTEMENT, departement.code, communes.filter(departement=departement)),
            (
                Valeur.Niveau.REGION,
                departement.code_region,
                communes.filter(departement__code_region=departement.code_region),
            ),
            (Valeur.Niveau.FRANCE, FRANCE, communes),
        ):
            places.append((niveau, code, members.aggregate(total=models.Sum("population"))["total"]))
        for niveau, code, population in places:
            value = "absente" if population is None else str(population)
            # The file gives an EPCI another population than the sum of its communes: two sources, both shown.
            source = REFERENCE if niveau == Valeur.Niveau.EPCI else f"{REFERENCE}, par commune"
            self.add_chiffre(territoire, "population", (niveau, code), territoire.millesime, value, source)

    # Plans

    def write_plan(self, code: str, row: dict[str, Any]) -> None:
        plan = PlanActions(
            convention=self.conventions[code],
            **pick(row["plan"], "statut", "version", "introduction"),
            adopte_le=self.day(row["plan"].get("adopte_le")),
        )
        plan.full_clean()
        plan.save()
        axes: dict[str, Axe] = {}
        objectifs: dict[str, Objectif] = {}
        for ordre, line in enumerate(row["axes"]):
            axe = Axe(
                plan=plan, ordre=ordre, couleur=ordre + 1, **pick(line, "code", "intitule", "enjeu_central")
            )
            axes[line["code"]] = self.batch.add(axe)
            for rank, cell in enumerate(line.get("objectifs", [])):
                numero, intitule, enjeux = cells(cell, 3)
                objectif = Objectif(axe=axe, ordre=rank, code=numero, intitule=intitule)
                objectifs[numero] = self.batch.add(objectif)
                self.batch.link(objectif, "enjeux", self.chosen(self.enjeux, code, enjeux))
        self.batch.write()
        for ordre, line in enumerate(row.get("fiches", [])):
            fiche = {**row.get("defaut", {}), **line}
            place = fiche.get("place", fiche["code"].rpartition(".")[0])
            objectif_choisi = objectifs.get(place)
            self.write_fiche(
                code,
                fiche,
                ordre,
                plan,
                objectif_choisi.axe if objectif_choisi else axes[place],
                objectif_choisi,
            )

    def chosen(self, found: dict[str, list[Any]], code: str, numbers: Any) -> list[Any]:
        """Enjeux or constats of the convention by their number, from 1."""
        return [found[code][number - 1] for number in numbers or []]

    def write_fiche(
        self,
        code: str,
        row: dict[str, Any],
        ordre: int,
        plan: PlanActions,
        axe: Axe,
        objectif: Objectif | None,
    ) -> None:
        redactions = row.get("redactions", [])
        soumissions = [self.day(line[1]) for line in redactions if line[0] == Redaction.EN_RELECTURE]
        fiche = FicheAction(
            **pick(row, *TEXTES),
            plan=plan,
            axe=axe,
            objectif=objectif,
            ordre=ordre,
            redaction=redactions[-1][0] if redactions else Redaction.BROUILLON,
            soumise_le=self.moment(soumissions[-1]) if soumissions else None,
            structure_pilote=self.organisations.get(row.get("structure_pilote", "")),
            etp=amount(row.get("etp")),
            **{name: self.day(row.get(name)) for name in ("debut", "echeance", "fin_reelle")},
        )
        fiche.clean_fields()
        fiche.save()
        self.fiches[code, fiche.code] = fiche
        link = self.batch.link
        link(fiche, "domaines", [self.domaines[name] for name in row.get("domaines", [])])
        link(fiche, "publics", [self.publics[name] for name in row.get("publics", [])])
        link(fiche, "cadres", [self.conventions[name] for name in row.get("cadres", [])])
        link(fiche, "enjeux", self.chosen(self.enjeux, code, row.get("enjeux")))
        link(fiche, "constats", self.chosen(self.constats, code, row.get("constats")))
        fiche.communes.set(row.get("communes", []))
        self.write_journal(code, fiche, redactions)
        self.write_team(code, fiche, row)
        self.write_money(fiche, row)
        self.write_indicateurs(fiche, row)
        self.write_follow_up(code, fiche, row)

    def known_day(self, value: Any) -> datetime.date:
        """A day that the row cannot do without."""
        day = self.day(value)
        if day is None:
            raise ValueError("A day is missing.")
        return day

    def moment(self, day: datetime.date | None, hour: int = 10) -> datetime.datetime:
        if day is None:
            raise ValueError("A day is missing.")
        return timezone.make_aware(datetime.datetime.combine(day, datetime.time(hour)))

    def write_journal(self, code: str, fiche: FicheAction, redactions: list[list[Any]]) -> None:
        """What the verbs of the fiche would have written on the days said by its file."""
        Champ = Transition.Champ  # noqa: N806 - a class
        depuis = Redaction.BROUILLON.value
        for line in redactions:
            vers, day, motif = cells(line, 3)
            role = Role.COORDINATION if vers == Redaction.EN_RELECTURE else Role.RELECTURE
            self.add_transition(code, fiche, Champ.REDACTION, depuis, vers, self.day(day), role, motif)
            depuis = vers
        avancement = fiche.avancement
        if avancement in (Avancement.EN_COURS, Avancement.REALISEE):
            args = (Champ.AVANCEMENT, Avancement.A_VENIR.value, Avancement.EN_COURS.value)
            self.add_transition(code, fiche, *args, fiche.debut, Role.COORDINATION)
        if avancement == Avancement.REALISEE:
            args = (Champ.AVANCEMENT, Avancement.EN_COURS.value, Avancement.REALISEE.value)
            self.add_transition(code, fiche, *args, fiche.fin_reelle, Role.COORDINATION)

    def add_transition(
        self,
        code: str,
        fiche: FicheAction,
        champ: str,
        depuis: str,
        vers: str,
        day: datetime.date | None,
        role: str,
        motif: str = "",
    ) -> None:
        self.batch.add(
            Transition(
                fiche=fiche,
                champ=champ,
                depuis=depuis,
                vers=vers,
                motif=motif,
                by=self.person(code, role),
                created_at=self.moment(day),
            )
        )

    def write_team(self, code: str, fiche: FicheAction, row: dict[str, Any]) -> None:
        for ordre, nom in enumerate(row.get("pilotes", [])):
            # « @redaction » is the account that holds this role on the convention.
            user = self.person(code, nom[1:]) if nom.startswith("@") else None
            fonction = user.fonction if user else ""
            self.batch.add(
                Pilote(fiche=fiche, ordre=ordre, user=user, nom="" if user else nom, fonction=fonction)
            )
        for ordre, (nom, role) in enumerate(row.get("partenaires", [])):
            organisation = self.organisations.get(nom)
            self.batch.add(
                PartenaireFiche(
                    fiche=fiche,
                    ordre=ordre,
                    organisation=organisation,
                    nom="" if organisation else nom,
                    role=role,
                )
            )
        for ordre, cell in enumerate(row.get("etapes", [])):
            intitule, echeance, faite_le, responsable = cells(cell, 4)
            self.batch.add(
                Etape(
                    fiche=fiche,
                    ordre=ordre,
                    intitule=intitule,
                    echeance=self.day(echeance),
                    faite_le=self.day(faite_le),
                    responsable=responsable,
                )
            )

    def write_money(self, fiche: FicheAction, row: dict[str, Any]) -> None:
        for ordre, cell in enumerate(row.get("budget", [])):
            annee, intitule, prevu, realise, nature = cells(cell, 5)
            self.batch.add(
                LigneBudget(
                    fiche=fiche,
                    ordre=ordre,
                    annee=annee,
                    intitule=intitule,
                    prevu=amount(prevu),
                    realise=amount(realise),
                    nature=nature or LigneBudget.Nature.FONCTIONNEMENT,
                )
            )
        for ordre, cell in enumerate(row.get("financement", [])):
            annee, financeur, dispositif, demande, obtenu, etat = cells(cell, 6)
            self.batch.add(
                LigneFinancement(
                    fiche=fiche,
                    ordre=ordre,
                    annee=annee,
                    financeur=self.organisations[financeur],
                    dispositif=self.dispositifs[dispositif] if dispositif else None,
                    demande=amount(demande),
                    obtenu=amount(obtenu),
                    etat=etat or LigneFinancement.Etat.ENVISAGE,
                )
            )

    def write_indicateurs(self, fiche: FicheAction, row: dict[str, Any]) -> None:
        for ordre, line in enumerate(row.get("indicateurs", [])):
            initiale, date_initiale = cells(line.get("initiale", []), 2)
            cible, echeance_cible = cells(line.get("cible", []), 2)
            indicateur = self.batch.add(
                IndicateurSuivi(
                    fiche=fiche,
                    ordre=ordre,
                    **pick(line, "intitule", "nature", "unite"),
                    valeur_initiale=amount(initiale),
                    date_initiale=self.day(date_initiale),
                    cible=amount(cible),
                    echeance_cible=self.day(echeance_cible),
                )
            )
            for cell in line.get("mesures", []):
                annee, valeur, commentaire, source = cells(cell, 4)
                self.batch.add(
                    Mesure(
                        indicateur=indicateur,
                        annee=annee,
                        valeur=amount(valeur),
                        commentaire=commentaire,
                        source=source,
                    )
                )

    def write_follow_up(self, code: str, fiche: FicheAction, row: dict[str, Any]) -> None:
        for cell in row.get("notes", []):
            date, contenu, role = cells(cell, 3)
            auteur = self.person(code, role or Role.COORDINATION)
            self.batch.add(Note(fiche=fiche, date=self.known_day(date), texte=text(contenu), auteur=auteur))
        for line in row.get("bilans", []):
            names = ("annee", "realise", "ecarts", "faits_marquants", "perspectives", "atteinte", "suite")
            self.batch.add(Bilan(fiche=fiche, **pick(line, *names)))
        for cell in row.get("commentaires", []):
            section, contenu, date, role, resolu_le = cells(cell, 5)
            commentaire = Commentaire(
                fiche=fiche,
                section=section,
                texte=text(contenu),
                auteur=self.person(code, role or Role.RELECTURE),
                resolu_le=self.moment(self.day(resolu_le), 16) if resolu_le else None,
                resolu_par=self.person(code, Role.COORDINATION) if resolu_le else None,
            )
            self.comments.append(self.batch.add(commentaire))
            self.written.append(self.moment(self.day(date), 14))

    # Meetings

    def write_governance(self, code: str, row: dict[str, Any]) -> None:
        instances: dict[str, Instance] = {}
        for ordre, line in enumerate(row.get("instances", [])):
            instance = Instance(
                convention=self.conventions[code],
                ordre=ordre,
                **pick(line, "nature", "intitule", "role", "minimum_annuel"),
            )
            instance.full_clean()
            instance.save()
            instances[line["cle"]] = instance
            for rank, cell in enumerate(line.get("membres", [])):
                organisation, fonction, voix, compte = cells(cell, 4)
                self.batch.add(
                    MembreInstance(
                        instance=instance,
                        ordre=rank,
                        organisation=self.organisations[organisation],
                        fonction=fonction,
                        nom=self.titulaires.get((organisation, fonction), ""),
                        voix=voix or MembreInstance.Voix.DELIBERATIVE,
                        user=self.person(code, compte) if compte else None,
                    )
                )
        self.batch.write()
        meetings = sorted(
            row.get("reunions", []), key=lambda line: self.day(line["date"]) or self.calendar.today
        )
        for line in meetings:
            self.write_reunion(code, instances[line["instance"]], line)

    def write_reunion(self, code: str, instance: Instance, row: dict[str, Any]) -> None:
        day = self.day(row["date"])
        statut = row["statut"]
        reunion = Reunion(
            instance=instance,
            debut=self.moment(day, row.get("heure", 14)),
            **pick(row, "duree", "lieu", "president", "secretaire", "notes"),
            # Decisions are written on a meeting held; its minutes go out afterwards.
            statut=Reunion.Statut.TENUE if statut == Reunion.Statut.DIFFUSEE else statut,
        )
        reunion.full_clean()
        reunion.save()
        if statut == Reunion.Statut.CONVOQUEE:
            self.convoked.append((reunion, code))
        points = []
        for ordre, cell in enumerate(row.get("points", [])):
            intitule, visee, duree, rapporteur, contenu, fiches = cells(cell, 6)
            point = PointOrdreDuJour(
                reunion=reunion,
                ordre=ordre,
                intitule=intitule,
                visee=visee,
                duree=duree or None,
                rapporteur=rapporteur,
                texte=text(contenu),
            )
            points.append(self.batch.add(point))
            self.batch.link(point, "fiches", [self.fiches[code, numero] for numero in fiches or []])
        self.batch.write()
        coordination = self.person(code, Role.COORDINATION)
        for line in row.get("decisions", []):
            decision = record_decision(
                reunion=reunion,
                by=coordination,
                nature=line["nature"],
                texte=text(line["texte"]),
                point=points[line["point"] - 1] if "point" in line else None,
                responsable=line.get("responsable", ""),
                echeance=self.day(line.get("echeance")),
                effets=[
                    EffetDemande(self.fiches[code, numero], effet, self.day(echeance))
                    for numero, effet, echeance in (cells(cell, 3) for cell in line.get("effets", []))
                ],
            )
            Transition.objects.filter(
                fiche__in=decision.fiches.all(), motif__startswith=f"Décision {decision.numero} "
            ).update(created_at=reunion.fin)
            if realisee_le := self.day(line.get("realisee_le")):
                decision.realisee_le = realisee_le
                decision.save(update_fields=["realisee_le", "updated_at"])
        if statut == Reunion.Statut.DIFFUSEE:
            reunion.move_to(statut, by=coordination)
