from typing import Any, Self

import pghistory
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse

from conventions.models import Convention, Domaine, Organisation
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import require_transition


class DiagnosticQuerySet(models.QuerySet["Diagnostic"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))


class Statut(models.TextChoices):
    EN_COURS = "en_cours", "En cours"
    PARTAGE = "partage", "Partagé"
    VALIDE = "valide", "Validé en COPIL"


TRANSITIONS_DIAGNOSTIC = {
    Statut.EN_COURS.value: frozenset({Statut.PARTAGE.value}),
    Statut.PARTAGE.value: frozenset({Statut.VALIDE.value, Statut.EN_COURS.value}),
}


@pghistory.track()
class Diagnostic(TimestampedModel):
    """What was found on the territoire, shared: figures, offer of services, words from the field."""

    Statut = Statut

    convention = models.OneToOneField(Convention, models.CASCADE, related_name="diagnostic")
    annee = models.PositiveSmallIntegerField("année", null=True, blank=True)
    methode = models.TextField(
        "méthode", blank=True, help_text="Qui a participé, comment, avec quelles sources."
    )
    synthese = models.TextField("synthèse", blank=True)
    portrait = models.TextField(
        "portrait statistique", blank=True, help_text="Chaque chiffre avec sa source et son année."
    )
    offre_services = models.TextField("offre de services", blank=True)
    paroles_terrain = models.TextField(
        "paroles de terrain", blank=True, help_text="Jamais le nom d’une personne privée."
    )
    statut = models.CharField("statut", max_length=10, choices=Statut, default=Statut.EN_COURS)

    objects = DiagnosticQuerySet.as_manager()

    class Meta:
        verbose_name = "diagnostic"

    def __str__(self) -> str:
        return f"Diagnostic – {self.convention}"

    def get_absolute_url(self) -> str:
        return reverse("diagnostics:detail", args=[self.convention.code])

    @property
    def statuts_suivants(self) -> list[models.TextChoices]:
        """What the diagnostic may become, in the order of its life."""
        suivants = TRANSITIONS_DIAGNOSTIC.get(self.statut, frozenset())
        return [statut for statut in Statut if statut.value in suivants]

    @transaction.atomic
    def move_to(self, statut: str, *, by: User) -> None:
        """Change the statut along ``TRANSITIONS_DIAGNOSTIC``; the history keeps who and when."""
        self.refresh_from_db(from_queryset=Diagnostic.objects.select_for_update(of=("self",)))
        require_transition(
            TRANSITIONS_DIAGNOSTIC,
            self.statut,
            statut,
            refus=f"Un diagnostic « {self.get_statut_display().lower()} » ne peut pas devenir « {Statut(statut).label.lower()} ».",
        )
        self.statut = statut
        with pghistory.context(par=by.pk):
            self.save(update_fields=["statut", "updated_at"])


class PartQuerySet(models.QuerySet[Any]):
    """Rows of a diagnostic: ateliers, constats, enjeux."""

    def visible_to(self, user: User) -> Self:
        return self.filter(diagnostic__convention__in=Convention.objects.visible_to(user))

    def next_ordre(self) -> int:
        """The place after the last row."""
        last = self.aggregate(last=models.Max("ordre"))["last"]
        return 0 if last is None else last + 1


class Atelier(Ordered):
    """A working session of the diagnostic or of the plan, with its head-count."""

    diagnostic = models.ForeignKey(Diagnostic, models.CASCADE, related_name="ateliers")
    intitule = models.CharField("intitulé", max_length=200)
    theme = models.ForeignKey(
        Domaine, models.PROTECT, null=True, blank=True, related_name="ateliers", verbose_name="thème"
    )
    date = models.DateField("date", null=True, blank=True)
    lieu = models.CharField("lieu", max_length=200, blank=True)
    participants = models.PositiveIntegerField("nombre de participants", null=True, blank=True)
    organisations = models.ManyToManyField(
        Organisation, blank=True, related_name="ateliers", verbose_name="organisations présentes"
    )
    synthese = models.TextField("synthèse", blank=True)

    objects = PartQuerySet.as_manager()

    class Meta:
        verbose_name = "atelier"
        ordering = ["ordre", "date", "pk"]

    def __str__(self) -> str:
        return self.intitule


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

    objects = PartQuerySet.as_manager()

    class Meta:
        verbose_name = "constat"
        ordering = ["nature", "ordre", "pk"]

    def __str__(self) -> str:
        return self.intitule


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
