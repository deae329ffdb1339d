"""« Offre de services »: what is in service in a territoire, by family and kind, for a page and for documents."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from conventions.models.equipement import Equipement, TypeEquipement
from conventions.models.reference import Territoire


@dataclass(frozen=True)
class OffreType:
    """The équipements of one kind; ``capacite`` is the sum of those that are known (``None``: none is)."""

    type: TypeEquipement
    equipements: list[Equipement]

    @property
    def capacite(self) -> int | None:
        known = [row.capacite for row in self.equipements if row.capacite is not None]
        return sum(known) if known else None

    @property
    def is_capacite_partielle(self) -> bool:
        return self.capacite is not None and any(row.capacite is None for row in self.equipements)


@dataclass(frozen=True)
class OffreFamille:
    famille: TypeEquipement.Famille
    types: list[OffreType]

    @property
    def nombre(self) -> int:
        return sum(len(offre.equipements) for offre in self.types)


def offre_services(territoire: Territoire) -> list[OffreFamille]:
    """What is in service today, families and kinds in the order of their lists; one query."""
    return group_offre(Equipement.objects.filter(territoire=territoire).en_service().for_list())


def group_offre(equipements: Iterable[Equipement]) -> list[OffreFamille]:
    """Give the rows sorted by ``for_list``."""
    types = [OffreType(kind, list(rows)) for kind, rows in groupby(equipements, lambda row: row.type)]
    return [
        OffreFamille(famille, found)
        for famille in TypeEquipement.Famille
        if (found := [offre for offre in types if offre.type.famille == famille])
    ]
