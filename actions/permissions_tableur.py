"""Who may send a workbook to a plan (``visible_to`` has already hidden the rest)."""

import rules

from actions.models import EnvoiPlan, PlanActions
from actions.permissions import coordinates_plan
from conventions.permissions import Role, has_role, is_open, roles_on
from ctg_portal.models import User


@rules.predicate
def writes_in_plan(user: User, plan: PlanActions) -> bool:
    """The coordination, and the rédaction: of each row, its fiche says who may write it."""
    return has_role(user, plan.convention_id, [Role.COORDINATION, Role.REDACTION]) and bool(
        is_open.test(None, plan.convention)
    )


@rules.predicate
def is_own_envoi(user: User, envoi: EnvoiPlan) -> bool:
    return envoi.auteur_id == user.pk


@rules.predicate
def coordinates_a_written_one(user: User, envoi: EnvoiPlan) -> bool:
    """What others wrote is read by the coordination, who reads every fiche."""
    written = envoi.statut == EnvoiPlan.Statut.CONFIRME
    return written and has_role(user, envoi.convention_id, [Role.COORDINATION])


@rules.predicate
def is_in_the_convention(user: User, envoi: EnvoiPlan) -> bool:
    return bool(roles_on(user, envoi.convention_id))


@rules.predicate
def writes_in_its_plan(user: User, envoi: EnvoiPlan) -> bool:
    """A plan made elsewhere is imported by the coordination alone."""
    roles = [Role.COORDINATION]
    if envoi.nature == EnvoiPlan.Nature.RETOUR:
        roles.append(Role.REDACTION)
    return has_role(user, envoi.convention_id, roles) and bool(is_open.test(None, envoi.convention))


rules.add_perm("actions.send_back_planactions", writes_in_plan)
rules.add_perm("actions.import_planactions", coordinates_plan)
rules.add_perm("actions.view_envoiplan", is_in_the_convention & (is_own_envoi | coordinates_a_written_one))
rules.add_perm("actions.change_envoiplan", is_own_envoi & writes_in_its_plan)
