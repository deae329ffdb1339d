"""The first words of an e-mail about a meeting: a draft to read again, and to change."""

from django.db import transaction

from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from governance.comptes_rendus import approvals_of, sendable
from governance.convocations import prepare_presences
from governance.envois import last_told, require_meeting, told_people
from governance.models import Envoi, Reunion

Nature = Envoi.Nature
Portee = Envoi.Portee


def subject_of(reunion: Reunion, nature: str) -> str:
    """« Convocation : comité de pilotage du 8 décembre 2026 ». A reminder set ahead follows the date: it names none."""
    what = f"{reunion.instance.intitule}"[:100]
    day = date_fr(reunion.debut)
    return {
        Nature.CONVOCATION.value: f"Convocation : {what}, {day}",
        Nature.MODIFICATION.value: f"Changement : {what}, {day}",
        Nature.ANNULATION.value: f"Annulation : {what}, {day}",
        Nature.RAPPEL.value: f"Rappel : {what}, votre réponse est attendue",
        Nature.DIFFUSION.value: f"{what}, {day} : documents",
    }[nature]


def date_moved(reunion: Reunion) -> bool:
    """It no longer begins when people were told it would: their answers were for another day."""
    told = last_told(reunion)
    return told is not None and told.faits["debut"] != reunion.debut.isoformat()


@transaction.atomic
def draft_of(reunion: Reunion, nature: str, *, by: User) -> Envoi:
    """The draft of this nature, begun if there is none; the people expected are copied from the seats the first time.

    Raise ``TransitionError`` when the state of the meeting does not go with the nature.
    """
    reunion = (
        Reunion.objects.select_for_update(of=("self",))
        .select_related("instance__convention__territoire")
        .get(pk=reunion.pk)
    )
    require_meeting(Envoi(reunion=reunion, nature=nature))
    found = reunion.envois.filter(nature=nature, statut=Envoi.Statut.BROUILLON).first()
    if found is not None:
        return found
    if nature != Nature.DIFFUSION and reunion.is_modifiable and not reunion.presences.exists():
        prepare_presences(reunion)
    told = bool(told_people(reunion))
    portee = {
        Nature.CONVOCATION.value: Portee.NOUVEAUX if told else Portee.TOUS,
        Nature.ANNULATION.value: Portee.CONVOQUES if told else Portee.TOUS,
        Nature.RAPPEL.value: Portee.SANS_REPONSE,
    }.get(nature, Portee.TOUS)
    # What was stopped is taken up where it was left.
    stopped = reunion.envois.filter(nature=nature).order_by("-pk").first()
    again = stopped is not None and stopped.statut == Envoi.Statut.ARRETE
    envoi = Envoi.objects.create(
        reunion=reunion,
        nature=nature,
        portee=portee,
        objet=subject_of(reunion, nature),
        message=stopped.message if again and stopped else "",
        redemander=nature == Nature.MODIFICATION and date_moved(reunion),
        auteur=by,
    )
    if nature == Nature.DIFFUSION:
        envoi.documents.set(sendable(reunion))
        if not envoi.message:
            envoi.message = approvals_of(reunion)
            envoi.save(update_fields=["message"])
    return envoi
