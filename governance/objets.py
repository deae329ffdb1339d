"""The subject of an e-mail about a meeting: what the portal writes, and whether it still names the right day."""

import re

from ctg_portal.templatetags.portal import MOIS, date_fr
from governance.models import Envoi, Reunion

Nature = Envoi.Nature

JOUR = re.compile(rf"\b\d{{1,2}}(?:er)? (?:{'|'.join(MOIS)}) \d{{4}}\b")
"""A day as ``date_fr`` says it, its spaces made plain."""


def subject_of(reunion: Reunion, nature: str, portee: str = "") -> str:
    """« Convocation : comité de pilotage du 8 décembre 2026 ». A reminder set ahead follows the date: it names none."""
    what = f"{reunion.instance.intitule}"[:100]
    day = date_fr(reunion.debut)
    if nature == Nature.ANNULATION and portee == Envoi.Portee.PARTIS:
        return f"Vous n’êtes plus attendu·e : {what}, {day}"
    return {
        Nature.CONVOCATION.value: f"Convocation : {what}, {day}",
        Nature.MODIFICATION.value: f"Changement : {what}, {day}",
        Nature.ANNULATION.value: f"Annulation : {what}, {day}",
        Nature.RAPPEL.value: f"Rappel : {what}, votre réponse est attendue",
        Nature.DIFFUSION.value: f"{what}, {day} : documents",
    }[nature]


def renewed(envoi: Envoi) -> str:
    """Its subject with the day of the meeting as it is now, where the portal wrote it; else as somebody wrote it."""
    now = subject_of(envoi.reunion, envoi.nature, envoi.portee)
    before, _, after = now.partition(date_fr(envoi.reunion.debut))
    if not (envoi.objet.startswith(before) and envoi.objet.endswith(after)):
        return envoi.objet
    middle = envoi.objet[len(before) : len(envoi.objet) - len(after)]
    return now if JOUR.fullmatch(_plain(middle)) else envoi.objet


def other_day(envoi: Envoi) -> str:
    """A day that the subject names when it does not name that of the meeting; else nothing."""
    days = JOUR.findall(_plain(envoi.objet))
    return "" if not days or _plain(date_fr(envoi.reunion.debut)) in days else days[0]


def _plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")
