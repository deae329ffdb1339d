"""From a preview to the plan: read again under lock, compared with what was seen, written whole or not at all."""

from collections.abc import Callable, Mapping
from typing import Protocol

import pghistory
from django.db import IntegrityError, transaction

from actions.models import EnvoiPlan
from actions.tableur.apercu import Apercu, Genre, Sorte, compte
from actions.tableur.contenu import plan_of
from actions.tableur.dossiers import lock_plan
from ctg_portal.imports import ImportRefuse
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError


class ApercuPerimeError(TransitionError):
    """What would be written is no longer what was shown."""


class Lu(Protocol):
    """A file read against the plan of now."""

    apercu: Apercu

    def write(self, *, by: User) -> None: ...


Lire = Callable[[EnvoiPlan, User, Mapping[str, str] | None], Lu]


def confirm_envoi(
    envoi: EnvoiPlan,
    lire: Lire,
    *,
    empreinte: str,
    decisions: Mapping[str, str],
    sans_refusees: bool,
    by: User,
) -> EnvoiPlan:
    """Write what was shown, all or nothing.

    Raises ``ApercuPerimeError`` when what would be written is no longer what ``empreinte`` was given for: the preview kept
    is then the new one. Raises ``TransitionError`` with a sentence when conflicts wait, when cells are refused and
    ``sans_refusees`` does not leave them aside, or when there is nothing to write.
    """
    try:
        with transaction.atomic():
            return _confirm(envoi, lire, empreinte, decisions, sans_refusees, by)
    except ApercuPerimeError:
        envoi.refresh_from_db()
        envoi.rapport = lire(envoi, by, None).apercu.as_json()
        envoi.save(update_fields=["rapport", "updated_at"])
        raise
    except ImportRefuse as refus:
        raise TransitionError(str(refus)) from refus
    except IntegrityError as error:
        raise TransitionError(
            "Quelqu’un vient d’écrire la même chose, ou la base refuse une ligne : rien n’est écrit. Recommencez."
        ) from error


def _confirm(
    envoi: EnvoiPlan,
    lire: Lire,
    empreinte: str,
    decisions: Mapping[str, str],
    sans_refusees: bool,
    by: User,
) -> EnvoiPlan:
    plan = plan_of(envoi.convention)
    if plan is not None:
        lock_plan(plan)
    envoi.lock()
    lu = lire(envoi, by, decisions)
    apercu = lu.apercu
    if apercu.empreinte != empreinte:
        raise ApercuPerimeError(
            "Le plan a changé depuis l’aperçu : rien n’est écrit. Regardez le nouvel aperçu, puis confirmez."
        )
    if refusal := _refusal(apercu, Apercu.from_json(envoi.rapport), sans_refusees=sans_refusees):
        raise TransitionError(refusal)
    resume = _resume(envoi, apercu)
    with pghistory.context(par=by.pk, classeur=resume):
        lu.write(by=by)
    envoi.record(resume, apercu.as_json())
    return envoi


def require_choices(
    apercu: Apercu, *, empreinte: str, decisions: Mapping[str, str], sans_refusees: bool
) -> None:
    """What the preview alone tells before a long writing is asked for. Raises as ``confirm_envoi``."""
    if apercu.empreinte != empreinte:
        raise ApercuPerimeError("Cet aperçu a été remplacé : regardez le nouveau, puis confirmez.")
    for cellule in apercu.conflits:
        cellule.choix = decisions.get(f"conflit-{cellule.cle}", "")
    for retrait in apercu.retraits:
        retrait.coche = bool(decisions.get(f"retrait-{retrait.cle}"))
    if refusal := _refusal(apercu, apercu, sans_refusees=sans_refusees):
        raise TransitionError(refusal)


def _refusal(apercu: Apercu, seen: Apercu, *, sans_refusees: bool) -> str:
    """Why nothing is written, in French; « » when it may be."""
    waiting = [cellule for cellule in apercu.conflits if not cellule.choix]
    if waiting:
        return (
            f"{compte(len(waiting), 'case attend', 'cases attendent')} votre choix : gardez votre texte, ou celui du "
            "portail."
        )
    shown = {cellule.cle for cellule in seen.of(Sorte.REFUS)}
    if unseen := [cellule for cellule in apercu.of(Sorte.REFUS) if cellule.cle not in shown]:
        said = " ".join(f"{cellule.adresse} : {cellule.motif}" for cellule in unseen[:5])
        return f"Avec ces choix, ou depuis l’aperçu, le plan refuse : {said} Rien n’est écrit."
    if apercu.refusees and not sans_refusees:
        return (
            f"{compte(apercu.refusees, 'case est refusée', 'cases sont refusées')} : corrigez le fichier et renvoyez-le, "
            "ou cochez la case qui les laisse de côté."
        )
    if not apercu.ecrites and not any(retrait.coche for retrait in apercu.retraits):
        return "Il n’y a rien à écrire."
    return ""


def _resume(envoi: EnvoiPlan, apercu: Apercu) -> str:
    what = "du plan" if envoi.nature == EnvoiPlan.Nature.PLAN else "du classeur"
    said = [compte(apercu.ecrites, "cellule")]
    added = sum(
        objet.genre is Genre.NOUVEAU and any(c.is_ecrite for c in objet.cellules) for objet in apercu.objets
    )
    removed = sum(retrait.coche for retrait in apercu.retraits)
    if added:
        said.append(compte(added, "ligne ajoutée", "lignes ajoutées"))
    if removed:
        said.append(compte(removed, "ligne retirée", "lignes retirées"))
    return f"Import {what} « {envoi.nom_fichier[-120:]} » : {', '.join(said)}"
