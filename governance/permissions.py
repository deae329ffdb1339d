"""Who prepares meetings, writes decisions and issues documents."""

from typing import Any

import rules

from conventions.models import Convention
from conventions.permissions import Role, has_role, is_open, roles_on
from ctg_portal.models import User
from governance.models import (
    CompteRendu,
    Decision,
    DocumentEmis,
    Envoi,
    PartieCompteRendu,
    PieceReunion,
    PointOrdreDuJour,
    Presence,
    Reunion,
    SujetEnAttente,
)

PROPOSENT = (Role.COORDINATION, Role.RELECTURE, Role.REDACTION, Role.PILOTAGE)
"""Who may say what an instance should speak of."""


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
def is_correctable(user: User, decision: Decision) -> bool:
    """Until the minutes that say it are submitted (ADR 0029)."""
    if not decision.reunion.is_decidable:
        return False
    compte_rendu = CompteRendu.objects.filter(reunion=decision.reunion_id).first()
    return compte_rendu is None or compte_rendu.is_redaction


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
def takes_pieces(user: User, reunion: Reunion) -> bool:
    """Until the minutes are sent: the attendance sheet is scanned after the meeting."""
    return reunion.statut not in (Reunion.Statut.DIFFUSEE, Reunion.Statut.ANNULEE)


@rules.predicate
def is_with_its_meeting(user: User, piece: PieceReunion) -> bool:
    return not piece.is_retiree


@rules.predicate
def is_of_such_a_meeting(user: User, piece: PieceReunion) -> bool:
    return bool(takes_pieces.test(user, piece.reunion))


@rules.predicate
def is_of_a_modifiable_meeting(user: User, point: PointOrdreDuJour) -> bool:
    return point.reunion.is_modifiable


@rules.predicate
def is_of_a_decidable_meeting(user: User, point: PointOrdreDuJour) -> bool:
    return point.reunion.is_decidable


@rules.predicate
def is_still_noted(user: User, reunion: Reunion) -> bool:
    """Its minutes are not submitted: what they say of it no longer moves then (ADR 0029)."""
    compte_rendu: CompteRendu | None = getattr(reunion, "compte_rendu", None)
    return compte_rendu is None or compte_rendu.is_redaction


@rules.predicate
def is_of_a_meeting_still_noted(user: User, point: PointOrdreDuJour) -> bool:
    return bool(is_still_noted.test(user, point.reunion))


@rules.predicate
def is_held(user: User, reunion: Reunion) -> bool:
    return reunion.statut == Reunion.Statut.TENUE


@rules.predicate
def is_locked(user: User, reunion: Reunion) -> bool:
    return reunion.statut == Reunion.Statut.DIFFUSEE


@rules.predicate
def minutes_are_written(user: User, reunion: Reunion) -> bool:
    """They were begun, and wait for nobody's word."""
    compte_rendu = CompteRendu.objects.filter(reunion=reunion).first()
    return compte_rendu is not None and compte_rendu.is_redaction


@rules.predicate
def is_of_written_minutes(user: User, partie: PartieCompteRendu) -> bool:
    return partie.compte_rendu.is_redaction and partie.compte_rendu.reunion.statut == Reunion.Statut.TENUE


@rules.predicate
def endorses(user: User, reunion: Reunion) -> bool:
    return has_role(user, _convention(reunion).pk, (Role.COORDINATION, Role.PILOTAGE, Role.RELECTURE))


@rules.predicate
def proposes(user: User, obj: Any) -> bool:
    convention = _convention(obj)
    return has_role(user, convention.pk, PROPOSENT) and bool(is_open.test(user, convention))


@rules.predicate
def proposed_it(user: User, sujet: SujetEnAttente) -> bool:
    return sujet.auteur_id == user.pk


@rules.predicate
def is_waiting(user: User, sujet: SujetEnAttente) -> bool:
    return sujet.point_id is None


@rules.predicate
def coordinated(user: User, obj: Any) -> bool:
    """Reads what the coordination sent, also once the convention is closed."""
    return has_role(user, _convention(obj).pk, [Role.COORDINATION])


@rules.predicate
def is_repondable(user: User, presence: Presence) -> bool:
    return presence.reunion.is_repondable


@rules.predicate
def is_brouillon(user: User, envoi: Envoi) -> bool:
    return envoi.is_brouillon


@rules.predicate
def is_stoppable(user: User, envoi: Envoi) -> bool:
    return envoi.is_stoppable


@rules.predicate
def is_parti(user: User, envoi: Envoi) -> bool:
    return envoi.statut == Envoi.Statut.PARTI


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
rules.add_perm("governance.annotate_reunion", coordinates & is_decidable & is_still_noted)
rules.add_perm("governance.decide_reunion", coordinates & is_decidable)
rules.add_perm("governance.issue_reunion", coordinates & is_not_cancelled)
rules.add_perm("governance.retry_documentemis", (coordinates | issued_it) & is_failed)
rules.add_perm("governance.change_decision", coordinates & is_correctable)
rules.add_perm("governance.complete_decision", coordinates & is_ouverte)
# A withdrawn one is for whoever may put it back: it may say what nobody else was to read.
rules.add_perm(
    "governance.view_piecereunion", reads & (is_with_its_meeting | (coordinates & is_of_such_a_meeting))
)
rules.add_perm("governance.attach_reunion", coordinates & takes_pieces)
rules.add_perm("governance.change_piecereunion", coordinates & is_of_such_a_meeting)
rules.add_perm("governance.coordinate_pointordredujour", coordinates)
rules.add_perm("governance.change_pointordredujour", coordinates & is_of_a_modifiable_meeting)
rules.add_perm(
    "governance.note_pointordredujour",
    coordinates & is_of_a_decidable_meeting & is_of_a_meeting_still_noted,
)
rules.add_perm("governance.minute_reunion", coordinates & is_held)
rules.add_perm("governance.write_compte_rendu", coordinates & is_held & minutes_are_written)
rules.add_perm("governance.reopen_reunion", coordinates & is_locked)
rules.add_perm("governance.endorse_reunion", endorses)
rules.add_perm("governance.coordinate_partiecompterendu", coordinates)
rules.add_perm("governance.change_partiecompterendu", coordinates & is_of_written_minutes)
rules.add_perm("governance.change_modeleordredujour", coordinates)
rules.add_perm("governance.propose_instance", proposes)
rules.add_perm("governance.write_sujetenattente", coordinates | (proposes & proposed_it))
rules.add_perm("governance.change_sujetenattente", (coordinates | (proposes & proposed_it)) & is_waiting)
rules.add_perm("governance.send_reunion", coordinates)
rules.add_perm("governance.trace_reunion", coordinated)
rules.add_perm("governance.coordinate_presence", coordinates)
rules.add_perm("governance.answer_presence", coordinates & is_repondable)
rules.add_perm("governance.view_envoi", coordinated)
rules.add_perm("governance.coordinate_envoi", coordinates)
rules.add_perm("governance.write_envoi", coordinates & is_brouillon)
rules.add_perm("governance.stop_envoi", coordinates & is_stoppable)
rules.add_perm("governance.retry_envoi", coordinates & is_parti)
rules.add_perm("governance.share_documentemis", coordinates & is_partageable)
rules.add_perm("governance.links_documentemis", holds_coordination)
rules.add_perm("governance.revoke_lienpublic", holds_coordination)
