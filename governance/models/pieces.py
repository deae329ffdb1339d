"""Files deposited for a meeting: annexes of its agenda, the attendance sheet that was signed (ADR 0009)."""

from typing import Any, Self

import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from conventions.models import Convention
from ctg_portal.depots import Depot
from ctg_portal.fichiers import Piece
from ctg_portal.models import User
from ctg_portal.plein_texte import index_texte
from governance.models.reunion import PointOrdreDuJour, Reunion


class PieceReunionQuerySet(models.QuerySet["PieceReunion"]):
    def visible_to(self, user: User) -> Self:
        """Those of the meetings that ``user`` may read."""
        return self.filter(reunion__in=Reunion.objects.visible_to(user))

    def courantes(self) -> Self:
        """Without those that were withdrawn."""
        return self.filter(retiree_le=None)

    def annexes(self) -> Self:
        """What goes with the agenda: those of its points in their order, then those of the meeting."""
        first = models.F("point__ordre").asc(nulls_last=True)
        return self.courantes().filter(nature=PieceReunion.Nature.ANNEXE).order_by(first, "point", "pk")

    def for_page(self) -> Self:
        return self.select_related(
            "reunion__instance__convention__territoire", "point", "auteur", "retiree_par"
        )

    def deposit(self, depot: Depot, *, by: User, **fields: Any) -> "PieceReunion":
        """Keep a file that was read (``ctg_portal.depots``) as a piece of ``fields["reunion"]``."""
        piece = PieceReunion(auteur=by, **fields)
        piece.receive(depot)
        with pghistory.context(par=by.pk):
            piece.save()
        return piece


@pghistory.track(exclude=["fichier"])
class PieceReunion(Piece):
    """A file of a meeting, of one of its points where it is about it. Withdrawn, it leaves the lists and stays."""

    class Nature(models.TextChoices):
        ANNEXE = "annexe", "Annexe de l’ordre du jour"
        EMARGEMENT = "emargement", "Feuille d’émargement signée"
        AUTRE = "autre", "Autre pièce"

    reunion = models.ForeignKey(Reunion, models.CASCADE, related_name="pieces")
    point = models.ForeignKey(
        PointOrdreDuJour,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="pieces",
        verbose_name="point de l’ordre du jour",
    )
    nature = models.CharField("nature", max_length=12, choices=Nature, default=Nature.ANNEXE)
    fichier = models.FileField("fichier", upload_to="reunions/%Y/", max_length=200)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="pieces_de_reunion",
        verbose_name="déposée par",
    )

    deja_la = "Cette pièce est déjà avec la réunion."

    objects = PieceReunionQuerySet.as_manager()

    class Meta:
        verbose_name = "pièce d’une réunion"
        verbose_name_plural = "pièces d’une réunion"
        ordering = ["pk"]
        indexes = [index_texte("piecereunion_texte", "titre", "nom_fichier")]
        constraints = [
            models.CheckConstraint(
                name="piecereunion_titre_non_vide",
                condition=~Q(titre=""),
                violation_error_message="Une pièce a un titre.",
            ),
            models.CheckConstraint(
                name="piecereunion_retiree_par_quelqu_un",
                condition=Q(retiree_le=None, retiree_par=None)
                | Q(retiree_le__isnull=False, retiree_par__isnull=False),
                violation_error_message="Une pièce retirée dit quand et par qui.",
            ),
        ]

    def get_absolute_url(self) -> str:
        convention = self.reunion.instance.convention
        return f"{reverse('governance:reunion', args=[convention.code, self.reunion_id])}#pieces"

    @property
    def convention(self) -> Convention:
        return self.reunion.instance.convention
