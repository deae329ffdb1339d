import datetime
from typing import Self

import pghistory
from django.db import models, transaction
from django.db.models import Count, F, Q
from django.urls import reverse
from django.utils import timezone

from conventions.models.convention import Convention, add_months
from conventions.models.organisation import Organisation
from conventions.models.reference import Commune, Territoire
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import TransitionError

COF_BIENTOT_MOIS = 6
"""Months before its end from which a COF is to be renewed."""


class TypeEquipement(Ordered):
    """A kind of équipement or service. The list is editable."""

    class Famille(models.TextChoices):
        PETITE_ENFANCE = "petite_enfance", "Petite enfance"
        ENFANCE_JEUNESSE = "enfance_jeunesse", "Enfance et jeunesse"
        PARENTALITE = "parentalite", "Parentalité"
        VIE_SOCIALE = "vie_sociale", "Animation de la vie sociale"
        ACCES_DROITS = "acces_droits", "Accès aux droits et numérique"
        CULTURE_SPORT_SANTE = "culture_sport_sante", "Culture, sport, santé"

    code = models.SlugField("code", max_length=50, unique=True)
    intitule = models.CharField("intitulé", max_length=100, unique=True)
    famille = models.CharField("famille", max_length=20, choices=Famille)
    unite_capacite = models.CharField(
        "unité de la capacité", max_length=50, blank=True, help_text="Par exemple « places »."
    )

    class Meta:
        verbose_name = "type d’équipement"
        verbose_name_plural = "types d’équipement"
        ordering = ["ordre", "intitule"]

    def __str__(self) -> str:
        return self.intitule


class EquipementQuerySet(models.QuerySet["Equipement"]):
    def visible_to(self, user: User) -> Self:
        """Équipements of the territoires whose conventions are open to ``user``."""
        return self.filter(territoire__conventions__in=Convention.objects.visible_to(user)).distinct()

    def en_service(self) -> Self:
        today = timezone.localdate()
        return self.filter(Q(ferme_le=None) | Q(ferme_le__gt=today)).filter(
            Q(ouvert_le=None) | Q(ouvert_le__lte=today)
        )

    def fermes(self) -> Self:
        return self.filter(ferme_le__lte=timezone.localdate())

    def a_ouvrir(self) -> Self:
        return self.filter(ouvert_le__gt=timezone.localdate()).filter(
            Q(ferme_le=None) | Q(ferme_le__gt=timezone.localdate())
        )

    def cof_expiree(self) -> Self:
        return self.filter(cof_fin__lt=timezone.localdate())

    def cof_bientot(self) -> Self:
        """Those whose COF ends within six months."""
        today = timezone.localdate()
        return self.filter(cof_fin__range=(today, add_months(today, COF_BIENTOT_MOIS)))

    def sans_cof(self) -> Self:
        return self.filter(cof_numero="", cof_debut=None, cof_fin=None)

    def search(self, words: str) -> Self:
        """Équipements whose name, kind, commune, gestionnaire or COF hold every word, whatever the case."""
        found = self
        for word in words.split():
            found = found.filter(
                Q(nom__icontains=word)
                | Q(type__intitule__icontains=word)
                | Q(commune__nom__icontains=word)
                | Q(gestionnaire__nom__icontains=word)
                | Q(cof_numero__icontains=word)
                | Q(agrement__icontains=word)
            )
        return found

    def for_list(self) -> Self:
        """By family and kind, then commune and name."""
        return self.select_related("type", "commune", "gestionnaire", "territoire").order_by(
            "type__ordre", "type__intitule", "commune__nom", "nom", "pk"
        )

    def with_lignes(self, convention: Convention) -> Self:
        """Each with ``nb_lignes``: how many lines of the money of ``convention`` name it."""
        return self.annotate(nb_lignes=Count("financements", filter=Q(financements__convention=convention)))


