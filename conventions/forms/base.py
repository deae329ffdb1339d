"""What the forms of a convention share: dates, rows, and saving one section only."""

import datetime
import hashlib
import json
from functools import cache

from crispy_forms.bootstrap import InlineCheckboxes
from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.choices import flatten_choices
from django.utils.html import format_html, format_html_join

from ctg_portal.fields import LongTextsMixin

ANNEE_MIN, ANNEE_MAX = 2000, 2100


def date_input():
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class PlausibleDatesMixin:
    """A date far from any convention is a slip of the keyboard (« 26 » for 2026): its field says so."""

    def _clean_fields(self):
        super()._clean_fields()
        for name, value in list(self.cleaned_data.items()):
            if isinstance(value, datetime.date) and not ANNEE_MIN <= value.year <= ANNEE_MAX:
                self.add_error(
                    name, f"Vérifiez l’année : elle est comprise entre {ANNEE_MIN} et {ANNEE_MAX}."
                )


class DatalistInput(forms.TextInput):
    """A text field that suggests ``options`` (value, label said beside it) and accepts anything else."""

    def __init__(self, options, attrs=None):
        super().__init__(attrs)
        self.options = options

    def render(self, name, value, attrs=None, renderer=None):
        if not self.options:
            return super().render(name, value, attrs, renderer)
        list_id = f"liste-{(attrs or {}).get('id', name)}"
        field = super().render(name, value, (attrs or {}) | {"list": list_id}, renderer)
        rows = format_html_join("", '<option value="{}" label="{}"></option>', self._rows())
        return format_html('{}<datalist id="{}">{}</datalist>', field, list_id, rows)

    def _rows(self):
        return ((value, label or value) for value, label in self.options)


class PlacedForm(LongTextsMixin, PlausibleDatesMixin, forms.ModelForm):
    """``rangees`` places the fields: lines of (name, twelfths of the width); without it, one a line."""

    rangees = ()

    @property
    def helper(self):
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        helper.render_hidden_fields = True
        rangees = self.rangees or [[(bound.name, 12)] for bound in self.visible_fields()]
        helper.layout = Layout(*(self._line(rangee) for rangee in rangees))
        return helper

    def _line(self, rangee):
        known = [(name, width) for name, width in rangee if name in self.fields]
        return Row(
            *(Column(self._placed(name), css_class=f"col-md-{width}") for name, width in known),
            css_class="gx-2",
        )

    def _placed(self, name):
        many = isinstance(self.fields[name].widget, forms.CheckboxSelectMultiple)
        return InlineCheckboxes(name) if many else name


class ConstrainedForm(PlacedForm):
    """Looks at every constraint of its row, also those that name a column it does not edit."""

    def full_clean(self):
        super().full_clean()
        # Django skips the constraints that also name a field out of the form.
        if self.is_bound and not self._errors:
            try:
                self.instance.validate_constraints()
            except ValidationError as error:
                self.add_error(None, error.messages)


