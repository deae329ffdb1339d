"""Who may do what on a convention. ``roles_on`` is the one source every app's predicates read."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import rules
from django.db.models import FilteredRelation, Q, QuerySet
from django.db.models.expressions import Expression

from conventions.models import (
    Avenant,
    Convention,
    Document,
    FusionOrganisation,
    Habilitation,
    Importation,
    Impression,
    Organisation,
    Signataire,
    Territoire,
)
from ctg_portal.models import User

Role = Habilitation.Role

ADMINISTRATING_NATURES = (Organisation.Nature.CAF, Organisation.Nature.EPCI, Organisation.Nature.SYNDICAT)

FIGURES: dict[str, Callable[[User], Expression]] = {}
"""What every page shows of higher apps, by name: read by the query of the roles, as a page has no query to spare.

Whoever has no role has none of it.
"""


def _collect_roles(user: User) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    signature = FilteredRelation(
        "organisation__signatures", condition=Q(organisation__signatures__retire_par=None)
    )
    names = tuple(FIGURES)
    rows = (
        Habilitation.objects.filter(user=user)
        .annotate(signature=signature, **{name: FIGURES[name](user) for name in names})
        .values_list(
            "role",
            "convention_id",
            "organisation__nature",
            "signature__convention_id",
            "organisation__territoire__conventions",
            *names,
        )
    )
    for role, direct, nature, signed, own, *figures in rows:
        user._figures = dict(zip(names, figures, strict=True))  # type: ignore[attr-defined]  # kept on the person for one request
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
        user._roles_by_convention = cached  # type: ignore[attr-defined]  # kept on the person for one request
    return cached


def figure(user: User, name: str) -> Any:
    """One of ``FIGURES``, as it was when the roles were read; ``None`` for a person without a role."""
    all_roles(user)
    return getattr(user, "_figures", {}).get(name)


def roles_on(user: User, convention_id: int) -> frozenset[str]:
    return all_roles(user).get(convention_id, frozenset())


def has_role(user: User, convention_id: int, roles: Iterable[str]) -> bool:
    return not roles_on(user, convention_id).isdisjoint(roles)


def is_confidential_reader(user: User, convention_id: int) -> bool:
    """May read every confidential fiche of the convention: its coordination, the CAF and the élus."""
    return has_role(user, convention_id, Habilitation.LECTEURS_CONFIDENTIELS)


@rules.predicate
def is_member(user: User, convention: Convention) -> bool:
    return bool(roles_on(user, convention.pk))


@rules.predicate
def is_coordination(user: User, convention: Convention) -> bool:
    return has_role(user, convention.pk, [Role.COORDINATION])


@rules.predicate
def is_administration(user: User, convention: Convention) -> bool:
    return has_role(user, convention.pk, [Role.ADMINISTRATION])


def _held_in_organisations(user: User) -> list[tuple[int, str, str | None, str]]:
    """(organisation, nature, département, role) in a CAF, an EPCI or a syndicat: one query, kept on the ``user`` object."""
    cached: list[tuple[int, str, str | None, str]] | None = getattr(user, "_held_in_organisations", None)
    if cached is None:
        held = Habilitation.objects.filter(user=user, organisation__nature__in=ADMINISTRATING_NATURES)
        cached = list(
            held.order_by().values_list(
                "organisation_id", "organisation__nature", "organisation__departement", "role"
            )
        )
        user._held_in_organisations = cached  # type: ignore[attr-defined]  # kept on the person for one request
    return cached


def administered_organisations(user: User) -> frozenset[int]:
    """Organisations whose people ``user`` invites and removes."""
    return frozenset(
        organisation
        for organisation, _, _, role in _held_in_organisations(user)
        if role == Role.ADMINISTRATION
    )


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


# Creating a convention: an EPCI on its own territoire, a CAF on those of its département.


def creatable_territoires(user: User) -> QuerySet[Territoire]:
    """Territoires on which ``user`` may create a convention."""
    if user.is_superuser:
        return Territoire.objects.all()
    if not (ids := administered_organisations(user)):
        return Territoire.objects.none()
    cafs = Organisation.objects.filter(pk__in=ids, nature=Organisation.Nature.CAF)
    return Territoire.objects.filter(
        Q(organisation__in=ids) | Q(departement__in=cafs.values("departement"))
    ).distinct()


def coordinates_creation(user: User, territoire: Territoire, principale: Convention | None) -> bool:
    """Whoever creates a convention for the territoire itself, or a contract of the CTG they coordinate, coordinates it.

    Technical staff too: a convention is never without anybody. The CAF keeps the role it has by signing.
    """
    if user.is_superuser or (principale and has_role(user, principale.pk, [Role.COORDINATION])):
        return True
    return Organisation.objects.filter(
        pk__in=administered_organisations(user), territoire=territoire
    ).exists()


@rules.predicate
def creates_somewhere(user: User) -> bool:
    return bool(administered_organisations(user)) and creatable_territoires(user).exists()


@rules.predicate
def creates_on(user: User, territoire: Territoire) -> bool:
    return creatable_territoires(user).filter(pk=territoire.pk).exists()


@rules.predicate
def is_ctg(user: User, convention: Convention) -> bool:
    return convention.nature == Convention.Nature.CTG


# The directory: shared by all conventions, changed by those whom an organisation concerns.


@rules.predicate
def has_a_role(user: User) -> bool:
    return bool(all_roles(user)) or Habilitation.objects.filter(user=user).exists()


CAF_ROLES = (Role.ADMINISTRATION, Role.RELECTURE)


def _of_caf_departement(user: User, organisation: Organisation, roles: Iterable[str]) -> bool:
    """``user`` holds one of ``roles`` in a CAF of the organisation's département."""
    return organisation.departement_id is not None and any(
        nature == Organisation.Nature.CAF and departement == organisation.departement_id and role in roles
        for _, nature, departement, role in _held_in_organisations(user)
    )


