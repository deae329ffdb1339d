from typing import Any, Self

import pghistory
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse

from conventions.models import Convention
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError, require_transition


class DiagnosticQuerySet(models.QuerySet["Diagnostic"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))


class Statut(models.TextChoices):
    EN_COURS = "en_cours", "En cours"
    PARTAGE = "partage", "Partagé"
    VALIDE = "valide", "Validé en COPIL"

    @property
    def dit(self) -> str:
        """Inside a sentence: « validé en COPIL »."""
        return self.label[:1].lower() + self.label[1:]


TRANSITIONS_DIAGNOSTIC = {
    Statut.EN_COURS.value: frozenset({Statut.PARTAGE.value}),
    Statut.PARTAGE.value: frozenset({Statut.VALIDE.value, Statut.EN_COURS.value}),
    # A validated diagnostic that must change is opened again; what was frozen stays.
    Statut.VALIDE.value: frozenset({Statut.EN_COURS.value}),
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
    precedent = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="suivant",
        verbose_name="diagnostic précédent",
        help_text="Celui dont ce diagnostic est parti.",
    )

    objects = DiagnosticQuerySet.as_manager()

    class Meta:
        verbose_name = "diagnostic"
        constraints = [
            models.CheckConstraint(
                name="diagnostic_sans_boucle",
                condition=~Q(precedent=F("pk")),
                violation_error_message="Un diagnostic ne se précède pas lui-même.",
            )
        ]

    def __str__(self) -> str:
        return f"Diagnostic – {self.convention}"

    def get_absolute_url(self) -> str:
        return reverse("diagnostics:detail", args=[self.convention.code])

    @property
    def statut_dit(self) -> str:
        return Statut(self.statut).dit

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
            refus=f"Un diagnostic « {self.statut_dit} » ne peut pas devenir « {Statut(statut).dit} ».",
        )
        self.statut = statut
        with pghistory.context(par=by.pk):
            self.save(update_fields=["statut", "updated_at"])

    def keep_open(self) -> None:
        """Keep the row to the end of the transaction: nobody validates the diagnostic while a part of it is written.

        Raise ``TransitionError`` when somebody validated it since it was read.
        """
        rows = Diagnostic.objects.select_for_update(of=("self",)).filter(pk=self.pk)
        if rows.values_list("statut", flat=True).get() == Statut.VALIDE:
            raise TransitionError(
                "Quelqu’un vient de valider le diagnostic : il ne change plus, et rien n’a été enregistré."
            )

    @transaction.atomic
    def rank_enjeux(self, enjeux: list[int], *, seen: list[int]) -> None:
        """Give the enjeux the order of ``enjeux``, the keys of them all; ``seen`` is the order it starts from."""
        self.keep_open()
        rows = {row.pk: row for row in self.enjeux.all()}
        if list(rows) != seen or sorted(rows) != sorted(enjeux):
            raise TransitionError(
                "Quelqu’un d’autre a changé les enjeux ou leur ordre depuis l’ouverture de cette page : rien n’est écrasé."
            )
        for ordre, pk in enumerate(enjeux):
            rows[pk].ordre = ordre
        self.enjeux.bulk_update(rows.values(), ["ordre"])


class PartQuerySet(models.QuerySet[Any]):
    """Rows of a diagnostic: ateliers, constats, enjeux."""

    def visible_to(self, user: User) -> Self:
        return self.filter(diagnostic__convention__in=Convention.objects.visible_to(user))

    def next_ordre(self) -> int:
        """The place after the last row."""
        last = self.aggregate(last=models.Max("ordre"))["last"]
        return 0 if last is None else last + 1
