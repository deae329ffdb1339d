import datetime
import json
import secrets
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Self

import pghistory
from django.db import models, transaction
from django.db.models import Count, F, Func, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from conventions.models import Convention
from ctg_portal.models import Ordered, TimestampedModel, User
from ctg_portal.workflow import TransitionError
from diagnostics.models.diagnostic import Diagnostic

TEXTE_MAX = 1000
"""Signs of a free answer: a few sentences, no file."""
NOMBRE_MAX = Decimal(1_000_000)
PAR_CONNEXION = 20
"""Answers a day from one connection: a family, a reception desk; not a flood."""
PAR_MINUTE = 60
"""Answers a minute from everywhere, to one questionnaire."""


class TropDeReponsesError(TransitionError):
    """Too many answers came: the sentence asks to come back later."""


def new_cle() -> str:
    """256 random bits, as an address holds them."""
    return secrets.token_urlsafe(32)


class QuestionnaireQuerySet(models.QuerySet["Questionnaire"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(diagnostic__convention__in=Convention.objects.visible_to(user))

    def ouverts(self, today: datetime.date | None = None) -> Self:
        """Those that anyone may answer today."""
        today = today or timezone.localdate()
        return self.filter(
            ouvre_le__lte=today, ferme_le__gte=today, diagnostic__convention__in=Convention.objects.ouvertes()
        ).exclude(diagnostic__statut=Diagnostic.Statut.VALIDE)

    def for_page(self) -> Self:
        """With all that its state and its title need."""
        return self.select_related("diagnostic__convention__territoire")

    def for_list(self) -> Self:
        counted = self.for_page().annotate(
            nb_questions=Count("questions", distinct=True), nb_reponses=Count("reponses", distinct=True)
        )
        return counted.order_by("-ouvre_le", "pk")


@pghistory.track()
class Questionnaire(TimestampedModel):
    """A short public form for habitants or partners: no account, no personal data, an end date.

    Its address holds a random key; open or closed is computed from its dates.
    """

    class Destinataires(models.TextChoices):
        HABITANTS = "habitants", "Habitants"
        PARTENAIRES = "partenaires", "Partenaires"

    class Etat(models.TextChoices):
        A_VENIR = "a_venir", "Pas encore ouvert"
        OUVERT = "ouvert", "Ouvert"
        CLOS = "clos", "Clos"

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

    def get_absolute_url(self) -> str:
        return reverse("diagnostics:questionnaire", args=[self.diagnostic.convention.code, self.pk])

    @property
    def adresse(self) -> str:
        """The path that anyone may open."""
        return reverse("diagnostics:repondre", args=[self.cle])

    @property
    def is_fige(self) -> bool:
        """Its diagnostic is validated, or its convention over: nothing is written there any more."""
        convention = self.diagnostic.convention
        return self.diagnostic.statut == Diagnostic.Statut.VALIDE or convention.statut in (
            Convention.Statut.CLOSE,
            Convention.Statut.RESILIEE,
        )

    @property
    def etat(self) -> "Questionnaire.Etat":
        """Computed from its dates, both days included, in the time of Paris."""
        today = timezone.localdate()
        if self.is_fige or self.ferme_le < today:
            return self.Etat.CLOS
        return self.Etat.A_VENIR if today < self.ouvre_le else self.Etat.OUVERT

    @property
    def is_ouvert(self) -> bool:
        return self.etat == self.Etat.OUVERT

    def answered_questions(self) -> frozenset[int]:
        """Ids of the questions that somebody answered: one query."""
        keys = self.reponses.annotate(cle=Func(F("valeurs"), function="jsonb_object_keys"))
        return frozenset(int(cle) for cle in keys.order_by().values_list("cle", flat=True).distinct())

    def lock(self) -> None:
        """Read the row again and keep it to the end of the transaction: an answer and a change never cross."""
        locked = Questionnaire.objects.for_page().select_for_update(of=("self",))
        try:
            self.refresh_from_db(from_queryset=locked)
        except Questionnaire.DoesNotExist as error:
            raise TransitionError("Ce questionnaire vient d’être supprimé.") from error

    @transaction.atomic
    def renew_cle(self, *, by: User) -> None:
        """Another address: the one it had answers no more."""
        self.lock()
        self.cle = new_cle()
        with pghistory.context(par=by.pk):
            self.save(update_fields=["cle", "updated_at"])

    @transaction.atomic
    def close(self, *, by: User) -> None:
        """Answer no more from now on: its last day becomes yesterday, and another last day opens it again."""
        self.lock()
        if not self.is_ouvert:
            raise TransitionError("Ce questionnaire n’est pas ouvert : il n’y a rien à clore.")
        self.ferme_le = timezone.localdate() - datetime.timedelta(days=1)
        self.ouvre_le = min(self.ouvre_le, self.ferme_le)
        with pghistory.context(par=by.pk):
            self.save(update_fields=["ouvre_le", "ferme_le", "updated_at"])

    @transaction.atomic
    def remove(self, *, by: User) -> None:
        """Delete a questionnaire that nobody answered; answers are never thrown away."""
        self.lock()
        if self.reponses.exists():
            raise TransitionError(
                "Ce questionnaire a des réponses : il ne se supprime plus. Vous pouvez le clore par sa date de fermeture."
            )
        with pghistory.context(par=by.pk):
            self.delete()

    @transaction.atomic
    def receive(self, valeurs: Mapping[str, Any], *, connexion: str, jeton: str = "") -> bool:
        """Keep one answer: ``valeurs`` by id of question. ``False``: this very page already sent the same one.

        ``connexion`` names where it comes from and ``jeton`` the page that was opened; neither is kept, only a hash of
        the day. Raise ``TransitionError`` when it cannot be kept, ``TropDeReponsesError`` when too many came.
        """
        self.lock()
        if not self.is_ouvert:
            raise TransitionError("Ce questionnaire est clos : votre réponse n’a pas été enregistrée.")
        self._check(valeurs)
        Passage.objects.forget_other_days()
        page = json.dumps([jeton, valeurs], sort_keys=True)
        if jeton and not self._count(self._empreinte("envoi", page), 1):
            return False
        if not self._count(f"minute {timezone.localtime():%H:%M}", PAR_MINUTE):
            raise TropDeReponsesError(
                "Beaucoup de réponses arrivent en même temps. Les vôtres sont gardées ci-dessous : envoyez-les de nouveau dans une minute."
            )
        if not self._count(self._empreinte("connexion", connexion), PAR_CONNEXION):
            raise TropDeReponsesError(
                "Trop de réponses sont venues aujourd’hui de votre connexion. Les vôtres sont gardées ci-dessous : envoyez-les d’ailleurs, ou demain."
            )
        self.reponses.create(valeurs=dict(valeurs), recue_le=timezone.localdate())
        return True

    def _check(self, valeurs: Mapping[str, Any]) -> None:
        questions = {str(question.pk): question for question in self.questions.all()}
        answered = all(cle in questions and questions[cle].accepts(valeur) for cle, valeur in valeurs.items())
        missing = any(question.is_obligatoire and cle not in valeurs for cle, question in questions.items())
        if not valeurs or not answered or missing:
            raise TransitionError(
                "Le questionnaire a changé depuis l’ouverture de cette page : relisez vos réponses, puis envoyez-les de nouveau."
            )

    def _empreinte(self, quoi: str, valeur: str) -> str:
        """A keyed hash of the day and of this questionnaire: the same visitor is another one tomorrow, or elsewhere."""
        sel = f"diagnostics.passage.{self.pk}.{timezone.localdate()}.{quoi}"
        return salted_hmac(sel, valeur, algorithm="sha256").hexdigest()

    def _count(self, empreinte: str, most: int) -> bool:
        """One more passage, unless there were ``most``; the row of the questionnaire is locked."""
        passage, _ = self.passages.get_or_create(jour=timezone.localdate(), empreinte=empreinte)
        if passage.nombre >= most:
            return False
        passage.nombre += 1
        passage.save(update_fields=["nombre"])
        return True


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

    @property
    def has_choix(self) -> bool:
        return self.nature in (self.Nature.CHOIX, self.Nature.CHOIX_MULTIPLE)

    @property
    def is_obligatoire(self) -> bool:
        return self.exigence == self.Exigence.OBLIGATOIRE

    @property
    def textes(self) -> list[str]:
        """The free answers, in alphabetical order: nothing tells which came together. One query."""
        cle = str(self.pk)
        rows = self.questionnaire.reponses.filter(valeurs__has_key=cle).values_list("valeurs", flat=True)
        return sorted(str(valeurs[cle]) for valeurs in rows)

    def marque_of(self, texte: str) -> str:
        """Names a free answer in an address without naming its row, which holds the other answers of the same person."""
        return salted_hmac(f"diagnostics.texte.{self.pk}", texte, algorithm="sha256").hexdigest()[:32]

    def accepts(self, valeur: Any) -> bool:
        """``valeur`` is an answer to this question, as ``Reponse`` keeps it."""
        match self.nature:
            case self.Nature.CHOIX:
                return isinstance(valeur, str) and valeur in self.choix_proposes
            case self.Nature.CHOIX_MULTIPLE:
                offered = self.choix_proposes
                return (
                    isinstance(valeur, list)
                    and 0 < len(valeur) <= len(offered)
                    and all(valeur.count(choix) == 1 and choix in offered for choix in valeur)
                )
            case self.Nature.ECHELLE:
                return type(valeur) is int and 1 <= valeur <= 5
            case self.Nature.OUI_NON:
                return valeur in ("oui", "non")
            case self.Nature.NOMBRE:
                return isinstance(valeur, str) and number_of(valeur) is not None
        return isinstance(valeur, str) and 0 < len(valeur) <= TEXTE_MAX


def number_of(valeur: str) -> Decimal | None:
    """The number that an answer holds, if it is a plausible one."""
    try:
        number = Decimal(valeur)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) <= NOMBRE_MAX else None


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


class PassageQuerySet(models.QuerySet["Passage"]):
    def forget_other_days(self) -> None:
        """Delete what counts no more; rows that another answer is deleting are left to it."""
        old = self.exclude(jour=timezone.localdate()).select_for_update(skip_locked=True)
        self.filter(pk__in=list(old.values_list("pk", flat=True))).delete()


class Passage(models.Model):
    """How many answers came today from one connection, in one minute, or from one opened page, to slow down a flood.

    ``empreinte`` is a keyed hash that changes each day: it cannot be turned back into an address.
    """

    questionnaire = models.ForeignKey(Questionnaire, models.CASCADE, related_name="passages")
    jour = models.DateField("jour")
    empreinte = models.CharField("empreinte", max_length=64)
    nombre = models.PositiveIntegerField("nombre", default=0)

    objects = PassageQuerySet.as_manager()

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
