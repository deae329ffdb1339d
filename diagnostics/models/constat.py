from decimal import Decimal
from typing import Any, Self

import pghistory
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, Prefetch, Q
from django.db.models.functions import Cast, JSONObject

from conventions.models import Domaine, Equipement
from ctg_portal.models import Ordered
from diagnostics.models.atelier import Parole
from diagnostics.models.diagnostic import Diagnostic, PartQuerySet
from diagnostics.models.indicateur import Indicateur, Valeur


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

    def with_preuves_dites(self) -> Self:
        """With the theme and, for ``preuves_dites``, the words of all that shows each constat: one query."""
        valeurs = Valeur.objects.filter(constats=OuterRef("pk")).with_lieu()
        paroles = Parole.objects.filter(constats=OuterRef("pk")).order_by("ordre", "pk")
        equipements = Equipement.objects.filter(constats=OuterRef("pk")).order_by("nom", "pk")
        chiffre = JSONObject(
            intitule="indicateur__intitule",
            unite="indicateur__unite",
            decimales="indicateur__decimales",
            valeur=Cast("valeur", models.CharField()),
            absence="absence",
            lieu="lieu",
            annee="annee",
            source="source",
        )
        return self.select_related("theme").annotate(
            rows_valeurs=ArraySubquery(valeurs.values(row=chiffre)),
            rows_paroles=ArraySubquery(paroles.values(row=JSONObject(texte="texte", locuteur="locuteur"))),
            rows_equipements=ArraySubquery(equipements.values("nom")),
        )


def _chiffre_en_clair(row: dict[str, Any]) -> str:
    """A figure as ``with_preuves_dites`` reads it, said as everywhere."""
    indicateur = Indicateur(**{name: row[name] for name in ("intitule", "unite", "decimales")})
    valeur = Valeur(
        indicateur=indicateur,
        valeur=None if row["valeur"] is None else Decimal(row["valeur"]),
        **{name: row[name] for name in ("absence", "annee", "source")},
    )
    valeur.lieu = row["lieu"]  # type: ignore[attr-defined]  # with_lieu puts it there too
    return valeur.en_clair


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

    @property
    def preuves_dites(self) -> list[str]:
        """What shows it, in words; read by ``with_preuves_dites``."""
        rows: Any = self
        return [
            *map(_chiffre_en_clair, rows.rows_valeurs),
            *(
                f"« {row['texte']} » ({Parole.Locuteur(row['locuteur']).label.lower()})"
                for row in rows.rows_paroles
            ),
            *rows.rows_equipements,
        ]


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
