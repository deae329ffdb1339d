"""Threads of the review: a remark on a section, what was answered, how it ended, and whom it names."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models, transaction
from django.db.models import OuterRef, Q, Value
from django.db.models.functions import Coalesce, JSONObject, NullIf
from django.utils import timezone

from actions.models.fiche import FicheAction
from actions.models.sections import SECTIONS
from conventions.models import Habilitation, Organisation, Signataire, people_of
from ctg_portal.models import TimestampedModel, User
from ctg_portal.plein_texte import index_texte
from ctg_portal.workflow import TransitionError, require_transition

SECTION_CHOICES = [("", "Toute la fiche"), *((section.slug, section.titre) for section in SECTIONS)]
TEXTE_MAX = 10_000
"""Signs of a remark or of an answer: three pages."""
CITATION_MAX = 2_000
"""Signs of a passage that is quoted."""
RELECTURE_CAF = Q(role=Habilitation.Role.RELECTURE) & (
    Q(organisation=None) | Q(organisation__nature=Organisation.Nature.CAF)
)
"""Roles of the CAF's reviewers: given by the CAF on one convention, or held in the CAF."""


class Etat(models.TextChoices):
    OUVERT = "ouvert", "Ouvert"
    REPONDU = "repondu", "Répondu"
    RESOLU = "resolu", "Résolu"


TRANSITIONS_FIL = {
    Etat.OUVERT.value: frozenset({Etat.OUVERT.value, Etat.REPONDU.value, Etat.RESOLU.value}),
    # Whoever opened the thread asks again: it waits for an answer once more.
    Etat.REPONDU.value: frozenset({Etat.OUVERT.value, Etat.REPONDU.value, Etat.RESOLU.value}),
    Etat.RESOLU.value: frozenset({Etat.OUVERT.value}),
}


def mentionable(fiche: FicheAction, *, interne: bool = False) -> models.QuerySet[User]:
    """Accounts that a thread may name: those who read the fiche; the CAF alone when it is ``interne``."""
    convention = fiche.plan.convention
    roles = Habilitation.objects.on_convention(convention)
    people = people_of(convention).filter(is_active=True)
    if interne:
        return people.filter(habilitations__in=roles.filter(RELECTURE_CAF))
    if fiche.confidentielle:
        readers = roles.filter(role__in=Habilitation.LECTEURS_CONFIDENTIELS)
        return people.filter(Q(habilitations__in=readers) | Q(pilotages__fiche=fiche))
    return people


def _name(person: str) -> Coalesce:
    """As a person's name reads: the address when there is none."""
    return Coalesce(NullIf(f"{person}__nom", Value("")), f"{person}__email")


@dataclass(frozen=True)
class LigneFil:
    """A line of a thread as it is shown."""

    geste: str
    texte: str
    auteur: str
    created_at: datetime.datetime
    mentions: list[str]


class CommentaireQuerySet(models.QuerySet["Commentaire"]):
    def visible_to(self, user: User) -> Self:
        """On the fiches open to ``user``; a note of the CAF, to those who review for it on the convention."""
        if not user.is_authenticated:
            return self.none()
        reviews = Habilitation.objects.filter(RELECTURE_CAF, user=user)
        caf = reviews.filter(organisation__isnull=False).values("organisation")
        signed = Signataire.objects.actuels().filter(organisation__in=caf).values("convention")
        return self.filter(fiche__in=FicheAction.objects.visible_to(user)).filter(
            Q(portee=Commentaire.Portee.EQUIPE)
            | Q(fiche__plan__convention__in=reviews.filter(convention__isnull=False).values("convention"))
            | Q(fiche__plan__convention__in=signed)
        )

    def en_suspens(self) -> Self:
        """Not resolved yet, answered or not."""
        return self.exclude(etat=Etat.RESOLU)

    def for_fil(self) -> Self:
        """What a thread shows, in one query: what follows and whom it names come as arrays of the same row."""
        suites = SuiteCommentaire.objects.filter(commentaire=OuterRef("pk")).order_by("created_at", "pk")
        mentions = Mention.objects.filter(commentaire=OuterRef("pk")).order_by("created_at", "pk")
        return self.select_related("auteur", "resolu_par").annotate(
            rows_suites=ArraySubquery(
                suites.values(
                    row=JSONObject(
                        pk="pk", geste="geste", texte="texte", created_at="created_at", auteur=_name("auteur")
                    )
                )
            ),
            rows_mentions=ArraySubquery(mentions.values(row=JSONObject(suite="suite", nom=_name("user")))),
        )


class CommentaireManager(models.Manager.from_queryset(CommentaireQuerySet)):  # type: ignore[misc]  # made at run time
    """The threads of the whole team: what a relation, a count of rows or an export reads when nobody says more.

    The notes of the CAF are reached by ``Commentaire.tous.visible_to(user)`` alone.
    """

    def get_queryset(self) -> CommentaireQuerySet:
        found: CommentaireQuerySet = super().get_queryset().filter(portee=Commentaire.Portee.EQUIPE)
        return found


