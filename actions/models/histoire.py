"""What the history of a fiche says of its sections."""

import datetime
from collections.abc import Collection
from itertools import pairwise

from actions.models.fiche import FicheAction
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
