"""Putting a fiche back as it was: what would change is worked out first, then written as a new save.

Nothing of the history is rewritten. What cannot come back (a row that is gone, a section that is closed) is left as it
is and said.
"""

import hashlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import pghistory
from django.core.exceptions import ValidationError
from django.db import models, transaction

from actions.models.differences import Etat, RubriqueChangee, python_value, row_name
from actions.models.fiche import FicheAction
from actions.models.historique import Enregistrement, Historique
from actions.models.parts import IndicateurSuivi
from actions.models.plan import Axe, Objectif
from actions.models.suivis import COLONNES, LIENS, LIGNES, PARTIES, TITRES, Liens, Lignes
from conventions.models import Organisation, people_of
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

TOUT = "tout"
RUBRIQUE, CHAMP = "rubrique-", "champ-"
PLACE = ("axe", "objectif")
SUIVI = "suivi"
UNE_PAR_AN = {"mesures": ("indicateur_id", "annee"), "bilans": ("annee",)}
"""Rows of which one alone may stand for a year."""

Refus = Callable[[str, bool], str]
"""(section, is it followed after validation) → why it may not change, « » when it may."""


def section_of(cle: str) -> str:
    return COLONNES[cle] if cle in COLONNES else PARTIES[cle].section


def is_followed(cle: str) -> bool:
    """It goes on changing after the text is validated."""
    part = PARTIES.get(cle)
    return section_of(cle) == SUIVI or (isinstance(part, Lignes) and part.suivies)


def targets_of(cible: str) -> list[str]:
    """Columns, ties and rows that ``cible`` names (``tout``, ``rubrique-<slug>``, ``champ-<name>``); none when unknown."""
    every = [*COLONNES, *PARTIES]
    if cible == TOUT:
        return every
    if cible.startswith(RUBRIQUE):
        return [cle for cle in every if section_of(cle) == cible.removeprefix(RUBRIQUE)]
    name = cible.removeprefix(CHAMP)
    return [name] if cible.startswith(CHAMP) and name in every else []


def title_of(cible: str) -> str:
    if cible == TOUT:
        return "toute la fiche"
    if cible.startswith(RUBRIQUE):
        return f"« {TITRES[cible.removeprefix(RUBRIQUE)]} »"
    name = cible.removeprefix(CHAMP)
    label = (
        PARTIES[name].titre if name in PARTIES else str(FicheAction._meta.get_field(name).verbose_name)  # type: ignore[union-attr]  # a column, never a reverse relation
    )
    return f"« {label[:1].upper()}{label[1:]} »"


@dataclass
class Retablissement:
    """What restoring ``cible`` to ``version`` would change now, and what it cannot."""

    fiche: FicheAction
    version: Enregistrement
    cible: str
    avant: Etat
    apres: Etat
    rubriques: list[RubriqueChangee] = field(default_factory=list)
    refus: list[str] = field(default_factory=list)
    last: Enregistrement | None = None
    """The last save of the fiche."""

    @property
    def empreinte(self) -> str:
        """Changes when what would change does: somebody saved meanwhile."""
        return hashlib.sha256(repr(self.rubriques).encode()).hexdigest()[:20]

    @transaction.atomic
    def apply(self, *, by: User) -> None:
        """Write it, in the name of ``by``; refused as a whole when the database would refuse a part."""
        if not self.rubriques:
            raise TransitionError("Il n’y a rien à rétablir\u00a0: la fiche est déjà ainsi.")
        changed = {change.champ for rubrique in self.rubriques for change in rubrique.changements}
        with pghistory.context(par=by.pk, retabli=self.version.moment.isoformat()):
            try:
                self._write_columns([name for name in COLONNES if name in changed and name not in PLACE])
                for part in LIGNES:
                    if part.cle in changed:
                        self._write_rows(part)
            except ValidationError as error:
                raise TransitionError(
                    "Cette version ne peut pas être rétablie telle quelle\u00a0: " + " ".join(error.messages)
                ) from error
            for tie in LIENS:
                if tie.cle in changed:
                    getattr(self.fiche, tie.cle).set(self.apres.liens[tie.cle])
            if changed & {*PLACE}:
                self._move(by)

    def _write_columns(self, names: list[str]) -> None:
        fiche = self.fiche
        for name in names:
            column: Any = FicheAction._meta.get_field(name)
            setattr(fiche, column.attname, python_value(column, self.apres.champs or {}))
        others = {column.name for column in FicheAction._meta.fields} - {*names}
        fiche.clean_fields(exclude=others)
        fiche.validate_constraints()
        # Always: a save of the fiche is what the history names it by.
        fiche.save(update_fields=[*names, "updated_at"])

    def _write_rows(self, part: Lignes) -> None:
        old, new = (etat.lignes.get(part.cle, {}) for etat in (self.avant, self.apres))
        manager = part.model._default_manager
        manager.filter(pk__in=[int(key) for key in old.keys() - new.keys()]).delete()
        for key, values in new.items():
            if old.get(key) == values:
                continue
            row = part.model()
            row._state.adding = key not in old
            for column in part.model._meta.concrete_fields:
                setattr(row, column.attname, python_value(column, values))
            row.full_clean(validate_unique=False)
            row.save(force_insert=key not in old, force_update=key in old)

    def _move(self, by: User) -> None:
        values = self.apres.champs or {}
        axe = Axe.objects.get(pk=values["axe_id"])
        objectif = Objectif.objects.get(pk=values["objectif_id"]) if values["objectif_id"] else None
        siblings = FicheAction.objects.filter(axe=axe, objectif=objectif).exclude(pk=self.fiche.pk)
        self.fiche.place(axe, objectif, after=siblings.order_by("ordre", "pk").last(), by=by)


