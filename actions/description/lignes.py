"""What a loaded fiche says that no column of its own holds: rows of its tables, and sentences. No query."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from actions.description.forme import Valeur
from actions.models.fiche import FicheAction
from actions.models.lecture import effets_of
from actions.models.liens import links_of
from actions.models.parts import Bilan
from actions.models.pieces import pieces_of
from ctg_portal.templatetags.portal import ESPACE_INSECABLE, date_fr, euros, nombre


def rows_with(names: Sequence[str], rows: Iterable[Any]) -> list[dict[str, Valeur]]:
    return [{name: getattr(row, name) for name in names} for row in rows]


def say_retard(fiche: FicheAction) -> str:
    """Since when it is late, never for how long: a printed sheet is still true tomorrow."""
    depuis = fiche.retard_depuis
    if depuis is None:
        return ""
    if fiche.is_late_by_etape:
        return f"une étape en retard depuis le {date_fr(depuis)}"
    return f"en retard depuis le {date_fr(fiche.echeance)}"


def say_pilotes(fiche: FicheAction) -> list[str]:
    found = []
    for pilote in fiche.pilotes.all():
        ecrit = pilote.user is not None and pilote.nom and pilote.nom != pilote.user.nom
        found.append(
            f"{pilote}{f', {pilote.fonction}' if pilote.fonction else ''}"
            f"{f' (écrit « {pilote.nom} »)' if ecrit else ''}"
        )
    return found


def say_partenaires(fiche: FicheAction) -> list[str]:
    rows: list[dict[str, str]] = fiche.rows_partenaires  # type: ignore[attr-defined]  # annotated
    return [row["nom"] + (f"{ESPACE_INSECABLE}: {row['role']}" if row["role"] else "") for row in rows]


def say_prochaine_etape(fiche: FicheAction) -> str:
    etape = fiche.suivi.prochaine_etape
    if etape is None:
        return ""
    due = f", pour le {date_fr(etape.echeance)}" if etape.echeance else ""
    return f"{etape.intitule}{due}{f' ({etape.responsable})' if etape.responsable else ''}"


def rows_etapes(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {
            **{
                name: getattr(ligne.etape, name)
                for name in ("intitule", "responsable", "echeance", "faite_le")
            },
            "remarques": [*(["en retard"] if ligne.jours_de_retard else []), *ligne.remarques],
        }
        for ligne in fiche.suivi.etapes
    ]


def say_equilibre(fiche: FicheAction) -> list[str]:
    """The balance of the money in sentences, with what the totals leave out."""
    budget = fiche.suivi.budget
    said = list(budget.phrases)
    if budget.hors_periode:
        years = ", ".join(str(annee) for annee in budget.hors_periode)
        said.append(
            f"{years}{ESPACE_INSECABLE}: hors de la convention ({fiche.convention.periode}), compté dans les totaux."
        )
    if budget.refuses is not None:
        said.append(f"Les financements refusés ({euros(budget.refuses)}) ne comptent pas.")
    return said


def rows_exercices(fiche: FicheAction) -> list[dict[str, Valeur]]:
    """The money by year, years without any left out, and the total in the last row."""
    budget = fiche.suivi.budget
    if budget.is_vide:
        return []
    kept = [exercice for exercice in budget.exercices if not exercice.is_vide]
    return [
        {
            "annee": exercice.annee,
            "hors_periode": "hors convention" if exercice.hors_periode else "",
            **{
                f"{nature}_{name}": getattr(getattr(exercice, nature), name)
                for nature in ("fonctionnement", "investissement", "total")
                for name in ("prevu", "realise")
            },
            "demande": exercice.demande,
            "obtenu": exercice.obtenu,
            "equilibre": exercice.equilibre,
        }
        for exercice in [*kept, budget.total]
    ]


def rows_imputes(fiche: FicheAction) -> list[dict[str, Valeur]]:
    """Money of the contracts that pays the action, as ``ImputationQuerySet.rows_for_page`` loads it."""
    rows: list[dict[str, Any]] = getattr(fiche, "rows_financements", [])
    names = ("exercice", "dispositif", "financeur", "beneficiaire", "prevu", "notifie", "verse")
    found = []
    for row in rows:
        said = {name: row[name] for name in names}
        for name in ("prevu", "notifie", "verse"):
            said[name] = None if row[name] is None else Decimal(row[name])
        said["contrat"] = "" if row["code"] == fiche.convention.code else row["convention"]
        found.append(said)
    return found


def dire_mesure(mesure: Mapping[str, Valeur]) -> str:
    """« 2024 : 12, malgré les travaux (source : CAF) »."""
    valeur = "non mesuré" if mesure["valeur"] is None else nombre(mesure["valeur"])
    comment = f", {mesure['commentaire']}" if mesure["commentaire"] else ""
    source = f" (source{ESPACE_INSECABLE}: {mesure['source']})" if mesure["source"] else ""
    return f"{mesure['annee']}{ESPACE_INSECABLE}: {valeur}{comment}{source}"


def rows_indicateurs(fiche: FicheAction) -> list[dict[str, Valeur]]:
    names = ("intitule", "nature", "unite", "valeur_initiale", "date_initiale", "cible", "echeance_cible")
    return [
        {
            **{name: getattr(trajectoire.indicateur, name) for name in names},
            "situation": trajectoire.phrase,
            "mesures": [
                {name: getattr(releve, name) for name in ("annee", "valeur", "commentaire", "source")}
                for releve in trajectoire.releves
            ],
            "courbe": trajectoire.courbe,
        }
        for trajectoire in fiche.suivi.trajectoires
    ]


def rows_notes(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {"date": note.date, "auteur": str(note.auteur), "texte": note.texte} for note in fiche.notes.all()
    ]


def rows_decisions(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {
            "numero": effet.decision.numero,
            "texte": effet.decision.texte,
            "effet": effet.get_effet_display(),
            "decision": effet.decision_id,
        }
        for effet in effets_of(fiche)
    ]


BILAN = ("annee", "atteinte", "suite", "realise", "ecarts", "faits_marquants", "perspectives")


def head_of_bilan(bilan: Mapping[str, Valeur]) -> str:
    """« Bilan 2024 : atteint en partie, poursuivre »."""
    said = [
        str(Bilan.Atteinte(bilan["atteinte"]).label).lower() if bilan["atteinte"] else "",
        str(Bilan.Suite(bilan["suite"]).label).lower() if bilan["suite"] else "",
    ]
    outcome = ", ".join(filter(None, said))
    return f"Bilan {bilan['annee']}{f'{ESPACE_INSECABLE}: {outcome}' if outcome else ''}"


def rows_pieces(fiche: FicheAction) -> list[dict[str, Valeur]]:
    return [
        {
            "titre": piece.titre,
            "nom_fichier": piece.nom_fichier,
            "date": piece.date,
            "deposee_le": piece.deposee_le,
            "auteur": piece.auteur,
        }
        for piece in pieces_of(fiche)
    ]


def rows_liens(fiche: FicheAction) -> list[dict[str, Valeur]]:
    """Those that the loaded row carries: what the reader may see, or what a document may hold."""
    if not hasattr(fiche, "rows_liens_vers"):
        return []
    return [
        {
            "lien": bout.titre,
            "autre": bout.autre,
            "contrat": bout.convention if bout.convention_code != fiche.convention.code else "",
            "alerte": bout.alerte,
        }
        for bout in links_of(fiche)
    ]
