"""The bilan of a year of one fiche."""

from django import forms

from actions.models import Bilan
from conventions.forms.base import SectionForm
from ctg_portal.fields import TexteLong

TEXTES = ("realise", "ecarts", "faits_marquants", "perspectives")


class BilanForm(SectionForm):
    """A row of its own: the first save inserts it, later ones write these columns only.

    ``derniere``: the year ends the action or the convention, so that the result and what follows are asked.
    """

    rangees = (*(((name, 12),) for name in TEXTES), (("atteinte", 6), ("suite", 6)))
    enchainer = forms.BooleanField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Bilan
        fields = [*TEXTES, "atteinte", "suite"]
        widgets = {name: TexteLong(5 if name == "realise" else 3) for name in TEXTES}

    def __init__(self, *args, derniere, **kwargs):
        self.derniere = derniere
        super().__init__(*args, **kwargs)

    def prepare(self):
        help_text = "Demandé cette année." if self.derniere else "Facultatif : demandé la dernière année."
        for name in ("atteinte", "suite"):
            self.fields[name].help_text = help_text

    def saved_state(self):
        # A bilan created meanwhile, even with the same words, is not the blank page that was opened.
        return super().saved_state() | {"pk": self.instance.pk}

    def clean(self):
        cleaned = super().clean()
        if not any((cleaned.get(name) or "").strip() for name in self._meta.fields) and not self.errors:
            raise forms.ValidationError("Écrivez au moins une rubrique du bilan.")
        return cleaned

    def save(self, commit=True):
        if self.instance.pk is None:
            self.instance.save()
            return self.instance
        return super().save(commit)
