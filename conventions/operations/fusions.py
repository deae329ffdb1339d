"""Uniting two rows of the directory that are one organisation, and undoing it: nothing is lost on the way.

Whatever refers to an organisation is found through the models themselves, so an app that comes later is not forgotten.
Two rows that would break a unique constraint (both sign one convention) become one: the first takes what it lacks from
the second, what referred to the second follows, and the second is kept in the record of the merge.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import pghistory
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import Count, F, Value
from django.utils import timezone
from pghistory.models import Event

from conventions.models import FusionOrganisation, Organisation
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

# What says that a merge took place stays where it is.
INTACTES = frozenset(
    {
        (FusionOrganisation, "gardee"),
        (FusionOrganisation, "absorbee"),
        (Organisation, "fusionnee_dans"),
    }
)
CHAMPS = (
    "nom",
    "nature",
    "siren",
    "siret",
    "departement",
    "territoire",
    "commune",
    "fonction_contact",
    "courriel",
    "telephone",
    "logo",
)
"""Columns of an organisation of which the kept row takes one value or the other."""
Operation = dict[str, Any]


@dataclass(frozen=True)
class Reference:
    """A column that refers to a model: ``model.champ``. A many-to-many is the column of its table of pairs."""

    model: type[models.Model]
    champ: str

    @property
    def libelle(self) -> str:
        """« signataires », or both sides of a many-to-many."""
        if not self.model._meta.auto_created:
            return str(self.model._meta.verbose_name_plural)
        source: Any = self.model._meta.auto_created
        return str(source._meta.verbose_name_plural)


def references(model: type[models.Model]) -> list[Reference]:
    """Every column of every app that refers to ``model``, hidden relations and tables of pairs included.

    History tables are left out: they are append-only.
    """
    found = []
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and (relation.one_to_many or relation.one_to_one)) or relation.concrete:
            continue
        related: Any = relation.related_model
        reference = Reference(related, relation.field.name)  # type: ignore[union-attr]  # a reverse relation has it
        if not issubclass(related, Event) and (related, reference.champ) not in INTACTES:
            found.append(reference)
    return sorted(set(found), key=lambda row: (row.model._meta.label, row.champ))


def count_references(organisations: Sequence[Organisation]) -> dict[int, list[tuple[str, int]]]:
    """For each organisation, how many rows of each kind refer to it; one query."""
    known = references(Organisation)
    queries = [
        reference.model._base_manager.filter(**{f"{reference.champ}__in": organisations})
        .order_by()
        .annotate(rang=Value(rang), vers=F(f"{reference.champ}_id"))
        .values_list("rang", "vers")
        .annotate(nombre=Count("pk"))
        for rang, reference in enumerate(known)
    ]
    rows: Any = reduce(lambda left, right: left.union(right, all=True), queries)
    counts: dict[int, dict[str, int]] = {organisation.pk: {} for organisation in organisations}
    for rang, vers, nombre in sorted(rows):
        libelle = known[rang].libelle
        counts[vers][libelle] = counts[vers].get(libelle, 0) + nombre
    return {pk: list(rows.items()) for pk, rows in counts.items()}


@transaction.atomic
def merge(
    *,
    gardee: Organisation,
    absorbee: Organisation,
    by: User,
    valeurs: Mapping[str, Organisation] | None = None,
) -> FusionOrganisation:
    """Move all that refers to ``absorbee`` to ``gardee``, which takes each column of ``valeurs`` from the row given.

    A column left out keeps the value of ``gardee``, or takes that of ``absorbee`` where it has none. Raise
    ``TransitionError`` when one of them was merged meanwhile, or when they administer two different places.
    """
    rows = {
        row.pk: row
        for row in Organisation.objects.select_for_update(of=("self",))
        .filter(pk__in=[gardee.pk, absorbee.pk])
        .order_by("pk")
    }
    if len(rows) < 2:
        raise TransitionError("Choisissez deux organisations différentes.")
    gardee, absorbee = rows[gardee.pk], rows[absorbee.pk]
    for row in (gardee, absorbee):
        if row.fusionnee_dans_id:
            raise TransitionError(f"« {row} » a déjà été réunie à une autre organisation.")
    for champ, lieu in (("territoire_id", "intercommunalités"), ("commune_id", "communes")):
        if getattr(gardee, champ) and getattr(absorbee, champ):
            raise TransitionError(f"Ce sont deux {lieu} différentes : elles ne se réunissent pas.")
    journal = _Journal()
    fusion = FusionOrganisation(gardee=gardee, absorbee=absorbee, auteur=by)
    try:
        with transaction.atomic(), pghistory.context(par=by.pk, fusion=absorbee.pk):
            journal.redirect(Organisation, absorbee, gardee)
            _unite(journal, gardee, absorbee, valeurs or {})
            fusion.deplacements = journal.operations
            fusion.save()
    except IntegrityError as error:
        raise TransitionError(
            "Des lignes de ces deux organisations se contredisent : la base de données refuse de les réunir. "
            "Rien n’a changé."
        ) from error
    return fusion


def _unite(
    journal: "_Journal", gardee: Organisation, absorbee: Organisation, valeurs: Mapping[str, Organisation]
) -> None:
    """Give ``gardee`` its columns; ``absorbee`` leaves it what only one row may have, and the lists."""
    taken: dict[str, Any] = {}
    for champ in CHAMPS:
        field: Any = Organisation._meta.get_field(champ)
        mine, other = field.value_from_object(gardee), field.value_from_object(absorbee)
        wanted = valeurs.get(champ)
        chosen = other if wanted == absorbee or (wanted is None and not mine) else mine
        if chosen != mine:
            taken[field.attname] = chosen
    left: dict[str, Any] = {"fusionnee_dans_id": gardee.pk}
    left |= {name: None for name in ("territoire_id", "commune_id") if taken.get(name)}
    siren, nom = taken.get("siren", gardee.siren), taken.get("nom", gardee.nom)
    if siren and (siren, nom) == (absorbee.siren, absorbee.nom):
        left["siren"] = ""
    journal.change(absorbee, left)
    if taken:
        journal.change(gardee, taken)


class _Journal:
    """Writes each operation as it makes it, so that the list read backwards undoes them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []

    def redirect(self, model: type[models.Model], perdue: models.Model, gardee: models.Model) -> None:
        """Make all that refers to the row ``perdue`` of ``model`` refer to ``gardee``."""
        for reference in references(model):
            rows = reference.model._base_manager.select_for_update(of=("self",)).filter(
                **{reference.champ: perdue.pk}
            )
            moved = []
            uniques = _uniques(reference)
            for row in rows.order_by("pk"):
                rival = _rival(row, reference.champ, gardee, uniques)
                if rival is None:
                    moved.append(row.pk)
                else:
                    self.absorb(row, rival)
            if moved:
                reference.model._base_manager.filter(pk__in=moved).update(**{reference.champ: gardee.pk})
                self.operations.append(
                    {
                        "verbe": "deplacer",
                        "modele": reference.model._meta.label_lower,
                        "champ": reference.champ,
                        "lignes": moved,
                        "depuis": perdue.pk,
                        "vers": gardee.pk,
                    }
                )

    def absorb(self, row: models.Model, rival: models.Model) -> None:
        """``row`` says the same as ``rival``: it leaves, what it alone knew stays."""
        self.redirect(type(row), row, rival)
        self.operations.append(
            {
                "verbe": "retirer",
                "modele": row._meta.label_lower,
                "libelle": str(row),
                "valeurs": _written(row, [field.attname for field in row._meta.concrete_fields]),
            }
        )
        known = _completion(row, rival)
        type(row)._base_manager.filter(pk=row.pk).delete()
        if known:
            try:
                with transaction.atomic():
                    self.change(rival, known)
            except IntegrityError:
                # Together they would break a rule of the row: it keeps its own, the record keeps the other.
                return

    def change(self, row: models.Model, values: Mapping[str, Any]) -> None:
        before = _written(row, values)
        type(row)._base_manager.filter(pk=row.pk).update(**values)
        for name, value in values.items():
            setattr(row, name, value)
        self.operations.append(
            {
                "verbe": "changer",
                "modele": row._meta.label_lower,
                "ligne": row.pk,
                "avant": before,
                "apres": _written(row, values),
            }
        )


