import calendar
import datetime
from typing import TYPE_CHECKING, ClassVar, Self

import pghistory
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import Count, Exists, F, Func, OuterRef, Q, Value
from django.urls import reverse
from django.utils import timezone

from conventions.models.organisation import Organisation
from conventions.models.reference import Territoire
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import TransitionError, require_transition

if TYPE_CHECKING:
    from conventions.models.document import Document

MOIS_RENOUVELLEMENT = 12
"""Months before the end of a convention from which its renewal is to be started."""


def add_years(day: datetime.date, years: int) -> datetime.date:
    """The same day ``years`` later; 29 February becomes 28 February in a common year."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def add_months(day: datetime.date, months: int) -> datetime.date:
    """The same day ``months`` later, or the last day of a month too short for it."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return day.replace(year=year, month=month + 1, day=min(day.day, calendar.monthrange(year, month + 1)[1]))


class Domaine(Ordered):
    """A field of action of a CTG: the national list, and local additions."""

    class Nature(models.TextChoices):
        NATIONAL = "national", "Liste nationale"
        LOCAL = "local", "Ajout local"

    code = models.SlugField("code", max_length=50, unique=True)
    intitule = models.CharField("intitulé", max_length=100, unique=True)
    nature = models.CharField("nature", max_length=10, choices=Nature, default=Nature.LOCAL)

    class Meta:
        verbose_name = "domaine"
        ordering = ["ordre", "intitule"]

    def __str__(self) -> str:
        return self.intitule


