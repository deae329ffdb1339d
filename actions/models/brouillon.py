"""What somebody typed in a section and has not saved yet."""

import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.http import QueryDict
from django.utils import timezone

from actions.models.fiche import FicheAction
from actions.models.sections import SECTIONS
from ctg_portal.models import User
from ctg_portal.session import as_data, typed

ETAPES = "etapes"
"""The steps are edited apart from the section that shows them."""
NOUVELLES = "nouvelles"
"""The short page where a pilote gives news: no section of the fiche, but words to keep all the same."""
PRESENCE = datetime.timedelta(minutes=15)
"""Whoever typed in a section less than this ago is said to be editing it."""

SECTION_CHOICES = [*((section.slug, section.titre) for section in SECTIONS), (ETAPES, "Étapes")]


class BrouillonQuerySet(models.QuerySet["Brouillon"]):
    def visible_to(self, user: User) -> Self:
        """One's own, on the fiches that are still open to oneself."""
        return self.filter(user=user, fiche__in=FicheAction.objects.visible_to(user))

    def presences(self, fiche: FicheAction, section: str, *, sauf: User) -> Self:
        """Drafts that show who else is editing the section now, the latest first."""
        since = timezone.now() - PRESENCE
        return (
            self.filter(fiche=fiche, section=section, updated_at__gte=since)
            .exclude(user=sauf)
            .select_related("user")
            .order_by("-updated_at")
        )


class Brouillon(models.Model):
    """The form of one section as one person left it: never the saved value, and read by nobody else.

    ``donnees`` maps the name of each field to the list of what was sent for it, so that it fills the form again.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="brouillons")
    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="brouillons")
    section = models.CharField("rubrique", max_length=20, choices=SECTION_CHOICES)
    donnees = models.JSONField("saisie")
    updated_at = models.DateTimeField("tapé le", default=timezone.now)

    objects = BrouillonQuerySet.as_manager()

    class Meta:
        verbose_name = "brouillon"
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "fiche", "section"],
                name="brouillon_unique",
                violation_error_message="Vous avez déjà un brouillon de cette rubrique.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_section_display()}, {self.fiche}"

    @classmethod
    def keep(cls, fiche: FicheAction, section: str, data: QueryDict, *, by: User) -> "Brouillon":
        """Keep what was typed, in the place of what was kept before."""
        donnees = typed(data)
        kept, _ = cls.objects.update_or_create(
            user=by,
            fiche=fiche,
            section=section,
            defaults={"donnees": donnees, "updated_at": timezone.now()},
        )
        return kept

    def as_data(self) -> QueryDict:
        """What the browser would send."""
        return as_data(self.donnees)
