"""Ticking one step of a fiche."""

from django import forms

from actions.models import Etape
from actions.operations import tick_etape


class EtapeTickForm(forms.ModelForm):
    """``faite``: what the step becomes, not a toggle."""

    faite = forms.TypedChoiceField(
        choices=[("oui", "Faite"), ("non", "À faire")], coerce=lambda value: value == "oui"
    )

    class Meta:
        model = Etape
        fields = []

    def save(self, *, by):
        """Say what was done, in a sentence."""
        return tick_etape(etape=self.instance, faite=self.cleaned_data["faite"], by=by)
