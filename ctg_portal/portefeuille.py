"""The portfolio of who follows several territories: one line a CTG, filtered and sorted in the address.

Filters, and the sorts that are columns of the convention, are asked in SQL; what a line shows is loaded for the lines
of the page only. A sort by a computed column loads that column for all first. Either way the number of queries does
not depend on how many conventions there are.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import django_filters
from django.db.models import Count, Exists, F, Func, Max, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from actions.filters import Check
from actions.models import Avis, FicheAction, PlanActions
from conventions.alertes import Alerte, alertes_de, with_alertes
from conventions.models import Convention, Financement, Territoire
from conventions.models.convention import ConventionQuerySet
from ctg_portal.filters import ListFilter
from ctg_portal.models import User
from ctg_portal.tableurs import Colonne, Feuille, Valeur, write_xlsx
from governance.models import Instance

LONGTEMPS = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
"""Stands, in a sort, for a territoire of which nothing was heard."""


Cles = Sequence[int] | QuerySet[Any, Any]
"""Ids of conventions, in hand or as a query."""

ORDRE = ("is_fermee_db", "nom_tri", "-debut", "pk")
"""Those in life first, then by territoire."""


@dataclass(frozen=True)
class Copil:
    """The COPIL of the current year; ``minimum`` is 0 where nothing is watched."""

    minimum: int = 0
    tenus: tuple[datetime.date, ...] = ()
    prochain: datetime.date | None = None

    @property
    def is_a_tenir(self) -> bool:
        return len(self.tenus) < self.minimum

    @property
    def rang(self) -> int:
        """For a sort: to be held without a date, to be held, held, not watched."""
        if self.is_a_tenir:
            return 1 if self.prochain else 0
        return 2 if self.tenus else 3

    @classmethod
    def of(cls, convention: Convention) -> "Copil":
        """The COPIL that must still meet, else the first one. Reads ``instances.all()`` and their meetings."""
        veilles = [i.veille for i in convention.instances.all() if i.nature == Instance.Nature.COPIL]
        copils = [
            cls(
                veille.minimum if veille.avant_le else 0,
                veille.tenues,
                veille.prochaine.jour if veille.prochaine else None,
            )
            for veille in veilles
        ]
        return next((copil for copil in copils if copil.is_a_tenir), copils[0] if copils else cls())


@dataclass(frozen=True)
class LignePortefeuille:
    """A CTG in the portfolio; money in euros, ``None`` where nothing was entered."""

    convention: Convention
    fiches: int
    realisees: int
    a_relire: int
    en_retard: int
    nouvelle: datetime.datetime | None
    copil: Copil
    exercice: int | None
    prevu: Decimal | None
    verse: Decimal | None
    alertes: tuple[Alerte, ...]

    @property
    def is_avis_du(self) -> bool:
        """The plan waits for the opinion of the CAF, as ``ctg_of`` says."""
        return bool(getattr(self.convention, "is_avis_du_db", False))

    @property
    def avis_avant(self) -> datetime.date | None:
        """The nearest date of an avis that is due."""
        found: datetime.date | None = getattr(self.convention, "avis_avant_db", None)
        return found

    @property
    def is_avis_en_retard(self) -> bool:
        return self.avis_avant is not None and self.avis_avant < timezone.localdate()

    @property
    def is_en_vie(self) -> bool:
        return self.convention.is_commencee and not self.convention.is_terminee

    @property
    def nb_pressantes(self) -> int:
        return sum(alerte.is_pressing for alerte in self.alertes)


def ctg_of(user: User) -> ConventionQuerySet:
    """The CTG open to ``user``: those in life first, then by territoire."""
    legal_form = Value(f"^({'|'.join(Territoire.SHORT_PREFIXES)})")
    conventions: ConventionQuerySet = (
        Convention.objects.visible_to(user)
        .filter(nature=Convention.Nature.CTG)
        .annotate(
            nom_tri=Func(F("territoire__nom"), legal_form, Value(""), function="regexp_replace"),
            is_fermee_db=Q(statut__in=(Convention.Statut.CLOSE, Convention.Statut.RESILIEE)),
            is_avis_du_db=Exists(_plans_awaiting(user).filter(convention=OuterRef("pk"))),
            avis_avant_db=Subquery(
                _avis_dus(user)
                .filter(plan__convention=OuterRef("pk"))
                .order_by("echeance")
                .values("echeance")[:1]
            ),
        )
        .order_by(*ORDRE)
    )
    return conventions


def _avis_dus(user: User) -> Any:
    """Avis that the CAF must give, on a plan or on a fiche open to ``user``."""
    return Avis.objects.visible_to(user).attendus()


def _plans_awaiting(user: User) -> Any:
    """Plans that wait for an avis: asked for, or submitted before an avis had its own row."""
    signed = Avis.objects.signes().filter(plan=OuterRef("pk"), fiche=None, version=OuterRef("version"))
    return PlanActions.objects.filter(
        Q(pk__in=_avis_dus(user).values("plan")) | Q(statut=PlanActions.Statut.SOUMIS) & ~Exists(signed)
    )


def _fiches_of(user: User) -> Any:
    return FicheAction.objects.visible_to(user).actives()


def comptes(user: User, conventions: Cles) -> dict[int, Mapping[str, Any]]:
    """By convention: its fiches counted, and when the last news came (an edit, a note, a change of state); one query."""
    rows = (
        _fiches_of(user)
        .filter(plan__convention__in=conventions)
        .with_late()
        .order_by()
        .values("plan__convention")
        .annotate(
            n=Count("pk", distinct=True),
            realisees=Count("pk", filter=Q(avancement=FicheAction.Avancement.REALISEE), distinct=True),
            a_relire=Count("pk", filter=Q(redaction=FicheAction.Redaction.EN_RELECTURE), distinct=True),
            en_retard=Count("pk", filter=Q(is_late_db=True), distinct=True),
            nouvelle=Greatest(Max("updated_at"), Max("notes__created_at"), Max("journal__created_at")),
        )
    )
    return {row["plan__convention"]: row for row in rows}


def argent(conventions: Cles) -> dict[int, Mapping[str, Any]]:
    """By convention: its last exercice that has money, with ``prevu`` and ``verse`` in euros; one query."""
    rows = (
        Financement.objects.filter(convention__in=conventions)
        .filter(Q(prevu__isnull=False) | Q(verse__isnull=False))
        .order_by("exercice")
        .values("convention", "exercice")
        .annotate(prevu=Sum("prevu"), verse=Sum("verse"))
    )
    return {row["convention"]: row for row in rows}


def loaded(conventions: ConventionQuerySet) -> list[Convention]:
    """All that lines need of the conventions themselves: five queries, however many."""
    return list(with_alertes(conventions.select_related("territoire__departement")))


def lignes(user: User, rows: Sequence[Convention]) -> list[LignePortefeuille]:
    """One line a ``loaded`` convention, in their order; two queries, however many."""
    keys = [convention.pk for convention in rows]
    compte, money = comptes(user, keys), argent(keys)
    found = []
    for convention in rows:
        row: Mapping[str, Any] = compte.get(convention.pk, {})
        euros: Mapping[str, Any] = money.get(convention.pk, {})
        found.append(
            LignePortefeuille(
                convention=convention,
                fiches=row.get("n", 0),
                realisees=row.get("realisees", 0),
                a_relire=row.get("a_relire", 0),
                en_retard=row.get("en_retard", 0),
                nouvelle=row.get("nouvelle"),
                copil=Copil.of(convention),
                exercice=euros.get("exercice"),
                prevu=euros.get("prevu"),
                verse=euros.get("verse"),
                alertes=tuple(alertes_de(convention)),
            )
        )
    return found


Lecture = Callable[[User, ConventionQuerySet], dict[int, Any]]
"""What a sort by a figure reads: the figure of each convention, by its id; one query."""


def _by_compte(key: Callable[[Mapping[str, Any]], Any]) -> Lecture:
    def read(user: User, conventions: ConventionQuerySet) -> dict[int, Any]:
        return {pk: key(row) for pk, row in comptes(user, conventions.order_by().values("pk")).items()}

    return read


def _by_argent(montant: str) -> Lecture:
    def read(user: User, conventions: ConventionQuerySet) -> dict[int, Any]:
        rows = argent(conventions.order_by().values("pk"))
        return {pk: row[montant] for pk, row in rows.items() if row[montant] is not None}

    return read


TRIS_CHIFFRES: dict[str, tuple[Lecture, Any]] = {
    "progression": (_by_compte(lambda row: row["realisees"] / row["n"]), -1),
    "a_relire": (_by_compte(lambda row: row["a_relire"]), 0),
    "en_retard": (_by_compte(lambda row: row["en_retard"]), 0),
    "nouvelle": (_by_compte(lambda row: row["nouvelle"]), LONGTEMPS),
    "prevu": (_by_argent("prevu"), -1),
    "verse": (_by_argent("verse"), -1),
}
"""Sorts by a figure: how it is read, and what stands for a convention that has none."""

TRIS_DATES: dict[str, Callable[[Convention], Any]] = {
    "copil": lambda convention: Copil.of(convention).rang,
    "alertes": lambda convention: len(alertes_de(convention)),
}
"""Sorts by what is computed from the dates of a ``loaded`` convention."""


class PortefeuilleFilter(ListFilter):
    """Choices are taken from what the visitor sees: ``queryset`` is ``ctg_of(user)``."""

    TRIS = {
        sens + name: (sens + column, *ORDRE)
        for name, column in (("territoire", "nom_tri"), ("fin", "fin"), ("avis", "is_avis_du_db"))
        for sens in ("", "-")
    } | {sens + name: ORDRE for name in (*TRIS_CHIFFRES, *TRIS_DATES) for sens in ("", "-")}
    tri_par_defaut = ""

    q = django_filters.CharFilter(label="Territoire, intitulé, numéro", method="filter_words", max_length=100)
    departement = django_filters.ChoiceFilter(
        label="Département", empty_label="Tous", field_name="territoire__departement"
    )
    statut = django_filters.ChoiceFilter(label="Statut", empty_label="Tous")
    a_relire = Check(label="Fiches à relire", method="filter_a_relire")
    avis = Check(label="Avis dû", method="filter_avis")
    copil = Check(label="COPIL à tenir", method="filter_copil")
    fin = Check(label="Finit sous 12 mois", method="filter_fin")
    en_retard = Check(label="Fiches en retard", method="filter_en_retard")

    class Meta:
        model = Convention
        fields: list[str] = []

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        rows = self.queryset.order_by().values_list(
            "statut", "territoire__departement", "territoire__departement__nom"
        )
        choices = set(rows.distinct())
        statuts = {statut for statut, _, _ in choices}
        departements = {(code, f"{nom} ({code})") for _, code, nom in choices}
        self.filters["departement"].extra["choices"] = sorted(departements, key=lambda row: row[1])
        self.filters["statut"].extra["choices"] = [c for c in Convention.Statut.choices if c[0] in statuts]

    def filter_words(self, queryset: ConventionQuerySet, name: str, value: str) -> ConventionQuerySet:
        return queryset.search(value)

    def filter_a_relire(self, queryset: ConventionQuerySet, name: str, value: bool) -> ConventionQuerySet:
        return self._with_fiche(queryset, redaction=FicheAction.Redaction.EN_RELECTURE) if value else queryset

    def filter_en_retard(self, queryset: ConventionQuerySet, name: str, value: bool) -> ConventionQuerySet:
        return self._with_fiche(queryset, is_late_db=True) if value else queryset

    def filter_avis(self, queryset: ConventionQuerySet, name: str, value: bool) -> ConventionQuerySet:
        return queryset.filter(pk__in=_plans_awaiting(self.user).values("convention")) if value else queryset

    def filter_copil(self, queryset: ConventionQuerySet, name: str, value: bool) -> ConventionQuerySet:
        copils = Instance.objects.filter(nature=Instance.Nature.COPIL).a_reunir()
        return queryset.filter(pk__in=copils.order_by().values("convention")) if value else queryset

    def filter_fin(self, queryset: ConventionQuerySet, name: str, value: bool) -> ConventionQuerySet:
        return queryset.expiring() if value else queryset

    def _with_fiche(self, queryset: ConventionQuerySet, **wanted: Any) -> ConventionQuerySet:
        fiches = _fiches_of(self.user).with_late().filter(**wanted)
        return queryset.filter(pk__in=fiches.order_by().values("plan__convention"))


class Portefeuille(Sequence[LignePortefeuille]):
    """The lines of ``conventions`` in the order ``tri``, loaded slice by slice: what a paginator asks for."""

    def __init__(self, user: User, conventions: ConventionQuerySet, tri: str = "") -> None:
        self.user = user
        self.conventions = conventions
        self.tri = tri
        self._count: int | None = None

    def __len__(self) -> int:
        if self._count is None:
            self._count = self.conventions.count()
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return self[index : index + 1][0]
        return lignes(self.user, self._rows(index))

    def _rows(self, index: slice) -> list[Convention]:
        """Equals stay in the usual order, whichever way a sort goes."""
        name, turned = self.tri.removeprefix("-"), self.tri.startswith("-")
        if name in TRIS_DATES:
            return sorted(loaded(self.conventions), key=TRIS_DATES[name], reverse=turned)[index]
        if name not in TRIS_CHIFFRES:
            return loaded(self.conventions[index])
        read, absent = TRIS_CHIFFRES[name]
        figures = read(self.user, self.conventions)
        usual = self.conventions.values_list("pk", flat=True)
        keys = sorted(usual, key=lambda pk: figures.get(pk, absent), reverse=turned)[index]
        found = {row.pk: row for row in loaded(self.conventions.filter(pk__in=keys))}
        return [found[key] for key in keys]


COLONNES = (
    Colonne("Territoire", largeur=40),
    Colonne("Département", largeur=22),
    Colonne("Statut", largeur=16),
    Colonne("Début", "date", 12),
    Colonne("Fin", "date", 12),
    Colonne("Année", largeur=10),
    Colonne("Fiches", "entier", 9),
    Colonne("Fiches réalisées", "entier", 16),
    Colonne("Fiches à relire", "entier", 15),
    Colonne("Fiches en retard", "entier", 16),
    Colonne("Avis dû", largeur=10),
    Colonne("COPIL de l’année", largeur=24),
    Colonne("Exercice", "entier", 10),
    Colonne("Prévu", "montant", 16),
    Colonne("Versé", "montant", 16),
    Colonne("Dernière nouvelle", "date", 18),
    Colonne("Alertes", "entier", 9),
    Colonne("À surveiller", largeur=80),
)


def export_xlsx(portefeuille: Sequence[LignePortefeuille]) -> bytes:
    """The lines as a workbook: the columns of the screen, with the words of the alerts."""
    feuille = Feuille("Mes territoires", COLONNES, [_cells(ligne) for ligne in portefeuille[:]])
    return write_xlsx([feuille], titre="Mes territoires")


def _cells(ligne: LignePortefeuille) -> list[Valeur]:
    convention = ligne.convention
    annee = f"{convention.annee_courante} sur {convention.nombre_annees}" if ligne.is_en_vie else None
    return [
        convention.territoire.nom,
        str(convention.territoire.departement),
        convention.get_statut_display(),
        convention.debut,
        convention.fin,
        annee,
        ligne.fiches,
        ligne.realisees,
        ligne.a_relire,
        ligne.en_retard,
        "oui" if ligne.is_avis_du else None,
        _copil(ligne.copil),
        ligne.exercice,
        ligne.prevu,
        ligne.verse,
        timezone.localtime(ligne.nouvelle).date() if ligne.nouvelle else None,
        len(ligne.alertes),
        " ".join(alerte.texte for alerte in ligne.alertes) or None,
    ]


def _copil(copil: Copil) -> str | None:
    if copil.is_a_tenir:
        return f"prévu le {copil.prochain:%d/%m/%Y}" if copil.prochain else "à tenir"
    return f"tenu le {copil.tenus[-1]:%d/%m/%Y}" if copil.tenus else None
