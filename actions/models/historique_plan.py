"""The history of a plan: its statut and introduction, its axes and objectifs, also those deleted since.

Three queries, whatever the number of saves.
"""

import datetime
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast

from actions.models.differences import Changement, LigneChangee, Noms, change_of, columns_json
from actions.models.historique import SANS_AUTEUR
from actions.models.plan import Axe, Objectif, PlanActions
from actions.models.suivis import DEPART, ENJEUX_OBJECTIF, SUPPRIME
from ctg_portal.histoire import past_of
from ctg_portal.models import User
from diagnostics.models import Enjeu

PLAN, AXE, OBJECTIF, ENJEUX = "plan", "axe", "objectif", "enjeux"
CHAMPS: dict[str, tuple[type[models.Model], tuple[str, ...]]] = {
    PLAN: (PlanActions, ("statut", "version", "adopte_le", "introduction")),
    AXE: (Axe, ("code", "intitule", "enjeu_central", "couleur")),
    OBJECTIF: (Objectif, ("axe", "code", "intitule")),
}


@dataclass
class SaveDuPlan:
    """What was saved together on the plan, row by row."""

    moment: datetime.datetime
    par: int | None
    nom: str
    lignes: list[LigneChangee] = field(default_factory=list)


@dataclass(frozen=True)
class _Copie:
    """An event with its content."""

    partie: str
    objet: str
    label: str
    moment: datetime.datetime
    contexte: str
    donnees: dict[str, Any]


class HistoriquePlan:
    """``saves``: the latest first."""

    def __init__(self, plan: PlanActions) -> None:
        self.plan = plan
        self.noms = Noms()
        self.metadata: dict[str, dict[str, Any]] = {}
        chains = self._read()
        for copies in chains.values():
            for copie in copies:
                self.noms.ask(Axe, copie.donnees.get("axe_id"))
                self.noms.ask(Enjeu, copie.donnees.get("enjeu_id"))
                if copie.partie == ENJEUX:
                    self.noms.ask(Objectif, copie.donnees["objectif_id"])
        self.noms.load()
        self.saves = self._grouped(chains)

    def _read(self) -> dict[tuple[str, str], list[_Copie]]:
        axes: Any = past_of(Axe).filter(plan=self.plan)
        objectifs: Any = past_of(Objectif)
        objectifs = objectifs.filter(axe__in=axes.values("pgh_obj"))
        plans: Any = past_of(PlanActions)
        ties: Any = models.QuerySet(ENJEUX_OBJECTIF.events)
        ties = ties.filter(objectif__in=objectifs.values("pgh_obj"))
        sources = (
            (PLAN, plans.filter(pgh_obj=self.plan), F("pgh_obj_id"), PlanActions),
            (AXE, axes, F("pgh_obj_id"), Axe),
            (OBJECTIF, objectifs, F("pgh_obj_id"), Objectif),
            (ENJEUX, ties, F("enjeu_id"), ENJEUX_OBJECTIF.model),
        )
        branches = [
            events.order_by().values_list(
                Value(partie),
                "pgh_id",
                Cast(objet, CharField()),
                "pgh_label",
                "pgh_created_at",
                Cast("pgh_context_id", CharField()),
                "pgh_context__metadata",
                columns_json(model),
            )
            for partie, events, objet, model in sources
        ]
        chains: dict[tuple[str, str], list[_Copie]] = defaultdict(list)
        for partie, _, objet, label, moment, contexte, metadata, donnees in sorted(
            branches[0].union(*branches[1:], all=True), key=lambda row: (row[0], row[1])
        ):
            group = contexte or moment.isoformat()
            self.metadata[group] = metadata or {}
            own = f"{donnees['objectif_id']}-{objet}" if partie == ENJEUX else objet
            chains[partie, own].append(_Copie(partie, objet, label, moment, group, donnees))
        return chains

    def _grouped(self, chains: dict[tuple[str, str], list[_Copie]]) -> list[SaveDuPlan]:
        saves: dict[str, SaveDuPlan] = {}
        ties: dict[tuple[str, str], list[tuple[str, bool]]] = defaultdict(list)
        for copies in chains.values():
            for group, before, after in _steps(copies):
                save = self._save(saves, group, after.moment)
                if after.partie == ENJEUX:
                    tie = (after.objet, after.label != SUPPRIME)
                    ties[group, str(after.donnees["objectif_id"])].append(tie)
                elif line := self._line(before, after):
                    save.lignes.append(line)
        for (group, objectif), moved in ties.items():
            saves[group].lignes.append(self._tie_line(objectif, moved))
        found = [save for save in saves.values() if save.lignes]
        self._name(found)
        return sorted(found, key=lambda save: save.moment, reverse=True)

    def _save(self, saves: dict[str, SaveDuPlan], group: str, moment: datetime.datetime) -> SaveDuPlan:
        if group not in saves:
            metadata = self.metadata[group]
            par = metadata.get("par") or metadata.get("user")
            saves[group] = SaveDuPlan(moment, par, metadata.get("nom", ""))
        return saves[group]

    def _line(self, before: _Copie | None, after: _Copie) -> LigneChangee | None:
        old = before.donnees if before else None
        new = None if after.label == SUPPRIME else after.donnees
        model, names = CHAMPS[after.partie]
        columns: list[Any] = [model._meta.get_field(name) for name in names]
        # An objectif says its axe when it changes axe, not when it is made under one.
        if old is None or new is None:
            columns = [column for column in columns if not column.is_relation]
        changes = [change for column in columns if (change := change_of(column, old, new, self.noms))]
        if not changes:
            return None
        genre = "ajoutee" if old is None else "retiree" if new is None else "modifiee"
        return LigneChangee(genre, self._named(after), changes, after.objet)

    def _named(self, copie: _Copie) -> str:
        if copie.partie == PLAN:
            return "Plan d’actions"
        said = f"{copie.donnees['code']} – {copie.donnees['intitule']}"
        return f"Axe {said}" if copie.partie == AXE else f"Objectif {said}"

    def _tie_line(self, objectif: str, moved: list[tuple[str, bool]]) -> LigneChangee:
        made, cut = (
            sorted(self.noms(Enjeu, key) for key, there in moved if there is kept) for kept in (True, False)
        )
        change = Changement("enjeux", "Enjeux auxquels il répond", ajoutes=made, retires=cut)
        return LigneChangee("modifiee", f"Objectif {self.noms(Objectif, objectif)}", [change], objectif)

    def _name(self, saves: list[SaveDuPlan]) -> None:
        unnamed = {save.par for save in saves if save.par and not save.nom}
        accounts = {user.pk: str(user) for user in User.objects.filter(pk__in=unnamed)} if unnamed else {}
        for save in saves:
            if not save.nom:
                save.nom = accounts.get(save.par, "Compte supprimé") if save.par else SANS_AUTEUR


def _steps(copies: list[_Copie]) -> list[tuple[str, _Copie | None, _Copie]]:
    """(save, what the row was before it, the last copy it made) for each save that touched the row."""
    groups: dict[str, list[int]] = defaultdict(list)
    for rank, copie in enumerate(copies):
        if copie.label != DEPART:
            groups[copie.contexte].append(rank)
    found = []
    for group, ranks in groups.items():
        before = copies[ranks[0] - 1] if ranks[0] else None
        if before and before.label == SUPPRIME:
            before = None
        found.append((group, before, copies[ranks[-1]]))
    return found
