from django import forms
from django.utils import timezone

from actions.description import DESCRIPTION, Choix

FORMATS = {
    "pdf": "PDF, à imprimer ou à envoyer",
    "docx": "Word (.docx), à annexer ou à reprendre",
    "xlsx": "Excel (.xlsx), à lire et à calculer\u00a0: une ligne par fiche, une feuille par tableau",
    "csv": "CSV, une ligne par fiche, pour un tableur",
    "json": "JSON, données pour un logiciel",
}
RUBRIQUES = [(rubrique.slug, rubrique.titre) for rubrique in DESCRIPTION]


class ExportForm(forms.Form):
    """What goes in the file. Its choices are in the address: nothing ticked means everything."""

    sortie = forms.ChoiceField(
        label="Format", choices=list(FORMATS.items()), initial="pdf", widget=forms.RadioSelect
    )
    rubriques = forms.MultipleChoiceField(
        label="Rubriques",
        choices=RUBRIQUES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Aucune cochée : toutes.",
    )
    suivi = forms.TypedMultipleChoiceField(
        label="Années des notes et des bilans",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Aucune cochée : toutes.",
    )
    notes = forms.ChoiceField(
        label="Notes de suivi",
        choices=[("avec", "Avec les notes"), ("sans", "Sans les notes")],
        widget=forms.RadioSelect,
    )
    courriel = forms.BooleanField(
        label="M’envoyer un courriel quand le fichier est prêt",
        required=False,
        help_text="Pour un fichier qui demande du temps : le lien mène au portail.",
    )

    def __init__(self, *args, convention, seule=False, **kwargs):
        super().__init__(*args, **kwargs)
        self.seule = seule
        for field in self.fields.values():
            field.widget.attrs["class"] = "form-check-input"
        annees = range(convention.debut.year, max(convention.fin.year, timezone.localdate().year) + 1)
        self.fields["suivi"].choices = [(annee, str(annee)) for annee in annees]
        self.fields["notes"].initial = "avec" if seule else "sans"
        if seule:
            del self.fields["courriel"]

    @property
    def choix(self):
        """As ``read_fiche`` takes it; what is not said in the address is as the form shows it first."""
        data = self.cleaned_data
        return Choix(
            frozenset(data["rubriques"] or dict(RUBRIQUES)),
            frozenset(data["suivi"]) if data["suivi"] else None,
            data["notes"] == "avec",
        )
