from typing import Self

import pghistory
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from conventions.models.convention import Convention, Domaine, Signataire
from conventions.models.document import Document
from conventions.models.organisation import Organisation
from ctg_portal.models import TimestampedModel, User


class AvenantQuerySet(models.QuerySet["Avenant"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def for_page(self) -> Self:
        return self.select_related("convention__territoire", "copie").prefetch_related(
            "domaines_ajoutes",
            "domaines_retires",
            "organisations_ajoutees",
            "signataires_retires__organisation",
        )


class Statut(models.TextChoices):
    PROJET = "projet", "En projet"
    SIGNE = "signe", "Signé"
    ABANDONNE = "abandonne", "Abandonné"


TRANSITIONS_AVENANT = {Statut.PROJET.value: frozenset({Statut.SIGNE.value, Statut.ABANDONNE.value})}


@pghistory.track()
class Avenant(TimestampedModel):
    """A change of a convention that its signatories agree on: its period, who signs, its domaines, its plan.

    While in project it only says what will change. Once signed, the convention's current values follow
    and ``avant`` keeps what they were (JSON, ISO dates, names), so that the history shows both.
    """

    Statut = Statut

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="avenants")
    numero = models.PositiveSmallIntegerField("numéro", validators=[MinValueValidator(1)])
    objet = models.CharField("objet", max_length=300)
    texte = models.TextField("exposé des motifs", blank=True)
    statut = models.CharField("statut", max_length=10, choices=Statut, default=Statut.PROJET)
    signe_le = models.DateField("signé le", null=True, blank=True)
    nouveau_debut = models.DateField("nouveau début", null=True, blank=True)
    nouvelle_fin = models.DateField("nouvelle fin", null=True, blank=True)
    duree_motif = models.CharField(
        "motif d’une autre durée",
        max_length=300,
        blank=True,
        help_text="Une CTG dure quatre ou cinq ans ; sinon, dites pourquoi.",
    )
    domaines_ajoutes = models.ManyToManyField(Domaine, blank=True, related_name="+")
    domaines_retires = models.ManyToManyField(Domaine, blank=True, related_name="+")
    organisations_ajoutees = models.ManyToManyField(
        Organisation, blank=True, related_name="avenants_rejoints", verbose_name="nouveaux signataires"
    )
    signataires_retires = models.ManyToManyField(
        Signataire, blank=True, related_name="avenants_de_retrait", verbose_name="signataires qui se retirent"
    )
    modification_plan = models.TextField(
        "ce qui change dans le plan", blank=True, help_text="En mots : fiches ajoutées, modifiées, retirées."
    )
    avant = models.JSONField("valeurs d’avant", default=dict, blank=True, editable=False)
    copie = models.ForeignKey(
        Document,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="avenants",
        verbose_name="exemplaire signé",
    )

    objects = AvenantQuerySet.as_manager()

    class Meta:
        verbose_name = "avenant"
        ordering = ["numero", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "numero"],
                name="avenant_numero_unique",
                violation_error_message="Un avenant porte déjà ce numéro.",
            ),
            models.CheckConstraint(
                name="avenant_objet_non_vide",
                condition=~Q(objet=""),
                violation_error_message="Un avenant a un objet.",
            ),
            models.CheckConstraint(
                name="avenant_dates_dans_l_ordre",
                condition=Q(nouveau_debut=None)
                | Q(nouvelle_fin=None)
                | Q(nouveau_debut__lt=F("nouvelle_fin")),
                violation_error_message="La nouvelle fin doit suivre le nouveau début.",
            ),
            models.CheckConstraint(
                name="avenant_signe_date",
                condition=Q(statut="signe", signe_le__isnull=False) | (~Q(statut="signe") & Q(signe_le=None)),
                violation_error_message="Un avenant signé porte la date de sa signature.",
            ),
        ]

    def __str__(self) -> str:
        return f"Avenant n° {self.numero}"

    def get_absolute_url(self) -> str:
        return reverse("conventions:avenant", args=[self.convention.code, self.pk])

    @property
    def is_projet(self) -> bool:
        return self.statut == Statut.PROJET
