"""Which fiches a contract carries: the boxes of the fiches shown; nothing else of them changes."""

from django import forms
from django.core.exceptions import ValidationError

from actions.operations import carry_fiches


class ContratFichesForm(forms.Form):
    """``fiches``: those of the filtered list. ``montrees`` repeats those the page showed, so that a list that has changed
    meanwhile, or a filter, never detaches a fiche that nobody saw."""

    montrees = forms.CharField(widget=forms.HiddenInput, required=False)
    fiches = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args, contrat, fiches, **kwargs):
        super().__init__(*args, **kwargs)
        self.contrat = contrat
        self.rows = {str(fiche.pk): fiche for fiche in fiches}
        self.fields["fiches"].choices = [(pk, str(fiche)) for pk, fiche in self.rows.items()]
        self.fields["fiches"].error_messages["invalid_choice"] = (
            "Une fiche cochée n’est plus dans cette liste : rien n’est enregistré. Rechargez la page et recommencez."
        )
        carried = contrat.fiches_partagees.filter(pk__in=self.rows).values_list("pk", flat=True)
        self.portees = {str(pk) for pk in carried}
        self.initial["montrees"] = ",".join(self.rows)

    def lignes(self):
        """Each fiche with whether its box is ticked."""
        ticked = set(self.data.getlist("fiches")) if self.is_bound else self.portees
        return [(fiche, pk in ticked) for pk, fiche in self.rows.items()]

    def clean_montrees(self):
        shown = [pk for pk in self.cleaned_data["montrees"].split(",") if pk]
        if any(pk not in self.rows for pk in shown):
            raise ValidationError(
                "La liste a changé depuis l’ouverture de cette page : rien n’est enregistré. Vérifiez et recommencez."
            )
        return shown

    def save(self, *, by):
        """Say what was done, in a sentence."""
        ticked = set(self.cleaned_data["fiches"])
        shown = self.cleaned_data["montrees"]
        return carry_fiches(
            contrat=self.contrat,
            attach=[self.rows[pk] for pk in shown if pk in ticked],
            detach=[self.rows[pk] for pk in shown if pk not in ticked],
            by=by,
        )
