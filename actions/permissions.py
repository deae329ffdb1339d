"""Who may do what on a plan and its fiches (``visible_to`` has already hidden the rest)."""

from functools import cache
from typing import Any

import rules
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    Count,
    Exists,
    F,
    JSONField,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce, JSONObject

from actions.models import (
    Avis,
    Axe,
    ChangementGroupe,
    Commentaire,
    Complements,
    FicheAction,
    IndicateurSuivi,
    LienFiche,
    ModeleFiche,
    Notification,
    Objectif,
    PieceJointe,
    Pilote,
    PlanActions,
    Reserve,
    VueEnregistree,
)
from actions.models.notification import ADRESSES
from conventions.models import Convention, Habilitation, Organisation
from conventions.permissions import (
    FIGURES,
    Role,
    all_roles,
    figure,
    has_role,
    is_confidential_reader,
    is_open,
    roles_on,
)
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
def reads_commentaire(user: User, commentaire: Commentaire) -> bool:
    """A note of the CAF is there for its reviewers alone, whatever else a person may do on the fiche."""
    convention = commentaire.fiche.plan.convention_id
    return not commentaire.is_interne or has_role(user, convention, [Role.RELECTURE])


@rules.predicate
def discusses_commentaire(user: User, commentaire: Commentaire) -> bool:
    return bool(discusses_fiche.test(user, commentaire.fiche))


@rules.predicate
def is_on_a_live_fiche(user: User, commentaire: Commentaire) -> bool:
    return bool(is_followable.test(user, commentaire.fiche))


@rules.predicate
def is_resolu(user: User, commentaire: Commentaire) -> bool:
    return commentaire.etat == Commentaire.Etat.RESOLU


@rules.predicate
def is_own_and_unanswered(user: User, commentaire: Commentaire) -> bool:
    """One's own remark is corrected or taken away until somebody answers."""
    return (
        commentaire.auteur_id == user.pk
        and commentaire.etat == Commentaire.Etat.OUVERT
        and commentaire.is_unanswered
    )


@rules.predicate
def edits_fiche(user: User, fiche: FicheAction) -> bool:
    """Those who write the fiche, whatever its state and that of the convention: they are told why it is too late."""
    convention = fiche.plan.convention_id
    return has_role(user, convention, [Role.COORDINATION]) or (
        has_role(user, convention, [Role.REDACTION])
        and any(pilote.user_id == user.pk for pilote in fiche.pilotes.all())
    )


def refus_retablir(
    user: User, fiche: FicheAction, section: str, *, suivie: bool, complements: Complements
) -> str:
    """Why ``user`` may not put ``section`` (its slug) back as it was, in a French sentence; « » when they may.

    ``complements``: what the CAF asked, which locks the rest. ``suivie``: what goes on changing after the text is validated (steps, measures, bilans, « Suivi »).
    """
    if user.has_perm("actions.follow_ficheaction" if suivie else "actions.change_ficheaction", fiche):
        return complements.refus(section) if not suivie and complements.is_locked(section) else ""
    if not _is_open(fiche.plan.convention):
        return "La convention est terminée\u00a0: ses fiches ne changent plus."
    if not edits_fiche.test(user, fiche):
        return "Seuls la coordination et les pilotes de la fiche peuvent la rétablir."
    if fiche.redaction == Redaction.ARCHIVEE:
        return "La fiche est archivée\u00a0: reprenez-la d’abord."
    return f"Le texte est fermé\u00a0: la fiche est «\u00a0{fiche.get_redaction_display().lower()}\u00a0»."


@rules.predicate
def is_own(user: User, commentaire: Commentaire) -> bool:
    return commentaire.auteur_id == user.pk


@rules.predicate
def is_a_completer(user: User, fiche: FicheAction) -> bool:
    return fiche.redaction == Redaction.A_COMPLETER


