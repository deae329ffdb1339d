"""What spans several apps, in one transaction: a decision and what it does to fiches, élus who are replaced."""

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pghistory
from django.db import transaction
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from actions.models import FicheAction
from actions.models.fiche import AVANCEMENTS_FINIS
from conventions.models import Convention, Mandat, Organisation, Signataire
from conventions.permissions import Role, administered_organisations, all_roles
from ctg_portal.models import User
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.models import Decision, EffetDecision, MembreInstance, PointOrdreDuJour, Reunion
from governance.models.compte_rendu import require_open_minutes
from governance.models.decision import AVANCEMENTS, PRIORITES

Effet = EffetDecision.Effet


@dataclass(frozen=True)
class EffetDemande:
    """What is asked of one fiche; ``nouvelle_echeance`` only for a report."""

    fiche: FicheAction
    effet: str = Effet.AUCUN
    nouvelle_echeance: datetime.date | None = None


class EffetsRefusesError(TransitionError):
    """Some fiches refuse what is asked. ``refus`` says which (by id) and why; the text says it all."""

    def __init__(self, refus: Sequence[tuple[FicheAction, str]]) -> None:
        self.refus = {fiche.pk: raison for fiche, raison in refus}
        super().__init__(" ".join(f"{fiche} : {raison}" for fiche, raison in refus))


@transaction.atomic
def record_decision(
    *,
    reunion: Reunion,
    by: User,
    nature: str,
    texte: str,
    point: PointOrdreDuJour | None = None,
    responsable: str = "",
    echeance: datetime.date | None = None,
    mode: str = Decision.Mode.CONSENSUS,
    pour: int | None = None,
    contre: int | None = None,
    abstentions: int | None = None,
    effets: Sequence[EffetDemande] = (),
) -> Decision:
    """Number the decision in its series, write it and apply its effects: all of it or nothing.

    ``pour``, ``contre`` and ``abstentions`` are the voices of a vote. Raise ``TransitionError`` when the meeting takes
    no decision now or the vote did not carry its effects, ``EffetsRefusesError`` when fiches refuse.
    """
    if is_voted_down(mode, pour, contre) and changes_fiches(effets):
        raise TransitionError(
            f"La proposition n’est pas adoptée ({pour} pour, {contre} contre)\u00a0: elle ne change aucune fiche. "
            "Choisissez «\u00a0Sans changement\u00a0» pour l’inscrire au registre."
        )
    # One writer at a time allots numbers; NO KEY leaves rows that only refer to the convention alone.
    convention = Convention.objects.select_for_update(no_key=True).get(pk=reunion.instance.convention_id)
    reunion = Reunion.objects.select_for_update(of=("self",)).select_related("instance").get(pk=reunion.pk)
    if not reunion.is_decidable:
        raise TransitionError(
            f"Une réunion « {reunion.get_statut_display().lower()} » ne prend pas de décision :"
            " ouvrez la séance d’abord."
        )
    require_open_minutes(reunion)
    if point is not None and point.reunion_id != reunion.pk:
        raise TransitionError("Ce point n’est pas à l’ordre du jour de cette réunion.")
    serie = Decision.objects.filter(
        convention=convention, annee=reunion.jour.year, serie=reunion.instance.nature
    )
    decision = Decision.objects.create(
        convention=convention,
        reunion=reunion,
        point=point,
        annee=reunion.jour.year,
        serie=reunion.instance.nature,
        rang=(serie.aggregate(last=Max("rang"))["last"] or 0) + 1,
        nature=nature,
        texte=texte,
        responsable=responsable,
        echeance=echeance,
        mode=mode,
        pour=pour,
        contre=contre,
        abstentions=abstentions,
    )
    refus = []
    with pghistory.context(par=by.pk, decision=decision.numero):
        for demande in effets:
            try:
                _apply(demande, decision, by=by)
            except TransitionError as raison:
                refus.append((demande.fiche, str(raison)))
    if refus:
        raise EffetsRefusesError(refus)
    return decision


def is_voted_down(mode: str, pour: int | None, contre: int | None) -> bool:
    """A tie carries nothing."""
    return mode == Decision.Mode.VOTE and (pour or 0) <= (contre or 0)


def changes_fiches(effets: Iterable[EffetDemande]) -> bool:
    """Whether one of them does more than name its fiche."""
    return any(demande.effet != Effet.AUCUN for demande in effets)


