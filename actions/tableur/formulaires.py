"""The forms of the pages, filled from cells instead of a browser, without a query a row."""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.http import QueryDict

from actions.forms.fiches import MesureFormSet
from actions.forms.sections import LIENS
from actions.forms.tout import sent_values
from actions.models import FicheAction, IndicateurSuivi
from actions.tableur.contenu import FORMULAIRES, Contenu
from ctg_portal.contraintes import refusals


@dataclass
class Rangees:
    """What changes among the rows of one formset: values by field, by key of row; new rows; keys of rows to take away."""

    changees: dict[int, dict[str, list[str]]] = field(default_factory=dict)
    nouvelles: list[dict[str, list[str]]] = field(default_factory=list)
    retirees: set[int] = field(default_factory=set)


class Charge(list[Any]):
    """Rows that are already loaded, where a form expects a queryset."""

    @property
    def _result_cache(self) -> "Charge":
        return self

    def all(self) -> "Charge":
        return self

    def none(self) -> "Charge":
        return Charge()


class ChoixDuPlan:
    """What ``forms.sections.Choix`` offers, read once for the whole plan."""

    def __init__(self, contenu: Contenu) -> None:
        self.contenu = contenu
        self.rows = {
            name: Charge(contenu.listes[name].rows.values())
            for name in (*LIENS, "cadres", "organisations", "dispositifs", "people")
        }
        self.saved: dict[type[models.Model], list[Any]] = {}
        self.vierges: dict[str, tuple[QueryDict, dict[str, Any]]] = {}
        """By section, what the page of a fiche that has nothing sends back, and its formsets by prefix."""

    def by_pk(self, name: str) -> dict[int, Any]:
        return self.contenu.listes[name].rows

    def of(self, fiche: FicheAction) -> "ChoixDuPlan":
        """The same, with the rows of ``fiche``: copies, since a form writes in what it is given."""
        choix = copy.copy(self)
        choix.saved = {}
        for form in FORMULAIRES.values():
            for formset in form.rows.values():
                rows = getattr(fiche, formset.fk.remote_field.related_name).all() if fiche.pk else []
                choix.saved[formset.model] = [copy.copy(row) for row in rows]
        return choix


def build_section(
    choix: ChoixDuPlan,
    fiche: FicheAction,
    section: str,
    champs: Mapping[str, list[str]],
    rangees: Mapping[str, Rangees],
) -> Any:
    """The form of a section as the page would send it back with ``champs`` and ``rangees`` (by prefix) changed."""
    form_class = FORMULAIRES[section]
    data, served = _served(choix, fiche, section)
    if fiche.pk is None and section == "identite":
        data[f"{section}-code"], data[f"{section}-intitule"] = fiche.code, fiche.intitule
    for nom, values in champs.items():
        data.setlist(f"{section}-{nom}", values)
    for prefixe, formset in served.items():
        if fiche.pk is not None or prefixe in rangees:
            _fill(data, formset, rangees.get(prefixe, Rangees()))
    form = form_class(data, instance=copy.copy(fiche), prefix=section, choix=choix.of(fiche))
    _load(form)
    for formset in form.formsets.values():
        _load_formset(formset)
    return form


def _served(choix: ChoixDuPlan, fiche: FicheAction, section: str) -> tuple[QueryDict, dict[str, Any]]:
    """What the page of the section sends back when nobody changes anything, and its formsets by prefix.

    The same for all the fiches that are not made yet: looked at once.
    """
    if fiche.pk is None and section in choix.vierges:
        data, formsets = choix.vierges[section]
        return data.copy(), formsets
    served = FORMULAIRES[section](instance=copy.copy(fiche), prefix=section, choix=choix.of(fiche))
    data = QueryDict(mutable=True)
    for bound in served:
        data.setlist(bound.html_name, sent_values(bound))
    if fiche.pk is None:
        for formset in served.formsets.values():
            _fill(data, formset, Rangees())
        # Nobody else writes in a fiche that is not there.
        del data[served["empreinte"].html_name]
        choix.vierges[section] = data.copy(), served.formsets
    return data, served.formsets


def build_mesures(indicateur: IndicateurSuivi, rangees: Rangees) -> Any:
    """The measures of one indicator as their page would send them back."""
    prefix = f"mesures-{indicateur.pk}"
    data = QueryDict(mutable=True)
    _fill(data, _mesures(indicateur, prefix, None), rangees)
    formset = _mesures(indicateur, prefix, data)
    _load_formset(formset)
    return formset


def _mesures(indicateur: IndicateurSuivi, prefix: str, data: QueryDict | None) -> Any:
    formset: Any = MesureFormSet(data, instance=indicateur, prefix=prefix)
    formset._queryset = [copy.copy(row) for row in indicateur.mesures.all()]
    return formset


def _fill(data: QueryDict, formset: Any, rangees: Rangees) -> None:
    """What the browser sends for the rows of a formset: the saved ones first, in their order, then the new ones."""
    # The empty rows that a page offers are not needed to know what it would send.
    formset.extra = 0
    saved = formset.initial_forms
    prefix = formset.prefix
    for rank, form in enumerate(saved):
        for bound in form:
            data.setlist(bound.html_name, sent_values(bound))
        for nom, values in rangees.changees.get(form.instance.pk, {}).items():
            data.setlist(f"{prefix}-{rank}-{nom}", values)
        if form.instance.pk in rangees.retirees:
            data[f"{prefix}-{rank}-DELETE"] = "on"
    empty: Any = formset.empty_form if rangees.nouvelles else None
    for rank, row in enumerate(rangees.nouvelles, start=len(saved)):
        for nom, field_ in empty.fields.items():
            start = empty.get_initial_for_field(field_, nom)
            data.setlist(f"{prefix}-{rank}-{nom}", row.get(nom, ["" if start is None else str(start)]))
        data[f"{prefix}-{rank}-ORDER"] = str(rank + 1)
    data[f"{prefix}-TOTAL_FORMS"] = str(len(saved) + len(rangees.nouvelles))
    data[f"{prefix}-INITIAL_FORMS"] = str(len(saved))


def _load(form: Any) -> None:
    """Choices are looked up among the loaded rows; constraints are looked at here rather than in the database."""
    for name in ("cadres", *LIENS):
        if name in form.fields:
            _choose_loaded(form.fields[name], form.choix.by_pk(name))
    check_here(form.instance)


def _choose_loaded(field_: forms.Field, rows: Mapping[Any, Any]) -> None:
    # The key of a commune is its code, a text.
    by_key = {str(pk): row for pk, row in rows.items()}

    def check(values: Iterable[str]) -> list[Any]:
        try:
            return [by_key[str(value)] for value in dict.fromkeys(values)]
        except KeyError as error:
            raise ValidationError("Ce choix n’est pas, ou n’est plus, dans la liste.") from error

    field_._check_values = check  # type: ignore[attr-defined]  # Django's own, left out of the stubs


def _load_formset(formset: Any) -> None:
    key = formset.model._meta.pk.name
    for form in formset.forms:
        check_here(form.instance)
        rows = {row.pk: row for row in formset._queryset}
        if key in form.fields:
            form.fields[key].to_python = lambda value, rows=rows: rows.get(int(value)) if value else None


def check_here(instance: models.Model) -> None:
    """Its constraints are looked at in Python, without a query."""

    def validate(exclude: Any = None) -> None:
        refusals(instance, exclude)

    instance.validate_constraints = validate  # type: ignore[method-assign]  # of this row alone
