"""Reading a file and writing what it says: at once when it is short, by the worker when it is long.

What a long file waits for is kept on its row, so that its page says where it is and what came of it, whoever did it: the
worker, or the person who waits when the worker is away.
"""

import datetime
import logging
import time
from collections.abc import Mapping

import pghistory
from django.db import transaction
from django.utils import timezone
from django_tasks import task

from actions.models import EnvoiPlan
from actions.tableur import plans, retour
from actions.tableur.apercu import Apercu
from actions.tableur.confirmation import Lire, confirm_envoi, require_choices
from conventions.operations.impressions import RYTHME, is_worker_away
from ctg_portal.avance import followed_by
from ctg_portal.imports import ImportRefuse
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

logger = logging.getLogger(__name__)
SUR_PLACE = 80
"""Rows that are read, or fiches that are written, while the person waits: two or three seconds."""
PATIENCE = {
    EnvoiPlan.Travail.LECTURE.value: datetime.timedelta(seconds=20),
    EnvoiPlan.Travail.ECRITURE.value: datetime.timedelta(seconds=90),
}
"""After how long without a sign the worker is thought to be at something else."""
IMPREVU = "Quelque chose d’imprévu a arrêté ce travail : rien n’est écrit. Recommencez ; si cela se répète, prévenez l’administration."
LECTEURS: Mapping[str, Lire] = {
    EnvoiPlan.Nature.RETOUR.value: retour.read,
    EnvoiPlan.Nature.PLAN.value: plans.read,
}


def preview(envoi: EnvoiPlan, *, lignes: int, by: User) -> EnvoiPlan:
    """Show what ``envoi`` would write: now, or soon when it has many ``lignes``. Raises ``ImportRefuse``."""
    if lignes > SUR_PLACE:
        return _ask(envoi, EnvoiPlan.Travail.LECTURE, {}, total=lignes, by=by)
    envoi.show(LECTEURS[envoi.nature](envoi, by, None).apercu.as_json())
    return envoi


def confirm(
    envoi: EnvoiPlan, *, empreinte: str, decisions: Mapping[str, str], sans_refusees: bool, by: User
) -> EnvoiPlan:
    """Write what was shown, all or nothing: now, or soon when it touches many fiches. Raises as ``confirm_envoi``."""
    apercu = Apercu.from_json(envoi.rapport)
    touched = {objet.fiche for objet in apercu.objets}
    if len(touched) > SUR_PLACE:
        require_choices(apercu, empreinte=empreinte, decisions=decisions, sans_refusees=sans_refusees)
        demande = {"empreinte": empreinte, "decisions": dict(decisions), "sans_refusees": sans_refusees}
        return _ask(envoi, EnvoiPlan.Travail.ECRITURE, {"demande": demande}, total=len(touched), by=by)
    return confirm_envoi(
        envoi,
        LECTEURS[envoi.nature],
        empreinte=empreinte,
        decisions=decisions,
        sans_refusees=sans_refusees,
        by=by,
    )


@transaction.atomic
def _ask(envoi: EnvoiPlan, travail: str, reponses: dict[str, object], *, total: int, by: User) -> EnvoiPlan:
    envoi.entrust(travail, reponses, total=total, by=by)
    transaction.on_commit(lambda: do_travail.enqueue(str(envoi.pk)))
    return envoi


def is_left_waiting(envoi: EnvoiPlan) -> bool:
    """Whether nobody does what it waits for, so that the person may ask for it now: the worker is away, or at a long
    drawing. Done twice at once, it is written once."""
    if envoi.travail_depuis is None:
        return False
    waited = timezone.now() - envoi.travail_depuis
    begun = envoi.travail == EnvoiPlan.Travail.LECTURE and envoi.faites
    return is_worker_away(envoi.travail_depuis) or (waited > PATIENCE[envoi.travail] and not begun)


@task(priority=10)
def do_travail(pk: str) -> None:
    """Read or write what was asked of a file; what refuses it is written on its row, so that its page says so."""
    envoi = (
        EnvoiPlan.objects.select_related("auteur", "convention__territoire__departement")
        .filter(pk=pk)
        .first()
    )
    if envoi is None or not envoi.travail:
        return
    by, since = envoi.auteur, envoi.travail_depuis
    try:
        # As a request of the person would say it in the history.
        with pghistory.context(user=by.pk, nom=str(by), url=envoi.get_absolute_url()):
            if not by.is_active or not by.has_perm("actions.change_envoiplan", envoi):
                raise TransitionError("Vous n’écrivez plus dans ce plan : rien n’est écrit.")
            TRAVAUX[envoi.travail](envoi, by)
    except (TransitionError, ImportRefuse) as refus:
        envoi.give_up(str(refus), since=since)
    except Exception:
        envoi.give_up(IMPREVU, since=since)
        raise


def _lire(envoi: EnvoiPlan, by: User) -> None:
    since, last = envoi.travail_depuis, time.monotonic()

    def mark(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= RYTHME:
            last = time.monotonic()
            envoi.mark(done, since=since)

    with followed_by(mark):
        apercu = LECTEURS[envoi.nature](envoi, by, None).apercu
    envoi.show(apercu.as_json(), since=since)


def _ecrire(envoi: EnvoiPlan, by: User) -> None:
    demande = envoi.reponses["demande"]
    confirm_envoi(envoi, LECTEURS[envoi.nature], by=by, **demande)


TRAVAUX = {EnvoiPlan.Travail.LECTURE.value: _lire, EnvoiPlan.Travail.ECRITURE.value: _ecrire}


def do_now(envoi: EnvoiPlan) -> None:
    """Done here, when no worker is there to do it. Whatever stops it is written on the row."""
    try:
        with transaction.atomic():
            do_travail.func(str(envoi.pk))
    except Exception:
        logger.exception("Envoi %s could not be done", envoi.pk)
        envoi.give_up(IMPREVU, since=envoi.travail_depuis)
