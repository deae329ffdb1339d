import hashlib
import uuid
from typing import Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.models import User
from governance.models.reunion import Reunion


class DocumentEmisQuerySet(models.QuerySet["DocumentEmis"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def without_content(self) -> Self:
        """For lists: the bytes and the page stay in the database."""
        return self.defer("contenu", "html")


class DocumentEmis(models.Model):
    """A document that was sent: its bytes are kept and given again as they were, whatever changes later.

    ``html`` is the same content as an accessible page, frozen with the file. The database refuses
    any change of a row.
    """

    class Nature(models.TextChoices):
        DOSSIER_SEANCE = "dossier_seance", "Dossier de séance"
        DIAGNOSTIC = "diagnostic", "Diagnostic partagé"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    convention = models.ForeignKey(Convention, models.PROTECT, related_name="documents")
    reunion = models.ForeignKey(
        Reunion, models.PROTECT, null=True, blank=True, related_name="documents", verbose_name="réunion"
    )
    nature = models.CharField("nature", max_length=20, choices=Nature)
    titre = models.CharField("titre", max_length=300)
    version = models.PositiveSmallIntegerField("version", default=1)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    contenu = models.BinaryField("fichier")
    html = models.TextField("même contenu, en page")
    sha256 = models.CharField("empreinte SHA-256", max_length=64)
    taille = models.PositiveIntegerField("taille (octets)")
    pages = models.PositiveSmallIntegerField("pages")
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="documents", verbose_name="émis par"
    )
    emis_le = models.DateTimeField("émis le", default=timezone.now)

    objects = DocumentEmisQuerySet.as_manager()

    class Meta:
        verbose_name = "document émis"
        verbose_name_plural = "documents émis"
        ordering = ["-emis_le", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["reunion", "nature", "version"], name="documentemis_version_unique"
            )
        ]
        triggers = [pgtrigger.ReadOnly(name="documentemis_fige")]

    def __str__(self) -> str:
        return f"{self.titre} (version {self.version})"

    def get_absolute_url(self) -> str:
        return reverse("governance:document", args=[self.convention.code, self.pk])

    @property
    def is_intact(self) -> bool:
        """The bytes still have the SHA-256 they were frozen with."""
        return hashlib.sha256(bytes(self.contenu)).hexdigest() == self.sha256