class Commentaire(TimestampedModel):
    """A remark on a section of a fiche, or on the whole of it, and the thread that follows.

    ``citation`` is the passage it speaks of, kept as it was when the text changes.
    """

    Etat = Etat

    class Portee(models.TextChoices):
        EQUIPE = "equipe", "Tous ceux qui lisent la fiche"
        CAF = "caf", "La CAF seulement"

    fiche = models.ForeignKey(FicheAction, models.CASCADE, related_name="commentaires")
    section = models.CharField("rubrique", max_length=15, choices=SECTION_CHOICES, blank=True)
    portee = models.CharField("qui le lit", max_length=10, choices=Portee, default=Portee.EQUIPE)
    etat = models.CharField("état", max_length=10, choices=Etat, default=Etat.OUVERT, editable=False)
    citation = models.TextField("passage cité", blank=True)
    texte = models.TextField("commentaire")
    auteur = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="commentaires", editable=False
    )
    modifie_le = models.DateTimeField("modifié le", null=True, blank=True, editable=False)
    resolu_le = models.DateTimeField("résolu le", null=True, blank=True, editable=False)
    resolu_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    # The first manager is the one that relations use.
    objects = CommentaireManager()
    tous = CommentaireQuerySet.as_manager()

    class Meta:
        verbose_name = "commentaire"
        ordering = ["created_at", "pk"]
        indexes = [index_texte("commentaire_texte", "texte", "citation")]
        constraints = [
            models.CheckConstraint(
                name="commentaire_resolu_par_quelqu_un",
                condition=Q(resolu_le=None, resolu_par=None) & ~Q(etat="resolu")
                | Q(resolu_le__isnull=False, resolu_par__isnull=False, etat="resolu"),
            )
        ]

    def __str__(self) -> str:
        return f"{self.auteur}, {self.get_section_display()}"

    def get_absolute_url(self) -> str:
        """The fiche, at this thread."""
        return f"{self.fiche.get_absolute_url()}#{self.ancre}"

    @property
    def is_interne(self) -> bool:
        return self.portee == self.Portee.CAF

    @property
    def ancre(self) -> str:
        """Where the page of the fiche shows the thread."""
        return f"fil-{self.pk}"

    @property
    def noms_mentionnes(self) -> list[str]:
        """Whom the remark itself names. Loaded by ``for_fil()``."""
        return self._noms(None)

    @property
    def lignes(self) -> list[LigneFil]:
        """What followed, in order. Loaded by ``for_fil()``."""
        return [
            LigneFil(
                row["geste"],
                row["texte"],
                row["auteur"],
                datetime.datetime.fromisoformat(row["created_at"]),
                self._noms(row["pk"]),
            )
            for row in self._rows("rows_suites")
        ]

    @property
    def is_unanswered(self) -> bool:
        """Nothing followed yet."""
        if hasattr(self, "rows_suites"):
            return not self._rows("rows_suites")
        return not self.suites.exists()

    def _rows(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = getattr(self, name)
        return found

    def _noms(self, suite: int | None) -> list[str]:
        return [row["nom"] for row in self._rows("rows_mentions") if row["suite"] == suite]

    @transaction.atomic
    def post(self, *, mentions: Iterable[User] = ()) -> None:
        """Open the thread, and name people in it."""
        mentions = list(mentions)
        self.save()
        self._mention(mentions)
        self.fiche.notifications.tell_commentaire(self, mentions=mentions)

    @transaction.atomic
    def reply(self, *, by: User, texte: str, mentions: Iterable[User] = ()) -> "SuiteCommentaire":
        """Answer: « répondu » when it comes from somebody else, open again when whoever opened the thread goes on."""
        self._lock()
        if self.etat == Etat.RESOLU:
            raise TransitionError("Ce fil est résolu : rouvrez-le pour y répondre.")
        mentions = list(mentions)
        suite = self._follow(SuiteCommentaire.Geste.REPONSE, by=by, texte=texte)
        self._mention(mentions, suite)
        self.fiche.notifications.tell_commentaire(self, suite=suite, mentions=mentions)
        self._move(Etat.OUVERT if by.pk == self.auteur_id else Etat.REPONDU)
        return suite

    @transaction.atomic
    def resolve(self, *, by: User) -> None:
        """Close the thread; the first to do so is kept."""
        self._lock()
        require_transition(TRANSITIONS_FIL, self.etat, Etat.RESOLU, refus="Ce commentaire est déjà résolu.")
        self._follow(SuiteCommentaire.Geste.RESOLUTION, by=by)
        self.resolu_le, self.resolu_par = timezone.now(), by
        self._move(Etat.RESOLU)

    @transaction.atomic
    def reopen(self, *, by: User, texte: str = "") -> None:
        """Résolu → ouvert, with the reason if there is one; the thread keeps who had resolved it."""
        self._lock()
        if self.etat != Etat.RESOLU:
            raise TransitionError("Ce fil n’est pas résolu : il est encore ouvert.")
        self._follow(SuiteCommentaire.Geste.REOUVERTURE, by=by, texte=texte)
        self.resolu_le = self.resolu_par = None
        self._move(Etat.OUVERT)

    @transaction.atomic
    def rewrite(
        self, *, by: User, section: str, texte: str, citation: str, mentions: Iterable[User] = ()
    ) -> None:
        """Correct one's own remark while nobody answered; it then says that it was changed."""
        self._lock()
        self._refuse_when_answered(by)
        self.section, self.texte, self.citation = section, texte, citation
        self.modifie_le = timezone.now()
        self.save(update_fields=["section", "texte", "citation", "modifie_le", "updated_at"])
        # Whoever is still named keeps its row: it was told once.
        named = {user.pk: user for user in mentions}
        kept = self.mentions.filter(suite=None)
        kept.exclude(user__in=named).delete()
        known = set(kept.values_list("user", flat=True))
        added = [user for pk, user in named.items() if pk not in known]
        self._mention(added)
        self.fiche.notifications.tell_commentaire(self, mentions=added)

    @transaction.atomic
    def withdraw(self, *, by: User) -> None:
        """Take away one's own remark while nobody answered."""
        self._lock()
        self._refuse_when_answered(by)
        self.fiche.notifications.filter(cle=f"commentaire:{self.pk}").delete()
        self.delete()

    def _lock(self) -> None:
        """Lock the row and read it again: whoever comes second sees what the first did."""
        try:
            self.refresh_from_db(from_queryset=Commentaire.tous.select_for_update(of=("self",)))
        except Commentaire.DoesNotExist as gone:
            raise TransitionError("Ce commentaire vient d’être retiré par qui l’avait écrit.") from gone

    def _refuse_when_answered(self, by: User) -> None:
        if by.pk != self.auteur_id:
            raise TransitionError("Seule la personne qui a écrit ce commentaire peut le changer.")
        if self.etat != Etat.OUVERT or self.suites.exists():
            raise TransitionError(
                "Quelqu’un a répondu entre-temps : ce commentaire ne change plus. Répondez dans le fil."
            )

    def _move(self, etat: str) -> None:
        require_transition(TRANSITIONS_FIL, self.etat, etat, refus="Ce fil ne peut pas changer d’état ainsi.")
        self.etat = etat
        self.save(update_fields=["etat", "resolu_le", "resolu_par", "updated_at"])

    def _follow(self, geste: str, *, by: User, texte: str = "") -> "SuiteCommentaire":
        return SuiteCommentaire.objects.create(commentaire=self, geste=geste, texte=texte.strip(), auteur=by)

    def _mention(self, people: Iterable[User], suite: "SuiteCommentaire | None" = None) -> None:
        Mention.objects.bulk_create(Mention(commentaire=self, suite=suite, user=user) for user in people)


class SuiteCommentaire(models.Model):
    """A line of a thread, in its order: an answer, its resolution, its reopening."""

    class Geste(models.TextChoices):
        REPONSE = "reponse", "Réponse"
        RESOLUTION = "resolution", "Résolution"
        REOUVERTURE = "reouverture", "Réouverture"

    commentaire = models.ForeignKey(Commentaire, models.CASCADE, related_name="suites")
    geste = models.CharField("geste", max_length=12, choices=Geste)
    texte = models.TextField("texte", blank=True)
    auteur = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "suite d’un commentaire"
        verbose_name_plural = "suites des commentaires"
        ordering = ["created_at", "pk"]
        indexes = [index_texte("suitecommentaire_texte", "texte")]
        constraints = [
            models.CheckConstraint(
                name="suitecommentaire_reponse_ecrite",
                condition=~Q(geste="reponse") | ~Q(texte=""),
                violation_error_message="Écrivez la réponse.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_geste_display()} de {self.auteur}"


class Mention(models.Model):
    """Somebody named in a remark, or in an answer (``suite``). Who reads these rows asks again what the person may see."""

    commentaire = models.ForeignKey(Commentaire, models.CASCADE, related_name="mentions")
    suite = models.ForeignKey(
        SuiteCommentaire, models.CASCADE, null=True, blank=True, related_name="mentions"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="mentions", verbose_name="personne"
    )
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)

    class Meta:
        verbose_name = "mention"
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["commentaire", "user"],
                condition=Q(suite=None),
                name="mention_unique_dans_le_commentaire",
                violation_error_message="Cette personne est déjà mentionnée.",
            ),
            models.UniqueConstraint(
                fields=["suite", "user"],
                name="mention_unique_dans_la_suite",
                violation_error_message="Cette personne est déjà mentionnée.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} dans {self.commentaire}"
