"""Who may do what on a plan and its fiches (``visible_to`` has already hidden the rest)."""

import rules
from django.db.models import Exists, OuterRef, Q, QuerySet

from actions.models import (
    Axe,
    Commentaire,
    FicheAction,
    IndicateurSuivi,
    LienFiche,
    ModeleFiche,
    Objectif,
    PieceJointe,
    PlanActions,
)
from conventions.models import Convention, Habilitation, Organisation
from conventions.permissions import Role, all_roles, has_role, is_open, roles_on
from ctg_portal.models import User

Redaction = FicheAction.Redaction


def _is_open(convention: Convention) -> bool:
    return bool(is_open.test(None, convention))


@rules.predicate
def reads_plan(user: User, plan: PlanActions) -> bool:
    return bool(roles_on(user, plan.convention_id))


@rules.predicate
def coordinates_plan(user: User, plan: PlanActions) -> bool:
    return has_role(user, plan.convention_id, [Role.COORDINATION]) and _is_open(plan.convention)


@rules.predicate
def coordinates_axe(user: User, axe: Axe) -> bool:
    return bool(coordinates_plan.test(user, axe.plan))


@rules.predicate
def coordinates_objectif(user: User, objectif: Objectif) -> bool:
    return bool(coordinates_plan.test(user, objectif.axe.plan))


@rules.predicate
def reads_fiche(user: User, fiche: FicheAction) -> bool:
    return bool(roles_on(user, fiche.plan.convention_id))


@rules.predicate
def coordinates_fiche(user: User, fiche: FicheAction) -> bool:
    return has_role(user, fiche.plan.convention_id, [Role.COORDINATION]) and _is_open(fiche.plan.convention)


@rules.predicate
def pilots_fiche(user: User, fiche: FicheAction) -> bool:
    """Rédaction edits the fiches it pilots."""
    return (
        has_role(user, fiche.plan.convention_id, [Role.REDACTION])
        and _is_open(fiche.plan.convention)
        and any(pilote.user_id == user.pk for pilote in fiche.pilotes.all())
    )


@rules.predicate
def reviews_fiche(user: User, fiche: FicheAction) -> bool:
    return has_role(user, fiche.plan.convention_id, [Role.RELECTURE]) and _is_open(fiche.plan.convention)


@rules.predicate
def is_writable(user: User, fiche: FicheAction) -> bool:
    """The text is open: neither with the CAF, nor validated, nor archived."""
    return fiche.redaction in (Redaction.BROUILLON, Redaction.A_COMPLETER)


@rules.predicate
def is_followable(user: User, fiche: FicheAction) -> bool:
    """News, steps, measures and avancement go on after the text is validated."""
    return fiche.redaction != Redaction.ARCHIVEE


@rules.predicate
def is_en_relecture(user: User, fiche: FicheAction) -> bool:
    return fiche.redaction == Redaction.EN_RELECTURE


@rules.predicate
def is_validee(user: User, fiche: FicheAction) -> bool:
    return fiche.redaction == Redaction.VALIDEE


@rules.predicate
def is_archivee(user: User, fiche: FicheAction) -> bool:
    return fiche.redaction == Redaction.ARCHIVEE


@rules.predicate
def follows_indicateur(user: User, indicateur: IndicateurSuivi) -> bool:
    return bool(may_follow.test(user, indicateur.fiche))


@rules.predicate
def resolves_commentaire(user: User, commentaire: Commentaire) -> bool:
    fiche = commentaire.fiche
    return commentaire.resolu_le is None and bool(
        coordinates_fiche.test(user, fiche)
        or reviews_fiche.test(user, fiche)
        or pilots_fiche.test(user, fiche)
    )


def plans_to_copy_into(user: User) -> QuerySet[PlanActions]:
    """Plans that ``user`` coordinates, of conventions still open: where a copy may go."""
    mine = [pk for pk, roles in all_roles(user).items() if Role.COORDINATION in roles]
    plans = PlanActions.objects.filter(convention__in=Convention.objects.filter(pk__in=mine).ouvertes())
    return plans.select_related("convention__territoire__departement").order_by("convention__code")


@rules.predicate
def copies_somewhere(user: User, fiche: FicheAction) -> bool:
    """Whoever reads a fiche and coordinates a plan, this one or another, may copy it there."""
    return bool(coordinates_fiche.test(user, fiche)) or plans_to_copy_into(user).exists()


may_attach = is_followable & (coordinates_fiche | pilots_fiche | reviews_fiche)


@rules.predicate
def reads_piece(user: User, piece: PieceJointe) -> bool:
    """A former version or a withdrawn piece is only there for those who may attach."""
    if piece.is_courante:
        return bool(reads_fiche.test(user, piece.fiche))
    return bool(may_attach.test(user, piece.fiche))


@rules.predicate
def changes_piece(user: User, piece: PieceJointe) -> bool:
    """The coordination changes every piece; whoever attached one, theirs."""
    own = piece.auteur_id == user.pk or bool(coordinates_fiche.test(user, piece.fiche))
    return own and bool(may_attach.test(user, piece.fiche))


may_follow = is_followable & (coordinates_fiche | pilots_fiche)


@rules.predicate
def unties(user: User, lien: LienFiche) -> bool:
    """Whoever follows one of its fiches; that a fiche is a copy of another stays."""
    return lien.nature != LienFiche.Nature.ISSUE and bool(
        may_follow.test(user, lien.depuis) or may_follow.test(user, lien.vers)
    )


