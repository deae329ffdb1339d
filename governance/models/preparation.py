"""What prepares an agenda before there is one: subjects that wait, agendas kept as templates."""

from collections.abc import Iterable
from typing import Self

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from actions.models import FicheAction
from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from governance.models.instance import Instance
from governance.models.reunion import PointOrdreDuJour


class SujetEnAttenteQuerySet(models.QuerySet["SujetEnAttente"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(instance__in=Instance.objects.visible_to(user))

    def en_attente(self) -> Self:
        """On no agenda yet, the oldest first: one whose point was taken off waits again."""
        return self.filter(point=None).order_by("created_at", "pk")


class SujetEnAttente(TimestampedModel):
    """A subject that an instance is to speak of one day; ``point`` is the item it became."""

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="sujets")
    intitule = models.CharField("intitulé", max_length=300)
    visee = models.CharField(
        "visée", max_length=12, choices=PointOrdreDuJour.Visee, default=PointOrdreDuJour.Visee.INFORMATION
    )
    texte = models.TextField("de quoi il s’agit", blank=True)
    fiches = models.ManyToManyField(
        FicheAction, blank=True, related_name="sujets", verbose_name="fiches concernées"
    )
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="sujets", verbose_name="proposé par"
    )
    point = models.ForeignKey(
        PointOrdreDuJour,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="sujets",
        verbose_name="mis à l’ordre du jour",
    )

    objects = SujetEnAttenteQuerySet.as_manager()

    class Meta:
        verbose_name = "sujet en attente"
        verbose_name_plural = "sujets en attente"
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(
                name="sujetenattente_intitule_non_vide",
                condition=~Q(intitule=""),
                violation_error_message="Un sujet a un intitulé.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule

    def get_absolute_url(self) -> str:
        return f"{reverse('governance:instance', args=[self.convention.code, self.instance_id])}#sujets"

    @property
    def convention(self) -> Convention:
        return self.instance.convention


class ModeleOrdreDuJourQuerySet(models.QuerySet["ModeleOrdreDuJour"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))


class ModeleOrdreDuJour(TimestampedModel):
    """An agenda kept under a name, for the meetings to come of the convention."""

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="modeles_ordre_du_jour")
    intitule = models.CharField("nom du modèle", max_length=150)

    objects = ModeleOrdreDuJourQuerySet.as_manager()

    class Meta:
        verbose_name = "modèle d’ordre du jour"
        verbose_name_plural = "modèles d’ordre du jour"
        ordering = ["intitule", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "intitule"],
                name="modeleordredujour_intitule_unique",
                violation_error_message="Un modèle porte déjà ce nom.",
            ),
            models.CheckConstraint(
                name="modeleordredujour_intitule_non_vide",
                condition=~Q(intitule=""),
                violation_error_message="Un modèle a un nom.",
            ),
        ]

    def __str__(self) -> str:
        return self.intitule

    def keep(self, points: Iterable[PointOrdreDuJour]) -> None:
        """Copy what an agenda says, without its fiches and its files, which are of one meeting."""
        PointModele.objects.bulk_create(
            PointModele(
                modele=self,
                ordre=rang,
                intitule=point.intitule,
                visee=point.visee,
                rapporteur=point.rapporteur,
                duree=point.duree,
                texte=point.texte,
            )
            for rang, point in enumerate(points, start=1)
        )


class PointModele(Ordered):
    """An item of an agenda kept as a template."""

    modele = models.ForeignKey(ModeleOrdreDuJour, models.CASCADE, related_name="points")
    intitule = models.CharField("intitulé", max_length=300)
    visee = models.CharField(
        "visée", max_length=12, choices=PointOrdreDuJour.Visee, default=PointOrdreDuJour.Visee.INFORMATION
    )
    rapporteur = models.CharField("rapporteur·e", max_length=150, blank=True)
    duree = models.PositiveSmallIntegerField(
        "durée (minutes)", null=True, blank=True, validators=[MaxValueValidator(24 * 60)]
    )
    texte = models.TextField("présentation", blank=True)

    class Meta:
        verbose_name = "point d’un modèle"
        verbose_name_plural = "points d’un modèle"
        ordering = ["ordre", "pk"]

    def __str__(self) -> str:
        return self.intitule
