"""Territoires, organisations, équipements, functions and accounts of the demonstration."""

from typing import Any

from django.contrib.auth.hashers import make_password
from django.core.files.base import ContentFile

from conventions.models import (
    Equipement,
    Habilitation,
    Mandat,
    Organisation,
    Territoire,
    TypeEquipement,
)
from ctg_portal.demo.accounts import ACCOUNTS, PASSWORD
from ctg_portal.demo.etat import Etat, pick
from ctg_portal.demo.logos import draw_logo
from ctg_portal.demo.reader import cells
from ctg_portal.models import User


class Territoires(Etat):
    DATES_EQUIPEMENT = ("cof_debut", "cof_fin", "ouvert_le", "ferme_le")

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
