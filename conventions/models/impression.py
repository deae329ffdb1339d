import uuid
from typing import Self

from django.conf import settings
from django.db import models

from conventions.models.convention import Convention
from ctg_portal.models import TimestampedModel, User


class ImpressionQuerySet(models.QuerySet["Impression"]):
    def visible_to(self, user: User) -> Self:
        """What the person asked for, as long as the convention is still open to them."""
        return self.filter(demandeurs=user, convention__in=Convention.objects.visible_to(user))


class Impression(TimestampedModel):
    """A document being drawn in the background, or drawn: the cache of files, keyed by content.

    ``html`` is the whole input, fixed when it was asked (a page for a PDF, what ``word_source`` gives for a Word file,
    ``xlsx_source`` for a workbook; for the one that comes back, which plan and for whom); it is emptied once the file is there. ``faites`` of ``total`` fiches are drawn; 0 of 0 when nobody counts them.
    Two people who may read the same content share one row.
    """

    class Statut(models.TextChoices):
        EN_ATTENTE = "en_attente", "En attente"
        PRETE = "prete", "Prête"
        ECHEC = "echec", "Échec"

    class Sortie(models.TextChoices):
        PDF = "pdf", "PDF"
        DOCX = "docx", "Word"
        XLSX = "xlsx", "Excel"
        CLASSEUR = "xtrav", "Excel"

    SUR_PLACE = 40
    """Fiches of a Word file that may be drawn while the person waits, when the worker is away."""
    FEUILLES_SUR_PLACE = 400
    """The same for a workbook, which is written ten times as fast."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    convention = models.ForeignKey(Convention, models.CASCADE, related_name="impressions")
    cle = models.CharField("clé de contenu", max_length=64)
    titre = models.CharField("titre", max_length=300)
    nom_fichier = models.CharField("nom du fichier", max_length=200)
    statut = models.CharField("statut", max_length=10, choices=Statut, default=Statut.EN_ATTENTE)
    sortie = models.CharField("format", max_length=5, choices=Sortie, default=Sortie.PDF)
    html = models.TextField("contenu à imprimer", blank=True)
    total = models.PositiveIntegerField("fiches à dessiner", default=0)
    faites = models.PositiveIntegerField("fiches dessinées", default=0)
    contenu = models.BinaryField("fichier", null=True, blank=True)
    prete_le = models.DateTimeField("prête le", null=True, blank=True)
    demandeurs = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="impressions")
    a_prevenir = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="+", verbose_name="à prévenir par courriel"
    )

    objects = ImpressionQuerySet.as_manager()

    class Meta:
        verbose_name = "impression"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["convention", "cle"], name="impression_cle_unique"),
            models.CheckConstraint(
                name="impression_prete_avec_fichier",
                condition=models.Q(statut="prete", contenu__isnull=False, prete_le__isnull=False)
                | ~models.Q(statut="prete"),
            ),
        ]

    def __str__(self) -> str:
        return self.titre

    @property
    def is_petite(self) -> bool:
        """Small enough to be drawn while the person waits."""
        is_word = self.sortie == self.Sortie.DOCX
        return self.total <= (self.SUR_PLACE if is_word else self.FEUILLES_SUR_PLACE)
