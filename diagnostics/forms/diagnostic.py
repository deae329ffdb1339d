from crispy_forms.helper import FormHelper
from django import forms

from conventions.forms.base import PlausibleDatesMixin, SectionForm
from conventions.models import Equipement
from ctg_portal.fields import LongTextsMixin, TexteLong
from ctg_portal.workflow import TransitionError
from diagnostics.models import Constat, Diagnostic, Enjeu, Valeur

RGPD = "N’écrivez rien sur une famille ou une personne en particulier."
SECTIONS = {
    "synthese": ("Synthèse", ["annee", "synthese"]),
    "methode": ("Méthode", ["methode"]),
    "portrait": ("Portrait statistique", ["portrait"]),
    "offre-services": ("Offre de services", ["offre_services"]),
    "paroles": ("Paroles de terrain", ["paroles_terrain"]),
}
"""Address of a section → its title and the columns it owns."""


def form_helper():
    helper = FormHelper()
    helper.form_tag = False
    helper.disable_csrf = True
    return helper


class OpenDiagnosticMixin:
    """A form that writes in a diagnostic: it is refused when somebody validated it meanwhile, and keeps it open else."""

    def clean(self):
        cleaned = super().clean()
        diagnostic = self.instance if isinstance(self.instance, Diagnostic) else self.instance.diagnostic
        try:
            diagnostic.keep_open()
        except TransitionError as refus:
            self.add_error(None, str(refus))
        return cleaned


class DiagnosticSectionForm(OpenDiagnosticMixin, SectionForm):
    class Meta:
        model = Diagnostic
        fields = ["annee", "synthese", "methode", "portrait", "offre_services", "paroles_terrain"]

    def __init__(self, *args, champs, **kwargs):
        self.champs = champs
        super().__init__(*args, **kwargs)

    def prepare(self):
        for name in set(self.fields) - {*self.champs, "empreinte"}:
            del self.fields[name]
        for name, field in self.fields.items():
            if name == "empreinte":
                continue
            if name == "annee":
                field.min_value, field.max_value = 2000, 2100
                continue
            field.widget.attrs["rows"] = 14
            field.help_text = f"{field.help_text} {RGPD}".strip()

    def clean_annee(self):
        annee = self.cleaned_data["annee"]
        if annee is not None and not 2000 <= annee <= 2100:
            raise forms.ValidationError("L’année est comprise entre 2000 et 2100.")
        return annee


class DiagnosticMoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Diagnostic
        fields = []

    def __init__(self, *args, statut, **kwargs):
        super().__init__(*args, **kwargs)
        self.statut = statut

    def save(self, *, by):
        self.instance.move_to(self.statut, by=by)
        return self.instance


class PartForm(LongTextsMixin, OpenDiagnosticMixin, PlausibleDatesMixin, forms.ModelForm):
    """A row of the diagnostic: a new one goes last; its place is a number from 1."""

    place = forms.IntegerField(label="Place", required=False, min_value=1, max_value=999)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["place"].help_text = "Son numéro d’ordre ; vide : en dernier."
        if not self.instance._state.adding:
            before = list(self.siblings().values_list("pk", flat=True))
            self.initial["place"] = before.index(self.instance.pk) + 1
        self.helper = form_helper()

    def siblings(self):
        """The rows among which this one has its place, itself included."""
        return type(self.instance).objects.filter(diagnostic=self.instance.diagnostic)

    def save(self):
        row = super().save()
        others = list(self.siblings().exclude(pk=row.pk))
        place = self.cleaned_data["place"] or len(others) + 1
        others.insert(min(place - 1, len(others)), row)
        for ordre, other in enumerate(others):
            other.ordre = ordre
        type(row).objects.bulk_update(others, ["ordre"])
        return row


class ConstatForm(PartForm):
    class Meta:
        model = Constat
        fields = ["nature", "intitule", "theme", "elements"]
        widgets = {"nature": forms.RadioSelect, "elements": TexteLong(5)}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["nature"].choices = Constat.Nature.choices


