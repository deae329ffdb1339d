"""A change of avancement made from a board: refused when somebody was faster, and taken back while it is the last one."""

import datetime
from typing import NamedTuple

from django.db import transaction

from actions.models.fiche import Avancement, FicheAction, Redaction, Transition
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError


class Mouvement(NamedTuple):
    """A move that was made: its line of the journal, what is said of it, and what is needed to take it back."""

    fiche: int
    ligne: int
    phrase: str
    motif: str
    """Of the abandon it came out of."""
    fin_reelle: str
    """The real end it had, as an ISO date; « » for none."""


@transaction.atomic
def move_card(fiche: FicheAction, vers: str, *, depuis: str, by: User) -> Mouvement:
    """Change the avancement as ``move_avancement`` does, if it is still ``depuis``, the one that the board showed."""
    fiche._lock()
    if fiche.avancement != depuis:
        last = fiche.journal.filter(champ=Transition.Champ.AVANCEMENT).select_related("by").first()
        who = f"{last.by} l’a déjà changée" if last else "elle a déjà été changée"
        raise TransitionError(
            f"«\u00a0{fiche}\u00a0» n’a pas été déplacée\u00a0: {who} entre-temps, elle est maintenant "
            f"«\u00a0{fiche.get_avancement_display().lower()}\u00a0»."
        )
    motif, fin = fiche.motif_abandon, fiche.fin_reelle
    fiche.move_avancement(vers, by=by)
    ligne = fiche.journal.filter(champ=Transition.Champ.AVANCEMENT).latest("created_at", "pk")
    return Mouvement(
        fiche.pk,
        ligne.pk,
        f"«\u00a0{fiche}\u00a0» est maintenant «\u00a0{fiche.get_avancement_display().lower()}\u00a0».",
        motif,
        fin.isoformat() if fin else "",
    )


@transaction.atomic
def undo_move(fiche: FicheAction, mouvement: Mouvement, *, by: User) -> str:
    """Give back the avancement, the reason and the real end of before; say it.

    The table of transitions does not hold here: what was done a moment ago is undone. ``TransitionError`` when
    somebody changed the avancement since, or when another person made the move.
    """
    fiche._lock()
    lines = fiche.journal.filter(champ=Transition.Champ.AVANCEMENT)
    last = lines.order_by("-created_at", "-pk").first()
    if last is None or last.pk != mouvement.ligne or last.by_id != by.pk or fiche.avancement != last.vers:
        raise TransitionError(
            f"L’avancement de «\u00a0{fiche}\u00a0» a changé depuis\u00a0: ce déplacement ne s’annule plus."
        )
    if fiche.redaction == Redaction.ARCHIVEE:
        raise TransitionError("Cette fiche est archivée\u00a0: son avancement ne change plus.")
    fin = datetime.date.fromisoformat(mouvement.fin_reelle) if mouvement.fin_reelle else None
    if fiche.debut and fin and fin < fiche.debut:
        raise TransitionError(
            f"Le début de «\u00a0{fiche}\u00a0» a changé depuis\u00a0: sa fin réelle d’avant, le {date_fr(fin)}, "
            "le précéderait. Ce déplacement ne s’annule plus."
        )
    fiche._journal(Transition.Champ.AVANCEMENT, last.vers, last.depuis, by=by, motif="Déplacement annulé.")
    fiche.avancement = last.depuis
    fiche.motif_abandon = mouvement.motif if last.depuis == Avancement.ABANDONNEE else ""
    fiche.fin_reelle = fin
    fiche.save(update_fields=["avancement", "motif_abandon", "fin_reelle", "updated_at"])
    return f"«\u00a0{fiche}\u00a0» est de nouveau «\u00a0{fiche.get_avancement_display().lower()}\u00a0»."
