from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.forms import BaseFormSet, formset_factory

from actions.models import FicheAction
from conventions.forms.base import PlausibleDatesMixin, SectionForm
from ctg_portal.fields import LongTextsMixin, TexteLong
from ctg_portal.templatetags.portal import date_fr
from ctg_portal.workflow import TransitionError
from governance.choices import CHOISIR, fiche_choices, fiche_with_avancement, fiches_of
from governance.decisions import (
    CORRIGEABLES,
    EffetsNonVusError,
    correct_decision,
    preview_decision,
    record_seen_decision,
)
from governance.models import Decision, EffetDecision
from governance.models.composition import count_voices
from governance.operations import EffetDemande, EffetsRefusesError, changes_fiches

Effet = EffetDecision.Effet
VOIX = ("pour", "contre", "abstentions")


def voix_field(label):
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=999)


EFFETS = [(Effet.AUCUN, "Sans changement"), *(choice for choice in Effet.choices if choice[0] != Effet.AUCUN)]


class EffetForm(PlausibleDatesMixin, forms.Form):
    """A fiche and what the decision does to it; a row without a fiche is no row."""

    fiche = forms.ModelChoiceField(FicheAction.objects.none(), label="Fiche", required=False)
    effet = forms.ChoiceField(label="Effet", choices=EFFETS, initial=Effet.AUCUN, required=False)
    nouvelle_echeance = forms.DateField(
        label="Nouvelle échéance",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args, fiches, choices, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["fiche"].queryset = fiches
        self.fields["fiche"].choices = choices

    def clean(self):
        cleaned = super().clean()
        if self.errors:
            return cleaned
        effet = cleaned["effet"] or Effet.AUCUN
        if not cleaned["fiche"] and (effet != Effet.AUCUN or cleaned["nouvelle_echeance"]):
            self.add_error("fiche", "Choisissez la fiche à laquelle cet effet s’applique.")
        elif effet == Effet.REPORT and not cleaned["nouvelle_echeance"]:
            self.add_error("nouvelle_echeance", "Un report donne la nouvelle échéance.")
        elif effet != Effet.REPORT and cleaned["nouvelle_echeance"]:
            self.add_error("effet", "Une nouvelle échéance va avec l’effet « Échéance reportée ».")
        return cleaned

    @property
    def demande(self):
        fiche = self.cleaned_data.get("fiche")
        return fiche and EffetDemande(
            fiche, self.cleaned_data["effet"] or Effet.AUCUN, self.cleaned_data["nouvelle_echeance"]
        )


class BaseEffetFormSet(BaseFormSet):
    def clean(self):
        seen = set()
        for form in self.forms:
            fiche = form.cleaned_data.get("fiche") if form.is_valid() else None
            if fiche and fiche in seen:
                form.add_error("fiche", "Cette fiche est déjà dans la décision.")
            seen.add(fiche)

    @property
    def demandes(self):
        return [form.demande for form in self.forms if form.demande]


EffetFormSet = formset_factory(EffetForm, formset=BaseEffetFormSet, extra=2, max_num=60, absolute_max=60)


class VoteMixin:
    """A decision of ``reunion``: its échéance comes after it, its voices are those of the room."""

    def clean_echeance(self):
        echeance = self.cleaned_data["echeance"]
        if echeance and echeance < self.reunion.jour:
            raise forms.ValidationError(
                f"L’échéance ne peut pas précéder la réunion, le {date_fr(self.reunion.jour)}."
            )
        return echeance

    def clean(self):
        cleaned = super().clean()
        given = [name for name in VOIX if cleaned.get(name) is not None]
        if cleaned.get("mode") == Decision.Mode.CONSENSUS and given:
            self.add_error(
                "mode",
                "Un consensus ne compte pas de voix\u00a0: choisissez «\u00a0Par un vote\u00a0», ou effacez-les.",
            )
        elif cleaned.get("mode") == Decision.Mode.VOTE and not self.errors:
            self._check_vote(cleaned, given)
        return cleaned

    def _check_vote(self, cleaned, given):
        if len(given) < len(VOIX):
            raise forms.ValidationError(
                "Comptez les voix pour, contre et les abstentions\u00a0; 0 s’il n’y en a pas."
            )
        total = sum(cleaned[name] for name in VOIX)
        presences = list(self.reunion.presences.all())
        if not total:
            raise forms.ValidationError("Un vote compte au moins une voix.")
        if not any(presence.etat for presence in presences):
            return
        found = count_voices(
            presences,
            quorum=self.reunion.quorum,
            pouvoirs_max=self.reunion.instance.pouvoirs_max,
            en_seance=True,
        )
        if total > found.total:
            raise forms.ValidationError(
                f"{total} voix sont comptées, mais {found.total} sont présentes ou représentées\u00a0: "
                "vérifiez le compte, ou les présences."
            )


class DecisionForm(VoteMixin, LongTextsMixin, PlausibleDatesMixin, forms.ModelForm):
    """A decision of ``reunion`` and its effects. Asked with ``apercu``, it says what would happen and writes nothing.

    What changes fiches is shown before it is applied: ``vu`` is the mark of what was shown.
    """

    apercu = forms.BooleanField(required=False, widget=forms.HiddenInput)
    vu = forms.CharField(required=False, widget=forms.HiddenInput)
    pour = voix_field("Pour")
    contre = voix_field("Contre")
    abstentions = voix_field("Abstentions")

    class Meta:
        model = Decision
        fields = [
            "point",
            "nature",
            "texte",
            "responsable",
            "echeance",
            "mode",
            "pour",
            "contre",
            "abstentions",
        ]
        widgets = {
            "texte": TexteLong(4),
            "echeance": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def __init__(self, *args, reunion, user, point=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.reunion = reunion
        self.numero = None
        self.phrases = []
        self.fields["point"].queryset = reunion.points.all()
        self.fields["point"].empty_label = "Hors de l’ordre du jour"
        self.fields["nature"].choices = [CHOISIR, *Decision.Nature.choices]
        self.initial["point"] = point
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        self.helper.layout = Layout(
            "vu",
            "point",
            "nature",
            "texte",
            Row(Column("responsable", css_class="col-md-7"), Column("echeance", css_class="col-md-5")),
            "mode",
            Row(*(Column(name, css_class="col-4") for name in VOIX), css_class="gx-2"),
        )
        fiches = fiches_of(reunion.convention, user).actives()
        self.effets = EffetFormSet(
            self.data if self.is_bound else None,
            prefix="effets",
            initial=[{"fiche": fiche} for fiche in point.fiches.all()] if point else None,
            form_kwargs={
                "fiches": fiches,
                "choices": [CHOISIR, *fiche_choices(fiches, fiche_with_avancement)],
            },
        )

    def is_valid(self):
        return all([super().is_valid(), self.effets.is_valid()])

    @property
    def is_to_see(self):
        """What it would do is asked for, or changes fiches and was not shown yet."""
        asked, seen = self.cleaned_data["apercu"], self.cleaned_data["vu"]
        return asked or (not seen and changes_fiches(self.effets.demandes))

    def preview(self, *, by):
        """Fill ``numero`` and ``phrases``, or say on the form why it would be refused."""
        self.data = self.data.copy()
        self.data["vu"] = ""
        try:
            self.numero, self.phrases, self.data["vu"] = self._run(preview_decision, by=by)
        except TransitionError as refus:
            self.add_error(None, str(refus))

    def save(self, *, by):
        try:
            return self._run(record_seen_decision, by=by, vu=self.cleaned_data["vu"])
        except EffetsNonVusError:
            self.preview(by=by)
            raise

    def _run(self, operation, *, by, **seen):
        fields = {name: self.cleaned_data[name] for name in self.Meta.fields}
        try:
            return operation(reunion=self.reunion, by=by, effets=self.effets.demandes, **fields, **seen)
        except EffetsRefusesError as refusal:
            for form in self.effets.forms:
                if form.demande and form.demande.fiche.pk in refusal.refus:
                    form.add_error("fiche", refusal.refus[form.demande.fiche.pk])
            raise


class DecisionCorrectForm(VoteMixin, SectionForm):
    """The words, the vote and the follow-up of a decision that is written; its effects stay as they were applied."""

    rangees = (
        [("texte", 12)],
        [("responsable", 7), ("echeance", 5)],
        [("mode", 12)],
        [(name, 4) for name in VOIX],
    )
    pour = voix_field("Pour")
    contre = voix_field("Contre")
    abstentions = voix_field("Abstentions")

    class Meta:
        model = Decision
        fields = CORRIGEABLES
        widgets = {
            "texte": TexteLong(4),
            "echeance": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    @property
    def reunion(self):
        return self.instance.reunion

    def save(self, *, by):
        values = {name: self.cleaned_data[name] for name in CORRIGEABLES}
        return correct_decision(self.instance, by=by, **values)


class CompleteForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Decision
        fields = []

    def save(self, *, by):
        self.instance.complete(by=by)
        return self.instance
