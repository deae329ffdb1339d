"""The workbook of a long plan, written in the background: it is read when it is written, as whoever asked may then read it."""

import hashlib
import json

from django.utils import timezone

from actions.models import PlanActions
from actions.tableur.contenu import Contenu
from actions.tableur.export import write_classeur
from conventions.models import Impression
from conventions.operations.impressions import Format, ask_impression
from ctg_portal.models import User
from ctg_portal.tableurs import XLSX
from ctg_portal.workflow import TransitionError

SANS_ATTENDRE = 40
"""Fiches of a workbook that is written while the person waits: half a second."""


def ask_classeur(plan: PlanActions, *, by: User, total: int, prevenir: bool) -> Impression:
    """Asked twice in a minute, written once; later, anew: an old one would come back as conflicts."""
    convention = plan.convention
    minute = timezone.now().replace(second=0, microsecond=0).isoformat()
    return ask_impression(
        convention=convention,
        html=json.dumps({"plan": plan.pk, "user": by.pk, "minute": minute}),
        titre=f"Classeur de travail, {convention}",
        nom_fichier=classeur_name(plan),
        by=by,
        sortie=Impression.Sortie.CLASSEUR,
        total=total,
        prevenir=prevenir,
    )


def classeur_name(plan: PlanActions) -> str:
    return f"plan-{plan.convention.code}.xlsx"


def _write(source: str) -> bytes:
    given = json.loads(source)
    plan = PlanActions.objects.select_related("convention__territoire").get(pk=given["plan"])
    user = User.objects.get(pk=given["user"], is_active=True)
    if not user.has_perm("actions.send_back_planactions", plan):
        raise TransitionError("Le classeur n’est plus à prendre par cette personne.")
    return write_classeur(Contenu(plan, user))


CLASSEUR = Format(XLSX, _write, lambda source: hashlib.sha256(f"classeur {source}".encode()).hexdigest())
