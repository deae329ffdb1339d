import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Count, F, Prefetch, Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention, Organisation
from ctg_portal.models import Ordered, TimestampedModel, User

if TYPE_CHECKING:
    from governance.models.reunion import Reunion

FEMININ = ("commission", "technique", "pleniere")


@dataclass(frozen=True)
class Veille:
    """An instance against its yearly minimum. ``avant_le`` is ``None`` where nothing is watched."""

    annee: int
    minimum: int
    tenues: tuple[datetime.date, ...]
    avant_le: datetime.date | None
    prochaine: "Reunion | None"

    @property
    def manque(self) -> int:
        """Meetings still to be held before ``avant_le``."""
        return max(0, self.minimum - len(self.tenues)) if self.avant_le else 0


class InstanceQuerySet(models.QuerySet["Instance"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def for_page(self) -> Self:
        """Its convention, members and meetings, in a constant number of queries."""
        membres = MembreInstance.objects.select_related("organisation", "user")
        return self.select_related("convention__territoire").prefetch_related(
            Prefetch("membres", membres), "reunions"
        )

    def with_meetings_held(self, annee: int) -> Self:
        """Annotate ``nb_tenues``: meetings held in the calendar year ``annee``."""
        held = Q(reunions__debut__year=annee, reunions__statut__in=("tenue", "diffusee"))
        return self.annotate(nb_tenues=Count("reunions", filter=held, distinct=True))

    def a_reunir(self) -> Self:
        """Those whose ``veille`` misses meetings this year: their convention runs, and the minimum is not reached."""
        today = timezone.localdate()
        return (
            self.with_meetings_held(today.year)
            .filter(
                minimum_annuel__gt=F("nb_tenues"),
                convention__debut__lte=datetime.date(today.year, 12, 31),
                convention__fin__gte=today,
            )
            .exclude(convention__statut__in=(Convention.Statut.CLOSE, Convention.Statut.RESILIEE))
        )


class Instance(TimestampedModel, Ordered):
    """A body that steers the convention: the COPIL decides, the COTECH makes it happen."""

    class Nature(models.TextChoices):
        COPIL = "copil", "Comité de pilotage"
        COTECH = "cotech", "Comité technique"
        GROUPE_TRAVAIL = "groupe_travail", "Groupe de travail"
        COMMISSION = "commission", "Commission"
        TECHNIQUE = "technique", "Réunion technique CAF – collectivité"
        PLENIERE = "pleniere", "Plénière"

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="instances")
    nature = models.CharField("nature", max_length=15, choices=Nature)
    intitule = models.CharField("intitulé", max_length=200)
    theme = models.CharField(
        "thème",
        max_length=150,
        blank=True,
        help_text="Pour un groupe de travail\u00a0: petite enfance, accès aux droits…",
    )
    role = models.TextField("rôle", blank=True)
    minimum_annuel = models.PositiveSmallIntegerField(
        "réunions par an, au moins",
        default=1,
        validators=[MaxValueValidator(52)],
        help_text="Une par an pour le COPIL et le COTECH ; 0 pour ne rien surveiller.",
    )
    quorum = models.PositiveSmallIntegerField(
        "quorum (voix)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text="Voix délibératives qu’il faut réunir, pouvoirs compris ; vide s’il n’y en a pas.",
    )
    pouvoirs_max = models.PositiveSmallIntegerField(
        "pouvoirs par personne, au plus",
        default=1,
        validators=[MaxValueValidator(20)],
        help_text="Un seul d’ordinaire ; 0 si l’instance n’admet pas de pouvoir.",
    )

    nb_tenues: int
    """Given by ``with_meetings_held()``."""

    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = "instance"
        ordering = ["ordre", "nature", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "intitule"],
                name="instance_intitule_unique",
                violation_error_message="Une instance porte déjà ce nom.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule

    def get_absolute_url(self) -> str:
        return reverse("governance:instance", args=[self.convention.code, self.pk])

    @property
    def sigle(self) -> str:
        """« COPIL », « COTECH », or the label of the nature."""
        if self.nature in (self.Nature.COPIL, self.Nature.COTECH):
            return self.nature.upper()
        return self.get_nature_display()

    @property
    def accord(self) -> str:
        """The « e » of « tenue » after a feminine name."""
        return "e" if self.nature in FEMININ else ""

    @property
    def membres_par_organisation(self) -> list[tuple[Organisation, list["MembreInstance"]]]:
        """Seats grouped by organisation, each at the place of its first seat. Reads ``membres.all()``."""
        groupes: dict[int, tuple[Organisation, list[MembreInstance]]] = {}
        for membre in self.membres.all():
            groupes.setdefault(membre.organisation_id, (membre.organisation, []))[1].append(membre)
        return list(groupes.values())

    @property
    def prochaine(self) -> "Reunion | None":
        """The nearest meeting still to be held. Reads ``reunions.all()``."""
        return min(
            (reunion for reunion in self.reunions.all() if reunion.is_a_venir),
            key=lambda reunion: reunion.debut,
            default=None,
        )

    @property
    def derniere(self) -> "Reunion | None":
        """The last meeting held. Reads ``reunions.all()``."""
        return max(
            (reunion for reunion in self.reunions.all() if reunion.is_tenue),
            key=lambda reunion: reunion.debut,
            default=None,
        )

    @property
    def veille(self) -> Veille:
        """The current calendar year, watched while the convention runs. Reads ``reunions.all()``."""
        today = timezone.localdate()
        fin_annee = min(datetime.date(today.year, 12, 31), self.convention.fin)
        watched = (
            self.minimum_annuel > 0
            and self.convention.debut.year <= today.year
            and today <= fin_annee
            and not self.convention.is_fermee
        )
        return Veille(
            annee=today.year,
            minimum=self.minimum_annuel,
            tenues=self._tenues(today.year),
            avant_le=fin_annee if watched else None,
            prochaine=self.prochaine,
        )

    @property
    def bilan_annuel(self) -> list[Veille]:
        """Past years of the convention, oldest first: which ones missed the minimum. Reads ``reunions.all()``."""
        this_year = timezone.localdate().year
        return [
            Veille(annee, self.minimum_annuel, self._tenues(annee), datetime.date(annee, 12, 31), None)
            for annee in self.convention.annees
            if annee < this_year
        ]

    def _tenues(self, annee: int) -> tuple[datetime.date, ...]:
        jours = (reunion.jour for reunion in self.reunions.all() if reunion.is_tenue)
        return tuple(sorted(jour for jour in jours if jour.year == annee))


class MembreInstance(Ordered):
    """A seat: an organisation, the function that holds it, and whether it votes. No account is needed."""

    class Qualite(models.TextChoices):
        TITULAIRE = "titulaire", "Titulaire"
        SUPPLEANT = "suppleant", "Suppléant·e"

    class Voix(models.TextChoices):
        DELIBERATIVE = "deliberative", "Voix délibérative"
        CONSULTATIVE = "consultative", "Voix consultative"

    instance = models.ForeignKey(Instance, models.CASCADE, related_name="membres")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="sieges")
    fonction = models.CharField("fonction", max_length=150)
    nom = models.CharField("prénom et nom", max_length=150, blank=True)
    qualite = models.CharField("qualité", max_length=10, choices=Qualite, default=Qualite.TITULAIRE)
    voix = models.CharField("voix", max_length=15, choices=Voix, default=Voix.DELIBERATIVE)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="sieges",
        verbose_name="compte",
    )
    email = models.EmailField(
        "adresse électronique",
        max_length=254,
        blank=True,
        help_text="Professionnelle, pour les convocations ; celle du compte, s’il y en a un, passe avant.",
    )

    class Meta:
        verbose_name = "membre"
        ordering = ["ordre", "organisation__nom", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["instance", "organisation", "fonction", "nom", "qualite"],
                name="membreinstance_unique",
                violation_error_message="Ce membre est déjà inscrit.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.nom or self.fonction} ({self.organisation})"

    @property
    def adresse(self) -> str:
        """Where the member is written to, empty when nobody knows. Reads ``user``."""
        return self.user.email if self.user and self.user.is_active else self.email
