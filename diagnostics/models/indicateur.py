from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from conventions.models import Commune, Convention, Departement, Importation, Territoire
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.templatetags.portal import nombre


class Indicateur(Ordered):
    """A figure that a portrait shows: what it counts, in what unit, and whether it may be summed.

    The list is editable. A rate or a median is never summed; a count is, and the sum says so.
    """

    class Theme(models.TextChoices):
        POPULATION = "population", "Population"
        FAMILLES = "familles", "Familles et ménages"
        REVENUS = "revenus", "Revenus et emploi"
        LOGEMENT = "logement", "Logement"
        ALLOCATAIRES = "allocataires", "Allocataires"
        PETITE_ENFANCE = "petite_enfance", "Petite enfance"
        EDUCATION = "education", "Éducation"
        VIE_LOCALE = "vie_locale", "Vie locale"

    class Agregation(models.TextChoices):
        SOMME = "somme", "Se somme"
        AUCUNE = "aucune", "Ne se somme pas (taux, médiane, part)"

    code = models.SlugField("code", max_length=50, unique=True)
    intitule = models.CharField("intitulé", max_length=150, unique=True)
    unite = models.CharField("unité", max_length=30, blank=True)
    decimales = models.PositiveSmallIntegerField(
        "décimales affichées", default=0, validators=[MaxValueValidator(4)]
    )
    theme = models.CharField("thème", max_length=15, choices=Theme)
    agregation = models.CharField("agrégation", max_length=10, choices=Agregation, default=Agregation.AUCUNE)
    source = models.CharField("source habituelle", max_length=200, blank=True)
    remarque = models.CharField(
        "remarque",
        max_length=300,
        blank=True,
        help_text="Dite à côté du chiffre : par exemple « régime CAF seulement, la MSA manque ».",
    )

    class Meta:
        verbose_name = "indicateur"
        ordering = ["ordre", "intitule"]

    def __str__(self) -> str:
        return self.intitule

    @property
    def is_sommable(self) -> bool:
        return self.agregation == self.Agregation.SOMME


class ValeurQuerySet(models.QuerySet["Valeur"]):
    def visible_to(self, user: User) -> Self:
        """Figures gathered for the territoires whose conventions are open to ``user``."""
        return self.filter(territoire__conventions__in=Convention.objects.visible_to(user)).distinct()

    def known(self) -> Self:
        return self.filter(valeur__isnull=False)

    def with_lieu(self) -> Self:
        """Say in ``lieu`` the name of the place; its code when the reference data does not know it."""
        niveau = Valeur.Niveau
        commune = Commune.objects.filter(pk=OuterRef("code")).values("nom")[:1]
        departement = Departement.objects.filter(pk=OuterRef("code")).values("nom")[:1]
        region = Departement.objects.filter(code_region=OuterRef("code")).values("region")[:1]
        return self.annotate(
            lieu=Coalesce(
                Case(
                    When(niveau=niveau.COMMUNE, then=Subquery(commune)),
                    When(niveau=niveau.EPCI, code=F("territoire__siren"), then=F("territoire__nom")),
                    When(niveau=niveau.DEPARTEMENT, then=Subquery(departement)),
                    When(niveau=niveau.REGION, then=Subquery(region)),
                    When(niveau=niveau.FRANCE, then=Value("France")),
                    output_field=models.CharField(),
                ),
                F("code"),
                output_field=models.CharField(),
            )
        )

    def for_list(self) -> Self:
        return self.select_related("indicateur").with_lieu()

    def preuves_possibles(self, territoire: Territoire, constat: models.Model) -> Self:
        """What may show a constat: figures of the intercommunalité, of its communes where it has none, and those chosen."""
        niveau = Valeur.Niveau
        wide = Valeur.objects.filter(
            territoire=territoire, indicateur=OuterRef("indicateur"), niveau=niveau.EPCI, valeur__isnull=False
        )
        chosen = Q(pk__in=constat.valeurs.values("pk"))  # type: ignore[attr-defined]  # constat.py imports this module
        offered = Q(valeur__isnull=False) & (Q(niveau=niveau.EPCI) | Q(niveau=niveau.COMMUNE) & ~Exists(wide))
        return self.filter(chosen | offered, territoire=territoire).for_list()


