import datetime
from typing import Any, Self

import pghistory
from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from conventions.models.convention import Convention
from ctg_portal.depots import Depot
from ctg_portal.fichiers import FichierDepose
from ctg_portal.models import User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError


class DocumentQuerySet(models.QuerySet["Document"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(convention__in=Convention.objects.visible_to(user))

    def courants(self) -> Self:
        """The last version of each, without those that were withdrawn."""
        return self.filter(remplace_par=None, retire_le=None)

    def retires(self) -> Self:
        """The last version of each that was withdrawn."""
        return self.filter(remplace_par=None, retire_le__isnull=False)

    def publics(self) -> Self:
        """What anyone may read, without an account: public, not withdrawn, of a convention that was signed."""
        return (
            self.courants()
            .filter(visibilite=Document.Visibilite.PUBLIC)
            .exclude(convention__statut=Convention.Statut.PREPARATION)
        )

    def search(self, words: str) -> Self:
        """Documents whose title or file name hold every word, whatever the case."""
        found = self
        for word in words.split():
            found = found.filter(Q(titre__icontains=word) | Q(nom_fichier__icontains=word))
        return found

    def deposit(self, depot: Depot, *, by: User, **fields: Any) -> "Document":
        """Keep a file that was read (``ctg_portal.depots``) as a document of ``fields["convention"]``."""
        document = Document(auteur=by, **fields)
        document.receive(depot)
        with pghistory.context(par=by.pk):
            document.save()
        return document

    def for_list(self) -> Self:
        by_date = models.F("date").desc(nulls_last=True)
        return self.select_related("convention__territoire", "auteur").order_by(by_date, "-created_at", "pk")

    def for_page(self) -> Self:
        return self.select_related("convention__territoire", "auteur", "remplace_par")


@pghistory.track(exclude=["fichier"])
class Document(FichierDepose):
    """A file that somebody deposited in the library of a convention. A new version replaces it; nothing is deleted.

    The kind of file was recognised by its content when it came (``ctg_portal.depots``), never by its name.
    It is kept under a name drawn at random; the name it came with is ``nom_fichier``.
    """

    class Nature(models.TextChoices):
        CONVENTION = "convention", "Convention signée"
        SIGNATURE = "signature", "Exemplaire signé d’un signataire"
        AVENANT = "avenant", "Avenant signé"
        DELIBERATION = "deliberation", "Délibération"
        DIAGNOSTIC = "diagnostic", "Diagnostic"
        PLAN = "plan", "Plan d’actions"
        COMPTE_RENDU = "compte_rendu", "Compte rendu"
        BILAN = "bilan", "Bilan, évaluation"
        COF = "cof", "Convention d’objectifs et de financement"
        ETUDE = "etude", "Étude, schéma"
        COMMUNICATION = "communication", "Communication"
        AUTRE = "autre", "Autre document"

    class Visibilite(models.TextChoices):
        RESERVE = "reserve", "Réservé à ceux qui suivent la convention"
        PUBLIC = "public", "Public"

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="documents_deposes")
    nature = models.CharField("nature", max_length=15, choices=Nature, default=Nature.AUTRE)
    titre = models.CharField("titre", max_length=200)
    date = models.DateField("date du document", null=True, blank=True)
    visibilite = models.CharField("visibilité", max_length=10, choices=Visibilite, default=Visibilite.RESERVE)
    version = models.PositiveSmallIntegerField("version", default=1)
    remplace = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="remplace_par",
        verbose_name="remplace",
    )
    fichier = models.FileField("fichier", upload_to="documents/%Y/", max_length=200)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="documents_deposes", verbose_name="déposé par"
    )
    retire_le = models.DateTimeField("retiré le", null=True, blank=True, editable=False)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        verbose_name = "document déposé"
        verbose_name_plural = "documents déposés"
        ordering = ["-created_at", "-pk"]
        indexes = [index_texte("document_texte", "titre", "nom_fichier")]
        constraints = [
            models.CheckConstraint(
                name="document_titre_non_vide",
                condition=~Q(titre=""),
                violation_error_message="Un document a un titre.",
            ),
            models.CheckConstraint(
                name="document_version_suivante",
                condition=Q(remplace=None, version=1) | Q(remplace__isnull=False, version__gt=1),
                violation_error_message="Une nouvelle version remplace la précédente.",
            ),
        ]

    def __str__(self) -> str:
        return self.titre

    def get_absolute_url(self) -> str:
        return reverse("conventions:document_file", args=[self.convention.code, self.pk])

    @property
    def is_retire(self) -> bool:
        return self.retire_le is not None

    @property
    def is_courant(self) -> bool:
        """Neither replaced nor withdrawn; loaded by ``for_page()``."""
        return not self.is_retire and not hasattr(self, "remplace_par")

    def versions(self) -> list["Document"]:
        """This document and all that it replaces or that replaces it, the last first; one query."""
        chained = Q(remplace__isnull=False) | Q(remplace_par__isnull=False)
        rows = Document.objects.filter(chained, convention=self.convention_id).select_related("auteur")
        by_pk = {row.pk: row for row in rows}
        after = {row.remplace_id: row for row in by_pk.values()}
        last: Document = by_pk.get(self.pk, self)
        while last.pk in after:
            last = after[last.pk]
        found = [last]
        while (before := by_pk.get(found[-1].remplace_id or 0)) is not None:
            found.append(before)
        return found

    def citations(self) -> list[str]:
        """What holds this document as its signed copy, in words; two queries."""
        signatures = self.signatures.select_related("organisation")
        return [
            *(f"l’exemplaire signé de {signataire.organisation}" for signataire in signatures),
            *(f"l’exemplaire signé de l’avenant n°\u00a0{avenant.numero}" for avenant in self.avenants.all()),
        ]

    def _lock(self) -> None:
        """Read the row again, for this transaction alone."""
        self.refresh_from_db(from_queryset=Document.objects.select_for_update(of=("self",)))

    def require_courant(self) -> None:
        """Lock the row; raise ``TransitionError`` when somebody replaced or withdrew it meanwhile."""
        self._lock()
        if Document.objects.filter(remplace=self.pk).exists():
            raise TransitionError(
                "Une version plus récente vient d’être déposée\u00a0: ouvrez-la avant d’aller plus loin."
            )
        if self.is_retire:
            raise TransitionError("Ce document a été retiré\u00a0: remettez-le avant d’aller plus loin.")

    @transaction.atomic
    def replace(self, depot: Depot, *, by: User, date: datetime.date | None = None) -> "Document":
        """Deposit the next version; what held this one as its signed copy holds the next."""
        self.require_courant()
        following = Document.objects.deposit(
            depot,
            by=by,
            convention=self.convention,
            nature=self.nature,
            titre=self.titre,
            date=date,
            visibilite=self.visibilite,
            version=self.version + 1,
            remplace=self,
        )
        with pghistory.context(par=by.pk):
            self.signatures.update(copie=following)
            self.avenants.update(copie=following)
        return following

    @transaction.atomic
    def withdraw(self, *, by: User) -> None:
        """Take it out of the library; the row and the file stay."""
        self.require_courant()
        if cited := self.citations():
            raise TransitionError(
                f"Ce document est {' et '.join(cited)}\u00a0: déposez plutôt une nouvelle version."
            )
        self._move(timezone.now(), by)

    @transaction.atomic
    def restore(self, *, by: User) -> None:
        """Put it back in the library."""
        self._lock()
        if not self.is_retire:
            raise TransitionError("Ce document est déjà dans la bibliothèque.")
        self._move(None, by)

    def _move(self, retire_le: datetime.datetime | None, by: User) -> None:
        self.retire_le = retire_le
        with pghistory.context(par=by.pk):
            self.save(update_fields=["retire_le", "updated_at"])
