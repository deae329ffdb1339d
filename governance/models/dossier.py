"""What a meeting puts in its dossier, and the annexes that were frozen with it."""

from collections.abc import Sequence

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Q

from conventions.models import Convention
from ctg_portal.models import TimestampedModel
from ctg_portal.workflow import TransitionError
from governance.models.document import DocumentEmis
from governance.models.pieces import PieceReunion
from governance.models.reunion import Reunion


class Partie(models.TextChoices):
    """The parts a dossier may have, in the order in which they are proposed."""

    DEMANDES = "demandes", "Décisions demandées"
    ORDRE_DU_JOUR = "ordre_du_jour", "Ordre du jour"
    FICHES = "fiches", "Fiches concernées"
    AVANCEMENT = "avancement", "Où en est le plan d’actions"
    CHANGEMENTS = "changements", "Ce qui a changé depuis le dernier COPIL"
    INDICATEURS = "indicateurs", "Indicateurs"
    ARGENT = "argent", "Budget du plan"
    FINANCEMENTS = "financements", "Financements de la convention"
    A_SUIVRE = "a_suivre", "Décisions à suivre"
    DERNIERES = "dernieres", "Décisions de la dernière réunion"
    MEMBRES = "membres", "Membres"
    ANNEXES = "annexes", "Annexes"


class SommaireDossier(TimestampedModel):
    """The parts of the dossier of a meeting, in their order. A meeting without one has all of them."""

    class Fiches(models.TextChoices):
        COURTES = "courtes", "En quelques lignes chacune"
        ENTIERES = "entieres", "Entières, telles que dans le plan"

    reunion = models.OneToOneField(Reunion, models.CASCADE, related_name="sommaire_dossier")
    parties = ArrayField(models.CharField(max_length=15, choices=Partie), verbose_name="parties")
    fiches = models.CharField("fiches concernées", max_length=10, choices=Fiches, default=Fiches.COURTES)

    class Meta:
        verbose_name = "sommaire d’un dossier"
        verbose_name_plural = "sommaires des dossiers"
        constraints = [
            models.CheckConstraint(
                name="sommairedossier_parties_connues",
                condition=Q(parties__len__gte=1, parties__contained_by=Partie.values),
                violation_error_message="Un dossier a au moins une partie, parmi celles qui sont proposées.",
            )
        ]

    def __str__(self) -> str:
        return f"Sommaire du dossier, {self.reunion}"

    @property
    def convention(self) -> Convention:
        return self.reunion.instance.convention

    @property
    def ordonnees(self) -> list[Partie]:
        """Each part once, those that are known."""
        return [Partie(code) for code in dict.fromkeys(self.parties) if code in Partie.values]

    @classmethod
    def of(cls, reunion: Reunion) -> "SommaireDossier":
        """That of the meeting; all the parts, not saved, when nobody chose. No query when the row was joined."""
        found: SommaireDossier | None = getattr(reunion, "sommaire_dossier", None)
        return found or cls(reunion=reunion, parties=Partie.values)

    @classmethod
    @transaction.atomic
    def choose(cls, reunion: Reunion, *, parties: Sequence[str], fiches: str) -> "SommaireDossier":
        """Keep these parts in this order. Raise ``TransitionError`` for a cancelled meeting."""
        locked = Reunion.objects.select_for_update(of=("self",)).get(pk=reunion.pk)
        if locked.statut == Reunion.Statut.ANNULEE:
            raise TransitionError("La réunion est annulée\u00a0: son dossier ne change plus.")
        sommaire, _ = cls.objects.update_or_create(
            reunion=reunion, defaults={"parties": list(parties), "fiches": fiches}
        )
        return sommaire


class AnnexeEmise(models.Model):
    """A deposited file as a document was issued with it: appended to its file, or listed with the reason why not.

    What was deposited is never erased, so that the file can be drawn after it was withdrawn from the meeting.
    """

    document = models.ForeignKey(DocumentEmis, models.CASCADE, related_name="annexes")
    rang = models.PositiveSmallIntegerField("rang")
    piece = models.ForeignKey(PieceReunion, models.PROTECT, related_name="emissions", verbose_name="pièce")
    titre = models.CharField("titre", max_length=200)
    pages = models.PositiveSmallIntegerField("pages", null=True)
    refus = models.CharField("pourquoi elle n’est pas jointe", max_length=200, blank=True)

    class Meta:
        verbose_name = "annexe d’un document émis"
        verbose_name_plural = "annexes d’un document émis"
        ordering = ["rang"]
        constraints = [
            models.UniqueConstraint(
                fields=["document", "rang"],
                name="annexeemise_rang_unique",
                violation_error_message="Ce document a déjà une annexe de ce rang.",
            ),
            models.CheckConstraint(
                name="annexeemise_jointe_ou_refusee",
                condition=Q(pages__isnull=False, pages__gte=1, refus="") | Q(pages=None) & ~Q(refus=""),
                violation_error_message="Une annexe a des pages, ou une raison de n’être pas jointe.",
            ),
        ]
        triggers = [pgtrigger.ReadOnly(name="annexeemise_figee")]

    def __str__(self) -> str:
        return f"Annexe {self.rang} – {self.titre}"
