"""What leaves the room of voices: the sheet of an atelier, and the results of a questionnaire as tables."""

import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.text import slugify

from ctg_portal.documents import image_data
from ctg_portal.tableurs import Colonne, Feuille, write_csv, write_xlsx
from diagnostics.models import Atelier, Question, Questionnaire, Resultats, resultats_of
from diagnostics.models.resultats import SEUIL

LIGNES_NOTES = 8
"""Lines to write on: a short sheet stays on one page."""
COLONNES_RESULTATS = (
    Colonne("Question", largeur=60),
    Colonne("Réponse", largeur=40),
    Colonne("Nombre", "entier", 10),
    Colonne("Part (%)", "entier", 10),
    Colonne("Personnes ayant répondu", "entier", 14),
)
PEU_DE_REPONSES = f"Moins de {SEUIL} réponses : le détail n’est pas donné"
COLONNES_JOURS = (Colonne("Jour", largeur=26), Colonne("Réponses", "entier", 12))
COLONNES_TEXTES = (Colonne("Question", largeur=60), Colonne("Réponse libre", largeur=90))


def atelier_context(atelier: Atelier, today: datetime.date | None = None) -> dict[str, Any]:
    """``atelier`` comes from ``for_sheet()``."""
    convention = atelier.diagnostic.convention
    return {
        "atelier": atelier,
        "convention": convention,
        "territoire": convention.territoire,
        "logo": image_data(convention.territoire.logo),
        "titre": f"Atelier – {atelier.intitule} – {convention.territoire.nom}",
        "date": today or timezone.localdate(),
        "lignes": range(LIGNES_NOTES),
    }


def atelier_html(atelier: Atelier) -> str:
    return render_to_string("diagnostics/pdf/atelier.html", atelier_context(atelier))


def atelier_filename(atelier: Atelier) -> str:
    """« atelier-cazals-salviac-grandir-a-cazals-salviac.pdf »."""
    territoire = slugify(atelier.diagnostic.convention.territoire.nom_court)
    nom = slugify(atelier.intitule)[:60].strip("-") or str(atelier.pk)
    return f"atelier-{territoire}-{nom}.pdf"


def resultats_filename(questionnaire: Questionnaire) -> str:
    """To be followed by its extension."""
    territoire = slugify(questionnaire.diagnostic.convention.territoire.nom_court)
    nom = slugify(questionnaire.intitule)[:60].strip("-") or str(questionnaire.pk)
    return f"questionnaire-{territoire}-{nom}-{timezone.localdate():%Y-%m-%d}"


def resultats_feuille(resultats: Resultats) -> Feuille:
    """One row a possible answer; one alone when too few people answered."""
    lignes: list[tuple[Any, ...]] = []
    for resultat in resultats.questions:
        intitule, repondants = resultat.question.intitule, resultat.repondants
        if resultat.question.nature != Question.Nature.TEXTE and not resultat.has_detail:
            lignes.append((intitule, PEU_DE_REPONSES, None, None, repondants))
        for ligne in resultat.lignes:
            lignes.append((intitule, ligne.label, ligne.nombre, resultat.part(ligne), repondants))
    return Feuille("Résultats", COLONNES_RESULTATS, lignes)


def resultats_csv(questionnaire: Questionnaire) -> bytes:
    return write_csv(resultats_feuille(resultats_of(questionnaire)))


def resultats_xlsx(questionnaire: Questionnaire) -> bytes:
    """Counts, days and free answers, each apart: no row tells all that one person answered."""
    resultats = resultats_of(questionnaire)
    textes = sorted(
        (resultat.question.ordre, resultat.question.intitule, texte)
        for resultat in resultats.questions
        for texte in resultat.textes
    )
    return write_xlsx(
        [
            resultats_feuille(resultats),
            Feuille(
                "Réponses par jour", COLONNES_JOURS, [(row.label, row.nombre) for row in resultats.jours]
            ),
            Feuille("Réponses libres", COLONNES_TEXTES, [row[1:] for row in textes]),
        ],
        titre=f"{questionnaire.intitule}, résultats",
        auteur=questionnaire.diagnostic.convention.territoire.nom,
    )
