"""Who may do what on a convention. ``roles_on`` is the one source every app's predicates read."""

from collections import defaultdict
from collections.abc import Iterable

import rules

from conventions.models import Convention, Habilitation, Organisation
from ctg_portal.models import User

Role = Habilitation.Role

ADMINISTRATING_NATURES = (Organisation.Nature.CAF, Organisation.Nature.EPCI, Organisation.Nature.SYNDICAT)


def _collect_roles(user: User) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    rows = Habilitation.objects.filter(user=user).values_list(
        "role",
        "convention_id",
        "organisation__nature",
        "organisation__signatures__convention_id",
        "organisation__territoire__conventions",
    )
    for role, direct, nature, signed, own in rows:
        # Only the EPCI and the CAF administer; another signatory's administrator reads.
        if role == Role.ADMINISTRATION and nature not in ADMINISTRATING_NATURES:
            role = Role.LECTURE
        for convention_id in (direct, signed, own):
            if convention_id is not None:
                found[convention_id].add(role)
    return {convention_id: frozenset(roles) for convention_id, roles in found.items()}


def all_roles(user: User) -> dict[int, frozenset[str]]:
    """Roles by convention id: one query, kept on the ``user`` object (so for one request)."""
    if not user.is_authenticated:
        return {}
    cached: dict[int, frozenset[str]] | None = getattr(user, "_roles_by_convention", None)
    if cached is None:
        cached = _collect_roles(user)
        user._roles_by_convention = cached  # type: ignore[attr-defined]
    return cached


def roles_on(user: User, convention_id: int) -> frozenset[str]:
    return all_roles(user).get(convention_id, frozenset())


def has_role(user: User, convention_id: int, roles: Iterable[str]) -> bool:
    return not roles_on(user, convention_id).isdisjoint(roles)


def is_confidential_reader(user: User, convention_id: int) -> bool:
    """May read every confidential fiche of the convention: its coordination, the CAF and the élus."""
    return has_role(user, convention_id, (Role.COORDINATION, Role.RELECTURE, Role.PILOTAGE))


@rules.predicate
def is_member(user: User, convention: Convention) -> bool:
    return bool(roles_on(user, convention.pk))


@rules.predicate
def is_coordination(user: User, convention: Convention) -> bool:
    return has_role(user, convention.pk, [Role.COORDINATION])


@rules.predicate
def is_administration(user: User, convention: Convention) -> bool:
    return has_role(user, convention.pk, [Role.ADMINISTRATION])


@rules.predicate
def is_open(user: User, convention: Convention) -> bool:
    """A convention that is close or résiliée is read, no longer written."""
    return convention.statut not in (Convention.Statut.CLOSE, Convention.Statut.RESILIEE)


rules.add_perm("conventions.view_convention", is_member)
rules.add_perm("conventions.change_convention", is_coordination & is_open)
rules.add_perm("conventions.move_convention", is_coordination)
rules.add_perm("conventions.invite_convention", is_administration | is_coordination)
