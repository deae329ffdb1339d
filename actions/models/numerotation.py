"""Numbering a plan again from its order: what each number would become, then all of them at once."""

import datetime
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pghistory
import pgtrigger
from django.db import models, transaction
from django.db.models import F, OuterRef, Subquery, Value
from django.utils import timezone

from actions.models.fiche import FicheAction
from actions.models.ordre import NOMS, Contenant
from actions.models.plan import Axe, Objectif, PlanActions
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

CODE_LONGUEUR = 20
MODELES: dict[str, Any] = {"axe": Axe, "objectif": Objectif, "fiche": FicheAction}


class Schema(models.TextChoices):
    HIERARCHIE = "hierarchie", "Axe, objectif, rang : 1.1.1, 1.1.2, 1.2.1…"
    AXE = "axe", "Axe, rang : 1.1, 1.2, 2.1…"
    SUITE = "suite", "Une seule suite pour tout le plan : 1, 2, 3…"
    AVANT = "avant", "Les numéros d’avant la dernière renumérotation"


class Choix(NamedTuple):
    schema: str = Schema.HIERARCHIE.value
    structure: bool = False
    """Axes and objectifs are numbered too."""
    abandonnees: bool = False
    """Fiches abandonnées are numbered with the others; archived ones always keep their number."""
    reutiliser: bool = False
    """The number that a fiche keeps may be given to another."""


@dataclass
class Ligne:
    genre: str
    row: Axe | Objectif | FicheAction
    apres: str
    gardee: str = ""
    """Why the number stays, when it is kept on purpose."""
    alertes: list[str] = field(default_factory=list)

    @property
    def avant(self) -> str:
        return self.row.code

    @property
    def change(self) -> bool:
        return self.avant != self.apres


@dataclass(frozen=True)
class Proposition:
    lignes: list[Ligne]
    choix: Choix

    @property
    def changements(self) -> list[Ligne]:
        return [ligne for ligne in self.lignes if ligne.change]

    @property
    def empreinte(self) -> str:
        """Of the plan as it was read, in its order, and of what is proposed."""
        rows = [[ligne.genre, ligne.row.pk, ligne.avant, ligne.apres] for ligne in self.lignes]
        return hashlib.sha256(json.dumps([list(self.choix), rows]).encode()).hexdigest()[:20]


def propose(plan: PlanActions, choix: Choix) -> Proposition:
    """Each axe, objectif and fiche in the order of the plan, archived fiches last, with the number it would take."""
    axes = list(Axe.objects.filter(plan=plan).order_by("ordre", "pk"))
    objectifs: dict[int, list[Objectif]] = {}
    for objectif in Objectif.objects.filter(axe__plan=plan).order_by("ordre", "pk"):
        objectifs.setdefault(objectif.axe_id, []).append(objectif)
    fiches: dict[Contenant, list[FicheAction]] = {}
    archivees = []
    for fiche in FicheAction.objects.filter(plan=plan).order_by("ordre", "pk"):
        if fiche.redaction == FicheAction.Redaction.ARCHIVEE:
            archivees.append(fiche)
            continue
        holder = ("objectif", fiche.objectif_id) if fiche.objectif_id else ("axe", fiche.axe_id)
        fiches.setdefault(Contenant(*holder), []).append(fiche)
    if choix.schema == Schema.AVANT:
        rows: list[tuple[str, Any]] = []
        for axe in axes:
            rows += [("axe", axe)]
            rows += [("fiche", fiche) for fiche in fiches.get(Contenant("axe", axe.pk), [])]
            for objectif in objectifs.get(axe.pk, []):
                rows += [("objectif", objectif)]
                rows += [("fiche", fiche) for fiche in fiches.get(Contenant("objectif", objectif.pk), [])]
        return Proposition(_as_before(plan, rows), choix)
    return Proposition(_number(axes, objectifs, fiches, archivees, choix), choix)


