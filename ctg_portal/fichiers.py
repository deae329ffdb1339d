"""What the deposited files of the portal share (ADR 0009): abstract models, each kind having a folder and rights of its own."""

import datetime
from pathlib import Path
from typing import Any

import pghistory
from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from ctg_portal.depots import Depot
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError


class FichierDepose(TimestampedModel):
    """A file that somebody deposited: what was read of it when it came, and the name it came with.

    Each kind has its own ``fichier``, kept under a name drawn at random in a folder of its own.
    """

    nom_fichier = models.CharField("nom du fichier", max_length=200)
    type_mime = models.CharField("type", max_length=100)
    taille = models.PositiveBigIntegerField("taille (octets)")
    sha256 = models.CharField("empreinte SHA-256", max_length=64)

    fichier: Any
    """The ``FileField`` of the kind."""

    class Meta:
        abstract = True

    @property
    def extension(self) -> str:
        """« PDF », « DOCX »…"""
        return Path(self.fichier.name or "").suffix.lstrip(".").upper()

    def receive(self, depot: Depot) -> None:
        """Take the file that was read; nothing is saved."""
        self.fichier = depot.fichier
        self.nom_fichier = depot.nom
        self.type_mime = depot.type_mime
        self.taille = depot.taille
        self.sha256 = depot.sha256


class Piece(FichierDepose):
    """A file that belongs to something. Withdrawn, it leaves the lists and stays; put back, it is there again.

    ``deja_la`` is what is said to whoever puts back one that is there.
    """

    titre = models.CharField("titre", max_length=200)
    retiree_le = models.DateTimeField("retirée le", null=True, blank=True, editable=False)
    retiree_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    deja_la = ""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.titre

    @property
    def is_retiree(self) -> bool:
        return self.retiree_le is not None

    def _lock(self) -> None:
        """Read the row again, for this transaction alone."""
        rows: models.QuerySet[Any] = type(self)._default_manager.select_for_update(of=("self",))
        self.refresh_from_db(from_queryset=rows)

    def require_courante(self) -> None:
        """Lock the row; raise ``TransitionError`` when somebody withdrew it meanwhile."""
        self._lock()
        if self.is_retiree:
            raise TransitionError("Cette pièce a été retirée\u00a0: remettez-la avant d’aller plus loin.")

    @transaction.atomic
    def withdraw(self, *, by: User) -> None:
        """Take it off; the row and the file stay."""
        self.require_courante()
        self._move(timezone.now(), by, by)

    @transaction.atomic
    def restore(self, *, by: User) -> None:
        """Put it back."""
        self._lock()
        if not self.is_retiree:
            raise TransitionError(self.deja_la)
        self._move(None, None, by)

    def _move(self, retiree_le: datetime.datetime | None, retiree_par: User | None, by: User) -> None:
        self.retiree_le = retiree_le
        self.retiree_par = retiree_par
        with pghistory.context(par=by.pk):
            self.save(update_fields=["retiree_le", "retiree_par", "updated_at"])
