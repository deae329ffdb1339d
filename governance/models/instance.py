from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Count, Q
from django.urls import reverse

from conventions.models import Convention, Organisation
from ctg_portal.models import Ordered, TimestampedModel, User


class InstanceQuerySet(models.QuerySet["Instance"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def with_meetings_held(self, annee: int) -> Self:
        """Annotate ``nb_tenues``: meetings held in the calendar year ``annee``."""
        held = Q(reunions__debut__year=annee, reunions__statut__in=("tenue", "diffusee"))
        return self.annotate(nb_tenues=Count("reunions", filter=held, distinct=True))


class Instance(TimestampedModel, Ordered):
    """A body that steers the convention: the COPIL decides, the COTECH makes it happen."""

    class Nature(models.TextChoices):
        COPIL = "copil", "Comité de pilotage"
        COTECH = "cotech", "Comité technique"
        GROUPE_TRAVAIL = "groupe_travail", "Groupe de travail"
        COMMISSION = "commission", "Commission"
        TECHNIQUE = "technique", "Réunion technique CAF – collectivité"
        PLENIERE = "pleniere", "Plénière"

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="instances")
    nature = models.CharField("nature", max_length=15, choices=Nature)
    intitule = models.CharField("intitulé", max_length=200)
    role = models.TextField("rôle", blank=True)
    minimum_annuel = models.PositiveSmallIntegerField(
        "réunions par an, au moins",
        default=1,
        validators=[MaxValueValidator(52)],
        help_text="Une par an pour le COPIL et le COTECH ; 0 pour ne rien surveiller.",
    )

    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = "instance"
        ordering = ["ordre", "nature", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "intitule"],
                name="instance_intitule_unique",
                violation_error_message="Une instance porte déjà ce nom.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule

    def get_absolute_url(self) -> str:
        return reverse("governance:instance", args=[self.convention.code, self.pk])

    @property
    def sigle(self) -> str:
        """« COPIL », « COTECH », or the label of the nature."""
        if self.nature in (self.Nature.COPIL, self.Nature.COTECH):
            return self.nature.upper()
        return self.get_nature_display()


class MembreInstance(Ordered):
    """A seat: an organisation, the function that holds it, and whether it votes. No account is needed."""

    class Qualite(models.TextChoices):
        TITULAIRE = "titulaire", "Titulaire"
        SUPPLEANT = "suppleant", "Suppléant·e"

    class Voix(models.TextChoices):
        DELIBERATIVE = "deliberative", "Voix délibérative"
        CONSULTATIVE = "consultative", "Voix consultative"

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="membres")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="sieges")
    fonction = models.CharField("fonction", max_length=150)
    nom = models.CharField("prénom et nom", max_length=150, blank=True)
    qualite = models.CharField("qualité", max_length=10, choices=Qualite, default=Qualite.TITULAIRE)
    voix = models.CharField("voix", max_length=15, choices=Voix, default=Voix.DELIBERATIVE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="sieges",
        verbose_name="compte",
    )

    class Meta:
        verbose_name = "membre"
        ordering = ["ordre", "organisation__nom", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "organisation", "fonction", "nom", "qualite"],
                name="membreinstance_unique",
                violation_error_message="Ce membre est déjà inscrit.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.nom or self.fonction} ({self.organisation})"
