from typing import Self

import pghistory
from django.db import models
from django.db.models import Prefetch, Q

from conventions.models import Domaine, Equipement
from ctg_portal.models import Ordered
from diagnostics.models.atelier import Parole
from diagnostics.models.diagnostic import Diagnostic, PartQuerySet
from diagnostics.models.indicateur import Valeur


class ConstatQuerySet(PartQuerySet):
    def with_preuves(self) -> Self:
        """With the theme and all that shows each constat, in four queries whatever their number."""
        return self.select_related("theme").prefetch_related(
            Prefetch("valeurs", Valeur.objects.for_list()),
            Prefetch("paroles", Parole.objects.select_related("atelier")),
            Prefetch(
                "equipements", Equipement.objects.select_related("type", "commune").order_by("nom", "pk")
            ),
        )


class Constat(Ordered):
    """A strength, or a point to watch, and what it rests on."""

    class Nature(models.TextChoices):
        POINT_FORT = "point_fort", "Point fort"
        POINT_VIGILANCE = "point_vigilance", "Point de vigilance"

    diagnostic = models.ForeignKey(Diagnostic, models.CASCADE, related_name="constats")
    nature = models.CharField("nature", max_length=20, choices=Nature)
    intitule = models.CharField("constat", max_length=300)
    theme = models.ForeignKey(
        Domaine, models.PROTECT, null=True, blank=True, related_name="constats", verbose_name="thème"
    )
    elements = models.TextField(
        "sur quoi il repose", blank=True, help_text="Chiffres, paroles, équipements : ce qui le montre."
    )

    valeurs = models.ManyToManyField(
        Valeur, blank=True, related_name="constats", verbose_name="chiffres qui le montrent"
    )
    paroles = models.ManyToManyField(
        Parole, blank=True, related_name="constats", verbose_name="paroles qui le disent"
    )
    equipements = models.ManyToManyField(
        Equipement, blank=True, related_name="constats", verbose_name="équipements en jeu"
    )

    objects = ConstatQuerySet.as_manager()

    class Meta:
        verbose_name = "constat"
        ordering = ["nature", "ordre", "pk"]

    def __str__(self) -> str:
        return self.intitule

    @property
    def has_preuve(self) -> bool:
        """Something shows it: a figure, a parole or an équipement. No query after ``with_preuves``."""
        return any(rows.all() for rows in (self.valeurs, self.paroles, self.equipements))


@pghistory.track()
class Enjeu(Ordered):
    """A stake the convention answers; an « enjeu transversal » crosses all the others."""

    class Portee(models.TextChoices):
        THEMATIQUE = "thematique", "Thématique"
        TRANSVERSAL = "transversal", "Transversal"

    diagnostic = models.ForeignKey(Diagnostic, models.CASCADE, related_name="enjeux")
    intitule = models.CharField("enjeu", max_length=200)
    texte = models.TextField("texte", blank=True)
    portee = models.CharField("portée", max_length=12, choices=Portee, default=Portee.THEMATIQUE)
    constats = models.ManyToManyField(
        Constat, blank=True, related_name="enjeux", verbose_name="constats sur lesquels il repose"
    )

    objects = PartQuerySet.as_manager()

    class Meta:
        verbose_name = "enjeu"
        verbose_name_plural = "enjeux"
        ordering = ["ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="enjeu_intitule_non_vide",
                condition=~Q(intitule=""),
                violation_error_message="Un enjeu a un intitulé.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule
