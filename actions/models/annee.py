"""What a year asks of a fiche: its bilan, and the facts of that year that help to write it."""

import datetime
from dataclasses import dataclass
from decimal import Decimal

from django.db import models
from django.db.models import Case, F, OuterRef, Prefetch, Q, Subquery, When
from django.db.models.functions import TruncDate
from django.utils import timezone

from actions.models.fiche import Avancement, Etape, FicheAction, FicheActionQuerySet, Transition
from actions.models.parts import Bilan, IndicateurSuivi, LigneBudget, LigneFinancement, Mesure, Note
from conventions.models import Convention
from ctg_portal.chargement import load_together


class EtatBilan(models.TextChoices):
    A_ECRIRE = "a_ecrire", "à écrire"
    COMMENCE = "commence", "commencé"
    FAIT = "fait", "fait"
    NON_ATTENDU = "non_attendu", "non attendu"


def annee_courante(convention: Convention, today: datetime.date | None = None) -> int:
    """The year of the convention whose bilan is being written: this one, or the nearest year of its period."""
    annees = convention.annees
    return min(max((today or timezone.localdate()).year, annees[0]), annees[-1])


def annees_ouvertes(convention: Convention, today: datetime.date | None = None) -> list[int]:
    """Years of the convention that have begun, the first one at least."""
    last = annee_courante(convention, today)
    return [annee for annee in convention.annees if annee <= last]


def with_fin(fiches: FicheActionQuerySet) -> FicheActionQuerySet:
    """Annotate ``finie_le``: the real end, or the day the action was abandoned; ``None`` while it goes on."""
    abandon = Transition.objects.filter(
        fiche=OuterRef("pk"), champ=Transition.Champ.AVANCEMENT, vers=Avancement.ABANDONNEE
    ).order_by("-created_at")
    return fiches.annotate(
        finie_le=Case(
            When(
                avancement=Avancement.ABANDONNEE,
                then=Subquery(abandon.annotate(jour=TruncDate("created_at")).values("jour")[:1]),
            ),
            default=F("fin_reelle"),
            output_field=models.DateField(),
        )
    )


def for_bilans(fiches: FicheActionQuerySet, annee: int) -> FicheActionQuerySet:
    """Fiches with ``bilans_annee``, the list of their bilan of ``annee``, in the order of the plan."""
    return (
        with_fin(fiches.actives())
        .in_plan_order()
        .select_related("plan__convention__territoire", "axe", "objectif")
        .prefetch_related(
            "pilotes__user", Prefetch("bilans", Bilan.objects.filter(annee=annee), to_attr="bilans_annee")
        )
    )


def is_derniere(fiche: FicheAction, annee: int) -> bool:
    """Whether ``annee`` ends the action or the convention: the bilan then says what was reached, and what follows.

    ``fiche`` comes from ``with_fin()``.
    """
    finie_le: datetime.date | None = fiche.finie_le  # type: ignore[attr-defined]  # annotated
    ends = [day.year for day in (finie_le, fiche.echeance, fiche.convention.fin) if day]
    return annee >= min(ends) or (fiche.is_finie and finie_le is None)


def is_attendu(fiche: FicheAction, annee: int) -> bool:
    """Whether a bilan of ``annee`` is expected: the action had begun, and was not over before."""
    finie_le: datetime.date | None = fiche.finie_le  # type: ignore[attr-defined]  # annotated
    if fiche.is_finie and (finie_le is None or finie_le.year < annee):
        return False
    return annee <= timezone.localdate().year and (fiche.debut is None or fiche.debut.year <= annee)


def missing_of(bilan: Bilan, *, derniere: bool) -> list[str]:
    """What is missing before a bilan counts as done, in French sentences."""
    checks = (
        (bool(bilan.realise.strip()), "Ce qui a été fait."),
        (bool(bilan.atteinte) or not derniere, "Le résultat : objectif atteint, en partie, ou non."),
        (bool(bilan.suite) or not derniere, "La suite à donner."),
    )
    return [sentence for present, sentence in checks if not present]


def etat_of(fiche: FicheAction, annee: int, bilan: Bilan | None) -> EtatBilan:
    """How far the bilan of ``annee`` is; one that was written counts even when none was expected."""
    if bilan is None:
        return EtatBilan.A_ECRIRE if is_attendu(fiche, annee) else EtatBilan.NON_ATTENDU
    missing = missing_of(bilan, derniere=is_derniere(fiche, annee))
    return EtatBilan.COMMENCE if missing else EtatBilan.FAIT


@dataclass(frozen=True)
class Fait:
    """A measure of the year beside that of the year before; ``None`` where nothing was measured."""

    indicateur: IndicateurSuivi
    mesure: Mesure | None
    precedente: Mesure | None


@dataclass(frozen=True)
class Annee:
    """The facts of a year of one fiche. Amounts in euros, ``None`` where nothing was entered."""

    annee: int
    faites: list[Etape]
    """Steps done in the year."""
    manquees: list[Etape]
    """Steps due in the year, or before, and not done when it ended (or until today)."""
    notes: list[Note]
    faits: list[Fait]
    montants: dict[str, Decimal | None]
    """``prevu``, ``realise``, ``demande``, ``obtenu``; refused fundings left out."""
    bilans: dict[int, Bilan]
    """Every bilan of the fiche, by year."""

    @property
    def is_vide(self) -> bool:
        return not (
            self.faites
            or self.manquees
            or self.notes
            or self.faits
            or any(montant is not None for montant in self.montants.values())
        )


def _sum(amounts: list[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def read_annee(fiche: FicheAction, annee: int) -> Annee:
    """The facts of ``annee`` and the bilans of the fiche, in one query."""
    etapes = Etape.objects.filter(fiche=fiche).order_by("ordre", "pk")
    notes = Note.objects.filter(fiche=fiche, date__year=annee).order_by("date", "pk")
    indicateurs = IndicateurSuivi.objects.filter(fiche=fiche).order_by("ordre", "pk")
    mesures = Mesure.objects.filter(indicateur__fiche=fiche, annee__in=(annee - 1, annee)).order_by("pk")
    lignes = LigneBudget.objects.filter(fiche=fiche, annee=annee).order_by("pk")
    financements = (
        LigneFinancement.objects.filter(fiche=fiche, annee=annee)
        .filter(~Q(etat=LigneFinancement.Etat.REFUSE))
        .order_by("pk")
    )
    bilans = Bilan.objects.filter(fiche=fiche).order_by("-annee")
    load_together(etapes, notes, indicateurs, mesures, lignes, financements, bilans)
    measured = {(mesure.indicateur_id, mesure.annee): mesure for mesure in mesures}
    end = min(datetime.date(annee, 12, 31), timezone.localdate())
    faits = [
        Fait(row, measured.get((row.pk, annee)), measured.get((row.pk, annee - 1))) for row in indicateurs
    ]
    return Annee(
        annee=annee,
        faites=[etape for etape in etapes if etape.faite_le and etape.faite_le.year == annee],
        manquees=[
            etape
            for etape in etapes
            if etape.echeance
            and etape.echeance <= end
            and (etape.faite_le is None or etape.faite_le.year > annee)
        ],
        notes=list(notes),
        faits=[fait for fait in faits if fait.mesure or fait.precedente],
        montants={
            "prevu": _sum([ligne.prevu for ligne in lignes]),
            "realise": _sum([ligne.realise for ligne in lignes]),
            "demande": _sum([ligne.demande for ligne in financements]),
            "obtenu": _sum([ligne.obtenu for ligne in financements]),
        },
        bilans={bilan.annee: bilan for bilan in bilans},
    )
