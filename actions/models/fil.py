"""The golden thread: valeur or parole → constat → enjeu → objectif → fiche → indicateur → result, and its holes.

It stands here because ``diagnostics`` knows nothing of the plan. Seven queries, whatever the size of the plan.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Cast, JSONObject
from django.urls import reverse

from actions.models.fiche import FicheAction, Redaction
from actions.models.parts import IndicateurSuivi, Mesure
from actions.models.plan import Objectif
from conventions.models import Convention
from ctg_portal.models import User
from diagnostics.models import Constat, Enjeu


@dataclass(frozen=True)
class Branche:
    """An objectif of the thread with the fiches that ``user`` may read; no objectif: fiches tied to the enjeu itself."""

    objectif: Any | None
    fiches: list[Any]


@dataclass(frozen=True)
class Fil:
    """What an enjeu rests on, and what answers it. Constats carry their preuves, fiches their ``rows_indicateurs``."""

    rang: int
    enjeu: Any
    constats: list[Any]
    branches: list[Branche]

    @property
    def objectifs(self) -> list[Any]:
        return [branche.objectif for branche in self.branches if branche.objectif]

    @property
    def fiches(self) -> list[Any]:
        return [fiche for branche in self.branches for fiche in branche.fiches]


@dataclass(frozen=True)
class Reprise:
    """A row where the thread is broken, and the page that mends it."""

    libelle: str
    url: str
    action: str


@dataclass(frozen=True)
class Trou:
    """A kind of hole; ``piece`` is what must still be open to mend it: the diagnostic or the plan."""

    cle: str
    titre: str
    piece: str
    lignes: list[Reprise]


@dataclass(frozen=True)
class FilDor:
    fils: list[Fil]
    constats: list[Any]
    objectifs: list[Any]
    fiches: list[Any]
    trous: list[Trou] = field(default_factory=list)

    @property
    def nombre_trous(self) -> int:
        return sum(len(trou.lignes) for trou in self.trous)

    @property
    def indicateurs(self) -> list[dict[str, Any]]:
        return [row for fiche in self.fiches for row in fiche.rows_indicateurs]

    @property
    def mesures(self) -> list[dict[str, Any]]:
        """The indicateurs that have a result."""
        return [row for row in self.indicateurs if row["annee"] is not None]

    def of_enjeu(self, enjeu: Enjeu) -> Fil:
        return next(fil for fil in self.fils if fil.enjeu.pk == enjeu.pk)

    def forward(self, kept: Callable[[Any], bool]) -> list[Fil]:
        """The threads that start from the constats that ``kept`` accepts, with those constats alone."""
        found = [replace(fil, constats=[row for row in fil.constats if kept(row)]) for fil in self.fils]
        return [fil for fil in found if fil.constats]

    def backward(self, fiche: FicheAction) -> list[Fil]:
        """The threads that lead to ``fiche``, with that fiche alone at their end."""
        found = [
            replace(
                fil,
                branches=[
                    Branche(branche.objectif, [row for row in branche.fiches if row.pk == fiche.pk])
                    for branche in fil.branches
                    if any(row.pk == fiche.pk for row in branche.fiches)
                ],
            )
            for fil in self.fils
        ]
        return [fil for fil in found if fil.branches]


def _ids(through: type[models.Model], own: str, other: str) -> ArraySubquery:
    """Keys of the rows tied to the outer one."""
    rows = through._default_manager.filter(**{own: OuterRef("pk")}).order_by("pk")
    return ArraySubquery(rows.values(other))


def _indicateurs() -> ArraySubquery:
    """The indicateurs of a fiche with their last measure, amounts as decimal text; ``annee`` is ``None`` without one."""
    mesures = Mesure.objects.filter(indicateur=OuterRef("pk"), valeur__isnull=False).order_by("-annee")
    text = models.CharField()
    rows = (
        IndicateurSuivi.objects.filter(fiche=OuterRef("pk"))
        .order_by("ordre", "pk")
        .annotate(
            derniere_annee=models.Subquery(mesures.values("annee")[:1]),
            derniere_valeur=models.Subquery(mesures.values("valeur")[:1]),
        )
    )
    return ArraySubquery(
        rows.values(
            row=JSONObject(
                intitule="intitule",
                unite="unite",
                cible=Cast("cible", text),
                valeur=Cast("derniere_valeur", text),
                annee="derniere_annee",
            )
        )
    )


def read_fil(convention: Convention, user: User) -> FilDor:
    """The whole thread of a convention as ``user`` may read it: confidential fiches of others are not there."""
    constats = list(Constat.objects.filter(diagnostic__convention=convention).with_preuves())
    enjeux = list(
        Enjeu.objects.filter(diagnostic__convention=convention).annotate(
            ids_constats=_ids(Enjeu.constats.through, "enjeu", "constat")
        )
    )
    measured = IndicateurSuivi.objects.filter(fiche__objectif=OuterRef("pk")).exclude(
        fiche__redaction=Redaction.ARCHIVEE
    )
    objectifs = list(
        Objectif.objects.filter(axe__plan__convention=convention)
        .select_related("axe")
        .annotate(
            ids_enjeux=_ids(Objectif.enjeux.through, "objectif", "enjeu"),
            # Counted on all fiches: what somebody may not read is no hole.
            est_mesure=Exists(measured),
        )
        .order_by("axe__ordre", "axe", "ordre", "pk")
    )
    fiches = list(
        FicheAction.objects.visible_to(user)
        .filter(plan__convention=convention)
        .actives()
        .select_related("axe", "objectif")
        .annotate(
            ids_enjeux=_ids(FicheAction.enjeux.through, "ficheaction", "enjeu"),
            rows_indicateurs=_indicateurs(),
        )
        .in_plan_order()
    )
    fils = [_fil(rang, enjeu, constats, objectifs, fiches) for rang, enjeu in enumerate(enjeux, start=1)]
    trous = _trous(convention, fils, constats, objectifs, fiches)
    return FilDor(fils, constats, objectifs, fiches, trous)


def _fil(rang: int, enjeu: Any, constats: list[Any], objectifs: list[Any], fiches: list[Any]) -> Fil:
    """A fiche answers an enjeu by itself or through its objectif; it is told once."""
    answering = [objectif for objectif in objectifs if enjeu.pk in objectif.ids_enjeux]
    keys = {objectif.pk for objectif in answering}
    branches = [
        Branche(objectif, [fiche for fiche in fiches if fiche.objectif_id == objectif.pk])
        for objectif in answering
    ]
    direct = [fiche for fiche in fiches if enjeu.pk in fiche.ids_enjeux and fiche.objectif_id not in keys]
    if direct:
        branches.append(Branche(None, direct))
    return Fil(rang, enjeu, [row for row in constats if row.pk in enjeu.ids_constats], branches)


def _trous(
    convention: Convention, fils: list[Fil], constats: list[Any], objectifs: list[Any], fiches: list[Any]
) -> list[Trou]:
    """The kinds of holes that there are, in the order of the thread."""
    code = convention.code
    cited = {pk for fil in fils for pk in fil.enjeu.ids_constats}
    by_objectif: dict[int, list[Any]] = {}
    for fiche in fiches:
        by_objectif.setdefault(fiche.objectif_id, []).append(fiche)
    answering = {objectif.pk for objectif in objectifs if objectif.ids_enjeux}
    found = [
        Trou(
            "constat_sans_preuve",
            "Constats sans preuve",
            "diagnostic",
            _reprises(
                (row for row in constats if not row.has_preuve),
                lambda row: reverse("diagnostics:constat_preuves", args=[code, row.pk]),
                "Choisir ce qui le montre",
            ),
        ),
        Trou(
            "constat_sans_enjeu",
            "Constats sans enjeu",
            "diagnostic",
            _reprises(
                (row for row in constats if row.pk not in cited),
                lambda row: reverse("diagnostics:constat_enjeux", args=[code, row.pk]),
                "Le rattacher à un enjeu",
            ),
        ),
        Trou(
            "enjeu_sans_objectif",
            "Enjeux sans objectif",
            "plan",
            _reprises(
                (fil.enjeu for fil in fils if not fil.objectifs),
                lambda row: reverse("actions:enjeu_objectifs", args=[code, row.pk]),
                "Choisir les objectifs qui y répondent",
            ),
        ),
        Trou(
            "objectif_sans_enjeu",
            "Objectifs sans enjeu",
            "plan",
            _reprises(
                (row for row in objectifs if not row.ids_enjeux),
                lambda row: reverse("actions:objectif_edit", args=[code, row.pk]),
                "Choisir les enjeux auxquels il répond",
            ),
        ),
        Trou(
            "fiche_sans_enjeu",
            "Fiches sans enjeu",
            "plan",
            [
                Reprise(str(row), *_fiche_section(code, row, "contexte", "Choisir ses enjeux"))
                for row in fiches
                if not row.ids_enjeux and row.objectif_id not in answering
            ],
        ),
        Trou(
            "objectif_sans_indicateur",
            "Objectifs sans indicateur",
            "plan",
            [
                Reprise(str(row), *_measure(code, row, by_objectif.get(row.pk, [])))
                for row in objectifs
                if not row.est_mesure
            ],
        ),
    ]
    return [trou for trou in found if trou.lignes]


def _reprises(rows: Iterable[Any], url: Callable[[Any], str], action: str) -> list[Reprise]:
    return [Reprise(str(row), url(row), action) for row in rows]


def _fiche_section(code: str, fiche: Any, section: str, action: str) -> tuple[str, str]:
    """The form of the section while the text is open; else the fiche, which says where it stands."""
    if fiche.redaction in (Redaction.BROUILLON, Redaction.A_COMPLETER):
        return reverse("actions:fiche_edit", args=[code, fiche.pk, section]), action
    state = fiche.get_redaction_display().lower()
    return f"{reverse('actions:fiche', args=[code, fiche.pk])}#{section}", f"Ouvrir la fiche ({state})"


def _measure(code: str, objectif: Any, fiches: list[Any]) -> tuple[str, str]:
    """Where an objectif finds its first indicateur: a fiche whose text is open, any fiche, or a new one."""
    if not fiches:
        url = f"{reverse('actions:fiche_add', args=[code])}?place=objectif-{objectif.pk}"
        return url, "Lui ajouter une fiche"
    writable = [row for row in fiches if row.redaction in (Redaction.BROUILLON, Redaction.A_COMPLETER)]
    fiche = (writable or fiches)[0]
    return _fiche_section(code, fiche, "evaluation", f"Ajouter un indicateur à « {fiche} »")
