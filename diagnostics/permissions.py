"""Who reads and writes the shared diagnostic."""

import rules

from conventions.models import Convention, Importation
from conventions.permissions import (
    Role,
    has_role,
    is_coordination,
    is_open,
    roles_on,
    settles_importation,
)
from ctg_portal.models import User
from diagnostics.models import Atelier, Constat, Diagnostic, Enjeu, Parole, Questionnaire


@rules.predicate
def reads_diagnostic(user: User, diagnostic: Diagnostic) -> bool:
    return bool(roles_on(user, diagnostic.convention_id))


@rules.predicate
def coordinates_diagnostic(user: User, diagnostic: Diagnostic) -> bool:
    convention = diagnostic.convention
    return has_role(user, convention.pk, [Role.COORDINATION]) and bool(is_open.test(user, convention))


@rules.predicate
def is_not_validated(user: User, diagnostic: Diagnostic) -> bool:
    return diagnostic.statut != Diagnostic.Statut.VALIDE


@rules.predicate
def reads_its_diagnostic(user: User, part: Atelier | Questionnaire) -> bool:
    return bool(reads_diagnostic.test(user, part.diagnostic))


@rules.predicate
def changes_its_diagnostic(user: User, part: Atelier | Constat | Enjeu | Parole | Questionnaire) -> bool:
    return bool((coordinates_diagnostic & is_not_validated).test(user, part.diagnostic))


rules.add_perm("diagnostics.view_diagnostic", reads_diagnostic)
rules.add_perm("diagnostics.change_diagnostic", coordinates_diagnostic & is_not_validated)
rules.add_perm("diagnostics.move_diagnostic", coordinates_diagnostic)
for model in ("atelier", "constat", "enjeu", "parole", "questionnaire"):
    rules.add_perm(f"diagnostics.change_{model}", changes_its_diagnostic)


@rules.predicate
def changes_figures(user: User, convention: Convention) -> bool:
    """Figures are the territoire's; they change from a convention whose diagnostic is not validated (or not opened yet)."""
    diagnostic = Diagnostic.objects.filter(convention=convention).first()
    if diagnostic is None:
        return bool((is_coordination & is_open).test(user, convention))
    return bool((coordinates_diagnostic & is_not_validated).test(user, diagnostic))


rules.add_perm("diagnostics.change_chiffres", changes_figures)
for model in ("atelier", "questionnaire"):
    rules.add_perm(f"diagnostics.view_{model}", reads_its_diagnostic)


@rules.predicate
def settles_figures(user: User, importation: Importation) -> bool:
    """An import of figures is settled by who may change figures; the others as ``conventions`` says."""
    if importation.nature != Importation.Nature.CHIFFRES:
        return True
    return bool(changes_figures.test(user, importation.convention))


rules.set_perm("conventions.change_importation", settles_importation & settles_figures)
