"""What people send to fill a plan from a spreadsheet: the workbook that comes back, or a plan made elsewhere."""

import datetime
import hashlib
from typing import Any, Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, FichierAConfirmer, Habilitation, Territoire
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError

GARDE = datetime.timedelta(days=14)
"""How long a file that nobody confirmed is kept."""
FINI: dict[str, Any] = {"travail": "", "travail_depuis": None, "total": 0, "faites": 0}
"""Nothing is waited for."""
TRAVAIL = tuple(FINI)


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


class EnvoiPlan(FichierAConfirmer):
    """A workbook that somebody sends to change a plan, or to fill it: read, shown, then confirmed or dropped.

    ``contenu`` is the file as it came, forgotten once it is written or dropped; ``reponses`` (JSON) what the person chose on
    the way (sheet, columns, conflicts); ``rapport`` (JSON) what was done with each cell. Nothing is written before.

    A long file is read and written by the worker: ``travail`` is what it waits for, ``echec`` why the last one stopped.
    """

    class Nature(models.TextChoices):
        RETOUR = "retour", "Classeur renvoyé"
        PLAN = "plan", "Plan importé"

    class Statut(models.TextChoices):
        A_CONFIRMER = "a_confirmer", "À confirmer"
        CONFIRME = "confirme", "Écrit dans le plan"
        ABANDONNE = "abandonne", "Abandonné"

    class Travail(models.TextChoices):
        LECTURE = "lecture", "Lecture"
        ECRITURE = "ecriture", "Écriture"

    CONFIRME, ABANDONNE = Statut.CONFIRME.value, Statut.ABANDONNE.value

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="envois_plan")
    nature = models.CharField("nature", max_length=10, choices=Nature)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.A_CONFIRMER)
    resume = models.CharField("résumé", max_length=300, blank=True)
    rapport = models.JSONField("rapport", default=dict, blank=True)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="envois_plan", verbose_name="envoyé par"
    )
    confirme_le = models.DateTimeField("confirmé le", null=True, blank=True)
    travail = models.CharField("travail en cours", max_length=10, choices=Travail, blank=True)
    travail_depuis = models.DateTimeField("travail demandé le", null=True, blank=True)
    total = models.PositiveIntegerField("lignes à lire", default=0)
    faites = models.PositiveIntegerField("lignes lues", default=0)
    echec = models.CharField("dernier refus", max_length=500, blank=True)

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
            ),
            models.CheckConstraint(
                name="envoiplan_travail_date",
                condition=Q(travail="", travail_depuis=None)
                | (~Q(travail="") & Q(travail_depuis__isnull=False, statut="a_confirmer")),
                violation_error_message="Un travail demandé porte sa date, et l’envoi n’est pas terminé.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_nature_display()} : {self.nom_fichier}"

    def get_absolute_url(self) -> str:
        return reverse("actions:envoi", args=[self.convention.code, self.pk])

    @property
    def is_a_decrire(self) -> bool:
        """A plan made elsewhere whose columns nobody has described yet."""
        waits = self.statut == self.Statut.A_CONFIRMER and not self.travail
        return self.nature == self.Nature.PLAN and waits and not self.rapport

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

    @property
    def deja(self) -> str:
        return f"Cet envoi est déjà « {self.get_statut_display().lower()} »"

    def hold(self) -> None:
        """What is being written is left alone."""
        super().hold()
        if self.travail == self.Travail.ECRITURE:
            raise TransitionError(
                "Ce fichier est en train d’être écrit dans le plan : attendez son compte rendu."
            )

    @transaction.atomic
    def drop(self, *, by: User) -> None:
        """Nothing will be written: the file is forgotten."""
        self.hold()
        self.close(self.ABANDONNE, contenu=b"", **FINI)

    @transaction.atomic
    def entrust(self, travail: str, reponses: dict[str, Any], *, total: int, by: User) -> None:
        """Leave ``travail`` to the worker, with what was answered. Another reading forgets the preview of the first."""
        self.hold()
        self.reponses = self.reponses | reponses
        self.travail, self.travail_depuis = travail, timezone.now()
        self.total, self.faites, self.echec = total, 0, ""
        if travail == self.Travail.LECTURE:
            self.rapport = {}
        self.save(update_fields=["reponses", "rapport", *TRAVAIL, "echec", "updated_at"])

    def mark(self, faites: int, *, since: datetime.datetime | None) -> None:
        """How far what was asked at ``since`` is; nothing is said of another."""
        self._asked(since).update(faites=min(faites, self.total))

    def show(self, rapport: dict[str, Any], *, since: datetime.datetime | None = None) -> None:
        """Keep the preview, unless something else was asked after ``since``."""
        if self._asked(since).update(rapport=rapport, echec="", **FINI, updated_at=timezone.now()):
            for name, value in ({"rapport": rapport, "echec": ""} | FINI).items():
                setattr(self, name, value)

    def give_up(self, echec: str, *, since: datetime.datetime | None) -> None:
        """What was asked at ``since`` cannot be done, and why."""
        self._asked(since).update(echec=echec[:500], **FINI, updated_at=timezone.now())

    def _asked(self, since: datetime.datetime | None) -> "EnvoiPlanQuerySet":
        return EnvoiPlan.objects.filter(pk=self.pk, travail_depuis=since, statut=EnvoiPlan.Statut.A_CONFIRMER)

    def record(self, resume: str, rapport: dict[str, Any]) -> None:
        """It is written: keep what was done, forget the file. Called under ``lock``."""
        kept = {"resume": resume, "rapport": rapport, "contenu": b"", "echec": ""}
        self.close(self.CONFIRME, confirme_le=timezone.now(), **kept, **FINI)


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
