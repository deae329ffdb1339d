import uuid
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone

from conventions.models.convention import Convention
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import require_transition

TRANSITIONS_IMPORTATION = {"a_confirmer": frozenset({"confirmee", "abandonnee"})}


class ImportationQuerySet(models.QuerySet["Importation"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def for_list(self) -> Self:
        """The latest first, without the files and the reports themselves."""
        return self.select_related("auteur", "convention").defer("contenu", "rapport").order_by("-created_at")


class Importation(TimestampedModel):
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

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    convention = models.ForeignKey(Convention, models.CASCADE, related_name="importations")
    nature = models.CharField("nature", max_length=15, choices=Nature)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.A_CONFIRMER)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    contenu = models.BinaryField("fichier")
    sha256 = models.CharField("empreinte SHA-256", max_length=64)
    reponses = models.JSONField("réponses", default=dict, blank=True)
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

    def lock(self) -> None:
        """Read the row again, and hold it: what is no longer to confirm is said to be so."""
        self.refresh_from_db(from_queryset=Importation.objects.select_for_update(of=("self",)))
        require_transition(
            TRANSITIONS_IMPORTATION,
            self.statut,
            self.Statut.CONFIRMEE,
            refus=f"Cette importation est déjà {self.get_statut_display().lower()} : rien n’est écrit une seconde fois.",
        )

    @transaction.atomic
    def answer(self, reponses: dict[str, str], *, by: User) -> None:
        """Keep what ``by`` answers to the questions of the file; what was answered before and not asked now stays."""
        self.lock()
        self.reponses = self.reponses | reponses
        self.save(update_fields=["reponses", "updated_at"])

    @transaction.atomic
    def drop(self, *, by: User) -> None:
        """Nothing will be written. The file stays, with who sent it."""
        self.lock()
        self.statut = self.Statut.ABANDONNEE
        self.save(update_fields=["statut", "updated_at"])

    def record(self, rapport: list[dict[str, object]]) -> None:
        """The rows are written: keep what was done with each. Called under ``lock``."""
        self.statut = self.Statut.CONFIRMEE
        self.confirmee_le = timezone.now()
        self.rapport = rapport
        self.save(update_fields=["statut", "confirmee_le", "rapport", "updated_at"])