Unique = tuple[tuple[str, ...], models.Q | None, bool]


def _uniques(reference: Reference) -> list[Unique]:
    """Constraints that moving the column could break: (fields, condition, whether two nulls differ)."""
    meta = reference.model._meta
    found: list[Unique] = [(tuple(fields), None, True) for fields in meta.unique_together]
    found += [
        (tuple(constraint.fields), constraint.condition, constraint.nulls_distinct is not False)
        for constraint in meta.constraints
        if isinstance(constraint, models.UniqueConstraint)
    ]
    field: Any = meta.get_field(reference.champ)
    if field.unique:
        found.append(((reference.champ,), None, True))
    return [unique for unique in found if reference.champ in unique[0]]


def _rival(
    row: models.Model, champ: str, gardee: models.Model, uniques: Sequence[Unique]
) -> models.Model | None:
    """The row of ``gardee`` that stands where ``row`` would go."""
    rows = type(row)._base_manager
    for fields, condition, nulls_differ in uniques:
        values: dict[str, Any] = {champ: gardee.pk}
        for name in fields:
            field: Any = row._meta.get_field(name)
            if name != champ:
                value = getattr(row, field.attname)
                values |= {f"{name}__isnull": True} if value is None else {field.attname: value}
        if nulls_differ and any(name.endswith("__isnull") for name in values):
            continue
        found = rows.filter(**values)
        if condition is not None:
            if not rows.filter(condition, pk=row.pk).exists():
                continue
            found = found.filter(condition)
        if rival := found.first():
            return rival
    return None


