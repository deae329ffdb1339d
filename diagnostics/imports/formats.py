"""The files of figures that the portal knows by their head, and what each of their rows says.

CAF: data.caf.fr, technical names or French labels. INSEE: dossier complet, Melodi, movements of communes.

Where the names come from. Technical names of CAF files (``dtreffre``, ``numcomdo``, ``indfoy_ndur``, ``txcouv_epci``,
``pl_am_ind_epci``, ``numregi``…), labels of the button (« Nombre foyers NDUR », « Numéro commune », « Taux de couv
global »), variables of the dossier complet and codes of Melodi (``PMUN``, ``MED_SL``, ``PR_MD60``, ``LVB``, ``DW_VAC``,
``Y_GE65``) were read in published code that reads these files. Not found anywhere, hence supposed: the French labels of
``nbpla_pe`` beyond « Places EAJE - ensemble », and the young age groups of Melodi (``Y3T5``…). A supposed name that is
wrong is simply not recognised: the file then goes to the screen where each column is described. A file that splits its
counts (by kind of RSA, by quotient familial) is never taken for the one that holds the totals.
"""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from django.core.exceptions import ValidationError

from ctg_portal.imports import normalise, parse_date
from ctg_portal.templatetags.portal import date_fr
from diagnostics.imports.cellules import Absence, parse_annee, parse_valeur
from diagnostics.imports.lieux import FRANCE, MASQUES, Lieux, Niveau, written_level

HORS_DECEMBRE = "hors du mois de décembre"
MASQUEES = "où le lieu est masqué (XX)"
AUTRES = "sur un sujet que le portail ne suit pas"
SANS_ANNEE = "sans année lisible"


@dataclass(frozen=True)
class Chiffre:
    """A figure as a file gives it; ``brut`` is what could not be read as a number, to be refused with its line."""

    ligne: int
    indicateur: str
    niveau: str
    code: str
    annee: int
    valeur: Decimal | None = None
    absence: str = ""
    brut: str = ""


def figure(ligne: int, indicateur: str, niveau: str, code: str, annee: int, text: str) -> Chiffre:
    try:
        valeur, absence = parse_valeur(text)
    except ValidationError:
        return Chiffre(ligne, indicateur, niveau, code, annee, brut=text[:60])
    return Chiffre(ligne, indicateur, niveau, code, annee, valeur, absence)


class Format(ABC):
    """A known file. ``cle`` is the rank of the column that says the place; ``ecartees`` counts the rows left aside."""

    intitule: ClassVar[str]
    source: str
    niveaux: Sequence[str] = Niveau.values
    remarque: ClassVar[str] = ""

    def __init__(self, cle: int) -> None:
        self.cle = cle
        self.ecartees: Counter[str] = Counter()

    @classmethod
    @abstractmethod
    def recognise(cls, entete: Sequence[str], nom: str) -> "Format | None":
        """The reader of a file that begins with these titles, if it is one of this kind."""

    @abstractmethod
    def figures(self, ligne: int, cells: Sequence[str], lieux: Lieux) -> Iterator[Chiffre]:
        """What a row says of the places of the territoire."""

    def keys(self, lieux: Lieux) -> Collection[str] | None:
        """What the column of the place says on the rows to read; ``None`` for all of them."""
        return lieux.keys(self.niveaux)

    def lectures(self) -> list[tuple[str, str, list[str]]]:
        """Each indicateur read, how it is made, and the titles of the columns it comes from, to be shown."""
        return []


def cell(cells: Sequence[str], rank: int) -> str:
    return cells[rank] if rank < len(cells) else ""


def _titles(entete: Sequence[str]) -> list[str]:
    return [normalise(title) for title in entete]


def _find(titles: Sequence[str], *wanted: str) -> int | None:
    return next((titles.index(title) for title in wanted if title in titles), None)


DATES = ("dtreffre", "annee", "date reference", "date de reference", "date ref", "mois de reference")
LIEUX_CAF = re.compile(
    r"(?:num|nom|numero|code|lib|libelle) ?(?:(?:de|du|d) )?(?:la |l )?(?:com|epci|dep|reg|caf|insee|geo)\w*(?: .*)?"
    r"|(?:commune|epci|departement|region|geo)(?: .*)?|national"
)
"""The titles of the columns that say the place, normalised."""


