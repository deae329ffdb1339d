"""The order of a plan: its fingerprint, and moving a fiche, an objectif or an axe in it."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pghistory
from django.db import transaction
from django.utils import timezone

from actions.models.fiche import FicheAction
from actions.models.plan import Axe, Objectif, PlanActions, place_in_order
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

MODELES: dict[str, type[Axe] | type[Objectif] | type[FicheAction]] = {
    "axe": Axe,
    "objectif": Objectif,
    "fiche": FicheAction,
}
NOMS = {"axe": "l’axe", "objectif": "l’objectif", "fiche": "la fiche"}
HAUT, BAS = "haut", "bas"


class Contenant(NamedTuple):
    """What holds a list: the plan its axes, an axe its objectifs and some fiches, an objectif its fiches."""

    genre: str
    pk: int

    def __str__(self) -> str:
        return f"{self.genre}-{self.pk}"


class Place(NamedTuple):
    """In ``contenant``, right after the row ``apres`` of the same kind; first when ``None``."""

    contenant: Contenant
    apres: int | None


class PlanMovedError(TransitionError):
    """Somebody changed the order since the page was opened."""

    def __init__(self) -> None:
        super().__init__(
            "L’ordre du plan a changé depuis l’ouverture de cette page\u00a0: rien n’a été déplacé. "
            "Voici l’ordre d’à présent."
        )


@dataclass(frozen=True)
class Ordre:
    """Ids in their order, for each kind of row and what holds it; the keys follow the plan. Archived fiches are left out."""

    listes: dict[tuple[str, Contenant], list[int]]

    @classmethod
    def of(cls, plan: PlanActions) -> "Ordre":
        """Read in three queries."""
        tout = Contenant("plan", plan.pk)
        axes = Axe.objects.filter(plan=plan).order_by("ordre", "pk").values_list("pk", flat=True)
        listes: dict[tuple[str, Contenant], list[int]] = {("axe", tout): list(axes)}
        by_axe: dict[int, list[int]] = {pk: [] for pk in listes["axe", tout]}
        rows = Objectif.objects.filter(axe__plan=plan).order_by("ordre", "pk").values_list("pk", "axe_id")
        for pk, axe_id in rows:
            by_axe[axe_id].append(pk)
        for axe_id, objectifs in by_axe.items():
            axe = Contenant("axe", axe_id)
            listes["objectif", axe] = objectifs
            listes["fiche", axe] = []
            listes |= {("fiche", Contenant("objectif", pk)): [] for pk in objectifs}
        fiches = FicheAction.objects.filter(plan=plan).actives().order_by("ordre", "pk")
        for pk, axe_id, objectif_id in fiches.values_list("pk", "axe_id", "objectif_id"):
            parent = Contenant("axe", axe_id) if objectif_id is None else Contenant("objectif", objectif_id)
            listes["fiche", parent].append(pk)
        return cls(listes)

    @property
    def empreinte(self) -> str:
        """Changes whenever a row comes, goes or moves."""
        rows = [[genre, str(contenant), pks] for (genre, contenant), pks in self.listes.items()]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:20]

    def find(self, genre: str, pk: int) -> tuple[Contenant, int]:
        """What holds the row, and its rank from 0; ``TransitionError`` for a row of no list of this plan."""
        for (kind, contenant), pks in self.listes.items():
            if kind == genre and pk in pks:
                return contenant, pks.index(pk)
        raise TransitionError("Cette ligne n’est plus dans le plan.")

    def place_of(self, genre: str, pk: int) -> Place:
        contenant, rang = self.find(genre, pk)
        return Place(contenant, self.listes[genre, contenant][rang - 1] if rang else None)

    def next_place(self, genre: str, pk: int, sens: str) -> Place:
        """One step up or down; from the end of a list to the list beside it."""
        contenant, rang = self.find(genre, pk)
        pks = self.listes[genre, contenant]
        if sens == HAUT and rang:
            return Place(contenant, pks[rang - 2] if rang > 1 else None)
        if sens == BAS and rang < len(pks) - 1:
            return Place(contenant, pks[rang + 1])
        holders = [holder for kind, holder in self.listes if kind == genre]
        beside = holders.index(contenant) + (-1 if sens == HAUT else 1)
        if not 0 <= beside < len(holders):
            end = "première" if sens == HAUT else "dernière"
            raise TransitionError(f"Cette ligne est déjà la {end} du plan.")
        before = self.listes[genre, holders[beside]]
        return Place(holders[beside], before[-1] if sens == HAUT and before else None)

    def require(self, genre: str, pk: int, place: Place) -> None:
        """Refuse a place that is not of this plan, and the place where the row already is."""
        pks = self.listes.get((genre, place.contenant))
        if pks is None or (place.apres is not None and place.apres not in pks) or place.apres == pk:
            raise TransitionError("Cette place n’existe pas dans le plan\u00a0: rien n’a été déplacé.")
        if place == self.place_of(genre, pk):
            raise TransitionError("Cette ligne est déjà à cette place.")


class Deplacement(NamedTuple):
    """A move that was made: what moved, where it was, and what is said of it."""

    genre: str
    pk: int
    avant: Place
    phrase: str
    empreinte: str
    """Of the plan after the move."""

    @property
    def annulation(self) -> dict[str, str]:
        """What the session keeps to offer the move back: what is said, the gesture, and the order it is good for."""
        contenant, apres = self.avant
        geste = f"{self.genre}-{self.pk}:dans:{contenant}:{apres or ''}"
        return {"phrase": self.phrase, "empreinte": self.empreinte, "geste": geste}


@transaction.atomic
def move_in_plan(
    plan: PlanActions, genre: str, pk: int, *, vers: Place | str, empreinte: str, by: User
) -> Deplacement:
    """Move one row to a place, or one step (``"haut"``, ``"bas"``); only if the plan still has this ``empreinte``.

    The plan is locked: of two people who move at once, the second is told (``PlanMovedError``).
    """
    PlanActions.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    ordre = Ordre.of(plan)
    if ordre.empreinte != empreinte:
        raise PlanMovedError
    avant = ordre.place_of(genre, pk)
    place = ordre.next_place(genre, pk, vers) if isinstance(vers, str) else vers
    ordre.require(genre, pk, place)
    row = MODELES[genre].objects.get(pk=pk)
    with pghistory.context(par=by.pk):
        if isinstance(row, FicheAction):
            _place_fiche(row, place, by)
        elif isinstance(row, Objectif):
            _place_objectif(row, place)
        else:
            after = Axe.objects.filter(pk=place.apres or 0).first()
            place_in_order(Axe.objects.filter(plan=plan).order_by("ordre", "pk"), row, after=after)
    return _told(plan, genre, pk, row, avant)


@transaction.atomic
def move_fiche_to(
    fiche: FicheAction, axe: Axe, objectif: Objectif | None, *, after: FicheAction | None, by: User
) -> Deplacement:
    """As ``FicheAction.place``, for a place chosen by name: it holds as long as ``after`` is still there."""
    PlanActions.objects.select_for_update(of=("self",)).get(pk=fiche.plan_id)
    avant = Ordre.of(fiche.plan).place_of("fiche", fiche.pk)
    fiche.place(axe, objectif, after=after, by=by)
    return _told(fiche.plan, "fiche", fiche.pk, fiche, avant)


def _told(
    plan: PlanActions, genre: str, pk: int, row: Axe | Objectif | FicheAction, avant: Place
) -> Deplacement:
    apres = Ordre.of(plan)
    contenant, rang = apres.find(genre, pk)
    phrase = (
        f"{NOMS[genre]} «\u00a0{row}\u00a0» est au rang {rang + 1} sur {len(apres.listes[genre, contenant])}"
    )
    if contenant.genre != "plan":
        phrase += (
            f", dans {NOMS[contenant.genre]} {MODELES[contenant.genre].objects.get(pk=contenant.pk).code}"
        )
    return Deplacement(genre, pk, avant, f"{phrase[0].upper()}{phrase[1:]}.", apres.empreinte)


def _place_fiche(fiche: FicheAction, place: Place, by: User) -> None:
    if place.contenant.genre == "axe":
        axe, objectif = Axe.objects.get(pk=place.contenant.pk), None
    else:
        objectif = Objectif.objects.select_related("axe").get(pk=place.contenant.pk)
        axe = objectif.axe
    after = None if place.apres is None else FicheAction(pk=place.apres)
    fiche.place(axe, objectif, after=after, by=by)


def _place_objectif(objectif: Objectif, place: Place) -> None:
    """Its fiches go with it, those that are archived too."""
    axe = Axe.objects.get(pk=place.contenant.pk)
    siblings = Objectif.objects.filter(axe=axe)
    if siblings.filter(code=objectif.code).exclude(pk=objectif.pk).exists():
        raise TransitionError(
            f"L’axe {axe.code} a déjà un objectif {objectif.code}\u00a0: changez d’abord le numéro de l’un des deux."
        )
    if objectif.axe_id != axe.pk:
        objectif.axe = axe
        objectif.save(update_fields=["axe"])
        FicheAction.objects.filter(objectif=objectif).update(axe=axe, updated_at=timezone.now())
    after = Objectif.objects.filter(pk=place.apres or 0).first()
    place_in_order(siblings.order_by("ordre", "pk"), objectif, after=after)


def places_in_words(fiches: Iterable[FicheAction], plan: PlanActions, user: User) -> dict[int, str]:
    """Where each archived fiche comes back, by id: « sous l’objectif 1.1, après « 1.1.2 … » »; one query.

    An axe or an objectif that holds a fiche, archived or not, is never deleted: the place is always there.
    """
    last: dict[tuple[int, int | None], FicheAction] = {}
    after: dict[int, FicheAction | None] = {}
    rows = FicheAction.objects.visible_to(user).filter(plan=plan).order_by("ordre", "pk")
    for row in rows:
        holder = (row.axe_id, row.objectif_id)
        if row.redaction == FicheAction.Redaction.ARCHIVEE:
            after[row.pk] = last.get(holder)
        else:
            last[holder] = row
    found = {}
    for fiche in fiches:
        holder_ = f"l’objectif {fiche.objectif.code}" if fiche.objectif else f"l’axe {fiche.axe.code}"
        before = after.get(fiche.pk)
        rank = f"après «\u00a0{before}\u00a0»" if before else "en premier"
        found[fiche.pk] = f"sous {holder_}, {rank}"
    return found
