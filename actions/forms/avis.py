"""The avis of the CAF: ask for it, write it, and follow its réserves. Signing is in ``governance``, which freezes its file."""

from django import forms
from django.db import transaction

from actions.forms.base import refuse_past
from actions.forms.fils import texte_field
from actions.models import Avis, FicheAction, Reserve
from conventions.forms.base import OrderedFormSet, PlausibleDatesMixin, RowForm, SectionForm, date_input
from ctg_portal.fields import TexteLong

RESERVES_MAX = 30
AVIS_MAX = 20_000


class AvisAskForm(PlausibleDatesMixin, forms.ModelForm):
    """On the whole plan, or on one of the fiches that ``user`` may read."""

    fiche = forms.ModelChoiceField(
        queryset=None,
        required=False,
        label="Sur quoi",
        empty_label="Tout le plan d’actions",
        error_messages={"invalid_choice": "Choisissez le plan, ou une de ses fiches."},
    )

    class Meta:
        model = Avis
        fields = ["fiche", "echeance"]
        widgets = {"echeance": date_input()}

    def __init__(self, *args, plan, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.plan = plan
        fiches = FicheAction.objects.visible_to(user).filter(plan=plan).actives().in_plan_order()
        self.fields["fiche"].queryset = fiches
        self.fields["echeance"].required = True

    def clean_echeance(self):
        return refuse_past(self.cleaned_data["echeance"])

    def _post_clean(self):
        """The row is made by ``ask``, which takes the one that is already expected."""

    def save(self, *, by):
        fiche, echeance = self.cleaned_data["fiche"], self.cleaned_data["echeance"]
        return Avis.objects.ask(self.plan, fiche=fiche, by=by, echeance=echeance)


class ReserveForm(RowForm):
    texte = texte_field("Réserve", rows=3)

    class Meta:
        model = Reserve
        fields = ["texte"]


ReserveFormSet = forms.inlineformset_factory(
    Avis,
    Reserve,
    form=ReserveForm,
    formset=OrderedFormSet,
    can_order=True,
    extra=2,
    max_num=RESERVES_MAX,
    absolute_max=RESERVES_MAX,
)


class AvisForm(SectionForm):
    """The words of an avis that is not signed, with its réserves; what a colleague saved meanwhile is not overwritten."""

    sens = forms.ChoiceField(
        label="Sens de l’avis",
        choices=Avis.Sens.choices,
        required=False,
        widget=forms.RadioSelect,
    )
    texte = forms.CharField(
        label="Texte de l’avis",
        required=False,
        max_length=AVIS_MAX,
        widget=TexteLong(10, limite=AVIS_MAX),
    )

    class Meta:
        model = Avis
        fields = ["sens", "texte"]

    def prepare(self):
        self.reserves = ReserveFormSet(
            self.data if self.is_bound else None, instance=self.instance, prefix="reserves"
        )

    def saved_state(self):
        rows = [[row.pk, row.ordre, row.texte] for row in self.reserves.get_queryset()]
        return super().saved_state() | {"reserves": rows}

    def is_valid(self):
        return all([super().is_valid(), self.reserves.is_valid()])

    @transaction.atomic
    def save(self, commit=True):
        avis = super().save(commit)
        self.reserves.save()
        return avis


class ReserveAnswerForm(forms.ModelForm):
    texte = texte_field("Réponse à la réserve", rows=6)

    class Meta:
        model = Reserve
        fields = []

    def save(self, *, by):
        self.instance.answer(by=by, texte=self.cleaned_data["texte"])
        return self.instance


class ReserveConcludeForm(forms.ModelForm):
    """Lift it, or maintain it with the reason."""

    suite = forms.ChoiceField(label="Ce que la CAF conclut", widget=forms.RadioSelect)
    texte = texte_field("Motif", rows=4, required=False, help_text="Obligatoire si la réserve est maintenue.")

    class Meta:
        model = Reserve
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        choices = [("lift", "La réserve est levée")]
        # What nobody answered yet is not maintained: it simply stands.
        if self.instance.etat == Reserve.Etat.REPONDUE:
            choices.append(("uphold", "La réserve est maintenue : une autre réponse est attendue"))
        self.fields["suite"].choices = choices

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("suite") == "uphold" and not cleaned.get("texte"):
            self.add_error("texte", "Dites pourquoi la réserve est maintenue.")
        return cleaned

    def save(self, *, by):
        getattr(self.instance, self.cleaned_data["suite"])(by=by, texte=self.cleaned_data["texte"])
        return self.instance
