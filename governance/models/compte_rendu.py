"""The minutes of a meeting: written, submitted as a frozen version, approved by the EPCI and the CAF, then sent."""

from collections.abc import Collection
from typing import Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError
from governance.models.document import DocumentEmis
from governance.models.reunion import PointOrdreDuJour, Reunion


class CompteRenduQuerySet(models.QuerySet["CompteRendu"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(reunion__in=Reunion.objects.visible_to(user))

    def for_page(self) -> Self:
        return self.select_related("reunion__instance__convention__territoire", "auteur")

    def awaiting(self, cotes: Collection[str]) -> Self:
        """Submitted, and one of ``cotes`` did not say its word of that version yet."""
        said = VisaCompteRendu.objects.filter(document=OuterRef("document"), cote__in=cotes).order_by()
        count = Subquery(said.values("document").annotate(nb=Count("pk")).values("nb"))
        waiting = self.annotate(nb_dits=Coalesce(count, 0)).filter(nb_dits__lt=len(cotes))
        return waiting.filter(statut=CompteRendu.Statut.SOUMIS)

    def sent_back(self) -> Self:
        """Written again because somebody asked for a change in the last version submitted."""
        asked = VisaCompteRendu.objects.filter(
            document=OuterRef("document"), sens=VisaCompteRendu.Sens.REMARQUES
        )
        return self.filter(Exists(asked), statut=CompteRendu.Statut.REDACTION)

    def submitted(self) -> Self:
        """Those that wait for a word, or have it: what they say no longer moves."""
        return self.exclude(statut=CompteRendu.Statut.REDACTION)


class CompteRendu(TimestampedModel):
    """The minutes as they are written. What was submitted is a ``DocumentEmis``, that nothing changes afterwards."""

    class Statut(models.TextChoices):
        REDACTION = "redaction", "En rédaction"
        SOUMIS = "soumis", "Soumis à l’approbation"
        APPROUVE = "approuve", "Approuvé"
        DIFFUSE = "diffuse", "Diffusé"

    reunion = models.OneToOneField(
        Reunion, models.CASCADE, related_name="compte_rendu", verbose_name="réunion"
    )
    statut = models.CharField("statut", max_length=10, choices=Statut, default=Statut.REDACTION)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="comptes_rendus", verbose_name="commencé par"
    )
    document = models.ForeignKey(
        DocumentEmis,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="dernière version soumise",
    )
    diffuse_le = models.DateTimeField("diffusé le", null=True, blank=True, editable=False)

    objects = CompteRenduQuerySet.as_manager()

    class Meta:
        verbose_name = "compte rendu"
        verbose_name_plural = "comptes rendus"
        constraints = [
            models.CheckConstraint(
                name="compterendu_soumis_fige",
                condition=Q(statut="redaction") | Q(document__isnull=False),
                violation_error_message="Un compte rendu soumis a une version figée.",
            )
        ]

    def __str__(self) -> str:
        return f"Compte rendu – {self.reunion}"

    def get_absolute_url(self) -> str:
        return reverse("governance:compte_rendu", args=[self.convention.code, self.reunion_id])

    @property
    def convention(self) -> Convention:
        return self.reunion.instance.convention

    @property
    def cotes_donnees(self) -> set[str]:
        """Who already said a word of the last version submitted. Reads ``document.visas.all()``."""
        return {visa.cote for visa in self.document.visas.all()} if self.document else set()

    @property
    def is_redaction(self) -> bool:
        return self.statut == self.Statut.REDACTION


MINUTES_SOUMISES = (
    "Le compte rendu de cette réunion est soumis à l’approbation, ou approuvé\u00a0: reprenez-le d’abord."
)


def require_open_minutes(reunion: Reunion) -> None:
    """Raise ``TransitionError`` when the minutes of the meeting were submitted: what they say of it no longer moves."""
    if CompteRendu.objects.filter(reunion=reunion).submitted().exists():
        raise TransitionError(MINUTES_SOUMISES)


class PartieCompteRenduQuerySet(models.QuerySet["PartieCompteRendu"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(compte_rendu__in=CompteRendu.objects.visible_to(user))


class PartieCompteRendu(TimestampedModel, Ordered):
    """A part of the minutes: what was said on a point, or something beside the agenda."""

    compte_rendu = models.ForeignKey(CompteRendu, models.CASCADE, related_name="parties")
    point = models.ForeignKey(
        PointOrdreDuJour,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="parties",
        verbose_name="point de l’ordre du jour",
    )
    titre = models.CharField("titre", max_length=300)
    texte = models.TextField("texte", blank=True)
    notes_reprises = models.TextField(
        "notes reprises",
        blank=True,
        editable=False,
        help_text="Les notes dont son texte est parti, telles qu’elles étaient.",
    )

    objects = PartieCompteRenduQuerySet.as_manager()

    class Meta:
        verbose_name = "partie d’un compte rendu"
        verbose_name_plural = "parties d’un compte rendu"
        ordering = ["ordre", "pk"]
        indexes = [index_texte("partiecompterendu_texte", "titre", "texte")]
        constraints = [
            models.UniqueConstraint(
                fields=["compte_rendu", "point"],
                name="partiecompterendu_point_unique",
                violation_error_message="Ce point a déjà sa partie.",
            ),
            models.CheckConstraint(
                name="partiecompterendu_titre_non_vide",
                condition=~Q(titre=""),
                violation_error_message="Une partie a un titre.",
            ),
        ]

    def __str__(self) -> str:
        return self.titre

    def get_absolute_url(self) -> str:
        return self.compte_rendu.get_absolute_url()

    @property
    def convention(self) -> Convention:
        return self.compte_rendu.convention


class VisaCompteRendu(models.Model):
    """What the EPCI or the CAF said of one submitted version; the database refuses any change of it."""

    class Cote(models.TextChoices):
        EPCI = "epci", "Intercommunalité"
        CAF = "caf", "CAF"

    class Sens(models.TextChoices):
        APPROUVE = "approuve", "Approuvé"
        REMARQUES = "remarques", "À reprendre"

    compte_rendu = models.ForeignKey(CompteRendu, models.PROTECT, related_name="visas")
    document = models.ForeignKey(DocumentEmis, models.PROTECT, related_name="visas", verbose_name="version")
    cote = models.CharField("au nom de", max_length=4, choices=Cote)
    sens = models.CharField("avis", max_length=10, choices=Sens)
    remarques = models.TextField("remarques", blank=True)
    signataire = models.CharField("prénom et nom", max_length=150)
    fonction = models.CharField("fonction", max_length=150, blank=True)
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="enregistré par"
    )
    le = models.DateTimeField("le", default=timezone.now)

    class Meta:
        verbose_name = "visa d’un compte rendu"
        verbose_name_plural = "visas d’un compte rendu"
        ordering = ["-le", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "cote"],
                name="visacompterendu_un_par_version",
                violation_error_message="Cette version a déjà cet avis.",
            ),
            models.CheckConstraint(
                name="visacompterendu_remarques_dites",
                condition=Q(sens="approuve") | ~Q(remarques=""),
                violation_error_message="Dites ce qui est à reprendre.",
            ),
        ]
        triggers = [pgtrigger.Protect(name="visacompterendu_fige", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.get_cote_display()} : {self.get_sens_display().lower()}"


class Reouverture(models.Model):
    """A meeting that was locked and was opened again: who, when and why stay written."""

    reunion = models.ForeignKey(Reunion, models.CASCADE, related_name="reouvertures", verbose_name="réunion")
    motif = models.CharField("motif", max_length=500)
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="rouverte par"
    )
    le = models.DateTimeField("rouverte le", default=timezone.now)

    class Meta:
        verbose_name = "réouverture d’une réunion"
        verbose_name_plural = "réouvertures d’une réunion"
        ordering = ["-le", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="reouverture_motif_dit",
                condition=~Q(motif=""),
                violation_error_message="Une réouverture dit pourquoi.",
            )
        ]
        triggers = [pgtrigger.Protect(name="reouverture_figee", operation=pgtrigger.Update)]

    def __str__(self) -> str:
        return f"{self.reunion} : {self.motif}"


class SuiteDecision(models.Model):
    """What a later meeting heard of a decision: how far it is, and its échéance if that moved."""

    decision = models.ForeignKey("governance.Decision", models.CASCADE, related_name="suites")
    reunion = models.ForeignKey(
        Reunion, models.PROTECT, null=True, blank=True, related_name="suites", verbose_name="réunion"
    )
    texte = models.TextField("où l’on en est")
    echeance_avant = models.DateField("échéance d’avant", null=True, blank=True)
    echeance_apres = models.DateField("nouvelle échéance", null=True, blank=True)
    realisee = models.BooleanField("réalisée", default=False)
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="écrite par"
    )
    le = models.DateTimeField("écrite le", default=timezone.now)

    class Meta:
        verbose_name = "suite d’une décision"
        verbose_name_plural = "suites d’une décision"
        ordering = ["-le", "-pk"]
        constraints = [
            models.CheckConstraint(
                name="suitedecision_texte_non_vide",
                condition=~Q(texte=""),
                violation_error_message="Dites où l’on en est.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.decision} : {self.texte}"
