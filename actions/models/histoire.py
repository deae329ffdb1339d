"""What the history of a fiche says of its sections."""

import datetime
from collections.abc import Collection
from itertools import pairwise

from actions.models.fiche import FicheAction, Pilote
from ctg_portal.histoire import past_of
from ctg_portal.models import User

EVENTS_READ = 20


def last_hand(fiche: FicheAction, columns: Collection[str]) -> tuple[User | None, datetime.datetime | None]:
    """Who last changed one of ``columns``, and when; ``(None, None)`` when its recent history does not say."""
    history = fiche.events.select_related("pgh_context").order_by("-pgh_id")  # type: ignore[attr-defined]  # pghistory adds it
    for after, before in pairwise(history[:EVENTS_READ]):
        if any(getattr(after, name) != getattr(before, name) for name in columns):
            metadata = after.pgh_context.metadata if after.pgh_context else {}
            person = User.objects.filter(pk=metadata["user"]).first() if metadata.get("user") else None
            return person, after.pgh_created_at
    return None, None


def last_pilotes(fiche: FicheAction) -> tuple[str, datetime.datetime | None]:
    """The name of who last added, changed or took away a pilote of the fiche, and when; ``("", None)`` when unknown."""
    event = past_of(Pilote).filter(fiche=fiche.pk).select_related("pgh_context").order_by("-pgh_id").first()
    if event is None:
        return "", None
    metadata = event.pgh_context.metadata if event.pgh_context else {}
    return str(metadata.get("nom", "")), event.pgh_created_at