def _completion(row: models.Model, rival: models.Model) -> dict[str, Any]:
    """What ``row`` says where ``rival`` says nothing."""
    known = {}
    for field in row._meta.concrete_fields:
        mine, other = field.value_from_object(rival), field.value_from_object(row)
        if not field.primary_key and mine in (None, "") and other not in (None, ""):
            known[field.attname] = other
    return known


def _written(row: models.Model, names: Any) -> dict[str, Any]:
    """Columns as JSON keeps them without loss; ``None`` stays ``None``."""
    written = {}
    for field in row._meta.concrete_fields:
        if field.attname in names:
            value = field.value_from_object(row)
            written[field.attname] = None if value is None else field.value_to_string(row)
    return written


def _read(model: type[models.Model], written: Mapping[str, Any]) -> dict[str, Any]:
    fields = {field.attname: field for field in model._meta.concrete_fields}
    return {name: None if value is None else fields[name].to_python(value) for name, value in written.items()}


@transaction.atomic
def undo(fusion: FusionOrganisation, *, by: User) -> None:
    """Put every row back as it was before the merge. Raise ``TransitionError`` when something changed meanwhile."""
    fusion = FusionOrganisation.objects.select_for_update(of=("self",)).get(pk=fusion.pk)
    rows = Organisation.objects.select_for_update(of=("self",)).order_by("pk")
    gardee = {row.pk: row for row in rows.filter(pk__in=[fusion.gardee_id, fusion.absorbee_id])}[
        fusion.gardee_id
    ]
    if fusion.annulee_le:
        raise TransitionError("Cette fusion est déjà défaite.")
    if gardee.fusionnee_dans_id:
        raise TransitionError(
            f"« {gardee} » a depuis été réunie à « {gardee.survivante} » : défaites d’abord cette fusion."
        )
    try:
        with transaction.atomic(), pghistory.context(par=by.pk, fusion_defaite=fusion.pk):
            for operation in reversed(fusion.deplacements):
                UNDO[operation["verbe"]](operation)
            fusion.annulee_le = timezone.now()
            fusion.save(update_fields=["annulee_le", "updated_at"])
    except IntegrityError as error:
        raise TransitionError(
            "Une ligne écrite depuis tient la place d’une ligne réunie : la fusion ne se défait plus. Rien n’a changé."
        ) from error


def _undo_move(operation: Operation) -> None:
    model = _model(operation)
    rows = model._base_manager.filter(pk__in=operation["lignes"], **{operation["champ"]: operation["vers"]})
    if rows.count() < len(operation["lignes"]):
        raise _changed(model)
    rows.update(**{operation["champ"]: operation["depuis"]})


def _undo_change(operation: Operation) -> None:
    model = _model(operation)
    row = model._base_manager.filter(pk=operation["ligne"]).first()
    if row is None or _written(row, operation["apres"]) != operation["apres"]:
        raise _changed(model)
    model._base_manager.filter(pk=row.pk).update(**_read(model, operation["avant"]))


def _undo_removal(operation: Operation) -> None:
    model = _model(operation)
    # Raw, so that the dates a save would renew come back as they were.
    model(**_read(model, operation["valeurs"])).save_base(raw=True, force_insert=True)


UNDO = {"deplacer": _undo_move, "changer": _undo_change, "retirer": _undo_removal}


def _model(operation: Operation) -> type[models.Model]:
    return apps.get_model(operation["modele"])


def _changed(model: type[models.Model]) -> TransitionError:
    return TransitionError(
        f"Des lignes réunies ont changé depuis ({model._meta.verbose_name_plural}) : la fusion ne se défait plus. "
        "Rien n’a changé."
    )
