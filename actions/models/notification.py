"""What a person is told: on the portal by the bell, by e-mail in a digest."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from actions.models.fiche import FicheAction, Pilote, Redaction, Transition
from actions.models.plan import PlanActions
from conventions.models import Convention, Habilitation
from ctg_portal.models import User

if TYPE_CHECKING:
    from actions.models.commentaire import Commentaire, SuiteCommentaire

Role = Habilitation.Role


class Genre(models.TextChoices):
    """The kinds, in the order in which a digest says them."""

    A_COMPLETER = "a_completer", "Compléments demandés"
    AVIS_DU = "avis_du", "Avis à rendre"
    SOUMISE = "soumise", "Fiche à relire"
    PILOTE = "pilote", "Désigné·e pilote"
    MENTION = "mention", "On vous cite"
    COMMENTAIRE = "commentaire", "Commentaire"
    VALIDEE = "validee", "Fiche validée"
    ETAPE_EN_RETARD = "etape_en_retard", "Étape en retard"
    SANS_NOUVELLE = "sans_nouvelle", "Sans nouvelle depuis 6 mois"


NOUVELLES_ATTENDUES = (Genre.ETAPE_EN_RETARD, Genre.SANS_NOUVELLE)
"""Kinds that giving news of the action answers."""
RAPPELS = (Genre.AVIS_DU, *NOUVELLES_ATTENDUES)
"""Kinds computed from dates each day: they are settled by themselves when they are no longer true."""
ADRESSES = (Genre.MENTION,)
"""Kinds addressed to the person by name: told about a draft too, when the person may read it."""


class ReglageNotification(models.Model):
    """What a person chose for one kind; without a row, the kind is told on the portal and by e-mail."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="reglages")
    genre = models.CharField("événement", max_length=20, choices=Genre)
    portail = models.BooleanField("sur le portail", default=True)
    courriel = models.BooleanField("par courriel", default=True)

    class Meta:
        verbose_name = "réglage de notification"
        verbose_name_plural = "réglages de notification"
        ordering = ["genre"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "genre"],
                name="reglage_unique",
                violation_error_message="Cet événement est déjà réglé.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_genre_display()}"


def coordinated_by(user: User) -> models.QuerySet[Convention]:
    """Conventions that ``user`` coordinates."""
    return Convention.objects.filter(habilitations__user=user, habilitations__role=Role.COORDINATION)


