import datetime
import uuid
from typing import Self

import pghistory
from django.contrib.postgres.functions import RandomUUID
from django.core.validators import MaxValueValidator
from django.db import models, transaction
from django.db.models import Prefetch
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction
from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError, require_transition
from governance.models.instance import Instance


class ReunionQuerySet(models.QuerySet["Reunion"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(instance__convention__in=Convention.objects.visible_to(user))

    def for_page(self, user: User) -> Self:
        """As ``for_agenda``, with the decisions taken on each point."""
        return self.for_agenda(user).prefetch_related("points__decisions")

    def for_agenda(self, user: User) -> Self:
        """Its agenda with the fiches ``user`` may see, in a constant number of queries."""
        fiches = (
            FicheAction.objects.visible_to(user)
            .select_related("plan__convention", "axe", "objectif")
            .with_late()
            .in_plan_order()
        )
        return self.select_related("instance__convention__territoire").prefetch_related(
            Prefetch("points__fiches", fiches)
        )

    def tenues(self) -> Self:
        """Those that took place, the latest first."""
        return self.filter(statut__in=(Statut.TENUE, Statut.DIFFUSEE)).order_by("-debut", "-pk")

    def copils_tenus(self) -> Self:
        return self.tenues().filter(instance__nature=Instance.Nature.COPIL)

    def a_venir(self) -> Self:
        """Still to be held, the nearest first. A meeting in session counts until it is held."""
        return self.filter(
            statut__in=STATUTS_A_VENIR,
            debut__gte=timezone.now() - datetime.timedelta(hours=12),
        ).order_by("debut", "pk")


class Statut(models.TextChoices):
    PREPARATION = "preparation", "En préparation"
    CONVOQUEE = "convoquee", "Convoquée"
    OUVERTE = "ouverte", "Ouverte"
    TENUE = "tenue", "Tenue"
    DIFFUSEE = "diffusee", "Compte rendu diffusé"
    ANNULEE = "annulee", "Annulée"


TRANSITIONS_REUNION = {
    Statut.PREPARATION.value: frozenset({Statut.CONVOQUEE.value, Statut.ANNULEE.value}),
    Statut.CONVOQUEE.value: frozenset({Statut.OUVERTE.value, Statut.TENUE.value, Statut.ANNULEE.value}),
    Statut.OUVERTE.value: frozenset({Statut.TENUE.value}),
    Statut.TENUE.value: frozenset({Statut.DIFFUSEE.value, Statut.OUVERTE.value}),
}

STATUTS_REPONDABLES = (Statut.PREPARATION, Statut.CONVOQUEE)
"""While the people expected may still answer, or be changed."""
STATUTS_A_VENIR = (Statut.PREPARATION, Statut.CONVOQUEE, Statut.OUVERTE)


@pghistory.track(exclude=["uid", "sequence", "quorum", "point_courant"])
class Reunion(TimestampedModel):
    """A meeting of an instance, from its preparation to its minutes."""

    Statut = Statut

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="reunions")
    debut = models.DateTimeField("date et heure")
    duree = models.PositiveSmallIntegerField(
        "durée (minutes)", default=120, validators=[MaxValueValidator(24 * 60)]
    )
    lieu = models.CharField("lieu", max_length=200, blank=True)
    lien = models.URLField("lien de visioconférence", blank=True)
    president = models.CharField("présidée par", max_length=150, blank=True)
    secretaire = models.CharField("secrétaire", max_length=150, blank=True)
    statut = models.CharField("statut", max_length=12, choices=Statut, default=Statut.PREPARATION)
    notes = models.TextField("notes de séance", blank=True)
    uid = models.UUIDField(
        "identifiant d’agenda", default=uuid.uuid4, db_default=RandomUUID(), unique=True, editable=False
    )
    sequence = models.PositiveIntegerField(
        "révision d’agenda",
        default=0,
        editable=False,
        help_text="Augmente quand la date, la durée, le lieu ou le lien changent, et à l’annulation.",
    )
    quorum = models.PositiveSmallIntegerField(
        "quorum de cette réunion (voix)",
        null=True,
        blank=True,
        editable=False,
        help_text="Celui de l’instance quand la liste des personnes attendues a été établie.",
    )

    ouverte_le = models.DateTimeField("ouverte le", null=True, blank=True, editable=False)
    close_le = models.DateTimeField("close le", null=True, blank=True, editable=False)
    point_courant = models.ForeignKey(
        "PointOrdreDuJour",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="point dont on parle",
    )

    objects = ReunionQuerySet.as_manager()

    class Meta:
        verbose_name = "réunion"
        ordering = ["-debut", "-pk"]
        indexes = [index_texte("reunion_texte", "notes", "lieu")]
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "debut"],
                # One that was cancelled leaves its hour to another.
                condition=~models.Q(statut="annulee"),
                name="reunion_unique",
                violation_error_message="Cette instance a déjà une réunion à cette heure.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.instance.sigle} du {timezone.localtime(self.debut):%d/%m/%Y}"

    def get_absolute_url(self) -> str:
        return reverse("governance:reunion", args=[self.instance.convention.code, self.pk])

    @property
    def convention(self) -> Convention:
        return self.instance.convention

    @property
    def is_modifiable(self) -> bool:
        return self.statut in STATUTS_A_VENIR

    @property
    def is_repondable(self) -> bool:
        """The people expected may still answer, or be changed."""
        return self.statut in STATUTS_REPONDABLES

    @property
    def is_decidable(self) -> bool:
        """Decisions are written while the meeting is open, or from what it decided once held."""
        return self.statut in (Statut.OUVERTE, Statut.TENUE)

    @property
    def is_tenue(self) -> bool:
        """It took place, whether or not its minutes were sent."""
        return self.statut in (Statut.TENUE, Statut.DIFFUSEE)

    @property
    def is_a_venir(self) -> bool:
        """As ``a_venir()``: a meeting in session counts until it is held."""
        return self.statut in STATUTS_A_VENIR and self.debut >= timezone.now() - datetime.timedelta(hours=12)

    @property
    def is_a_cloturer(self) -> bool:
        """Its time is past and nobody said whether it was held."""
        return self.statut in STATUTS_A_VENIR and not self.is_a_venir

    @property
    def agenda_uid(self) -> str:
        """What a calendar program knows the meeting by, in e-mails and in feeds, whatever becomes of it."""
        return f"{self.uid}@portail-ctg"

    @property
    def jour(self) -> datetime.date:
        """The local day it begins."""
        return timezone.localtime(self.debut).date()

    @property
    def fin(self) -> datetime.datetime:
        return self.debut + datetime.timedelta(minutes=self.duree)

    @property
    def statuts_suivants(self) -> list[str]:
        """Codes of the statuts it may take now, in the order of a life."""
        allowed = TRANSITIONS_REUNION.get(self.statut, frozenset())
        return [statut for statut in Statut.values if statut in allowed]

    @property
    def minutes_prevues(self) -> int:
        """Sum of the minutes of the agenda. Reads ``points.all()``."""
        return sum(point.duree or 0 for point in self.points.all())

    @property
    def minutes_en_trop(self) -> int:
        """Minutes by which the agenda exceeds the time planned; 0 when it fits."""
        return max(0, self.minutes_prevues - self.duree)

    @property
    def points_sans_duree(self) -> int:
        """Points that nobody gave minutes to. Reads ``points.all()``."""
        return sum(point.duree is None for point in self.points.all())

    def missing(self) -> list[str]:
        """What a good convocation still lacks, in sentences; nothing is refused. Reads ``points.all()``."""
        checks = (
            (bool(self.lieu or self.lien), "Le lieu, ou un lien de visioconférence."),
            (bool(self.points.all()), "Un ordre du jour."),
            (bool(self.president), "Qui préside."),
        )
        return [sentence for present, sentence in checks if not present]

    @transaction.atomic
    def move_to(self, statut: str, *, by: User) -> None:
        """Change the statut along ``TRANSITIONS_REUNION``; the history keeps who and when."""
        self.refresh_from_db(
            from_queryset=Reunion.objects.select_for_update(of=("self",)).select_related(
                "instance__convention__territoire"
            )
        )
        require_transition(
            TRANSITIONS_REUNION,
            self.statut,
            statut,
            refus=f"Une réunion « {self.get_statut_display().lower()} » ne peut pas devenir « {Statut(statut).label.lower()} ».",
        )
        if statut in (Statut.OUVERTE, Statut.TENUE) and self.jour > timezone.localdate():
            raise TransitionError(
                f"La réunion a lieu le {self.jour:%d/%m/%Y} : elle ne peut pas être « {Statut(statut).label.lower()} » avant."
            )
        if statut == Statut.ANNULEE:
            self.sequence += 1
        elif statut == Statut.OUVERTE:
            self.ouverte_le, self.close_le = self.ouverte_le or timezone.now(), None
        elif statut == Statut.TENUE and self.statut == Statut.OUVERTE:
            self.close_le = timezone.now()
            self.points.leave()
            self.point_courant = None
        self.statut = statut
        changed = ["statut", "sequence", "ouverte_le", "close_le", "point_courant", "updated_at"]
        with pghistory.context(par=by.pk):
            self.save(update_fields=changed)


