"""The offer against the public concerned: places for young children by commune, and what no commune offers."""

from dataclasses import dataclass
from decimal import Decimal

from conventions.models import Commune, Equipement, Territoire, TypeEquipement
from diagnostics.models.indicateur import Indicateur
from diagnostics.models.portrait import Chiffre, ColonneCommunes, tableau_communes

MOINS_DE_3_ANS = "age-0-2"
PLACES = "places"
Famille = TypeEquipement.Famille


@dataclass(frozen=True)
class Besoin:
    """Children under 3 and the places in service for them. ``inconnues``: équipements whose places nobody wrote."""

    enfants: Chiffre | None
    places: int
    inconnues: int

    @property
    def pour_cent_enfants(self) -> Decimal | None:
        """Places for 100 children; ``None`` when the children, or any of the places, are not known."""
        connus = self.enfants.valeur if self.enfants and self.enfants.is_complet else None
        if not connus or self.inconnues:
            return None
        return Decimal(self.places) * 100 / connus

    @property
    def is_trou(self) -> bool:
        """Children and no place at all."""
        return bool(self.enfants and self.enfants.valeur) and not self.places and not self.inconnues


@dataclass(frozen=True)
class OffreEtBesoins:
    """``sans``: for each family of équipements, the communes where none is in service."""

    colonne: ColonneCommunes | None
    communes: list[tuple[Commune, Besoin]]
    total: Besoin
    hors_commune: int
    sans: list[tuple[Famille, list[Commune]]]

    @property
    def trous(self) -> list[Commune]:
        return [commune for commune, besoin in self.communes if besoin.is_trou]


def _besoin(enfants: Chiffre | None, rows: list[Equipement]) -> Besoin:
    known = [row.capacite for row in rows if row.capacite is not None]
    return Besoin(enfants, sum(known), len(rows) - len(known))


def offre_et_besoins(territoire: Territoire) -> OffreEtBesoins:
    """Three queries. Communes are those of today; an équipement without commune counts for the whole territoire only."""
    tableau = tableau_communes(territoire, Indicateur.Theme.POPULATION)
    colonne = next((col for col in tableau.colonnes if col.indicateur.code == MOINS_DE_3_ANS), None)
    equipements = list(Equipement.objects.filter(territoire=territoire).en_service().select_related("type"))
    accueil = [
        row
        for row in equipements
        if row.type.famille == Famille.PETITE_ENFANCE and row.type.unite_capacite == PLACES
    ]
    communes = [ligne.commune for ligne in tableau.lignes]
    lignes = [
        (
            commune,
            _besoin(
                colonne.chiffres.get(commune.code) if colonne else None,
                [row for row in accueil if row.commune_id == commune.code],
            ),
        )
        for commune in communes
    ]
    served = {(row.type.famille, row.commune_id) for row in equipements}
    return OffreEtBesoins(
        colonne,
        lignes,
        _besoin(colonne.total if colonne else None, accueil),
        sum(row.commune_id is None for row in equipements),
        [
            (famille, [commune for commune in communes if (famille.value, commune.code) not in served])
            for famille in Famille
        ],
    )