class Caf(Format):
    """Open data of the CAF: one row a place and a date, one column a count."""

    colonnes: ClassVar[dict[str, Callable[[str], bool]]]
    """The title, normalised, of the column of each indicateur."""

    debuts: ClassVar[tuple[str, ...]]
    """How the titles of its counts begin, normalised: any other column, but those of the place, splits the rows."""

    def __init__(self, entete: Sequence[str], cle: int, date: int, niveau: str, lues: dict[str, int]) -> None:
        super().__init__(cle)
        self.entete, self.date, self.niveaux, self.lues = entete, date, [niveau], lues

    def keys(self, lieux: Lieux) -> Collection[str] | None:
        return None if self.niveaux == [Niveau.FRANCE] else super().keys(lieux)

    @classmethod
    def place_column(cls, titles: Sequence[str]) -> tuple[int, str] | None:
        """The most precise place that the file names."""
        for niveau, wanted in (
            (Niveau.COMMUNE, ("numcomdo", "numcom", "numero commune", "num commune", "code commune")),
            (Niveau.EPCI, ("numepci", "numero epci", "num epci", "code epci")),
            (Niveau.DEPARTEMENT, ("numdep", "numero departement", "num departement", "code departement")),
            (Niveau.REGION, ("numregi", "numreg", "numero region", "num region", "code region")),
            (Niveau.FRANCE, ("national",)),
        ):
            if (rank := _find(titles, *wanted)) is not None:
                return rank, niveau
        return None

    @classmethod
    def recognise(cls, entete: Sequence[str], nom: str) -> "Format | None":
        titles = _titles(entete)
        place, date = cls.place_column(titles), _find(titles, *DATES)
        lues: dict[str, int] = {}
        for rank, title in enumerate(titles):
            for code, is_column in cls.colonnes.items():
                if code not in lues and is_column(title):
                    lues[code] = rank
        if place is None or date is None or not lues or any(map(cls._splits, titles)):
            return None
        return cls(entete, place[0], date, place[1], lues)

    @classmethod
    def _splits(cls, title: str) -> bool:
        """« rsa_type », « Quotient familial »: each row is then a part, not a total."""
        said = not title or title in DATES or LIEUX_CAF.fullmatch(title)
        return not said and not title.startswith(cls.debuts)

    def lectures(self) -> list[tuple[str, str, list[str]]]:
        titles = {code: self.entete[rank] for code, rank in self.lues.items()}
        return [(code, title, [title]) for code, title in titles.items()]

    def figures(self, ligne: int, cells: Sequence[str], lieux: Lieux) -> Iterator[Chiffre]:
        text = cell(cells, self.cle)
        if text.upper() in MASQUES:
            self.ecartees[MASQUEES] += 1
            return
        [niveau] = self.niveaux
        # A national file has one row a year, whatever it calls France.
        code = FRANCE if niveau == Niveau.FRANCE else lieux.place(niveau, text)
        if code is None:
            return
        try:
            annee, mois = parse_annee(cell(cells, self.date))
        except ValidationError:
            self.ecartees[SANS_ANNEE] += 1
            return
        if mois not in (None, 1, 12) or (mois == 1 and not self.january_is_the_year):
            self.ecartees[HORS_DECEMBRE] += 1
            return
        for indicateur, rank in self.lues.items():
            yield figure(ligne, indicateur, niveau, code, annee, cell(cells, rank))

    january_is_the_year: ClassVar[bool] = False
    """A year kept as a date is written « 2022-01-01 »."""


def _says(*words: str, sauf: Sequence[str] = ()) -> Callable[[str], bool]:
    def is_said(title: str) -> bool:
        found = set(title.split())
        return found.issuperset(words) and not found.intersection(sauf)

    return is_said