MODEL_ROLES = (Role.RELECTURE, Role.ADMINISTRATION)


def _organisations_of(user: User, convention: Convention) -> QuerySet[Organisation]:
    """Who signs the convention or administers its territoire, and for whom ``user`` may write models."""
    around = Q(pk__in=convention.signataires.actuels().values("organisation")) | Q(
        territoire=convention.territoire_id
    )
    held = Habilitation.objects.filter(user=user, role__in=MODEL_ROLES).values("organisation")
    return Organisation.objects.filter(around, pk__in=held).order_by("nom", "pk")


def holders_of_models(
    user: User, convention: Convention
) -> list[tuple[str, str, tuple[Convention | None, Organisation | None]]]:
    """For whom ``user`` may make a model here: (value, label, (convention, organisation)); one query."""
    found: list[tuple[str, str, tuple[Convention | None, Organisation | None]]] = []
    if has_role(user, convention.pk, [Role.COORDINATION]) and _is_open(convention):
        found.append(("convention", f"Cette convention ({convention})", (convention, None)))
    found += [
        (f"organisation-{row.pk}", f"{row}, pour toutes ses conventions", (None, row))
        for row in _organisations_of(user, convention)
    ]
    return found


def makes_models_here(user: User) -> Exists:
    """For a queryset of fiches: ``user`` writes models for an organisation of the convention (``fait_des_modeles``)."""
    convention = OuterRef("plan__convention")
    signing = Q(organisation__signatures__convention=convention, organisation__signatures__retire_par=None)
    own = Q(organisation__territoire=OuterRef("plan__convention__territoire"))
    return Exists(Habilitation.objects.filter(signing | own, user=user, role__in=MODEL_ROLES))


@rules.predicate
def makes_models(user: User, fiche: FicheAction) -> bool:
    """A fiche loaded with ``makes_models_here`` is not asked about again."""
    if coordinates_fiche.test(user, fiche):
        return True
    if not has_role(user, fiche.plan.convention_id, MODEL_ROLES):
        return False
    if hasattr(fiche, "fait_des_modeles"):
        return bool(fiche.fait_des_modeles)
    return _organisations_of(user, fiche.plan.convention).exists()


@rules.predicate
def reads_modele(user: User, modele: ModeleFiche) -> bool:
    """``visible_to`` has hidden the rest."""
    return bool(all_roles(user))


@rules.predicate
def changes_modele(user: User, modele: ModeleFiche) -> bool:
    """The coordination changes those of its convention, an organisation its own, technical staff those of all."""
    if modele.convention is not None:
        return has_role(user, modele.convention.pk, [Role.COORDINATION]) and _is_open(modele.convention)
    if modele.organisation_id is None:
        return user.is_superuser
    held = Habilitation.objects.filter(user=user, organisation=modele.organisation_id)
    return held.filter(role__in=MODEL_ROLES).exists()


rules.add_perm("actions.view_planactions", reads_plan)
rules.add_perm("actions.change_planactions", coordinates_plan)
rules.add_perm("actions.change_axe", coordinates_axe)
rules.add_perm("actions.change_objectif", coordinates_objectif)
rules.add_perm("actions.view_ficheaction", reads_fiche)
rules.add_perm("actions.change_ficheaction", is_writable & (coordinates_fiche | pilots_fiche))
rules.add_perm("actions.follow_ficheaction", may_follow)
rules.add_perm("actions.follow_indicateursuivi", follows_indicateur)
# The same, less the state of the fiche: to say « too late » rather than « forbidden ».
rules.add_perm("actions.write_ficheaction", coordinates_fiche | pilots_fiche)
rules.add_perm("actions.review_ficheaction", reviews_fiche)
rules.add_perm("actions.supervise_ficheaction", coordinates_fiche | reviews_fiche)
rules.add_perm("actions.coordinate_ficheaction", coordinates_fiche)
rules.add_perm("actions.discuss_ficheaction", reviews_fiche | coordinates_fiche | pilots_fiche)
rules.add_perm("actions.place_ficheaction", coordinates_fiche & is_followable)
rules.add_perm("actions.link_ficheaction", may_follow)
rules.add_perm("actions.delete_lienfiche", unties)
rules.add_perm("actions.attach_ficheaction", may_attach)
rules.add_perm("actions.view_piecejointe", reads_piece)
rules.add_perm("actions.change_piecejointe", changes_piece)
rules.add_perm("actions.model_ficheaction", reads_fiche & makes_models)
rules.add_perm("actions.view_modelefiche", reads_modele)
rules.add_perm("actions.change_modelefiche", changes_modele)
rules.add_perm("actions.copy_ficheaction", reads_fiche & copies_somewhere)
rules.add_perm("actions.submit_ficheaction", is_writable & (coordinates_fiche | pilots_fiche))
rules.add_perm(
    "actions.comment_ficheaction", is_followable & (reviews_fiche | coordinates_fiche | pilots_fiche)
)
rules.add_perm("actions.ask_completion_ficheaction", is_en_relecture & reviews_fiche)
rules.add_perm("actions.validate_ficheaction", is_en_relecture & reviews_fiche)
rules.add_perm("actions.reopen_ficheaction", is_validee & (coordinates_fiche | reviews_fiche))
rules.add_perm("actions.archive_ficheaction", coordinates_fiche & ~is_en_relecture & ~is_archivee)
rules.add_perm("actions.restore_ficheaction", coordinates_fiche & is_archivee)
rules.add_perm("actions.resolve_commentaire", resolves_commentaire)