@rules.predicate
def reads_avis(user: User, avis: Avis) -> bool:
    return bool(roles_on(user, avis.plan.convention_id))


@rules.predicate
def reviews_plan(user: User, plan: PlanActions) -> bool:
    return has_role(user, plan.convention_id, [Role.RELECTURE]) and _is_open(plan.convention)


@rules.predicate
def reviews_avis(user: User, avis: Avis) -> bool:
    return bool(reviews_plan.test(user, avis.plan))


@rules.predicate
def is_attendu(user: User, avis: Avis) -> bool:
    return avis.etat == Avis.Etat.ATTENDU


@rules.predicate
def replies_to_reserve(user: User, reserve: Reserve) -> bool:
    """The coordination; the pilotes too when the avis is on their fiche."""
    avis = reserve.avis
    return bool(coordinates_plan.test(user, avis.plan)) or (
        avis.fiche is not None and bool(pilots_fiche.test(user, avis.fiche))
    )


@rules.predicate
def concludes_reserve(user: User, reserve: Reserve) -> bool:
    return bool(reviews_plan.test(user, reserve.avis.plan))


@rules.predicate
def is_sans_reponse(user: User, reserve: Reserve) -> bool:
    return reserve.etat in (Reserve.Etat.POSEE, Reserve.Etat.MAINTENUE)


@rules.predicate
def is_frozen(user: User, reserve: Reserve) -> bool:
    """Of a signed avis: before, its words still change."""
    return reserve.avis.is_signe


@rules.predicate
def is_levee(user: User, reserve: Reserve) -> bool:
    return reserve.etat == Reserve.Etat.LEVEE


discusses_fiche = reviews_fiche | coordinates_fiche | pilots_fiche


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


@rules.predicate
def shares_vues(user: User, convention: Convention) -> bool:
    """The coordination, also once the convention has ended: the way of looking at it is no part of it."""
    return has_role(user, convention.pk, [Role.COORDINATION])


@rules.predicate
def changes_vue(user: User, vue: VueEnregistree) -> bool:
    """One's own; those that are shared are the coordination's."""
    if vue.is_partagee:
        return bool(shares_vues.test(user, vue.convention))
    return vue.auteur_id == user.pk


@rules.predicate
def changes_together(user: User, convention: Convention) -> bool:
    """Whoever may change a fiche of it; each fiche is asked again by itself."""
    return has_role(user, convention.pk, [Role.COORDINATION, Role.REDACTION]) and _is_open(convention)


@rules.predicate
def undoes_changement(user: User, groupe: ChangementGroupe) -> bool:
    """Whoever made it, as long as they may change fiches; or the coordination."""
    convention = groupe.convention
    return bool(changes_together.test(user, convention)) and (
        groupe.by_id == user.pk or has_role(user, convention.pk, [Role.COORDINATION])
    )


