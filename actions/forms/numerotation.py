from django import forms

from actions.forms.base import form_helper
from actions.models.numerotation import Choix, Schema, renumber


class ChoixForm(forms.Form):
    """What the preview is asked for, in the address."""

    schema = forms.ChoiceField(
        label="Numéros", choices=Schema.choices, initial=Schema.HIERARCHIE, widget=forms.RadioSelect
    )
    structure = forms.BooleanField(label="Renuméroter aussi les axes et les objectifs", required=False)
    abandonnees = forms.BooleanField(
        label="Renuméroter aussi les fiches abandonnées",
        required=False,
        help_text="Les fiches archivées gardent toujours leur numéro.",
    )
    reutiliser = forms.BooleanField(
        label="Donner à d’autres les numéros des fiches qui gardent le leur",
        required=False,
        help_text="Sans cela, un numéro gardé n’est jamais donné deux fois.",
    )

    def __init__(self, *args, revenir=True, **kwargs):
        super().__init__(*args, **kwargs)
        if not revenir:
            self.fields["schema"].choices = [row for row in Schema.choices if row[0] != Schema.AVANT]
        self.helper = form_helper()

    @property
    def choix(self):
        """What is asked for; the first preview, and a wrong address, show the usual choice."""
        return Choix(**self.cleaned_data) if self.is_bound and self.is_valid() else Choix()


class RenumeroterForm(ChoixForm):
    """The same choices with the mark of the preview they were seen in."""

    empreinte = forms.CharField(max_length=64)

    def save(self, plan, *, by):
        fields = self.cleaned_data.copy()
        empreinte = fields.pop("empreinte")
        return renumber(plan, Choix(**fields), empreinte=empreinte, by=by)
