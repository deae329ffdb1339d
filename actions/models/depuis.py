"""What changed in several fiches since a moment: the two ends compared, whatever was saved in between.

Three queries and that of the fiches, whatever the number of fiches and of saves.
"""

import datetime
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q, Subquery, Value

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
from actions.models.historique import events_of
from actions.models.plan import Axe
from actions.models.suivis import DEPART, PARTIES, SUPPRIME, TOUTES, Liens
from ctg_portal.histoire import past_of

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
    """« Moyens (etp, budget : 1 ajout, 2 modifications) »."""
    return f"{rubrique.titre} ({', '.join(_named(change) for change in rubrique.changements)})"


def _named(change: Changement) -> str:
    counted = Counter(ligne.genre for ligne in change.lignes)
    said = [
        f"{counted[genre]} {mot}{'s' if counted[genre] > 1 else ''}"
        for genre, mot in (("ajoutee", "ajout"), ("modifiee", "modification"), ("retiree", "retrait"))
        if counted[genre]
    ]
    libelle = change.libelle[:1].lower() + change.libelle[1:]
    return f"{libelle}\u00a0: {', '.join(said)}" if said else libelle


def in_plan(fiches: FicheActionQuerySet) -> list[FicheAction]:
    """What ``changes_since`` compares, in the order of the plan; one query."""
    return list(fiches.select_related("plan__convention", "axe", "objectif").in_plan_order())


def changes_since(
    fiches: Iterable[FicheAction], since: datetime.datetime, *, named: bool = True
) -> list[FicheChangee]:
    """Those of ``fiches`` that changed after ``since`` for a reader, in their order; three queries.

    Two when not ``named``: « resume » is the same, the values before and after have no names.
    """
    known = {fiche.pk: fiche for fiche in fiches}
    if not known:
        return []
    former = _columns(known, since)
    states = _parts([*known], since)
    for pk, fiche in known.items():
        before, after = states[pk]
        before.champs = former.get(pk)
        after.champs = {name: getattr(fiche, name) for name in ATTRIBUTS}
    noms = Noms()
    if named:
        ask_names(noms, (etat for pair in states.values() for etat in pair))
    found = (_changed(fiche, *states[pk], noms) for pk, fiche in known.items())
    return [change for change in found if change]


def by_axe(changes: list[FicheChangee]) -> list[AxeChange]:
    groups: dict[int, list[FicheChangee]] = defaultdict(list)
    for change in changes:
        groups[change.fiche.axe_id].append(change)
    return [AxeChange(found[0].fiche.axe, found) for found in groups.values()]


ATTRIBUTS = [column.attname for column in FicheAction._meta.concrete_fields]


def _columns(known: Iterable[int], since: datetime.datetime) -> dict[int, dict[str, Any]]:
    """The columns of each fiche as they were at ``since``; nothing for one that was not there."""
    events: Any = past_of(FicheAction)
    latest = events.order_by("pgh_obj", "-pgh_id").distinct("pgh_obj")
    rows = latest.filter(pgh_obj__in=known, pgh_created_at__lte=since).values("pgh_obj", *ATTRIBUTS)
    return {row["pgh_obj"]: row for row in rows}


@dataclass(frozen=True)
class _Copie:
    label: str
    donnees: dict[str, Any]


Chains = dict[tuple[int, str, str], list[_Copie]]
"""(fiche, part, row) → what happened to the row since the moment, the oldest first."""


def _read_parts(
    fiches: list[int], since: datetime.datetime
) -> tuple[Chains, dict[tuple[str, str], dict[str, Any]]]:
    """What happened after ``since``, and the rows concerned as they were then; one query."""
    branches = []
    for part in TOUTES:
        events = events_of(part, fiches)
        fresh = events.filter(pgh_created_at__gt=since).exclude(pgh_label=DEPART)
        columns = ("partie", "fiche_", "objet", "pgh_id", "pgh_label")
        if isinstance(part, Liens):
            branches.append(fresh.values_list(*columns, Value({}, models.JSONField()), Value(True)))
            continue
        branches.append(fresh.values_list(*columns, columns_json(part.model), Value(True)))
        known = Q(pgh_created_at__lte=since) | Q(pgh_label=DEPART)
        same: Any = models.QuerySet(part.events).filter(pgh_obj=OuterRef("pgh_obj"))
        last = same.filter(known).order_by("-pgh_id").values("pgh_id")[:1]
        moved = same.filter(pgh_created_at__gt=since).exclude(pgh_label=DEPART)
        former = events.filter(known, Exists(moved), pgh_id=Subquery(last)).exclude(pgh_label=SUPPRIME)
        branches.append(former.values_list(*columns, columns_json(part.model), Value(False)))
    chains: Chains = defaultdict(list)
    past = {}
    rows = branches[0].union(*branches[1:], all=True)
    for partie, fiche, objet, _, label, donnees, is_fresh in sorted(rows, key=lambda row: (row[0], row[3])):
        if is_fresh:
            chains[fiche, partie, objet].append(_Copie(label, donnees))
        else:
            past[partie, objet] = donnees
    return chains, past


def _parts(fiches: list[int], since: datetime.datetime) -> dict[int, tuple[Etat, Etat]]:
    """Rows and ties touched after ``since``, by fiche, before and now."""
    chains, past = _read_parts(fiches, since)
    found: dict[int, tuple[Etat, Etat]] = defaultdict(lambda: (Etat(), Etat()))
    for (fiche, partie, objet), copies in chains.items():
        before, after = found[fiche]
        there_now = copies[-1].label != SUPPRIME
        if isinstance(PARTIES[partie], Liens):
            # It was there before when the first thing that happened to it is its end.
            if copies[0].label == SUPPRIME:
                before.liens[partie].add(objet)
            if there_now:
                after.liens[partie].add(objet)
            continue
        if (partie, objet) in past:
            before.lignes[partie][objet] = past[partie, objet]
        if there_now:
            after.lignes[partie][objet] = copies[-1].donnees
    return found


def _changed(fiche: FicheAction, before: Etat, after: Etat, noms: Noms) -> FicheChangee | None:
    old, new = before.champs, after.champs
    if old is None or new is None:
        return FicheChangee(fiche, NOUVELLE, [], [])
    etats, motif, genre = [], "", MODIFIEE
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
