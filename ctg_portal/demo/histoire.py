"""A past for the fiches of the demonstration: what is loaded dates from its plan, and a few saves follow."""

import datetime
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pghistory
import pgtrigger
from django.db import connection, models
from django.db.models import DateTimeField, OuterRef, Subquery
from django.db.models.functions import Cast
from pghistory.models import Context

from actions.models import Axe, FicheAction, Objectif, PlanActions, Transition
from actions.models.suivis import ENJEUX_OBJECTIF, LIENS, PARTIES, TOUTES
from conventions.models import Habilitation
from ctg_portal.demo.etat import Etat

Role = Habilitation.Role
CODE = "cazals-salviac-ctg-2022"
TRACKED: list[Any] = [FicheAction, PlanActions, Axe, Objectif, Transition]
TABLES: list[Any] = [
    *(model.pgh_event_model for model in TRACKED),
    *(part.events for part in PARTIES.values()),
    ENJEUX_OBJECTIF.events,
]


def events(model: type[models.Model]) -> Any:
    return models.QuerySet(model)


class Histoire(Etat):
    def write_histoire(self) -> None:
        with pgtrigger.ignore(*(f"{table._meta.label}:append_only" for table in TABLES)):
            self._date_loading()
        self._write_saves()

    def _date_loading(self) -> None:
        """What was just written was there when each plan began; notes and states keep their own days."""
        plans: dict[int, PlanActions] = {fiche.plan_id: fiche.plan for fiche in self.fiches.values()}
        for plan in plans.values():
            debut = self.moment(
                min(plan.convention.debut, self.calendar.today - datetime.timedelta(days=200)), 9
            )
            owned: dict[Any, dict[str, Any]] = {
                PlanActions: {"pgh_obj": plan},
                Axe: {"plan": plan},
                Objectif: {"axe__plan": plan},
                FicheAction: {"plan": plan},
            }
            for table, its in owned.items():
                found = events(table.pgh_event_model).filter(**its).values("pgh_id")
                events(table.pgh_event_model).filter(pgh_id__in=found).update(
                    pgh_created_at=debut, pgh_context=None
                )
            fiches = FicheAction.objects.filter(plan=plan)
            for part in TOUTES:
                owner = "ficheaction" if part in LIENS else getattr(part, "fiche", "fiche")
                path = "indicateur__fiche__in" if owner == "indicateur" else f"{owner}__in"
                found = events(part.events).filter(**{path: fiches}).values("pgh_id")
                events(part.events).filter(pgh_id__in=found).update(pgh_created_at=debut, pgh_context=None)
            links = events(ENJEUX_OBJECTIF.events).filter(objectif__axe__plan=plan).values("pgh_id")
            events(ENJEUX_OBJECTIF.events).filter(pgh_id__in=links).update(
                pgh_created_at=debut, pgh_context=None
            )
        notes: Any = PARTIES["notes"].events
        events(notes).update(pgh_created_at=Cast("date", DateTimeField()), pgh_context=None)
        journal: Any = Transition.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it
        lines = Transition.objects.filter(pk=OuterRef("pgh_obj_id"))
        events(journal).update(pgh_created_at=Subquery(lines.values("created_at")[:1]), pgh_context=None)
        self._date_states()
        self._write_states()

    def _date_states(self) -> None:
        """A fiche that a decision moved changed when the journal says it did."""
        table: Any = FicheAction.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it
        for before, after in pairwise(events(table).order_by("pgh_obj", "pgh_id")):
            if before.pgh_obj_id == after.pgh_obj_id and before.avancement != after.avancement:
                line = Transition.objects.filter(
                    fiche=after.pgh_obj_id, champ="avancement", vers=after.avancement
                ).first()
                if line:
                    events(table).filter(pgh_id=after.pgh_id).update(pgh_created_at=line.created_at)

    def _write_states(self) -> None:
        """A fiche is loaded in the state it has today: its history is given those the journal says, and by whom."""
        table: Any = FicheAction.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it
        journal: Any = Transition.pgh_event_model  # type: ignore[attr-defined]  # pghistory adds it
        lines: dict[int, list[Transition]] = defaultdict(list)
        contexts = {}
        for line in Transition.objects.order_by("created_at", "pk"):
            lines[line.fiche_id].append(line)
            contexts[line.pk] = Context.objects.create(metadata={"par": line.by_id})
            events(journal).filter(pgh_obj=line.pk).update(pgh_context=contexts[line.pk])
        first: dict[int, Any] = {}
        several = set()
        for event in events(table).order_by("pgh_id"):
            if event.pgh_obj_id in first:
                several.add(event.pgh_obj_id)
            first.setdefault(event.pgh_obj_id, event)
        for pk, its in lines.items():
            event = first[pk]
            if pk in several:
                continue
            for line in reversed(its):
                setattr(event, line.champ, line.depuis)
            events(table).filter(pgh_id=event.pgh_id).update(
                redaction=event.redaction, avancement=event.avancement
            )
            for line in its:
                setattr(event, line.champ, line.vers)
                event.pk, event._state.adding = None, True
                event.pgh_label, event.pgh_created_at = "update", line.created_at
                event.pgh_context = contexts[line.pk]
                event.save(force_insert=True)

    def _save(self, role: str, days: int, write: Callable[[], Any], retabli: str = "") -> None:
        """``write`` as somebody did it, so many days ago."""
        person = self.person(CODE, role)
        moment = self.moment(self.calendar.today - datetime.timedelta(days=days), 11)
        marks = {table: events(table).aggregate(last=models.Max("pgh_id"))["last"] or 0 for table in TABLES}
        extra = {"retabli": retabli} if retabli else {}
        with pghistory.context(user=person.pk, nom=str(person), **extra):
            write()
        with connection.cursor() as cursor:
            # It is set for the whole transaction, and the next save is another one.
            cursor.execute("SELECT set_config('pghistory.context_id', '', true)")
        with pgtrigger.ignore(*(f"{table._meta.label}:append_only" for table in TABLES)):
            for table, last in marks.items():
                events(table).filter(pgh_id__gt=last).update(pgh_created_at=moment)

    def _write_saves(self) -> None:
        if (CODE, "1.1.1") not in self.fiches:
            return
        guichet = FicheAction.objects.filter(pk=self.fiches[CODE, "1.1.1"].pk)
        former = guichet.get()
        budget = former.lignes_budget.filter(annee=2026)
        etape = former.etapes.order_by("ordre").last()
        day = self.calendar.today - datetime.timedelta(days=9)
        court = (
            "Les parents appellent les structures une à une. Personne n’a de vue d’ensemble de la demande."
        )
        axe = former.axe
        made: list[Objectif] = []

        def shorten() -> None:
            guichet.update(besoins=court, effectif_attendu=80)
            budget.update(prevu="8000.00")

        def follow() -> None:
            guichet.update(
                prochaines_etapes="Présenter la mesure du besoin au comité de pilotage de fin d’année, commune par commune."
            )
            if etape:
                former.etapes.filter(pk=etape.pk).update(
                    responsable="Animatrice du RPE et chargée de coopération"
                )

        def complete() -> None:
            guichet.update(effectif_attendu=95)
            budget.update(prevu="8400.00")
            former.domaines.add(self.domaines["acces-aux-droits"])

        def remove() -> None:
            made[0].delete()

        self._save(Role.COORDINATION, 52, shorten)
        self._save(
            Role.COORDINATION,
            30,
            lambda: made.append(
                Objectif.objects.create(
                    axe=axe, code="1.9", intitule="Accorder les horaires des structures", ordre=9
                )
            ),
        )
        self._save(Role.COORDINATION, 29, remove)
        self._save(Role.REDACTION, 20, follow)
        first = self.moment(former.plan.convention.debut, 9).isoformat()
        self._save(Role.COORDINATION, 9, lambda: guichet.update(besoins=former.besoins), retabli=first)
        self._save(Role.COORDINATION, 3, complete)
        guichet.update(updated_at=self.moment(day + datetime.timedelta(days=6), 11))