def _either(*tests: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda title: any(test(title) for test in tests)


def _named(*names: str) -> Callable[[str], bool]:
    """A technical name: normalised, its underscores are spaces."""
    wanted = {normalise(name) for name in names} | {normalise(name.replace("_", " ")) for name in names}
    return lambda title: title in wanted


class CafBeneficiaires(Caf):
    intitule = "CAF, bénéficiaires par commune (s_ben_com_f)"
    source = "CAF, data.caf.fr, s_ben_com_f"
    remarque = "Régime général seulement (la MSA manque), au mois de décembre, arrondi à 5."
    debuts = (
        *("indfoy", "indnbp", "indmtt", "montant ", "foyers", "personnes"),
        *("nombre foyers", "nombre de foyers", "nombre personnes", "nombre de personnes"),
    )
    colonnes: ClassVar = {
        "foyers-allocataires": _either(
            _named("indfoy_ndur"),
            _says("foyers", "ndur"),
            _says("foyers", "allocataires", "prestations"),
            _named("nombre foyers allocataires", "foyers allocataires", "nombre de foyers allocataires"),
        ),
        "personnes-couvertes": _either(
            _named("indnbp_ndur"),
            _says("personnes", "ndur"),
            _says("personnes", "couvertes", "prestations"),
            _named("nombre personnes couvertes", "personnes couvertes", "nombre de personnes couvertes"),
        ),
        "foyers-rsa": _either(
            _named("indfoy_rsa"), _says("foyers", "rsa", sauf=("majore", "jeune", "jeunes"))
        ),
        "foyers-ppa": _either(
            _named("indfoy_ppa"), _says("foyers", "ppa"), _says("foyers", "prime", "activite")
        ),
        "foyers-aah": _either(_named("indfoy_aah"), _says("foyers", "aah")),
    }

    def __init__(self, entete: Sequence[str], cle: int, date: int, niveau: str, lues: dict[str, int]) -> None:
        super().__init__(entete, cle, date, niveau, lues)
        # The same columns are given for larger places, in files of other names.
        self.source = f"CAF, data.caf.fr, s_ben_{'com_f' if niveau == Niveau.COMMUNE else _SUFFIXES[niveau]}"


_NIVEAUX_CAF = "(?:com|epci|dep|reg|nat)"


def _technical(prefix: str, *stems: str) -> Callable[[str], bool]:
    """« txcouv_eaje_epci », whose underscores ``normalise`` turned to spaces."""
    pattern = re.compile(
        rf"(?:{prefix})(?: (?:{'|'.join(stems)}))? {_NIVEAUX_CAF}"
        if not stems or stems == ("",)
        else rf"(?:{prefix}) (?:{'|'.join(stems)}) {_NIVEAUX_CAF}"
    )
    return lambda title: bool(pattern.fullmatch(title))


class CafCouverture(Caf):
    intitule = "CAF, taux de couverture de l’accueil du jeune enfant (txcouv_pe)"
    source = "CAF, data.caf.fr, txcouv_pe"
    january_is_the_year = True
    debuts = ("txcouv", "tauxcouv", "taux ")
    colonnes: ClassVar = {
        "taux-couverture-0-3": _either(
            _technical("txcouv|tauxcouv"),
            _says("taux", "couv", "global"),
            _says("taux", "couverture", "global"),
        )
    }

    def __init__(self, entete: Sequence[str], cle: int, date: int, niveau: str, lues: dict[str, int]) -> None:
        super().__init__(entete, cle, date, niveau, lues)
        self.source = f"CAF, data.caf.fr, txcouv_pe_{_SUFFIXES[niveau]}"


class CafPlaces(Caf):
    intitule = "CAF, places d’accueil du jeune enfant (nbpla_pe)"
    source = "CAF, data.caf.fr, nbpla_pe"
    january_is_the_year = True
    debuts = ("pl ", "nbpla", "places ", "tot ", "total ", "nombre ")
    colonnes: ClassVar = {
        "places-eaje": _either(_technical("pl|nbpla", "eaje"), _says("places", "eaje", "ensemble")),
        "places-assistantes-maternelles": _either(
            _technical("pl|nbpla", "am ind", "am", "assmat"),
            lambda title: "places" in title.split() and "assistante" in title and "matern" in title,
        ),
        "places-garde-domicile": _either(
            _technical("pl|nbpla", "gad ind", "gad", "gd ind"),
            _says("places", "domicile", sauf=("ensemble",)),
        ),
        "places-prescolarisation": _either(
            _technical("pl|nbpla", "prescol"),
            lambda title: "places" in title.split() and "prescol" in title,
        ),
    }

    def __init__(self, entete: Sequence[str], cle: int, date: int, niveau: str, lues: dict[str, int]) -> None:
        super().__init__(entete, cle, date, niveau, lues)
        self.source = f"CAF, data.caf.fr, nbpla_pe_{_SUFFIXES[niveau]}"


_SUFFIXES: dict[str, str] = {
    Niveau.COMMUNE: "com",
    Niveau.EPCI: "epci",
    Niveau.DEPARTEMENT: "dep",
    Niveau.REGION: "reg",
    Niveau.FRANCE: "nat",
}


# INSEE, dossier complet


@dataclass(frozen=True)
class Formule:
    """Variables to add, over others or a variable that stands for an area, times ``facteur``.

    ``toutes``: every vintage of the file is read, not only the latest.
    """

    somme: tuple[str, ...]
    sur: tuple[str, ...] = ()
    facteur: int = 1
    toutes: bool = False


VARIABLES: dict[str, tuple[Formule, ...]] = {
    "population": (Formule(("P_POP",), toutes=True),),
    "densite": (Formule(("P_POP",), ("SUPERF",)),),
    "age-0-2": (Formule(("P_POP0002",)),),
    "age-3-5": (Formule(("P_POP0305",)),),
    "age-6-10": (Formule(("P_POP0610",)),),
    "age-11-17": (Formule(("P_POP1117",)), Formule(("P_POP1114", "P_POP1517"))),
    "age-18-24": (Formule(("P_POP1824",)),),
    "age-65-plus": (Formule(("P_POP65P",)), Formule(("P_POP6579", "P_POP80P"))),
    "age-75-plus": (Formule(("P_POP75P",)), Formule(("P_POP7589", "P_POP90P"))),
    "naissances": (Formule(("NAISD",)),),
    "familles": (Formule(("C_FAM",)),),
    "monoparentales": (Formule(("C_FAMMONO",)),),
    "niveau-vie-median": (Formule(("MED",)),),
    "taux-pauvrete": (Formule(("TP60",)),),
    "taux-chomage": (Formule(("P_CHOM1564",), ("P_ACT1564",), 100),),
    "logements-vacants": (Formule(("P_LOGVAC",)),),
    "part-logements-vacants": (Formule(("P_LOGVAC",), ("P_LOG",), 100),),
}
"""How the variables of the dossier complet, without their vintage, make the figures of a portrait: the first that
the file holds is read. Several variables are added within one commune only, never medians or rates."""


def variable(title: str) -> tuple[str, int | None]:
    """« P21_POP0014 » is (« P_POP0014 », 2021); a variable without vintage has no year."""
    name = title.strip().upper()
    if found := re.fullmatch(r"([A-Z])([0-9]{2})_(\w+)", name):
        return f"{found[1]}_{found[3]}", _century(found[2])
    if found := re.fullmatch(r"(MED|TP60|NAISD|DECESD)([0-9]{2})", name):
        return found[1], _century(found[2])
    return name, None


def _century(digits: str) -> int:
    return int(digits) + (2000 if int(digits) < 68 else 1900)


@dataclass(frozen=True)
class Lecture:
    """An indicateur for a year: the ranks of the variables above and under the line."""

    indicateur: str
    annee: int
    dessus: Sequence[int]
    dessous: Sequence[int]
    facteur: int


class DossierComplet(Format):
    intitule = "INSEE, dossier complet"
    niveaux = (Niveau.COMMUNE,)

    def __init__(self, entete: Sequence[str], nom: str) -> None:
        titles = [title.strip().upper() for title in entete]
        super().__init__(titles.index("CODGEO"))
        self.entete = titles
        ranks = {variable(title): rank for rank, title in enumerate(titles)}
        # « base-cc-evol-struct-pop-2021.csv » has the same variables, fewer.
        is_whole = "dossier" in nom.lower() or len(titles) > 1000
        self.source = "INSEE, dossier complet" if is_whole else "INSEE, bases communales"
        self.lues: list[Lecture] = []
        for indicateur, formules in VARIABLES.items():
            found: list[Lecture] = []
            for formule in formules:
                found = found or list(self._vintages(indicateur, formule, ranks))
            self.lues += found

    @staticmethod
    def _vintages(
        indicateur: str, formule: Formule, ranks: dict[tuple[str, int | None], int]
    ) -> Iterator[Lecture]:
        """The latest year for which the file holds every variable, or all of them."""
        years = sorted({year for name, year in ranks if name == formule.somme[0] and year}, reverse=True)
        for year in years:
            above = [ranks.get((name, year)) for name in formule.somme]
            under = [ranks.get((name, year), ranks.get((name, None))) for name in formule.sur]
            if None not in above and None not in under:
                yield Lecture(
                    indicateur,
                    year,
                    [r for r in above if r is not None],
                    [r for r in under if r is not None],
                    formule.facteur,
                )
                if not formule.toutes:
                    return

    @classmethod
    def recognise(cls, entete: Sequence[str], nom: str) -> "Format | None":
        titles = [title.strip().upper() for title in entete]
        if "CODGEO" not in titles or sum(variable(title)[1] is not None for title in titles) < 3:
            return None
        made = cls(entete, nom)
        return made if made.lues else None

    def lectures(self) -> list[tuple[str, str, list[str]]]:
        made = []
        for lue in self.lues:
            above, under = ([self.entete[rank] for rank in ranks] for ranks in (lue.dessus, lue.dessous))
            formule = " ÷ ".join(" + ".join(titles) for titles in (above, under) if titles)
            made.append((lue.indicateur, formule, [*above, *under]))
        return made

    def figures(self, ligne: int, cells: Sequence[str], lieux: Lieux) -> Iterator[Chiffre]:
        if (code := lieux.place(Niveau.COMMUNE, cell(cells, self.cle))) is None:
            return
        for lue in self.lues:
            lieu = (ligne, lue.indicateur, Niveau.COMMUNE, code, lue.annee)
            read = []
            for rank in (*lue.dessus, *lue.dessous):
                one = figure(*lieu, cell(cells, rank))
                if one.valeur is None:
                    yield one
                    break
                read.append(one.valeur)
            else:
                total = sum(read[: len(lue.dessus)], Decimal(0))
                base = sum(read[len(lue.dessus) :], Decimal(0)) if lue.dessous else Decimal(1)
                if not base:
                    yield Chiffre(*lieu, absence=Absence.ABSENTE)
                else:
                    yield Chiffre(*lieu, valeur=parse_valeur(f"{total * lue.facteur / base:.4f}")[0])


# INSEE, Melodi

NEUTRES = frozenset(
    {
        *("GEO", "GEO_OBJECT", "TIME_PERIOD", "OBS_VALUE", "FREQ", "UNIT_MEASURE", "UNIT_MULT", "DECIMALS"),
        *("CONF_STATUS", "OBS_STATUS", "OBS_STATUS_FR", "GEO_REF", "CURRENCY"),
    }
)
MESURES: dict[frozenset[tuple[str, str]], str] = {
    frozenset({("POPREF_MEASURE", "PMUN")}): "population",
    frozenset({("RP_MEASURE", "POP")}): "population",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y_LT3")}): "age-0-2",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y3T5")}): "age-3-5",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y6T10")}): "age-6-10",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y11T17")}): "age-11-17",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y18T24")}): "age-18-24",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y_GE65")}): "age-65-plus",
    frozenset({("RP_MEASURE", "POP"), ("AGE", "Y_GE75")}): "age-75-plus",
    frozenset({("RP_MEASURE", "DWELLINGS"), ("OCS", "DW_VAC")}): "logements-vacants",
    frozenset({("FILOSOFI_MEASURE", "MED_SL")}): "niveau-vie-median",
    frozenset({("FILOSOFI_MEASURE", "PR_MD60")}): "taux-pauvrete",
    frozenset({("EC_MEASURE", "LVB")}): "naissances",
}
"""What a row measures, by the dimensions that are not their total (« _T »)."""


