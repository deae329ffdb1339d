"""The agenda of a meeting as it is built: points added, moved, taken off, taken over from elsewhere."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from actions.models import FicheAction
from actions.models.plan import place_in_order
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError
from governance.models import (
    ModeleOrdreDuJour,
    PieceReunion,
    PointModele,
    PointOrdreDuJour,
    Reunion,
    SujetEnAttente,
)

POINTS_AU_PLUS = 60
HAUT, BAS = "haut", "bas"
Visee = PointOrdreDuJour.Visee


@dataclass(frozen=True)
class PointPropose:
    """An item to be put on an agenda; ``fiches`` are those it is about."""

    intitule: str
    visee: str = Visee.INFORMATION
    rapporteur: str = ""
    duree: int | None = None
    texte: str = ""
    fiches: Sequence[FicheAction] = ()


class AgendaMovedError(TransitionError):
    """Somebody changed the order of the agenda since the page was opened."""

    def __init__(self) -> None:
        super().__init__(
            "L’ordre du jour a changé depuis l’ouverture de cette page\u00a0: rien n’a été déplacé. "
            "Voici l’ordre d’à présent."
        )


def empreinte_of(points: Iterable[PointOrdreDuJour]) -> str:
    """Changes whenever a point comes, goes or moves."""
    keys = ",".join(str(point.pk) for point in points)
    return hashlib.sha256(keys.encode()).hexdigest()[:20]


def _lock(reunion: Reunion) -> Reunion:
    """The meeting, for this transaction alone; ``TransitionError`` when its agenda no longer changes."""
    reunion = Reunion.objects.select_for_update(of=("self",)).select_related("instance").get(pk=reunion.pk)
    if not reunion.is_modifiable:
        raise TransitionError(
            f"La réunion est maintenant «\u00a0{reunion.get_statut_display().lower()}\u00a0»\u00a0: "
            "son ordre du jour ne change plus."
        )
    return reunion


@transaction.atomic
def add_points(reunion: Reunion, proposes: Sequence[PointPropose]) -> list[PointOrdreDuJour]:
    """Put them at the end of the agenda, in their order."""
    reunion = _lock(reunion)
    if reunion.points.count() + len(proposes) > POINTS_AU_PLUS:
        raise TransitionError(f"Un ordre du jour a {POINTS_AU_PLUS} points au plus.")
    last = reunion.points.aggregate(last=Max("ordre"))["last"] or 0
    points = []
    for ordre, propose in enumerate(proposes, start=last + 1):
        point = PointOrdreDuJour.objects.create(
            reunion=reunion,
            ordre=ordre,
            intitule=propose.intitule,
            visee=propose.visee,
            rapporteur=propose.rapporteur,
            duree=propose.duree,
            texte=propose.texte,
        )
        point.fiches.set(propose.fiches)
        points.append(point)
    return points


@transaction.atomic
def move_point(reunion: Reunion, pk: int, *, vers: str | int | None, empreinte: str) -> str:
    """One step (``"haut"``, ``"bas"``), or right after the point ``vers`` (first when ``None``); a sentence that says it.

    Only if the agenda still has this ``empreinte``: of two people who move at once, the second is told.
    """
    reunion = _lock(reunion)
    points = list(reunion.points.order_by("ordre", "pk"))
    if empreinte_of(points) != empreinte:
        raise AgendaMovedError
    keys = [point.pk for point in points]
    if pk not in keys:
        raise TransitionError("Ce point n’est plus à l’ordre du jour.")
    rang = keys.index(pk)
    if vers == HAUT:
        if rang == 0:
            raise TransitionError("Ce point est déjà le premier.")
        apres = keys[rang - 2] if rang > 1 else None
    elif vers == BAS:
        if rang == len(keys) - 1:
            raise TransitionError("Ce point est déjà le dernier.")
        apres = keys[rang + 1]
    else:
        apres = int(vers) if vers is not None else None
    if apres == pk or (apres is not None and apres not in keys):
        raise TransitionError("Cette place n’existe pas dans l’ordre du jour\u00a0: rien n’a été déplacé.")
    after = None if apres is None else points[keys.index(apres)]
    place_in_order(reunion.points.order_by("ordre", "pk"), points[rang], after=after)
    placed = keys[:rang] + keys[rang + 1 :]
    nouveau = placed.index(apres) + 2 if apres is not None else 1
    return f"Le point «\u00a0{points[rang]}\u00a0» est maintenant le n°\u00a0{nouveau} sur {len(keys)}."


@transaction.atomic
def remove_point(point: PointOrdreDuJour, *, by: User) -> None:
    """Take it off the agenda. Its subject waits again, its pieces are withdrawn; one with a decision stays."""
    _lock(point.reunion)
    if numeros := [str(decision) for decision in point.decisions.all()]:
        raise TransitionError(
            f"Ce point porte la décision {', '.join(numeros)}\u00a0: il reste à l’ordre du jour."
        )
    if point.notes:
        raise TransitionError("Ce point porte des notes de séance\u00a0: il reste à l’ordre du jour.")
    for piece in PieceReunion.objects.courantes().filter(point=point):
        piece.withdraw(by=by)
    point.delete()


@transaction.atomic
def take_subject(sujet: SujetEnAttente, reunion: Reunion) -> PointOrdreDuJour:
    """Make the subject a point of the meeting; ``TransitionError`` when it is already one of a meeting."""
    sujet = SujetEnAttente.objects.select_for_update(of=("self",)).get(pk=sujet.pk)
    if sujet.point_id is not None:
        raise TransitionError("Ce sujet vient d’être mis à l’ordre du jour d’une réunion.")
    if sujet.instance_id != reunion.instance_id:
        raise TransitionError("Ce sujet attend dans une autre instance.")
    propose = PointPropose(
        sujet.intitule, sujet.visee, texte=sujet.texte, fiches=list(sujet.fiches.actives())
    )
    (point,) = add_points(reunion, [propose])
    sujet.point = point
    sujet.save(update_fields=["point", "updated_at"])
    return point


def points_of_reunion(source: Reunion) -> list[PointPropose]:
    """The agenda of an earlier meeting, with those of its fiches that are still in the plan."""
    return [
        PointPropose(
            point.intitule,
            point.visee,
            point.rapporteur,
            point.duree,
            point.texte,
            [fiche for fiche in point.fiches.all() if fiche.redaction != FicheAction.Redaction.ARCHIVEE],
        )
        for point in source.points.prefetch_related("fiches")
    ]


def points_of_modele(points: Iterable[PointModele]) -> list[PointPropose]:
    return [
        PointPropose(point.intitule, point.visee, point.rapporteur, point.duree, point.texte)
        for point in points
    ]


@transaction.atomic
def keep_as_modele(reunion: Reunion, modele: ModeleOrdreDuJour) -> None:
    """Keep the agenda of the meeting under the name of ``modele``, which is not saved yet."""
    points = list(reunion.points.all())
    if not points:
        raise TransitionError("L’ordre du jour est vide\u00a0: il n’y a rien à garder.")
    modele.save()
    modele.keep(points)


TRAMES: dict[str, tuple[str, tuple[PointPropose, ...]]] = {
    "copil": (
        "COPIL annuel",
        (
            PointPropose("Ouverture et approbation du compte rendu précédent", Visee.DECISION, duree=5),
            PointPropose("Suites données aux décisions", Visee.INFORMATION, duree=10),
            PointPropose("Bilan de l’année, axe par axe", Visee.AVIS, duree=40),
            PointPropose("Fiches à décider\u00a0: ajouts, reports, abandons", Visee.DECISION, duree=30),
            PointPropose(
                "Moyens\u00a0: coopération, financements, bonus territoire", Visee.INFORMATION, duree=15
            ),
            PointPropose("Priorités de l’année à venir", Visee.DECISION, duree=15),
            PointPropose("Calendrier et questions diverses", Visee.INFORMATION, duree=5),
        ),
    ),
    "cotech": (
        "COTECH de suivi",
        (
            PointPropose("Suites du comité précédent", Visee.INFORMATION, duree=10),
            PointPropose("Tour des axes\u00a0: avancement, difficultés", Visee.INFORMATION, duree=40),
            PointPropose("Fiches en retard ou sans nouvelle", Visee.AVIS, duree=30),
            PointPropose("Indicateurs et bilans à recueillir", Visee.INFORMATION, duree=15),
            PointPropose("Préparation du prochain COPIL", Visee.AVIS, duree=20),
            PointPropose("Questions diverses", Visee.INFORMATION, duree=5),
        ),
    ),
    "groupe": (
        "Groupe de travail",
        (
            PointPropose("Rappel du mandat et des travaux précédents", Visee.INFORMATION, duree=10),
            PointPropose("Les fiches du groupe", Visee.AVIS, duree=45),
            PointPropose("Propositions à porter au comité technique", Visee.AVIS, duree=25),
            PointPropose("Prochaines étapes", Visee.INFORMATION, duree=10),
        ),
    ),
    "renouvellement": (
        "COPIL de renouvellement",
        (
            PointPropose("Évaluation de la convention qui s’achève", Visee.DECISION, duree=30),
            PointPropose("Diagnostic partagé\u00a0: ce qui a changé", Visee.AVIS, duree=30),
            PointPropose("Orientations de la prochaine convention", Visee.DECISION, duree=30),
            PointPropose("Méthode, calendrier et signataires", Visee.DECISION, duree=15),
        ),
    ),
}
"""Agendas that every convention has, by code: their name and their points."""
