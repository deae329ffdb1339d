"""What an organisation does in the conventions that a person may open, and rows of the directory that look alike."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Func, OuterRef, Q, QuerySet, Subquery, Value

from conventions.models import Convention, Equipement, Financement, Organisation
from conventions.models.recherche import colonne_sans_accents
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr

DOUBLONS = 50
"""Groups of look-alikes shown at once."""


@dataclass(frozen=True)
class RoleTenu:
    """A role on one convention, in words; ``vers`` names the page that shows it (the template has its address)."""

    libelle: str
    vers: str = "convention"
    objet: Any = None


@dataclass(frozen=True)
class Presence:
    """A convention and what the organisation does in it."""

    convention: Convention
    roles: list[RoleTenu]


def presences(organisation: Organisation, user: User) -> list[Presence]:
    """Roles of ``organisation`` on the conventions open to ``user``, the latest first; six queries.

    What a higher app holds is read through its reverse relation, under its own ``visible_to``.
    """
    ids = Convention.objects.visible_to(user).values("pk")
    found: dict[int, list[RoleTenu]] = defaultdict(list)
    for signataire in organisation.signatures.filter(convention__in=ids).select_related("retire_par"):
        found[signataire.convention_id].append(RoleTenu(_signature(signataire), "signataires"))
    for partenaire in organisation.partenariats.filter(convention__in=ids):
        role = f" ({partenaire.role})" if partenaire.role else ""
        found[partenaire.convention_id].append(RoleTenu(f"partenaire{role}", "partenaires"))
    for convention_id, apportes, recus in _money(organisation, ids):
        for count, word, vers in ((apportes, "finance", "finance"), (recus, "reçoit", "recoit")):
            if count:
                said = _many(count, "ligne de financement", "lignes de financement")
                found[convention_id].append(RoleTenu(f"{word} : {said}", vers))
    for siege in (
        organisation.sieges.filter(instance__convention__in=ids)
        .select_related("instance")
        .order_by("instance__ordre", "instance", "ordre", "pk")
    ):
        found[siege.instance.convention_id].append(
            RoleTenu(f"siège : {siege.instance}, {siege.fonction}", "instance", siege.instance)
        )
    fiches = organisation.fiches_pilotees.visible_to(user).actives()
    counted = fiches.filter(plan__convention__in=ids).order_by().values_list("plan__convention")
    for convention_id, count in counted.annotate(n=Count("pk", distinct=True)):
        found[convention_id].append(
            RoleTenu(_many(count, "fiche action pilotée", "fiches action pilotées"), "fiches")
        )
    conventions = Convention.objects.filter(pk__in=found).select_related("territoire")
    return [Presence(row, found[row.pk]) for row in conventions.order_by("-fin", "territoire__nom", "pk")]


def equipements_of(organisation: Organisation, user: User) -> QuerySet[Equipement]:
    """Équipements it runs, on the territoires open to ``user``; ``code_convention`` leads to a register that has them."""
    ouvertes = Convention.objects.visible_to(user).filter(territoire=OuterRef("territoire"))
    found = Equipement.objects.visible_to(user).filter(gestionnaire=organisation).for_list()
    return found.annotate(code_convention=Subquery(ouvertes.order_by("-fin", "pk").values("code")[:1]))


def _signature(signataire: Any) -> str:
    if signataire.retire_par_id:
        return f"signataire, sortie par l’{str(signataire.retire_par).lower()}"
    if signataire.signe_le:
        return f"signataire, le {date_fr(signataire.signe_le)}"
    return "signataire, à signer"


def _many(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _money(organisation: Organisation, ids: Any) -> Iterable[tuple[int, int, int]]:
    """Convention, lines paid, lines received."""
    pays, is_paid = Q(financeur=organisation), Q(beneficiaire=organisation)
    counted: Iterable[tuple[int, int, int]] = (
        Financement.objects.filter(pays | is_paid, convention__in=ids)
        .order_by()
        .values_list("convention")
        .annotate(apportes=Count("pk", filter=pays), recus=Count("pk", filter=is_paid))
    )
    return counted


def doublons(limit: int = DOUBLONS) -> list[list[Organisation]]:
    """Groups of active rows with one SIREN, or with one name (accents, case and signs aside) in one département."""
    # Two names that only differ by spaces or signs are one name.
    nom = Func(colonne_sans_accents("nom"), Value(" "), Value(""), function="replace")
    rows = Organisation.objects.actives().order_by()
    sirens = (
        rows.exclude(siren="").values_list("siren").annotate(n=Count("pk")).filter(n__gt=1).order_by("siren")
    )
    noms = (
        rows.annotate(nom_serre=nom)
        .values_list("nom_serre", "departement")
        .annotate(n=Count("pk"))
        .filter(n__gt=1)
        .order_by("nom_serre", "departement")
    )
    same_siren = [siren for siren, _ in sirens[:limit]]
    same_nom = [(name, departement) for name, departement, _ in noms[:limit]]
    alike = (
        rows.annotate(nom_serre=nom)
        .filter(Q(siren__in=same_siren) | Q(nom_serre__in=[name for name, _ in same_nom]))
        .select_related("departement")
        .order_by("nom", "pk")
    )
    groups: dict[Any, list[Organisation]] = defaultdict(list)
    for row in alike:
        if row.siren in same_siren:
            groups[row.siren].append(row)
        elif (row.nom_serre, row.departement_id) in same_nom:
            groups[row.nom_serre, row.departement_id].append(row)
    return [group for group in groups.values() if len(group) > 1][:limit]


def ressemblances(organisation: Organisation, limit: int = 10) -> QuerySet[Organisation]:
    """Active rows that may be the same body as ``organisation``."""
    nom = Func(colonne_sans_accents("nom"), Value(" "), Value(""), function="replace")
    mine = Organisation.objects.annotate(nom_serre=nom).filter(pk=organisation.pk).values("nom_serre")
    alike = Q(nom_serre=mine[:1], departement=organisation.departement_id)
    if organisation.siren:
        alike |= Q(siren=organisation.siren)
    return (
        Organisation.objects.actives()
        .annotate(nom_serre=nom)
        .filter(alike)
        .exclude(pk=organisation.pk)
        .select_related("departement")
        .order_by("nom", "pk")[:limit]
    )
