"""What the forms of a convention share: dates, rows, and saving one section only."""

from crispy_forms.bootstrap import InlineCheckboxes
from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html, format_html_join


def date_input():
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


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


class PlacedForm(forms.ModelForm):
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


class SectionForm(PlacedForm):
    """Saves its own fields and nothing else, so that another section edited meanwhile stays as it is."""

    def full_clean(self):
        super().full_clean()
        # Django skips the constraints that also name a field of another section.
        if self.is_bound and not self._errors:
            try:
                self.instance.validate_constraints()
            except ValidationError as error:
                self.add_error(None, error.messages)

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
        self.choices = [("", "Choisir…"), *((pk, label(row)) for pk, row in rows.items())]

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


class RowFormSet(forms.BaseInlineFormSet):
    """Rows of one convention. A row that is no longer there, or not of this convention, is refused aloud."""

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

    def clean(self):
        # Django leaves such a row aside without a word: its instance has no key.
        if any(form.instance.pk is None for form in self.initial_forms):
            raise ValidationError(
                "Une ligne a été retirée depuis l’ouverture de cette page, ou n’est pas de cette convention : "
                "rien n’a été enregistré. Rechargez la page et recommencez."
            )
        super().clean()


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