def plan_restore(
    historique: Historique, version: Enregistrement, cible: str, *, refus: Refus, may_place: bool
) -> Retablissement:
    """Work out what restoring would change; nothing is written."""
    now, then = historique.states_at(None, version)
    for etat in (now, then):
        historique.noms.ask_state(etat)
    historique.noms.load()
    work = _Travail(historique, now, then)
    closed = {}
    for cle in targets_of(cible):
        section = section_of(cle)
        why = refus(section, is_followed(cle))
        if why:
            closed[cle] = why
        elif cle in PLACE:
            work.take_place(may_place)
        elif cle in COLONNES:
            work.take_column(cle)
        elif isinstance(part := PARTIES[cle], Liens):
            work.take_tie(part)
        else:
            work.take_rows(part)
    found = Retablissement(historique.fiche, version, cible, now, work.apres)
    found.last = historique.tous[-1] if historique.tous else None
    found.rubriques = historique.differences(now, work.apres)
    found.refus = [*_closed(historique, now, then, closed), *dict.fromkeys(work.refus)]
    return found


def _closed(historique: Historique, now: Etat, then: Etat, closed: dict[str, str]) -> list[str]:
    """Why what differs in closed sections stays as it is, a sentence a reason."""
    if not closed:
        return []
    differing = {
        change.champ
        for rubrique in historique.differences(now, then)
        for change in rubrique.changements
        if change.champ in closed
    }
    reasons: dict[str, list[str]] = {}
    for slug, titre in TITRES.items():
        for why in dict.fromkeys(
            closed[cle] for cle in closed if cle in differing and section_of(cle) == slug
        ):
            reasons.setdefault(why, []).append(f"«\u00a0{titre}\u00a0»")
    return [
        f"{why} {'Ne change pas' if len(titres) == 1 else 'Ne changent pas'}\u00a0: {', '.join(titres)}."
        for why, titres in reasons.items()
    ]


def open_targets(refus: Refus) -> set[str]:
    """Columns, ties and rows that may change now."""
    return {cle for cle in targets_of(TOUT) if not refus(section_of(cle), is_followed(cle))}