class ConventionQuerySet(models.QuerySet["Convention"]):
    def visible_to(self, user: User) -> Self:
        """Conventions on which ``user`` has a role, given on them or through an organisation.

        An organisation opens the conventions it signs and those of the territoire it administers. Three sets of
        keys and no join: a row comes once, however many ways lead to it.
        """
        if not user.is_authenticated:
            return self.none()
        signed = Signataire.objects.actuels().filter(organisation__habilitations__user=user)
        own = Organisation.objects.filter(habilitations__user=user, territoire__isnull=False)
        return self.filter(
            Q(pk__in=Convention.objects.filter(habilitations__user=user).values("pk"))
            | Q(pk__in=signed.values("convention"))
            | Q(territoire__in=own.values("territoire"))
        )

    def published(self) -> Self:
        """Those that have a page open to all: they were signed one day."""
        return self.exclude(statut=Convention.Statut.PREPARATION)

    def with_territoire(self) -> Self:
        return self.select_related("territoire__departement", "territoire__organisation")

    def with_signatures(self) -> Self:
        """Count in ``nb_signataires`` who signs today, in ``nb_signes`` who has."""
        actuels = Q(signataires__retire_par=None)
        return self.annotate(
            nb_signataires=Count("signataires", filter=actuels, distinct=True),
            nb_signes=Count(
                "signataires", filter=actuels & Q(signataires__signe_le__isnull=False), distinct=True
            ),
        )

    def for_list(self) -> Self:
        """Sorted as people look for a territoire, by its name without its legal form (``nom_tri``)."""
        legal_form = Value(f"^({'|'.join(Territoire.SHORT_PREFIXES)})")
        nom_tri = Func(F("territoire__nom"), legal_form, Value(""), function="regexp_replace")
        return (
            self.with_territoire()
            .select_related("principale__territoire")
            .with_signatures()
            .annotate(nom_tri=nom_tri)
            .order_by("nom_tri", "-debut", "pk")
        )

    def linked_to(self, convention: "Convention") -> Self:
        """Contracts around ``convention``: sharing its plan, before and after it; with who signs them."""
        around = Q(principale=convention) | Q(precedente=convention) | Q(suivante=convention)
        if convention.principale_id:
            around |= Q(pk=convention.principale_id) | Q(principale=convention.principale_id)
        return (
            self.filter(around)
            .exclude(pk=convention.pk)
            .select_related("territoire")
            .prefetch_related(
                models.Prefetch("signataires", Signataire.objects.actuels().select_related("organisation"))
            )
            .order_by("debut", "pk")
        )

    def contrats_du_plan(self, convention: "Convention") -> Self:
        """Contracts that share the plan ``convention`` is about: those tied to the CTG, whichever of them is read."""
        porteuse = convention.principale_id or convention.pk
        return (
            self.filter(principale=porteuse)
            .select_related("territoire", "principale__territoire")
            .order_by("debut", "pk")
        )

    def with_opening(self, user: User) -> Self:
        """Say in ``est_ouverte`` whether ``user`` may open the row: a contract is named to more people than read it."""
        visible = Convention.objects.visible_to(user).filter(pk=OuterRef("pk"))
        return self.annotate(est_ouverte=Exists(visible))

    def search(self, words: str) -> Self:
        """Conventions whose territoire, intitulé or numéro hold every word, whatever the case."""
        found = self
        for word in words.split():
            found = found.filter(
                Q(territoire__nom__icontains=word) | Q(intitule__icontains=word) | Q(numero__icontains=word)
            )
        return found

    def active_in(self, annee: int) -> Self:
        """Conventions whose period touches the calendar year."""
        return self.filter(debut__lte=datetime.date(annee, 12, 31), fin__gte=datetime.date(annee, 1, 1))

    def running_ctg(self) -> Self:
        """CTG being carried out or evaluated."""
        return self.filter(
            nature=Convention.Nature.CTG,
            statut__in=[
                Convention.Statut.SIGNEE,
                Convention.Statut.EN_COURS,
                Convention.Statut.EN_EVALUATION,
            ],
        )

    def ouvertes(self) -> Self:
        """Those that are still written: neither close nor résiliée."""
        return self.exclude(statut__in=[Convention.Statut.CLOSE, Convention.Statut.RESILIEE])

    def naming(self, organisation: Organisation) -> Self:
        """Conventions that ``organisation`` signs, joins, pays for or is paid by, and those of its territoire or commune."""
        found = (
            Q(pk__in=organisation.signatures.actuels().values("convention"))
            | Q(pk__in=organisation.partenariats.values("convention"))
            | Q(pk__in=organisation.financements_apportes.values("convention"))
            | Q(pk__in=organisation.financements_recus.values("convention"))
        )
        if organisation.territoire_id:
            found |= Q(territoire=organisation.territoire_id)
        if organisation.commune_id:
            territoires = Territoire.objects.filter(communes=organisation.commune_id)
            found |= Q(territoire__in=territoires.values("pk"))
        return self.filter(found)

    def expiring(self, today: datetime.date | None = None) -> Self:
        """Running conventions whose end comes within twelve months."""
        today = today or timezone.localdate()
        return self.filter(fin__gte=today, fin__lte=add_months(today, MOIS_RENOUVELLEMENT)).exclude(
            statut__in=[Convention.Statut.CLOSE, Convention.Statut.RESILIEE]
        )


class Statut(models.TextChoices):
    PREPARATION = "preparation", "En préparation"
    SIGNEE = "signee", "Signée"
    EN_COURS = "en_cours", "En cours"
    EN_EVALUATION = "en_evaluation", "En évaluation"
    CLOSE = "close", "Close"
    RESILIEE = "resiliee", "Résiliée"


TRANSITIONS_CONVENTION = {
    Statut.PREPARATION.value: frozenset({Statut.SIGNEE.value}),
    Statut.SIGNEE.value: frozenset({Statut.EN_COURS.value, Statut.RESILIEE.value}),
    Statut.EN_COURS.value: frozenset({Statut.EN_EVALUATION.value, Statut.RESILIEE.value}),
    Statut.EN_EVALUATION.value: frozenset({Statut.CLOSE.value, Statut.EN_COURS.value}),
}


