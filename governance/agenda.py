"""A person's calendar as iCalendar (RFC 5545): what they may see at the moment it is read, and nothing else."""

import datetime
from collections.abc import Callable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from icalendar import Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard

from actions.models import Etape, FicheAction, Pilote
from actions.models.fiche import AVANCEMENTS_FINIS
from conventions.models import Convention
from conventions.permissions import Role, all_roles
from ctg_portal.models import User
from governance.models import Reunion

PARIS = ZoneInfo("Europe/Paris")
JOURS_PASSES = 365
"""Days for which what is past stays in the calendar."""
RAFRAICHIR = datetime.timedelta(hours=4)
"""How often a calendar program is invited to read the feed again."""
STATUTS = {Reunion.Statut.PREPARATION: "TENTATIVE", Reunion.Statut.ANNULEE: "CANCELLED"}
"""A meeting that is convened, or later, is CONFIRMED."""
FERMEES = (Convention.Statut.CLOSE, Convention.Statut.RESILIEE)

Absolute = Callable[[str], str]


def calendar_of(user: User, *, absolute: Absolute) -> bytes:
    """Meetings, échéances, étapes and ends of conventions; ``absolute`` turns a path into an address. Five queries."""
    calendar = Calendar()
    calendar.add("prodid", "-//Portail CTG//Agenda//FR")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", "Portail CTG")
    calendar.add("refresh-interval", RAFRAICHIR, parameters={"VALUE": "DURATION"})
    calendar.add_component(paris_zone())
    since = timezone.localdate() - datetime.timedelta(days=JOURS_PASSES)
    for events in (_reunions, _fiches, _etapes, _fins):
        for event in events(user, since, absolute):
            calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def paris_zone() -> Timezone:
    """The rule of Europe/Paris since 1996, without an end: the last Sundays of March and October."""
    component = Timezone()
    component.add("tzid", PARIS.key)
    for kind, name, month, hour, before, after in (
        (TimezoneDaylight, "CEST", 3, 2, 1, 2),
        (TimezoneStandard, "CET", 10, 3, 2, 1),
    ):
        part = kind()
        day = 31 if month == 3 else 27
        part.add("dtstart", datetime.datetime(1996, month, day, hour))  # noqa: DTZ001 - local time, as the RFC asks
        part.add("rrule", {"freq": "yearly", "bymonth": month, "byday": "-1su"})
        part.add("tzoffsetfrom", datetime.timedelta(hours=before))
        part.add("tzoffsetto", datetime.timedelta(hours=after))
        part.add("tzname", name)
        component.add_component(part)
    return component


def one_line(text: str) -> str:
    """Words typed by somebody, on one line: breaks and control characters become spaces."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _event(kind: str, row: Any, *, stamp: Any, summary: str, url: str, **fields: Any) -> Event:
    """``stamp`` is the row that says when it was made and last changed. The UID never changes.

    A meeting has a UID and a revision of its own, those of the e-mails about it.
    """
    event = Event()
    modified = stamp.updated_at.replace(microsecond=0)
    if isinstance(row, Reunion):
        event.add("uid", row.agenda_uid)
        event.add("sequence", row.sequence)
    else:
        event.add("uid", f"{kind}-{row.pk}@portail-ctg")
        # Grows at each change, as a revision number must, without being kept anywhere.
        event.add("sequence", max(0, int((stamp.updated_at - stamp.created_at).total_seconds())))
    event.add("dtstamp", modified)
    event.add("last-modified", modified)
    event.add("summary", one_line(summary))
    event.add("url", url)
    for name, value in fields.items():
        if value:
            event.add(name, one_line(value) if isinstance(value, str) else value)
    return event


def _all_day(kind: str, row: Any, day: datetime.date, **fields: Any) -> Event:
    """The whole day, without keeping anybody busy."""
    event = _event(kind, row, **fields)
    event.add("dtstart", day)
    event.add("dtend", day + datetime.timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    return event


def _reunions(user: User, since: datetime.date, absolute: Absolute) -> Iterator[Event]:
    reunions = (
        Reunion.objects.visible_to(user)
        .filter(debut__date__gte=since)
        .select_related("instance__convention__territoire")
        .order_by("debut", "pk")
    )
    for reunion in reunions:
        territoire = reunion.convention.territoire.nom_court
        event = _event(
            "reunion",
            reunion,
            stamp=reunion,
            summary=f"{reunion.instance} – {territoire}",
            url=absolute(reunion.get_absolute_url()),
            location=reunion.lieu or reunion.lien,
            description=f"Visioconférence : {reunion.lien}" if reunion.lien else "",
            categories=["Réunion"],
        )
        event.add("dtstart", reunion.debut.astimezone(PARIS))
        event.add("dtend", reunion.fin.astimezone(PARIS))
        event.add("status", STATUTS.get(Reunion.Statut(reunion.statut), "CONFIRMED"))
        yield event


def _suivies(user: User) -> Any:
    """Fiches whose dates ``user`` answers for: those they pilot, all those of the conventions they coordinate."""
    coordinated = [pk for pk, roles in all_roles(user).items() if Role.COORDINATION in roles]
    piloted = Exists(Pilote.objects.filter(fiche=OuterRef("pk"), user=user))
    return (
        FicheAction.objects.visible_to(user)
        .actives()
        .filter(Q(plan__convention__in=coordinated) | piloted)
        .exclude(avancement__in=AVANCEMENTS_FINIS)
        .exclude(plan__convention__statut__in=FERMEES)
    )


def _fiches(user: User, since: datetime.date, absolute: Absolute) -> Iterator[Event]:
    fiches = (
        _suivies(user)
        .filter(echeance__gte=since)
        .select_related("plan__convention__territoire")
        .order_by("echeance", "pk")
    )
    for fiche in fiches:
        yield _all_day(
            "fiche",
            fiche,
            fiche.echeance,
            stamp=fiche,
            summary=f"Échéance : {fiche} – {fiche.convention.territoire.nom_court}",
            url=absolute(fiche.get_absolute_url()),
            description=fiche.get_avancement_display(),
            categories=["Échéance"],
        )


def _etapes(user: User, since: datetime.date, absolute: Absolute) -> Iterator[Event]:
    etapes: Any = (
        Etape.objects.filter(fiche__in=_suivies(user), faite_le=None, echeance__gte=since)
        .select_related("fiche__plan__convention__territoire")
        .order_by("echeance", "pk")
    )
    for etape in etapes:
        fiche = etape.fiche
        yield _all_day(
            "etape",
            etape,
            etape.echeance,
            stamp=fiche,
            summary=f"Étape : {etape} – {fiche.convention.territoire.nom_court}",
            url=absolute(fiche.get_absolute_url()),
            description=f"Fiche {fiche}",
            categories=["Étape"],
        )


def _fins(user: User, since: datetime.date, absolute: Absolute) -> Iterator[Event]:
    conventions = (
        Convention.objects.visible_to(user)
        .filter(fin__gte=since)
        .exclude(statut__in=FERMEES)
        .select_related("territoire")
        .order_by("fin", "pk")
    )
    for convention in conventions:
        yield _all_day(
            "convention",
            convention,
            convention.fin,
            stamp=convention,
            summary=f"Fin : {convention}",
            url=absolute(convention.get_absolute_url()),
            categories=["Fin de convention"],
        )
