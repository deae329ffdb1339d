"""What a questionnaire says, question by question, computed from its answers; no answer is ever shown whole."""

import datetime
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from diagnostics.models.questionnaire import Question, Questionnaire, number_of

SEUIL = 5
"""Under this many answers to a question, its counts would tell what somebody answered: only how many answered is said."""
VALEURS_MAX = 12
"""Different numbers shown one by one; beyond, they are gathered."""
JOURS_MAX = 31
"""Days shown one by one; beyond, they are gathered by week."""
ECHELLE = {1: "1, pas du tout", 2: "2", 3: "3", 4: "4", 5: "5, tout à fait"}
OUI_NON = {"oui": "Oui", "non": "Non"}


@dataclass(frozen=True)
class Ligne:
    """One possible answer, and how many gave it."""

    label: str
    nombre: int


@dataclass(frozen=True)
class Resultat:
    """A question and its counts. Several choices may be given by one person: shares are of the people who answered."""

    question: Question
    repondants: int
    lignes: list[Ligne] = field(default_factory=list)
    nombres: list[Decimal] = field(default_factory=list)
    textes: list[str] = field(default_factory=list)

    @property
    def has_detail(self) -> bool:
        """There are enough answers to say how they are shared out."""
        return self.repondants >= SEUIL

    @property
    def moyenne(self) -> Decimal | None:
        if not self.nombres:
            return None
        return statistics.mean(self.nombres).quantize(Decimal("0.01"))

    @property
    def mediane(self) -> Decimal | None:
        return statistics.median(self.nombres) if self.nombres else None

    def part(self, ligne: Ligne) -> int | None:
        """Hundredths of those who answered, rounded."""
        return round(ligne.nombre * 100 / self.repondants) if self.repondants else None


@dataclass(frozen=True)
class Resultats:
    nombre: int
    questions: list[Resultat]
    jours: list[Ligne]
    par_semaine: bool


def resultats_of(questionnaire: Questionnaire) -> Resultats:
    """All the answers, counted: two queries."""
    reponses = list(questionnaire.reponses.values_list("valeurs", "recue_le"))
    days = [day for _, day in reponses]
    weekly = len(set(days)) > JOURS_MAX
    return Resultats(
        nombre=len(reponses),
        questions=[
            _resultat(
                question,
                [valeurs[str(question.pk)] for valeurs, _ in reponses if str(question.pk) in valeurs],
            )
            for question in questionnaire.questions.all()
        ],
        jours=_par_jour(days, weekly=weekly),
        par_semaine=weekly,
    )


def _resultat(question: Question, valeurs: list[Any]) -> Resultat:
    if question.nature == Question.Nature.TEXTE:
        # In alphabetical order: nothing tells which texts came together.
        return Resultat(question, len(valeurs), textes=sorted(str(valeur) for valeur in valeurs))
    if len(valeurs) < SEUIL:
        return Resultat(question, len(valeurs))
    match question.nature:
        case Question.Nature.NOMBRE:
            found = [number for valeur in valeurs if (number := number_of(str(valeur))) is not None]
            return Resultat(question, len(found), _lignes_nombres(found), nombres=sorted(found))
        case Question.Nature.ECHELLE:
            lignes = _count(ECHELLE, valeurs)
            return Resultat(question, len(valeurs), lignes, nombres=sorted(map(Decimal, valeurs)))
        case Question.Nature.OUI_NON:
            return Resultat(question, len(valeurs), _count(OUI_NON, valeurs))
        case Question.Nature.CHOIX_MULTIPLE:
            given = [choix for valeur in valeurs for choix in valeur]
            return Resultat(question, len(valeurs), _count_choix(question, given))
    return Resultat(question, len(valeurs), _count_choix(question, valeurs))


def _count_choix(question: Question, given: Iterable[str]) -> list[Ligne]:
    return _count({choix: choix for choix in question.choix_proposes}, given)


def _count(labels: dict[Any, str], given: Iterable[Any]) -> list[Ligne]:
    counts = Counter(given)
    return [Ligne(label, counts[key]) for key, label in labels.items()]


def _french(number: Decimal) -> str:
    return f"{number.normalize():f}".replace(".", ",")


def _lignes_nombres(nombres: list[Decimal]) -> list[Ligne]:
    """Each number, or six spans of the same length when there are many."""
    counts = Counter(nombres)
    if len(counts) <= VALEURS_MAX:
        return [Ligne(_french(number), counts[number]) for number in sorted(counts)]
    low, high = min(nombres), max(nombres)
    step = (high - low) / 6
    lignes = []
    for rank in range(6):
        start, end = low + step * rank, low + step * (rank + 1)
        inside = [n for n in nombres if start <= n and (n < end or rank == 5)]
        bounds = (start.quantize(Decimal("0.1")), (high if rank == 5 else end).quantize(Decimal("0.1")))
        lignes.append(
            Ligne(
                f"de {_french(bounds[0])} à {'moins de ' if rank < 5 else ''}{_french(bounds[1])}",
                len(inside),
            )
        )
    return lignes


def _par_jour(days: list[datetime.date], *, weekly: bool) -> list[Ligne]:
    if weekly:
        days = [day - datetime.timedelta(days=day.weekday()) for day in days]
    counts = Counter(days)
    label = "semaine du {:%d/%m/%Y}" if weekly else "{:%d/%m/%Y}"
    return [Ligne(label.format(day), counts[day]) for day in sorted(counts)]
