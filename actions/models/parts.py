"""What a fiche is made of besides its own columns: team, budget, indicators, follow-up."""

from decimal import Decimal
from typing import Self

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import OuterRef, Q, Sum
from django.db.models.functions import Cast, JSONObject
from django.utils import timezone

from actions.models.fiche import FicheAction
from conventions.models import Convention, Dispositif, Financement, Organisation
from ctg_portal.models import Ordered, TimestampedModel, User

ANNEES = [MinValueValidator(2000), MaxValueValidator(2100)]
ANNEE_PLAUSIBLE = Q(annee__gte=2000, annee__lte=2100)
ANNEE_MESSAGE = "L’année est comprise entre 2000 et 2100."


class PartenaireFiche(Ordered):
    """A partner of the action, with its role: an organisation of the directory, or a plain name."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="partenaires")
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="fiches_partenaires"
    )
    nom = models.CharField(
        "nom", max_length=200, blank=True, help_text="Si l’organisation n’est pas dans l’annuaire."
    )
    role = models.CharField("rôle", max_length=200, blank=True)

    class Meta:
        verbose_name = "partenaire de la fiche"
        verbose_name_plural = "partenaires de la fiche"
        ordering = ["ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="partenairefiche_nomme",
                condition=Q(organisation__isnull=False) | ~Q(nom=""),
                violation_error_message="Choisissez une organisation ou écrivez un nom.",
            )
        ]

    def __str__(self) -> str:
        return str(self.organisation) if self.organisation else self.nom


class LigneBudgetQuerySet(models.QuerySet["LigneBudget"]):
    def totaux(self) -> dict[str, Decimal | None]:
        """Sums to the cent of ``prevu`` and ``realise``, in euros; ``None`` where nothing was entered."""
        return self.aggregate(prevu=Sum("prevu"), realise=Sum("realise"))


class LigneBudget(Ordered):
    """A cost of the action for one year, in euros."""

    class Nature(models.TextChoices):
        FONCTIONNEMENT = "fonctionnement", "Fonctionnement"
        INVESTISSEMENT = "investissement", "Investissement"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="lignes_budget")
    annee = models.PositiveSmallIntegerField("année", validators=ANNEES)
    nature = models.CharField("nature", max_length=15, choices=Nature, default=Nature.FONCTIONNEMENT)
    intitule = models.CharField("poste", max_length=200, blank=True)
    prevu = models.DecimalField("prévu (€)", max_digits=12, decimal_places=2, null=True, blank=True)
    realise = models.DecimalField("réalisé (€)", max_digits=12, decimal_places=2, null=True, blank=True)

    objects = LigneBudgetQuerySet.as_manager()

    class Meta:
        verbose_name = "ligne de budget"
        verbose_name_plural = "lignes de budget"
        ordering = ["annee", "ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="lignebudget_montants_positifs",
                condition=(Q(prevu=None) | Q(prevu__gte=0)) & (Q(realise=None) | Q(realise__gte=0)),
                violation_error_message="Un montant ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                name="lignebudget_annee_plausible",
                condition=ANNEE_PLAUSIBLE,
                violation_error_message=ANNEE_MESSAGE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.annee} {self.intitule or self.get_nature_display()}"


class LigneFinancement(Ordered):
    """A line of the « plan de financement »: what is asked from whom, and obtained, in euros."""

    class Etat(models.TextChoices):
        ENVISAGE = "envisage", "Envisagé"
        DEMANDE = "demande", "Demandé"
        ACCORDE = "accorde", "Accordé"
        REFUSE = "refuse", "Refusé"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="lignes_financement")
    annee = models.PositiveSmallIntegerField("année", validators=ANNEES)
    financeur = models.ForeignKey(
        Organisation, models.PROTECT, related_name="financements_de_fiches", verbose_name="financeur"
    )
    dispositif = models.ForeignKey(
        Dispositif, models.PROTECT, null=True, blank=True, related_name="financements_de_fiches"
    )
    demande = models.DecimalField("demandé (€)", max_digits=12, decimal_places=2, null=True, blank=True)
    obtenu = models.DecimalField("obtenu (€)", max_digits=12, decimal_places=2, null=True, blank=True)
    etat = models.CharField("état", max_length=10, choices=Etat, default=Etat.ENVISAGE)

    class Meta:
        verbose_name = "ligne de financement"
        verbose_name_plural = "lignes de financement"
        ordering = ["annee", "ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="lignefinancement_montants_positifs",
                condition=(Q(demande=None) | Q(demande__gte=0)) & (Q(obtenu=None) | Q(obtenu__gte=0)),
                violation_error_message="Un montant ne peut pas être négatif.",
            ),
            models.CheckConstraint(
                name="lignefinancement_annee_plausible",
                condition=ANNEE_PLAUSIBLE,
                violation_error_message=ANNEE_MESSAGE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.annee} {self.financeur}"


class ImputationQuerySet(models.QuerySet["Imputation"]):
    def visible_to(self, user: User) -> Self:
        """Those of the fiches that ``user`` may read: a confidential fiche is not named beside its money."""
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))

    def rows_for_page(self, user: User) -> ArraySubquery:
        """The money of the fiche of the outer query, the latest first, amounts as decimal text; that of a contract
        which ``user`` may not open is left out."""
        return self.filter(financement__convention__in=Convention.objects.visible_to(user))._rows()

    def rows_of_own_convention(self) -> ArraySubquery:
        """The same for the money of the convention whose plan holds the fiche, whoever reads."""
        return self.filter(financement__convention=OuterRef("plan__convention"))._rows()

    def _rows(self) -> ArraySubquery:
        rows = self.filter(fiche=OuterRef("pk")).order_by(
            "-financement__exercice", "financement__dispositif__ordre", "pk"
        )
        names = ("dispositif__intitule", "financeur__nom", "beneficiaire__nom", "convention__intitule")
        return ArraySubquery(
            rows.values(
                row=JSONObject(
                    exercice="financement__exercice",
                    code="financement__convention__code",
                    **{name.partition("__")[0]: f"financement__{name}" for name in names},
                    **{
                        name: Cast(f"financement__{name}", models.CharField())
                        for name in Financement.MONTANTS
                    },
                )
            )
        )


class Imputation(TimestampedModel):
    """Money of the convention that pays an action: ``Financement`` stands below the fiches and cannot name them."""

    financement = models.OneToOneField(Financement, models.CASCADE, related_name="imputation")
    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="imputations")

    objects = ImputationQuerySet.as_manager()

    class Meta:
        verbose_name = "imputation"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.financement} : {self.fiche}"


class IndicateurSuiviQuerySet(models.QuerySet["IndicateurSuivi"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))


class IndicateurSuivi(Ordered):
    """How the action is measured: a baseline, a target, yearly measures in ``unite``."""

    class Nature(models.TextChoices):
        MOYENS = "moyens", "Moyens"
        REALISATION = "realisation", "Réalisation"
        RESULTAT = "resultat", "Résultat"
        IMPACT = "impact", "Impact"
        CHANGEMENT = "changement", "Changement"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="indicateurs")
    intitule = models.CharField("indicateur", max_length=300)
    nature = models.CharField("nature", max_length=15, choices=Nature, default=Nature.REALISATION)
    unite = models.CharField("unité", max_length=50, blank=True)
    valeur_initiale = models.DecimalField(
        "valeur de départ", max_digits=14, decimal_places=2, null=True, blank=True
    )
    date_initiale = models.DateField("mesurée le", null=True, blank=True)
    cible = models.DecimalField("cible", max_digits=14, decimal_places=2, null=True, blank=True)
    echeance_cible = models.DateField("à atteindre le", null=True, blank=True)

    objects = IndicateurSuiviQuerySet.as_manager()

    class Meta:
        verbose_name = "indicateur de suivi"
        verbose_name_plural = "indicateurs de suivi"
        ordering = ["ordre", "pk"]

    def __str__(self) -> str:
        return self.intitule


class Mesure(models.Model):
    """The value of an indicator for one year, in its ``unite``; ``None`` when it could not be measured."""

    indicateur = models.ForeignKey(IndicateurSuivi, models.CASCADE, related_name="mesures")
    annee = models.PositiveSmallIntegerField("année", validators=ANNEES)
    valeur = models.DecimalField("valeur", max_digits=14, decimal_places=2, null=True, blank=True)
    commentaire = models.CharField("commentaire", max_length=300, blank=True)
    source = models.CharField("source", max_length=200, blank=True)

    class Meta:
        verbose_name = "mesure"
        ordering = ["annee", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["indicateur", "annee"],
                name="mesure_une_par_an",
                violation_error_message="Cet indicateur a déjà une mesure pour cette année.",
            ),
            models.CheckConstraint(
                name="mesure_annee_plausible",
                condition=ANNEE_PLAUSIBLE,
                violation_error_message=ANNEE_MESSAGE,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.indicateur} {self.annee}"


class Note(TimestampedModel):
    """Dated news of an action."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="notes")
    date = models.DateField("date", default=timezone.localdate)
    texte = models.TextField("note", help_text="Aucune information sur une famille ou une personne privée.")
    auteur = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="notes", editable=False)

    class Meta:
        verbose_name = "note"
        ordering = ["-date", "-pk"]

    def __str__(self) -> str:
        return f"Note du {self.date:%d/%m/%Y}"