class Melodi(Format):
    intitule = "INSEE, Melodi"

    def __init__(self, titles: list[str], nom: str) -> None:
        super().__init__(titles.index("GEO"))
        self.ranks = {title: rank for rank, title in enumerate(titles)}
        self.dimensions = [title for title in titles if title and title not in NEUTRES]
        dataset = re.search(r"DS_[A-Z0-9_]*[A-Z0-9]", nom.upper().replace("_DATA", ""))
        self.source = f"INSEE, Melodi, {dataset[0][:60]}" if dataset else "INSEE, Melodi"

    @classmethod
    def recognise(cls, entete: Sequence[str], nom: str) -> "Format | None":
        titles = [title.strip().upper() for title in entete]
        return cls(titles, nom) if {"GEO", "TIME_PERIOD", "OBS_VALUE"} <= set(titles) else None

    def _said(self, cells: Sequence[str], title: str) -> str:
        return cell(cells, self.ranks[title]) if title in self.ranks else ""

    def figures(self, ligne: int, cells: Sequence[str], lieux: Lieux) -> Iterator[Chiffre]:
        text = cell(cells, self.cle)
        if text.upper() in MASQUES:
            self.ecartees[MASQUEES] += 1
            return
        level = self._said(cells, "GEO_OBJECT") or next(iter(text.rsplit("-", 2)[-2:-1]), "")
        found = (written_level(level), "") if level else lieux.guess(text)
        if not found or not found[0] or (code := lieux.place(found[0], text)) is None:
            return
        said = frozenset(
            (title, value)
            for title in self.dimensions
            if (value := cell(cells, self.ranks[title])) not in ("_T", "_Z", "")
        )
        if (indicateur := MESURES.get(said)) is None:
            self.ecartees[AUTRES] += 1
            return
        try:
            annee, _ = parse_annee(self._said(cells, "TIME_PERIOD"))
        except ValidationError:
            self.ecartees[SANS_ANNEE] += 1
            return
        one = figure(ligne, indicateur, found[0], code, annee, self._said(cells, "OBS_VALUE"))
        if one.absence and (
            self._said(cells, "CONF_STATUS") in ("C", "N")
            or self._said(cells, "OBS_STATUS") in ("C", "K", "Q")
        ):
            yield Chiffre(ligne, indicateur, found[0], code, annee, absence=Absence.SECRET)
        else:
            yield one


