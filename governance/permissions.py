"""Who prepares meetings, writes decisions and issues documents."""

from typing import Any

import rules

from conventions.models import Convention
from conventions.permissions import Role, has_role, is_open, roles_on
from ctg_portal.models import User
from governance.models import Decision, DocumentEmis, Reunion


def _convention(obj: Any) -> Convention:
    convention: Convention = obj.convention
    return convention


@rules.predicate
def reads(user: User, obj: Any) -> bool:
    return bool(roles_on(user, _convention(obj).pk))


@rules.predicate
def coordinates(user: User, obj: Any) -> bool:
    convention = _convention(obj)
    return has_role(user, convention.pk, [Role.COORDINATION]) and bool(is_open.test(user, convention))


@rules.predicate
def holds_coordination(user: User, obj: Any) -> bool:
    """Also in a closed convention: what was opened may always be closed."""
    return has_role(user, _convention(obj).pk, [Role.COORDINATION])


@rules.predicate
def is_modifiable(user: User, reunion: Reunion) -> bool:
    return reunion.is_modifiable


@rules.predicate
def is_decidable(user: User, reunion: Reunion) -> bool:
    return reunion.is_decidable


@rules.predicate
def is_ouverte(user: User, decision: Decision) -> bool:
    return decision.is_ouverte


@rules.predicate
def is_not_cancelled(user: User, reunion: Reunion) -> bool:
    return reunion.statut != Reunion.Statut.ANNULEE


@rules.predicate
def issued_it(user: User, document: DocumentEmis) -> bool:
    """Whoever signed an avis prepares its file again when it failed."""
    return document.auteur_id == user.pk


@rules.predicate
def is_failed(user: User, document: DocumentEmis) -> bool:
    return document.statut == DocumentEmis.Statut.ECHEC


@rules.predicate
def is_partageable(user: User, document: DocumentEmis) -> bool:
    """Its file is there; an avis is for the CAF and the collectivité, who both have accounts."""
    return document.statut == DocumentEmis.Statut.PRET and document.avis_id is None


for model in ("instance", "reunion", "decision", "documentemis"):
    rules.add_perm(f"governance.view_{model}", reads)
rules.add_perm("governance.change_instance", coordinates)
rules.add_perm("governance.coordinate_reunion", coordinates)
rules.add_perm("governance.coordinate_decision", coordinates)
rules.add_perm("governance.change_reunion", coordinates & is_modifiable)
rules.add_perm("governance.move_reunion", coordinates)
rules.add_perm("governance.note_reunion", coordinates & is_decidable)
rules.add_perm("governance.decide_reunion", coordinates & is_decidable)
rules.add_perm("governance.issue_reunion", coordinates & is_not_cancelled)
rules.add_perm("governance.retry_documentemis", (coordinates | issued_it) & is_failed)
rules.add_perm("governance.change_decision", coordinates)
rules.add_perm("governance.complete_decision", coordinates & is_ouverte)
rules.add_perm("governance.share_documentemis", coordinates & is_partageable)
rules.add_perm("governance.links_documentemis", holds_coordination)
rules.add_perm("governance.revoke_lienpublic", holds_coordination)
