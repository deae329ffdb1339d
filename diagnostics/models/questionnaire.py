import datetime
from typing import Self

import pghistory
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from diagnostics.models.diagnostic import Diagnostic


class QuestionnaireQuerySet(models.QuerySet["Questionnaire"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(diagnostic__convention__in=Convention.objects.visible_to(user))

    def ouverts(self, today: datetime.date | None = None) -> Self:
        """Those that anyone may answer today."""
        today = today or timezone.localdate()
        return self.filter(ouvre_le__lte=today, ferme_le__gte=today)


@pghistory.track()
class Questionnaire(TimestampedModel):
    """A short public form for habitants or partners: no account, no personal data, an end date.

    Its address holds a random key; open or closed is computed from its dates.
    """

    class Destinataires(models.TextChoices):
        HABITANTS = "habitants", "Habitants"
        PARTENAIRES = "partenaires", "Partenaires"

    diagnostic = models.ForeignKey(Diagnostic, models.CASCADE, related_name="questionnaires")
    intitule = models.CharField("intitulé", max_length=200)
    introduction = models.TextField("introduction", blank=True)
    destinataires = models.CharField(
        "destinataires", max_length=12, choices=Destinataires, default=Destinataires.HABITANTS
    )
    cle = models.CharField("clé", max_length=43, unique=True, editable=False)
    ouvre_le = models.DateField("ouvre le")
    ferme_le = models.DateField("ferme le")

    objects = QuestionnaireQuerySet.as_manager()

    class Meta:
        verbose_name = "questionnaire"
        ordering = ["-ouvre_le", "pk"]
        constraints = [
            models.CheckConstraint(
                name="questionnaire_dates_dans_l_ordre",
                condition=Q(ouvre_le__lte=F("ferme_le")),
                violation_error_message="La fermeture suit l’ouverture.",
            )
        ]

    def __str__(self) -> str:
        return self.intitule

    @property
    def is_ouvert(self) -> bool:
        return self.ouvre_le <= timezone.localdate() <= self.ferme_le


class Question(Ordered):
    """A question of a few kinds. Once answered, its kind and its choices no longer change."""

    class Nature(models.TextChoices):
        CHOIX = "choix", "Un choix"
        CHOIX_MULTIPLE = "choix_multiple", "Plusieurs choix"
        ECHELLE = "echelle", "Échelle de 1 à 5"
        OUI_NON = "oui_non", "Oui ou non"
        NOMBRE = "nombre", "Nombre"
        TEXTE = "texte", "Texte libre"

    class Exigence(models.TextChoices):
        FACULTATIVE = "facultative", "Facultative"
        OBLIGATOIRE = "obligatoire", "Obligatoire"

    questionnaire = models.ForeignKey(Questionnaire, models.CASCADE, related_name="questions")
    intitule = models.CharField("question", max_length=300)
    aide = models.CharField("précision", max_length=300, blank=True)
    nature = models.CharField("nature", max_length=15, choices=Nature, default=Nature.CHOIX)
    choix = models.TextField("choix proposés", blank=True, help_text="Un par ligne.")
    exigence = models.CharField("réponse", max_length=12, choices=Exigence, default=Exigence.FACULTATIVE)

    class Meta:
        verbose_name = "question"
        ordering = ["ordre", "pk"]
        constraints = [
            models.CheckConstraint(
                name="question_intitule_non_vide",
                condition=~Q(intitule=""),
                violation_error_message="Écrivez la question.",
            ),
            models.CheckConstraint(
                name="question_choix_proposes",
                condition=~Q(nature__in=("choix", "choix_multiple")) | ~Q(choix=""),
                violation_error_message="Proposez des choix, un par ligne.",
            ),
        ]

    def __str__(self) -> str:
        return self.intitule

    @property
    def choix_proposes(self) -> list[str]:
        return [line.strip() for line in self.choix.splitlines() if line.strip()]


class Reponse(models.Model):
    """One anonymous answer: what was chosen, by id of question (JSON), and the day; nothing about who."""

    questionnaire = models.ForeignKey(Questionnaire, models.CASCADE, related_name="reponses")
    valeurs = models.JSONField("réponses")
    recue_le = models.DateField("reçue le", default=timezone.localdate)

    class Meta:
        verbose_name = "réponse"
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Réponse du {self.recue_le:%d/%m/%Y}"


class Passage(models.Model):
    """How many answers came today from one connection, to slow down a flood.

    ``empreinte`` is a keyed hash that changes each day: it cannot be turned back into an address.
    """

    questionnaire = models.ForeignKey(Questionnaire, models.CASCADE, related_name="passages")
    jour = models.DateField("jour")
    empreinte = models.CharField("empreinte", max_length=64)
    nombre = models.PositiveIntegerField("nombre", default=0)

    class Meta:
        verbose_name = "passage"
        constraints = [
            models.UniqueConstraint(
                fields=["questionnaire", "jour", "empreinte"],
                name="passage_unique",
                violation_error_message="Ce passage est déjà compté.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.nombre} le {self.jour:%d/%m/%Y}"
