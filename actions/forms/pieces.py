"""Files attached to a fiche."""

from pathlib import PurePosixPath

from django import forms

from actions.models import FicheAction, PieceJointe
from conventions.forms.base import PlacedForm, date_input
from ctg_portal.depots import DepotField

RGPD = "Aucun document sur une famille ou une personne privée."


class PieceAddForm(PlacedForm):
    """``instance`` is the fiche; what is saved is a piece of it."""

    rangees = ((("depot", 12),), (("titre", 8), ("date", 4)))
    depot = DepotField(label="Fichier")
    titre = forms.CharField(
        label="Titre", max_length=200, required=False, help_text="Vide\u00a0: le nom du fichier."
    )
    date = forms.DateField(label="Date du document", required=False, widget=date_input())

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["depot"].help_text += f" {RGPD}"

    def clean(self):
        cleaned = super().clean()
        if not (cleaned.get("titre") or "").strip() and cleaned.get("depot"):
            cleaned["titre"] = PurePosixPath(cleaned["depot"].nom).stem
        return cleaned

    def save(self, *, by):
        fields = {name: self.cleaned_data[name] for name in ("titre", "date")}
        return PieceJointe.objects.deposit(self.cleaned_data["depot"], by=by, fiche=self.instance, **fields)


class PieceReplaceForm(PlacedForm):
    rangees = ((("depot", 12),), (("date", 4),))
    depot = DepotField(label="Fichier de la nouvelle version")
    date = forms.DateField(label="Date du document", required=False, widget=date_input())

    class Meta:
        model = PieceJointe
        fields = []

    def save(self, *, by):
        return self.instance.replace(self.cleaned_data["depot"], by=by, date=self.cleaned_data["date"])


class PieceWithdrawForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = PieceJointe
        fields = []

    def save(self, *, by):
        self.instance.withdraw(by=by)
        return self.instance
