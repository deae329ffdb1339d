import datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from conventions.models.organisation import Organisation
from ctg_portal.models import Ordered, TimestampedModel


class MandatQuerySet(models.QuerySet["Mandat"]):
    def courants(self, today: datetime.date | None = None) -> Self:
        """Those held today: begun, and not ended."""
        today = today or timezone.localdate()
        return self.filter(Q(debut=None) | Q(debut__lte=today)).filter(Q(fin=None) | Q(fin__gt=today))


@pghistory.track()
class Mandat(TimestampedModel, Ordered):
    """Who holds a function of an organisation, from when to when: « Présidence », « Maire », « Direction ».

    People are functions: after an election the mandate ends and another begins; what the first holder
    signed keeps its name.
    """

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="mandats")
    fonction = models.CharField("fonction", max_length=150)
    nom = models.CharField("prénom et nom", max_length=150)
    debut = models.DateField("depuis le", null=True, blank=True)
    fin = models.DateField("jusqu’au", null=True, blank=True)

    objects = MandatQuerySet.as_manager()

    class Meta:
        verbose_name = "mandat"
        ordering = ["ordre", "fonction", "debut", "pk"]
        constraints = [
            models.CheckConstraint(
                name="mandat_dates_dans_l_ordre",
                condition=Q(debut=None) | Q(fin=None) | Q(debut__lte=F("fin")),
                violation_error_message="La fin d’un mandat suit son début.",
            ),
            models.CheckConstraint(
                name="mandat_nomme",
                condition=~Q(nom="") & ~Q(fonction=""),
                violation_error_message="Un mandat a une fonction et un nom.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nom}, {self.fonction}"

    @property
    def is_courant(self) -> bool:
        today = timezone.localdate()
        return (self.debut is None or self.debut <= today) and (self.fin is None or self.fin > today)
