"""What people send to fill a plan from a spreadsheet: the workbook that comes back, or a plan made elsewhere."""

import datetime
import hashlib
import uuid
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Habilitation, Territoire
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import require_transition

GARDE = datetime.timedelta(days=14)
"""How long a file that nobody confirmed is kept."""
TRANSITIONS_ENVOI = {"a_confirmer": frozenset({"confirme", "abandonne"})}


class EnvoiPlanQuerySet(models.QuerySet["EnvoiPlan"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def read_by(self, user: User) -> Self:
        """One's own files; what others wrote is read by the coordination, who reads every fiche."""
        coordinated = Habilitation.objects.filter(user=user, role=Habilitation.Role.COORDINATION)
        return self.visible_to(user).filter(
            Q(auteur=user) | Q(statut="confirme", convention__in=coordinated.values("convention"))
        )

    def for_list(self) -> Self:
        """The latest first, without the files and the reports themselves."""
        return self.select_related("auteur", "convention").defer("contenu", "rapport").order_by("-created_at")

    def vivants(self) -> Self:
        """Without the files that waited too long."""
        return self.exclude(statut="a_confirmer", created_at__lt=timezone.now() - GARDE)

    def perimes(self) -> Self:
        return self.filter(created_at__lt=timezone.now() - GARDE).exclude(statut="confirme")


class EnvoiPlan(TimestampedModel):
    """A workbook that somebody sends to change a plan, or to fill it: read, shown, then confirmed or dropped.

    ``contenu`` is the file as it came, forgotten once it is written or dropped; ``reponses`` (JSON) what the person chose on
    the way (sheet, columns, conflicts); ``rapport`` (JSON) what was done with each cell. Nothing is written before.
    """

    class Nature(models.TextChoices):
        RETOUR = "retour", "Classeur renvoyé"
        PLAN = "plan", "Plan importé"

    class Statut(models.TextChoices):
        A_CONFIRMER = "a_confirmer", "À confirmer"
        CONFIRME = "confirme", "Écrit dans le plan"
        ABANDONNE = "abandonne", "Abandonné"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    convention = models.ForeignKey(Convention, models.CASCADE, related_name="envois_plan")
    nature = models.CharField("nature", max_length=10, choices=Nature)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.A_CONFIRMER)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    contenu = models.BinaryField("fichier")
    sha256 = models.CharField("empreinte SHA-256", max_length=64)
    reponses = models.JSONField("réponses", default=dict, blank=True)
    resume = models.CharField("résumé", max_length=300, blank=True)
    rapport = models.JSONField("rapport", default=dict, blank=True)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="envois_plan", verbose_name="envoyé par"
    )
    confirme_le = models.DateTimeField("confirmé le", null=True, blank=True)

    objects = EnvoiPlanQuerySet.as_manager()

    class Meta:
        verbose_name = "envoi de classeur"
        verbose_name_plural = "envois de classeurs"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="envoiplan_confirme_date",
                condition=Q(statut="confirme", confirme_le__isnull=False)
                | (~Q(statut="confirme") & Q(confirme_le=None)),
                violation_error_message="Un envoi confirmé porte la date de sa confirmation.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_nature_display()} : {self.nom_fichier}"

    def get_absolute_url(self) -> str:
        return reverse("actions:envoi", args=[self.convention.code, self.pk])

    @property
    def is_a_decrire(self) -> bool:
        """A plan made elsewhere whose columns nobody has described yet."""
        return self.nature == self.Nature.PLAN and self.statut == self.Statut.A_CONFIRMER and not self.rapport

    @property
    def garde_jusquau(self) -> datetime.datetime:
        """Until when the file waits for its confirmation."""
        return self.created_at + GARDE

    @classmethod
    def keep(cls, *, convention: Convention, nature: str, nom: str, contenu: bytes, by: User) -> "EnvoiPlan":
        """Keep a file to confirm; those that waited too long are forgotten."""
        cls.objects.perimes().delete()
        return cls.objects.create(
            convention=convention,
            nature=nature,
            nom_fichier=nom[-200:],
            contenu=contenu,
            sha256=hashlib.sha256(contenu).hexdigest(),
            auteur=by,
        )

    def lock(self) -> None:
        """Read the row again, and hold it: what is no longer to confirm is said to be so."""
        self.refresh_from_db(from_queryset=EnvoiPlan.objects.select_for_update(of=("self",)))
        require_transition(
            TRANSITIONS_ENVOI,
            self.statut,
            self.Statut.CONFIRME,
            refus=f"Cet envoi est déjà « {self.get_statut_display().lower()} » : rien n’est écrit une seconde fois.",
        )

    @transaction.atomic
    def answer(self, reponses: dict[str, Any], *, by: User) -> None:
        """Keep what ``by`` chose; what was chosen before and is not asked now stays."""
        self.lock()
        self.reponses = self.reponses | reponses
        self.save(update_fields=["reponses", "updated_at"])

    @transaction.atomic
    def drop(self, *, by: User) -> None:
        """Nothing will be written: the file is forgotten."""
        self.lock()
        self.statut = self.Statut.ABANDONNE
        self.contenu = b""
        self.save(update_fields=["statut", "contenu", "updated_at"])

    def record(self, resume: str, rapport: dict[str, Any]) -> None:
        """It is written: keep what was done, forget the file. Called under ``lock``."""
        self.statut = self.Statut.CONFIRME
        self.confirme_le = timezone.now()
        self.resume, self.rapport, self.contenu = resume, rapport, b""
        self.save(update_fields=["statut", "confirme_le", "resume", "rapport", "contenu", "updated_at"])


class CorrespondancePlan(TimestampedModel):
    """What the columns of a plan mean, as somebody said it once: offered again for the same head on the same territoire.

    ``entete`` is the SHA-256 of the normalised head; ``colonnes`` (JSON) the field of each column, by rank.
    """

    territoire = models.ForeignKey(Territoire, models.CASCADE, related_name="correspondances_plan")
    entete = models.CharField("empreinte de l’en-tête", max_length=64)
    intitule = models.CharField("nom", max_length=150)
    colonnes = models.JSONField("colonnes", default=list)

    class Meta:
        verbose_name = "correspondance de colonnes d’un plan"
        verbose_name_plural = "correspondances de colonnes de plans"
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["territoire", "entete"],
                name="correspondanceplan_unique",
                violation_error_message="Ces colonnes ont déjà une correspondance.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule
