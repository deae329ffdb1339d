from pathlib import Path
from typing import Self

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from conventions.models.convention import Convention
from ctg_portal.models import TimestampedModel, User


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def courants(self) -> Self:
        """The last version of each, without those that were withdrawn."""
        return self.filter(remplace_par=None, retire_le=None)

    def publics(self) -> Self:
        """What anyone may read, without an account: public, not withdrawn, of a convention that was signed."""
        return self.courants().filter(visibilite=Document.Visibilite.PUBLIC)

    def for_list(self) -> Self:
        by_date = models.F("date").desc(nulls_last=True)
        return self.select_related("convention__territoire", "auteur").order_by(by_date, "-created_at", "pk")


@pghistory.track(exclude=["fichier"])
class Document(TimestampedModel):
    """A file that somebody deposited in the library of a convention. A new version replaces it; nothing is deleted.

    The kind of file was recognised by its content when it came (``ctg_portal.depots``), never by its name.
    It is kept under a name drawn at random; the name it came with is ``nom_fichier``.
    """

    class Nature(models.TextChoices):
        CONVENTION = "convention", "Convention signée"
        SIGNATURE = "signature", "Exemplaire signé d’un signataire"
        AVENANT = "avenant", "Avenant signé"
        DELIBERATION = "deliberation", "Délibération"
        DIAGNOSTIC = "diagnostic", "Diagnostic"
        PLAN = "plan", "Plan d’actions"
        COMPTE_RENDU = "compte_rendu", "Compte rendu"
        BILAN = "bilan", "Bilan, évaluation"
        COF = "cof", "Convention d’objectifs et de financement"
        ETUDE = "etude", "Étude, schéma"
        COMMUNICATION = "communication", "Communication"
        AUTRE = "autre", "Autre document"

    class Visibilite(models.TextChoices):
        RESERVE = "reserve", "Réservé à ceux qui suivent la convention"
        PUBLIC = "public", "Public"

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="documents_deposes")
    nature = models.CharField("nature", max_length=15, choices=Nature, default=Nature.AUTRE)
    titre = models.CharField("titre", max_length=200)
    date = models.DateField("date du document", null=True, blank=True)
    visibilite = models.CharField("visibilité", max_length=10, choices=Visibilite, default=Visibilite.RESERVE)
    version = models.PositiveSmallIntegerField("version", default=1)
    remplace = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="remplace_par",
        verbose_name="remplace",
    )
    fichier = models.FileField("fichier", upload_to="documents/%Y/", max_length=200)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    type_mime = models.CharField("type", max_length=100)
    taille = models.PositiveBigIntegerField("taille (octets)")
    sha256 = models.CharField("empreinte SHA-256", max_length=64)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="documents_deposes", verbose_name="déposé par"
    )
    retire_le = models.DateTimeField("retiré le", null=True, blank=True, editable=False)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "document déposé"
        verbose_name_plural = "documents déposés"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="document_titre_non_vide",
                condition=~Q(titre=""),
                violation_error_message="Un document a un titre.",
            ),
            models.CheckConstraint(
                name="document_version_suivante",
                condition=Q(remplace=None, version=1) | Q(remplace__isnull=False, version__gt=1),
                violation_error_message="Une nouvelle version remplace la précédente.",
            ),
        ]

    def __str__(self) -> str:
        return self.titre

    def get_absolute_url(self) -> str:
        return reverse("conventions:document_file", args=[self.convention.code, self.pk])

    @property
    def extension(self) -> str:
        """« PDF », « DOCX »…"""
        return Path(self.fichier.name or "").suffix.lstrip(".").upper()

    @property
    def is_retire(self) -> bool:
        return self.retire_le is not None

    def withdraw(self, *, by: User) -> None:
        """Take it out of the library; the row and the file stay."""
        self.retire_le = timezone.now()
        with pghistory.context(par=by.pk):
            self.save(update_fields=["retire_le", "updated_at"])