class Valeur(TimestampedModel):
    """One figure: an indicateur at a place, for a year, from a source. Absent is ``None`` with its reason, never 0.

    ``territoire`` is for whom it was gathered: two territoires never write over each other, even for France.
    ``code`` is the INSEE code of a commune, the SIREN of an EPCI, the code of a département or a région, or « FR ».
    """

    class Niveau(models.TextChoices):
        COMMUNE = "commune", "Commune"
        EPCI = "epci", "Intercommunalité"
        DEPARTEMENT = "departement", "Département"
        REGION = "region", "Région"
        FRANCE = "france", "France"

    class Absence(models.TextChoices):
        SECRET = "secret", "Secret statistique"
        ABSENTE = "absente", "Non disponible"

    territoire = models.ForeignKey(Territoire, models.PROTECT, related_name="valeurs")
    indicateur = models.ForeignKey(Indicateur, models.PROTECT, related_name="valeurs")
    niveau = models.CharField("niveau", max_length=12, choices=Niveau)
    code = models.CharField("code du lieu", max_length=9)
    annee = models.PositiveSmallIntegerField(
        "année", validators=[MinValueValidator(1900), MaxValueValidator(2100)]
    )
    valeur = models.DecimalField("valeur", max_digits=18, decimal_places=4, null=True, blank=True)
    absence = models.CharField("pourquoi elle manque", max_length=10, choices=Absence, blank=True)
    source = models.CharField("source", max_length=200)
    importation = models.ForeignKey(
        Importation, models.SET_NULL, null=True, blank=True, related_name="valeurs"
    )

    objects = ValeurQuerySet.as_manager()

    class Meta:
        verbose_name = "valeur"
        ordering = ["indicateur__ordre", "niveau", "code", "-annee", "source", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["territoire", "indicateur", "niveau", "code", "annee", "source"],
                name="valeur_unique",
                violation_error_message="Ce chiffre est déjà inscrit : même lieu, même année, même source.",
            ),
            models.CheckConstraint(
                name="valeur_ou_raison",
                condition=Q(valeur__isnull=False, absence="") | Q(valeur=None) & ~Q(absence=""),
                violation_error_message="Un chiffre absent dit pourquoi : secret, ou non disponible.",
            ),
            models.CheckConstraint(
                name="valeur_annee_plausible",
                condition=Q(annee__gte=1900, annee__lte=2100),
                violation_error_message="L’année est comprise entre 1900 et 2100.",
            ),
            models.CheckConstraint(
                name="valeur_sourcee",
                condition=~Q(source=""),
                violation_error_message="Un chiffre porte sa source.",
            ),
        ]
        indexes = [models.Index(fields=["territoire", "niveau", "code"], name="valeur_lieu")]

    def __str__(self) -> str:
        return f"{self.indicateur} {self.annee}"

    @property
    def dite(self) -> str:
        """« Population municipale, Cazals, 2022 »; the place is read in ``with_lieu``, else its code."""
        return f"{self.indicateur}, {getattr(self, 'lieu', self.code)}, {self.annee}"

    @property
    def en_clair(self) -> str:
        """« Population municipale : 5 372 habitants, Cazals, 2022 (INSEE) »; as ``for_list`` loads it."""
        chiffre = self.get_absence_display().lower()
        if self.valeur is not None:
            chiffre = f"{nombre(self.valeur, self.indicateur.decimales)} {self.indicateur.unite}".strip()
        lieu = getattr(self, "lieu", self.get_niveau_display().lower())
        return f"{self.indicateur} : {chiffre}, {lieu}, {self.annee} ({self.source})"


class Correspondance(TimestampedModel):
    """What the columns of a file mean, as somebody said it once: offered again for the same head.

    ``entete`` is the SHA-256 of the normalised head; ``colonnes`` (JSON) maps each column to an indicateur,
    to the place, to the year, or to nothing.
    """

    territoire = models.ForeignKey(Territoire, models.CASCADE, related_name="correspondances")
    entete = models.CharField("empreinte de l’en-tête", max_length=64)
    intitule = models.CharField("nom", max_length=150)
    colonnes = models.JSONField("colonnes", default=dict)

    class Meta:
        verbose_name = "correspondance de colonnes"
        verbose_name_plural = "correspondances de colonnes"
        ordering = ["-updated_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["territoire", "entete"],
                name="correspondance_unique",
                violation_error_message="Ces colonnes ont déjà une correspondance.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule
