"""What the CAF asks to complete: the sections it names are open, the others are locked until somebody opens them."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models, transaction
from django.db.models.functions import JSONObject
from django.utils import timezone

from actions.models.fiche import FicheAction, Redaction, Transition
from actions.models.sections import SECTIONS
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

TOUJOURS_OUVERTES = frozenset({"suivi"})
"""News go on whatever was asked."""
TITRES = {section.slug: section.titre for section in SECTIONS}


class SectionDemandee(models.Model):
    """A section that a « à compléter » opens: named at once, or opened later. A demand without any opens the whole fiche."""

    demande = models.ForeignKey(Transition, models.CASCADE, related_name="sections_demandees")
    section = models.CharField("rubrique", max_length=15, choices=list(TITRES.items()))
    par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name="ouverte par"
    )
    created_at = models.DateTimeField("ouverte le", default=timezone.now, editable=False)
    completee_le = models.DateTimeField("complétée le", null=True, blank=True)
    completee_par = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = "rubrique demandée"
        verbose_name_plural = "rubriques demandées"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["demande", "section"],
                name="sectiondemandee_unique",
                violation_error_message="Cette rubrique est déjà demandée.",
            ),
            models.CheckConstraint(
                name="sectiondemandee_completee_par_quelqu_un",
                condition=models.Q(completee_le=None, completee_par=None)
                | models.Q(completee_le__isnull=False, completee_par__isnull=False),
                violation_error_message="Une rubrique complétée dit par qui et quand.",
            ),
        ]

    def __str__(self) -> str:
        return self.get_section_display()


@dataclass(frozen=True)
class Complements:
    """What is asked of a fiche now. ``demande`` is ``None`` when nothing is; no ``lignes``: the whole fiche is open."""

    demande: Transition | None = None
    lignes: tuple[SectionDemandee, ...] = ()

    @property
    def restantes(self) -> list[SectionDemandee]:
        """Asked, and not saved since."""
        return [ligne for ligne in self.lignes if ligne.completee_le is None]

    def is_locked(self, section: str) -> bool:
        return bool(self.lignes) and section not in TOUJOURS_OUVERTES and self.of(section) is None

    def of(self, section: str) -> SectionDemandee | None:
        return next((ligne for ligne in self.lignes if ligne.section == section), None)

    def refus(self, section: str) -> str:
        """Why a locked section does not change, and who can open it."""
        asked = ", ".join(f"« {ligne} »" for ligne in self.lignes)
        return (
            f"La rubrique « {TITRES[section]} » est verrouillée : le complément demandé ne porte que sur {asked}. "
            "La coordination ou la CAF peut l’ouvrir depuis la fiche."
        )


def with_sections(transitions: models.QuerySet[Transition]) -> models.QuerySet[Transition]:
    """Lines of a journal with the sections each opened, as an array of the same row."""
    people = {
        f"{name}_{column}": f"{name}__{column}"
        for name in ("par", "completee_par")
        for column in ("nom", "email")
    }
    rows = SectionDemandee.objects.filter(demande=models.OuterRef("pk")).order_by("pk")
    columns = {name: name for name in ("section", "created_at", "completee_le")}
    return transitions.annotate(rows_sections=ArraySubquery(rows.values(row=JSONObject(**columns, **people))))


def _read(demande: Transition) -> Iterable[SectionDemandee]:
    """Its sections: from the array that ``with_sections`` loaded, else by a query."""
    if not hasattr(demande, "rows_sections"):
        yield from demande.sections_demandees.select_related("par", "completee_par")
        return
    for row in demande.rows_sections:
        par, auteur = (
            User(nom=row[f"{name}_nom"] or "", email=row[f"{name}_email"] or "")
            for name in ("par", "completee_par")
        )
        yield SectionDemandee(
            section=row["section"],
            par=par,
            created_at=datetime.datetime.fromisoformat(row["created_at"]),
            completee_le=row["completee_le"] and datetime.datetime.fromisoformat(row["completee_le"]),
            completee_par=auteur if row["completee_le"] else None,
        )


def complements_of(fiche: FicheAction) -> Complements:
    """What the last « à compléter » opened; two queries at most, none when the fiche is not « à compléter » or when
    ``for_screen`` loaded it.
    """
    if fiche.redaction != Redaction.A_COMPLETER or (demande := fiche.dernier_renvoi) is None:
        return Complements()
    rank = list(TITRES)
    return Complements(demande, tuple(sorted(_read(demande), key=lambda ligne: rank.index(ligne.section))))


@transaction.atomic
def open_section(fiche: FicheAction, section: str, *, by: User) -> None:
    """Open one more section of a fiche « à compléter »."""
    locked = FicheAction.objects.select_for_update(of=("self",)).get(pk=fiche.pk)
    found = complements_of(locked)
    if found.demande is None:
        raise TransitionError(
            f"La fiche est maintenant « {locked.get_redaction_display().lower()} » : ses rubriques ne s’ouvrent plus une à une."
        )
    if not found.is_locked(section):
        raise TransitionError(f"La rubrique « {TITRES[section]} » est déjà ouverte.")
    found.demande.sections_demandees.create(section=section, par=by)


def complete_section(fiche: FicheAction, section: str, *, by: User) -> None:
    """Somebody saved it: a section that was asked is « complétée », the first time only. The fiche is locked by whoever saves."""
    complete_sections(fiche, [section], by=by)


def complete_sections(fiche: FicheAction, sections: Iterable[str], *, by: User) -> None:
    """The same for several sections saved together."""
    if fiche.redaction == Redaction.A_COMPLETER and (demande := fiche.dernier_renvoi) is not None:
        SectionDemandee.objects.filter(demande=demande, section__in=list(sections), completee_le=None).update(
            completee_le=timezone.now(), completee_par=by
        )
