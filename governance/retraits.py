"""People who were told of a meeting and are no longer expected at it: their calendar still holds it."""

from collections.abc import Iterable
from typing import Any

from django.db.models import F

from governance.models import Destinataire, Envoi, Presence, Reunion
from governance.models.envoi import RECUS

DITS = (Envoi.Nature.CONVOCATION, Envoi.Nature.MODIFICATION, Envoi.Nature.ANNULATION)
"""Natures that put the meeting in a calendar, or take it away."""


def told_and_gone() -> Any:
    """What was sent to people who left the list since, in the order in which it left."""
    rows = Destinataire.objects.filter(presence=None, statut__in=RECUS, envoi__nature__in=DITS)
    return rows.exclude(email="").order_by("envoi__part_le", "pk")


def retired(rows: Iterable[dict[str, Any]], presences: Iterable[Presence]) -> list[Presence]:
    """``rows`` (``nom``, ``email``, ``nature``) of ``told_and_gone``: those whose last word was not to forget the meeting.

    One an address, as a person to write to that is in no list. Whoever is expected at the same address keeps the meeting.
    """
    expected = {presence.email.casefold() for presence in presences if presence.email}
    last: dict[str, dict[str, Any]] = {}
    for row in rows:
        last[row["email"].casefold()] = row
    return [
        as_person(row["nom"], row["email"])
        for address, row in last.items()
        if row["nature"] != Envoi.Nature.ANNULATION and address not in expected
    ]


def retired_from(reunion: Reunion, presences: Iterable[Presence]) -> list[Presence]:
    """``retired``, in one query."""
    rows = told_and_gone().filter(envoi__reunion=reunion).values("nom", "email", nature=F("envoi__nature"))
    return retired(rows, presences)


def as_person(nom: str, email: str) -> Presence:
    """Somebody no longer expected, as a message can be addressed to them; never saved. ``nom`` says it whole."""
    return Presence(fonction=nom, email=email)
