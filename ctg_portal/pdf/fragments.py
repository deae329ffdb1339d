"""Parts drawn once and kept: by content, in the database, for whoever asks again."""

import datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from ctg_portal.models import Fragment
from ctg_portal.pdf.ateliers import draw_pages
from ctg_portal.pdf.dessin import Dessin, key_of

LOT = 48
"""Parts drawn between two commits, where there is one: what is drawn is soon there for others. The children wait for one
another at the end of each."""
GARDE = datetime.timedelta(days=45)
"""How long a part that nobody asks for is kept."""
USAGE = datetime.timedelta(days=1)
"""How exactly the last use is known: a part read a hundred times a day is written once."""
VERROU = 0x46524147
"""The family of advisory locks of the parts being drawn."""


def drawn(pages: list[str]) -> list[Dessin]:
    """Each page drawn: read if it was, else drawn and kept. Two who ask at once draw it once: one waits for the other."""
    keys = [key_of(page) for page in pages]
    by_key = dict(zip(keys, pages, strict=True))
    found = _read(keys)
    # Always in the order of keys: two who lock the same parts cannot wait for each other.
    absent = sorted(by_key.keys() - found.keys())
    for start in range(0, len(absent), LOT):
        found |= _draw({key: by_key[key] for key in absent[start : start + LOT]})
    _mark_used(keys)
    return [found[key] for key in keys]


def missing(pages: list[str]) -> list[str]:
    """Those that are not drawn yet."""
    keys = {key_of(page): page for page in pages}
    known = set(Fragment.objects.filter(cle__in=keys).values_list("cle", flat=True))
    return [page for key, page in keys.items() if key not in known]


def _read(keys: list[str]) -> dict[str, Dessin]:
    rows = Fragment.objects.filter(cle__in=keys).values_list("cle", "contenu", "reperes")
    return {key: Dessin(bytes(content), reperes) for key, content, reperes in rows}


@transaction.atomic
def _draw(pages: dict[str, str]) -> dict[str, Dessin]:
    with connection.cursor() as cursor:
        for key in pages:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [VERROU, int(key[:8], 16) - 2**31])
    # Somebody may have drawn them while this one waited.
    found = _read(list(pages))
    absent = [key for key in pages if key not in found]
    absent.sort(key=lambda key: -len(pages[key]))  # the longest first: several who draw end together
    for rank, dessin in draw_pages([pages[key] for key in absent]):
        found[absent[rank]] = dessin
    rows = [
        Fragment(cle=key, contenu=found[key].contenu, reperes=found[key].reperes, pages=found[key].pages)
        for key in absent
    ]
    Fragment.objects.bulk_create(rows, ignore_conflicts=True)
    return found


def _mark_used(keys: list[str]) -> None:
    now = timezone.now()
    Fragment.objects.filter(cle__in=keys, utilise_le__lt=now - USAGE).update(utilise_le=now)


def unused() -> QuerySet[Fragment]:
    return Fragment.objects.filter(utilise_le__lt=timezone.now() - GARDE)


def purge() -> int:
    """Forget the parts that nobody asked for since long; how many."""
    return unused().delete()[0]
