"""Who may do what on a convention. ``roles_on`` is the one source every app's predicates read."""

from collections import defaultdict
from collections.abc import Iterable

import rules
from django.db.models import FilteredRelation, Q

from conventions.models import (
    Avenant,
    Convention,
    Document,
    Habilitation,
    Importation,
    Impression,
    Organisation,
    Signataire,
)
from ctg_portal.models import User

Role = Habilitation.Role

ADMINISTRATING_NATURES = (Organisation.Nature.CAF, Organisation.Nature.EPCI, Organisation.Nature.SYNDICAT)


def _collect_roles(user: User) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    signature = FilteredRelation(
        "organisation__signatures", condition=Q(organisation__signatures__retire_par=None)
    )
    rows = (
        Habilitation.objects.filter(user=user)
        .annotate(signature=signature)
        .values_list(
            "role",
            "convention_id",
            "organisation__nature",
            "signature__convention_id",
            "organisation__territoire__conventions",
        )
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


def administered_organisations(user: User) -> frozenset[int]:
    """Organisations whose people ``user`` invites and removes: one query, kept on the ``user`` object."""
    cached: frozenset[int] | None = getattr(user, "_administered", None)
    if cached is None:
        cached = frozenset(
            Habilitation.objects.filter(
                user=user, role=Role.ADMINISTRATION, organisation__nature__in=ADMINISTRATING_NATURES
            )
            .order_by()
            .values_list("organisation_id", flat=True)
        )
        user._administered = cached  # type: ignore[attr-defined]
    return cached


# Nobody gives more than they hold: the CAF's review is given by the CAF, not by those whom it reviews.
GIVEN_BY_COORDINATION = (Role.COORDINATION, Role.REDACTION, Role.PILOTAGE, Role.LECTURE)


def _administered_around(user: User, convention_id: int) -> list[Organisation]:
    """Organisations that ``user`` administers and that sign the convention or administer its territoire."""
    if not (ids := administered_organisations(user)):
        return []
    signing = Signataire.objects.actuels().filter(convention=convention_id)
    around = Organisation.objects.filter(
        Q(pk__in=signing.values("organisation")) | Q(territoire__conventions=convention_id), pk__in=ids
    )
    return list(around.distinct())


def roles_to_give(user: User, convention_id: int) -> tuple[str, ...]:
    """Roles on the convention that ``user`` may give or take away, in their order."""
    held = roles_on(user, convention_id)
    given: set[str] = set()
    if not held.isdisjoint((Role.COORDINATION, Role.ADMINISTRATION)):
        given.update(GIVEN_BY_COORDINATION)
    if Role.ADMINISTRATION in held and any(
        organisation.nature == Organisation.Nature.CAF
        for organisation in _administered_around(user, convention_id)
    ):
        given.add(Role.RELECTURE)
    return tuple(role for role in Habilitation.ROLES_CONVENTION if role in given)


def organisation_roles_to_give(
    user: User, convention: Convention
) -> list[tuple[Organisation, tuple[str, ...]]]:
    """Organisations of the convention that ``user`` administers, each with the roles given in its name."""
    return [
        (
            organisation,
            tuple(
                role
                for role in Habilitation.ROLES_ORGANISATION
                if role != Role.RELECTURE or organisation.nature == Organisation.Nature.CAF
            ),
        )
        for organisation in _administered_around(user, convention.pk)
    ]


def removable(user: User, convention_id: int, habilitations: Iterable[Habilitation]) -> frozenset[int]:
    """Ids of those roles that ``user`` may take away: whoever may give a role on the convention may take it away;
    on an organisation, its own administrators only. At most two queries, however many roles."""
    roles = roles_to_give(user, convention_id)
    organisations = administered_organisations(user)
    return frozenset(
        habilitation.pk
        for habilitation in habilitations
        if (
            habilitation.organisation_id in organisations
            if habilitation.organisation_id
            else habilitation.convention_id == convention_id and habilitation.role in roles
        )
    )


@rules.predicate
def may_give(user: User, habilitation: Habilitation) -> bool:
    return habilitation.pk in removable(user, habilitation.convention_id or 0, [habilitation])


@rules.predicate
def is_open(user: User, convention: Convention) -> bool:
    """A convention that is close or résiliée is read, no longer written."""
    return convention.statut not in (Convention.Statut.CLOSE, Convention.Statut.RESILIEE)


@rules.predicate
def reads_impression(user: User, impression: Impression) -> bool:
    return bool(roles_on(user, impression.convention_id))


@rules.predicate
def reads_importation(user: User, importation: Importation) -> bool:
    return is_member(user, importation.convention)


@rules.predicate
def settles_importation(user: User, importation: Importation) -> bool:
    """Answers, confirms or drops it: whoever may write what it holds."""
    return is_coordination(user, importation.convention) and is_open(user, importation.convention)


@rules.predicate
def is_relecture(user: User, convention: Convention) -> bool:
    return has_role(user, convention.pk, [Role.RELECTURE])


deposits = (is_coordination | is_relecture) & is_open


@rules.predicate
def changes_document(user: User, document: Document) -> bool:
    """The coordination changes every document of its convention; the CAF, those it deposited."""
    own = has_role(user, document.convention_id, [Role.COORDINATION]) or document.auteur_id == user.pk
    return own and bool(deposits.test(user, document.convention))


@rules.predicate
def reads_document(user: User, document: Document) -> bool:
    """A withdrawn document is only there for those who may put it back."""
    if document.is_retire:
        return bool(deposits.test(user, document.convention))
    return bool(roles_on(user, document.convention_id))


@rules.predicate
def reads_avenant(user: User, avenant: Avenant) -> bool:
    return bool(roles_on(user, avenant.convention_id))


@rules.predicate
def changes_avenant(user: User, avenant: Avenant) -> bool:
    return bool((is_coordination & is_open).test(user, avenant.convention))


@rules.predicate
def changes_signataire(user: User, signataire: Signataire) -> bool:
    return bool((is_coordination & is_open).test(user, signataire.convention))


rules.add_perm("conventions.view_convention", is_member)
rules.add_perm("conventions.view_impression", reads_impression)
rules.add_perm("conventions.change_convention", is_coordination & is_open)
rules.add_perm("conventions.move_convention", is_coordination)
rules.add_perm("conventions.invite_convention", is_administration | is_coordination)
rules.add_perm("conventions.remove_habilitation", may_give)
rules.add_perm("conventions.view_importation", reads_importation)
rules.add_perm("conventions.change_importation", settles_importation)
rules.add_perm("conventions.deposit_convention", deposits)
rules.add_perm("conventions.view_document", reads_document)
rules.add_perm("conventions.change_document", changes_document)
rules.add_perm("conventions.view_avenant", reads_avenant)
rules.add_perm("conventions.change_avenant", changes_avenant)
rules.add_perm("conventions.change_signataire", changes_signataire)
