"""Sendings about a meeting: to whom, when, launched by somebody who looked first. See ADR 0027."""

import datetime
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from conventions.operations.impressions import OUVRIER, SILENCE
from ctg_portal.models import Battement, User
from ctg_portal.workflow import TransitionError
from governance.convocations import issue_convocation
from governance.diffusions import carries_other_minutes
from governance.invitations import changes_between, facts_of
from governance.models import Destinataire, Envoi, Presence, Reunion
from governance.models.composition import one_per_person
from governance.models.envoi import RECUS
from governance.objets import renewed
from governance.retraits import retired_from

Statut = Envoi.Statut
Nature = Envoi.Nature
Suite = Destinataire.Statut

HEURE_RAPPEL = 9
"""Hour of Paris at which a reminder set ahead leaves."""
PIECES_MAX = 8 * 1024 * 1024
"""Bytes of the files of one message: many mail servers refuse more than 10 MB once encoded."""


def is_worker_there() -> bool:
    """Whether something will send: see ``Battement``."""
    return Battement.is_alive(OUVRIER, within=SILENCE)


def last_told(reunion: Reunion) -> Envoi | None:
    """The last convocation or modification that left, or is leaving: what people know of the meeting.

    One that went to the newcomers alone taught the others nothing.
    """
    told = reunion.envois.filter(
        nature__in=(Nature.CONVOCATION, Nature.MODIFICATION), destinataires__statut__in=RECUS
    ).order_by("-part_le", "-pk")
    return told.exclude(portee=Envoi.Portee.NOUVEAUX).first() or told.last()


def date_moved(reunion: Reunion) -> bool:
    """It no longer begins when people were told it would: their answers were for another day."""
    told = last_told(reunion)
    return told is not None and told.faits["debut"] != reunion.debut.isoformat()


def told_people(reunion: Reunion) -> set[int]:
    """Keys of the people who have, or may have, the convocation."""
    told = Destinataire.objects.filter(
        envoi__reunion=reunion,
        envoi__nature__in=(Nature.CONVOCATION, Nature.MODIFICATION),
        statut__in=RECUS,
    )
    return {pk for pk in told.values_list("presence_id", flat=True) if pk}


def recipients_of(envoi: Envoi, presences: Sequence[Presence] | None = None) -> list[list[Presence]]:
    """The people it is for, now, with their seats: a person is written to once, whatever the number of seats.

    What takes the meeting out of calendars also goes to those who were convened and are no longer expected.
    """
    rows = list(envoi.reunion.presences.all()) if presences is None else presences
    if envoi.is_for_retired:
        return [[person] for person in retired_from(envoi.reunion, rows)]
    people = one_per_person(rows)
    if envoi.portee == Envoi.Portee.TOUS:
        return people
    told = told_people(envoi.reunion)
    convened = {seats[0].pk for seats in people if any(seat.pk in told for seat in seats)}
    if envoi.portee == Envoi.Portee.SANS_REPONSE:
        # Convened otherwise than from here, nobody is in it: all of them were.
        return [
            seats
            for seats in people
            if all(seat.reponse == Presence.Reponse.ATTENTE for seat in seats)
            and (not told or seats[0].pk in convened)
        ]
    if envoi.portee == Envoi.Portee.NOUVEAUX:
        return [seats for seats in people if seats[0].pk not in convened]
    people = [seats for seats in people if seats[0].pk in convened]
    if envoi.nature == Nature.ANNULATION:
        people += [[person] for person in retired_from(envoi.reunion, rows)]
    return people


def address_of(seats: Sequence[Presence]) -> str:
    """The first address known among the seats of a person."""
    return next((seat.email for seat in seats if seat.email), "")


def preview_mark(envoi: Envoi, faits: dict[str, Any], people: Sequence[Sequence[Presence]]) -> str:
    """Of what was seen: the words, the meeting, the people, the files. What is launched must bear the same.

    Who launches signs: the author is no part of it, nor who organises, which follows.
    """
    seen = [
        envoi.objet,
        envoi.message,
        envoi.portee,
        envoi.redemander,
        envoi.jours_avant,
        {name: value for name, value in faits.items() if name not in ("auteur", "organisateur")},
        [[seats[0].pk, address_of(seats)] for seats in people],
        sorted(str(document.pk) for document in envoi.documents.all()),
    ]
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:20]


