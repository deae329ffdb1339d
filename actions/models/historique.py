"""The history of one fiche: what was saved together, by whom, and the fiche as it was after each save.

Two queries read a light index of all events (keys, moments, names of the columns that changed); what a page shows is then
read by key, in two more. Nothing grows with the number of events but the index.
"""

import datetime
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import BigIntegerField, CharField, F, Func, Value, Window
from django.db.models.functions import Cast, Lag
from django.utils import timezone

from actions.models.differences import Etat, Noms, RubriqueChangee, columns_json, compare
from actions.models.fiche import FicheAction, Transition
from actions.models.suivis import (
    COLONNES,
    DEPART,
    LIGNES,
    PARTIES,
    SUPPRIME,
    TITRES,
    TOUTES,
    Liens,
    Lignes,
)
from ctg_portal.histoire import past_of
from ctg_portal.models import User

FICHE = "fiche"
ETATS = "etats"
"""The journal of states, as a section of the history."""
SANS_AUTEUR = "Le portail"
"""Who did what no person asked for: an import at the command line, a migration."""
ETATS_COLONNES = ("redaction", "avancement")


class Differs(Func):
    """SQL: whether two values differ, ``NULL`` being a value like another."""

    template = "(%(expressions)s)"
    arg_joiner = " IS DISTINCT FROM "
    output_field = models.BooleanField()


@dataclass(frozen=True)
class Evenement:
    """A copy made by a trigger, without its content. ``avant``: the copy before it, of the same row."""

    partie: str
    objet: str
    cle: int
    avant: "Evenement | None"
    label: str
    moment: datetime.datetime
    contexte: str
    champs: frozenset[str] = frozenset()
    donnees: dict[str, Any] = field(default_factory=dict)

    @property
    def is_present(self) -> bool:
        return self.label != SUPPRIME


@dataclass
class Enregistrement:
    """What was saved in one go. Filled by ``Historique.load``: ``etats``, ``rubriques``, ``retabli``…"""

    moment: datetime.datetime
    evenements: list[Evenement]
    par: int | None
    nom: str
    retabli: str
    classeur: str = ""
    """What a workbook that was sent back says of itself, when it made this save."""
    precedent: "Enregistrement | None" = None
    etats: list[dict[str, str]] = field(default_factory=list)
    rubriques: list[RubriqueChangee] = field(default_factory=list)

    @property
    def version(self) -> str:
        """Its name in an address: one of its events, that of the fiche when there is one."""
        event = next((e for e in self.evenements if e.partie == FICHE), self.evenements[0])
        return f"{event.partie}-{event.cle}"

    @property
    def is_creation(self) -> bool:
        return any(e.partie == FICHE and e.label == "insert" for e in self.evenements)

    @cached_property
    def sections(self) -> frozenset[str]:
        """Sections it touches, as far as the index says; ``ETATS`` for a change of state."""
        found = set()
        for event in self.evenements:
            if event.partie == FICHE:
                found |= {COLONNES[name] for name in event.champs if name in COLONNES}
                found |= {ETATS} if event.champs & {*ETATS_COLONNES} and event.avant else set()
            elif event.partie == ETATS:
                found.add(ETATS)
            else:
                part = PARTIES[event.partie]
                if isinstance(part, Liens) or event.label != "update" or event.champs:
                    found.add(part.section)
        return frozenset(found)

    @property
    def is_shown(self) -> bool:
        return bool(self.sections) or self.is_creation


def events_of(part: Lignes | Liens, fiches: Any) -> models.QuerySet[Any]:
    """Events of the rows of ``fiches`` (keys, or a queryset of one column), with ``fiche_`` and ``objet``."""
    events: Any = models.QuerySet(part.events)
    if isinstance(part, Liens):
        objet, fiche = F(part.colonne), F("ficheaction_id")
        events = events.filter(ficheaction__in=fiches)
    elif part.fiche == "fiche":
        objet, fiche = F("pgh_obj_id"), F("fiche_id")
        events = events.filter(fiche__in=fiches)
    else:
        indicateurs: Any = PARTIES["indicateurs"].events
        owners: Any = models.QuerySet(indicateurs)
        fiche = models.Subquery(  # type: ignore[assignment]  # the other branch gives a column
            owners.filter(pgh_obj=models.OuterRef("indicateur_id")).values("fiche_id")[:1]
        )
        objet = F("pgh_obj_id")
        events = events.filter(indicateur__in=owners.filter(fiche__in=fiches).values("pgh_obj"))
    return (
        events.order_by()
        .annotate(objet=Cast(objet, CharField()), fiche_=Cast(fiche, BigIntegerField()))
        .annotate(partie=Value(part.cle, CharField()))
    )


