"""What a dossier is made of, each thing read once and only when a part asks for it, in a constant number of queries."""

import datetime
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject

from actions.models import Axe, FicheAction
from actions.models.depuis import FicheChangee, changes_since, in_plan
from actions.models.fiche import Redaction
from actions.models.lecture import for_document
from actions.models.progression import Progression, total_progress
from conventions.models import Financement
from governance.annexes import Annexe, annexes_of
from governance.models import Decision, MembreInstance, PointOrdreDuJour, Reunion
from governance.models.reunion import ReunionQuerySet

Visee = PointOrdreDuJour.Visee


def for_dossier(reunions: ReunionQuerySet) -> ReunionQuerySet:
    """With what the dossier of one of them reads of the meeting itself, in the same query."""
    financements = Financement.objects.filter(convention=OuterRef("instance__convention"))
    row = JSONObject(**{name: name for name in ("exercice", *Financement.MONTANTS)})
    return reunions.select_related("sommaire_dossier").annotate(
        rows_financements=ArraySubquery(financements.order_by("pk").values(row=row))
    )


@dataclass
class Matiere:
    """What the parts of the dossier of a meeting are made of, each thing read when a part asks for it.

    ``entieres``: the fiches concerned are read whole.
    """

    reunion: Reunion
    entieres: bool = False

    @property
    def convention(self) -> Any:
        return self.reunion.instance.convention

    @cached_property
    def points(self) -> list[Any]:
        """The agenda; each with the ids of its fiches. One query."""
        fiches = PointOrdreDuJour.fiches.through.objects.filter(pointordredujour=OuterRef("pk"))
        return list(
            self.reunion.points.annotate(
                ids_fiches=ArraySubquery(fiches.order_by("pk").values("ficheaction"))
            )
        )

    @cached_property
    def fiches(self) -> list[FicheAction]:
        """Those of the plan, archived ones too, with when the last COPIL met (``copil_le``). One query."""
        copils = Reunion.objects.copils_tenus().filter(
            instance__convention=self.convention, debut__lt=self.reunion.debut
        )
        fiches = FicheAction.objects.of_convention(self.convention).filter(confidentielle=False)
        return in_plan(
            fiches.with_late()
            .select_related("structure_pilote")
            .annotate(copil_le=Subquery(copils.values("debut")[:1]))
        )

    @cached_property
    def actives(self) -> dict[int, FicheAction]:
        return {fiche.pk: fiche for fiche in self.fiches if fiche.redaction != Redaction.ARCHIVEE}

    def fiches_of(self, point: Any) -> list[FicheAction]:
        """In the order of the plan."""
        return [fiche for pk, fiche in self.actives.items() if pk in point.ids_fiches]

    @cached_property
    def concernees(self) -> list[FicheAction]:
        """Each once, in the order of the agenda."""
        found = {fiche.pk: fiche for point in self.points for fiche in self.fiches_of(point)}
        return list(found.values())

    @cached_property
    def concernees_entieres(self) -> list[FicheAction]:
        """The same as a document reads them whole. Nine queries."""
        pks = [fiche.pk for fiche in self.concernees]
        found = {fiche.pk: fiche for fiche in for_document(FicheAction.objects.filter(pk__in=pks))}
        return [found[pk] for pk in pks]

    @cached_property
    def copil_le(self) -> datetime.datetime | None:
        """When the last COPIL met; ``None`` when none did, or without a fiche."""
        first: Any = self.fiches[0] if self.fiches else None
        return first.copil_le if first else None

    @cached_property
    def changements(self) -> list[FicheChangee]:
        """What changed since; two queries."""
        return changes_since(self.fiches, self.copil_le, named=False) if self.copil_le else []

    @cached_property
    def axes(self) -> list[tuple[Axe, Progression]]:
        """Those of the own plan that have fiches, in its order; no query."""
        by_axe: dict[Axe, list[FicheAction]] = defaultdict(list)
        for fiche in self.actives.values():
            if fiche.plan.convention_id == self.convention.pk:
                by_axe[fiche.axe].append(fiche)
        return [
            (
                axe,
                Progression(
                    dict(Counter(fiche.avancement for fiche in fiches)),
                    sum(fiche.is_late for fiche in fiches),
                ),
            )
            for axe, fiches in by_axe.items()
        ]

    @cached_property
    def total(self) -> Progression:
        return total_progress(found for _, found in self.axes)

    @cached_property
    def financements(self) -> list[Financement]:
        """Amounts of the lines of the convention; no query when ``for_dossier()`` loaded the meeting."""
        rows = getattr(self.reunion, "rows_financements", None)
        if rows is None:
            rows = self.convention.financements.values("exercice", *Financement.MONTANTS)
        return [
            Financement(
                exercice=row["exercice"],
                **{
                    name: None if row[name] is None else Decimal(str(row[name]))
                    for name in Financement.MONTANTS
                },
            )
            for row in rows
        ]

    @cached_property
    def decisions(self) -> list[Decision]:
        """All those of earlier meetings, the most pressing first; one query."""
        found = Decision.objects.before(self.reunion).most_pressing_first()
        return list(found.select_related("reunion__instance"))

    @cached_property
    def membres(self) -> list[MembreInstance]:
        return list(self.reunion.instance.membres.select_related("organisation", "user"))

    @cached_property
    def annexes(self) -> list[Annexe]:
        return annexes_of(self.reunion, [point.pk for point in self.points])

    @property
    def a_decider(self) -> list[tuple[int, Any]]:
        """The items for decision, with their number on the agenda."""
        return [(rang, point) for rang, point in enumerate(self.points, 1) if point.visee == Visee.DECISION]