@transaction.atomic
def _apply(demande: EffetDemande, decision: Decision, *, by: User) -> None:
    """Change the fiche by its own verb, and keep how it was and how it is."""
    fiche = (
        FicheAction.objects.select_for_update(of=("self",)).select_related("plan").get(pk=demande.fiche.pk)
    )
    if fiche.plan.convention_id != decision.convention_id:
        raise TransitionError("Cette fiche est d’une autre convention.")
    if decision.effets.filter(fiche=fiche).exists():
        raise TransitionError("Cette fiche est déjà dans la décision.")
    avant = _state(fiche, demande.effet)
    if demande.effet in PRIORITES:
        fiche.prioritise(PRIORITES[demande.effet], by=by)
    elif demande.effet == Effet.REPORT:
        if demande.nouvelle_echeance is None:
            raise TransitionError("Un report donne la nouvelle échéance.")
        fiche.postpone(demande.nouvelle_echeance, by=by)
    elif demande.effet == Effet.ABANDON:
        fiche.abandon(by=by, motif=_motif(decision))
    elif demande.effet in AVANCEMENTS:
        fiche.move_avancement(AVANCEMENTS[demande.effet], by=by, motif=_motif(decision))
    EffetDecision.objects.create(
        decision=decision,
        fiche=fiche,
        effet=demande.effet,
        nouvelle_echeance=demande.nouvelle_echeance if demande.effet == Effet.REPORT else None,
        avant=avant,
        apres=_state(fiche, demande.effet),
    )


def _motif(decision: Decision) -> str:
    return f"Décision {decision.numero} : {decision.texte}"


def _state(fiche: FicheAction, effet: str) -> str:
    """What the effect touches, in words; nothing when it touches nothing."""
    if effet in PRIORITES:
        return fiche.get_priorite_display() or "Sans priorité"
    if effet == Effet.REPORT:
        return date_fr(fiche.echeance) if fiche.echeance else "Sans échéance"
    return str(fiche.get_avancement_display()) if effet in AVANCEMENTS else ""


# Élus who are replaced: see docs/decisions/0011.


@dataclass(frozen=True)
class Succession:
    """A mandate that ends; ``nom`` holds the function afterwards, nobody when it is empty."""

    mandat: Mandat
    nom: str = ""


@dataclass
class Renouvellement:
    """What a replacement changes and what keeps the former name: pairs of a convention and a French sentence."""

    changes: list[tuple[Convention, str]] = field(default_factory=list)
    gardes: list[tuple[Convention, str]] = field(default_factory=list)


@transaction.atomic
def renew_mandats(*, successions: Sequence[Succession], date: datetime.date, by: User) -> Renouvellement:
    """End each mandate on ``date``, begin the next one, and write the new name where the function still acts.

    That is: seats of instances, signatures still to come, élu·e référent·e of fiches that are not finished, in the open
    conventions where ``by`` may write. Signed acts, held meetings and closed conventions keep the former name. Raise
    ``TransitionError`` when a mandate changed meanwhile or begins after ``date``.
    """
    if date > timezone.localdate():
        raise TransitionError("La date ne peut pas être à venir : les noms changent dès l’enregistrement.")
    done = Renouvellement()
    with pghistory.context(par=by.pk, renouvellement=date.isoformat()):
        for succession in successions:
            ancien = _end(succession, date)
            conventions = _writable(ancien.organisation, by)
            _renew_seats(ancien, succession.nom, conventions, done)
            _renew_signatures(ancien, succession.nom, conventions, done)
            _renew_fiches(ancien, succession.nom, conventions, by, done)
            _keep(ancien, by, done)
    return done


def preview_renewal(*, successions: Sequence[Succession], date: datetime.date, by: User) -> Renouvellement:
    """The same, from a trial that is rolled back: what is shown before is what happens after."""
    with transaction.atomic():
        done = renew_mandats(successions=successions, date=date, by=by)
        transaction.set_rollback(True)
    return done


def _end(succession: Succession, date: datetime.date) -> Mandat:
    mandat = (
        Mandat.objects.select_for_update(of=("self",))
        .select_related("organisation")
        .filter(pk=succession.mandat.pk)
        .first()
    )
    if mandat is None or mandat.nom != succession.mandat.nom or not mandat.is_courant:
        raise TransitionError(
            f"Le mandat de {succession.mandat.nom} a changé entre-temps : rechargez la page et recommencez."
        )
    if mandat.debut and mandat.debut >= date:
        raise TransitionError(
            f"Le mandat de {mandat.nom} commence le {date_fr(mandat.debut)} : il ne peut pas finir le {date_fr(date)}."
        )
    mandat.fin = date
    mandat.save(update_fields=["fin", "updated_at"])
    if succession.nom:
        Mandat.objects.create(
            organisation=mandat.organisation,
            fonction=mandat.fonction,
            nom=succession.nom,
            debut=date,
            ordre=mandat.ordre,
        )
    return mandat


def _writable(organisation: Organisation, by: User) -> QuerySet[Convention]:
    """Open conventions in which ``by`` may write the names of the organisation’s élus."""
    conventions = Convention.objects.ouvertes().select_related("territoire")
    if by.is_superuser:
        return conventions
    roles = {Role.COORDINATION}
    if organisation.pk in administered_organisations(by):
        roles.add(Role.ADMINISTRATION)
    return conventions.filter(pk__in=[pk for pk, held in all_roles(by).items() if held & roles])


