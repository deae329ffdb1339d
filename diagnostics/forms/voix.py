"""Ateliers, and what was said there or elsewhere."""

from django import forms

from conventions.forms.base import date_input
from conventions.models import Organisation
from ctg_portal.fields import TexteLong
from diagnostics.forms.diagnostic import RGPD, PartForm
from diagnostics.models import Atelier, Parole

PAROLE_MAX = 2000


class AtelierForm(PartForm):
    class Meta:
        model = Atelier
        fields = ["intitule", "theme", "date", "lieu", "participants", "organisations", "synthese"]
        widgets = {
            "date": date_input(),
            "organisations": forms.CheckboxSelectMultiple,
            "synthese": TexteLong(6),
        }
        help_texts = {"synthese": RGPD}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        convention = self.instance.diagnostic.convention
        self.fields["organisations"].queryset = Organisation.objects.for_convention(convention)


class ParoleForm(PartForm):
    """Its place is among the paroles of its theme."""

    texte = forms.CharField(
        label="Parole",
        max_length=PAROLE_MAX,
        widget=TexteLong(4),
        help_text=f"Comme elle a été dite, sans guillemets. {RGPD} Ni nom, ni de quoi la reconnaître.",
    )

    class Meta:
        model = Parole
        fields = ["texte", "locuteur", "theme", "atelier", "origine"]
        widgets = {"locuteur": forms.RadioSelect}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["locuteur"].choices = Parole.Locuteur.choices
        self.fields["atelier"].queryset = Atelier.objects.filter(diagnostic=self.instance.diagnostic)
        self.fields["atelier"].empty_label = "Hors atelier"
        self.fields["theme"].empty_label = "Sans thème"
        self.fields["place"].help_text = "Son numéro parmi les paroles de son thème ; vide : en dernier."

    def siblings(self):
        return super().siblings().filter(theme=self.instance.theme)

    def clean_texte(self):
        """The guillemets are drawn around it."""
        texte = self.cleaned_data["texte"].replace("\r\n", "\n").strip()
        if texte.startswith("«") and texte.endswith("»") and texte.count("«") == 1:
            texte = texte[1:-1].strip()
        if not texte:
            raise forms.ValidationError("Écrivez ce qui a été dit.")
        return texte
