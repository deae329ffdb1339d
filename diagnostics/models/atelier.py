from typing import Self

from django.db import models
from django.db.models import Count, Q
from django.urls import reverse

from conventions.models import Domaine, Organisation
from ctg_portal.models import Ordered
from diagnostics.models.diagnostic import Diagnostic, PartQuerySet


class AtelierQuerySet(PartQuerySet):
    def for_list(self) -> Self:
        """With their theme, the names of who came, and how many paroles were gathered."""
        return (
            self.select_related("theme")
            .prefetch_related(models.Prefetch("organisations", Organisation.objects.only("nom")))
            .annotate(nb_paroles=Count("paroles"))
            .order_by("ordre", "date", "pk")
        )

    def for_sheet(self) -> Self:
        """With all that the sheet of an atelier says."""
        return self.select_related("theme", "diagnostic__convention__territoire").prefetch_related(
            models.Prefetch("organisations", Organisation.objects.only("nom")),
            models.Prefetch("paroles", Parole.objects.select_related("theme")),
        )


class ParoleQuerySet(PartQuerySet):
    def for_list(self) -> Self:
        return self.select_related("theme", "atelier")


class Atelier(Ordered):
    """A working session of the diagnostic or of the plan, with its head-count."""

    diagnostic = models.ForeignKey(Diagnostic, models.CASCADE, related_name="ateliers")
    intitule = models.CharField("intitulé", max_length=200)
    theme = models.ForeignKey(
        Domaine, models.PROTECT, null=True, blank=True, related_name="ateliers", verbose_name="thème"
    )
    date = models.DateField("date", null=True, blank=True)
    lieu = models.CharField("lieu", max_length=200, blank=True)
    participants = models.PositiveIntegerField("nombre de participants", null=True, blank=True)
    organisations = models.ManyToManyField(
        Organisation, blank=True, related_name="ateliers", verbose_name="organisations présentes"
    )
    synthese = models.TextField("synthèse", blank=True)

    objects = AtelierQuerySet.as_manager()

    class Meta:
        verbose_name = "atelier"
        ordering = ["ordre", "date", "pk"]

    def __str__(self) -> str:
        return self.intitule

    def get_absolute_url(self) -> str:
        return reverse("diagnostics:atelier", args=[self.diagnostic.convention.code, self.pk])


class Parole(Ordered):
    """What somebody said, and which kind of person said it: never a named private person."""

    class Locuteur(models.TextChoices):
        HABITANT = "habitant", "Habitant·e"
        PROFESSIONNEL = "professionnel", "Professionnel·le"
        ELU = "elu", "Élu·e"
        ASSOCIATION = "association", "Association"

    diagnostic = models.ForeignKey(Diagnostic, models.CASCADE, related_name="paroles")
    texte = models.TextField(
        "parole", help_text="Comme elle a été dite. Jamais le nom d’une personne ni de quoi la reconnaître."
    )
    locuteur = models.CharField("qui parle", max_length=15, choices=Locuteur)
    theme = models.ForeignKey(
        Domaine, models.PROTECT, null=True, blank=True, related_name="paroles", verbose_name="thème"
    )
    atelier = models.ForeignKey(
        Atelier,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="paroles",
        verbose_name="atelier",
    )
    origine = models.CharField(
        "où elle a été recueillie",
        max_length=200,
        blank=True,
        help_text="Si ce n’est pas dans un atelier : entretien, permanence, questionnaire…",
    )

    objects = ParoleQuerySet.as_manager()

    class Meta:
        verbose_name = "parole"
        ordering = ["theme__ordre", "ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="parole_texte_non_vide",
                condition=~Q(texte=""),
                violation_error_message="Une parole a un texte.",
            )
        ]

    def __str__(self) -> str:
        return self.texte if len(self.texte) <= 120 else f"{self.texte[:119].rstrip()}…"

    @property
    def provenance(self) -> str:
        """Who spoke and where, as it is read after the words."""
        where = self.atelier.intitule if self.atelier else self.origine
        said = self.get_locuteur_display()
        return f"{said}, {where}" if where else str(said)
