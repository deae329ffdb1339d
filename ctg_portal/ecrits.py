"""Texts written once and kept by the state of what they say, so that nobody writes again what did not change.

A key names all that a text depends on: the rows (whoever asks says it), the code and the templates (``written_with``).
"""

import datetime
import functools
import hashlib
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone

from ctg_portal.models import PartieEcrite

GARDE = datetime.timedelta(days=45)
"""How long a text that nobody asks for is kept."""
USAGE = datetime.timedelta(days=1)
"""How exactly the last use is known."""
APPS = ("ctg_portal", "conventions", "diagnostics", "actions", "governance")


def _code() -> str:
    digest = hashlib.sha256()
    for app in APPS:
        for path in sorted((Path(settings.BASE_DIR) / app).rglob("*.py")):
            if "migrations" not in path.parts:
                digest.update(path.read_bytes())
    for name in sorted(f"{found.name} {found.version}" for found in metadata.distributions()):
        digest.update(name.encode())
    return digest.hexdigest()


CODE = _code()
"""Of our code and of all that is installed, read when the process starts: it is the code that runs."""


@functools.cache
def templates_of(*folders: str) -> tuple[str, ...]:
    """The names of the templates of these folders."""
    root = Path(settings.BASE_DIR) / "templates"
    return tuple(
        sorted(str(path.relative_to(root)) for name in folders for path in (root / name).glob("*.html"))
    )


def written_with(*folders: str) -> str:
    """SHA-256 of our code and of the templates of ``folders`` as this process has them, which may not be as on the disk."""
    digest = hashlib.sha256(CODE.encode())
    for name in templates_of(*folders):
        digest.update(get_template(name).template.source.encode())  # type: ignore[attr-defined]  # of Django's engine
    return digest.hexdigest()


def written(
    keys_of: Callable[[list[int] | None], dict[int, str]],
    write: Callable[[list[int]], Iterable[tuple[int, str]]],
) -> dict[int, str]:
    """By number, each text: read if it was written, else written by ``write`` and kept.

    ``keys_of`` gives the key of each text as things are now, of all or of some numbers. It is asked again once they are
    written: what somebody changed meanwhile is not kept under the key of what it was before.
    """
    keys = keys_of(None)
    now = timezone.now()
    rows = PartieEcrite.objects.filter(cle__in=set(keys.values())).values_list("cle", "html", "utilise_le")
    kept, old = {}, []
    for cle, html, used in rows:
        kept[cle] = html
        if used < now - USAGE:
            old.append(cle)
    if old:
        PartieEcrite.objects.filter(cle__in=old).update(utilise_le=now)
    found = {number: kept[cle] for number, cle in keys.items() if cle in kept}
    if absent := [number for number in keys if number not in found]:
        new = dict(write(absent))
        same = {
            number: cle for number, cle in keys_of(absent).items() if keys[number] == cle and number in new
        }
        fresh = {cle: new[number] for number, cle in same.items()}
        # In the order of keys: two who write the same texts cannot wait for each other.
        PartieEcrite.objects.bulk_create(
            [PartieEcrite(cle=cle, html=fresh[cle]) for cle in sorted(fresh)], ignore_conflicts=True
        )
        found |= new
    return found


def purge() -> int:
    """Forget the texts that nobody asks for since long; how many."""
    return PartieEcrite.objects.filter(utilise_le__lt=timezone.now() - GARDE).delete()[0]
