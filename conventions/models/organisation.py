from typing import TYPE_CHECKING, Self

from django.core.validators import FileExtensionValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from conventions.models.recherche import chiffres, colonne_sans_accents, mots
from conventions.models.reference import Commune, Departement, Territoire
from conventions.validators import validate_siren, validate_siret
from ctg_portal.models import User

if TYPE_CHECKING:
    from conventions.models.convention import Convention


class OrganisationQuerySet(models.QuerySet["Organisation"]):
    def visible_to(self, user: User) -> Self:
        """The directory is shared: whoever works on a convention may name any organisation."""
        return self if user.is_authenticated else self.none()

    def actives(self) -> Self:
        """Without those that were merged into another."""
        return self.filter(fusionnee_dans=None)

    def for_list(self) -> Self:
        """As the directory shows them; ``nom_tri`` puts « État » at E, whatever the collation."""
        return (
            self.actives()
            .select_related("departement")
            .annotate(nom_tri=colonne_sans_accents("nom"))
            .order_by("nom_tri", "pk")
        )

    def search(self, words: str) -> Self:
        """By SIREN or SIRET, or by name: every word, whatever the case, the accents and the hyphens."""
        if digits := chiffres(words):
            return self.filter(Q(siren__startswith=digits) | Q(siret__startswith=digits))
        found = self.annotate(nom_plat=colonne_sans_accents("nom"))
        for word in mots(words):
            found = found.filter(nom_plat__contains=word)
        return found

    def for_convention(self, convention: "Convention") -> Self:
        """Whom a convention may name: the organisations of its département, its communes, and those it already names."""
        territoire = convention.territoire
        return self.actives().filter(
            Q(departement=territoire.departement_id)
            | Q(territoire=territoire)
            | Q(commune__in=territoire.communes.values("pk"))
            | Q(pk__in=convention.signataires.values("organisation"))
            | Q(pk__in=convention.partenaires.values("organisation"))
            | Q(pk__in=convention.financements.values("financeur"))
            | Q(pk__in=convention.financements.values("beneficiaire"))
        )


class Organisation(models.Model):
    """A legal body or a structure that signs, pays, runs or takes part. Its contact is a function's, never a person's."""

    class Nature(models.TextChoices):
        EPCI = "epci", "Intercommunalité"
        COMMUNE = "commune", "Commune"
        SYNDICAT = "syndicat", "Syndicat"
        CAF = "caf", "CAF"
        MSA = "msa", "MSA"
        DEPARTEMENT = "departement", "Département"
        REGION = "region", "Région"
        ETAT = "etat", "État, préfecture"
        DSDEN = "dsden", "DSDEN – SDJES"
        ARS = "ars", "ARS"
        CPAM = "cpam", "CPAM"
        CARSAT = "carsat", "CARSAT"
        FRANCE_TRAVAIL = "france_travail", "France Travail"
        MISSION_LOCALE = "mission_locale", "Mission locale"
        UDAF = "udaf", "UDAF"
        CENTRE_SOCIAL = "centre_social", "Centre social"
        EVS = "evs", "Espace de vie sociale"
        CCAS = "ccas", "CCAS, CIAS"
        ETABLISSEMENT_SCOLAIRE = "etablissement_scolaire", "Établissement scolaire"
        SIAE = "siae", "Structure d’insertion par l’activité économique"
        ASSOCIATION = "association", "Association"
        ENTREPRISE = "entreprise", "Entreprise"
        AUTRE = "autre", "Autre"

    nom = models.CharField("nom", max_length=200)
    nature = models.CharField("nature", max_length=25, choices=Nature)
    siren = models.CharField("SIREN", max_length=9, blank=True, validators=[validate_siren])
    siret = models.CharField("SIRET", max_length=14, blank=True, validators=[validate_siret])
    departement = models.ForeignKey(
        Departement,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="organisations",
        verbose_name="département",
    )
    territoire = models.OneToOneField(
        Territoire,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="organisation",
        verbose_name="territoire qu’elle administre",
    )
    commune = models.OneToOneField(
        Commune,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="organisation",
        verbose_name="commune qu’elle administre",
    )
    fonction_contact = models.CharField("fonction à contacter", max_length=150, blank=True)
    courriel = models.EmailField("adresse électronique de la fonction", blank=True)
    telephone = models.CharField("téléphone", max_length=30, blank=True)
    logo = models.ImageField(
        "logo",
        upload_to="logos/",
        blank=True,
        validators=[FileExtensionValidator(["png", "jpg", "jpeg"])],
        help_text="PNG ou JPEG, 1 Mo au plus.",
    )
    fusionnee_dans = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="doublons",
        verbose_name="réunie à",
        editable=False,
    )

    objects = OrganisationQuerySet.as_manager()

    class Meta:
        verbose_name = "organisation"
        ordering = ["nom", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["siren", "nom"],
                condition=~Q(siren=""),
                name="organisation_siren_nom_unique",
                violation_error_message="Cette organisation est déjà dans l’annuaire.",
            ),
            models.CheckConstraint(
                name="organisation_sans_boucle",
                condition=~Q(fusionnee_dans=F("pk")),
                violation_error_message="Une organisation ne fusionne pas avec elle-même.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom

    def get_absolute_url(self) -> str:
        return reverse("conventions:organisation", args=[self.pk])

    @property
    def survivante(self) -> "Organisation":
        """The row that now stands for this one: itself, or what it was merged into. One query a merge."""
        found = self
        while found.fusionnee_dans is not None:
            found = found.fusionnee_dans
        return found