def _number(
    axes: list[Axe],
    objectifs: dict[int, list[Objectif]],
    fiches: dict[Contenant, list[FicheAction]],
    archivees: list[FicheAction],
    choix: Choix,
) -> list[Ligne]:
    def kept(fiche: FicheAction) -> bool:
        return fiche.avancement == FicheAction.Avancement.ABANDONNEE and not choix.abandonnees

    gardees = [*archivees, *(fiche for found in fiches.values() for fiche in found if kept(fiche))]
    pris = set() if choix.reutiliser else {fiche.code for fiche in gardees}
    suite = _suite("", pris)
    lignes: list[Ligne] = []

    def add_fiches(holder: Contenant, numbers: Iterator[str]) -> None:
        for fiche in fiches.get(holder, []):
            if kept(fiche):
                lignes.append(Ligne("fiche", fiche, fiche.code, "abandonnée"))
            else:
                lignes.append(Ligne("fiche", fiche, next(numbers)))

    for rank, axe in enumerate(axes, start=1):
        code = str(rank) if choix.structure else axe.code
        lignes.append(Ligne("axe", axe, code))
        siennes = [
            (objectif, f"{code}.{n}" if choix.structure else objectif.code)
            for n, objectif in enumerate(objectifs.get(axe.pk, []), start=1)
        ]
        # A fiche directly under the axe does not take the number of an objectif.
        par_axe = _suite(f"{code}.", pris, {numero for _, numero in siennes})
        numbers = suite if choix.schema == Schema.SUITE else par_axe
        if choix.schema == Schema.AXE:
            numbers = par_axe = _suite(f"{code}.", pris)
        add_fiches(Contenant("axe", axe.pk), numbers)
        for objectif, numero in siennes:
            lignes.append(Ligne("objectif", objectif, numero))
            if choix.schema == Schema.HIERARCHIE:
                numbers = _suite(f"{numero}.", pris)
            add_fiches(Contenant("objectif", objectif.pk), numbers)
    return [*lignes, *(Ligne("fiche", fiche, fiche.code, "archivée") for fiche in archivees)]


def _suite(prefix: str, pris: set[str], reserves: Iterable[str] = ()) -> Iterator[str]:
    """« 1.1.1 », « 1.1.2 »… without those that are taken; each one given is taken."""
    reserves = set(reserves)
    rank = 0
    while True:
        rank += 1
        code = f"{prefix}{rank}"
        if len(code) > CODE_LONGUEUR:
            raise TransitionError(
                f"Le numéro «\u00a0{code}\u00a0» serait trop long\u00a0: {CODE_LONGUEUR} caractères au plus. "
                "Raccourcissez d’abord les numéros des axes et des objectifs."
            )
        if code not in pris and code not in reserves:
            pris.add(code)
            yield code


def _events(model: Any) -> Any:
    return model._meta.get_field("events").related_model.objects


def last_renumbering(plan: PlanActions) -> tuple[str | None, datetime.datetime | None]:
    """The mark that the history keeps of the last time the plan was numbered again, and when; ``None`` twice otherwise."""
    last = (
        _events(FicheAction)
        .filter(plan_id=plan.pk, pgh_context__metadata__has_key="renumerotation")
        .order_by("-pgh_id")
        .values_list("pgh_context__metadata__renumerotation", "pgh_created_at")
        .first()
    )
    return last or (None, None)


def _as_before(plan: PlanActions, rows: list[tuple[str, Any]]) -> list[Ligne]:
    """Read from the history; a number changed by hand since then stays."""
    if (token := last_renumbering(plan)[0]) is None:
        return [Ligne(genre, row, row.code) for genre, row in rows]
    found: dict[tuple[str, int], tuple[str, str]] = {}
    changed = []
    for genre, model in MODELES.items():
        events = _events(model)
        earlier = events.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__lt=OuterRef("pgh_id"))
        of_then = events.filter(pgh_context__metadata__renumerotation=token).annotate(
            genre=Value(genre), ancien=Subquery(earlier.order_by("-pgh_id").values("code")[:1])
        )
        changed.append(of_then.exclude(code=F("ancien")).values_list("genre", "pgh_obj_id", "code", "ancien"))
    for kind, pk, code, ancien in changed[0].union(*changed[1:], all=True):
        found[kind, pk] = (code, ancien)
    lignes = []
    for genre, row in rows:
        given, ancien = found.get((genre, row.pk), (row.code, row.code))
        apart = row.code != given
        lignes.append(Ligne(genre, row, row.code if apart else ancien, "changé depuis" if apart else ""))
    return lignes


