from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.db import transaction

from actions.forms.base import MappedChoiceField, VerbForm, form_helper, place_choices, refuse_past
from actions.models import (
    AVANCEMENT_TRANSITIONS,
    SECTIONS,
    FicheAction,
    IndicateurSuivi,
    Mesure,
    Note,
    open_section,
)
from actions.models.copie import free_code, next_code
from actions.models.fiche import Avancement
from actions.models.ordre import move_fiche_to
from conventions.forms.base import PlausibleDatesMixin, RowForm, RowFormSet, date_input
from ctg_portal.fields import LongTextsMixin, NombreField, TexteLong


class FicheAddForm(forms.ModelForm):
    """A title and a place are enough to start; the number follows the place when none is typed.

    ``codes``: those of the plan, for whoever makes many fiches and knows them.
    """

    place = MappedChoiceField(label="Place dans le plan")

    class Meta:
        model = FicheAction
        fields = ["intitule", "code"]

    def __init__(self, *args, branches, codes=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.codes = codes
        self.fields["place"].offer(place_choices(branches))
        self.fields["intitule"].widget.attrs["autofocus"] = True
        self.fields["code"].help_text = "Laissez vide pour suivre la numérotation de l’endroit choisi."
        self.helper = form_helper(
            Layout(
                "intitule", Row(Column("place", css_class="col-sm-8"), Column("code", css_class="col-sm-4"))
            )
        )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("place"):
            self.instance.axe, self.instance.objectif, _ = cleaned["place"]
            if not cleaned.get("code"):
                # On the cleaned data: the instance takes its columns from there after this.
                parent = self.instance.objectif or self.instance.axe
                cleaned["code"] = (
                    next_code(self.instance.plan, parent)
                    if self.codes is None
                    else free_code(parent, self.codes)
                )
        return cleaned

    @transaction.atomic
    def save(self, *, by):
        axe, objectif, after = self.cleaned_data["place"]
        self.instance.ordre = FicheAction.objects.next_ordre(objectif, axe)
        self.instance.save()
        self.instance.place(axe, objectif, after=after, by=by)
        return self.instance


class FichePlaceForm(forms.ModelForm):
    place = MappedChoiceField(label="Nouvelle place")

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, branches, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["place"].offer(place_choices(branches, moving=self.instance))
        self.helper = form_helper()

    def save(self, *, by):
        axe, objectif, after = self.cleaned_data["place"]
        self.fait = move_fiche_to(self.instance, axe, objectif, after=after, by=by)
        return self.instance


class AvancementForm(LongTextsMixin, PlausibleDatesMixin, forms.ModelForm):
    avancement = forms.ChoiceField(label="Nouvel avancement", widget=forms.RadioSelect)
    motif = forms.CharField(
        label="Motif",
        required=False,
        widget=TexteLong(3),
        help_text="Obligatoire pour un abandon ; gardé dans le journal de la fiche.",
    )
    fin_reelle = forms.DateField(
        label="Date de fin réelle",
        required=False,
        widget=date_input(),
        help_text="Pour une action réalisée ; aujourd’hui si rien n’est écrit.",
    )

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        allowed = AVANCEMENT_TRANSITIONS[self.instance.avancement]
        self.fields["avancement"].choices = [choice for choice in Avancement.choices if choice[0] in allowed]
        self.helper = form_helper()

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("avancement") == Avancement.ABANDONNEE and not cleaned.get("motif"):
            self.add_error("motif", "Dites pourquoi la fiche est abandonnée.")
        return cleaned

    def save(self, *, by):
        self.instance.move_avancement(
            self.cleaned_data["avancement"],
            by=by,
            motif=self.cleaned_data["motif"],
            fin_reelle=self.cleaned_data["fin_reelle"],
        )
        return self.instance


class SubmitForm(PlausibleDatesMixin, VerbForm):
    """Sending to the CAF; a formal avis on the fiche may be asked at the same time."""

    avis = forms.BooleanField(
        label="Demander aussi un avis formel de la CAF sur cette fiche",
        required=False,
        help_text="Un document signé, avec ses réserves s’il y en a.",
    )
    echeance = forms.DateField(label="Avis attendu avant le", required=False, widget=date_input())

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["echeance"] = self.instance.plan.echeance_avis

    def clean_echeance(self):
        return refuse_past(self.cleaned_data["echeance"])

    @transaction.atomic
    def save(self, *, by):
        self.instance.submit(by=by)
        if self.cleaned_data["avis"]:
            plan = self.instance.plan
            echeance = self.cleaned_data["echeance"] or plan.echeance_avis
            plan.avis.ask(plan, fiche=self.instance, by=by, echeance=echeance)
        return self.instance


class ValidateForm(VerbForm):
    verb = "validate"

    class Meta:
        model = FicheAction
        fields = []


class AskCompletionForm(VerbForm):
    verb = "ask_completion"
    sections = forms.MultipleChoiceField(
        label="Rubriques à rouvrir",
        choices=[(section.slug, section.titre) for section in SECTIONS],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Les autres restent verrouillées. Aucune cochée : toute la fiche s’ouvre.",
    )
    motif = forms.CharField(
        label="Ce qu’il faut compléter",
        widget=TexteLong(5),
        help_text="La coordination et les pilotes le liront en tête de la fiche.",
    )

    class Meta:
        model = FicheAction
        fields = []


class ReopenForm(AskCompletionForm):
    """A validated fiche opens again: its text can change, and it will be read again."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["motif"].label = "Pourquoi la rouvrir"


class OpenSectionForm(forms.ModelForm):
    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, section, **kwargs):
        super().__init__(*args, **kwargs)
        self.section = section

    def save(self, *, by):
        open_section(self.instance, self.section, by=by)
        return self.instance


class ArchiveForm(VerbForm):
    verb = "archive"
    motif = forms.CharField(label="Motif", required=False, widget=TexteLong(3))

    class Meta:
        model = FicheAction
        fields = []


class RestoreForm(VerbForm):
    verb = "restore"

    class Meta:
        model = FicheAction
        fields = []


class NoteForm(LongTextsMixin, PlausibleDatesMixin, forms.ModelForm):
    class Meta:
        model = Note
        fields = ["date", "texte"]
        widgets = {"date": date_input(), "texte": TexteLong(5)}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.helper = form_helper()


class MesureForm(RowForm):
    class Meta:
        model = Mesure
        fields = ["annee", "valeur", "commentaire", "source"]
        field_classes = {"valeur": NombreField}


MesureFormSet = forms.inlineformset_factory(
    IndicateurSuivi,
    Mesure,
    form=MesureForm,
    formset=RowFormSet,
    extra=2,
    max_num=40,
    absolute_max=40,
)