@pghistory.track()
class Convention(TimestampedModel):
    """A CTG, or a contract linked to one: a period, signatories, domaines.

    The years of a convention are counted from its start: a CTG of 2022–2026 has years 1 to 5.
    """

    Statut = Statut

    class Nature(models.TextChoices):
        CTG = "ctg", "Convention territoriale globale"
        GMR = "gmr", "Grandir en milieu rural"
        CEJ = "cej", "Contrat enfance jeunesse"
        COM = "com", "Convention d’objectifs et de moyens"
        PEDT = "pedt", "Projet éducatif de territoire"
        CLS = "cls", "Contrat local de santé"
        CONTRAT_VILLE = "contrat_ville", "Contrat de ville"
        CRTE = "crte", "Contrat pour la réussite de la transition écologique"
        AUTRE = "autre", "Autre contrat"

    SIGLES: ClassVar[dict[str, str]] = {
        "ctg": "CTG",
        "gmr": "GMR",
        "cej": "CEJ",
        "com": "COM",
        "pedt": "PEdT",
        "cls": "CLS",
        "contrat_ville": "Contrat de ville",
        "crte": "CRTE",
        "autre": "Contrat",
    }

    code = models.SlugField(
        "code", max_length=80, unique=True, help_text="Dans l’adresse des pages ; ne change plus ensuite."
    )
    nature = models.CharField("nature", max_length=15, choices=Nature, default=Nature.CTG)
    territoire = models.ForeignKey(Territoire, models.PROTECT, related_name="conventions")
    numero = models.CharField("numéro", max_length=50, blank=True)
    intitule = models.CharField("intitulé", max_length=300)
    debut = models.DateField("début")
    fin = models.DateField("fin")
    duree_motif = models.CharField(
        "motif d’une autre durée",
        max_length=300,
        blank=True,
        help_text="Une CTG dure quatre ou cinq ans ; sinon, dites pourquoi.",
    )
    signee_le = models.DateField("signée le", null=True, blank=True)
    horizon_projet = models.DateField(
        "horizon du projet social",
        null=True,
        blank=True,
        help_text="S’il va plus loin que la convention.",
    )
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.PREPARATION)
    domaines = models.ManyToManyField(Domaine, blank=True, related_name="conventions")
    precedente = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="suivante",
        verbose_name="convention précédente",
    )
    principale = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="contrats_lies",
        verbose_name="CTG dont ce contrat partage le plan",
    )
    presentation = models.TextField(
        "présentation", blank=True, help_text="D’où vient la convention, ce qu’elle cherche, avec qui."
    )
    avertissement = models.TextField(
        "avertissement",
        blank=True,
        help_text="Affiché en tête de chaque page et des documents : par exemple « données d’illustration ».",
    )

    objects = ConventionQuerySet.as_manager()

    class Meta:
        verbose_name = "convention"
        ordering = ["territoire__nom", "-debut", "nature", "pk"]
        constraints = [
            models.CheckConstraint(
                name="convention_debut_avant_fin",
                condition=Q(debut__lt=F("fin")),
                violation_error_message="La date de fin doit suivre la date de début.",
            ),
            models.CheckConstraint(
                name="convention_sans_boucle",
                condition=~Q(precedente=F("pk")) & ~Q(principale=F("pk")),
                violation_error_message="Une convention ne peut pas se précéder ni dépendre d’elle-même.",
            ),
            models.CheckConstraint(
                name="convention_principale_pour_un_contrat_lie",
                condition=Q(principale=None) | ~Q(nature="ctg"),
                violation_error_message="Une CTG porte son propre plan d’actions ; elle ne dépend pas d’une autre.",
            ),
            models.CheckConstraint(
                name="convention_horizon_apres_debut",
                condition=Q(horizon_projet=None) | Q(horizon_projet__gt=F("debut")),
                violation_error_message="L’horizon du projet doit suivre le début de la convention.",
            ),
            # Ranges on both sides: GiST compares them without the extension btree_gist.
            ExclusionConstraint(
                name="convention_ctg_sans_chevauchement",
                expressions=[
                    (Func(F("territoire"), F("territoire"), Value("[]"), function="int8range"), "&&"),
                    (
                        Func(
                            F("debut"),
                            F("fin"),
                            Value("[]"),
                            function="daterange",
                            output_field=DateRangeField(),
                        ),
                        "&&",
                    ),
                ],
                condition=Q(nature="ctg") & ~Q(statut="resiliee"),
                violation_error_message="Une autre CTG de ce territoire couvre déjà une partie de cette période.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sigle} {self.territoire.nom_court} {self.periode}"

    def get_absolute_url(self) -> str:
        return reverse("conventions:detail", args=[self.code])

    def clean(self) -> None:
        super().clean()
        if (
            self.debut
            and self.fin
            and self.debut < self.fin
            and not self.duree_is_usual
            and not self.duree_motif
        ):
            raise ValidationError(
                {
                    "duree_motif": "Une CTG dure quatre ou cinq ans : dites pourquoi celle-ci a une autre durée."
                }
            )

    def lien_avec(self, other: "Convention") -> str:
        """What this contract is to ``other``, in words."""
        if self.pk == other.precedente_id:
            return "convention précédente"
        if self.precedente_id == other.pk:
            return "convention suivante"
        if self.pk == other.principale_id:
            return "CTG dont ce contrat partage le plan"
        return "contrat lié"

    def liens(self, user: User) -> list[tuple[str, "Convention"]]:
        """Contracts around this one, each with what it is to it; two queries."""
        around = Convention.objects.linked_to(self).with_opening(user)
        return [(contrat.lien_avec(self), contrat) for contrat in around]

    def overlaps(self, other: "Convention") -> bool:
        return self.debut <= other.fin and other.debut <= self.fin

    @property
    def sigle(self) -> str:
        return self.SIGLES[self.nature]

    @property
    def periode(self) -> str:
        """« 2022–2026 »."""
        return f"{self.debut.year}–{self.fin.year}"

    @property
    def duree_is_usual(self) -> bool:
        """A CTG lasts 4 or 5 whole years; other contracts last what they last."""
        if self.nature != self.Nature.CTG:
            return True
        day_after = self.fin + datetime.timedelta(days=1)
        return day_after in {add_years(self.debut, years) for years in (4, 5)}

    @property
    def annees(self) -> list[int]:
        """Calendar years the period touches."""
        return list(range(self.debut.year, self.fin.year + 1))

    @property
    def nombre_annees(self) -> int:
        """How many years the period counts, from its start (the last may be short)."""
        return self.annee_du(self.fin)

    def annee_du(self, day: datetime.date) -> int:
        """Which year of the convention ``day`` falls in: 1 for the first; 0 or less before, more than the last after."""
        years = day.year - self.debut.year
        if day < add_years(self.debut, years):
            years -= 1
        return years + 1

    @property
    def annee_courante(self) -> int:
        """Which year of the convention today is in."""
        return self.annee_du(timezone.localdate())

    @property
    def jours_total(self) -> int:
        return (self.fin - self.debut).days + 1

    @property
    def jours_ecoules(self) -> int:
        """Days gone by since the start, between 0 and ``jours_total``."""
        return min(max((timezone.localdate() - self.debut).days, 0), self.jours_total)

    @property
    def jours_restants(self) -> int:
        """Days from today to the end; negative once it is over."""
        return (self.fin - timezone.localdate()).days

    @property
    def statuts_suivants(self) -> list[models.TextChoices]:
        """What the convention may become, in the order of its life."""
        suivants = TRANSITIONS_CONVENTION.get(self.statut, frozenset())
        return [statut for statut in Statut if statut.value in suivants]

    @property
    def is_ouvert(self) -> bool:
        """Neither close nor résiliée: it may still be written."""
        return self.statut not in (Statut.CLOSE, Statut.RESILIEE)

    @property
    def is_commencee(self) -> bool:
        return self.debut <= timezone.localdate()

    @property
    def is_terminee(self) -> bool:
        return self.fin < timezone.localdate()

    @property
    def is_fermee(self) -> bool:
        """Close or résiliée: read, no longer carried out."""
        return self.statut in (Statut.CLOSE, Statut.RESILIEE)

    def finit_dans(self, months: int) -> bool:
        """The end comes within ``months`` from today, the same day of the month included; past ends count."""
        return self.fin <= add_months(timezone.localdate(), months)

    @property
    def renouvellement_a_lancer(self) -> bool:
        """Twelve months or less before the end of a running CTG."""
        return (
            self.nature == self.Nature.CTG
            and not self.is_fermee
            and not self.is_terminee
            and self.finit_dans(MOIS_RENOUVELLEMENT)
        )

    @transaction.atomic
    def move_to(self, statut: str, *, by: User) -> None:
        """Change the statut along ``TRANSITIONS_CONVENTION``; the history keeps who and when."""
        self.refresh_from_db(from_queryset=Convention.objects.select_for_update(of=("self",)))
        require_transition(
            TRANSITIONS_CONVENTION,
            self.statut,
            statut,
            refus=f"Une convention « {self.get_statut_display().lower()} » ne peut pas devenir « {Statut(statut).label.lower()} ».",
        )
        if statut == Statut.SIGNEE and (manque := self.missing_before_signature()):
            raise ValidationError(manque)
        self.statut = statut
        columns = ["statut", "updated_at"]
        if statut == Statut.SIGNEE and self.signee_le is None:
            self.signee_le = self.derniere_signature()
            columns.append("signee_le")
        with pghistory.context(par=by.pk):
            self.save(update_fields=columns)

    def missing_before_signature(self) -> list[str]:
        """What keeps the convention from being « signée », in sentences."""
        signataires = list(self.signataires.actuels().select_related("organisation"))
        if not signataires:
            return ["Aucun signataire n’est inscrit."]
        return [
            f"La signature de {signataire.organisation} manque."
            for signataire in signataires
            if signataire.signe_le is None
        ]

    def derniere_signature(self) -> datetime.date | None:
        """The day the last of those who sign today signed."""
        signed: datetime.date | None = self.signataires.actuels().aggregate(models.Max("signe_le"))[
            "signe_le__max"
        ]
        return signed


class SignataireQuerySet(models.QuerySet["Signataire"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def actuels(self) -> Self:
        """Without those that an avenant took out: they stay in the past."""
        return self.filter(retire_par=None)

    def for_page(self) -> Self:
        """Those who sign today, then those that an avenant took out."""
        return self.select_related("organisation", "copie", "ajoute_par", "retire_par").order_by(
            F("retire_par__numero").asc(nulls_first=True), "ordre", "pk"
        )


@pghistory.track()
class Signataire(Ordered):
    """An organisation that signs, by whom and on what authority. A convention is signed when all have.

    An avenant adds (``ajoute_par``) or takes out (``retire_par``) a signatory: the row stays.
    """

    SIGNATURE: ClassVar[tuple[str, ...]] = (
        "representant",
        "fonction",
        "deliberation_numero",
        "deliberation_date",
        "signe_le",
    )

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="signataires")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="signatures")
    representant = models.CharField(
        "représentée par", max_length=150, blank=True, help_text="Prénom et nom, ou laissez vide."
    )
    fonction = models.CharField("fonction", max_length=150, blank=True)
    deliberation_numero = models.CharField("délibération n°", max_length=50, blank=True)
    deliberation_date = models.DateField("délibération du", null=True, blank=True)
    signe_le = models.DateField("signé le", null=True, blank=True)
    copie = models.ForeignKey(
        "conventions.Document",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="signatures",
        verbose_name="exemplaire signé",
    )
    ajoute_par = models.ForeignKey(
        "conventions.Avenant",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="signataires_entres",
        verbose_name="ajouté par l’avenant",
    )
    retire_par = models.ForeignKey(
        "conventions.Avenant",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="signataires_sortis",
        verbose_name="retiré par l’avenant",
    )

    objects = SignataireQuerySet.as_manager()

    class Meta:
        verbose_name = "signataire"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "organisation"],
                condition=Q(retire_par=None),
                name="signataire_unique",
                violation_error_message="Cette organisation est déjà signataire.",
            )
        ]

    def __str__(self) -> str:
        return str(self.organisation)

    @property
    def is_actuel(self) -> bool:
        return self.retire_par_id is None

    @transaction.atomic
    def record_signature(self, *, copie: "Document | None", by: User) -> None:
        """Save who signed, when, on which délibération, and the signed copy if there is one.

        Raise ``TransitionError`` when an avenant took the signatory out meanwhile.
        """
        held = Signataire.objects.select_for_update(of=("self",)).get(pk=self.pk)
        if not held.is_actuel:
            raise TransitionError(
                f"{self.organisation} n’est plus signataire\u00a0: rien n’a été enregistré."
            )
        columns = list(self.SIGNATURE)
        if copie is not None:
            self.copie = copie
            columns.append("copie")
        with pghistory.context(par=by.pk):
            self.save(update_fields=columns)


