"""All of France, from ``@etalab/decoupage-administratif`` (see ``conventions/data/README.md``).

A row that a newer file no longer holds is kept with its old ``millesime``: merged communes and
EPCI stay readable where they are referred to.
"""

from typing import TYPE_CHECKING, ClassVar, Self

from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.text import slugify

from conventions.models.recherche import chiffres, colonne_sans_accents, mots
from conventions.validators import validate_code_insee, validate_couleur, validate_siren

if TYPE_CHECKING:
    from conventions.models.convention import Convention


class Departement(models.Model):
    code = models.CharField("code", max_length=3, primary_key=True)
    nom = models.CharField("nom", max_length=100)
    code_region = models.CharField("code de la région", max_length=2)
    region = models.CharField("région", max_length=100)
    millesime = models.PositiveSmallIntegerField("millésime")

    class Meta:
        verbose_name = "département"
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.nom} ({self.code})"


class CommuneQuerySet(models.QuerySet["Commune"]):
    def with_signature(self, convention: "Convention") -> Self:
        """Say in ``est_signataire`` whether the commune's own organisation signs ``convention``."""
        signs = convention.signataires.actuels().filter(organisation__commune=OuterRef("pk")).order_by()
        return self.annotate(est_signataire=Exists(signs))


class Commune(models.Model):
    code = models.CharField("code INSEE", max_length=5, primary_key=True, validators=[validate_code_insee])
    nom = models.CharField("nom", max_length=100)
    siren = models.CharField("SIREN", max_length=9, blank=True, validators=[validate_siren])
    departement = models.ForeignKey(
        Departement, models.PROTECT, related_name="communes", verbose_name="département"
    )
    population = models.PositiveIntegerField("population municipale", null=True, blank=True)
    millesime = models.PositiveSmallIntegerField("millésime")

    objects = CommuneQuerySet.as_manager()

    class Meta:
        verbose_name = "commune"
        ordering = ["nom", "code"]
        indexes = [models.Index(fields=["siren"], name="commune_siren")]

    def __str__(self) -> str:
        return self.nom


class TerritoireQuerySet(models.QuerySet["Territoire"]):
    def search(self, words: str) -> Self:
        """By SIREN, or by name and département: every word, whatever the case, the accents and the hyphens."""
        if siren := chiffres(words):
            return self.filter(siren__startswith=siren)
        found = self.annotate(
            nom_plat=colonne_sans_accents("nom"), departement_plat=colonne_sans_accents("departement__nom")
        )
        for word in mots(words):
            found = found.filter(
                models.Q(nom_plat__contains=word) | models.Q(departement_plat__contains=word)
            )
        return found


class Territoire(models.Model):
    """An EPCI, or a syndicat that carries a CTG, with its communes, its colour and its logo."""

    class Nature(models.TextChoices):
        CC = "cc", "Communauté de communes"
        CA = "ca", "Communauté d’agglomération"
        CU = "cu", "Communauté urbaine"
        METROPOLE = "metropole", "Métropole"
        SYNDICAT = "syndicat", "Syndicat"

    siren = models.CharField("SIREN", max_length=9, unique=True, validators=[validate_siren])
    nom = models.CharField("nom", max_length=200)
    nature = models.CharField("nature", max_length=10, choices=Nature)
    departement = models.ForeignKey(
        Departement, models.PROTECT, related_name="territoires", verbose_name="département du siège"
    )
    communes = models.ManyToManyField(Commune, related_name="territoires", verbose_name="communes membres")
    population = models.PositiveIntegerField("population municipale", null=True, blank=True)
    millesime = models.PositiveSmallIntegerField("millésime")
    couleur = models.CharField("couleur", max_length=7, default="#2f5d62", validators=[validate_couleur])
    logo = models.ImageField(
        "logo",
        upload_to="logos/",
        blank=True,
        validators=[FileExtensionValidator(["png", "jpg", "jpeg"])],
        help_text="PNG ou JPEG, 1 Mo au plus.",
    )

    objects = TerritoireQuerySet.as_manager()

    class Meta:
        verbose_name = "territoire"
        ordering = ["nom", "siren"]
        constraints = [
            models.CheckConstraint(
                name="territoire_couleur_hexadecimale",
                condition=models.Q(couleur__regex=r"^#[0-9a-f]{6}$"),
                violation_error_message="Écrivez la couleur comme #2a6f5e.",
            )
        ]

    SHORT_PREFIXES: ClassVar[tuple[str, ...]] = ("CC du ", "CC de la ", "CC de ", "CC ", "CA du ", "CA ")

    def __str__(self) -> str:
        return self.nom

    @property
    def nom_court(self) -> str:
        """The name as people say it, without its legal form: « Cazals-Salviac »."""
        for prefix in self.SHORT_PREFIXES:
            if self.nom.startswith(prefix):
                return self.nom.removeprefix(prefix)
        return self.nom

    @property
    def slug(self) -> str:
        return slugify(self.nom_court)
