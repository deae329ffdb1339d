from django.db import models
from django.db.models import Q

from conventions.models.convention import Convention
from ctg_portal.models import Ordered


class ArticleConvention(Ordered):
    """An article of the convention's own text, editable; a convention without any prints the default ones."""

    convention = models.ForeignKey(Convention, models.CASCADE, related_name="articles")
    titre = models.CharField("titre", max_length=200)
    texte = models.TextField("texte")

    class Meta:
        verbose_name = "article"
        ordering = ["ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="articleconvention_titre_non_vide",
                condition=~Q(titre=""),
                violation_error_message="Un article a un titre.",
            )
        ]

    def __str__(self) -> str:
        return self.titre
