"""Pilotes named without an account, and the act that links a name to the account of the person."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import pghistory
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from actions.models.fiche import FicheAction, Pilote
from actions.models.noms import looks_like
from actions.models.notification import Notification
from conventions.models import Convention, Habilitation, people_of
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError


@dataclass
class NomDePilote:
    """A person named as pilote of fiches of a convention, without an account."""

    cle: str
    pilotes: list[Pilote] = field(default_factory=list)
    comptes: list[User] = field(default_factory=list)
    """The accounts of the convention that look like this name."""

    @property
    def nom(self) -> str:
        return self.pilotes[0].nom

    @property
    def ecritures(self) -> list[str]:
        """The other ways in which the name is written."""
        return sorted({pilote.nom for pilote in self.pilotes} - {self.nom})

    @property
    def fiches(self) -> list[FicheAction]:
        return [pilote.fiche for pilote in self.pilotes]


def plain_names(convention: Convention, people: Iterable[User]) -> list[NomDePilote]:
    """The names without an account on the fiches of ``convention``, in the order of the alphabet; one query.

    ``people`` are the accounts among which those that look alike are found.
    """
    pilotes = (
        Pilote.objects.filter(fiche__plan__convention=convention, user=None)
        .exclude(fiche__redaction=FicheAction.Redaction.ARCHIVEE)
        .select_related("fiche__plan__convention", "fiche__axe")
        .order_by("nom", "fiche__code", "pk")
    )
    found: dict[str, NomDePilote] = {}
    for pilote in pilotes:
        cle = pilote.cle_du_nom
        found.setdefault(cle, NomDePilote(cle)).pilotes.append(pilote)
    accounts = list(people)
    for row in found.values():
        row.comptes = [person for person in accounts if _is_maybe(row.nom, person)]
    return list(found.values())


def _is_maybe(nom: str, person: User) -> bool:
    """The name of the person, or the function under which fiches often name a pilote."""
    return looks_like(nom, person.nom) or looks_like(nom, person.fonction)


def names_like(user: User) -> list[str]:
    """Names without an account, on fiches open to ``user``, that may be theirs: they can ask to be linked."""
    visible = FicheAction.objects.visible_to(user).actives()
    names = Pilote.objects.filter(fiche__in=visible, user=None).values_list("nom", flat=True)
    return sorted({nom for nom in names if _is_maybe(nom, user)})


class RattachementPiloteQuerySet(models.QuerySet["RattachementPilote"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def en_vigueur(self) -> Self:
        return self.filter(defait_le=None)


class RattachementPilote(models.Model):
    """A name of pilote that was linked to an account, on all the fiches of a convention at once; it can be undone.

    The rows of ``Pilote`` keep the name that was written: undoing gives it back.
    """

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="rattachements")
    nom = models.CharField("nom écrit", max_length=150)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="rattachements", verbose_name="compte"
    )
    pilotes = models.ManyToManyField(Pilote, related_name="rattachements", blank=True)
    par = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)
    defait_le = models.DateTimeField("défait le", null=True, blank=True)
    defait_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = RattachementPiloteQuerySet.as_manager()

    class Meta:
        verbose_name = "rattachement d’un pilote"
        verbose_name_plural = "rattachements de pilotes"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="rattachement_defait_par_quelqu_un",
                condition=Q(defait_le=None, defait_par=None)
                | Q(defait_le__isnull=False, defait_par__isnull=False),
                violation_error_message="Un rattachement défait dit par qui.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.nom} → {self.user}"

    @classmethod
    @transaction.atomic
    def link(cls, convention: Convention, cle: str, user: User, *, by: User) -> "RattachementPilote":
        """Link a name (``NomDePilote.cle``) to ``user`` on every fiche of ``convention`` where it stands.

        A fiche that the account already pilots keeps the plain name. Raises ``TransitionError`` when the name is no
        longer there, when every fiche already has the account, or when the account has no role on the convention.
        """
        locked = Pilote.objects.select_for_update().filter(fiche__plan__convention=convention, user=None)
        list(locked.values_list("pk", flat=True))
        if not people_of(convention).filter(pk=user.pk, is_active=True).exists():
            raise TransitionError("Ce compte n’a plus de rôle sur la convention.")
        row = next((row for row in plain_names(convention, []) if row.cle == cle), None)
        if row is None:
            raise TransitionError("Ce nom n’est plus sur aucune fiche : quelqu’un l’a relié ou retiré.")
        held = set(
            Pilote.objects.filter(fiche__plan__convention=convention, user=user).values_list(
                "fiche", flat=True
            )
        )
        linked = []
        for pilote in row.pilotes:
            if pilote.fiche_id not in held:
                held.add(pilote.fiche_id)
                linked.append(pilote)
        if not linked:
            raise TransitionError(f"{user} pilote déjà toutes les fiches où ce nom est écrit.")
        made = cls.objects.create(convention=convention, nom=row.nom, user=user, par=by)
        made.pilotes.set(linked)
        with pghistory.context(par=by.pk):
            Pilote.objects.filter(pk__in=[pilote.pk for pilote in linked]).update(user=user)
        for pilote in linked:
            Notification.objects.tell_pilotes(pilote.fiche, [user], by=by)
        return made

    @transaction.atomic
    def undo(self, *, by: User) -> int:
        """Give the fiches their plain name back, where the account is still the one that was linked; give how many."""
        self.refresh_from_db(from_queryset=RattachementPilote.objects.select_for_update(of=("self",)))
        if self.defait_le:
            raise TransitionError("Ce rattachement est déjà défait.")
        self.defait_le, self.defait_par = timezone.now(), by
        self.save(update_fields=["defait_le", "defait_par"])
        freed = self.pilotes.filter(user=self.user_id).exclude(nom="")
        return freed.update(user=None)


def rights_of_pilote(user: User, convention: Convention, fiches: Iterable[FicheAction]) -> list[str]:
    """What piloting ``fiches`` gives ``user``, in French sentences: a link never opens anything without a word."""
    held = Habilitation.objects.on_convention(convention).filter(user=user)
    roles = set(held.values_list("role", flat=True))
    role = Habilitation.Role
    rows = list(fiches)
    sentences = []
    if role.COORDINATION in roles:
        sentences.append("Coordonne déjà la convention : ses droits ne changent pas.")
    elif role.REDACTION in roles:
        sentences.append(
            "Pourra modifier le texte de ces fiches tant qu’il est ouvert, les envoyer à la CAF, "
            "donner des nouvelles et répondre aux commentaires."
        )
    else:
        labels = ", ".join(sorted(str(role(code).label) for code in roles))
        sentences.append(
            f"Ne pourra rien modifier de plus : son rôle ({labels}) ne permet pas d’écrire dans les fiches. "
            "Pour cela, il faut le rôle « Rédaction »."
        )
    confidential = sum(fiche.confidentielle for fiche in rows)
    if confidential and roles.isdisjoint(Habilitation.LECTEURS_CONFIDENTIELS):
        sentences.append(
            "Pourra lire une fiche confidentielle."
            if confidential == 1
            else f"Pourra lire {confidential} fiches confidentielles."
        )
    sentences.append("Recevra les notifications de ces fiches, sur le portail et par courriel.")
    return sentences
