"""Conventions, their money, documents and avenants."""

from typing import Any

from django.core.files.base import ContentFile
from django.template.loader import render_to_string

from conventions.models import (
    Avenant,
    Convention,
    Document,
    Financement,
    Habilitation,
    Partenaire,
    Phase,
    Signataire,
)
from ctg_portal.demo.etat import Etat, pick
from ctg_portal.demo.reader import amount, cells
from ctg_portal.depots import Depot, read_depot
from ctg_portal.documents import render_pdf

Role = Habilitation.Role


AVERTISSEMENT = (
    "Données d’illustration : les faits publiés par le territoire sont repris ; "
    "les fiches, dates de réunion et valeurs d’indicateurs sont inventées."
)


class Conventions(Etat):
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