def departure_of(envoi: Envoi) -> datetime.datetime:
    """When it would leave if it were launched now."""
    if envoi.jours_avant:
        day = envoi.reunion.jour - datetime.timedelta(days=envoi.jours_avant)
        moment = datetime.datetime.combine(day, datetime.time(HEURE_RAPPEL))
        return timezone.make_aware(moment, timezone.get_default_timezone())
    return timezone.now() + datetime.timedelta(minutes=settings.ENVOI_DELAI)


@transaction.atomic
def launch(envoi: Envoi, *, by: User, seen: str) -> Envoi:
    """Let it leave after the window, to the people it is for now. ``seen`` is the ``preview_mark`` of what was looked at.

    Raise ``TransitionError`` when somebody launched it first, when it is no longer what was seen, or has nobody to go to.
    """
    reunion = (
        Reunion.objects.select_for_update(of=("self",))
        .select_related("instance__convention__territoire")
        .get(pk=envoi.reunion_id)
    )
    held = Envoi.objects.select_for_update(of=("self",)).select_related("auteur").get(pk=envoi.pk)
    held.reunion = reunion
    if not held.is_brouillon:
        raise TransitionError(
            f"Trop tard : {held.auteur} l’a déjà lancé"
            f" ({timezone.localtime(held.updated_at):%d/%m à %H:%M}). Rien n’est envoyé deux fois."
        )
    require_meeting(held)
    faits = told_facts(held, by=by)
    people = recipients_of(held)
    if preview_mark(held, faits, people) != seen:
        raise TransitionError(
            "Ce qui allait partir a changé depuis que vous l’avez relu (texte, réunion ou destinataires) :"
            " relisez-le ci-dessous, puis lancez."
        )
    same = reunion.envois.filter(
        nature=held.nature, statut__in=(Statut.PROGRAMME, Statut.EN_COURS), jours_avant=None
    )
    if not held.jours_avant and same.exists():
        raise TransitionError("Un courriel de cette nature est déjà en partance : attendez, ou arrêtez-le.")
    held.part_le = departure_of(held)
    if held.jours_avant:
        if held.part_le <= timezone.now():
            raise TransitionError("Ce jour est déjà passé : choisissez un rappel plus proche de la réunion.")
    else:
        if not any(address_of(seats) for seats in people):
            raise TransitionError(
                "Personne ne peut le recevoir : aucune des personnes visées n’a d’adresse."
                if people
                else "Il n’y a personne à qui l’envoyer."
            )
        held.faits = faits
        if held.nature == Nature.MODIFICATION:
            _raise_revision(reunion, faits)
        create_recipients(held, people)
        if held.carries_convocation:
            held.documents.add(issue_convocation(reunion, by=by))
    held.statut, held.auteur = Statut.PROGRAMME, by
    held.save()
    return held


def told_facts(envoi: Envoi, *, by: User) -> dict[str, Any]:
    """What the message would say of the meeting now; a modification also says what changed since people were told.

    Calendars know the meeting by its UID and by who organises it (RFC 5546): whoever convened first stays the organiser,
    answers to the message itself go to ``by``.
    """
    faits = facts_of(envoi.reunion, by=by)
    told = last_told(envoi.reunion) if envoi.carries_agenda else None
    if envoi.carries_agenda:
        faits["organisateur"] = faits["auteur"]
    if told is not None:
        faits["organisateur"] = told.faits.get("organisateur") or told.faits["auteur"]
    if told is not None and envoi.nature == Nature.MODIFICATION:
        faits["changements"] = changes_between(told.faits, faits)
    return faits


def _raise_revision(reunion: Reunion, faits: dict[str, Any]) -> None:
    """A calendar takes what it is told again at a higher revision: another agenda or président·e raises it too."""
    told = last_told(reunion)
    if told is not None and faits["changements"] and told.faits["sequence"] >= reunion.sequence:
        reunion.sequence = faits["sequence"] = told.faits["sequence"] + 1
        # A column that no history follows.
        Reunion.objects.filter(pk=reunion.pk).update(sequence=reunion.sequence)


