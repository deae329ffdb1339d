from django import forms
from django.core.exceptions import ValidationError

from conventions.models import Organisation


class OrganisationForm(forms.ModelForm):
    """An organisation of the convention's département; a commune is one of the territoire's."""

    # Longer than the model's, so that numbers copied with their spaces are read.
    siren = forms.CharField(
        label="SIREN", required=False, max_length=20, help_text="Neuf chiffres, si vous le connaissez."
    )
    siret = forms.CharField(
        label="SIRET", required=False, max_length=25, help_text="Quatorze chiffres, si vous le connaissez."
    )

    class Meta:
        model = Organisation
        fields = ["nature", "commune", "nom", "siren", "siret", "fonction_contact", "courriel", "telephone"]
        labels = {"commune": "Commune du territoire"}
        help_texts = {
            "commune": "Seulement pour une commune : les autres laissent vide.",
            "fonction_contact": "La fonction à joindre, jamais le nom d’une personne.",
        }

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention
        self.fields["commune"].queryset = convention.territoire.communes.filter(organisation=None)
        self.fields["commune"].empty_label = "Aucune"
        self.fields["nature"].choices = [("", "Choisir…"), *Organisation.Nature.choices]

    def clean_siren(self):
        return "".join(self.cleaned_data["siren"].split())

    def clean_siret(self):
        return "".join(self.cleaned_data["siret"].split())

    def clean_nom(self):
        nom = " ".join(self.cleaned_data["nom"].split())
        if Organisation.objects.for_convention(self.convention).filter(nom__iexact=nom).exists():
            raise ValidationError("Une organisation de ce nom est déjà dans la liste.", code="duplicate")
        return nom

    def clean(self):
        cleaned = super().clean()
        is_commune = cleaned.get("nature") == Organisation.Nature.COMMUNE
        if is_commune and not cleaned.get("commune") and "commune" not in self.errors:
            self.add_error("commune", "Choisissez la commune : sa signature sera reliée au territoire.")
        if cleaned.get("commune") and cleaned.get("nature") and not is_commune:
            self.add_error("commune", "Laissez vide : cette organisation n’est pas une commune.")
        return cleaned
