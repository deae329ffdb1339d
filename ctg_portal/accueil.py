"""What the home pages say: one line per territory, and what is expected of a person on a convention."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Q, Sum
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction
from actions.models.progression import count_expected
from conventions.models import Convention, Financement
from conventions.permissions import Role, all_roles
from ctg_portal.models import User
from governance.models import Decision, Instance, Reunion

TERMINEES = (Convention.Statut.CLOSE, Convention.Statut.RESILIEE)


@dataclass(frozen=True)
class LignePortefeuille:
    """A CTG in the portfolio; money in euros, ``None`` where nothing was entered."""

    convention: Convention
    fiches: int
    realisees: int
    a_relire: int
    en_retard: int
    copil_tenus: int
    copil_minimum: int | None
    exercice: int | None
    verse: Decimal | None
    roles: frozenset[str]

    @property
    def is_terminee(self) -> bool:
        return self.convention.statut in TERMINEES


def portfolio(user: User) -> list[LignePortefeuille]:
    """The CTG open to ``user``: those in life first, then by territory; five queries whatever their number."""
    conventions = list(
        Convention.objects.visible_to(user).filter(nature=Convention.Nature.CTG).with_territoire()
    )
    fiches = {
        row["plan__convention"]: row
        for row in FicheAction.objects.visible_to(user)
        .actives()
        .with_late()
        .order_by()
        .values("plan__convention")
        .annotate(
            n=Count("pk", distinct=True),
            realisees=Count("pk", filter=Q(avancement=FicheAction.Avancement.REALISEE), distinct=True),
            a_relire=Count("pk", filter=Q(redaction=FicheAction.Redaction.EN_RELECTURE), distinct=True),
            en_retard=Count("pk", filter=Q(is_late_db=True), distinct=True),
        )
    }
    copil = {
        instance.convention_id: instance
        for instance in Instance.objects.filter(convention__in=conventions, nature=Instance.Nature.COPIL)
        .with_meetings_held(timezone.localdate().year)
        .order_by("-ordre", "-pk")
    }
    verse: dict[int, tuple[int, Decimal]] = {}
    for row in (
        Financement.objects.filter(convention__in=conventions, verse__isnull=False)
        .order_by("exercice")
        .values("convention", "exercice")
        .annotate(total=Sum("verse"))
    ):
        verse[row["convention"]] = (row["exercice"], row["total"])
    roles = all_roles(user)
    lignes = []
    for convention in conventions:
        compte: Mapping[str, Any] = fiches.get(convention.pk, {})
        instance = copil.get(convention.pk)
        exercice, total = verse.get(convention.pk, (None, None))
        lignes.append(
            LignePortefeuille(
                convention=convention,
                fiches=compte.get("n", 0),
                realisees=compte.get("realisees", 0),
                a_relire=compte.get("a_relire", 0),
                en_retard=compte.get("en_retard", 0),
                copil_tenus=instance.nb_tenues if instance else 0,
                copil_minimum=instance.minimum_annuel if instance else None,
                exercice=exercice,
                verse=total,
                roles=roles.get(convention.pk, frozenset()),
            )
        )
    return sorted(
        lignes,
        key=lambda ligne: (
            ligne.is_terminee,
            ligne.convention.territoire.nom,
            -ligne.convention.debut.toordinal(),
        ),
    )


def a_faire(user: User, convention: Convention, roles: frozenset[str]) -> list[dict[str, object]]:
    """What is expected of ``user`` on ``convention``: dicts (``text``, ``url``, ``count``), most pressing first."""
    fiches = FicheAction.objects.visible_to(user).filter(plan__convention=convention).actives()
    if roles.isdisjoint((Role.COORDINATION, Role.RELECTURE, Role.ADMINISTRATION)):
        fiches = fiches.filter(pilotes__user=user)
    compte = count_expected(fiches)
    table = reverse("actions:fiches", args=[convention.code])
    lignes: list[tuple[int, str, str, str]] = []
    if Role.RELECTURE in roles:
        lignes.append(
            (compte["en_relecture"], "fiche à relire", "fiches à relire", f"{table}?redaction=en_relecture")
        )
    if not roles.isdisjoint((Role.COORDINATION, Role.REDACTION)):
        lignes += [
            (
                compte["a_completer"],
                "fiche à compléter pour la CAF",
                "fiches à compléter pour la CAF",
                f"{table}?redaction=a_completer",
            ),
            (compte["en_retard"], "fiche en retard", "fiches en retard", f"{table}?en_retard=on"),
            (compte["sans_pilote"], "fiche sans pilote", "fiches sans pilote", f"{table}?sans_pilote=on"),
            (
                compte["sans_echeance"],
                "fiche sans échéance",
                "fiches sans échéance",
                f"{table}?sans_echeance=on",
            ),
            (
                compte["sans_indicateur"],
                "fiche sans indicateur",
                "fiches sans indicateur",
                f"{table}?sans_indicateur=on",
            ),
            (
                compte["brouillons"],
                "fiche en brouillon",
                "fiches en brouillon",
                f"{table}?redaction=brouillon",
            ),
        ]
    return [
        {"text": singulier if n == 1 else pluriel, "count": n, "url": url}
        for n, singulier, pluriel, url in lignes
        if n
    ]


@dataclass(frozen=True)
class Surveillance:
    """An instance whose yearly minimum of meetings is not reached."""

    instance: Instance
    annee: int
    manque: int
    prochaine: datetime.datetime | None


def instances_a_reunir(convention: Convention) -> list[Surveillance]:
    """Instances that have not met enough in the current year, while the convention runs; two queries."""
    annee = timezone.localdate().year
    if not (convention.debut.year <= annee <= convention.fin.year) or convention.statut in TERMINEES:
        return []
    prochaines: dict[int, datetime.datetime] = {}
    for reunion in Reunion.objects.filter(instance__convention=convention).a_venir().reverse():
        prochaines[reunion.instance_id] = reunion.debut
    return [
        Surveillance(
            instance, annee, instance.minimum_annuel - instance.nb_tenues, prochaines.get(instance.pk)
        )
        for instance in convention.instances.with_meetings_held(annee)
        if instance.nb_tenues < instance.minimum_annuel
    ]


def decisions_ouvertes(user: User, convention: Convention) -> list[Decision]:
    """Decisions still to be carried out, the most late first."""
    ouvertes = (
        Decision.objects.visible_to(user)
        .filter(convention=convention)
        .ouvertes()
        .select_related("convention")
    )
    return sorted(ouvertes, key=lambda d: (d.echeance or datetime.date.max, d.pk))
