from django import forms

from conventions.models import Organisation
from conventions.operations.fusions import CHAMPS, merge, undo

VIDES = (None, "")


class FusionForm(forms.Form):
    """Which of two rows is kept, and which value where they differ. A value one of them lacks comes from the other."""

    gardee = forms.ChoiceField(label="Quelle ligne reste ?", widget=forms.RadioSelect)

    def __init__(self, *args, pair, **kwargs):
        super().__init__(*args, **kwargs)
        self.pair = {str(row.pk): row for row in pair}
        self.fields["gardee"].choices = [
            (pk, f"Ligne {rang}\u00a0: {row}") for rang, (pk, row) in enumerate(self.pair.items(), 1)
        ]
        first, second = pair
        self.initial["gardee"] = str(first.pk)
        for champ in CHAMPS:
            mine, other = getattr(first, champ), getattr(second, champ)
            if mine == other or mine in VIDES or other in VIDES or not (mine and other):
                continue
            self.fields[champ] = forms.ChoiceField(
                label=Organisation._meta.get_field(champ).verbose_name.capitalize(),
                choices=[(pk, self._said(row, champ)) for pk, row in self.pair.items()],
                initial=str(first.pk),
                widget=forms.RadioSelect,
            )
        # Acronyms keep their capitals.
        for champ in {"siren", "siret"} & set(self.fields):
            self.fields[champ].label = champ.upper()

    def _said(self, row, champ):
        if champ == "logo":
            return f"celui de {row}"
        return row.get_nature_display() if champ == "nature" else str(getattr(row, champ))

    def save(self, *, by):
        kept = self.cleaned_data["gardee"]
        lost = next(pk for pk in self.pair if pk != kept)
        valeurs = {champ: self.pair[self.cleaned_data[champ]] for champ in CHAMPS if champ in self.fields}
        return merge(gardee=self.pair[kept], absorbee=self.pair[lost], valeurs=valeurs, by=by)


class FusionUndoForm(forms.Form):
    """No field: confirming is the whole input."""

    def __init__(self, *args, fusion, **kwargs):
        super().__init__(*args, **kwargs)
        self.fusion = fusion

    def save(self, *, by):
        undo(self.fusion, by=by)
        return self.fusion
