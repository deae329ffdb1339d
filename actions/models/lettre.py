"""The digests sent by e-mail, and when the portal's own routines last ran."""

import datetime
from typing import Self

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from ctg_portal.models import User

ESSAIS = tuple(
    datetime.timedelta(minutes=minutes) for minutes in (10, 30, 60, 3 * 60, 6 * 60, 12 * 60, 24 * 60)
)
"""How long to wait after each failed try; past the last one the letter is given up."""
PRISE_MAX = datetime.timedelta(hours=1)
"""A letter being sent for longer than this belonged to a worker that died: nobody knows whether it left."""


class AbonnementCourriel(models.Model):
    """How often a person wants the digest. Without a row: every working day on which something happened."""

    class Frequence(models.TextChoices):
        QUOTIDIENNE = "quotidienne", "Chaque jour ouvré où il y a du nouveau"
        HEBDOMADAIRE = "hebdomadaire", "Une fois par semaine, le lundi"
        JAMAIS = "jamais", "Jamais"

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="abonnement")
    frequence = models.CharField(
        "courriel récapitulatif", max_length=15, choices=Frequence, default=Frequence.QUOTIDIENNE
    )
    depuis = models.DateTimeField("depuis", default=timezone.now)

    class Meta:
        verbose_name = "abonnement au courriel"
        verbose_name_plural = "abonnements au courriel"

    def __str__(self) -> str:
        return f"{self.user} : {self.get_frequence_display()}"

    @classmethod
    def choose(cls, frequence: str, *, by: User) -> "AbonnementCourriel":
        """Set how often ``by`` is written to. What happened while they wanted no e-mail is not sent afterwards."""
        found = cls.objects.filter(user=by).first() or cls(user=by)
        if found.frequence == cls.Frequence.JAMAIS != frequence:
            found.depuis = timezone.now()
        elif found.pk is None:
            found.depuis = by.date_joined
        found.frequence = frequence
        found.save()
        return found


class LettreQuerySet(models.QuerySet["Lettre"]):
    def claim(self) -> "Lettre | None":
        """Take one letter whose time has come; another worker takes another one. To call out of any transaction."""
        now = timezone.now()
        with transaction.atomic():
            due = self.filter(statut=Lettre.Statut.A_ENVOYER, prochain_essai__lte=now)
            due = due.select_related("destinataire").order_by("prochain_essai", "pk")
            lettre = due.select_for_update(of=("self",), skip_locked=True).first()
            if lettre is not None:
                lettre.statut, lettre.pris_le = Lettre.Statut.EN_COURS, now
                lettre.essais += 1
                lettre.save(update_fields=["statut", "pris_le", "essais"])
        return lettre

    def lost(self) -> Self:
        """Taken long ago by a worker that never said what came of it."""
        return self.filter(statut=Lettre.Statut.EN_COURS, pris_le__lt=timezone.now() - PRISE_MAX)


class Lettre(models.Model):
    """One digest to one person. It is handed to the mail server once at most: see ADR 0020."""

    class Statut(models.TextChoices):
        A_ENVOYER = "a_envoyer", "À envoyer"
        EN_COURS = "en_cours", "En cours d’envoi"
        ENVOYEE = "envoyee", "Envoyée"
        SANS_OBJET = "sans_objet", "Sans objet"
        INCERTAINE = "incertaine", "Peut-être envoyée"
        ABANDONNEE = "abandonnee", "Abandonnée"

    destinataire = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="lettres")
    jour = models.DateField("jour", help_text="Jour du récapitulatif ; le lundi, s’il est hebdomadaire.")
    statut = models.CharField("statut", max_length=12, choices=Statut, default=Statut.A_ENVOYER)
    essais = models.PositiveSmallIntegerField("essais", default=0)
    prochain_essai = models.DateTimeField("prochain essai", default=timezone.now)
    pris_le = models.DateTimeField("pris le", null=True, blank=True)
    envoyee_le = models.DateTimeField("envoyée le", null=True, blank=True)
    erreur = models.CharField("dernier refus", max_length=300, blank=True)
    created_at = models.DateTimeField("préparée le", default=timezone.now, editable=False)

    objects = LettreQuerySet.as_manager()

    class Meta:
        verbose_name = "lettre"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["destinataire", "jour"],
                name="lettre_une_par_jour",
                violation_error_message="Cette personne a déjà son récapitulatif de ce jour.",
            ),
            models.CheckConstraint(
                name="lettre_envoyee_datee",
                condition=~Q(statut="envoyee") | Q(envoyee_le__isnull=False),
                violation_error_message="Une lettre envoyée porte la date de l’envoi.",
            ),
        ]
        indexes = [
            models.Index(fields=["prochain_essai"], condition=Q(statut="a_envoyer"), name="lettre_a_envoyer")
        ]

    def __str__(self) -> str:
        return f"Récapitulatif du {self.jour:%d/%m/%Y} pour {self.destinataire}"

    def mark(self, statut: str, *, erreur: str = "") -> None:
        """Say what came of it. Only the worker that took it speaks: a letter given up meanwhile stays so."""
        now = timezone.now()
        self.statut = statut
        self.envoyee_le = now if statut == self.Statut.ENVOYEE else None
        self.erreur = erreur[:300]
        Lettre.objects.filter(pk=self.pk, statut=self.Statut.EN_COURS).update(
            statut=self.statut, envoyee_le=self.envoyee_le, erreur=self.erreur
        )

    def refused(self, erreur: str) -> bool:
        """The server did not take it: it is tried again later, each time later. Give whether it will be.

        Given up, it frees what it told: the next digest takes it.
        """
        if self.essais > len(ESSAIS):
            self.mark(self.Statut.ABANDONNEE, erreur=erreur)
            self.notifications.update(lettre=None)
            return False
        self.prochain_essai = timezone.now() + ESSAIS[self.essais - 1]
        self.mark(self.Statut.A_ENVOYER, erreur=erreur)
        Lettre.objects.filter(pk=self.pk).update(prochain_essai=self.prochain_essai)
        return True


class Routine(models.Model):
    """When something that the portal does by itself was last done: one row a thing, whatever the number of workers."""

    nom = models.SlugField("nom", unique=True)
    faite_le = models.DateTimeField("faite le")

    class Meta:
        verbose_name = "routine"

    def __str__(self) -> str:
        return self.nom

    @classmethod
    def take(cls, nom: str, *, before: datetime.datetime) -> bool:
        """Whether it is ours to do now: it was last done at ``before`` or earlier, or never.

        The row stays locked until the end of the caller's transaction: a crash undoes the taking with the work.
        """
        longtemps = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
        Routine.objects.bulk_create([Routine(nom=nom, faite_le=longtemps)], ignore_conflicts=True)
        return bool(cls.objects.filter(nom=nom, faite_le__lte=before).update(faite_le=timezone.now()))