class EnjeuForm(PartForm):
    class Meta:
        model = Enjeu
        fields = ["intitule", "portee", "texte", "constats"]
        widgets = {"texte": TexteLong(5), "constats": forms.CheckboxSelectMultiple}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["constats"].queryset = Constat.objects.filter(diagnostic=self.instance.diagnostic)


class LiensForm(OpenDiagnosticMixin, SectionForm):
    """Ties of one row to others, as ticked boxes one a line; the rest of the row is not touched."""

    def _placed(self, name):
        return name


class ConstatPreuvesForm(LiensForm):
    """What shows a constat: only figures of the territoire, paroles of the diagnostic, équipements of its register.

    Figures are those of the intercommunalité; where it has none, those of its communes; and what is chosen already.
    """

    class Meta:
        model = Constat
        fields = ["valeurs", "paroles", "equipements"]
        widgets = dict.fromkeys(fields, forms.CheckboxSelectMultiple)

    def prepare(self):
        diagnostic = self.instance.diagnostic
        territoire = diagnostic.convention.territoire
        self.fields["valeurs"].queryset = Valeur.objects.preuves_possibles(territoire, self.instance)
        self.fields["paroles"].queryset = diagnostic.paroles.all()
        self.fields["equipements"].queryset = (
            Equipement.objects.filter(territoire=territoire).select_related("commune").order_by("nom", "pk")
        )
        self.fields["valeurs"].label_from_instance = lambda row: row.en_clair
        self.fields["equipements"].label_from_instance = lambda row: (
            f"{row.nom} ({row.commune.nom})" if row.commune else row.nom
        )


class ConstatEnjeuxForm(LiensForm):
    """The enjeux that rest on one constat; what else they rest on stays."""

    enjeux = forms.ModelMultipleChoiceField(
        Enjeu.objects.none(),
        label="Enjeux qui reposent sur ce constat",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Constat
        fields = []

    def prepare(self):
        self.fields["enjeux"].queryset = Enjeu.objects.filter(diagnostic=self.instance.diagnostic)
        self.initial["enjeux"] = list(self.instance.enjeux.all())

    def save_m2m(self):
        self.instance.enjeux.set(self.cleaned_data["enjeux"])


class PriorisationForm(forms.Form):
    """The whole order of the enjeux in one sending, and the step of a button if one was pressed.

    ``empreinte`` is the order that the page showed: when somebody ranked meanwhile, nothing is overwritten.
    """

    empreinte = forms.CharField(widget=forms.HiddenInput, required=False)
    ordre = forms.TypedMultipleChoiceField(coerce=int, widget=forms.MultipleHiddenInput)
    mouvement = forms.RegexField(r"^(haut|bas)-[0-9]{1,18}$", required=False)

    def __init__(self, *args, diagnostic, **kwargs):
        super().__init__(*args, **kwargs)
        self.diagnostic = diagnostic
        self.enjeux = list(diagnostic.enjeux.all())
        self.fields["ordre"].choices = [(row.pk, str(row)) for row in self.enjeux]
        self.current_empreinte = ",".join(str(row.pk) for row in self.enjeux)

    def clean(self):
        cleaned = super().clean()
        given = cleaned.get("ordre", [])
        if cleaned.get("empreinte") != self.current_empreinte or sorted(given) != sorted(
            row.pk for row in self.enjeux
        ):
            self._errors.clear()
            raise forms.ValidationError(
                "Quelqu’un d’autre a changé les enjeux ou leur ordre depuis l’ouverture de cette page : rien n’est "
                "écrasé. Voici l’ordre enregistré ; reprenez à partir de lui."
            )
        return cleaned

    def save(self, *, by):
        ordre = list(self.cleaned_data["ordre"])
        sens, _, pk = self.cleaned_data["mouvement"].partition("-")
        if sens and int(pk) in ordre:
            rank = ordre.index(int(pk))
            other = max(rank - 1, 0) if sens == "haut" else min(rank + 1, len(ordre) - 1)
            ordre[rank], ordre[other] = ordre[other], ordre[rank]
        self.diagnostic.rank_enjeux(ordre, seen=[row.pk for row in self.enjeux])
        return self.diagnostic
