"""What a meeting says of itself in an e-mail, and the calendar entry (RFC 5545, RFC 5546) that goes with it."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import date as date_filter
from django.utils import timezone
from icalendar import Calendar, Event, vCalAddress

from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from governance.agenda import PARIS, one_line, paris_zone
from governance.models import Reunion

REQUEST, CANCEL = "REQUEST", "CANCEL"


def heure(moment: datetime.datetime) -> str:
    """« 18 h », « 18 h 30 »."""
    local = timezone.localtime(moment)
    return f"{local.hour} h {local.minute:02d}" if local.minute else f"{local.hour} h"


def quand(debut: datetime.datetime, fin: datetime.datetime) -> str:
    """« mardi 8 décembre 2026, de 18 h à 20 h 30 »."""
    jour = f"{date_filter(timezone.localtime(debut), 'l')} {date_fr(debut)}"
    return f"{jour}, de {heure(debut)} à {heure(fin)}"


def points_of(reunion: Reunion) -> list[dict[str, str]]:
    """The agenda, as people are told of it. Reads ``points.all()``."""
    return [
        {"intitule": point.intitule, "visee": point.get_visee_display()} for point in reunion.points.all()
    ]


def facts_of(reunion: Reunion, *, by: User) -> dict[str, Any]:
    """What an e-mail says of the meeting, as JSON can hold it. Reads ``points.all()``: two queries at most."""
    return {
        "uid": reunion.agenda_uid,
        "sequence": reunion.sequence,
        "debut": reunion.debut.isoformat(),
        "fin": reunion.fin.isoformat(),
        "quand": quand(reunion.debut, reunion.fin),
        "lieu": reunion.lieu,
        "lien": reunion.lien,
        "president": reunion.president,
        "titre": reunion.instance.intitule,
        "territoire": reunion.convention.territoire.nom_court,
        "convention": str(reunion.convention),
        "url": reunion.get_absolute_url(),
        "points": points_of(reunion),
        "auteur": {"nom": str(by), "fonction": by.fonction, "email": by.email},
    }


def changes_between(before: dict[str, Any], now: dict[str, Any]) -> list[dict[str, str]]:
    """What people who were told ``before`` must know: each thing, as it was and as it is."""
    things = (
        ("quand", "Date et heure"),
        ("lieu", "Lieu"),
        ("lien", "Visioconférence"),
        ("president", "Présidence"),
    )
    found = [
        {"quoi": label, "avant": before.get(name) or "–", "maintenant": now.get(name) or "–"}
        for name, label in things
        if before.get(name) != now.get(name)
    ]
    if before.get("points") != now.get("points"):
        found.append({"quoi": "Ordre du jour", "avant": "", "maintenant": "modifié, voir plus bas"})
    return found


@dataclass(frozen=True)
class Invite:
    """Whom a calendar entry is addressed to."""

    nom: str
    email: str


def calendar_entry(faits: dict[str, Any], *, invite: Invite, method: str = REQUEST) -> bytes:
    """The meeting for one calendar: asked for, moved, or taken out of it (``CANCEL``).

    The UID never changes and SEQUENCE grows: a program that knows the meeting moves it. Programs are told not to answer by
    themselves (``RSVP=FALSE``); the secret address where the person answers stays out of calendars, which are shared.
    """
    calendar = Calendar()
    calendar.add("prodid", "-//Portail CTG//Convocation//FR")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(paris_zone())
    event = Event()
    event.add("uid", faits["uid"])
    event.add("sequence", faits["sequence"])
    event.add("dtstamp", timezone.now().replace(microsecond=0))
    event.add("dtstart", datetime.datetime.fromisoformat(faits["debut"]).astimezone(PARIS))
    event.add("dtend", datetime.datetime.fromisoformat(faits["fin"]).astimezone(PARIS))
    event.add("summary", one_line(f"{faits['titre']} – {faits['territoire']}"))
    event.add("status", "CANCELLED" if method == CANCEL else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if method == CANCEL else "OPAQUE")
    if place := faits["lieu"] or faits["lien"]:
        event.add("location", one_line(place))
    said = [f"Visioconférence : {faits['lien']}"] if faits["lien"] else []
    said += [f"{rang}. {one_line(point['intitule'])}" for rang, point in enumerate(faits["points"], start=1)]
    if said:
        event.add("description", "\n".join(said))
    # A sending of before this was kept names its author alone.
    organizer = faits.get("organisateur") or faits["auteur"]
    event.add("organizer", _address(organizer["email"], organizer["nom"]))
    attendee = _address(invite.email, invite.nom)
    attendee.params["role"] = "REQ-PARTICIPANT"
    attendee.params["partstat"] = "NEEDS-ACTION"
    attendee.params["rsvp"] = "FALSE"
    event.add("attendee", attendee, encode=False)
    calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _address(email: str, nom: str) -> vCalAddress:
    """An address on one line, its name without the quotation mark that the format cannot hold."""
    address = vCalAddress(f"mailto:{one_line(email).replace(' ', '')}")
    if name := one_line(nom).replace('"', "’"):
        address.params["cn"] = name
    return address
