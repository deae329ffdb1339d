"""How far a plan is: one aggregate for the home pages, the plan and its PDF."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Count, F, Q

from actions.models.fiche import Avancement, FicheActionQuerySet
from actions.models.plan import Axe
from conventions.models import Convention


@dataclass(frozen=True)
class Progression:
    """Fiches counted by avancement (``counts``, by code) and how many of them are late."""

    counts: dict[str, int] = field(default_factory=dict)
    late: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def realisees(self) -> int:
        return self.counts.get(Avancement.REALISEE, 0)

    @property
    def segments(self) -> list[dict[str, str | int]]:
        """One dict (``code``, ``label``, ``count``) per avancement that has fiches, in the order of a life."""
        ordre = (
            Avancement.REALISEE,
            Avancement.EN_COURS,
            Avancement.EN_PAUSE,
            Avancement.A_VENIR,
            Avancement.ABANDONNEE,
        )
        accorde = (Avancement.REALISEE, Avancement.ABANDONNEE)
        return [
            {
                "code": code.value,
                "label": f"{code.label}s" if code in accorde and self.counts[code] > 1 else str(code.label),
                "count": self.counts[code],
            }
            for code in ordre
            if self.counts.get(code)
        ]


def progress_by_axe(fiches: FicheActionQuerySet) -> dict[int, Progression]:
    """Progression of each axe id that has fiches in ``fiches``, in one query."""
    rows = (
        fiches.with_late()
        .order_by()
        .values("axe", "avancement")
        .annotate(n=Count("pk", distinct=True), n_late=Count("pk", filter=Q(is_late_db=True), distinct=True))
    )
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    late: dict[int, int] = defaultdict(int)
    for row in rows:
        counts[row["axe"]][row["avancement"]] = row["n"]
        late[row["axe"]] += row["n_late"]
    return {axe: Progression(counts[axe], late[axe]) for axe in counts}


def progress_of_contrats(
    fiches: FicheActionQuerySet, contrats: Iterable[Convention]
) -> dict[int, Progression]:
    """Progression, by id of the contract, of the fiches of ``fiches`` that each carries; two queries."""
    counts: dict[int, dict[str, int]] = {contrat.pk: defaultdict(int) for contrat in contrats}
    late: dict[int, int] = defaultdict(int)
    own = fiches.filter(plan__convention__in=counts).annotate(contrat=F("plan__convention"))
    shared = fiches.filter(cadres__in=counts).annotate(contrat=F("cadres"))
    for rows in (own, shared):
        for row in (
            rows.with_late()
            .order_by()
            .values("contrat", "avancement")
            .annotate(
                n=Count("pk", distinct=True), n_late=Count("pk", filter=Q(is_late_db=True), distinct=True)
            )
        ):
            counts[row["contrat"]][row["avancement"]] += row["n"]
            late[row["contrat"]] += row["n_late"]
    return {pk: Progression(dict(found), late[pk]) for pk, found in counts.items()}


def total_progress(progressions: Iterable[Progression]) -> Progression:
    """All of them together."""
    counts: dict[str, int] = defaultdict(int)
    late = 0
    for progression in progressions:
        late += progression.late
        for code, n in progression.counts.items():
            counts[code] += n
    return Progression(dict(counts), late)


def with_progression(axes: Iterable[Axe], fiches: FicheActionQuerySet) -> list[tuple[Axe, Progression]]:
    """Each axe with its progression, an empty one when it has no fiche in ``fiches``."""
    found = progress_by_axe(fiches)
    return [(axe, found.get(axe.pk, Progression())) for axe in axes]