class Canonique(Format):
    """What the portal itself exports: one row a figure. It is kept as it is, line by line."""

    intitule = "Chiffres téléchargés ici"
    source = ""

    @classmethod
    def recognise(cls, entete: Sequence[str], nom: str) -> "Format | None":
        titles = _titles(entete)
        if {"indicateur", "niveau", "code du lieu", "annee", "valeur", "source"} <= set(titles):
            return cls(titles.index("code du lieu"))
        return None

    def figures(self, ligne: int, cells: Sequence[str], lieux: Lieux) -> Iterator[Chiffre]:
        return iter(())


FORMATS: tuple[type[Format], ...] = (
    Canonique,
    Melodi,
    DossierComplet,
    CafCouverture,
    CafPlaces,
    CafBeneficiaires,
)


# Movements of communes

MOUVEMENTS = {
    "10": "change de nom",
    "20": "est créée",
    "21": "est rétablie",
    "30": "est supprimée",
    "31": "fusionne",
    "32": "devient partie d’une commune nouvelle",
    "33": "fusionne en association",
    "34": "devient simple fusion",
    "35": "n’est plus commune déléguée",
    "41": "change de code, avec son département",
    "50": "change de code, avec son chef-lieu",
    "70": "devient commune déléguée, d’associée qu’elle était",
    "71": "redevient commune déléguée",
}