def warn(proposition: Proposition) -> None:
    """Fill ``alertes``: numbers that two would show, and numbers cited elsewhere that would change hands; two queries."""
    lignes = [ligne for ligne in proposition.lignes if ligne.genre == "fiche"]
    cited = _citations([ligne.row.pk for ligne in lignes])
    owners = {ligne.avant: ligne for ligne in lignes if ligne.avant}
    shown: dict[str, list[Ligne]] = {}
    for ligne in lignes:
        shown.setdefault(ligne.apres, []).append(ligne)
    for ligne in lignes:
        for other in shown[ligne.apres] if ligne.apres else []:
            if other is not ligne:
                ligne.alertes.append(f"Même numéro que «\u00a0{other.row}\u00a0».")
        if ligne.change and (where := cited.get(ligne.row.pk)):
            ligne.alertes.append(f"Le numéro {ligne.avant} est cité dans {', '.join(where)}.")
        former = owners.get(ligne.apres)
        if ligne.change and former and former is not ligne and (where := cited.get(former.row.pk)):
            ligne.alertes.append(
                f"Le numéro {ligne.apres} y désigne «\u00a0{former.row}\u00a0»\u00a0: {', '.join(where)}."
            )


def _citations(pks: Iterable[int]) -> dict[int, list[str]]:
    """Where each fiche is cited under its number: decisions, and dossiers sent out, in words."""
    fiches = FicheAction.objects.filter(pk__in=pks)
    found: dict[int, list[str]] = {}
    decisions = fiches.filter(decisions__isnull=False).order_by("decisions__annee", "decisions__rang")
    columns = ("decisions__annee", "decisions__serie", "decisions__rang")
    for pk, annee, serie, rang in decisions.values_list("pk", *columns).distinct():
        numero = f"{annee}-{serie.upper().replace('_', '-')}-{rang:02d}"
        found.setdefault(pk, []).append(f"la décision {numero}")
    dossiers = fiches.filter(points__reunion__documents__statut="pret")
    versions = ("points__reunion__documents__titre", "points__reunion__documents__version")
    for pk, titre, version in dossiers.order_by(*versions).values_list("pk", *versions).distinct():
        found.setdefault(pk, []).append(f"«\u00a0{titre}\u00a0» (version {version})")
    return found


@transaction.atomic
def renumber(plan: PlanActions, choix: Choix, *, empreinte: str, by: User) -> int:
    """Write every number of the proposition seen under ``empreinte`` and give how many changed.

    ``TransitionError`` when the plan changed since it was seen.
    """
    PlanActions.objects.select_for_update(of=("self",)).get(pk=plan.pk)
    # Whoever writes a number now is waited for, and seen.
    list(FicheAction.objects.filter(plan=plan).order_by("pk").select_for_update(of=("self",)).values("pk"))
    proposition = propose(plan, choix)
    if proposition.empreinte != empreinte:
        raise TransitionError(
            "Le plan a changé depuis cet aperçu\u00a0: aucun numéro n’a été écrit. Voici l’aperçu d’à présent."
        )
    if not proposition.changements:
        raise TransitionError("Aucun numéro ne changerait\u00a0: il n’y a rien à écrire.")
    _require_unique(proposition)
    changements = proposition.changements
    with pghistory.context(par=by.pk, renumerotation=uuid.uuid4().hex):
        for genre, model in MODELES.items():
            changed = [ligne for ligne in changements if ligne.genre == genre]
            if genre != "fiche":
                _free_codes(model, changed)
            for ligne in changed:
                ligne.row.code = ligne.apres
                if isinstance(ligne.row, FicheAction):
                    ligne.row.updated_at = timezone.now()
            columns = ["code", "updated_at"] if genre == "fiche" else ["code"]
            model.objects.bulk_update([ligne.row for ligne in changed], columns)
    return len(changements)


def _require_unique(proposition: Proposition) -> None:
    """Two axes of a plan, or two objectifs of an axe, never share a number."""
    shown = set()
    for ligne in proposition.lignes:
        if ligne.genre == "fiche":
            continue
        parent = ligne.row.axe_id if isinstance(ligne.row, Objectif) else None
        if (ligne.genre, parent, ligne.apres) in shown:
            raise TransitionError(
                f"Deux lignes prendraient le numéro {ligne.apres}\u00a0: {NOMS[ligne.genre]} "
                f"«\u00a0{ligne.row}\u00a0» a changé depuis. Changez d’abord son numéro."
            )
        shown.add((ligne.genre, parent, ligne.apres))


def _free_codes(model: Any, lignes: list[Ligne]) -> None:
    """Numbers are unique at every moment: those that change are put out of the way first, without a line of history."""
    with pgtrigger.ignore(f"actions.{model.__name__}:update_update"):
        for ligne in lignes:
            model.objects.filter(pk=ligne.row.pk).update(code=f"~{ligne.row.pk}")
