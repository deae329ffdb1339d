"""Who is expected at a meeting and what they answered: copied from the seats, then apart."""

import functools
import secrets
from collections.abc import Sequence
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Organisation
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import TransitionError
from governance.models.instance import MembreInstance
from governance.models.reunion import Reunion

new_key = functools.partial(secrets.token_urlsafe, 32)
"""256 random bits, for an address."""


class PresenceQuerySet(models.QuerySet["Presence"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(reunion__instance__convention__in=Convention.objects.visible_to(user))

    def for_page(self) -> Self:
        return self.select_related("organisation", "membre", "user", "pouvoir_a", "repondu_par")

    def with_told(self, natures: Sequence[str], statuts: Sequence[str]) -> Self:
        """Annotate ``nb_recus``: e-mails of these natures, of which came one of these."""
        told = Q(destinataires__envoi__nature__in=natures, destinataires__statut__in=statuts)
        return self.annotate(nb_recus=Count("destinataires", filter=told))

    def answering(self, cle: str) -> "Presence | None":
        """The person whose secret address this is, with their meeting."""
        return self.filter(cle=cle).select_related("reunion__instance__convention__territoire").first()


class Presence(TimestampedModel, Ordered):
    """A person expected at a meeting, as they were when it was convened. No account is needed.

    ``structure``, ``fonction``, ``nom`` and ``email`` are copies: a seat given to somebody else later, an organisation
    renamed, change no meeting. ``cle`` is a secret address: whoever holds it answers for this person, and nothing else.
    """

    class Qualite(models.TextChoices):
        TITULAIRE = "titulaire", "Titulaire"
        SUPPLEANT = "suppleant", "Suppléant·e"
        INVITE = "invite", "Invité·e"

    class Voix(models.TextChoices):
        DELIBERATIVE = "deliberative", "Voix délibérative"
        CONSULTATIVE = "consultative", "Voix consultative"
        AUCUNE = "aucune", "Sans voix"

    class Reponse(models.TextChoices):
        ATTENTE = "attente", "Pas encore répondu"
        PRESENT = "present", "Présent·e"
        EXCUSE = "excuse", "Excusé·e"
        POUVOIR = "pouvoir", "Donne pouvoir"

    class Etat(models.TextChoices):
        PRESENT = "present", "Présent·e"
        EXCUSE = "excuse", "Excusé·e"
        ABSENT = "absent", "Absent·e"
        REPRESENTE = "represente", "Représenté·e"

    reunion = models.ForeignKey(Reunion, models.CASCADE, related_name="presences", verbose_name="réunion")
    membre = models.ForeignKey(
        MembreInstance, models.SET_NULL, null=True, blank=True, related_name="presences", verbose_name="siège"
    )
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="presences"
    )
    structure = models.CharField(
        "organisation, telle que nommée alors",
        max_length=255,
        blank=True,
    )
    fonction = models.CharField("fonction", max_length=150)
    nom = models.CharField("prénom et nom", max_length=150, blank=True)
    email = models.EmailField("adresse électronique", max_length=254, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="presences",
        verbose_name="compte",
    )
    qualite = models.CharField("qualité", max_length=10, choices=Qualite, default=Qualite.TITULAIRE)
    voix = models.CharField("voix", max_length=15, choices=Voix, default=Voix.DELIBERATIVE)
    reponse = models.CharField("réponse", max_length=10, choices=Reponse, default=Reponse.ATTENTE)
    repondu_le = models.DateTimeField("répondu le", null=True, blank=True)
    repondu_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="réponse notée par",
        help_text="Vide quand la personne a répondu elle-même.",
    )
    pouvoir_a = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="pouvoirs",
        verbose_name="donne pouvoir à",
    )
    mot = models.CharField("mot pour la coordination", max_length=300, blank=True)
    etat = models.CharField("en séance", max_length=10, choices=Etat, blank=True)
    cle = models.CharField("clé", max_length=64, unique=True, default=new_key, editable=False)

    nb_recus: int
    """Given by ``with_told()``."""

    objects = PresenceQuerySet.as_manager()

    class Meta:
        verbose_name = "personne attendue"
        verbose_name_plural = "personnes attendues"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["reunion", "membre"],
                name="presence_siege_unique",
                violation_error_message="Ce siège est déjà dans la liste de cette réunion.",
            ),
            models.CheckConstraint(
                name="presence_pouvoir_pas_a_soi",
                condition=Q(pouvoir_a=None) | ~Q(pouvoir_a=models.F("pk")),
                violation_error_message="On ne se donne pas pouvoir à soi-même.",
            ),
            models.CheckConstraint(
                name="presence_pouvoir_reponse",
                condition=Q(pouvoir_a=None) | Q(reponse="pouvoir") | Q(etat="represente"),
                violation_error_message="Un pouvoir va avec la réponse « donne pouvoir ».",
            ),
            models.CheckConstraint(
                name="presence_invite_sans_voix",
                condition=Q(qualite="invite", voix="aucune") | (~Q(qualite="invite") & ~Q(voix="aucune")),
                violation_error_message="Une personne invitée n’a pas de voix ; un membre en a une.",
            ),
        ]

    def __str__(self) -> str:
        who = self.nom or self.fonction
        return f"{who} ({self.structure})" if self.structure else who

    def get_absolute_url(self) -> str:
        return reverse("governance:presences", args=[self.reunion.convention.code, self.reunion_id])

    @property
    def convention(self) -> Convention:
        return self.reunion.instance.convention

    @property
    def person(self) -> tuple[str, str]:
        """The same for two seats held by one person, who gets one e-mail and answers once."""
        if self.user_id:
            return "compte", str(self.user_id)
        if self.email and self.nom:
            return self.email.casefold(), " ".join(self.nom.casefold().split())
        return "siege", str(self.pk)

    @property
    def has_voice(self) -> bool:
        return self.voix == self.Voix.DELIBERATIVE

    @property
    def may_give_pouvoir(self) -> bool:
        """Those who vote in their own name; a suppléant votes in the name of a titulaire."""
        return self.has_voice and self.qualite == self.Qualite.TITULAIRE

    @property
    def role(self) -> str:
        """« titulaire, voix délibérative » ; « invité·e »."""
        if self.qualite == self.Qualite.INVITE:
            return self.get_qualite_display().lower()
        return f"{self.get_qualite_display()}, {self.get_voix_display()}".lower()

    @property
    def reponse_phrase(self) -> str:
        """« Donne pouvoir à Jeanne Martin (Commune de Salviac) »."""
        if self.reponse != self.Reponse.POUVOIR:
            return self.get_reponse_display()
        return f"Donne pouvoir à {self.pouvoir_a}" if self.pouvoir_a else "Donne pouvoir, sans dire à qui"

    @property
    def reponse_suite(self) -> str:
        """The same within a sentence: names keep their capitals."""
        phrase = self.reponse_phrase
        return phrase[:1].lower() + phrase[1:]

    def is_answerable(self) -> bool:
        """Until the meeting is open, cancelled or past."""
        return self.reunion.is_repondable and self.reunion.debut > timezone.now()

    @transaction.atomic
    def respond(
        self, reponse: str, *, pouvoir_a: "Presence | None" = None, mot: str = "", by: User | None = None
    ) -> None:
        """Keep the answer, for every seat of the person. ``by`` is who noted it for somebody else.

        Raise ``TransitionError`` when the meeting takes no answer any more, or when the pouvoir cannot be given.
        """
        # One writer at a time: two people cannot give their pouvoir to the same third.
        reunion = (
            Reunion.objects.select_for_update(of=("self",)).select_related("instance").get(pk=self.reunion_id)
        )
        if not reunion.is_repondable:
            raise TransitionError(closed_sentence(reunion))
        if by is None and reunion.debut <= timezone.now():
            raise TransitionError("L’heure de la réunion est passée : prévenez la coordination.")
        seats = [row for row in reunion.presences.all() if row.pk == self.pk or row.person == self.person]
        if reponse == self.Reponse.POUVOIR:
            self._check_pouvoir(pouvoir_a, seats, reunion)
        now = timezone.now()
        for seat in seats:
            # The pouvoir is of the seats that vote: elsewhere the person is simply away.
            gives = reponse == self.Reponse.POUVOIR and seat.may_give_pouvoir
            given = self.Reponse.EXCUSE if reponse == self.Reponse.POUVOIR and not gives else reponse
            values = {
                "reponse": given,
                "pouvoir_a": pouvoir_a if gives else None,
                "mot": mot,
                "repondu_le": None if reponse == self.Reponse.ATTENTE else now,
                "repondu_par": by if reponse != self.Reponse.ATTENTE else None,
                "updated_at": now,
            }
            Presence.objects.filter(pk=seat.pk).update(**values)
        self.refresh_from_db()

    def _check_pouvoir(
        self, holder: "Presence | None", seats: Sequence["Presence"], reunion: Reunion
    ) -> None:
        if not any(seat.may_give_pouvoir for seat in seats):
            raise TransitionError("Seul un membre titulaire, à voix délibérative, peut donner pouvoir.")
        if holder is None:
            raise TransitionError("Dites à qui vous donnez pouvoir.")
        if holder.reunion_id != self.reunion_id or not holder.has_voice:
            raise TransitionError("Cette personne ne peut pas recevoir de pouvoir pour cette réunion.")
        if any(holder.pk == seat.pk or holder.person == seat.person for seat in seats):
            raise TransitionError("On ne se donne pas pouvoir à soi-même.")
        if holder.reponse in (self.Reponse.EXCUSE, self.Reponse.POUVOIR):
            raise TransitionError(f"{holder} ne sera pas là : choisissez quelqu’un d’autre.")
        held = [row for row in reunion.presences.all() if row.pouvoir_a_id]
        holders = {row.pk for row in reunion.presences.all() if row.person == holder.person}
        own = {seat.pk for seat in seats}
        already = len([row for row in held if row.pouvoir_a_id in holders and row.pk not in own])
        if already >= reunion.instance.pouvoirs_max:
            raise TransitionError(too_many_pouvoirs(holder, reunion.instance.pouvoirs_max))


def too_many_pouvoirs(holder: Presence, at_most: int) -> str:
    """Why this person holds no pouvoir more, where each holds ``at_most``."""
    if not at_most:
        return "Cette instance n’admet pas de pouvoir\u00a0: changez cette réponse."
    if at_most == 1:
        return f"{holder} a déjà reçu un pouvoir, et n’en tient qu’un\u00a0: choisissez quelqu’un d’autre."
    return f"{holder} a déjà reçu {at_most} pouvoirs, le plus qu’on en tienne ici\u00a0: choisissez quelqu’un d’autre."


def closed_sentence(reunion: Reunion) -> str:
    """Why no answer is taken any more."""
    if reunion.statut == Reunion.Statut.ANNULEE:
        return "Cette réunion est annulée : il n’y a plus à répondre."
    return "Les réponses sont closes : la séance est ouverte, ou passée."