def require_meeting(envoi: Envoi) -> None:
    """Raise ``TransitionError`` when the state of the meeting does not go with the nature of the message."""
    reunion = envoi.reunion
    cancelled = reunion.statut == Reunion.Statut.ANNULEE
    if envoi.nature == Nature.ANNULATION and not envoi.is_for_retired:
        if not cancelled:
            raise TransitionError("La réunion n’est pas annulée : annulez-la d’abord.")
        return
    if cancelled:
        raise TransitionError(
            "La réunion est annulée : seul un courriel d’annulation, préparé depuis la réunion, peut partir."
        )
    if envoi.nature == Nature.DIFFUSION:
        if envoi.pk and carries_other_minutes(envoi):
            raise TransitionError(
                "Une version du compte rendu jointe à ce courriel n’est pas celle que l’intercommunalité et la CAF ont approuvée."
            )
    else:
        if reunion.statut not in (Reunion.Statut.PREPARATION, Reunion.Statut.CONVOQUEE):
            raise TransitionError(f"La réunion est « {reunion.get_statut_display().lower()} ».")
        if reunion.debut <= timezone.now():
            raise TransitionError("L’heure de la réunion est passée.")
        if envoi.nature == Nature.RAPPEL and reunion.statut == Reunion.Statut.PREPARATION:
            raise TransitionError("La réunion n’est pas encore convoquée : il n’y a personne à relancer.")


def create_recipients(envoi: Envoi, people: Sequence[Sequence[Presence]]) -> None:
    Destinataire.objects.bulk_create(
        Destinataire(
            envoi=envoi,
            presence=seats[0] if seats[0].pk else None,
            nom=str(seats[0])[:420],
            email=address_of(seats),
            statut=Suite.ATTENTE if address_of(seats) else Suite.SANS_ADRESSE,
        )
        for seats in people
    )


@transaction.atomic
def retry(envoi: Envoi, *, uncertain: bool) -> int:
    """Send again what was refused, to the address of today; ``uncertain``: also what may have left. Give how many."""
    reunion = Reunion.objects.select_for_update(of=("self",)).get(pk=envoi.reunion_id)
    held = Envoi.objects.select_for_update(of=("self",)).get(pk=envoi.pk)
    held.reunion = reunion
    if held.statut != Statut.PARTI:
        raise TransitionError("Cet envoi n’est pas terminé, ou a été arrêté : il ne se reprend pas.")
    require_meeting(held)
    if not held.tells_of(reunion):
        raise TransitionError("La réunion a changé depuis : préparez un nouveau courriel.")
    if reunion.envois.filter(
        nature=held.nature, statut__in=(Statut.PROGRAMME, Statut.EN_COURS), jours_avant=None
    ).exists():
        raise TransitionError("Un courriel de cette nature est déjà en partance : attendez, ou arrêtez-le.")
    again = [Suite.ECHEC, Suite.SANS_ADRESSE, *([Suite.INCERTAIN] if uncertain else [])]
    count = 0
    for row in held.destinataires.filter(statut__in=again).select_related("presence"):
        email = row.presence.email if row.presence else row.email
        if email:
            row.email, row.statut, row.erreur = email, Suite.ATTENTE, ""
            row.save(update_fields=["email", "statut", "erreur"])
            count += 1
    if not count:
        raise TransitionError("Il n’y a rien à reprendre : complétez d’abord les adresses qui manquent.")
    held.statut, held.prochain_essai, held.motif = Statut.EN_COURS, None, ""
    held.save(update_fields=["statut", "prochain_essai", "motif", "updated_at"])
    return count


def follow_meeting(reunion: Reunion) -> None:
    """What waits follows the meeting: the day of the reminders set ahead, and that in the subject of the drafts.

    A reminder whose day is now past stops: it would leave unseen.
    """
    for envoi in reunion.envois.filter(statut=Statut.PROGRAMME, jours_avant__isnull=False):
        envoi.reunion = reunion
        if (moment := departure_of(envoi)) > timezone.now():
            Envoi.objects.filter(pk=envoi.pk).update(part_le=moment)
        else:
            envoi.give_up("La réunion s’est rapprochée : le jour de ce rappel est passé. Rien n’est parti.")
    for envoi in reunion.envois.filter(statut=Statut.BROUILLON):
        envoi.reunion = reunion
        if (objet := renewed(envoi)) != envoi.objet:
            envoi.objet = objet
            envoi.redemander = envoi.nature == Nature.MODIFICATION and date_moved(reunion)
            envoi.save(update_fields=["objet", "redemander", "updated_at"])
