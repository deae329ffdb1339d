from django import forms

from actions.models import Avis


class AvisSignForm(forms.ModelForm):
    """The function of who signs; ``lu`` says what was on the page."""

    fonction = forms.CharField(
        label="Votre fonction, telle qu’elle figurera sur l’avis", max_length=150, required=False
    )
    lu = forms.CharField(widget=forms.HiddenInput)

    class Meta:
        model = Avis
        fields = []
