from django import forms

from actions.models import Objectif
from conventions.forms.base import SectionForm
from diagnostics.models import Enjeu


class EnjeuObjectifsForm(SectionForm):
    """The objectifs of the plan that answer one enjeu; what else they answer stays."""

    objectifs = forms.ModelMultipleChoiceField(
        Objectif.objects.none(),
        label="Objectifs qui répondent à cet enjeu",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Enjeu
        fields = []

    def __init__(self, *args, plan, **kwargs):
        self.plan = plan
        super().__init__(*args, **kwargs)

    def prepare(self):
        rows = Objectif.objects.filter(axe__plan=self.plan)
        self.fields["objectifs"].queryset = rows.order_by("axe__ordre", "axe", "ordre", "pk")
        self.initial["objectifs"] = list(rows.filter(enjeux=self.instance))

    def _placed(self, name):
        return name

    def save_m2m(self):
        others = self.instance.objectifs.exclude(axe__plan=self.plan)
        self.instance.objectifs.set([*others, *self.cleaned_data["objectifs"]])
