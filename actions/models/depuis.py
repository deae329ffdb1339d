"""What changed in several fiches since a moment: the two ends compared, whatever was saved in between.

Six queries and that of the fiches, whatever the number of fiches and of saves.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import OuterRef, Q, Subquery, Value

from actions.models.differences import (
    Changement,
    Etat,
    Noms,
    RubriqueChangee,
    ask_names,
    columns_json,
    compare,
)
from actions.models.fiche import Avancement, FicheAction, FicheActionQuerySet, Redaction
from actions.models.historique import ETATS, index_of_parts, load_parts
from actions.models.plan import Axe
from actions.models.suivis import DEPART, LIGNES, PARTIES, SUPPRIME, Liens, Lignes

TITRES_ETATS = {"avancement": "Avancement", "redaction": "Rédaction"}
NOUVELLE, ARCHIVEE, REPRISE, MODIFIEE = "nouvelle", "archivee", "reprise", "modifiee"
MOTS = {
    NOUVELLE: "nouvelle fiche",
    ARCHIVEE: "archivée",
    REPRISE: "reprise des archives",
    MODIFIEE: "modifiée",
}


@dataclass(frozen=True)
class FicheChangee:
    """A fiche at both ends: what kind of change, its moves of state, its sections, the steps done in between."""

    fiche: FicheAction
    genre: str
    etats: list[Changement]
    rubriques: list[RubriqueChangee]
    etapes_faites: list[str] = field(default_factory=list)
    motif: str = ""

    @property
    def mot(self) -> str:
        return MOTS[self.genre]

    @property
    def resume(self) -> str:
        """In one line, for the paper: « Avancement : à venir → en cours. Étapes faites : … Modifié : Contexte. »"""
        if self.genre == NOUVELLE:
            return f"Nouvelle fiche, {self.fiche.get_avancement_display().lower()}."
        said = []
        if self.genre in (ARCHIVEE, REPRISE):
            said.append(f"Fiche {self.mot}.")
        said += [
            f"{change.libelle}\u00a0: {change.avant.lower()} → {change.apres.lower()}."
            for change in self.etats
            if self.genre == MODIFIEE or change.champ == "avancement"
        ]
        if self.motif:
            said.append(f"Motif\u00a0: {self.motif.rstrip('.')}.")
        if self.etapes_faites:
            said.append(f"Étapes faites\u00a0: {', '.join(self.etapes_faites)}.")
        changed = [_said(rubrique) for rubrique in self.rubriques]
        if changed:
            said.append(f"Modifié\u00a0: {' ; '.join(changed)}.")
        return " ".join(said)


@dataclass(frozen=True)
class AxeChange:
    axe: Axe
    fiches: list[FicheChangee]


def _said(rubrique: RubriqueChangee) -> str:
    names = ", ".join(change.libelle.lower() for change in rubrique.changements)
    return f"{rubrique.titre} ({names})"


def in_plan(fiches: FicheActionQuerySet) -> list[FicheAction]:
    """What ``changes_since`` compares, in the order of the plan; one query."""
    return list(fiches.select_related("plan__convention", "axe", "objectif").in_plan_order())


def changes_since(fiches: Iterable[FicheAction], since: datetime.datetime) -> list[FicheChangee]:
    """Those of ``fiches`` that changed after ``since`` for a reader, in their order; six queries at most."""
    known = {fiche.pk: fiche for fiche in fiches}
    if not known:
        return []
    ends = _columns(known, since)
    parts = _parts([*known], since)
    states = {
        pk: (
            Etat(before, parts[pk][0].lignes, parts[pk][0].liens),
            Etat(after, parts[pk][1].lignes, parts[pk][1].liens),
        )
        for pk, (before, after) in ends.items()
    }
    for pk in parts.keys() - states.keys():
        states[pk] = parts[pk]
    noms = ask_names(Noms(), (etat for pair in states.values() for etat in pair))
    found = (_changed(fiche, *states[pk], noms) for pk, fiche in known.items() if pk in states)
    return [change for change in found if change]


def by_axe(changes: list[FicheChangee]) -> list[AxeChange]:
    groups: dict[int, list[FicheChangee]] = defaultdict(list)
    for change in changes:
        groups[change.fiche.axe_id].append(change)
    return [AxeChange(found[0].fiche.axe, found) for found in groups.values()]


def _columns(known: dict[int, FicheAction], since: datetime.datetime) -> dict[int, tuple[Any, Any]]:
    """The columns of each fiche saved after ``since``, before (``None`` when it was not there) and now; two queries."""
    names = [column.attname for column in FicheAction._meta.concrete_fields]
    events: Any = models.QuerySet(FicheAction.pgh_event_model)  # type: ignore[attr-defined]
    latest = events.order_by("pgh_obj", "-pgh_id").distinct("pgh_obj")
    after = {
        row["pgh_obj"]: row
        for row in latest.filter(pgh_obj__in=known, pgh_created_at__gt=since).values("pgh_obj", *names)
    }
    before = (
        {
            row["pgh_obj"]: row
            for row in latest.filter(pgh_obj__in=[*after], pgh_created_at__lte=since).values(
                "pgh_obj", *names
            )
        }
        if after
        else {}
    )
    return {pk: (before.get(pk), row) for pk, row in after.items()}


Chain = list[tuple[int, str]]
"""The events of one row or tie since the moment: (key, label), the oldest first."""


def _chains(fiches: list[int], since: datetime.datetime) -> dict[tuple[int, str, str], Chain]:
    chains: dict[tuple[int, str, str], Chain] = defaultdict(list)
    for partie, fiche, objet, cle, _, label, *_ in index_of_parts(fiches, since):
        if partie != ETATS and label != DEPART:
            chains[fiche, partie, objet].append((cle, label))
    return chains


def _parts(fiches: list[int], since: datetime.datetime) -> dict[int, tuple[Etat, Etat]]:
    """Rows and ties touched after ``since``, by fiche, before and now; three queries."""
    chains = _chains(fiches, since)
    rows = {key: events for key, events in chains.items() if isinstance(PARTIES[key[1]], Lignes)}
    wanted: dict[str, set[int]] = defaultdict(set)
    former: dict[str, set[str]] = defaultdict(set)
    for (_, partie, objet), events in rows.items():
        wanted[partie] |= {events[-1][0], events[0][0]}
        if events[0][1] == "update":
            former[partie].add(objet)
    loaded, past = load_parts(wanted), _former(former, since)
    found: dict[int, tuple[Etat, Etat]] = defaultdict(lambda: (Etat(), Etat()))
    for (fiche, partie, objet), ((first, was), *_) in rows.items():
        if was == SUPPRIME:
            found[fiche][0].lignes[partie][objet] = loaded[partie, first]
        elif (partie, objet) in past:
            found[fiche][0].lignes[partie][objet] = past[partie, objet]
    for (fiche, partie, objet), events in rows.items():
        last, became = events[-1]
        if became != SUPPRIME:
            found[fiche][1].lignes[partie][objet] = loaded[partie, last]
    _put_ties(found, chains)
    return found


def _put_ties(found: dict[int, tuple[Etat, Etat]], chains: dict[tuple[int, str, str], Chain]) -> None:
    """A tie was there before when the first thing that happened to it is its end."""
    for (fiche, partie, objet), events in chains.items():
        if isinstance(PARTIES[partie], Liens):
            if events[0][1] == SUPPRIME:
                found[fiche][0].liens[partie].add(objet)
            if events[-1][1] != SUPPRIME:
                found[fiche][1].liens[partie].add(objet)


def _former(objets: dict[str, set[str]], since: datetime.datetime) -> dict[tuple[str, str], dict[str, Any]]:
    """Rows as they were at ``since``; one query."""
    models_of = {part.cle: part.model for part in LIGNES}
    branches = []
    for partie, keys in objets.items():
        model = models_of[partie]
        events: Any = models.QuerySet(model.pgh_event_model)  # type: ignore[attr-defined]
        known = Q(pgh_created_at__lte=since) | Q(pgh_label=DEPART)
        last = events.filter(known, pgh_obj=OuterRef("pgh_obj")).order_by("-pgh_id").values("pgh_id")[:1]
        branches.append(
            events.filter(pgh_obj__in=keys, pgh_id=Subquery(last))
            .order_by()
            .values_list(Value(partie), "pgh_obj_id", columns_json(model))
        )
    if not branches:
        return {}
    return {(partie, str(key)): row for partie, key, row in branches[0].union(*branches[1:], all=True)}


def _changed(fiche: FicheAction, before: Etat, after: Etat, noms: Noms) -> FicheChangee | None:
    old, new = before.champs, after.champs
    if new is not None and old is None:
        return FicheChangee(fiche, NOUVELLE, [], [])
    etats, motif, genre = [], "", MODIFIEE
    if old is not None and new is not None:
        for name, choices in (("avancement", Avancement), ("redaction", Redaction)):
            if old[name] != new[name]:
                avant, apres = (str(choices(row[name]).label) for row in (old, new))
                etats.append(Changement(name, TITRES_ETATS[name], avant, apres))
        if old["redaction"] != Redaction.ARCHIVEE == new["redaction"]:
            genre = ARCHIVEE
        elif old["redaction"] == Redaction.ARCHIVEE != new["redaction"]:
            genre = REPRISE
        if new["motif_abandon"] != old["motif_abandon"]:
            motif = new["motif_abandon"]
    rubriques = compare(before, after, noms)
    if not etats and not rubriques:
        return None
    faites = [
        row["intitule"]
        for key, row in after.lignes.get("etapes", {}).items()
        if row["faite_le"] and not before.lignes.get("etapes", {}).get(key, {}).get("faite_le")
    ]
    return FicheChangee(fiche, genre, etats, rubriques, faites, motif)
