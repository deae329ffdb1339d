from django.conf import settings
from django.db import models
from django.db.models import F, Q

from conventions.models.organisation import Organisation
from ctg_portal.models import TimestampedModel


class FusionOrganisation(TimestampedModel):
    """Two rows of the directory that were one organisation: what pointed to ``absorbee`` points to ``gardee``.

    ``deplacements`` (JSON) lists each row that was moved, so that the merge can be undone.
    """

    gardee = models.ForeignKey(Organisation, models.PROTECT, related_name="fusions")
    absorbee = models.ForeignKey(Organisation, models.PROTECT, related_name="fusions_subies")
    deplacements = models.JSONField("lignes déplacées", default=list)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="fusions", verbose_name="faite par"
    )
    annulee_le = models.DateTimeField("annulée le", null=True, blank=True)

    class Meta:
        verbose_name = "fusion d’organisations"
        verbose_name_plural = "fusions d’organisations"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="fusionorganisation_deux_organisations",
                condition=~Q(gardee=F("absorbee")),
                violation_error_message="Une organisation ne fusionne pas avec elle-même.",
            ),
            models.UniqueConstraint(
                fields=["absorbee"],
                condition=Q(annulee_le=None),
                name="fusionorganisation_une_fois",
                violation_error_message="Cette organisation est déjà réunie à une autre.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.absorbee} → {self.gardee}"
