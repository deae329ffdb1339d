"""What the portal proposes to put on an agenda: decisions not done yet, fiches that call for a word of the instance."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q

from actions.models import Avis, FicheAction
from actions.models.attentes import silent
from ctg_portal.models import User
from governance.models import Decision, PointOrdreDuJour, Reunion
from governance.ordre_du_jour import PointPropose

Visee = PointOrdreDuJour.Visee
FICHES_AU_PLUS = 40
"""Fiches that a suggestion shows; the page says how many there are."""
A_VALIDER = (FicheAction.Redaction.EN_RELECTURE, FicheAction.Redaction.A_COMPLETER)


@dataclass(frozen=True)
class Suggestion:
    """One item that the agenda may take: why, and the fiches to choose from, or the decisions it is about."""

    code: str
    intitule: str
    raison: str
    visee: str
    fiches: list[FicheAction]
    decisions: list[Decision]
    nombre: int

    def propose(self, kept: Iterable[FicheAction]) -> PointPropose:
        texte = "\n".join(
            f"- {decision.numero}\u00a0: {decision.texte.splitlines()[0]}" for decision in self.decisions
        )
        return PointPropose(self.intitule, self.visee, texte=texte, fiches=list(kept))


@dataclass(frozen=True)
class Motif:
    """Why fiches are proposed; ``holds`` reads what ``_candidates`` annotated."""

    code: str
    intitule: str
    raison: str
    visee: str
    holds: Callable[[Any], bool]


MOTIFS = (
    Motif(
        "retard",
        "Fiches en retard\u00a0: décider de la suite",
        "Échéance ou étape dépassée",
        Visee.DECISION,
        lambda fiche: fiche.is_late_db,
    ),
    Motif(
        "pause",
        "Fiches en pause\u00a0: reprendre, reporter ou abandonner",
        "En pause\u00a0: l’instance dit ce qu’elles deviennent",
        Visee.DECISION,
        lambda fiche: fiche.avancement == FicheAction.Avancement.EN_PAUSE,
    ),
    Motif(
        "valider",
        "Fiches à valider",
        "En relecture, ou à compléter\u00a0: elles attendent d’être validées",
        Visee.DECISION,
        lambda fiche: fiche.redaction in A_VALIDER,
    ),
    Motif(
        "avis",
        "Avis attendus de la CAF",
        "Un avis a été demandé et n’est pas encore signé",
        Visee.AVIS,
        lambda fiche: fiche.avis_attendu,
    ),
    Motif(
        "silence",
        "Fiches sans nouvelle",
        "Rien n’a été écrit depuis six mois",
        Visee.INFORMATION,
        lambda fiche: fiche.est_silencieuse,
    ),
)


def suggestions_for(reunion: Reunion, user: User) -> list[Suggestion]:
    """What ``user`` may propose to all the members: confidential fiches are left out, those already on the agenda too.

    Two queries, whatever the plan holds. Reads ``points.all()``.
    """
    fiches = _candidates(reunion, user)
    found = [_ouvertes(reunion)]
    for motif in MOTIFS:
        rows = [fiche for fiche in fiches if motif.holds(fiche)]
        if rows:
            found.append(
                Suggestion(
                    motif.code,
                    motif.intitule,
                    motif.raison,
                    motif.visee,
                    rows[:FICHES_AU_PLUS],
                    [],
                    len(rows),
                )
            )
    return [suggestion for suggestion in found if suggestion is not None]


def _candidates(reunion: Reunion, user: User) -> list[FicheAction]:
    """Fiches that one of the ``MOTIFS`` holds for, annotated for them."""
    taken = FicheAction.objects.filter(points__reunion=reunion).values("pk")
    same = FicheAction.objects.filter(pk=OuterRef("pk"))
    return list(
        FicheAction.objects.visible_to(user)
        .actives()
        .filter(plan__convention=reunion.instance.convention_id, confidentielle=False)
        .exclude(pk__in=taken)
        .with_late()
        .annotate(
            avis_attendu=Exists(Avis.objects.attendus().filter(fiche=OuterRef("pk"))),
            est_silencieuse=Exists(silent(same)),
        )
        .filter(
            Q(is_late_db=True)
            | Q(avancement=FicheAction.Avancement.EN_PAUSE)
            | Q(redaction__in=A_VALIDER)
            | Q(avis_attendu=True)
            | Q(est_silencieuse=True)
        )
        .in_plan_order()
    )


def _ouvertes(reunion: Reunion) -> Suggestion | None:
    decisions = list(Decision.objects.before(reunion).ouvertes().most_pressing_first())
    said = "Suites données aux décisions"
    if not decisions or any(point.intitule == said for point in reunion.points.all()):
        return None
    late = sum(decision.is_late for decision in decisions)
    raison = "Décisions des réunions précédentes qui ne sont pas encore réalisées"
    if late:
        raison += f", dont {late} en retard"
    return Suggestion("suites", said, raison, Visee.INFORMATION, [], decisions, len(decisions))
