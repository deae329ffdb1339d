from typing import Self

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from conventions.models.convention import Convention
from conventions.models.fichiers import FichierAConfirmer
from ctg_portal.models import User


class ImportationQuerySet(models.QuerySet["Importation"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def for_list(self) -> Self:
        """The latest first, without the files and the reports themselves."""
        return self.select_related("auteur", "convention").defer("contenu", "rapport").order_by("-created_at")


class Importation(FichierAConfirmer):
    """A file of rows that somebody sends: read, shown, then confirmed or dropped. Its report is kept.

    ``contenu`` is the file as it came (of one of all of France, what concerns the territoire), ``reponses`` what the
    person answered where it was ambiguous (JSON), ``rapport`` what was done with each row (JSON) once confirmed.
    Nothing is written before.
    """

    class Nature(models.TextChoices):
        EQUIPEMENTS = "equipements", "Équipements"
        FINANCEMENTS = "financements", "Financements"
        CHIFFRES = "chiffres", "Chiffres du diagnostic"

    class Statut(models.TextChoices):
        A_CONFIRMER = "a_confirmer", "À confirmer"
        CONFIRMEE = "confirmee", "Confirmée"
        ABANDONNEE = "abandonnee", "Abandonnée"

    CONFIRME, ABANDONNE = Statut.CONFIRMEE.value, Statut.ABANDONNEE.value

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="importations")
    nature = models.CharField("nature", max_length=15, choices=Nature)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.A_CONFIRMER)
    rapport = models.JSONField("rapport", default=list, blank=True)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="importations", verbose_name="envoyée par"
    )
    confirmee_le = models.DateTimeField("confirmée le", null=True, blank=True)

    objects = ImportationQuerySet.as_manager()

    class Meta:
        verbose_name = "importation"
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                name="importation_confirmee_datee",
                condition=models.Q(statut="confirmee", confirmee_le__isnull=False)
                | (~models.Q(statut="confirmee") & models.Q(confirmee_le=None)),
                violation_error_message="Une importation confirmée porte la date de sa confirmation.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_nature_display()} : {self.nom_fichier}"

    def get_absolute_url(self) -> str:
        return reverse("conventions:importation", args=[self.convention.code, self.pk])

    @property
    def deja(self) -> str:
        return f"Cette importation est déjà {self.get_statut_display().lower()}"

    def record(self, rapport: list[dict[str, object]]) -> None:
        """The rows are written: keep what was done with each. Called under ``lock``."""
        self.close(self.CONFIRME, confirmee_le=timezone.now(), rapport=rapport)
