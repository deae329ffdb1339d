from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from conventions.forms.base import ConstrainedForm, date_input
from conventions.models import Equipement, Organisation, Territoire
from ctg_portal.fields import TexteLong


class EquipementForm(ConstrainedForm):
    """Its commune is one of the territoire's, its gestionnaire one whom the convention may name."""

    rangees = (
        (("type", 6), ("nom", 6)),
        (("commune", 6), ("adresse", 6)),
        (("gestionnaire", 8), ("capacite", 4)),
        (("ouverture", 8), ("agrement", 4)),
        (("cof_numero", 4), ("cof_debut", 4), ("cof_fin", 4)),
        (("ouvert_le", 4), ("ferme_le", 4)),
        (("observations", 12),),
    )

    class Meta:
        model = Equipement
        fields = [
            *("type", "nom", "commune", "adresse", "gestionnaire", "capacite", "ouverture", "agrement"),
            *("cof_numero", "cof_debut", "cof_fin", "ouvert_le", "ferme_le", "observations"),
        ]
        widgets = dict.fromkeys(("cof_debut", "cof_fin", "ouvert_le", "ferme_le"), date_input()) | {
            "observations": TexteLong(3)
        }
        help_texts = {
            "commune": "Laissez vide pour un service qui couvre tout le territoire.",
            "capacite": "Laissez vide si elle n’est pas connue.",
            "ferme_le": "À partir de ce jour, il n’est plus en service.",
            "observations": "Rien sur des personnes ni des familles.",
        }

    version = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.actuelle = self.instance.updated_at.isoformat() if self.instance.pk else ""
        self.initial["version"] = self.actuelle
        communes = convention.territoire.communes.all()
        organisations = Organisation.objects.for_convention(convention)
        # What the row names already stays a choice, even if the territoire has lost it.
        if self.instance.commune_id:
            communes = (
                communes | type(self.instance.commune).objects.filter(pk=self.instance.commune_id)
            ).distinct()
        if self.instance.gestionnaire_id:
            organisations = organisations | Organisation.objects.filter(pk=self.instance.gestionnaire_id)
        self.fields["type"].empty_label = "Choisir…"
        self.fields["type"].choices = self._types()
        self.fields["commune"].queryset = communes
        self.fields["commune"].empty_label = "Tout le territoire"
        self.fields["gestionnaire"].queryset = organisations
        self.fields["gestionnaire"].empty_label = "Non renseigné"

    def _types(self):
        """Kinds under their family, read once."""
        groups = {}
        for kind in self.fields["type"].queryset:
            groups.setdefault(kind.get_famille_display(), []).append((kind.pk, str(kind)))
        return [("", "Choisir…"), *groups.items()]

    def clean(self):
        # Held until the end of the request: a form sent twice at once meets the row of the first as a sentence.
        Territoire.objects.select_for_update(of=("self",), no_key=True).get(pk=self.instance.territoire_id)
        cleaned = super().clean()
        if cleaned.get("version", "") != self.actuelle:
            # The words typed stay in the form; sending it again is choosing them.
            self.data = self.data.copy()
            self.data[self.add_prefix("version")] = self.actuelle
            raise ValidationError(
                "Quelqu’un a modifié cet équipement depuis l’ouverture de cette page\u00a0: rien n’est enregistré. "
                "Vos réponses sont ci-dessous\u00a0; enregistrez de nouveau pour qu’elles remplacent les siennes.",
                code="stale",
            )
        return cleaned

    def clean_nom(self):
        return " ".join(self.cleaned_data["nom"].split())


class FermetureForm(forms.ModelForm):
    class Meta:
        model = Equipement
        fields = ["ferme_le"]
        labels = {"ferme_le": "Fermé le"}
        widgets = {"ferme_le": date_input()}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["ferme_le"].required = True
        self.initial["ferme_le"] = self.instance.ferme_le or timezone.localdate()

    def clean_ferme_le(self):
        day = self.cleaned_data["ferme_le"]
        if self.instance.ouvert_le and day < self.instance.ouvert_le:
            raise ValidationError("La fermeture suit l’ouverture.", code="order")
        return day

    def save(self, *, by):
        self.instance.close(self.cleaned_data["ferme_le"], by=by)
        return self.instance


class SuppressionForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Equipement
        fields = []

    def save(self, *, by):
        self.instance.remove(by=by)
        return self.instance
