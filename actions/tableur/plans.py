"""A plan made elsewhere, step by step: its file is kept, its columns are described, it is shown, then written."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from actions.models import CorrespondancePlan, EnvoiPlan
from actions.tableur.contenu import Contenu, plan_of
from actions.tableur.importation import Importation
from actions.tableur.tableau import best_sheet, find_head, tableau_of
from ctg_portal.grilles import read_grilles
from ctg_portal.imports import ImportRefuse
from ctg_portal.models import User


@transaction.atomic
def send(*, convention: Any, nom: str, contenu: bytes, by: User) -> EnvoiPlan:
    """Keep a file to describe. Raises ``ImportRefuse`` if it cannot be read."""
    grille = best_sheet(read_grilles(contenu, nom))
    envoi = EnvoiPlan.keep(
        convention=convention, nature=EnvoiPlan.Nature.PLAN, nom=nom, contenu=contenu, by=by
    )
    envoi.reponses = {"feuille": grille.titre, "entete": find_head(grille)[0]}
    envoi.save(update_fields=["reponses"])
    return envoi


@transaction.atomic
def describe(envoi: EnvoiPlan, *, colonnes: list[str], dates: str, axe: str, by: User) -> int:
    """Keep what the columns mean, here and for the next file with the same head; say how many rows are to be read."""
    tableau = tableau_of(envoi)
    envoi.answer({"colonnes": colonnes, "dates": dates, "axe": axe}, by=by)
    CorrespondancePlan.objects.update_or_create(
        territoire=envoi.convention.territoire,
        entete=tableau.empreinte,
        defaults={"intitule": envoi.nom_fichier[-150:], "colonnes": colonnes},
    )
    return len(tableau.lignes)


@transaction.atomic
def retitle(envoi: EnvoiPlan, ligne: int, titre: str, *, by: User) -> int:
    """A row that was set aside is an action, of that title; say how many rows are to be read."""
    envoi.hold()
    tableau = tableau_of(envoi)
    envoi.answer({"lignes": envoi.reponses.get("lignes", {}) | {str(ligne): titre}}, by=by)
    return len(tableau.lignes)


def read(envoi: EnvoiPlan, user: User, decisions: Mapping[str, str] | None = None) -> Importation:
    """The fiches that the file would make now. Raises ``ImportRefuse`` when its table cannot be read."""
    plan = plan_of(envoi.convention)
    if plan is None:
        raise ImportRefuse("Cette convention n’a pas de plan à elle : ouvrez-le d’abord.")
    if not envoi.reponses.get("colonnes"):
        raise ImportRefuse("Dites d’abord ce que contient chaque colonne.")
    return Importation(Contenu(plan, user), envoi, tableau_of(envoi))