class SectionForm(ConstrainedForm):
    """Saves its own fields and nothing else, so that another section edited meanwhile stays as it is.

    It carries an ``empreinte`` of the section as it was read. When somebody saved the same section meanwhile, nothing
    is overwritten: the form comes back with what was typed and what was saved; a second save replaces it knowingly.
    """

    empreinte = forms.CharField(widget=forms.HiddenInput, required=False)
    conflict = False

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.prepare()
        self.initial["empreinte"] = self.current_empreinte = self.read_empreinte()

    def prepare(self):
        """Fields to take away or to limit, before the section is read."""

    def saved_state(self):
        """The section as it is in the database now, as JSON can hold it."""
        return {
            name: sorted(row.pk for row in value) if isinstance(value, list) else str(value)
            for name, value in self.initial.items()
            if name in self.fields and name != "empreinte"
        }

    def read_empreinte(self):
        return hashlib.sha256(json.dumps(self.saved_state(), sort_keys=True).encode()).hexdigest()[:20]

    def clean(self):
        cleaned = super().clean()
        given = cleaned.get("empreinte")
        if given and given != self.current_empreinte:
            self.data = self.data.copy()
            self.data[self.add_prefix("empreinte")] = self.current_empreinte
            self.conflict = True
            self.refuse_overwriting()
        return cleaned

    def refuse_overwriting(self):
        """Say that somebody saved meanwhile, and beside each field what they saved."""
        self.add_error(
            None,
            "Quelqu’un d’autre a enregistré cette page depuis que vous l’avez ouverte : rien n’est écrasé. Votre saisie "
            "est gardée ; ce qui a été enregistré entre-temps est rappelé sous chaque champ. Reprenez ce qui doit "
            "l’être, puis enregistrez pour le remplacer.",
        )
        for name in self.changed_data:
            saved = self.initial.get(name)
            if name != "empreinte" and isinstance(saved, (str, int, datetime.date)):
                self.add_error(name, f"Enregistré entre-temps : « {self.in_words(name, saved) or 'rien'} ».")

    def in_words(self, name, saved):
        """What was saved, as the page says it: a day, an hour, the label of a choice."""
        if isinstance(saved, datetime.datetime):
            return f"{timezone.localtime(saved):%d/%m/%Y à %H h %M}"
        if isinstance(saved, datetime.date):
            return f"{saved:%d/%m/%Y}"
        choices = flatten_choices(getattr(self.fields[name], "choices", ()))
        return str({str(code): label for code, label in choices if code}.get(str(saved), saved))

    def save(self, commit=True):
        stamped = {"updated_at"} & {field.name for field in self.instance._meta.fields}
        columns = {field.name for field in self.instance._meta.fields}
        self.instance.save(update_fields=(set(self.fields) & columns) | stamped)
        self.save_m2m()
        return self.instance

    def save_m2m(self):
        self._save_m2m()


class RowChoiceField(forms.ModelChoiceField):
    """A choice among rows that all the forms of a formset load once: see ``share``."""

    def __init__(self, **kwargs):
        super().__init__(queryset=None, **kwargs)
        self.rows = {}

    def share(self, rows, *, label=str):
        """``rows``: mapping of keys to instances. Only these are accepted."""
        self.rows = rows
        # Said when it is drawn: most forms of an import never are.
        self.choices = cache(lambda: [("", "Choisir…"), *((pk, label(row)) for pk, row in rows.items())])

    def to_python(self, value):
        if value in self.empty_values:
            return None
        try:
            return self.rows[int(value)]
        except (ValueError, TypeError, KeyError) as error:
            raise ValidationError(
                "Choisissez dans la liste : ce choix n’y est pas, ou n’y est plus.", code="invalid_choice"
            ) from error


class RowForm(PlacedForm):
    """A row of a formset whose choices are shared: ``shared`` maps names of fields to their rows."""

    def __init__(self, *args, shared=None, **kwargs):
        super().__init__(*args, **kwargs)
        for name, rows in (shared or {}).items():
            self.fields[name].share(rows)


class KnownRowsMixin:
    """A row that is no longer there, or not of this convention, is refused aloud; so are two alike."""

    def clean(self):
        # Django leaves such a row aside without a word: its instance has no key.
        if any(form.instance.pk is None for form in self.initial_forms):
            raise ValidationError(
                "Une ligne a été retirée depuis l’ouverture de cette page, ou n’est pas de cette convention : "
                "rien n’a été enregistré. Rechargez la page et recommencez."
            )
        super().clean()

    def get_unique_error_message(self, unique_check):
        fields = self.empty_form.fields
        labels = [f"«\u00a0{fields[name].label}\u00a0»" for name in unique_check if name != self.fk.name]
        return f"Deux lignes ont la même valeur pour {' et '.join(labels)} : gardez-en une."


class RowFormSet(KnownRowsMixin, forms.BaseInlineFormSet):
    """Rows of one convention."""

    def shared_rows(self):
        """Mapping of field names to the rows that every form offers; read once."""
        return {}

    def get_form_kwargs(self, index):
        if not hasattr(self, "_shared"):
            self._shared = self.shared_rows()
        return super().get_form_kwargs(index) | {"shared": self._shared}

    def add_fields(self, form, index):
        super().add_fields(form, index)
        if "DELETE" in form.fields:
            form.fields["DELETE"].label = "Retirer cette ligne"


class OrderedFormSet(RowFormSet):
    """Rows placed by hand: their numbers on the page become their order."""

    def save(self, commit=True):
        saved = super().save(commit)
        moved = []
        for rank, form in enumerate(self.ordered_forms):
            if form.instance.ordre != rank:
                form.instance.ordre = rank
                moved.append(form.instance)
        self.model.objects.bulk_update(moved, ["ordre"])
        return saved
