"""E-mails about a meeting to the people expected at it: seen first, stopped if need be, each sent once. See ADR 0027."""

import datetime
from collections.abc import Collection
from typing import Any, Self

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from conventions.models import Convention
from ctg_portal.models import TimestampedModel, User
from ctg_portal.workflow import TransitionError
from governance.models.document import DocumentEmis
from governance.models.presence import Presence
from governance.models.reunion import Reunion

PRISE_MAX = datetime.timedelta(minutes=15)
"""A message being sent for longer than this belonged to a worker that died: nobody knows whether it left."""


RECUS = ("envoye", "en_cours", "incertain")
"""What came of a message that the person has, or may have."""


RETRAIT = "Retrait de la liste"


class EnvoiQuerySet(models.QuerySet["Envoi"]):
    def visible_to(self, user: User) -> Self:
        return self.filter(reunion__instance__convention__in=Convention.objects.visible_to(user))

    def due(self) -> Self:
        """Those whose time has come, and those that a worker left half sent."""
        now = timezone.now()
        return self.filter(
            Q(prochain_essai=None) | Q(prochain_essai__lte=now),
            statut__in=(Envoi.Statut.PROGRAMME, Envoi.Statut.EN_COURS),
            part_le__lte=now,
        )

    def leaving(self) -> Self:
        """Those that may still be stopped."""
        return self.filter(statut__in=(Envoi.Statut.PROGRAMME, Envoi.Statut.EN_COURS))

    def launched(self) -> Self:
        """All but those that are still being written."""
        return self.exclude(statut=Envoi.Statut.BROUILLON)

    def with_counts(self) -> Self:
        """Annotate ``nb_<statut>`` for each statut of the recipients, and ``nb``."""
        counts = {
            f"nb_{statut}": Count("destinataires", filter=Q(destinataires__statut=statut))
            for statut in Destinataire.Statut.values
        }
        return self.annotate(nb=Count("destinataires"), **counts)


