"""Links between fiches: each is written once and read from both ends, by who may see the other end."""

from dataclasses import dataclass
from typing import Self

import pghistory
import pgtrigger
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, models, transaction
from django.db.models import F, OuterRef, Q
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils import timezone

from actions.models.fiche import FicheAction, FicheActionQuerySet
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError


class LienFicheQuerySet(models.QuerySet["LienFiche"]):
    def visible_to(self, user: User) -> Self:
        """Those whose two ends ``user`` may read."""
        fiches = FicheAction.objects.visible_to(user).values("pk")
        return self.filter(depuis__in=fiches, vers__in=fiches)


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent())
class LienFiche(models.Model):
    """``depuis`` is tied to ``vers``; a link « liée » has no direction, its smaller id stands first."""

    class Nature(models.TextChoices):
        LIEE = "liee", "est liée à"
        DEPEND = "depend", "dépend de"
        REMPLACE = "remplace", "remplace"
        ISSUE = "issue", "est une copie de"

    TITRES = {
        Nature.LIEE.value: ("Liée à", "Liée à"),
        Nature.DEPEND.value: ("Dépend de", "Nécessaire à"),
        Nature.REMPLACE.value: ("Remplace", "Remplacée par"),
        Nature.ISSUE.value: ("Copie de", "Copiée dans"),
    }
    """How a link is said at its first end, and at the other."""
    CERCLES = {
        Nature.DEPEND.value: "Ces fiches dépendraient l’une de l’autre, directement ou par d’autres fiches\u00a0: "
        "le lien n’est pas enregistré.",
        Nature.REMPLACE.value: "Ces fiches se remplaceraient l’une l’autre, directement ou par d’autres fiches\u00a0: "
        "le lien n’est pas enregistré.",
    }

    depuis = models.ForeignKey(FicheAction, models.CASCADE, related_name="liens_depuis")
    vers = models.ForeignKey(FicheAction, models.CASCADE, related_name="liens_vers")
    nature = models.CharField("lien", max_length=10, choices=Nature)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="par")
    created_at = models.DateTimeField("le", default=timezone.now, editable=False)

    objects = LienFicheQuerySet.as_manager()

    class Meta:
        verbose_name = "lien entre fiches"
        verbose_name_plural = "liens entre fiches"
        ordering = ["nature", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["depuis", "vers", "nature"],
                name="lienfiche_unique",
                violation_error_message="Ce lien existe déjà.",
            ),
            models.CheckConstraint(
                name="lienfiche_entre_deux_fiches",
                condition=~Q(depuis=F("vers")),
                violation_error_message="Une fiche ne peut pas être liée à elle-même.",
            ),
            models.CheckConstraint(
                name="lienfiche_liee_dans_un_sens",
                condition=~Q(nature="liee") | Q(depuis__lt=F("vers")),
                violation_error_message="Ce lien s’écrit dans l’autre sens.",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="lienfiche_sans_cercle",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("depuis_id", "vers_id", "nature"),
                when=pgtrigger.Before,
                condition=pgtrigger.Condition("NEW.nature IN ('depend', 'remplace')"),
                # One link at a time: two halves of a circle must not be written side by side.
                func="""
                    PERFORM pg_advisory_xact_lock(hashtext('lienfiche_sans_cercle'));
                    IF EXISTS (
                        WITH RECURSIVE suite(id) AS (
                            SELECT NEW.vers_id
                            UNION
                            SELECT l.vers_id FROM actions_lienfiche l JOIN suite s ON l.depuis_id = s.id
                            WHERE l.nature = NEW.nature
                        )
                        SELECT 1 FROM suite WHERE id = NEW.depuis_id
                    ) THEN
                        RAISE EXCEPTION 'lienfiche_sans_cercle: circle of links' USING ERRCODE = '23514';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.depuis} {self.get_nature_display()} {self.vers}"

    @classmethod
    def tie(cls, depuis: FicheAction, nature: str, vers: FicheAction, *, by: User) -> "LienFiche":
        """Write the link; ``TransitionError`` says why it cannot be: oneself, twice, or a circle of dependencies."""
        if depuis.pk == vers.pk:
            raise TransitionError("Une fiche ne peut pas être liée à elle-même.")
        if nature == cls.Nature.LIEE and depuis.pk > vers.pk:
            depuis, vers = vers, depuis
        try:
            with transaction.atomic(), pghistory.context(par=by.pk):
                return cls.objects.create(depuis=depuis, vers=vers, nature=nature, by=by)
        except IntegrityError as error:
            if "lienfiche_unique" in str(error):
                raise TransitionError("Ce lien existe déjà.") from error
            if "lienfiche_sans_cercle" in str(error):
                raise TransitionError(cls.CERCLES[nature]) from error
            raise

    @transaction.atomic
    def untie(self, *, by: User) -> None:
        """Take the link away; the history keeps it, with who took it away."""
        with pghistory.context(par=by.pk):
            self.delete()


@dataclass(frozen=True)
class Bout:
    """A link as it is read from one of its fiches; ``autre`` is the other end, in words."""

    pk: int
    nature: str
    premier: bool
    """The fiche that is read stands first: it depends on the other, replaces it, is its copy."""
    autre_pk: int
    code: str
    intitule: str
    avancement: str
    redaction: str
    late: bool
    convention_code: str
    convention: str

    @property
    def titre(self) -> str:
        return LienFiche.TITRES[self.nature][0 if self.premier else 1]

    @property
    def autre(self) -> str:
        return f"{self.code} {self.intitule}".strip()

    @property
    def url(self) -> str:
        return reverse("actions:fiche", args=[self.convention_code, self.autre_pk])

    @property
    def alerte(self) -> str:
        """What is said of a dependency that is late or will not be."""
        if not self.premier or self.nature != LienFiche.Nature.DEPEND:
            return ""
        for state, found in (
            ("archivée", self.redaction == FicheAction.Redaction.ARCHIVEE),
            ("abandonnée", self.avancement == FicheAction.Avancement.ABANDONNEE),
            ("en retard", self.late),
        ):
            if found:
                return f"Cette fiche dépend de «\u00a0{self.autre}\u00a0», qui est {state}."
        return ""


def with_links(fiches: FicheActionQuerySet, user: User) -> FicheActionQuerySet:
    """Annotate what ``links_of`` reads: the links whose other end ``user`` may see, in the query of the fiches."""
    return with_links_within(fiches, FicheAction.objects.visible_to(user))


def with_links_within(fiches: FicheActionQuerySet, autres: FicheActionQuerySet) -> FicheActionQuerySet:
    """The same, for links whose other end is one of ``autres``."""

    def rows(mine: str, theirs: str) -> ArraySubquery:
        found = autres.with_late().filter(**{f"{theirs}__{mine}": OuterRef("pk")}).order_by(f"{theirs}__pk")
        return ArraySubquery(
            found.values(
                row=JSONObject(
                    pk=f"{theirs}__pk",
                    nature=f"{theirs}__nature",
                    autre_pk="pk",
                    code="code",
                    intitule="intitule",
                    avancement="avancement",
                    redaction="redaction",
                    late="is_late_db",
                    convention_code="plan__convention__code",
                    convention="plan__convention__intitule",
                )
            )
        )

    return fiches.annotate(
        rows_liens_vers=rows("depuis", "liens_vers"), rows_liens_depuis=rows("vers", "liens_depuis")
    )


def links_of(fiche: FicheAction) -> list[Bout]:
    """The links of a fiche loaded by ``with_links()``, in the order of their kinds; no query."""
    found = [Bout(premier=True, **row) for row in fiche.rows_liens_vers]  # type: ignore[attr-defined]  # annotated
    found += [Bout(premier=False, **row) for row in fiche.rows_liens_depuis]  # type: ignore[attr-defined]  # annotated
    ranks = list(LienFiche.TITRES)
    return sorted(found, key=lambda bout: (ranks.index(bout.nature), not bout.premier, bout.pk))
