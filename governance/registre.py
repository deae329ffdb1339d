"""The register of decisions as a sheet."""

from collections.abc import Iterable

from ctg_portal.tableurs import Colonne, Feuille
from governance.models import Decision

COLONNES = (
    Colonne("Numéro", largeur=16),
    Colonne("Date", "date", 12),
    Colonne("Instance", largeur=26),
    Colonne("Nature", largeur=22),
    Colonne("Décision", largeur=60),
    Colonne("Prise", largeur=26),
    Colonne("Fiches et effets", largeur=44),
    Colonne("Qui s’en charge", largeur=26),
    Colonne("Échéance", "date", 12),
    Colonne("Réalisée le", "date", 12),
)


def register_sheet(decisions: Iterable[Decision]) -> Feuille:
    """One row a decision; the effects are those that ``for_list(user)`` loaded."""
    return Feuille(
        "Décisions",
        COLONNES,
        [
            (
                decision.numero,
                decision.reunion.jour,
                decision.reunion.instance.intitule,
                decision.get_nature_display(),
                decision.texte,
                decision.prise,
                "\n".join(effet.phrase for effet in decision.effets.all()),
                decision.responsable,
                decision.echeance,
                decision.realisee_le,
            )
            for decision in decisions
        ],
    )
