"""What people keep of their views: the columns of the table, and views under a name."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from actions.forms.base import form_helper
from actions.models.vues import ColonnesTableau, GenreVue, VueEnregistree

COLONNES = {
    "pilote": "Pilote",
    "avancement": "Avancement",
    "redaction": "Rédaction",
    "priorite": "Priorité",
    "echeance": "Échéance",
    "debut": "Début",
    "structure": "Structure pilote",
    "objectif": "Objectif",
    "domaine": "Domaines",
    "commune": "Communes",
    "financeur": "Financeurs",
    "cadre": "Autres contrats",
    "indicateurs": "Indicateurs",
    "modifiee": "Modifiée le",
}
"""The columns that may be shown beside the number and the title, in their order."""
COLONNES_USUELLES = ("pilote", "avancement", "redaction", "priorite", "echeance")


def columns_of(user):
    """The columns that ``user`` sees; one query."""
    kept = ColonnesTableau.objects.filter(user=user).values_list("colonnes", flat=True).first()
    if kept is None:
        return list(COLONNES_USUELLES)
    return [name for name in COLONNES if name in kept]


class ColonnesForm(forms.Form):
    colonnes = forms.MultipleChoiceField(
        label="Colonnes du tableau",
        choices=list(COLONNES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def save(self, *, by):
        ColonnesTableau.objects.update_or_create(
            user=by, defaults={"colonnes": self.cleaned_data["colonnes"]}
        )


def clean_requete(text):
    """A query string written anew, without the page: it can only be a query string."""
    asked = QueryDict(text, mutable=True)
    asked.pop("page", None)
    return asked.urlencode()


class NameMixin:
    def clean_nom(self):
        nom = " ".join(self.cleaned_data["nom"].replace("\x00", "").split())
        if not nom:
            raise ValidationError("Donnez un nom à la vue.")
        return nom


class VueForm(NameMixin, forms.ModelForm):
    """``partageable``: whether the person may share it with the whole convention."""

    requete = forms.CharField(required=False, max_length=2000, widget=forms.HiddenInput, strip=False)
    genre = forms.ChoiceField(
        choices=GenreVue.choices,
        widget=forms.HiddenInput,
        error_messages={
            "invalid_choice": "Cette vue n’existe pas\u00a0: ouvrez l’une de celles du plan, puis enregistrez-la.",
            "required": "Ouvrez une vue du plan, puis enregistrez-la.",
        },
    )

    class Meta:
        model = VueEnregistree
        fields = ["nom", "portee", "genre", "requete"]
        widgets = {"portee": forms.RadioSelect}
        error_messages = {"nom": {"required": "Donnez un nom à la vue."}}

    def __init__(self, *args, partageable, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["portee"].choices = VueEnregistree.Portee.choices
        if not partageable:
            del self.fields["portee"]
        self.fields["requete"].error_messages["max_length"] = (
            "Cette vue a trop de filtres pour être gardée sous un nom\u00a0: retirez-en."
        )
        self.helper = form_helper()
        self.helper.render_hidden_fields = True

    def clean_requete(self):
        return clean_requete(self.cleaned_data["requete"])

    def clean(self):
        cleaned = super().clean()
        # Said where the fields that nobody sees cannot say it.
        for name in ("genre", "requete"):
            for message in self._errors.pop(name, ()):
                self.add_error(None, message)
        return cleaned

    def save(self, *, by):
        return self.instance.keep(by=by)


class VueRenameForm(NameMixin, forms.ModelForm):
    class Meta:
        model = VueEnregistree
        fields = ["nom"]
        error_messages = {"nom": {"required": "Donnez un nom à la vue."}}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = form_helper()

    def save(self, *, by):
        self.instance.rename(self.cleaned_data["nom"])
        return self.instance