class Bilan(TimestampedModel):
    """What was done in one year; the last one says whether the action reached its goal and what follows."""

    class Atteinte(models.TextChoices):
        ATTEINT = "atteint", "Objectif atteint"
        PARTIEL = "partiel", "Atteint en partie"
        NON_ATTEINT = "non_atteint", "Non atteint"

    class Suite(models.TextChoices):
        POURSUIVRE = "poursuivre", "Poursuivre"
        AMPLIFIER = "amplifier", "Amplifier"
        MODIFIER = "modifier", "Modifier"
        ARRETER = "arreter", "Arrêter"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="bilans")
    annee = models.PositiveSmallIntegerField("année", validators=ANNEES)
    realise = models.TextField("ce qui a été fait", blank=True)
    ecarts = models.TextField("écarts avec le prévu", blank=True)
    faits_marquants = models.TextField("faits marquants", blank=True)
    perspectives = models.TextField("perspectives", blank=True)
    atteinte = models.CharField("résultat", max_length=12, choices=Atteinte, blank=True)
    suite = models.CharField("suite à donner", max_length=12, choices=Suite, blank=True)

    class Meta:
        verbose_name = "bilan"
        ordering = ["-annee"]
        constraints = [
            models.UniqueConstraint(
                fields=["fiche", "annee"],
                name="bilan_un_par_an",
                violation_error_message="La fiche a déjà un bilan pour cette année.",
            ),
            models.CheckConstraint(
                name="bilan_annee_plausible",
                condition=ANNEE_PLAUSIBLE,
                violation_error_message=ANNEE_MESSAGE,
            ),
        ]

    def __str__(self) -> str:
        return f"Bilan {self.annee}"
