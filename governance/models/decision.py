from typing import Self

import pghistory
from django.core.validators import MinValueValidator
from django.db import models, transaction
from django.db.models import F, Prefetch, Q
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction
from conventions.models import Convention
from ctg_portal.models import TimestampedModel, User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError
from governance.models.instance import Instance
from governance.models.reunion import PointOrdreDuJour, Reunion


class DecisionQuerySet(models.QuerySet["Decision"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def ouvertes(self) -> Self:
        """To be carried out and not yet done."""
        return self.filter(a_suivre_q(), realisee_le=None)

    def en_retard(self) -> Self:
        """Open and past their échéance."""
        return self.ouvertes().filter(echeance__lt=timezone.localdate())

    def realisees(self) -> Self:
        return self.filter(realisee_le__isnull=False)

    def before(self, reunion: Reunion) -> Self:
        """Taken by an earlier meeting, of whatever instance of the convention."""
        return self.filter(
            convention=reunion.instance.convention_id, reunion__debut__lt=reunion.debut
        ).exclude(reunion=reunion)

    def most_pressing_first(self) -> Self:
        return self.order_by(F("echeance").asc(nulls_last=True), "-annee", "serie", "-rang")

    def for_list(self, user: User) -> Self:
        """With the effects on the fiches ``user`` may see, in a constant number of queries."""
        return self.select_related("reunion__instance", "convention").prefetch_related(
            Prefetch("effets", EffetDecision.objects.visible_to(user))
        )


def a_suivre_q() -> Q:
    """A « prise d'acte » calls for nothing; every other decision is followed until done."""
    return ~Q(nature="prise_acte")


@pghistory.track()
class Decision(TimestampedModel):
    """A decision of a meeting, numbered in its year: ``2026-COPIL-03``. Its effects change fiches."""

    class Nature(models.TextChoices):
        ADOPTION_PLAN = "adoption_plan", "Adoption du plan d’actions"
        VALIDATION_FICHE = "validation_fiche", "Validation d’une fiche"
        MODIFICATION_FICHE = "modification_fiche", "Modification d’une fiche"
        AJOUT_FICHE = "ajout_fiche", "Ajout d’une fiche"
        REPORT = "report", "Report"
        SUSPENSION = "suspension", "Suspension"
        ABANDON = "abandon", "Abandon"
        PRIORISATION = "priorisation", "Priorisation"
        ARBITRAGE_FINANCIER = "arbitrage_financier", "Arbitrage financier"
        DESIGNATION = "designation", "Désignation"
        ETUDE = "etude", "Étude"
        AVENANT = "avenant", "Avenant"
        VALIDATION_BILAN = "validation_bilan", "Validation d’un bilan"
        VALIDATION_EVALUATION = "validation_evaluation", "Validation de l’évaluation"
        LANCEMENT_RENOUVELLEMENT = "lancement_renouvellement", "Lancement du renouvellement"
        PRISE_ACTE = "prise_acte", "Prise d’acte"

    class Mode(models.TextChoices):
        CONSENSUS = "consensus", "Par consensus"
        VOTE = "vote", "Par un vote"

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="decisions")
    reunion = models.ForeignKey(Reunion, models.PROTECT, related_name="decisions", verbose_name="réunion")
    point = models.ForeignKey(
        PointOrdreDuJour,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="decisions",
        verbose_name="point de l’ordre du jour",
    )
    annee = models.PositiveSmallIntegerField("année")
    serie = models.CharField(
        "série", max_length=15, choices=[(n.value, n.value.upper()) for n in Instance.Nature]
    )
    rang = models.PositiveSmallIntegerField("rang dans l’année", validators=[MinValueValidator(1)])
    nature = models.CharField("nature", max_length=25, choices=Nature)
    texte = models.TextField("décision")
    responsable = models.CharField("qui s’en charge", max_length=150, blank=True)
    echeance = models.DateField("échéance", null=True, blank=True)
    realisee_le = models.DateField("réalisée le", null=True, blank=True)
    mode = models.CharField("prise", max_length=10, choices=Mode, default=Mode.CONSENSUS)
    pour = models.PositiveSmallIntegerField("pour", null=True, blank=True)
    contre = models.PositiveSmallIntegerField("contre", null=True, blank=True)
    abstentions = models.PositiveSmallIntegerField("abstentions", null=True, blank=True)
    fiches = models.ManyToManyField(
        FicheAction, through="EffetDecision", related_name="decisions", verbose_name="fiches concernées"
    )

    objects = DecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "décision"
        ordering = ["-annee", "serie", "-rang"]
        indexes = [index_texte("decision_texte", "texte", "responsable")]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "annee", "serie", "rang"],
                name="decision_numero_unique",
                violation_error_message="Ce numéro de décision est déjà pris.",
            ),
            models.CheckConstraint(name="decision_texte_non_vide", condition=~Q(texte="")),
            models.CheckConstraint(
                name="decision_vote_compte",
                condition=Q(mode="vote", pour__isnull=False, contre__isnull=False, abstentions__isnull=False)
                | Q(mode="consensus", pour=None, contre=None, abstentions=None),
                violation_error_message="Un vote compte les voix pour, contre et les abstentions ; un consensus n’en compte pas.",
            ),
        ]

    def __str__(self) -> str:
        return self.numero

    def get_absolute_url(self) -> str:
        return reverse("governance:decision", args=[self.convention.code, self.pk])

    @property
    def numero(self) -> str:
        """« 2026-COPIL-03 »."""
        return f"{self.annee}-{self.serie.upper().replace('_', '-')}-{self.rang:02d}"

    @property
    def prise(self) -> str:
        """« Par consensus » ; « Par un vote : 8 pour, 2 contre, 1 abstention »."""
        if self.mode == self.Mode.CONSENSUS:
            return str(self.Mode.CONSENSUS.label)
        abstentions = "s" if (self.abstentions or 0) > 1 else ""
        return f"Par un vote\u00a0: {self.pour} pour, {self.contre} contre, {self.abstentions} abstention{abstentions}"

    @property
    def is_ouverte(self) -> bool:
        return self.nature != self.Nature.PRISE_ACTE and self.realisee_le is None

    @property
    def is_late(self) -> bool:
        return self.is_ouverte and self.echeance is not None and self.echeance < timezone.localdate()

    @transaction.atomic
    def complete(self, *, by: User) -> None:
        """Mark as done today; who did it is in the history."""
        self.refresh_from_db(
            from_queryset=Decision.objects.select_for_update(of=("self",)).select_related("convention")
        )
        if not self.is_ouverte:
            raise TransitionError("Cette décision n’est plus ouverte.")
        self.realisee_le = timezone.localdate()
        with pghistory.context(par=by.pk):
            self.save(update_fields=["realisee_le", "updated_at"])


