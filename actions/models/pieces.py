"""Files that people attach to a fiche: replaced or withdrawn, never deleted (ADR 0009)."""

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pghistory
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Value
from django.db.models.functions import Coalesce, JSONObject, NullIf
from django.urls import reverse

from actions.models.fiche import FicheAction
from ctg_portal.depots import Depot
from ctg_portal.fichiers import Piece
from ctg_portal.models import User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError


class PieceJointeQuerySet(models.QuerySet["PieceJointe"]):
    def visible_to(self, user: User) -> Self:
        """Those of the fiches that ``user`` may read."""
        return self.filter(fiche__in=FicheAction.objects.visible_to(user))

    def courantes(self) -> Self:
        """The last version of each, without those that were withdrawn."""
        return self.filter(remplacee_par=None, retiree_le=None)

    def for_page(self) -> Self:
        return self.select_related(
            "fiche__plan__convention__territoire__departement",
            "fiche__axe",
            "auteur",
            "retiree_par",
            "remplacee_par",
        ).prefetch_related("fiche__pilotes")

    def rows_for_fiche(self) -> ArraySubquery:
        """The current ones of the fiche of the outer query, the latest first; read by ``pieces_of``."""
        rows = self.courantes().filter(fiche=OuterRef("pk")).order_by("-created_at", "-pk")
        return ArraySubquery(
            rows.values(
                row=JSONObject(
                    pk="pk",
                    titre="titre",
                    date="date",
                    nom_fichier="nom_fichier",
                    taille="taille",
                    version="version",
                    auteur=Coalesce(NullIf(F("auteur__nom"), Value("")), F("auteur__email")),
                    deposee_le="created_at",
                )
            )
        )

    def deposit(self, depot: Depot, *, by: User, **fields: Any) -> "PieceJointe":
        """Keep a file that was read (``ctg_portal.depots``) as an attachment of ``fields["fiche"]``."""
        piece = PieceJointe(auteur=by, **fields)
        piece.receive(depot)
        with pghistory.context(par=by.pk):
            piece.save()
        return piece


@pghistory.track(exclude=["fichier"])
class PieceJointe(Piece):
    """A file attached to a fiche. A new version replaces it; withdrawn, it leaves the fiche and stays."""

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="pieces")
    date = models.DateField("date du document", null=True, blank=True)
    version = models.PositiveSmallIntegerField("version", default=1)
    remplace = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="remplacee_par",
        verbose_name="remplace",
    )
    fichier = models.FileField("fichier", upload_to="fiches/%Y/", max_length=200)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="pieces_deposees",
        verbose_name="déposée par",
    )

    deja_la = "Cette pièce est déjà sur la fiche."

    objects = PieceJointeQuerySet.as_manager()

    class Meta:
        verbose_name = "pièce jointe"
        verbose_name_plural = "pièces jointes"
        ordering = ["-created_at", "-pk"]
        indexes = [index_texte("piecejointe_texte", "titre", "nom_fichier")]
        constraints = [
            models.CheckConstraint(
                name="piecejointe_titre_non_vide",
                condition=~Q(titre=""),
                violation_error_message="Une pièce jointe a un titre.",
            ),
            models.CheckConstraint(
                name="piecejointe_version_suivante",
                condition=Q(remplace=None, version=1) | Q(remplace__isnull=False, version__gt=1),
                violation_error_message="Une nouvelle version remplace la précédente.",
            ),
            models.CheckConstraint(
                name="piecejointe_retiree_par_quelqu_un",
                condition=Q(retiree_le=None, retiree_par=None)
                | Q(retiree_le__isnull=False, retiree_par__isnull=False),
                violation_error_message="Une pièce retirée dit quand et par qui.",
            ),
        ]

    def get_absolute_url(self) -> str:
        return reverse("actions:pieces", args=[self.fiche.plan.convention.code, self.fiche_id])

    @property
    def is_remplacee(self) -> bool:
        """A newer version is there; loaded by ``for_page()``."""
        return hasattr(self, "remplacee_par")

    @property
    def is_courante(self) -> bool:
        return not self.is_retiree and not self.is_remplacee

    def require_courante(self) -> None:
        """As any piece; also raise ``TransitionError`` when somebody replaced it meanwhile."""
        super().require_courante()
        if PieceJointe.objects.filter(remplace=self.pk).exists():
            raise TransitionError(
                "Une version plus récente vient d’être déposée\u00a0: ouvrez la liste des pièces."
            )

    @transaction.atomic
    def replace(self, depot: Depot, *, by: User, date: datetime.date | None = None) -> "PieceJointe":
        """Attach the next version; this one stays among the former ones."""
        self.require_courante()
        return PieceJointe.objects.deposit(
            depot,
            by=by,
            fiche=self.fiche,
            titre=self.titre,
            date=date,
            version=self.version + 1,
            remplace=self,
        )


@dataclass(frozen=True)
class LignePiece:
    """A current attachment as a fiche shows it."""

    pk: int
    titre: str
    date: datetime.date | None
    nom_fichier: str
    taille: int
    version: int
    auteur: str
    deposee_le: datetime.datetime

    @property
    def extension(self) -> str:
        return Path(self.nom_fichier).suffix.lstrip(".").upper()


def pieces_of(fiche: FicheAction) -> list[LignePiece]:
    """The current attachments of a fiche loaded by ``lecture.for_screen()``; no query."""
    found = []
    for row in fiche.rows_pieces:  # type: ignore[attr-defined]  # annotated
        date = datetime.date.fromisoformat(row["date"]) if row["date"] else None
        deposee_le = datetime.datetime.fromisoformat(row["deposee_le"])
        found.append(LignePiece(**row | {"date": date, "deposee_le": deposee_le}))
    return found
