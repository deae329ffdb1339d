"""The « état des financements » of a beneficiary: a context, a page to print, a workbook."""

import datetime
from collections.abc import Iterable
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from conventions.graphiques import graphique_annees_groupes, graphique_groupes
from conventions.models import (
    Convention,
    Financement,
    Montants,
    Organisation,
    montants_total,
    tableaux_financements,
)
from ctg_portal.documents import image_data
from ctg_portal.tableurs import Colonne, Feuille, Valeur, write_xlsx
from ctg_portal.templatetags.portal import ecart

COLONNES_ETAT = (
    Colonne("Exercice", "entier", 10),
    Colonne("Groupe", largeur=26),
    Colonne("Dispositif", largeur=40),
    Colonne("Objet", largeur=40),
    Colonne("Financeur", largeur=30),
    Colonne("Équipement", largeur=30),
    Colonne("Prévu", "montant", 16),
    Colonne("Notifié", "montant", 16),
    Colonne("Versé", "montant", 16),
    Colonne("Écart", largeur=34),
    Colonne("Référence de la COF", largeur=22),
    Colonne("Source", largeur=50),
)
COLONNES_TOTAUX = (
    Colonne("Exercice", "entier", 10),
    Colonne("Prévu", "montant", 16),
    Colonne("Notifié", "montant", 16),
    Colonne("Versé", "montant", 16),
    Colonne("Écart", largeur=34),
)


def etat_context(
    convention: Convention,
    beneficiaire: Organisation,
    exercice: int | None = None,
    today: datetime.date | None = None,
) -> dict[str, Any]:
    """What ``beneficiaire`` receives beside ``convention``, in one exercice or in all of them."""
    lignes = convention.financements.for_table().filter(beneficiaire=beneficiaire)
    if exercice is not None:
        lignes = lignes.of_year(exercice)
    rows = list(lignes)
    quand = f"exercice {exercice}" if exercice else "tous les exercices"
    several = len({row.exercice for row in rows}) > 1
    return {
        "convention": convention,
        "territoire": convention.territoire,
        "logo": image_data(convention.territoire.logo),
        "beneficiaire": beneficiaire,
        "exercice": exercice,
        "quand": quand,
        "titre": f"État des financements – {beneficiaire} – {quand}",
        "date": today or timezone.localdate(),
        "tableaux": tableaux_financements(rows),
        "total": montants_total(rows),
        "graphiques": [
            *([graphique_annees_groupes(rows)] if several else []),
            graphique_groupes(rows),
        ],
    }


def etat_html(convention: Convention, beneficiaire: Organisation, exercice: int | None = None) -> str:
    return render_to_string("conventions/pdf/etat.html", etat_context(convention, beneficiaire, exercice))


def etat_filename(convention: Convention, beneficiaire: Organisation, exercice: int | None) -> str:
    """« financements-cazals-salviac-cc-cazals-salviac-2022 », to be followed by its extension."""
    territoire = slugify(convention.territoire.nom_court)
    quand = str(exercice) if exercice else "tous-exercices"
    return f"financements-{territoire}-{slugify(beneficiaire.nom)[:60].strip('-')}-{quand}"


def etat_xlsx(convention: Convention, beneficiaire: Organisation, exercice: int | None = None) -> bytes:
    """Two sheets: the lines, and the totals of each exercice."""
    context = etat_context(convention, beneficiaire, exercice)
    lignes = [
        ligne for tableau in context["tableaux"] for groupe in tableau.groupes for ligne in groupe.lignes
    ]
    totaux = [(tableau.exercice, *_montants(tableau.total)) for tableau in context["tableaux"]]
    total: Montants = context["total"]
    return write_xlsx(
        [
            Feuille(
                "Financements",
                COLONNES_ETAT,
                [_ligne(ligne) for ligne in lignes],
                total=("Total", "", "", "", "", "", *_montants(total), "", ""),
            ),
            Feuille("Totaux par exercice", COLONNES_TOTAUX, totaux, total=("Total", *_montants(total))),
        ],
        titre=context["titre"],
        auteur=convention.territoire.nom,
    )


def _montants(montants: Montants | Financement) -> Iterable[Valeur]:
    return montants.prevu, montants.notifie, montants.verse, ecart(montants)


def _ligne(ligne: Financement) -> tuple[Valeur, ...]:
    return (
        ligne.exercice,
        ligne.dispositif.get_groupe_display(),
        ligne.dispositif.intitule,
        ligne.objet,
        ligne.financeur.nom,
        ligne.equipement.nom if ligne.equipement else "",
        *_montants(ligne),
        ligne.reference_cof,
        ligne.source,
    )
