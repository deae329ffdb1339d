"""What the forms found good, written together: queries grow with what changes, never with what is read."""

import copy
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.forms import BaseInlineFormSet
from django.utils import timezone

from actions.models import FicheAction, Note, complete_sections
from actions.models.creation import FicheNouvelle, create_fiches
from actions.models.plan import PlanActions
from actions.tableur.colonnes import AVANCEMENT, PLACE
from actions.tableur.dossiers import Dossier, Verification, sentence_of
from actions.tableur.formulaires import build_mesures
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError


@dataclass
class _Rangees:
    """The rows of all the fiches, by what is done to them."""

    changees: dict[tuple[type[models.Model], frozenset[str]], list[models.Model]] = field(
        default_factory=lambda: defaultdict(list)
    )
    nouvelles: dict[type[models.Model], list[models.Model]] = field(default_factory=lambda: defaultdict(list))
    retirees: dict[type[models.Model], list[Any]] = field(default_factory=lambda: defaultdict(list))

    def take(self, formset: Any) -> None:
        """What a valid formset would save. Its rows keep the order of their numbers."""
        # Not that of the pages, which saves the order of the rows at once.
        BaseInlineFormSet.save(formset, commit=False)
        changed = {id(row): (row, set(columns)) for row, columns in formset.changed_objects}
        new = {id(row) for row in formset.new_objects}
        for rank, form in enumerate(formset.ordered_forms if formset.can_order else ()):
            row = form.instance
            if row.ordre != rank:
                row.ordre = rank
                if id(row) not in new:
                    changed.setdefault(id(row), (row, set()))[1].add("ordre")
        kept = {column.name for column in formset.model._meta.concrete_fields}
        for row, columns in changed.values():
            if named := frozenset(columns & kept):
                self.changees[formset.model, named].append(row)
        self.nouvelles[formset.model] += formset.new_objects
        self.retirees[formset.model] += [row.pk for row in formset.deleted_objects]

    def write(self) -> None:
        """Those that go first: what they held may be taken by another."""
        for model, keys in self.retirees.items():
            if keys:
                model._default_manager.filter(pk__in=keys).delete()
        for (model, columns), rows in self.changees.items():
            stamped = {"updated_at"} & {column.name for column in model._meta.concrete_fields}
            for row in rows if stamped else ():
                row.updated_at = timezone.now()  # type: ignore[attr-defined]  # it has the column
            model._default_manager.bulk_update(rows, sorted(columns | stamped))
        for model, rows in self.nouvelles.items():
            model._default_manager.bulk_create(rows)


def write_dossiers(
    verification: Verification, dossiers: Iterable[Dossier], *, plan: PlanActions, by: User
) -> None:
    """Write what was found good, under the lock of the plan and of its fiches.

    Raises ``TransitionError`` with a sentence when a form or a verb refuses after all.
    """
    dossiers = list(dossiers)
    new = [dossier for dossier in dossiers if dossier.is_nouveau and dossier.saisies("identite")]
    create_fiches(plan, [_nouvelle(verification, dossier, by) for dossier in new], by=by)
    old = [dossier for dossier in dossiers if not dossier.is_nouveau]
    rangees = _Rangees()
    for dossier in old:
        _move(dossier, by)
        _write_sections(verification, dossier, rangees, by)
    for dossier in old:
        for indicateur, feuille in verification.indicateurs_mesures(dossier):
            formset = build_mesures(indicateur, dossier.rangees(feuille, indicateur.pk))
            if not formset.is_valid():
                raise TransitionError(f"{indicateur} : une mesure est refusée.")
            rangees.take(formset)
    rangees.write()
    for dossier in old:
        _write_avancement(verification, dossier, by)


def _nouvelle(verification: Verification, dossier: Dossier, by: User) -> FicheNouvelle:
    """What the forms of a new fiche hold, in one fiche to save."""
    form = verification.add_form(dossier)
    if not form.is_valid():
        raise TransitionError(f"Une fiche ne peut pas être créée : {sentence_of(form)}")
    fiche: Any = form.instance
    nouvelle = FicheNouvelle(fiche, {}, [])
    for section in dossier.sections():
        _gather(nouvelle, verification.ready(dossier, section))
    if not dossier.value("identite", "code"):
        # The next one of its place, once those that the file gives are known.
        fiche.code = ""
    nouvelle.lignes += [Note(fiche=fiche, texte=texte, auteur=by) for texte in dossier.notes]
    if target := dossier.new_avancement():
        said = verification.avancement_form(dossier)
        if not said.is_valid():
            raise TransitionError(f"{fiche} : {sentence_of(said)}")
        nouvelle.avancement, nouvelle.motif = target, said.cleaned_data["motif"]
        nouvelle.fin_reelle = said.cleaned_data["fin_reelle"]
    return nouvelle


def _gather(nouvelle: FicheNouvelle, form: Any) -> None:
    """What the valid form of a section adds to a new fiche."""
    for name in form._meta.fields:
        if name not in form.fields:
            continue
        if FicheAction._meta.get_field(name).many_to_many:
            nouvelle.liens[name] = list(form.cleaned_data[name])
        else:
            setattr(nouvelle.fiche, name, getattr(form.instance, name))
    for formset in form.formsets.values():
        for rank, row in enumerate(formset.ordered_forms):
            row.instance.ordre = rank
            nouvelle.lignes.append(row.instance)


def _move(dossier: Dossier, by: User) -> None:
    if not dossier.saisies(PLACE) or dossier.axe is None:
        return
    siblings = FicheAction.objects.filter(axe=dossier.axe, objectif=dossier.objectif)
    last = siblings.exclude(pk=dossier.fiche.pk).order_by("ordre", "pk").last()
    copy.copy(dossier.fiche).place(dossier.axe, dossier.objectif, after=last, by=by)


def _write_sections(verification: Verification, dossier: Dossier, rangees: _Rangees, by: User) -> None:
    """The columns that the file changes, and no other, in one statement."""
    sections = dossier.sections()
    if not sections:
        return
    fiche = copy.copy(dossier.fiche)
    columns = {"updated_at"}
    for section in sections:
        form = verification.ready(dossier, section)
        for name in dossier.saisies(section):
            if FicheAction._meta.get_field(name).many_to_many:
                getattr(form.instance, name).set(form.cleaned_data[name])
            else:
                setattr(fiche, name, getattr(form.instance, name))
                columns.add(name)
        for formset in form.formsets.values():
            rangees.take(formset)
        form.announce(by=by)
    fiche.save(update_fields=columns)
    complete_sections(fiche, sections, by=by)


def _write_avancement(verification: Verification, dossier: Dossier, by: User) -> None:
    target = dossier.value(AVANCEMENT, "avancement")
    if not target or target == dossier.fiche.avancement:
        return
    form = verification.avancement_form(dossier)
    if not form.is_valid():
        raise TransitionError(f"{dossier.fiche} : {sentence_of(form)}")
    form.save(by=by)