def _named_where(user: User, organisation: Organisation, roles: Iterable[str]) -> bool:
    """An open convention on which ``user`` holds one of ``roles`` names the organisation.

    One query an organisation, kept on the ``user`` object.
    """
    cached: dict[int, frozenset[int]] = user.__dict__.setdefault("_naming", {})
    if organisation.pk not in cached:
        mine = Convention.objects.filter(pk__in=all_roles(user)).ouvertes()
        cached[organisation.pk] = frozenset(mine.naming(organisation).values_list("pk", flat=True))
    return any(has_role(user, pk, roles) for pk in cached[organisation.pk])


@rules.predicate
def is_active(user: User, organisation: Organisation) -> bool:
    return organisation.fusionnee_dans_id is None


@rules.predicate
def administers_organisation(user: User, organisation: Organisation) -> bool:
    return organisation.pk in administered_organisations(user)


@rules.predicate
def coordinates_organisation(user: User, organisation: Organisation) -> bool:
    return _named_where(user, organisation, [Role.COORDINATION])


@rules.predicate
def reviews_organisation(user: User, organisation: Organisation) -> bool:
    return _of_caf_departement(user, organisation, CAF_ROLES)


@rules.predicate
def merges_organisation(user: User, organisation: Organisation) -> bool:
    """Administrators only: of the CAF of the département, of the EPCI of a convention that names it, or of itself."""
    return (
        administers_organisation(user, organisation)
        or _of_caf_departement(user, organisation, [Role.ADMINISTRATION])
        or _named_where(user, organisation, [Role.ADMINISTRATION])
    )


@rules.predicate
def merges_pair(user: User, fusion: FusionOrganisation) -> bool:
    """Both concern ``user``. Where one of them gives rights to people, only who administers both may unite them:

    what one signs would be opened to the people of the other.
    """
    pair = (fusion.gardee, fusion.absorbee)
    if Habilitation.objects.filter(organisation__in=pair).exists():
        return {row.pk for row in pair} <= administered_organisations(user)
    return all(merges_organisation(user, row) for row in pair)


@rules.predicate
def undoes_fusion(user: User, fusion: FusionOrganisation) -> bool:
    return fusion.auteur_id == user.pk and merges_organisation(user, fusion.gardee)


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
# Asked of the person alone, and so on the person: without an object, Django would read its own permissions too.
rules.add_perm("conventions.add_convention", creates_somewhere)
rules.add_perm("conventions.view_directory", has_a_role)
rules.add_perm("conventions.create_territoire", creates_on)
rules.add_perm("conventions.link_convention", is_ctg & is_coordination & is_open)
rules.add_perm(
    "conventions.change_organisation",
    is_active & (administers_organisation | coordinates_organisation | reviews_organisation),
)
rules.add_perm(
    "conventions.renew_organisation", is_active & (administers_organisation | coordinates_organisation)
)
rules.add_perm("conventions.merge_organisation", is_active & merges_organisation)
rules.add_perm("conventions.add_fusionorganisation", merges_pair)
rules.add_perm("conventions.undo_fusionorganisation", undoes_fusion)
