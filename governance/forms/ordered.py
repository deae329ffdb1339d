from django import forms
from django.forms import BaseInlineFormSet

from conventions.forms.base import KnownRowsMixin
from ctg_portal.fields import LongTextsMixin


class OrderedForm(LongTextsMixin, forms.ModelForm):
    """A row placed by the number its user types; a blank row with only its number is no row."""

    ordre = forms.IntegerField(label="Ordre", required=False, min_value=1, max_value=999)

    def has_changed(self):
        return any(name != "ordre" or self.instance.pk for name in self.changed_data)


class OrderedFormSet(KnownRowsMixin, BaseInlineFormSet):
    """Rows shown as 1, 2, 3… and saved so, by the numbers typed; a row without a number goes last."""

    def add_fields(self, form, index):
        super().add_fields(form, index)
        form.order_fields(["ordre"])
        if "DELETE" in form.fields:
            form.fields["DELETE"].label = "Retirer cette ligne"
        if index is not None:
            form.initial["ordre"] = index + 1

    def save(self):
        rows = [
            form
            for form in self.forms
            if form not in self.deleted_forms and (form.instance.pk or form.has_changed())
        ]
        rows.sort(key=lambda form: form.cleaned_data.get("ordre") or 1000)
        for ordre, form in enumerate(rows, start=1):
            form.instance.ordre = ordre
        saved = super().save()
        self.model.objects.bulk_update([form.instance for form in rows], ["ordre"])
        return saved
