"""Plans and their fiches, with all that hangs on them."""

import datetime
from typing import Any

from actions.models import (
    Axe,
    Bilan,
    Commentaire,
    Etape,
    FicheAction,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    Note,
    Objectif,
    PartenaireFiche,
    Pilote,
    PlanActions,
    Transition,
)
from conventions.models import Habilitation
from ctg_portal.demo.etat import Etat, pick, text
from ctg_portal.demo.reader import amount, cells

Redaction = FicheAction.Redaction
Avancement = FicheAction.Avancement
Role = Habilitation.Role


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


class Plans(Etat):
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

    def write_journal(self, code: str, fiche: FicheAction, redactions: list[list[Any]]) -> None:
        """What the verbs of the fiche would have written on the days said by its file."""
        Champ = Transition.Champ  # noqa: N806 - a class
        depuis = Redaction.BROUILLON.value
        for line in redactions:
            vers, day, motif = cells(line, 3)
            ours = (Redaction.EN_RELECTURE, Redaction.ARCHIVEE)
            role = Role.COORDINATION if vers in ours else Role.RELECTURE
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
            section, contenu, date, role, resolu_le, citation, reponse, portee = cells(cell, 8)
            commentaire = Commentaire(
                fiche=fiche,
                section=section,
                texte=text(contenu),
                citation=citation,
                portee=portee or Commentaire.Portee.EQUIPE,
                auteur=self.person(code, role or Role.RELECTURE),
                etat=Commentaire.Etat.RESOLU if resolu_le else Commentaire.Etat.OUVERT,
                resolu_le=self.moment(self.day(resolu_le), 16) if resolu_le else None,
                resolu_par=self.person(code, Role.COORDINATION) if resolu_le else None,
            )
            if reponse:
                self.answers.append((commentaire, reponse, self.person(code, Role.COORDINATION)))
            self.comments.append(self.batch.add(commentaire))
            self.written.append(self.moment(self.day(date), 14))

    # Meetings