class NotificationQuerySet(models.QuerySet["Notification"]):
    def readable_by(self, user: User) -> Self:
        """Those of ``user`` about what is still open to them. A draft is told to those who write it, and to
        whoever is named there."""
        fiches = FicheAction.objects.visible_to(user)
        writes = Exists(Pilote.objects.filter(fiche=OuterRef("fiche"), user=user)) | Q(
            fiche__plan__convention__in=coordinated_by(user)
        )
        return self.filter(
            Q(
                Q(genre__in=ADRESSES) | ~Q(fiche__redaction=Redaction.BROUILLON) | writes,
                fiche__in=fiches,
            )
            | Q(plan__convention__in=Convention.objects.visible_to(user)),
            destinataire=user,
        )

    def visible_to(self, user: User) -> Self:
        """Those that the portal shows ``user``: readable, of a kind that is not turned off."""
        if not user.is_authenticated:
            return self.none()
        return self.readable_by(user).shown_to(user)

    def shown_to(self, user: User) -> Self:
        """Without the kinds that ``user`` turned off on the portal."""
        return self.filter(~self._turned_off(user, portail=False))

    def to_mail(self, user: User) -> Self:
        """Those that an e-mail may tell ``user``: readable, not read yet, of a kind that is not turned off."""
        return self.readable_by(user).non_lues().filter(~self._turned_off(user, courriel=False))

    @staticmethod
    def _turned_off(user: User, **choice: bool) -> Exists:
        return Exists(ReglageNotification.objects.filter(user=user, genre=OuterRef("genre"), **choice))

    def of_convention(self, convention: Convention) -> Self:
        return self.filter(Q(fiche__plan__convention=convention) | Q(plan__convention=convention))

    def non_lues(self) -> Self:
        return self.filter(lue_le=None)

    def with_sujet(self) -> Self:
        """What a line names: the fiche or the plan, its convention, who acted."""
        return self.select_related(
            "fiche__plan__convention__territoire", "plan__convention__territoire", "par"
        ).prefetch_related("fiche__pilotes")

    def read(self) -> int:
        """Say that these were read; those already read keep their moment."""
        return self.non_lues().update(lue_le=timezone.now())

    def tell(
        self,
        genre: str,
        sujet: FicheAction | PlanActions,
        destinataires: Iterable[User],
        *,
        cle: str,
        by: User | None = None,
        detail: str = "",
        ancre: str = "",
    ) -> None:
        """Tell ``destinataires`` that ``genre`` happened to a fiche or a plan.

        To call in the transaction of what happened. ``cle`` names the event (« commentaire:12 »): a person is told
        of it once, however often this is called. Neither ``by``, nor a closed account, nor whoever may not read
        the fiche is told. ``detail`` is a few words said beside (the title of a step), ``ancre`` the section to open.
        """
        fiche, plan = (sujet, None) if isinstance(sujet, FicheAction) else (None, sujet)
        people = {person.pk: person for person in destinataires if person.is_active}
        if by is not None:
            people.pop(by.pk, None)
        Notification.objects.bulk_create(
            [
                Notification(
                    destinataire=person,
                    genre=genre,
                    fiche=fiche,
                    plan=plan,
                    par=by,
                    cle=cle,
                    detail=detail[:300],
                    ancre=ancre,
                )
                for person in people.values()
                if fiche is None or may_be_told(person, fiche, genre)
            ],
            ignore_conflicts=True,
        )

    def tell_redaction(self, line: Transition, *, by: User) -> None:
        """The text of a fiche moved: whoever has to act next, or waited for it, is told."""
        fiche = line.fiche
        cle = f"redaction:{line.pk}"
        if line.vers == Redaction.EN_RELECTURE:
            self.tell(Genre.SOUMISE, fiche, relecteurs(fiche.convention), cle=cle, by=by)
        elif line.vers == Redaction.A_COMPLETER:
            self.tell(Genre.A_COMPLETER, fiche, ecrivent(fiche), cle=cle, by=by)
        elif line.vers == Redaction.VALIDEE:
            self.tell(Genre.VALIDEE, fiche, ecrivent(fiche), cle=cle, by=by)

    def tell_pilotes(self, fiche: FicheAction, people: Iterable[User], *, by: User) -> None:
        """These accounts now pilot ``fiche``: each is told once for a fiche, also when removed and put back."""
        for person in people:
            self.tell(Genre.PILOTE, fiche, [person], cle=f"pilote:{fiche.pk}", by=by, ancre="equipe")

    def tell_commentaire(
        self,
        commentaire: "Commentaire",
        *,
        suite: "SuiteCommentaire | None" = None,
        mentions: Iterable[User] = (),
    ) -> None:
        """A thread was opened, or went on by ``suite``: the people it names, those who write the fiche, those who
        already spoke on the section. Whoever is named is told that, and not twice; a note of the CAF, to the CAF alone."""
        fiche, by = commentaire.fiche, suite.auteur if suite else commentaire.auteur
        cle = f"reponse:{suite.pk}" if suite else f"commentaire:{commentaire.pk}"
        detail, ancre = commentaire.get_section_display(), commentaire.ancre
        caf = {person.pk for person in relecteurs(fiche.convention)}
        said = User.objects.filter(
            Q(commentaires__fiche=fiche, commentaires__section=commentaire.section)
            | Q(pk__in=commentaire.suites.values("auteur"))
        ).distinct()
        concerned = [*ecrivent(fiche), *said]
        if commentaire.is_interne:
            concerned = [person for person in concerned if person.pk in caf]
            mentions = [person for person in mentions if person.pk in caf]
        self.tell(Genre.MENTION, fiche, mentions, cle=cle, by=by, detail=detail, ancre=ancre)
        self.tell(Genre.COMMENTAIRE, fiche, concerned, cle=cle, by=by, detail=detail, ancre=ancre)