def _towards(ancien: str, nom: str) -> str:
    return f"{ancien} → {nom}" if nom else f"{ancien} → sans nom"


def _renew_seats(mandat: Mandat, nom: str, conventions: QuerySet[Convention], done: Renouvellement) -> None:
    sieges = (
        MembreInstance.objects.select_for_update(of=("self",))
        .select_related("instance__convention__territoire")
        .filter(organisation=mandat.organisation, instance__convention__in=conventions)
        .filter(Q(nom__iexact=mandat.nom) | Q(nom="", user__nom__iexact=mandat.nom))
    )
    for siege in sieges:
        named = nom if siege.nom else ""
        place = f"{siege.instance} : siège « {siege.fonction} »"
        same = MembreInstance.objects.filter(
            instance=siege.instance,
            organisation=siege.organisation_id,
            fonction=siege.fonction,
            nom=named,
            qualite=siege.qualite,
        ).exclude(pk=siege.pk)
        if same.exists():
            done.gardes.append(
                (
                    siege.instance.convention,
                    f"{place} : {named or 'sans nom'} y est déjà, {siege.nom} reste à retirer",
                )
            )
            continue
        # The account was the former holder’s.
        # An address may be that of who leaves: nobody is convened in their place.
        siege.nom, siege.user, siege.email = named, None, ""
        siege.save(update_fields=["nom", "user", "email"])
        done.changes.append((siege.instance.convention, f"{place}, {_towards(mandat.nom, nom)}"))


def _renew_signatures(
    mandat: Mandat, nom: str, conventions: QuerySet[Convention], done: Renouvellement
) -> None:
    signataires = (
        Signataire.objects.actuels()
        .select_for_update(of=("self",))
        .select_related("convention__territoire", "organisation")
        .filter(organisation=mandat.organisation, convention__in=conventions, signe_le=None)
        .filter(representant__iexact=mandat.nom)
    )
    for signataire in signataires:
        signataire.representant = nom
        signataire.save(update_fields=["representant"])
        done.changes.append(
            (
                signataire.convention,
                f"Signature à venir de {signataire.organisation}, {_towards(mandat.nom, nom)}",
            )
        )


def _renew_fiches(
    mandat: Mandat, nom: str, conventions: QuerySet[Convention], by: User, done: Renouvellement
) -> None:
    fiches = (
        FicheAction.objects.visible_to(by)
        .actives()
        .exclude(avancement__in=AVANCEMENTS_FINIS)
        .filter(
            plan__convention__in=conventions.naming(mandat.organisation).values("pk"),  # type: ignore[attr-defined]  # a word of its queryset
            elu_referent__icontains=mandat.nom,
        )
    )
    locked = FicheAction.objects.select_for_update(of=("self",)).select_related(
        "plan__convention__territoire"
    )
    for fiche in locked.filter(pk__in=fiches.values("pk")).order_by("pk"):
        renamed = rename(fiche.elu_referent, mandat.nom, nom)
        if renamed == fiche.elu_referent:
            continue
        if len(renamed) > 150:
            raise TransitionError(f"Le nom est trop long pour la fiche {fiche} : écrivez-le plus court.")
        fiche.elu_referent = renamed
        fiche.save(update_fields=["elu_referent", "updated_at"])
        done.changes.append(
            (fiche.plan.convention, f"Fiche {fiche} : élu·e référent·e, {_towards(mandat.nom, nom)}")
        )


def rename(text: str, ancien: str, nom: str) -> str:
    """``text`` with the whole name ``ancien`` replaced, whatever its case; the sign left beside an empty name goes too."""
    renamed = re.sub(rf"(?<!\w){re.escape(ancien)}(?!\w)", lambda _: nom, text, flags=re.IGNORECASE)
    return renamed if nom or renamed == text else renamed.strip(" ,;:–-")


def _keep(mandat: Mandat, by: User, done: Renouvellement) -> None:
    """What stays under the former name, in the conventions open to ``by``."""
    visible = Convention.objects.visible_to(by)
    signed = (
        Signataire.objects.filter(
            organisation=mandat.organisation, convention__in=visible, representant__iexact=mandat.nom
        )
        .exclude(signe_le=None)
        .select_related("convention__territoire")
    )
    done.gardes += [
        (row.convention, f"Signature du {date_fr(row.signe_le)} : {mandat.nom}") for row in signed
    ]
    held: Iterable[Reunion] = (
        Reunion.objects.visible_to(by)
        .filter(statut__in=(Reunion.Statut.TENUE, Reunion.Statut.DIFFUSEE))
        .filter(Q(president__icontains=mandat.nom) | Q(secretaire__icontains=mandat.nom))
        .select_related("instance__convention__territoire")
        .order_by("-debut")[:50]
    )
    done.gardes += [(row.convention, f"{row}, réunion tenue : {mandat.nom}") for row in held]
