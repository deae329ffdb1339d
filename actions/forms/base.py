"""What the forms of a plan share: a layout without its <form>, confirming a verb, and choosing a place."""

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from ctg_portal.fields import LongTextsMixin


def form_helper(layout=None):
    """The page has the <form>, its token and its buttons."""
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    if layout is not None:
        helper.layout = layout
    return helper


class MappedChoiceField(forms.ChoiceField):
    """A choice whose values stand for objects: ``options`` maps them; the cleaned value is the object."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.options = {}

    def offer(self, groups):
        """``groups``: list of (title, list of (value, label, object))."""
        self.options = {value: thing for _, rows in groups for value, _, thing in rows}
        self.choices = [
            ("", "Choisir…"),
            *((title, [(value, label) for value, label, _ in rows]) for title, rows in groups),
        ]

    def clean(self, value):
        found = super().clean(value)
        return self.options[found] if found else None


def place_choices(branches, moving=None):
    """Every place of the plan where a fiche may go: (axe, objectif, the fiche it comes after)."""
    groups = []
    for branche in branches:
        axe = branche.axe
        groups.append(
            (f"Axe {axe.code}, sans objectif", _places(f"axe-{axe.pk}", axe, None, branche.fiches, moving))
        )
        for sous in branche.objectifs:
            objectif = sous.objectif
            groups.append(
                (
                    f"Objectif {objectif.code} {objectif.intitule}"[:90],
                    _places(f"objectif-{objectif.pk}", axe, objectif, sous.fiches, moving),
                )
            )
    return groups


def _places(prefix, axe, objectif, fiches, moving):
    rows = [(prefix, "En premier", (axe, objectif, None))]
    rows += [
        (f"fiche-{fiche.pk}", f"Après {fiche}"[:120], (axe, objectif, fiche))
        for fiche in fiches
        if moving is None or fiche.pk != moving.pk
    ]
    return rows


class VerbForm(LongTextsMixin, forms.ModelForm):
    """No field, or a reason: confirming is the input. ``save(by=…)`` calls ``verb`` of the instance."""

    verb = ""

    def save(self, *, by):
        getattr(self.instance, self.verb)(by=by, **{name: self.cleaned_data[name] for name in self.fields})
        return self.instance


def after_choice(siblings, row, first_label="En premier"):
    """A field that places ``row`` among its siblings, at its present place by default."""
    rows = [sibling for sibling in siblings if sibling.pk != row.pk]
    field = MappedChoiceField(label="Place", required=False)
    field.options = {"premier": None, **{str(sibling.pk): sibling for sibling in rows}}
    field.choices = [
        ("premier", first_label),
        *((str(sibling.pk), f"Après {sibling}"[:120]) for sibling in rows),
    ]
    before = None
    for sibling in siblings:
        if sibling.pk == row.pk:
            break
        before = sibling
    field.initial = "premier" if before is None else str(before.pk)
    return field


def require_words(value, message):
    """Spaces alone are no words."""
    if not value.strip():
        raise ValidationError(message)
    return value.strip()


def refuse_past(day):
    """A date asked of somebody is today or later; ``None`` passes."""
    if day and day < timezone.localdate():
        raise ValidationError("Cette date est déjà passée : choisissez aujourd’hui ou plus tard.")
    return day
