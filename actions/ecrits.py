"""The printed text of each fiche of a lot, written once for each of its states."""

import datetime
import hashlib
import re
from collections.abc import Iterator

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from actions.description import Choix
from actions.models import FicheAction
from actions.models.empreintes import states_of
from actions.models.fiche import FicheActionQuerySet
from actions.models.lecture import for_document
from ctg_portal.ecrits import written, written_with

DOSSIERS = ("actions/pdf", "pdf")
"""Where the templates of a printed fiche are."""
LOT = 10
"""Fiches loaded whole at a time: a long plan is not all in memory."""

BLANCS = re.compile(r"[ \t\r\n]+")
"""Those of our templates, one is enough; the no-break ones are not among them."""


def _name_of(choix: Choix, day: datetime.date) -> str:
    """What the text depends on besides the rows: the choice, the day (« en retard » begins on one), the code."""
    annees = "toutes" if choix.annees is None else sorted(choix.annees)
    return f"{written_with(*DOSSIERS)} {day} {sorted(choix.rubriques)} {annees} {choix.notes}"


def write_fiches(pks: list[int], choix: Choix) -> Iterator[tuple[int, str]]:
    """Each fiche on paper."""
    for start in range(0, len(pks), LOT):
        for fiche in for_document(FicheAction.objects.filter(pk__in=pks[start : start + LOT])):
            text = render_to_string("actions/pdf/corps.html", {"fiche": fiche, "choix": choix})
            yield fiche.pk, BLANCS.sub(" ", text)


def written_fiches(fiches: FicheActionQuerySet, choix: Choix) -> dict[int, SafeString]:
    """By key, each of ``fiches`` on paper; those that changed since they were last asked for are written now."""
    named = _name_of(choix, timezone.localdate())

    def keys_of(some: list[int] | None) -> dict[int, str]:
        states = states_of(fiches if some is None else FicheAction.objects.filter(pk__in=some))
        return {pk: hashlib.sha256(f"{named} {state}".encode()).hexdigest() for pk, state in states.items()}

    texts = written(keys_of, lambda pks: write_fiches(pks, choix))
    # Written by our template, which escapes what people typed.
    return {pk: mark_safe(text) for pk, text in texts.items()}  # noqa: S308 - see above