def _changed(part: Lignes) -> Any:
    """Whether a column that is shown differs from the copy before."""
    tests = [
        Differs(F(name), Window(Lag(name), partition_by=[F("pgh_obj_id")], order_by=F("pgh_id").asc()))
        for name in part.champs
    ]
    return Func(*tests, template="(%(expressions)s)", arg_joiner=" OR ", output_field=models.BooleanField())


def index_of_parts(fiches: Any) -> list[tuple[Any, ...]]:
    """(part, fiche, row, event, moment, label, context, metadata, changed) of rows, ties and journal, oldest first."""
    branches = []
    for part in TOUTES:
        events = events_of(part, fiches)
        changed = _changed(part) if isinstance(part, Lignes) else Value(True)
        branches.append(
            events.values_list(
                "partie",
                "fiche_",
                "objet",
                "pgh_id",
                "pgh_created_at",
                "pgh_label",
                Cast("pgh_context_id", CharField()),
                "pgh_context__metadata",
                changed,
            )
        )
    journal: Any = past_of(Transition)
    branches.append(
        journal.filter(fiche__in=fiches)
        .order_by()
        .values_list(
            Value(ETATS),
            Cast("fiche_id", BigIntegerField()),
            Cast("pgh_obj_id", CharField()),
            "pgh_id",
            "pgh_created_at",
            "pgh_label",
            Cast("pgh_context_id", CharField()),
            "pgh_context__metadata",
            Value(True),
        )
    )
    rows = branches[0].union(*branches[1:], all=True)
    return sorted(rows, key=lambda row: (row[0], row[3]))


def load_parts(keys: dict[str, set[int]]) -> dict[tuple[str, int], dict[str, Any]]:
    """The content of events of rows and of the journal, by (part, key); one query."""
    from_parts: dict[str, Any] = {part.cle: part.model for part in LIGNES} | {ETATS: Transition}
    branches: list[Any] = []
    for cle, wanted in keys.items():
        if wanted and cle in from_parts:
            model = from_parts[cle]
            branches.append(
                past_of(model)
                .filter(pgh_id__in=wanted)
                .order_by()
                .values_list(Value(cle), "pgh_id", columns_json(model))
            )
    if not branches:
        return {}
    found = branches[0].union(*branches[1:], all=True)
    return {(cle, key): values for cle, key, values in found}


