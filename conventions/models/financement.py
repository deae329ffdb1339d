from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, Q, Sum

from conventions.models.convention import Convention
from conventions.models.equipement import Equipement
from conventions.models.organisation import Organisation
from ctg_portal.models import Ordered, TimestampedModel, User


class Dispositif(Ordered):
    """A funding scheme. The list is editable; scales change each year and are never coded."""

    class Groupe(models.TextChoices):
        PRESTATION_SERVICE = "prestation_service", "Prestations de service"
        BONUS_TERRITOIRE = "bonus_territoire", "Bonus territoire CTG"
        FPT = "fpt", "Fonds publics et territoires"
        AUTRE = "autre", "Autres financements"

    code = models.SlugField("code", max_length=50, unique=True)
    intitule = models.CharField("intitulé", max_length=150, unique=True)
    groupe = models.CharField("groupe", max_length=20, choices=Groupe)

    class Meta:
        verbose_name = "dispositif"
        ordering = ["groupe", "ordre", "intitule"]

    def __str__(self) -> str:
        return self.intitule


def _plus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    """Absent is not zero: two absents make an absent."""
    if a is None or b is None:
        return a if b is None else b
    return a + b


@dataclass(frozen=True)
class Montants:
    """Euros to the cent; ``None`` where nothing was entered."""

    prevu: Decimal | None = None
    notifie: Decimal | None = None
    verse: Decimal | None = None

    @classmethod
    def of(cls, financement: "Financement") -> Self:
        return cls(financement.prevu, financement.notifie, financement.verse)

    @property
    def ecart(self) -> Decimal | None:
        """Paid less planned; ``None`` unless both are known."""
        return None if self.prevu is None or self.verse is None else self.verse - self.prevu

    @property
    def dernier(self) -> Decimal | None:
        """The surest amount known: paid, else notified, else planned."""
        return next((found for found in (self.verse, self.notifie, self.prevu) if found is not None), None)

    def __add__(self, other: "Montants") -> "Montants":
        return Montants(
            _plus(self.prevu, other.prevu),
            _plus(self.notifie, other.notifie),
            _plus(self.verse, other.verse),
        )


@dataclass(frozen=True)
class TotalExercice:
    """One year of a convention: how many lines, and their sums."""

    exercice: int
    nb: int
    total: Montants


class FinancementQuerySet(models.QuerySet["Financement"]):
    def for_table(self) -> Self:
        return self.select_related("dispositif", "beneficiaire", "financeur", "equipement")

    def for_grid(self) -> Self:
        """A line with what it names, and the fiche that it pays (a row of a higher app, by its reverse name)."""
        return self.select_related(
            "dispositif", "beneficiaire", "financeur", "equipement", "imputation__fiche"
        ).order_by("dispositif__groupe", "dispositif__ordre", "beneficiaire__nom", "objet", "pk")

    def of_year(self, exercice: int) -> Self:
        return self.filter(exercice=exercice)

    def par_exercice(self) -> "list[TotalExercice]":
        """The latest first, in one query."""
        rows = (
            self.order_by()
            .values("exercice")
            .annotate(nb=Count("pk"), p=Sum("prevu"), n=Sum("notifie"), v=Sum("verse"))
            .order_by("-exercice")
        )
        return [
            TotalExercice(row["exercice"], row["nb"], Montants(row["p"], row["n"], row["v"])) for row in rows
        ]

    def totaux(self) -> dict[str, Decimal | None]:
        """Sums to the cent of ``prevu``, ``notifie`` and ``verse``; ``None`` where nothing was entered."""
        return self.aggregate(prevu=Sum("prevu"), notifie=Sum("notifie"), verse=Sum("verse"))


@pghistory.track()
class Financement(TimestampedModel):
    """Money beside a convention for one exercice; amounts in euros, cents kept, ``None`` where unknown."""

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="financements")
    exercice = models.PositiveSmallIntegerField(
        "exercice", validators=[MinValueValidator(2000), MaxValueValidator(2100)]
    )
    financeur = models.ForeignKey(Organisation, models.PROTECT, related_name="financements_apportes")
    dispositif = models.ForeignKey(Dispositif, models.PROTECT, related_name="financements")
    beneficiaire = models.ForeignKey(
        Organisation, models.PROTECT, related_name="financements_recus", verbose_name="bénéficiaire"
    )
    equipement = models.ForeignKey(
        Equipement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="financements",
        verbose_name="équipement",
    )
    objet = models.CharField(
        "objet", max_length=200, blank=True, help_text="Par exemple « RPE, EAJE, ALSH »."
    )
    prevu = models.DecimalField("prévu", max_digits=12, decimal_places=2, null=True, blank=True)
    notifie = models.DecimalField("notifié", max_digits=12, decimal_places=2, null=True, blank=True)
    verse = models.DecimalField("versé", max_digits=12, decimal_places=2, null=True, blank=True)
    reference_cof = models.CharField("référence de la COF", max_length=50, blank=True)
    source = models.CharField("source", max_length=200, blank=True)

    objects = FinancementQuerySet.as_manager()

    MONTANTS: ClassVar[tuple[str, ...]] = ("prevu", "notifie", "verse")

    class Meta:
        verbose_name = "financement"
        ordering = ["-exercice", "beneficiaire__nom", "dispositif__groupe", "dispositif__ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="financement_montants_positifs",
                condition=(Q(prevu=None) | Q(prevu__gte=0))
                & (Q(notifie=None) | Q(notifie__gte=0))
                & (Q(verse=None) | Q(verse__gte=0)),
                violation_error_message="Un montant ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                name="financement_un_montant_au_moins",
                condition=~Q(prevu=None, notifie=None, verse=None),
                violation_error_message="Indiquez au moins un montant : prévu, notifié ou versé.",
            ),
            models.CheckConstraint(
                name="financement_exercice_plausible",
                condition=Q(exercice__gte=2000, exercice__lte=2100),
                violation_error_message="L’exercice est une année entre 2000 et 2100.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.dispositif} {self.exercice} → {self.beneficiaire}"

    def derniere_main(self) -> str:
        """The name of whoever saved the row last, as its history says it; empty when nobody asked (a command)."""
        event = self.events.select_related("pgh_context").order_by("-pgh_id").first()  # type: ignore[attr-defined]  # pghistory adds it
        if event is None or event.pgh_context is None:
            return ""
        person = User.objects.filter(pk=event.pgh_context.metadata.get("user")).first()
        return str(person) if person else ""
