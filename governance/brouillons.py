"""The first words of an e-mail about a meeting: a draft to read again, and to change."""

from django.db import transaction

from ctg_portal.models import User
from governance.convocations import prepare_presences
from governance.diffusions import MINUTES, approvals_of, sendable
from governance.envois import date_moved, require_meeting, told_people
from governance.models import Envoi, Reunion
from governance.objets import subject_of
from governance.retraits import retired_from

Nature = Envoi.Nature
Portee = Envoi.Portee


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
    portee = _scope_of(reunion, nature)
    require_meeting(Envoi(reunion=reunion, nature=nature, portee=portee))
    found = reunion.envois.filter(nature=nature, statut=Envoi.Statut.BROUILLON).first()
    if found is not None:
        found.reunion = reunion
        return _brought_up_to_date(found, portee)
    if nature != Nature.DIFFUSION and reunion.is_modifiable and not reunion.presences.exists():
        prepare_presences(reunion)
    # What was stopped is taken up where it was left.
    stopped = reunion.envois.filter(nature=nature).order_by("-pk").first()
    again = stopped is not None and stopped.statut == Envoi.Statut.ARRETE
    envoi = Envoi.objects.create(
        reunion=reunion,
        nature=nature,
        portee=portee,
        objet=subject_of(reunion, nature, portee),
        message=stopped.message if again and stopped else "",
        redemander=nature == Nature.MODIFICATION and date_moved(reunion),
        auteur=by,
    )
    if nature == Nature.DIFFUSION:
        _bring_minutes(envoi, written_for=stopped if again and stopped else envoi)
    return envoi


def _scope_of(reunion: Reunion, nature: str) -> str:
    """To whom it is first meant to go."""
    if nature == Nature.ANNULATION and reunion.statut != Reunion.Statut.ANNULEE:
        return Portee.PARTIS if retired_from(reunion, reunion.presences.all()) else Portee.TOUS
    told = bool(told_people(reunion))
    return {
        Nature.CONVOCATION.value: Portee.NOUVEAUX if told else Portee.TOUS,
        Nature.ANNULATION.value: Portee.CONVOQUES if told else Portee.TOUS,
        Nature.RAPPEL.value: Portee.SANS_REPONSE,
    }.get(nature, Portee.TOUS)


def _brought_up_to_date(draft: Envoi, portee: str) -> Envoi:
    """A draft taken up again: for whom it can be for now, with the minutes as they are approved now."""
    meant = Envoi(reunion=draft.reunion, nature=draft.nature, portee=portee)
    if draft.is_for_retired != meant.is_for_retired:
        # The meeting was cancelled meanwhile: it no longer speaks to the same people.
        draft.portee, draft.objet = portee, subject_of(draft.reunion, draft.nature, portee)
        draft.save(update_fields=["portee", "objet", "updated_at"])
    if draft.nature == Nature.DIFFUSION:
        _bring_minutes(draft, written_for=draft)
    return draft


def _bring_minutes(draft: Envoi, *, written_for: Envoi) -> None:
    """The approved version goes with ``draft``, and its message says who approved that one.

    Its words were written for the files of ``written_for``. What somebody chose among the right files stays.
    """
    there = list(draft.documents.filter(nature__in=MINUTES).without_content())
    right = list(sendable(draft.reunion))
    if not there or {document.pk for document in there} - set(right):
        former = approvals_of(written_for.documents.filter(nature__in=MINUTES))
        draft.documents.remove(*there)
        draft.documents.add(*right)
        said = approvals_of(right)
        if former and former in draft.message:
            draft.message = draft.message.replace(former, said).strip()
        elif not draft.message:
            draft.message = said
        draft.save(update_fields=["message", "updated_at"])
