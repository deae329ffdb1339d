from django.db import models
from django.db.models import Q

from conventions.models import Domaine, Organisation
from ctg_portal.models import Ordered
from diagnostics.models.diagnostic import Diagnostic, PartQuerySet


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

    objects = PartQuerySet.as_manager()

    class Meta:
        verbose_name = "atelier"
        ordering = ["ordre", "date", "pk"]

    def __str__(self) -> str:
        return self.intitule


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

    objects = PartQuerySet.as_manager()

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
