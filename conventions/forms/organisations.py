from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.core.exceptions import ValidationError

from conventions.forms.base import OrderedFormSet, RowForm, date_input
from conventions.forms.sections import LogoFormMixin
from conventions.models import Mandat, Organisation
from conventions.permissions import ADMINISTRATING_NATURES

Nature = Organisation.Nature


class OrganisationFields(forms.ModelForm):
    """What every form of the directory checks: numbers copied with their spaces, and a SIRET of the same SIREN."""

    # Longer than the model's, so that numbers copied with their spaces are read.
    siren = forms.CharField(
        label="SIREN", required=False, max_length=20, help_text="Neuf chiffres, si vous le connaissez."
    )
    siret = forms.CharField(
        label="SIRET", required=False, max_length=25, help_text="Quatorze chiffres, si vous le connaissez."
    )

    class Meta:
        model = Organisation
        fields = ["nom", "siren", "siret", "fonction_contact", "courriel", "telephone"]
        help_texts = {"fonction_contact": "La fonction à joindre, jamais le nom d’une personne."}

    def clean_siren(self):
        return "".join(self.cleaned_data["siren"].split())

    def clean_siret(self):
        return "".join(self.cleaned_data["siret"].split())

    def clean_nom(self):
        return " ".join(self.cleaned_data["nom"].split())

    def clean(self):
        cleaned = super().clean()
        siren, siret = cleaned.get("siren"), cleaned.get("siret")
        if siren and siret and not siret.startswith(siren):
            self.add_error("siret", "Les neuf premiers chiffres d’un SIRET sont ceux du SIREN.")
        return cleaned


class OrganisationForm(OrganisationFields):
    """An organisation of the convention’s département; a commune is one of the territoire’s."""

    class Meta(OrganisationFields.Meta):
        fields = ["nature", "commune", *OrganisationFields.Meta.fields]
        labels = {"commune": "Commune du territoire"}
        help_texts = OrganisationFields.Meta.help_texts | {
            "commune": "Seulement pour une commune : les autres laissent vide."
        }

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention
        self.fields["commune"].queryset = convention.territoire.communes.filter(organisation=None)
        self.fields["commune"].empty_label = "Aucune"
        self.fields["nature"].choices = [("", "Choisir…"), *Nature.choices]

    def clean_nom(self):
        nom = super().clean_nom()
        if Organisation.objects.for_convention(self.convention).filter(nom__iexact=nom).exists():
            raise ValidationError("Une organisation de ce nom est déjà dans la liste.", code="duplicate")
        return nom

    def clean(self):
        cleaned = super().clean()
        is_commune = cleaned.get("nature") == Nature.COMMUNE
        if is_commune and not cleaned.get("commune") and "commune" not in self.errors:
            self.add_error("commune", "Choisissez la commune : sa signature sera reliée au territoire.")
        if cleaned.get("commune") and cleaned.get("nature") and not is_commune:
            self.add_error("commune", "Laissez vide : cette organisation n’est pas une commune.")
        return cleaned


class OrganisationEditForm(LogoFormMixin, OrganisationFields):
    """The row that all conventions share.

    Its nature decides what its administrators may do, so it only moves among natures that give no such right.
    """

    class Meta(OrganisationFields.Meta):
        fields = ["nature", *OrganisationFields.Meta.fields, "logo"]

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.init_logo()
        fixed = (*ADMINISTRATING_NATURES, Nature.COMMUNE)
        if self.instance.nature in fixed:
            del self.fields["nature"]
        else:
            self.fields["nature"].choices = [choice for choice in Nature.choices if choice[0] not in fixed]
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        rows = (
            (("nom", 12),),
            (("nature", 6),),
            (("siren", 5), ("siret", 7)),
            (("fonction_contact", 12),),
            (("courriel", 7), ("telephone", 5)),
            (("logo", 12),),
            (("retirer_logo", 12),),
        )
        self.helper.layout = Layout(
            *(
                Row(*(Column(name, css_class=f"col-md-{width}") for name, width in row), css_class="gx-2")
                for row in ([cell for cell in row if cell[0] in self.fields] for row in rows)
                if row
            )
        )

    def save(self, commit=True):
        names = set(self.fields) & {field.name for field in Organisation._meta.fields}
        self.instance.save(update_fields=names)
        self.forget_old_logo(self.instance)
        return self.instance


class MandatForm(RowForm):
    rangees = ((("fonction", 4), ("nom", 4), ("debut", 2), ("fin", 2)), (("ORDER", 2), ("DELETE", 6)))

    class Meta:
        model = Mandat
        fields = ["fonction", "nom", "debut", "fin"]
        widgets = {"debut": date_input(), "fin": date_input()}
        help_texts = {"fonction": ""}


class MandatRows(OrderedFormSet):
    """Past mandates stay on the page: they say who held the function when something was signed."""


MandatFormSet = forms.inlineformset_factory(
    Organisation,
    Mandat,
    form=MandatForm,
    formset=MandatRows,
    extra=2,
    max_num=100,
    can_delete_extra=False,
    can_order=True,
)
