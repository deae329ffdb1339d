import hashlib
import uuid
from typing import Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from actions.models import Avis
from conventions.models import Convention
from ctg_portal.models import User
from ctg_portal.plein_texte import index_texte
from governance.models.reunion import Reunion


class DocumentEmisQuerySet(models.QuerySet["DocumentEmis"]):
    def visible_to(self, user: User) -> Self:
        """Those of the conventions open to ``user``; an avis on a fiche, to those who read the fiche."""
        return self.filter(convention__in=Convention.objects.visible_to(user)).filter(
            models.Q(avis=None) | models.Q(avis__in=Avis.objects.visible_to(user))
        )

    def without_content(self) -> Self:
        """For lists: the bytes and the page stay in the database."""
        return self.defer("contenu", "html", "source")

    def prets(self) -> Self:
        """Those whose file is there to be read."""
        return self.filter(statut=DocumentEmis.Statut.PRET)


class DocumentEmis(models.Model):
    """A document that was sent: its bytes are kept and given again as they were, whatever changes later.

    ``html`` is the same content as an accessible page, and ``source`` the whole page to print: both are fixed
    when the document is issued. The file is drawn from ``source`` in the background, which is then emptied.
    The database refuses any change of what was said, and any change at all once the file is there.
    """

    class Nature(models.TextChoices):
        DOSSIER_SEANCE = "dossier_seance", "Dossier de séance"
        RELEVE = "releve", "Relevé de décisions"
        COMPTE_RENDU = "compte_rendu", "Compte rendu"
        DIAGNOSTIC = "diagnostic", "Diagnostic partagé"
        AVIS = "avis", "Avis de la CAF"
        CONVOCATION = "convocation", "Convocation"

    class Statut(models.TextChoices):
        EN_PREPARATION = "en_preparation", "En préparation"
        PRET = "pret", "Prêt"
        ECHEC = "echec", "Échec"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    convention = models.ForeignKey(Convention, models.PROTECT, related_name="documents")
    reunion = models.ForeignKey(
        Reunion, models.PROTECT, null=True, blank=True, related_name="documents", verbose_name="réunion"
    )
    avis = models.ForeignKey(
        Avis, models.PROTECT, null=True, blank=True, related_name="documents", verbose_name="avis"
    )
    nature = models.CharField("nature", max_length=20, choices=Nature)
    titre = models.CharField("titre", max_length=300)
    version = models.PositiveSmallIntegerField("version", default=1)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.EN_PREPARATION)
    html = models.TextField("même contenu, en page")
    source = models.TextField("page à imprimer", blank=True)
    contenu = models.BinaryField("fichier", null=True)
    sha256 = models.CharField("empreinte SHA-256", max_length=64, blank=True)
    taille = models.PositiveIntegerField("taille (octets)", null=True)
    pages = models.PositiveSmallIntegerField("pages", null=True)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="documents", verbose_name="émis par"
    )
    emis_le = models.DateTimeField("émis le", default=timezone.now)

    objects = DocumentEmisQuerySet.as_manager()

    class Meta:
        verbose_name = "document émis"
        verbose_name_plural = "documents émis"
        ordering = ["-emis_le", "-version"]
        indexes = [index_texte("documentemis_texte", "titre")]
        constraints = [
            models.UniqueConstraint(
                fields=["reunion", "nature", "version"], name="documentemis_version_unique"
            ),
            models.UniqueConstraint(fields=["avis"], name="documentemis_un_par_avis"),
            models.CheckConstraint(
                name="documentemis_pret_avec_fichier",
                condition=~models.Q(statut="pret")
                | models.Q(contenu__isnull=False, taille__isnull=False, pages__isnull=False)
                & ~models.Q(sha256=""),
                violation_error_message="Un document est prêt quand son fichier est là, avec sa taille, ses pages et son empreinte.",
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="documentemis_fige",
                exclude=["statut", "source", "contenu", "sha256", "taille", "pages"],
            ),
            pgtrigger.Protect(
                name="documentemis_fichier_fige",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__statut="pret"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.titre} (version {self.version})"

    def get_absolute_url(self) -> str:
        return reverse("governance:document", args=[self.convention.code, self.pk])

    @property
    def is_intact(self) -> bool:
        """The bytes still have the SHA-256 they were frozen with."""
        return self.contenu is not None and hashlib.sha256(self.contenu).hexdigest() == self.sha256