class Partenaire(Ordered):
    """An organisation associated without signing."""

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="partenaires")
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="partenariats")
    role = models.CharField("rôle", max_length=200, blank=True)

    class Meta:
        verbose_name = "partenaire"
        ordering = ["ordre", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["convention", "organisation"],
                name="partenaire_unique",
                violation_error_message="Cette organisation est déjà partenaire.",
            )
        ]

    def __str__(self) -> str:
        return str(self.organisation)


class Phase(Ordered):
    """A stage in the life of a convention, planned and real. It may begin before the legal start."""

    class Nature(models.TextChoices):
        PREPARATION = "preparation", "Préparation"
        DIAGNOSTIC = "diagnostic", "Diagnostic"
        PLAN = "plan", "Plan d’actions"
        SIGNATURE = "signature", "Signature"
        MISE_EN_OEUVRE = "mise_en_oeuvre", "Mise en œuvre"
        EVALUATION = "evaluation", "Évaluation"
        RENOUVELLEMENT = "renouvellement", "Renouvellement"

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="phases")
    nature = models.CharField("phase", max_length=15, choices=Nature)
    precision = models.CharField("précision", max_length=150, blank=True)
    debut_prevu = models.DateField("début prévu")
    fin_prevue = models.DateField("fin prévue")
    debut_reel = models.DateField("début réel", null=True, blank=True)
    fin_reelle = models.DateField("fin réelle", null=True, blank=True)

    class Meta:
        verbose_name = "phase"
        ordering = ["debut_prevu", "ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="phase_dates_prevues_dans_l_ordre",
                condition=Q(debut_prevu__lte=F("fin_prevue")),
                violation_error_message="La fin prévue d’une phase suit son début.",
            ),
            models.CheckConstraint(
                name="phase_dates_reelles_dans_l_ordre",
                condition=Q(fin_reelle=None) | Q(debut_reel__isnull=False, debut_reel__lte=F("fin_reelle")),
                violation_error_message="La fin réelle d’une phase suit son début réel.",
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.get_nature_display()} ({self.precision})" if self.precision else self.get_nature_display()
        )

    @property
    def is_late_to_start(self) -> bool:
        """Its planned start is past, and nobody wrote that it began."""
        return self.debut_reel is None and self.debut_prevu < timezone.localdate()

    @property
    def is_late_to_end(self) -> bool:
        """Its planned end is past, and nobody wrote that it ended."""
        return self.fin_reelle is None and self.fin_prevue < timezone.localdate()

    @property
    def etat(self) -> str:
        """« terminée », « en cours », « à venir » or « en retard », computed from the dates."""
        today = timezone.localdate()
        if self.fin_reelle:
            return "terminée"
        if self.is_late_to_start or self.is_late_to_end:
            return "en retard"
        if self.debut_reel or self.debut_prevu <= today:
            return "en cours"
        return "à venir"


def convention_code(territoire: Territoire, nature: str, debut: datetime.date) -> str:
    """A readable code for a new convention: ``cazals-salviac-ctg-2022``."""
    return f"{territoire.slug[:55]}-{nature.replace('_', '-')}-{debut.year}"
