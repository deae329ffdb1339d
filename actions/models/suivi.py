"""What the page and the document of a fiche say of its steps, its money and its indicators; everything from loaded rows."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from actions.models.trajectoire import Trajectoire
from ctg_portal.templatetags.portal import ESPACE_FINE, euros

if TYPE_CHECKING:
    from actions.models.fiche import Etape, FicheAction

REFUSE = "refuse"
FONCTIONNEMENT, INVESTISSEMENT = "fonctionnement", "investissement"


def sum_known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The sum to the cent of what is known; ``None`` when nothing is."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


@dataclass(frozen=True)
class LigneEtape:
    """A step with what its dates call for."""

    etape: "Etape"
    jours_de_retard: int
    """0 when it is done, without a date, or when the action is over."""
    remarques: list[str]
    """Dates outside the calendar of the action or the period of the convention, in French."""


@dataclass(frozen=True)
class Cout:
    """Euros; ``None`` where nothing was entered."""

    prevu: Decimal | None
    realise: Decimal | None

    @property
    def is_vide(self) -> bool:
        return self.prevu is None and self.realise is None


@dataclass(frozen=True)
class Exercice:
    """The money of one year of a fiche, or of all of them (``annee`` is ``None``)."""

    annee: int | None
    hors_periode: bool
    fonctionnement: Cout
    investissement: Cout
    total: Cout
    demande: Decimal | None
    obtenu: Decimal | None

    @property
    def is_vide(self) -> bool:
        return all(
            amount is None for amount in (self.total.prevu, self.total.realise, self.demande, self.obtenu)
        )

    @property
    def solde(self) -> Decimal | None:
        """What is planned less what is asked; ``None`` when neither is known."""
        if self.total.prevu is None and self.demande is None:
            return None
        return (self.total.prevu or Decimal(0)) - (self.demande or Decimal(0))

    @property
    def is_desequilibre(self) -> bool:
        return bool(self.solde)

    @property
    def equilibre(self) -> str:
        """The balance in words; empty when there is nothing to balance."""
        solde = self.solde
        if solde is None:
            return ""
        if solde == 0:
            return "équilibré"
        if self.total.prevu is None:
            return f"{euros(-solde)} demandés sans coût prévu"
        return f"il manque {euros(solde)}" if solde > 0 else f"{euros(-solde)} de plus que le coût prévu"


@dataclass(frozen=True)
class Cellule:
    """What one financeur is asked and gives for one year (or for all)."""

    demande: Decimal | None
    obtenu: Decimal | None


@dataclass(frozen=True)
class LigneFinanceur:
    nom: str
    cellules: list[Cellule]
    """One a year of ``Budget.annees_financees``, then the total."""


@dataclass(frozen=True)
class Budget:
    exercices: list[Exercice]
    """Every year of the convention, and those outside it that have money."""
    total: Exercice
    annees_financees: list[int]
    financeurs: list[LigneFinanceur]
    refuses: Decimal | None
    """Asked and refused: nowhere in the totals."""

    @property
    def is_vide(self) -> bool:
        return self.total.is_vide

    @property
    def phrases(self) -> list[str]:
        """The balance in sentences: the years that do not balance, then the whole."""
        if self.total.solde is None:
            return []
        unbalanced = [
            f"en {exercice.annee}, {exercice.equilibre}"
            for exercice in self.exercices
            if exercice.is_desequilibre
        ]
        sentence = f"{ESPACE_FINE}; ".join(unbalanced)
        years = [f"{sentence[0].upper()}{sentence[1:]}."] if sentence else []
        if self.total.solde == 0:
            whole = (
                "Sur toutes les années, le plan est équilibré."
                if years
                else "Le plan de financement est équilibré."
            )
        else:
            whole = f"Sur toutes les années, {self.total.equilibre}."
        return [*years, whole]

    @property
    def hors_periode(self) -> list[int]:
        """Years outside the period of the convention: they count in the totals, and are told."""
        return [exercice.annee for exercice in self.exercices if exercice.hors_periode and exercice.annee]


@dataclass(frozen=True)
class Suivi:
    """Facts of one fiche as ``for_screen()`` loads it: no query."""

    fiche: "FicheAction"

    @property
    def annees_sans_bilan(self) -> list[int]:
        """Years of the convention that have begun and have no bilan."""
        written = {bilan.annee for bilan in self.fiche.bilans.all()}
        this_year = timezone.localdate().year
        return [
            annee for annee in self.fiche.convention.annees if annee <= this_year and annee not in written
        ]

    @property
    def annee_a_saisir(self) -> int:
        """This year, or the nearest one of the convention."""
        annees = self.fiche.convention.annees
        return min(max(timezone.localdate().year, annees[0]), annees[-1])

    @property
    def etapes(self) -> list[LigneEtape]:
        today = timezone.localdate()
        return [
            LigneEtape(
                etape,
                (today - etape.echeance).days
                if etape.is_late and etape.echeance and not self.fiche.is_finie
                else 0,
                remarques_of(etape, self.fiche),
            )
            for etape in self.fiche.etapes.all()
        ]

    @property
    def prochaine_etape(self) -> "Etape | None":
        """The first step still to do: the earliest due, then those without a date in their order."""
        todo = [etape for etape in self.fiche.etapes.all() if etape.faite_le is None]
        if self.fiche.is_finie or not todo:
            return None
        return min(todo, key=lambda etape: etape.echeance or datetime.date.max)

    @property
    def trajectoires(self) -> list[Trajectoire]:
        return [Trajectoire.of(indicateur) for indicateur in self.fiche._loaded_indicateurs()]

    @property
    def budget(self) -> Budget:
        return _budget(self.fiche)


def remarques_of(etape: "Etape", fiche: "FicheAction") -> list[str]:
    """What the dates of a step say beside those of its action and convention; said, never refused."""
    convention, said = fiche.convention, []
    if day := etape.echeance:
        checks = (
            (day < convention.debut, "échéance avant le début de la convention"),
            (day > convention.fin, "échéance après la fin de la convention"),
            (fiche.debut is not None and day < fiche.debut, "échéance avant le début de l’action"),
            (fiche.echeance is not None and day > fiche.echeance, "échéance après celle de l’action"),
        )
        said += [words for outside, words in checks if outside]
    if etape.faite_le and etape.faite_le > timezone.localdate():
        said.append("faite à une date à venir : à vérifier")
    elif etape.faite_le and fiche.debut and etape.faite_le < fiche.debut:
        said.append("faite avant le début de l’action")
    return said


def _cout(lignes: Iterable[Any]) -> Cout:
    rows = list(lignes)
    return Cout(sum_known(row.prevu for row in rows), sum_known(row.realise for row in rows))


def _exercice(annee: int | None, hors: bool, lignes: list[Any], financements: list[Any]) -> Exercice:
    return Exercice(
        annee=annee,
        hors_periode=hors,
        fonctionnement=_cout(row for row in lignes if row.nature == FONCTIONNEMENT),
        investissement=_cout(row for row in lignes if row.nature == INVESTISSEMENT),
        total=_cout(lignes),
        demande=sum_known(row.demande for row in financements),
        obtenu=sum_known(row.obtenu for row in financements),
    )


def _budget(fiche: "FicheAction") -> Budget:
    lignes = list(fiche.lignes_budget.all())
    every = list(fiche.lignes_financement.all())
    financements = [row for row in every if row.etat != REFUSE]
    period = fiche.convention.annees
    years = sorted({*period, *(row.annee for row in lignes), *(row.annee for row in financements)})
    exercices = [
        _exercice(
            annee,
            annee not in period,
            [row for row in lignes if row.annee == annee],
            [row for row in financements if row.annee == annee],
        )
        for annee in years
    ]
    financed = sorted({row.annee for row in financements})
    return Budget(
        exercices=exercices,
        total=_exercice(None, False, lignes, financements),
        annees_financees=financed,
        financeurs=_financeurs(financements, financed),
        refuses=sum_known(row.demande for row in every if row.etat == REFUSE),
    )


def _financeurs(financements: list[Any], years: list[int]) -> list[LigneFinanceur]:
    """One line a financeur, in the order they come."""
    by_financeur: dict[int, list[Any]] = {}
    for row in financements:
        by_financeur.setdefault(row.financeur_id, []).append(row)
    return [
        LigneFinanceur(
            str(rows[0].financeur),
            [
                *(_cellule(row for row in rows if row.annee == annee) for annee in years),
                _cellule(rows),
            ],
        )
        for rows in by_financeur.values()
    ]


def _cellule(rows: Iterable[Any]) -> Cellule:
    found = list(rows)
    return Cellule(sum_known(row.demande for row in found), sum_known(row.obtenu for row in found))
