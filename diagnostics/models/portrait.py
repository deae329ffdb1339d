"""« Portrait statistique »: the figures of a territoire as they are read, compared, followed and laid out by commune.

A figure of the territoire is the one published for it; for lack of one, a count is summed over its communes and says
so. A rate or a median is never summed: ``somme`` refuses it, and nothing else adds figures.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

from conventions.models import Commune, Territoire
from diagnostics.models.indicateur import Indicateur, Valeur

Niveau, Absence = Valeur.Niveau, Valeur.Absence
FRANCE = "FR"


class NonSommableError(ValueError):
    """Somebody tried to add rates or medians."""


def _plural(count: int, word: str) -> str:
    return f"{count}\u00a0{word}{'s' if count > 1 else ''}"


@dataclass(frozen=True)
class Couverture:
    """What a sum covers: of ``communes``, how many are ``connues`` and how many ``secretes``; the others are not given."""

    communes: int
    connues: int
    secretes: int = 0

    @property
    def is_complete(self) -> bool:
        return self.connues == self.communes

    @property
    def texte(self) -> str:
        """« somme des 15 communes », or what is missing from it."""
        if self.is_complete:
            return (
                f"somme des {_plural(self.communes, 'commune')}" if self.communes > 1 else "sa seule commune"
            )
        absentes = self.communes - self.connues - self.secretes
        manque = [
            *([_plural(self.secretes, "secrète")] if self.secretes else []),
            *([_plural(absentes, "non disponible")] if absentes else []),
        ]
        return f"somme incomplète\u00a0: {_plural(self.connues, 'commune')} sur {self.communes}, {', '.join(manque)}"


@dataclass(frozen=True)
class Chiffre:
    """A figure with its year and source; ``valeur`` is ``None`` with its ``absence``. ``couverture``: it was summed."""

    annee: int
    source: str
    valeur: Decimal | None
    absence: str = ""
    couverture: Couverture | None = None

    @property
    def is_connu(self) -> bool:
        return self.valeur is not None

    @property
    def is_complet(self) -> bool:
        return self.couverture is None or self.couverture.is_complete

    @property
    def raison(self) -> str:
        """Why it is missing, in words."""
        return str(Absence(self.absence).label).lower() if self.absence else ""


def somme(
    indicateur: Indicateur, chiffres: Mapping[str, Chiffre], communes: Collection[str]
) -> Chiffre | None:
    """Add one figure a commune (same year, same source), those of ``communes`` only; ``None`` without any.

    Absent is left out and counted, never taken for 0: a sum in which nothing is known is absent too.
    Raises ``NonSommableError`` for a rate or a median.
    """
    if not indicateur.is_sommable:
        raise NonSommableError(f"{indicateur.code} is not a count")
    members = [chiffres[code] for code in communes if code in chiffres]
    if not members:
        return None
    known = [chiffre.valeur for chiffre in members if chiffre.valeur is not None]
    secretes = sum(chiffre.absence == Absence.SECRET for chiffre in members)
    return Chiffre(
        members[0].annee,
        members[0].source,
        sum(known, Decimal(0)) if known else None,
        "" if known else (Absence.SECRET if secretes else Absence.ABSENTE),
        Couverture(len(communes), len(known), secretes),
    )


@dataclass(frozen=True)
class LignePortrait:
    """An indicateur at the territoire: its figure, what other sources say, the same year elsewhere, the years.

    ``evolution`` has one source, the earliest year first.
    """

    indicateur: Indicateur
    chiffre: Chiffre | None
    autres: tuple[Chiffre, ...] = ()
    departement: Chiffre | None = None
    region: Chiffre | None = None
    france: Chiffre | None = None
    evolution: tuple[Chiffre, ...] = ()

    @property
    def is_comparee(self) -> bool:
        return any((self.departement, self.region, self.france))

    @property
    def comparaisons(self) -> list[tuple[str, Chiffre]]:
        """The places that have a figure, the territoire left out."""
        named = (
            ("Département", self.departement),
            ("Région", self.region),
            ("France", self.france),
        )
        return [(nom, chiffre) for nom, chiffre in named if chiffre]

    @property
    def variation(self) -> Decimal | None:
        """From the first to the last known year of ``evolution``, in the unit of the indicateur."""
        known = [
            chiffre.valeur for chiffre in self.evolution if chiffre.valeur is not None and chiffre.is_complet
        ]
        return known[-1] - known[0] if len(known) > 1 else None


@dataclass(frozen=True)
class ThemePortrait:
    theme: Indicateur.Theme
    lignes: list[LignePortrait]


@dataclass(frozen=True)
class Portrait:
    """Themes in their order; ``sans_chiffre`` are the indicateurs for which nothing was gathered."""

    themes: list[ThemePortrait]
    sans_chiffre: list[Indicateur]

    @cached_property
    def lignes(self) -> list[LignePortrait]:
        return [ligne for theme in self.themes for ligne in theme.lignes]

    @property
    def cles(self) -> list[LignePortrait]:
        """The first figures of the portrait, those that are known."""
        return [ligne for ligne in self.lignes if ligne.chiffre and ligne.chiffre.is_connu][:8]


def _rang(chiffre: Chiffre) -> tuple[bool, bool, int, bool]:
    """What is shown first: known, then whole (a sum that lacks communes takes the place of nothing), recent, published."""
    return (chiffre.is_connu, chiffre.is_complet, chiffre.annee, chiffre.couverture is None)


def _published_or_summed(chiffres: Iterable[Chiffre]) -> list[Chiffre]:
    """One figure a year and source: the published one when it has a value; the latest year first."""
    kept: dict[tuple[int, str], Chiffre] = {}
    for chiffre in sorted(chiffres, key=lambda c: (c.is_connu, c.couverture is None)):
        kept[chiffre.annee, chiffre.source] = chiffre
    return sorted(kept.values(), key=lambda c: (-c.annee, c.source))


def _meilleur(chiffres: Iterable[Chiffre]) -> Chiffre | None:
    """On a tie the first one, as they are sorted by source."""
    return max(chiffres, key=_rang, default=None)


def _by_source(chiffres: Iterable[Chiffre]) -> dict[str, list[Chiffre]]:
    found: dict[str, list[Chiffre]] = defaultdict(list)
    for chiffre in chiffres:
        found[chiffre.source].append(chiffre)
    return found


def _evolution(chiffres: Sequence[Chiffre], choisi: Chiffre) -> tuple[Chiffre, ...]:
    """The years of one source: that of the figure shown, unless another one follows more years."""

    def years(source: str) -> tuple[int, bool]:
        return sum(c.is_connu for c in sources[source]), source == choisi.source

    sources = _by_source(chiffres)
    longest = sources[max(sorted(sources), key=years)]
    return tuple(sorted(longest, key=lambda c: c.annee)) if len(longest) > 1 else ()


def _elsewhere(chiffres: Sequence[Chiffre], choisi: Chiffre | None) -> Chiffre | None:
    """The figure of another place for the same year, of the same source if it can be; the latest when there is none here."""
    if choisi is None:
        return _meilleur(chiffres)
    same_year = [chiffre for chiffre in chiffres if chiffre.annee == choisi.annee]
    same_source = [chiffre for chiffre in same_year if chiffre.source == choisi.source]
    return _meilleur(same_source or same_year)


def lire_ligne(
    indicateur: Indicateur,
    publies: Mapping[str, Sequence[Chiffre]],
    communaux: Mapping[tuple[int, str], Mapping[str, Chiffre]],
    communes: Collection[str],
) -> LignePortrait:
    """``publies`` by niveau; ``communaux`` by year and source, then by code of the commune."""
    sums = (
        [somme(indicateur, chiffres, communes) for chiffres in communaux.values()]
        if indicateur.is_sommable
        else []
    )
    here = _published_or_summed([*publies.get(Niveau.EPCI, ()), *(found for found in sums if found)])
    choisi = _meilleur(here)
    latest = [_meilleur(rows) for source, rows in sorted(_by_source(here).items())]
    departement, region, france = (
        _elsewhere(publies.get(niveau, ()), choisi)
        for niveau in (Niveau.DEPARTEMENT, Niveau.REGION, Niveau.FRANCE)
    )
    return LignePortrait(
        indicateur,
        choisi,
        tuple(row for row in latest if row and choisi and row.source != choisi.source),
        departement,
        region,
        france,
        _evolution(here, choisi) if choisi else (),
    )


def portrait(territoire: Territoire) -> Portrait:
    """Four queries, whatever is gathered. Communes are those of today: a commune that left no longer counts."""
    communes = list(territoire.communes.order_by("code").values_list("code", flat=True))
    indicateurs = list(Indicateur.objects.all())
    departement = territoire.departement
    places = {
        Niveau.EPCI: territoire.siren,
        Niveau.DEPARTEMENT: departement.code,
        Niveau.REGION: departement.code_region,
        Niveau.FRANCE: FRANCE,
    }
    columns = ("indicateur", "niveau", "code", "annee", "source", "valeur", "absence")
    publies: dict[int, dict[str, list[Chiffre]]] = defaultdict(lambda: defaultdict(list))
    values = Valeur.objects.filter(territoire=territoire).order_by("source", "-annee", "pk")
    for pk, niveau, code, *figure in values.exclude(niveau=Niveau.COMMUNE).values_list(*columns):
        if places.get(niveau) == code:
            publies[pk][niveau].append(Chiffre(*figure))
    communaux: dict[int, dict[tuple[int, str], dict[str, Chiffre]]] = defaultdict(lambda: defaultdict(dict))
    counts = values.filter(
        niveau=Niveau.COMMUNE, code__in=communes, indicateur__agregation=Indicateur.Agregation.SOMME
    )
    for pk, _, code, *figure in counts.values_list(*columns):
        chiffre = Chiffre(*figure)
        communaux[pk][chiffre.annee, chiffre.source][code] = chiffre
    lignes = [
        lire_ligne(indicateur, publies.get(indicateur.pk, {}), communaux.get(indicateur.pk, {}), communes)
        for indicateur in indicateurs
    ]
    gathered = [ligne for ligne in lignes if ligne.chiffre or ligne.is_comparee]
    themes = [
        ThemePortrait(theme, found)
        for theme in Indicateur.Theme
        if (found := [ligne for ligne in gathered if ligne.indicateur.theme == theme])
    ]
    empty = [ligne.indicateur for ligne in lignes if not (ligne.chiffre or ligne.is_comparee)]
    return Portrait(themes, empty)


@dataclass(frozen=True)
class ColonneCommunes:
    """An indicateur by commune: its latest year, from the source that knows the most communes that year."""

    indicateur: Indicateur
    annee: int
    source: str
    chiffres: Mapping[str, Chiffre]
    total: Chiffre | None

    @property
    def titre(self) -> str:
        unite = f" ({self.indicateur.unite})" if self.indicateur.unite else ""
        return f"{self.indicateur}{unite}, {self.annee}"


@dataclass(frozen=True)
class LigneCommune:
    """A commune and each column with its figure; ``None`` where nothing was gathered."""

    commune: Commune
    cellules: list[tuple[ColonneCommunes, Chiffre | None]]


@dataclass(frozen=True)
class TableauCommunes:
    theme: Indicateur.Theme
    colonnes: list[ColonneCommunes]
    lignes: list[LigneCommune]
    tri: str

    @property
    def sources(self) -> list[str]:
        return sorted({f"{colonne.source}, {colonne.annee}" for colonne in self.colonnes})


def _colonne(
    indicateur: Indicateur, vintages: Mapping[tuple[int, str], Mapping[str, Chiffre]], codes: Collection[str]
) -> ColonneCommunes:
    def rank(key: tuple[int, str]) -> tuple[int, int]:
        return key[0], sum(chiffre.is_connu for chiffre in vintages[key].values())

    annee, source = max(sorted(vintages), key=rank)
    chiffres = vintages[annee, source]
    total = somme(indicateur, chiffres, codes) if indicateur.is_sommable else None
    return ColonneCommunes(indicateur, annee, source, chiffres, total)


def _sorted(
    lignes: list[LigneCommune], colonnes: list[ColonneCommunes], tri: str
) -> tuple[list[LigneCommune], str]:
    """By name, or by a column with what is absent last both ways; an unknown ``tri`` is the name."""
    column, descending = tri.removeprefix("-"), tri.startswith("-")
    places = {colonne.indicateur.code: rank for rank, colonne in enumerate(colonnes)}
    if column not in places:
        return (lignes[::-1], "-nom") if tri == "-nom" else (lignes, "nom")

    def key(ligne: LigneCommune) -> tuple[bool, Decimal]:
        _, chiffre = ligne.cellules[places[column]]
        if chiffre is None or chiffre.valeur is None:
            return True, Decimal(0)
        return False, -chiffre.valeur if descending else chiffre.valeur

    return sorted(lignes, key=key), tri


def tableau_communes(territoire: Territoire, theme: Indicateur.Theme, tri: str = "nom") -> TableauCommunes:
    """Every commune of the territoire, and the indicateurs of ``theme`` that have a communal figure; two queries."""
    communes = list(territoire.communes.order_by("nom", "code"))
    codes = [commune.code for commune in communes]
    rows = (
        Valeur.objects.filter(
            territoire=territoire, niveau=Niveau.COMMUNE, indicateur__theme=theme, code__in=codes
        )
        .select_related("indicateur")
        .order_by("indicateur__ordre", "indicateur", "pk")
    )
    vintages: dict[Indicateur, dict[tuple[int, str], dict[str, Chiffre]]] = {}
    for row in rows:
        chiffre = Chiffre(row.annee, row.source, row.valeur, row.absence)
        vintages.setdefault(row.indicateur, {}).setdefault((row.annee, row.source), {})[row.code] = chiffre
    colonnes = [_colonne(indicateur, found, codes) for indicateur, found in vintages.items()]
    lignes = [
        LigneCommune(commune, [(colonne, colonne.chiffres.get(commune.code)) for colonne in colonnes])
        for commune in communes
    ]
    lignes, tri = _sorted(lignes, colonnes, tri)
    return TableauCommunes(theme, colonnes, lignes, tri)
