"""A diagnostic that starts from the one before, and what moved between the two."""

import difflib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction

from conventions.models import Convention
from ctg_portal.mots import Mot, words_of
from ctg_portal.workflow import TransitionError
from diagnostics.models import Constat, Diagnostic, Enjeu, Valeur

TEXTES = ("methode", "synthese", "portrait", "offre_services", "paroles_terrain")
PROCHES = 0.6
"""From this likeness of their titles, two rows are the same one, reworded."""


@transaction.atomic
def start_from(previous: Diagnostic, *, convention: Convention) -> Diagnostic:
    """Open the diagnostic of ``convention`` with the texts, constats and enjeux of ``previous``.

    Figures and équipements that show a constat follow when they are of the same territoire; ateliers and paroles
    stay with the moment they were gathered in. Raise ``TransitionError`` when there is a diagnostic already.
    """
    Convention.objects.select_for_update(of=("self",)).get(pk=convention.pk)
    if Diagnostic.objects.filter(convention=convention).exists():
        raise TransitionError("Le diagnostic de cette convention est déjà ouvert : rien n’y est recopié.")
    if Diagnostic.objects.filter(precedent=previous).exists():
        raise TransitionError("Un autre diagnostic est déjà parti de celui-là.")
    made = Diagnostic.objects.create(
        convention=convention, precedent=previous, **{name: getattr(previous, name) for name in TEXTES}
    )
    copies: dict[int, Constat] = {}
    territoire = convention.territoire_id
    for constat in Constat.objects.filter(diagnostic=previous).with_preuves():
        copies[constat.pk] = copy = Constat.objects.create(
            diagnostic=made,
            ordre=constat.ordre,
            nature=constat.nature,
            intitule=constat.intitule,
            theme=constat.theme,
            elements=constat.elements,
        )
        copy.valeurs.set([row for row in constat.valeurs.all() if row.territoire_id == territoire])
        copy.equipements.set([row for row in constat.equipements.all() if row.territoire_id == territoire])
    for enjeu in Enjeu.objects.filter(diagnostic=previous).prefetch_related("constats"):
        copied = Enjeu.objects.create(
            diagnostic=made,
            ordre=enjeu.ordre,
            intitule=enjeu.intitule,
            texte=enjeu.texte,
            portee=enjeu.portee,
        )
        copied.constats.set([copies[row.pk] for row in enjeu.constats.all()])
    return made


@dataclass(frozen=True)
class Change:
    """A row reworded: each text before and after, word by word."""

    row: Any
    avant: Any
    textes: list[list[Mot]]


@dataclass(frozen=True)
class Mouvement:
    gardes: list[Any]
    changes: list[Change]
    retires: list[Any]
    nouveaux: list[Any]

    @property
    def is_vide(self) -> bool:
        return not (self.gardes or self.changes or self.retires or self.nouveaux)


@dataclass(frozen=True)
class Evolution:
    """A figure known (never absent) for two years; ``ecart`` in its unit."""

    avant: Valeur
    apres: Valeur

    @property
    def ecart(self) -> Decimal:
        return (self.apres.valeur or Decimal(0)) - (self.avant.valeur or Decimal(0))


def compare(avant: Sequence[Any], apres: Sequence[Any], champs: Sequence[str]) -> Mouvement:
    """Pair the rows by their title, then by likeness; ``champs`` are the texts that tell whether a pair changed."""
    rest = list(avant)
    pairs: dict[int, Any] = {}
    for row in apres:
        same = next((old for old in rest if _flat(old.intitule) == _flat(row.intitule)), None)
        if same is not None:
            pairs[row.pk] = same
            rest.remove(same)
    for row in apres:
        if row.pk not in pairs and rest:
            close = max(rest, key=lambda old: _likeness(old.intitule, row.intitule))
            if _likeness(close.intitule, row.intitule) >= PROCHES:
                pairs[row.pk] = close
                rest.remove(close)
    gardes, changes = [], []
    for row in apres:
        if row.pk in pairs:
            old = pairs[row.pk]
            texts = [
                words_of(getattr(old, name), getattr(row, name))
                for name in champs
                if getattr(old, name) != getattr(row, name)
            ]
            if texts:
                changes.append(Change(row, old, texts))
            else:
                gardes.append(row)
    return Mouvement(gardes, changes, rest, [row for row in apres if row.pk not in pairs])


def _flat(texte: str) -> str:
    return " ".join(texte.casefold().split())


def _likeness(before: str, after: str) -> float:
    return difflib.SequenceMatcher(None, _flat(before), _flat(after)).ratio()


def evolutions(diagnostic: Diagnostic) -> list[Evolution]:
    """Figures of the intercommunalité that moved: the last one, beside that of the year of the previous diagnostic.

    Without one that old, beside the oldest. Both come from one source: two sources that differ tell no change.
    """
    previous = diagnostic.precedent
    known = (
        Valeur.objects.known()
        .filter(territoire=diagnostic.convention.territoire_id, niveau=Valeur.Niveau.EPCI)
        .select_related("indicateur")
        .order_by("indicateur__ordre", "indicateur__intitule", "code", "annee", "source", "pk")
    )
    series: dict[tuple[int, str, str], list[Valeur]] = defaultdict(list)
    for row in known:
        series[row.indicateur_id, row.code, row.source].append(row)
    moved = []
    for rows in series.values():
        year = previous.annee if previous and previous.annee else rows[0].annee
        before = next((row for row in reversed(rows) if row.annee <= year), rows[0])
        after = rows[-1]
        if before.annee < after.annee and before.valeur != after.valeur:
            moved.append(Evolution(before, after))
    return moved
