"""Making a model from a fiche, writing it again, starting a fiche from it."""

from django import forms

from actions.forms.base import MappedChoiceField, form_helper, place_choices
from actions.models import FicheAction, ModeleFiche
from actions.models.modeles import TEXTES, lines_of, make_model
from conventions.forms.base import SectionForm
from ctg_portal.fields import LongTextsMixin, TexteLong

LIGNES = {"etapes": 300, "indicateurs": 300, "postes": 200}
LIGNES_MAX = 60


class ModeleAddForm(LongTextsMixin, forms.ModelForm):
    """``instance`` is the fiche the model is made from; ``holders`` (value, label, holder) are those one may write for."""

    usage = forms.CharField(label="À quoi il sert", required=False, widget=TexteLong(3))
    detenteur = MappedChoiceField(label="Proposé par")

    class Meta:
        model = FicheAction
        fields = ["intitule"]

    def __init__(self, *args, holders, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["detenteur"].offer([("Détenteurs", holders)])
        self.initial["detenteur"] = holders[0][0]
        self.order_fields(["intitule", "usage", "detenteur"])
        self.helper = form_helper()

    def _post_clean(self):
        """The fiche is read, never changed: what is typed stays in ``cleaned_data``."""

    def save(self, *, by):
        convention, organisation = self.cleaned_data["detenteur"]
        fiche = FicheAction.objects.get(pk=self.instance.pk)
        fields = {name: self.cleaned_data[name] for name in ("intitule", "usage")}
        return make_model(fiche, convention=convention, organisation=organisation, by=by, **fields)


class ModeleEditForm(SectionForm):
    class Meta:
        model = ModeleFiche
        fields = ["intitule", "usage", "nature", "rythme", "domaines", "publics", *TEXTES, *LIGNES]
        widgets = {
            **dict.fromkeys(("usage", *TEXTES), TexteLong(4)),
            **dict.fromkeys(LIGNES, forms.Textarea(attrs={"rows": 4})),
            "domaines": forms.CheckboxSelectMultiple,
            "publics": forms.CheckboxSelectMultiple,
        }

    def clean(self):
        cleaned = super().clean()
        for name, longueur in LIGNES.items():
            lines = lines_of(cleaned.get(name) or "")
            if any(len(line) > longueur for line in lines):
                self.add_error(name, f"Une ligne est trop longue\u00a0: {longueur} caractères au plus.")
            elif len(lines) > LIGNES_MAX:
                self.add_error(name, f"{len(lines)} lignes\u00a0: {LIGNES_MAX} au plus.")
        return cleaned


class ModeleArchiveForm(forms.ModelForm):
    """No field: confirming archives a model that is offered, and offers again one that is archived."""

    class Meta:
        model = ModeleFiche
        fields = []

    def save(self, *, by):
        verb = self.instance.restore if self.instance.is_archive else self.instance.archive
        verb(by=by)
        return self.instance


class ModeleStartForm(forms.ModelForm):
    """``instance`` is the model; what is saved is a new fiche of ``plan``."""

    code = forms.CharField(
        label="Numéro",
        max_length=20,
        required=False,
        help_text="Laissez vide pour suivre la numérotation de l’endroit choisi.",
    )
    place = MappedChoiceField(label="Place dans le plan")

    class Meta:
        model = ModeleFiche
        fields = ["intitule"]

    def __init__(self, *args, plan, branches, **kwargs):
        super().__init__(*args, **kwargs)
        self.plan = plan
        self.fields["place"].offer(place_choices(branches))
        self.order_fields(["intitule", "place", "code"])
        self.helper = form_helper()

    def _post_clean(self):
        """The model is read, never changed: what is typed stays in ``cleaned_data``."""

    def save(self, *, by):
        axe, objectif, after = self.cleaned_data["place"]
        fields = {name: self.cleaned_data[name] for name in ("intitule", "code")}
        modele = ModeleFiche.objects.get(pk=self.instance.pk)
        return modele.start(self.plan, axe=axe, objectif=objectif, after=after, by=by, **fields)