class Notification(models.Model):
    """One event told to one person. ``lue_le`` is when they saw it, ``lettre`` the digest that took it."""

    destinataire = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="notifications", verbose_name="pour"
    )
    genre = models.CharField("événement", max_length=20, choices=Genre)
    fiche = models.ForeignKey(
        FicheAction, models.CASCADE, null=True, blank=True, related_name="notifications"
    )
    plan = models.ForeignKey(PlanActions, models.CASCADE, null=True, blank=True, related_name="notifications")
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    cle = models.CharField("clé de l’événement", max_length=100)
    detail = models.CharField("précision", max_length=300, blank=True)
    ancre = models.SlugField("rubrique", max_length=30, blank=True)
    lettre = models.ForeignKey("Lettre", models.SET_NULL, null=True, blank=True, related_name="notifications")
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)
    lue_le = models.DateTimeField("lue le", null=True, blank=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        verbose_name = "notification"
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["destinataire", "cle"],
                name="notification_unique",
                violation_error_message="Cette personne est déjà prévenue.",
            ),
            models.CheckConstraint(
                name="notification_un_seul_sujet",
                condition=Q(fiche=None, plan__isnull=False) | Q(fiche__isnull=False, plan=None),
                violation_error_message="Une notification porte sur une fiche ou sur un plan.",
            ),
        ]
        indexes = [
            models.Index(fields=["destinataire"], condition=Q(lue_le=None), name="notification_non_lue")
        ]

    def __str__(self) -> str:
        return f"{self.get_genre_display()}, {self.sujet}"

    def get_absolute_url(self) -> str:
        """What it is about: the page where news are given for a reminder, else the fiche at its section."""
        sujet = self.sujet
        if isinstance(sujet, FicheAction):
            follows = self.destinataire.has_perm("actions.follow_ficheaction", sujet)
            if self.genre in NOUVELLES_ATTENDUES and follows:
                return reverse("actions:fiche_nouvelles", args=[sujet.convention.code, sujet.pk])
            url = sujet.get_absolute_url()
        else:
            url = reverse("actions:plan", args=[sujet.convention.code])
        return f"{url}#{self.ancre}" if self.ancre else url

    @property
    def sujet(self) -> FicheAction | PlanActions:
        found = self.fiche or self.plan
        assert found is not None  # noqa: S101 - notification_un_seul_sujet
        return found

    @property
    def convention(self) -> Convention:
        return self.sujet.convention

    @property
    def phrase(self) -> str:
        """What happened, in a sentence without the title of the fiche; words that people typed are in it as they are."""
        par = f" par {self.par}" if self.par else ""
        detail = f" : {self.detail}" if self.detail else ""
        sur = f" sur « {self.detail} »" if self.detail else ""
        return {
            Genre.A_COMPLETER: f"Des compléments sont demandés{par}.",
            Genre.AVIS_DU: f"Un avis est à rendre{detail}.",
            Genre.SOUMISE: f"La fiche est envoyée à la relecture{par}.",
            Genre.PILOTE: f"Vous êtes désigné·e pilote{par}.",
            Genre.MENTION: f"{self.par or 'Quelqu’un'} vous cite dans un commentaire{sur}.",
            Genre.COMMENTAIRE: f"Nouveau commentaire{par}{sur}.",
            Genre.VALIDEE: f"La fiche est validée{par}.",
            Genre.ETAPE_EN_RETARD: f"Une étape est en retard{detail}.",
            Genre.SANS_NOUVELLE: "Aucune nouvelle de cette action depuis six mois.",
        }[Genre(self.genre)]


def relecteurs(convention: Convention) -> list[User]:
    """Open accounts that review ``convention`` for the CAF."""
    return people_with(convention, [Role.RELECTURE])


def coordination(convention: Convention) -> list[User]:
    return people_with(convention, [Role.COORDINATION])


def people_with(convention: Convention, roles: Collection[str]) -> list[User]:
    """Open accounts that hold one of ``roles`` on ``convention``, given on it or through an organisation."""
    held = Habilitation.objects.on_convention(convention).filter(role__in=roles)
    return list(User.objects.filter(is_active=True, habilitations__in=held).distinct())


def ecrivent(fiche: FicheAction) -> list[User]:
    """Who answers for the text of ``fiche``: its coordination, and its pilotes who have an account."""
    pilotes = User.objects.filter(is_active=True, pilotages__fiche=fiche).distinct()
    return [*coordination(fiche.convention), *pilotes]


def may_be_told(user: User, fiche: FicheAction, genre: str) -> bool:
    """The same as ``readable_by``, before there is a row: the fiche is open to ``user``, and is not others' draft."""
    if not FicheAction.objects.visible_to(user).filter(pk=fiche.pk).exists():
        return False
    if genre in ADRESSES or fiche.redaction != Redaction.BROUILLON:
        return True
    return (
        Pilote.objects.filter(fiche=fiche, user=user).exists()
        or coordinated_by(user).filter(pk=fiche.plan.convention_id).exists()
    )