class Historique:
    """The whole history of ``fiche``, the latest save first; contents are read by ``load``."""

    def __init__(self, fiche: FicheAction) -> None:
        self.fiche = fiche
        self.noms = Noms()
        self.chaines: dict[tuple[str, str], list[Evenement]] = defaultdict(list)
        self._contexts: dict[str, dict[str, Any]] = {}
        self._read_fiche()
        self._read_parts()
        self.tous = self._grouped()

    def _read_fiche(self) -> None:
        names = [*COLONNES, *ETATS_COLONNES]
        events: Any = past_of(FicheAction)
        window: dict[str, Any] = {"partition_by": [F("pgh_obj_id")], "order_by": F("pgh_id").asc()}
        tests = [Differs(F(name), Window(Lag(name), **window)) for name in names]
        rows = (
            events.filter(pgh_obj=self.fiche.pk)
            .order_by("pgh_id")
            .values_list(
                "pgh_id",
                "pgh_created_at",
                "pgh_label",
                Cast("pgh_context_id", CharField()),
                "pgh_context__metadata",
                *tests,
            )
        )
        for key, moment, label, context, metadata, *changed in rows:
            champs = frozenset(name for name, differs in zip(names, changed, strict=True) if differs)
            self._add(FICHE, str(self.fiche.pk), key, label, moment, context, metadata, champs)

    def _read_parts(self) -> None:
        for part, _, objet, key, moment, label, context, metadata, changed in index_of_parts([self.fiche.pk]):
            champs = frozenset({"*"}) if changed else frozenset()
            self._add(part, objet, key, label, moment, context, metadata, champs)

    def _add(
        self,
        partie: str,
        objet: str,
        cle: int,
        label: str,
        moment: datetime.datetime,
        contexte: str | None,
        metadata: dict[str, Any] | None,
        champs: frozenset[str],
    ) -> None:
        chaine = self.chaines[partie, objet]
        group = contexte or moment.isoformat()
        self._contexts[group] = metadata or {}
        avant = chaine[-1] if chaine else None
        chaine.append(Evenement(partie, objet, cle, avant, label, moment, group, champs))

    def _grouped(self) -> list[Enregistrement]:
        """Saves that say something to a reader, the oldest first; each knows the one before it."""
        groups: dict[str, list[Evenement]] = defaultdict(list)
        for chaine in self.chaines.values():
            for event in chaine:
                if event.label != DEPART:
                    groups[event.contexte].append(event)
        found = []
        for contexte, events in groups.items():
            metadata = self._contexts[contexte]
            par = metadata.get("par") or metadata.get("user")
            found.append(
                Enregistrement(
                    min(event.moment for event in events),
                    events,
                    par,
                    metadata.get("nom", "") if par == metadata.get("user") else "",
                    metadata.get("retabli", ""),
                    metadata.get("classeur", ""),
                )
            )
        found = [group for group in found if group.is_shown]
        found.sort(
            key=lambda g: (g.moment, max((e.cle for e in g.evenements if e.partie == FICHE), default=0))
        )
        for before, after in zip(found, found[1:], strict=False):
            after.precedent = before
        return found

    @cached_property
    def derniers(self) -> list[Enregistrement]:
        return self.tous[::-1]

    @cached_property
    def people(self) -> dict[str, str]:
        """Who wrote in this history, by key; the names kept with the saves, or those of the accounts. One query."""
        unnamed = {group.par for group in self.tous if group.par and not group.nom}
        accounts = {user.pk: str(user) for user in User.objects.filter(pk__in=unnamed)} if unnamed else {}
        for group in self.tous:
            if not group.nom:
                group.nom = accounts.get(group.par, "Compte supprimé") if group.par else SANS_AUTEUR
        return {str(group.par or ""): group.nom for group in self.tous}

    def filtered(
        self, *, section: str = "", personne: str | None = None, since: datetime.date | None = None
    ) -> list[Enregistrement]:
        """The latest first. ``personne``: a key, or ``""`` for what nobody signed."""
        found: Iterable[Enregistrement] = self.derniers
        if section:
            found = (group for group in found if section in group.sections)
        if personne is not None:
            found = (group for group in found if str(group.par or "") == personne)
        if since:
            found = (group for group in found if timezone.localtime(group.moment).date() >= since)
        return list(found)

    def version(self, name: str) -> Enregistrement | None:
        """The save that ``name`` (as ``Enregistrement.version``) is part of."""
        partie, _, key = name.rpartition("-")
        if not (key.isascii() and key.isdigit()):
            return None
        wanted = (partie, int(key))
        return next((g for g in self.tous if any((e.partie, e.cle) == wanted for e in g.evenements)), None)

    def load(self, groups: Collection[Enregistrement], *, section: str = "") -> None:
        """Read what ``groups`` changed and say it; with ``section``, that section alone."""
        events = [event for group in groups for event in group.evenements]
        self._fill([*events, *(event.avant for event in events if event.avant)])
        states = {id(group): self._states(group) for group in groups}
        for before, after in states.values():
            self.noms.ask_state(before)
            self.noms.ask_state(after)
        self.noms.load()
        _ = self.people
        for group in groups:
            before, after = states[id(group)]
            rubriques = compare(before, after, self.noms)
            group.rubriques = [rub for rub in rubriques if not section or rub.slug == section]
            group.etats = self._moves(group) if section in ("", ETATS) else []

    def _states(self, group: Enregistrement) -> tuple[Etat, Etat]:
        """What ``group`` touched, before it and after it."""
        before, after = Etat(), Etat()
        chains: dict[tuple[str, str], list[Evenement]] = defaultdict(list)
        for event in group.evenements:
            chains[event.partie, event.objet].append(event)
        for (partie, objet), events in chains.items():
            if partie != ETATS:
                self._put(before, partie, objet, events[0].avant)
                self._put(after, partie, objet, events[-1])
        return before, after

    def _put(self, etat: Etat, partie: str, objet: str, event: Evenement | None) -> None:
        if event is None or not event.is_present:
            return
        if partie == FICHE:
            etat.champs = event.donnees
        elif isinstance(PARTIES[partie], Liens):
            etat.liens[partie].add(objet)
        else:
            etat.lignes[partie][objet] = event.donnees

    def _moves(self, group: Enregistrement) -> list[dict[str, str]]:
        """The lines of the journal; a state changed without a line (technical administration) is said too."""
        found, said = [], set()
        for event in group.evenements:
            if event.partie == ETATS:
                names = ("champ", "depuis", "vers", "motif")
                line = Transition(**{name: event.donnees[name] for name in names})
                said.add(line.champ)
                found.append(
                    {
                        "champ": line.get_champ_display(),
                        "depuis": line.depuis_label,
                        "vers": line.vers_label,
                        "motif": line.motif,
                    }
                )
        for event in group.evenements:
            if event.partie == FICHE and event.avant:
                for name in event.champs & {*ETATS_COLONNES} - said:
                    line = Transition(champ=name, depuis=event.avant.donnees[name], vers=event.donnees[name])
                    found.append(
                        {
                            "champ": line.get_champ_display(),
                            "depuis": line.depuis_label,
                            "vers": line.vers_label,
                            "motif": "",
                        }
                    )
        return found

    def _fill(self, events: Iterable[Evenement]) -> None:
        """Read the contents of ``events``; two queries at most."""
        wanted: dict[str, set[int]] = defaultdict(set)
        chosen = [event for event in events if not event.donnees]
        for event in chosen:
            wanted[event.partie].add(event.cle)
        loaded = load_parts(wanted)
        if wanted.get(FICHE):
            rows: Any = past_of(FicheAction)
            names = [column.attname for column in FicheAction._meta.concrete_fields]
            for row in rows.filter(pgh_id__in=wanted[FICHE]).values("pgh_id", *names):
                loaded[FICHE, row["pgh_id"]] = row
        for event in chosen:
            event.donnees.update(loaded.get((event.partie, event.cle), {}))

    def states_at(self, *groups: Enregistrement | None) -> list[Etat]:
        """The whole fiche as it was after each of ``groups``; ``None`` is now. Two queries for all of them."""
        chosen = [
            {key: event for key, chain in self.chaines.items() if (event := _at(chain, group))}
            for group in groups
        ]
        self._fill({id(event): event for events in chosen for event in events.values()}.values())
        found = []
        for events in chosen:
            etat = Etat()
            for (partie, objet), event in events.items():
                if partie != ETATS:
                    self._put(etat, partie, objet, event)
            found.append(etat)
        return found

    def differences(self, before: Etat, after: Etat) -> list[RubriqueChangee]:
        self.noms.ask_state(before)
        self.noms.ask_state(after)
        self.noms.load()
        return compare(before, after, self.noms)

    def last_on(self, section: str) -> Enregistrement | None:
        """The last save that touched ``section``."""
        return next((group for group in self.derniers if section in group.sections), None)


def _at(chain: list[Evenement], group: Enregistrement | None) -> Evenement | None:
    """The event of a row in force after ``group``: its own, or the last before it, or the copy its history began with."""
    if group is None:
        return chain[-1]
    own = [event for event in chain if event.contexte == group.evenements[0].contexte]
    if own:
        return own[-1]
    before = [event for event in chain if event.moment <= group.moment or event.label == DEPART]
    return before[-1] if before else None


def section_titles() -> list[tuple[str, str]]:
    """What the history may be limited to."""
    return [*TITRES.items(), (ETATS, "Changements d’état")]
