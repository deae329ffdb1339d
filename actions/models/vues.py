"""How people look at the fiches of a plan: the views they keep, and the columns of their table."""

from typing import Self

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.urls import reverse

from conventions.models import Convention
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError

LIMITE = 30
"""Views that one person may keep on a convention, and that may be shared there."""


class GenreVue(models.TextChoices):
    ARBORESCENCE = "plan", "Arborescence"
    TABLEAU = "fiches", "Tableau"
    KANBAN = "kanban", "Kanban"
    CALENDRIER = "calendrier", "Calendrier"
    COMMUNE = "commune", "Par commune"
    CONTRAT = "contrat", "Par contrat"
    DOMAINE = "domaine", "Par domaine"
    PILOTE = "pilote", "Par pilote"
    BORD = "bord", "Tableau de bord"


GROUPES = (GenreVue.COMMUNE, GenreVue.CONTRAT, GenreVue.DOMAINE, GenreVue.PILOTE)


def address_of(genre: str, convention: Convention, requete: str = "") -> str:
    """The address of a view, with the filters of ``requete`` (a query string)."""
    if genre in GROUPES:
        path = reverse("actions:groupes", args=[convention.code, genre])
    else:
        path = reverse(f"actions:{GenreVue(genre).value}", args=[convention.code])
    return f"{path}?{requete}" if requete else path


class VueEnregistreeQuerySet(models.QuerySet["VueEnregistree"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and those shared with everyone of the convention."""
        return self.filter(
            Q(auteur=user) | Q(portee=VueEnregistree.Portee.EQUIPE),
            convention__in=Convention.objects.visible_to(user),
        )

    def of(self, convention: Convention) -> Self:
        return self.filter(convention=convention).select_related("convention", "auteur")


class VueEnregistree(TimestampedModel):
    """A view and its filters under a name: one's own, or shared by the coordination with the whole convention.

    ``requete`` is the query string. What it names may disappear: the view then says what it left aside.
    """

    class Portee(models.TextChoices):
        PERSONNELLE = "personnelle", "Pour moi"
        EQUIPE = "equipe", "Pour toutes les personnes de la convention"

    Genre = GenreVue

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="vues_enregistrees")
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="vues_enregistrees", verbose_name="auteur·e"
    )
    nom = models.CharField("nom", max_length=80)
    genre = models.CharField("vue", max_length=12, choices=GenreVue)
    requete = models.CharField("filtres", max_length=2000, blank=True)
    portee = models.CharField("pour qui", max_length=12, choices=Portee, default=Portee.PERSONNELLE)

    objects = VueEnregistreeQuerySet.as_manager()

    class Meta:
        verbose_name = "vue enregistrée"
        verbose_name_plural = "vues enregistrées"
        ordering = ["nom", "pk"]
        constraints = [
            models.UniqueConstraint(
                F("convention"),
                F("auteur"),
                Lower("nom"),
                condition=Q(portee="personnelle"),
                name="vue_personnelle_unique",
                violation_error_message="Vous avez déjà une vue de ce nom.",
            ),
            models.UniqueConstraint(
                F("convention"),
                Lower("nom"),
                condition=Q(portee="equipe"),
                name="vue_partagee_unique",
                violation_error_message="Une vue partagée porte déjà ce nom.",
            ),
            models.CheckConstraint(
                name="vue_nommee",
                condition=~Q(nom=""),
                violation_error_message="Donnez un nom à la vue.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom

    def get_absolute_url(self) -> str:
        return address_of(self.genre, self.convention, self.requete)

    @property
    def is_partagee(self) -> bool:
        return self.portee == self.Portee.EQUIPE

    @transaction.atomic
    def keep(self, *, by: User) -> "VueEnregistree":
        """Add it to those of ``by``, or to those shared; ``TransitionError`` past ``LIMITE`` or for a name taken."""
        self._alone()
        self.auteur = by
        rows = VueEnregistree.objects.filter(convention=self.convention_id, portee=self.portee)
        if not self.is_partagee:
            rows = rows.filter(auteur=by)
        if rows.count() >= LIMITE:
            whose = "partagées" if self.is_partagee else "enregistrées"
            raise TransitionError(
                f"Il y a déjà {LIMITE} vues {whose}\u00a0: supprimez-en une avant d’en ajouter une autre."
            )
        self._require_free()
        self.save()
        return self

    @transaction.atomic
    def rename(self, nom: str) -> None:
        """``TransitionError`` for a name taken."""
        self._alone()
        self.nom = nom
        self._require_free()
        self.save(update_fields=["nom", "updated_at"])

    def _alone(self) -> None:
        """Of two tabs at once, the second sees what the first wrote."""
        Convention.objects.select_for_update(no_key=True).get(pk=self.convention_id)

    def _require_free(self) -> None:
        try:
            self.validate_constraints()
        except ValidationError as error:
            raise TransitionError(" ".join(error.messages)) from error


class ColonnesTableau(models.Model):
    """The columns a person chose for the table of fiches, in any convention; without a row, the usual ones."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="colonnes_tableau")
    colonnes = models.JSONField("colonnes", default=list)

    class Meta:
        verbose_name = "colonnes du tableau"
        verbose_name_plural = "colonnes du tableau"

    def __str__(self) -> str:
        return f"Colonnes de {self.user}"