@pghistory.track()
class Equipement(TimestampedModel):
    """An équipement or a service of a territoire: it outlives each convention, so it belongs to the territoire.

    In service or not is computed from its dates of opening and closing.
    """

    territoire = models.ForeignKey(Territoire, models.PROTECT, related_name="equipements")
    type = models.ForeignKey(TypeEquipement, models.PROTECT, related_name="equipements")
    nom = models.CharField("nom", max_length=200)
    commune = models.ForeignKey(
        Commune, models.PROTECT, null=True, blank=True, related_name="equipements", verbose_name="commune"
    )
    adresse = models.CharField("adresse", max_length=300, blank=True)
    gestionnaire = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="equipements",
        verbose_name="gestionnaire",
    )
    capacite = models.PositiveIntegerField("capacité", null=True, blank=True)
    ouverture = models.CharField(
        "ouverture", max_length=200, blank=True, help_text="Jours, heures, périodes : en mots."
    )
    agrement = models.CharField("agrément", max_length=100, blank=True)
    cof_numero = models.CharField(
        "n° de la COF", max_length=50, blank=True, help_text="Convention d’objectifs et de financement."
    )
    cof_debut = models.DateField("début de la COF", null=True, blank=True)
    cof_fin = models.DateField("fin de la COF", null=True, blank=True)
    ouvert_le = models.DateField("ouvert le", null=True, blank=True)
    ferme_le = models.DateField("fermé le", null=True, blank=True)
    observations = models.TextField("observations", blank=True)

    objects = EquipementQuerySet.as_manager()

    class Meta:
        verbose_name = "équipement"
        ordering = ["nom", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["territoire", "type", "nom", "commune"],
                name="equipement_unique",
                nulls_distinct=False,
                violation_error_message="Cet équipement est déjà inscrit : même type, même nom, même commune.",
            ),
            models.CheckConstraint(
                name="equipement_nom_non_vide",
                condition=~Q(nom=""),
                violation_error_message="Un équipement a un nom.",
            ),
            models.CheckConstraint(
                name="equipement_cof_dans_l_ordre",
                condition=Q(cof_debut=None) | Q(cof_fin=None) | Q(cof_debut__lte=F("cof_fin")),
                violation_error_message="La fin de la COF suit son début.",
            ),
            models.CheckConstraint(
                name="equipement_fermeture_apres_ouverture",
                condition=Q(ouvert_le=None) | Q(ferme_le=None) | Q(ouvert_le__lte=F("ferme_le")),
                violation_error_message="La fermeture suit l’ouverture.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom

    def url_in(self, convention: Convention) -> str:
        """Its page in one of the conventions of its territoire."""
        return reverse("conventions:equipement_edit", args=[convention.code, self.pk])

    @property
    def is_en_service(self) -> bool:
        today = timezone.localdate()
        return (self.ouvert_le is None or self.ouvert_le <= today) and (
            self.ferme_le is None or self.ferme_le > today
        )

    @property
    def etat(self) -> str:
        """« en service », « fermé » or « à ouvrir », computed from the dates."""
        if self.is_en_service:
            return "en service"
        today = timezone.localdate()
        return "fermé" if self.ferme_le and self.ferme_le <= today else "à ouvrir"

    @property
    def cof_is_expiree(self) -> bool:
        return self.cof_fin is not None and self.cof_fin < timezone.localdate()

    @property
    def cof_expire_bientot(self) -> bool:
        """Within six months, today included."""
        today = timezone.localdate()
        return self.cof_fin is not None and today <= self.cof_fin <= add_months(today, COF_BIENTOT_MOIS)

    @property
    def has_cof(self) -> bool:
        return bool(self.cof_numero or self.cof_debut or self.cof_fin)

    def missing_before_delete(self) -> list[str]:
        """What keeps the équipement from being deleted, in sentences; one query."""
        count = self.financements.count()
        if not count:
            return []
        plural = "s" if count > 1 else ""
        return [
            f"{count}\u00a0financement{plural} {'le nomment' if plural else 'le nomme'}\u00a0: fermez-le plutôt, "
            "il restera dans leur histoire."
        ]

    @transaction.atomic
    def close(self, day: datetime.date, *, by: User) -> None:
        """Out of service from ``day`` on; what names it keeps it."""
        self.refresh_from_db(from_queryset=Equipement.objects.select_for_update(of=("self",)))
        self.ferme_le = day
        with pghistory.context(par=by.pk):
            self.save(update_fields=["ferme_le", "updated_at"])

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete a row written by mistake; refused once money names it."""
        self.refresh_from_db(from_queryset=Equipement.objects.select_for_update(of=("self",)))
        if missing := self.missing_before_delete():
            raise TransitionError(" ".join(missing))
        with pghistory.context(par=by.pk):
            self.delete()