class _Travail:
    """The state to come, built target by target from the present one."""

    def __init__(self, historique: Historique, now: Etat, then: Etat) -> None:
        self.fiche = historique.fiche
        self.noms = historique.noms
        self.now, self.then = now, then
        self.champs: dict[str, Any] = dict(now.champs or {})
        self.apres = Etat(self.champs, deepcopy(now.lignes), deepcopy(now.liens))
        self.refus: list[str] = []

    def is_there(self, model: type[models.Model], key: Any) -> bool:
        return key is None or (model, str(key)) in self.noms.presents

    def take_column(self, name: str) -> None:
        column: Any = FicheAction._meta.get_field(name)
        before = self.then.champs
        if before is None or before[column.attname] == self.champs[column.attname]:
            return
        value = before[column.attname]
        if name == "fin_reelle":
            self.refus.append(
                "La fin réelle suit l’avancement de l’action\u00a0: elle ne se rétablit pas seule."
            )
        elif column.is_relation and not self.is_there(column.remote_field.model, value):
            self.refus.append(
                f"«\u00a0{column.verbose_name.capitalize()}\u00a0»\u00a0: ce choix n’existe plus."
            )
        else:
            self.champs[column.attname] = self.survivor(value) if name == "structure_pilote" else value

    def survivor(self, key: Any) -> Any:
        """The organisation that stands for one that was united with another since."""
        if key is None:
            return None
        return Organisation.objects.select_related("fusionnee_dans").get(pk=key).survivante.pk

    def take_place(self, may_place: bool) -> None:
        before = self.then.champs
        if before is None or all(before[f"{name}_id"] == self.champs[f"{name}_id"] for name in PLACE):
            return
        if not may_place:
            self.refus.append(
                "Seule la coordination déplace une fiche dans le plan\u00a0: sa place reste celle d’aujourd’hui."
            )
        elif not (self.is_there(Axe, before["axe_id"]) and self.is_there(Objectif, before["objectif_id"])):
            self.refus.append(
                "L’axe ou l’objectif de cette version n’existe plus\u00a0: la fiche garde sa place."
            )
        else:
            self.champs.update({f"{name}_id": before[f"{name}_id"] for name in PLACE})

    def take_tie(self, tie: Liens) -> None:
        wanted = self.then.liens.get(tie.cle, set())
        added = wanted - self.now.liens.get(tie.cle, set())
        gone = {key for key in added if not self.is_there(tie.cible, key)}
        if tie.cle == "cadres" and added - gone:
            linked = self.fiche.plan.convention.contrats_lies.values_list("pk", flat=True)
            gone |= added - {str(key) for key in linked}
        for key in sorted(gone):
            self.refus.append(
                f"«\u00a0{tie.titre}\u00a0»\u00a0: «\u00a0{self.noms(tie.cible, key)}\u00a0» n’est plus là, et ne revient pas."
            )
        self.apres.liens[tie.cle] = wanted - gone

    def take_rows(self, part: Lignes) -> None:
        if not part.retablies:
            return
        now, then = (etat.lignes.get(part.cle, {}) for etat in (self.now, self.then))
        kept = {key: values for key, values in then.items() if self._may_come_back(part, key, values, now)}
        for key in then.keys() & now.keys() - kept.keys():
            kept[key] = now[key]
        for key in now.keys() - then.keys():
            if not part.retirables or self._is_measured(part, key):
                kept[key] = now[key]
        self.apres.lignes[part.cle] = kept

    def _is_measured(self, part: Lignes, key: str) -> bool:
        if part.model is not IndicateurSuivi:
            return False
        measured = any(
            str(row["indicateur_id"]) == key for row in self.now.lignes.get("mesures", {}).values()
        )
        if measured:
            name = row_name(part, self.now.lignes[part.cle][key], self.noms)
            self.refus.append(f"L’indicateur «\u00a0{name}\u00a0» est gardé\u00a0: il porte des mesures.")
        return measured

    def _may_come_back(self, part: Lignes, key: str, values: dict[str, Any], now: dict[str, Any]) -> bool:
        if now.get(key) == values:
            return True
        name = row_name(part, values, self.noms)
        for column in part.model._meta.concrete_fields:
            if not column.is_relation or column.name == "fiche":
                continue
            related: Any = column.related_model
            target = values[column.attname]
            if related is IndicateurSuivi:
                there = str(target) in self.apres.lignes.get("indicateurs", {})
            else:
                there = self.is_there(related, target)
            if related is User and there and target is not None:
                there = people_of(self.fiche.plan.convention).filter(pk=target).exists()
            if not there:
                self.refus.append(
                    f"{part.titre}, «\u00a0{name}\u00a0»\u00a0: la personne, l’organisation ou l’indicateur n’est plus là\u00a0; la ligne ne revient pas."
                )
                return False
        unique = UNE_PAR_AN.get(part.cle)
        if unique and any(
            other != key and all(row[name] == values[name] for name in unique) for other, row in now.items()
        ):
            self.refus.append(
                f"{part.titre}, «\u00a0{name}\u00a0»\u00a0: une autre ligne a été écrite pour cette année."
            )
            return False
        return True