rules.add_perm("actions.change_together", changes_together)
rules.add_perm("actions.undo_changementgroupe", undoes_changement)
rules.add_perm("actions.share_vues", shares_vues)
rules.add_perm("actions.change_vueenregistree", changes_vue)
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
rules.add_perm("actions.revert_ficheaction", edits_fiche)
rules.add_perm("actions.review_ficheaction", reviews_fiche)
rules.add_perm("actions.supervise_ficheaction", coordinates_fiche | reviews_fiche)
rules.add_perm("actions.coordinate_ficheaction", coordinates_fiche)
rules.add_perm("actions.discuss_ficheaction", discusses_fiche)
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
rules.add_perm("actions.comment_ficheaction", is_followable & discusses_fiche)
rules.add_perm("actions.ask_completion_ficheaction", is_en_relecture & reviews_fiche)
rules.add_perm("actions.validate_ficheaction", is_en_relecture & reviews_fiche)
rules.add_perm("actions.reopen_ficheaction", is_validee & (coordinates_fiche | reviews_fiche))
rules.add_perm("actions.archive_ficheaction", coordinates_fiche & ~is_en_relecture & ~is_archivee)
rules.add_perm("actions.restore_ficheaction", coordinates_fiche & is_archivee)
in_fil = reads_commentaire & discusses_commentaire
rules.add_perm("actions.discuss_commentaire", in_fil)
rules.add_perm("actions.reply_commentaire", in_fil & is_on_a_live_fiche & ~is_resolu)
rules.add_perm("actions.resolve_commentaire", in_fil & is_on_a_live_fiche & ~is_resolu)
rules.add_perm("actions.reopen_commentaire", in_fil & is_on_a_live_fiche & is_resolu)
rules.add_perm("actions.own_commentaire", in_fil & is_own)
rules.add_perm("actions.rewrite_commentaire", in_fil & is_on_a_live_fiche & is_own_and_unanswered)
rules.add_perm("actions.open_section_ficheaction", is_a_completer & (coordinates_fiche | reviews_fiche))
rules.add_perm("actions.ask_avis_planactions", coordinates_plan | reviews_plan)
rules.add_perm("actions.view_avis", reads_avis)
rules.add_perm("actions.review_avis", reviews_avis)
rules.add_perm("actions.write_avis", is_attendu & reviews_avis)
rules.add_perm("actions.reply_to_reserve", replies_to_reserve)
rules.add_perm("actions.answer_reserve", is_frozen & is_sans_reponse & replies_to_reserve)
rules.add_perm("actions.review_reserve", concludes_reserve)
rules.add_perm("actions.conclude_reserve", is_frozen & ~is_levee & concludes_reserve)


NOBODY = -1
"""Stands for the person in the SQL that is written once."""


@cache
def _unread_sql() -> tuple[str, tuple[Any, ...], ArrayField]:
    """Unread notifications counted by what decides whether the person may read them; ``count_unread`` applies rights.

    Written once: building it, or the whole of ``visible_to``, at each page would cost more than the page has.
    """
    nobody = User(pk=NOBODY)
    mine = Notification.objects.filter(destinataire=nobody).non_lues().shown_to(nobody).order_by()
    rows = (
        mine.annotate(
            contrat=Coalesce("fiche__plan__convention", "plan__convention"),
            cachee=F("fiche__confidentielle"),
            brouillon=Case(
                When(fiche__redaction=Redaction.BROUILLON, then=~Q(genre__in=ADRESSES)),
                default=Value(False),
                output_field=BooleanField(),
            ),
            pilotee=Exists(Pilote.objects.filter(fiche=OuterRef("fiche"), user=nobody)),
        )
        .values("contrat", "cachee", "brouillon", "pilotee")
        .annotate(
            row=JSONObject(
                convention="contrat",
                cachee="cachee",
                brouillon="brouillon",
                pilotee="pilotee",
                n=Count("pk"),
            )
        )
        .values("row")
    )
    sql, params = rows.query.sql_with_params()
    return f"ARRAY({sql})", params, ArrayField(JSONField())


def _unread(user: User) -> RawSQL:
    sql, params, output_field = _unread_sql()
    known = [user.pk if param == NOBODY else param for param in params]
    return RawSQL(sql, known, output_field)  # noqa: S611 - the ORM wrote it, and the key of the person is a parameter


FIGURES["notifications"] = _unread


def count_unread(user: User) -> int:
    """How many notifications the bell says: those of ``Notification.objects.visible_to(user)`` that are not read.

    No query of its own: it is read with the roles.
    """
    return sum(row["n"] for row in figure(user, "notifications") or [] if _may_read(user, row))


def _may_read(user: User, row: dict[str, Any]) -> bool:
    convention = row["convention"]
    if not roles_on(user, convention):
        return False
    if row["cachee"] and not row["pilotee"] and not is_confidential_reader(user, convention):
        return False
    return not row["brouillon"] or row["pilotee"] or has_role(user, convention, [Role.COORDINATION])
