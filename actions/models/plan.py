import datetime
from typing import Any, Self

import pghistory
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import require_transition
from diagnostics.models import Enjeu

NOMBRE_COULEURS = 8
"""Colours of the colour-blind-safe set of axes, ``.axe-1`` to ``.axe-8`` in the theme."""
DELAI_AVIS = 30
"""Days given to the CAF for its avis, until a plan says otherwise; no published source settles it."""


class PlanActionsQuerySet(models.QuerySet["PlanActions"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def for_page(self) -> Self:
        axes = models.Prefetch("axes", Axe.objects.prefetch_related("objectifs__enjeux"))
        return self.select_related("convention__territoire").prefetch_related(axes)


class Statut(models.TextChoices):
    EN_ELABORATION = "en_elaboration", "En élaboration"
    SOUMIS = "soumis", "Soumis à avis"
    ADOPTE = "adopte", "Adopté en COPIL"
    EN_REVISION = "en_revision", "En révision"


TRANSITIONS_PLAN = {
    Statut.EN_ELABORATION.value: frozenset({Statut.SOUMIS.value, Statut.ADOPTE.value}),
    Statut.SOUMIS.value: frozenset({Statut.ADOPTE.value, Statut.EN_ELABORATION.value}),
    Statut.ADOPTE.value: frozenset({Statut.EN_REVISION.value}),
    Statut.EN_REVISION.value: frozenset({Statut.SOUMIS.value, Statut.ADOPTE.value}),
}


@pghistory.track()
class PlanActions(TimestampedModel):
    """What will be done: axes, objectifs and fiches action of one convention. It may be adopted after the legal start."""

    Statut = Statut

    convention = models.OneToOneField(Convention, models.CASCADE, related_name="plan")
    version = models.PositiveSmallIntegerField("version", default=1)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.EN_ELABORATION)
    adopte_le = models.DateField("adopté le", null=True, blank=True)
    introduction = models.TextField("introduction", blank=True)
    delai_avis = models.PositiveSmallIntegerField(
        "délai de l’avis de la CAF (jours)",
        default=DELAI_AVIS,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
        help_text="Proposé à chaque envoi du plan ou d’une fiche pour avis ; la date se change alors.",
    )

    objects = PlanActionsQuerySet.as_manager()

    class Meta:
        verbose_name = "plan d’actions"
        verbose_name_plural = "plans d’actions"
        constraints = [
            models.CheckConstraint(
                name="planactions_adopte_avec_date",
                condition=~Q(statut="adopte") | Q(adopte_le__isnull=False),
                violation_error_message="Un plan adopté porte la date de son adoption.",
            ),
            models.CheckConstraint(
                name="planactions_delai_avis_plausible",
                condition=Q(delai_avis__gte=1, delai_avis__lte=365),
                violation_error_message="Le délai de l’avis va de 1 à 365 jours.",
            ),
        ]

    def __str__(self) -> str:
        return f"Plan d’actions – {self.convention}"

    def get_absolute_url(self) -> str:
        return reverse("actions:plan", args=[self.convention.code])

    @property
    def statuts_suivants(self) -> list[models.TextChoices]:
        """What the plan may become, in the order of its life."""
        suivants = TRANSITIONS_PLAN.get(self.statut, frozenset())
        return [statut for statut in Statut if statut.value in suivants]

    @property
    def echeance_avis(self) -> datetime.date:
        """The date proposed for an avis asked today."""
        return timezone.localdate() + datetime.timedelta(days=self.delai_avis)

    @transaction.atomic
    def move_to(self, statut: str, *, by: User, echeance: datetime.date | None = None) -> None:
        """Change the statut along ``TRANSITIONS_PLAN``; adopting dates the plan, and a revision starts a version.

        Submitting asks the CAF for its avis before ``echeance`` (by default, after ``delai_avis`` days). An avis not
        given when the plan is taken back or adopted is no longer expected.
        """
        self.refresh_from_db(from_queryset=PlanActions.objects.select_for_update(of=("self",)))
        require_transition(
            TRANSITIONS_PLAN,
            self.statut,
            statut,
            refus=f"Un plan « {self.get_statut_display().lower()} » ne peut pas devenir « {Statut(statut).label.lower()} ».",
        )
        if statut == Statut.ADOPTE:
            self.adopte_le = timezone.localdate()
        if statut == Statut.EN_REVISION:
            self.version += 1
        self.statut = statut
        with pghistory.context(par=by.pk):
            self.save(update_fields=["statut", "adopte_le", "version", "updated_at"])
        if statut == Statut.SOUMIS:
            self.avis.ask(self, by=by, echeance=echeance or self.echeance_avis)
        elif statut in (Statut.EN_ELABORATION, Statut.ADOPTE):
            self.avis.filter(fiche=None).withdraw()


def place_in_order(siblings: "models.QuerySet[Any]", row: Any, *, after: Any | None) -> None:
    """Put ``row`` right after ``after`` among its siblings (first when ``None``) and number them again."""
    rows = [sibling for sibling in siblings if sibling.pk != row.pk]
    rank = next((i + 1 for i, sibling in enumerate(rows) if after is not None and sibling.pk == after.pk), 0)
    rows.insert(rank, row)
    for ordre, sibling in enumerate(rows):
        sibling.ordre = ordre
    siblings.model._default_manager.bulk_update(rows, ["ordre"])


class AxeQuerySet(models.QuerySet["Axe"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(plan__convention__in=Convention.objects.visible_to(user))


class ObjectifQuerySet(models.QuerySet["Objectif"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(axe__plan__convention__in=Convention.objects.visible_to(user))


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Axe(Ordered):
    """An « axe stratégique ». Its displayed code is not its order, nor a key."""

    plan = models.ForeignKey(PlanActions, models.CASCADE, related_name="axes")
    code = models.CharField("code", max_length=20)
    intitule = models.CharField("intitulé", max_length=300)
    enjeu_central = models.TextField("enjeu central", blank=True)
    couleur = models.PositiveSmallIntegerField(
        "couleur",
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(NOMBRE_COULEURS)],
        help_text="De 1 à 8, dans le jeu de couleurs du portail.",
    )

    objects = AxeQuerySet.as_manager()

    class Meta:
        verbose_name = "axe"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "code"],
                name="axe_code_unique",
                violation_error_message="Un autre axe du plan porte déjà ce code.",
            ),
            models.CheckConstraint(
                name="axe_couleur_du_jeu",
                condition=Q(couleur__gte=1, couleur__lte=NOMBRE_COULEURS),
                violation_error_message="La couleur va de 1 à 8.",
            ),
        ]

    def __str__(self) -> str:
        return f"Axe {self.code} – {self.intitule}"


@pghistory.track(pghistory.InsertEvent(), pghistory.UpdateEvent(), pghistory.DeleteEvent())
class Objectif(Ordered):
    """An objectif of an axe, with the enjeux of the diagnostic it answers. Some plans have none."""

    axe = models.ForeignKey(Axe, models.CASCADE, related_name="objectifs")
    code = models.CharField("code", max_length=20)
    intitule = models.CharField("intitulé", max_length=300)
    enjeux = models.ManyToManyField(
        Enjeu, blank=True, related_name="objectifs", verbose_name="enjeux auxquels il répond"
    )

    objects = ObjectifQuerySet.as_manager()

    class Meta:
        verbose_name = "objectif"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["axe", "code"],
                name="objectif_code_unique",
                violation_error_message="Un autre objectif de l’axe porte déjà ce code.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.intitule}"