AVANCEMENTS = {
    "demarrage": FicheAction.Avancement.EN_COURS,
    "pause": FicheAction.Avancement.EN_PAUSE,
    "abandon": FicheAction.Avancement.ABANDONNEE,
    "realisation": FicheAction.Avancement.REALISEE,
}
"""Effects that move the avancement of the fiche, and to what."""

PRIORITES = {
    "priorite_haute": FicheAction.Priorite.HAUTE,
    "priorite_moyenne": FicheAction.Priorite.MOYENNE,
    "priorite_basse": FicheAction.Priorite.BASSE,
}
"""Effects that set the priority of the fiche, and to what."""


class EffetDecisionQuerySet(models.QuerySet["EffetDecision"]):
    def visible_to(self, user: User) -> Self:
        """A confidential fiche stays hidden in the decision that touches it."""
        return self.filter(fiche__in=FicheAction.objects.visible_to(user)).select_related(
            "fiche__plan__convention", "fiche__axe"
        )


class EffetDecision(models.Model):
    """What a decision does to one fiche, applied in the same transaction; ``aucun`` only links them."""

    class Effet(models.TextChoices):
        AUCUN = "aucun", "Sans effet sur l’avancement"
        DEMARRAGE = "demarrage", "Passe en cours"
        PAUSE = "pause", "Passe en pause"
        ABANDON = "abandon", "Passe à abandonnée"
        REALISATION = "realisation", "Passe à réalisée"
        PRIORITE_HAUTE = "priorite_haute", "Priorité haute"
        PRIORITE_MOYENNE = "priorite_moyenne", "Priorité moyenne"
        PRIORITE_BASSE = "priorite_basse", "Priorité basse"
        REPORT = "report", "Échéance reportée"

    decision = models.ForeignKey(Decision, models.CASCADE, related_name="effets")
    fiche = models.ForeignKey(FicheAction, models.PROTECT, related_name="effets")
    effet = models.CharField("effet", max_length=20, choices=Effet, default=Effet.AUCUN)
    nouvelle_echeance = models.DateField("nouvelle échéance", null=True, blank=True)
    avant = models.CharField("état avant", max_length=100, blank=True, editable=False)
    apres = models.CharField("état après", max_length=100, blank=True, editable=False)

    objects = EffetDecisionQuerySet.as_manager()

    class Meta:
        verbose_name = "effet d’une décision"
        verbose_name_plural = "effets d’une décision"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["decision", "fiche"],
                name="effetdecision_unique",
                violation_error_message="Cette fiche est déjà dans la décision.",
            ),
            models.CheckConstraint(
                name="effetdecision_report_date",
                condition=~Q(effet="report") | Q(nouvelle_echeance__isnull=False),
                violation_error_message="Un report donne la nouvelle échéance.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fiche} : {self.get_effet_display()}"

    @property
    def phrase(self) -> str:
        """« 2.1.3 passe à abandonnée (avant : en cours) »."""
        fiche = self.fiche.code or f"«\u00a0{self.fiche.intitule}\u00a0»"
        if self.effet == self.Effet.AUCUN:
            return f"{fiche} est concernée, sans changement"
        if self.effet == self.Effet.REPORT:
            change = f"est reportée au {self.apres}"
        elif self.effet in PRIORITES:
            change = f"passe en priorité {self.apres.lower()}"
        else:
            change = self.get_effet_display().lower()
        return f"{fiche} {change} (avant\u00a0: {self.avant.lower()})"