class Envoi(TimestampedModel):
    """One sending: written, seen as it will be, launched, and gone after a few minutes unless somebody stops it.

    ``faits`` is what the message says of the meeting, fixed when it is launched (for a reminder set ahead, when it
    leaves): what was seen is what leaves. Should the meeting change in between, the sending stops by itself.
    """

    class Nature(models.TextChoices):
        CONVOCATION = "convocation", "Convocation"
        MODIFICATION = "modification", "Modification"
        ANNULATION = "annulation", "Annulation"
        RAPPEL = "rappel", "Rappel"
        DIFFUSION = "diffusion", "Diffusion"

    class Statut(models.TextChoices):
        BROUILLON = "brouillon", "En préparation"
        PROGRAMME = "programme", "Programmé"
        EN_COURS = "en_cours", "En cours d’envoi"
        PARTI = "parti", "Parti"
        ARRETE = "arrete", "Arrêté"

    class Portee(models.TextChoices):
        TOUS = "tous", "Toutes les personnes attendues"
        NOUVEAUX = "nouveaux", "Celles qui n’ont encore rien reçu"
        SANS_REPONSE = "sans_reponse", "Celles qui n’ont pas répondu"
        CONVOQUES = "convoques", "Celles qui ont reçu la convocation"
        PARTIS = "partis", "Celles qui ne sont plus attendues"

    reunion = models.ForeignKey(Reunion, models.CASCADE, related_name="envois", verbose_name="réunion")
    nature = models.CharField("nature", max_length=15, choices=Nature)
    portee = models.CharField("à qui", max_length=15, choices=Portee, default=Portee.TOUS)
    objet = models.CharField("objet", max_length=150)
    message = models.TextField("message", blank=True)
    documents = models.ManyToManyField(
        DocumentEmis, blank=True, related_name="envois", verbose_name="documents joints"
    )
    redemander = models.BooleanField(
        "redemander les réponses",
        default=False,
        help_text="Les réponses déjà données sont effacées quand le courriel part : utile quand la date change.",
    )
    jours_avant = models.PositiveSmallIntegerField(
        "jours avant la réunion",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(60)],
        help_text="Le rappel part ce jour-là à 9 h, à qui n’aura pas répondu. Vide : il part maintenant.",
    )
    statut = models.CharField("statut", max_length=10, choices=Statut, default=Statut.BROUILLON)
    part_le = models.DateTimeField("part le", null=True, blank=True)
    prochain_essai = models.DateTimeField("prochain essai", null=True, blank=True)
    parti_le = models.DateTimeField("parti le", null=True, blank=True)
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="envois", verbose_name="envoyé par"
    )
    arrete_par = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="arrêté par",
    )
    arrete_le = models.DateTimeField("arrêté le", null=True, blank=True)
    motif = models.CharField("pourquoi il attend, ou s’est arrêté", max_length=300, blank=True)
    faits = models.JSONField("ce qui est dit de la réunion", default=dict, blank=True)

    nb: int
    """Given by ``with_counts()``."""

    objects = EnvoiQuerySet.as_manager()

    class Meta:
        verbose_name = "envoi"
        ordering = ["-created_at", "-pk"]
        indexes = [
            models.Index(
                fields=["part_le"], condition=Q(statut__in=("programme", "en_cours")), name="envoi_a_faire"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["reunion", "nature"],
                condition=Q(statut="brouillon"),
                name="envoi_un_brouillon",
                violation_error_message="Un courriel de cette nature est déjà en préparation pour cette réunion.",
            ),
            models.UniqueConstraint(
                fields=["reunion", "nature"],
                condition=Q(statut__in=("programme", "en_cours"), jours_avant=None),
                name="envoi_un_a_la_fois",
                violation_error_message="Un courriel de cette nature est déjà en partance pour cette réunion.",
            ),
            models.CheckConstraint(
                name="envoi_lance_date",
                condition=Q(statut="brouillon") | Q(part_le__isnull=False),
                violation_error_message="Un envoi lancé a une heure de départ.",
            ),
            models.CheckConstraint(
                name="envoi_jours_avant_rappel",
                condition=Q(jours_avant=None) | Q(nature="rappel"),
                violation_error_message="Seul un rappel se programme à l’avance.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.titre} du {self.reunion}"

    def get_absolute_url(self) -> str:
        return reverse("governance:envoi", args=[self.convention.code, self.pk])

    @property
    def convention(self) -> Convention:
        return self.reunion.instance.convention

    @property
    def is_brouillon(self) -> bool:
        return self.statut == self.Statut.BROUILLON

    @property
    def is_stoppable(self) -> bool:
        return self.statut in (self.Statut.PROGRAMME, self.Statut.EN_COURS)

    @property
    def is_for_retired(self) -> bool:
        """It takes the meeting away from people who are no longer expected at it; the meeting itself stays."""
        return self.nature == self.Nature.ANNULATION and self.portee == self.Portee.PARTIS

    @property
    def titre(self) -> str:
        """What it is called: what takes some people off the list cancels no meeting."""
        return RETRAIT if self.is_for_retired else self.get_nature_display()

    @property
    def carries_convocation(self) -> bool:
        """A PDF of the convocation as it is then goes with it."""
        return self.nature in (self.Nature.CONVOCATION, self.Nature.MODIFICATION)

    @property
    def carries_agenda(self) -> bool:
        """A calendar entry goes with it."""
        return self.carries_convocation or self.nature == self.Nature.ANNULATION

    @property
    def asks_answer(self) -> bool:
        return self.carries_convocation or self.nature == self.Nature.RAPPEL

    def tells_of(self, reunion: Reunion) -> bool:
        """What it says of the meeting is still so; minutes are of a meeting that no longer moves."""
        return (
            not self.faits
            or self.nature == self.Nature.DIFFUSION
            or self.faits["sequence"] == reunion.sequence
        )

    @transaction.atomic
    def stop(self, *, by: User) -> int:
        """Stop what has not left yet; give how many messages had already left."""
        Envoi.objects.select_for_update().get(pk=self.pk)
        self.refresh_from_db(fields=["statut"])
        if not self.is_stoppable:
            raise TransitionError(
                "Trop tard : tout est déjà parti."
                if self.statut == self.Statut.PARTI
                else "Cet envoi est déjà arrêté."
            )
        self.statut, self.arrete_par, self.arrete_le = self.Statut.ARRETE, by, timezone.now()
        self.save(update_fields=["statut", "arrete_par", "arrete_le", "updated_at"])
        waiting = self.destinataires.filter(statut=Destinataire.Statut.ATTENTE)
        waiting.update(statut=Destinataire.Statut.ARRETE)
        return self.destinataires.filter(
            statut__in=(Destinataire.Statut.ENVOYE, Destinataire.Statut.EN_COURS)
        ).count()

    @transaction.atomic
    def drop(self) -> None:
        """Throw a draft away; raise ``TransitionError`` when somebody launched it meanwhile."""
        held = Envoi.objects.select_for_update(of=("self",)).select_related("auteur").get(pk=self.pk)
        if not held.is_brouillon:
            raise TransitionError(
                f"Trop tard : {held.auteur} l’a lancé entre-temps. Il n’est plus un brouillon : arrêtez-le, s’il en est encore temps."
            )
        held.delete()

    def give_up(self, motif: str) -> None:
        """The portal itself stops: nothing more leaves, and the page says why."""
        stopped = Envoi.objects.filter(pk=self.pk, statut__in=(self.Statut.PROGRAMME, self.Statut.EN_COURS))
        if stopped.update(statut=self.Statut.ARRETE, arrete_le=timezone.now(), motif=motif[:300]):
            waiting = self.destinataires.filter(statut=Destinataire.Statut.ATTENTE)
            waiting.update(statut=Destinataire.Statut.ARRETE)
        self.refresh_from_db()

    def already_gone(self) -> str:
        """What of it the members have, or may have, in a sentence."""
        count = self.destinataires.filter(statut__in=RECUS).count()
        if not count:
            return "Rien n’est parti."
        return f"{count} courriels étaient déjà partis." if count > 1 else "Un courriel était déjà parti."

    def postpone(self, motif: str, until: datetime.datetime) -> None:
        """It waits, and the page says for what."""
        Envoi.objects.filter(pk=self.pk).update(prochain_essai=until, motif=motif[:300])


class DestinataireQuerySet(models.QuerySet["Destinataire"]):
    def claim(self, envoi: Envoi, *, but: Collection[int] = ()) -> "Destinataire | None":
        """Take one message to send (none of ``but``), unless the sending was stopped. To call out of any transaction."""
        with transaction.atomic():
            # Whoever stops waits for this, and this for whoever stops.
            held = Envoi.objects.select_for_update(of=("self",)).select_related("reunion").get(pk=envoi.pk)
            if held.statut != Envoi.Statut.EN_COURS or not held.tells_of(held.reunion):
                return None
            waiting = self.filter(envoi=envoi, statut=Destinataire.Statut.ATTENTE).order_by("pk")
            found = waiting.exclude(pk__in=but).select_for_update(skip_locked=True).first()
            if found is not None:
                found.statut, found.pris_le = Destinataire.Statut.EN_COURS, timezone.now()
                found.save(update_fields=["statut", "pris_le"])
        return found

    def lost(self) -> Self:
        """Taken long ago by a worker that never said what came of it."""
        return self.filter(statut=Destinataire.Statut.EN_COURS, pris_le__lt=timezone.now() - PRISE_MAX)


class Destinataire(models.Model):
    """One person of a sending: where, when, and what came of it. Handed to the mail server once at most."""

    class Statut(models.TextChoices):
        ATTENTE = "attente", "En attente"
        EN_COURS = "en_cours", "En cours d’envoi"
        ENVOYE = "envoye", "Envoyé"
        ECHEC = "echec", "Refusé"
        INCERTAIN = "incertain", "Peut-être envoyé"
        SANS_ADRESSE = "sans_adresse", "Sans adresse"
        ARRETE = "arrete", "Arrêté avant le départ"

    envoi = models.ForeignKey(Envoi, models.CASCADE, related_name="destinataires")
    presence = models.ForeignKey(
        Presence, models.SET_NULL, null=True, related_name="destinataires", verbose_name="personne attendue"
    )
    nom = models.CharField("à qui", max_length=420)
    email = models.CharField("adresse électronique", max_length=254, blank=True)
    statut = models.CharField("statut", max_length=15, choices=Statut, default=Statut.ATTENTE)
    pris_le = models.DateTimeField("pris le", null=True, blank=True)
    envoye_le = models.DateTimeField("envoyé le", null=True, blank=True)
    erreur = models.CharField("refus", max_length=300, blank=True)

    objects = DestinataireQuerySet.as_manager()

    class Meta:
        verbose_name = "destinataire"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["envoi", "presence"],
                name="destinataire_une_fois",
                violation_error_message="Cette personne est déjà parmi les destinataires.",
            ),
            models.CheckConstraint(
                name="destinataire_envoye_date",
                condition=~Q(statut="envoye") | Q(envoye_le__isnull=False),
                violation_error_message="Un courriel envoyé porte la date de l’envoi.",
            ),
            models.CheckConstraint(
                name="destinataire_avec_adresse",
                condition=Q(statut="sans_adresse", email="")
                | (~Q(statut="sans_adresse") & ~Q(email=""))
                | Q(statut="arrete"),
                violation_error_message="Un courriel a une adresse.",
            ),
        ]

    def __str__(self) -> str:
        return self.nom

    def mark(self, statut: str, *, erreur: str = "") -> None:
        """Say what came of it. Only the worker that took it speaks."""
        values: dict[str, Any] = {"statut": statut, "erreur": erreur[:300]}
        if statut == self.Statut.ENVOYE:
            values["envoye_le"] = timezone.now()
        taken = Destinataire.objects.filter(pk=self.pk, statut=self.Statut.EN_COURS)
        taken.update(**values)
        self.refresh_from_db()

    @transaction.atomic
    def put_back(self, *, erreur: str) -> None:
        """It was refused for now: it waits again, unless the sending was stopped meanwhile."""
        held = Envoi.objects.select_for_update(of=("self",)).get(pk=self.envoi_id)
        waits = held.statut == Envoi.Statut.EN_COURS
        self.mark(self.Statut.ATTENTE if waits else self.Statut.ARRETE, erreur=erreur)