@dataclass(frozen=True)
class Mouvement:
    """What happened to a commune of the territoire; read for information, nothing is changed.

    ``date`` is as in the file, « 2019-01-01 ».
    """

    date: str
    avant: str
    apres: str
    quoi: str

    @property
    def jour(self) -> str:
        try:
            return date_fr(parse_date(self.date))
        except ValidationError:
            return self.date


def movement_columns(entete: Sequence[str]) -> dict[str, int] | None:
    titles = [title.strip().upper() for title in entete]
    if {"MOD", "DATE_EFF", "COM_AV", "COM_AP"} <= set(titles):
        return {title: rank for rank, title in enumerate(titles)}
    return None


def movement(columns: dict[str, int], cells: Sequence[str]) -> Mouvement:
    def said(title: str) -> str:
        return cell(cells, columns[title]) if title in columns else ""

    def commune(side: str) -> str:
        return " ".join(
            filter(None, [said(f"LIBELLE_{side}") or said(f"NCCENR_{side}"), f"({said(f'COM_{side}')})"])
        )

    return Mouvement(said("DATE_EFF"), commune("AV"), commune("AP"), MOUVEMENTS.get(said("MOD"), "change"))


# Metadata: what the variables mean, without a figure


def metadata_columns(entete: Sequence[str]) -> tuple[int, int] | None:
    """The ranks of the code and of the label, in « meta_dossier_complet.csv » and its like."""
    titles = [title.strip().upper() for title in entete]
    if {"COD_VAR", "LIB_VAR"} <= set(titles):
        return titles.index("COD_VAR"), titles.index("LIB_VAR")
    return None
