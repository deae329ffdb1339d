"""The fiches of a set gathered by commune, contract, domaine or pilote; a fiche may be in several groups."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from actions.models.facettes import AUCUN, Ligne
from actions.models.progression import Progression


@dataclass
class GroupeFiches:
    """``cle`` is the value of the filter that gives the same fiches."""

    cle: str
    label: str
    lignes: list[Ligne] = field(default_factory=list)

    @property
    def progression(self) -> Progression:
        counts = Counter(ligne.avancement for ligne in self.lignes)
        return Progression(dict(counts), sum(ligne.is_late for ligne in self.lignes))

    @property
    def is_sans(self) -> bool:
        return self.cle == AUCUN


def group(
    lignes: Iterable[Ligne], name: str, choices: Sequence[tuple[str, str]], asked: Collection[str] = ()
) -> list[GroupeFiches]:
    """Groups that have a fiche, in the order of ``choices`` (value, label) of the filter ``name``.

    ``asked``: the values that the filter keeps, if any; the others make no group.
    """
    groups = {value: GroupeFiches(value, label) for value, label in choices if not asked or value in asked}
    for ligne in lignes:
        for value in ligne.valeurs[name]:
            if value in groups:
                groups[value].lignes.append(ligne)
    return [found for found in groups.values() if found.lignes]


def progress_by(lignes: Iterable[Ligne], name: str) -> dict[str, Progression]:
    """Progression of the lignes by value of a filter, as of each axe; no query."""
    counts: dict[str, Counter[str]] = {}
    late: Counter[str] = Counter()
    for ligne in lignes:
        for value in ligne.valeurs[name]:
            counts.setdefault(value, Counter())[ligne.avancement] += 1
            late[value] += ligne.is_late
    return {value: Progression(dict(found), late[value]) for value, found in counts.items()}
