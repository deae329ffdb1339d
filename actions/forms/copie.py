"""Copying a fiche: where, under which title and number, and what is carried."""

from crispy_forms.layout import Column, Layout, Row
from django import forms

from actions.forms.base import MappedChoiceField, form_helper, place_choices
from actions.models import FicheAction
from actions.models.copie import SECTIONS_COPIEES, copy_fiche


class FicheCopyForm(forms.ModelForm):
    """``instance`` is the source, which is not changed; ``plan`` and its ``branches`` receive the copy."""

    place = MappedChoiceField(label="Place dans le plan")
    sections = forms.MultipleChoiceField(
        label="Rubriques reprises",
        required=False,
        choices=[(section.slug, section.titre) for section in SECTIONS_COPIEES],
        initial=[section.slug for section in SECTIONS_COPIEES],
        widget=forms.CheckboxSelectMultiple,
        help_text="L’intitulé et les domaines suivent toujours ; les commentaires, le journal, le réalisé, "
        "les mesures et la priorité, jamais.",
    )

    pieces = forms.BooleanField(label="Reprendre aussi les pièces jointes", required=False)

    class Meta:
        model = FicheAction
        fields = ["intitule", "code"]

    def __init__(self, *args, plan, branches, **kwargs):
        super().__init__(*args, **kwargs)
        self.plan = plan
        groups = place_choices(branches)
        self.fields["place"].offer(groups)
        self.initial["code"] = ""
        if self.instance.plan_id == plan.pk:
            self.initial["place"] = f"fiche-{self.instance.pk}"
        self.fields["code"].help_text = "Laissez vide pour suivre la numérotation de l’endroit choisi."
        self.helper = form_helper(
            Layout(
                "intitule",
                Row(Column("place", css_class="col-sm-8"), Column("code", css_class="col-sm-4")),
                "sections",
                "pieces",
            )
        )

    def _post_clean(self):
        """The source is read, never changed: what is typed stays in ``cleaned_data``."""

    def save(self, *, by):
        axe, objectif, after = self.cleaned_data["place"]
        source = FicheAction.objects.select_related("structure_pilote", "plan").get(pk=self.instance.pk)
        return copy_fiche(
            source,
            self.plan,
            axe=axe,
            objectif=objectif,
            after=after,
            intitule=self.cleaned_data["intitule"],
            code=self.cleaned_data["code"],
            sections=self.cleaned_data["sections"],
            pieces=self.cleaned_data["pieces"],
            by=by,
        )