class PointOrdreDuJourQuerySet(models.QuerySet["PointOrdreDuJour"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(reunion__in=Reunion.objects.visible_to(user))

    def leave(self) -> None:
        """Stop the clocks that run."""
        self.filter(ouvert_le__isnull=False, clos_le=None).update(clos_le=timezone.now())


class PointOrdreDuJour(Ordered):
    """An item of the agenda, for information, for opinion or for decision, with the fiches it is about."""

    class Visee(models.TextChoices):
        INFORMATION = "information", "Pour information"
        AVIS = "avis", "Pour avis"
        DECISION = "decision", "Pour décision"

    reunion = models.ForeignKey(Reunion, models.CASCADE, related_name="points")
    intitule = models.CharField("intitulé", max_length=300)
    visee = models.CharField("visée", max_length=12, choices=Visee, default=Visee.INFORMATION)
    rapporteur = models.CharField("rapporteur·e", max_length=150, blank=True)
    duree = models.PositiveSmallIntegerField(
        "durée (minutes)", null=True, blank=True, validators=[MaxValueValidator(24 * 60)]
    )
    texte = models.TextField("présentation", blank=True)
    notes = models.TextField("notes de séance", blank=True)
    ouvert_le = models.DateTimeField("abordé le", null=True, blank=True, editable=False)
    clos_le = models.DateTimeField("quitté le", null=True, blank=True, editable=False)
    secondes_avant = models.PositiveIntegerField(
        "secondes des fois précédentes",
        default=0,
        db_default=0,
        editable=False,
        help_text="Temps passé sur le point avant qu’il soit abordé pour la dernière fois.",
    )
    fiches = models.ManyToManyField(
        FicheAction, blank=True, related_name="points", verbose_name="fiches concernées"
    )

    objects = PointOrdreDuJourQuerySet.as_manager()

    class Meta:
        verbose_name = "point de l’ordre du jour"
        verbose_name_plural = "points de l’ordre du jour"
        ordering = ["ordre", "pk"]
        indexes = [index_texte("pointordredujour_texte", "intitule", "texte", "rapporteur")]

    def __str__(self) -> str:
        return self.intitule

    def get_absolute_url(self) -> str:
        return self.reunion.get_absolute_url()

    @property
    def convention(self) -> Convention:
        return self.reunion.convention

    @property
    def chrono_depuis(self) -> datetime.datetime | None:
        """When it would have begun had it been spoken of in one go; ``None`` before it is begun."""
        return self.ouvert_le and self.ouvert_le - datetime.timedelta(seconds=self.secondes_avant)

    @property
    def minutes_passees(self) -> int | None:
        """Whole minutes spent on it, all its times together, until now while it is not left; ``None`` before."""
        since = self.chrono_depuis
        return (
            None if since is None else int(((self.clos_le or timezone.now()) - since).total_seconds() // 60)
        )

    def take_up(self) -> None:
        """Start its clock; the time it had before is kept."""
        if self.ouvert_le and self.clos_le:
            self.secondes_avant += int((self.clos_le - self.ouvert_le).total_seconds())
        if self.ouvert_le is None or self.clos_le:
            self.ouvert_le, self.clos_le = timezone.now(), None
            self.save(update_fields=["secondes_avant", "ouvert_le", "clos_le"])
