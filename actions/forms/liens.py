"""Tying a fiche to another that the person may read."""

from itertools import groupby

from django import forms

from actions.forms.base import MappedChoiceField, form_helper
from actions.models import FicheAction, LienFiche

Nature = LienFiche.Nature


class LienForm(forms.ModelForm):
    """``instance`` is the fiche the link starts from; ``user`` limits what may be chosen."""

    nature = forms.ChoiceField(
        label="Cette fiche",
        choices=[(nature.value, nature.label) for nature in (Nature.LIEE, Nature.DEPEND, Nature.REMPLACE)],
        initial=Nature.LIEE,
        widget=forms.RadioSelect,
    )
    autre = MappedChoiceField(label="L’autre fiche")

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        fiches = (
            FicheAction.objects.visible_to(user)
            .exclude(pk=self.instance.pk)
            .select_related("plan__convention__territoire")
            .in_plan_order()
        )
        own = self.instance.plan_id
        ordered = sorted(fiches, key=lambda fiche: (fiche.plan_id != own, fiche.plan_id))
        self.fields["autre"].offer(
            [
                (str(rows[0].plan.convention), [(str(row.pk), self._label(row), row) for row in rows])
                for rows in (list(found) for _, found in groupby(ordered, key=lambda row: row.plan_id))
            ]
        )
        self.helper = form_helper()

    @staticmethod
    def _label(fiche):
        archived = " (archivée)" if fiche.redaction == FicheAction.Redaction.ARCHIVEE else ""
        return f"{str(fiche)[:110]}{archived}"

    def save(self, *, by):
        LienFiche.tie(self.instance, self.cleaned_data["nature"], self.cleaned_data["autre"], by=by)
        return self.instance


class LienRemoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = LienFiche
        fields = []

    def save(self, *, by):
        self.instance.untie(by=by)
        return self.instance
