from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.db import transaction

from actions.forms.base import after_choice, form_helper, refuse_past
from actions.models import Axe, FicheAction, Objectif, PlanActions
from actions.models.plan import place_in_order
from conventions.forms.base import PlausibleDatesMixin, SectionForm, date_input
from ctg_portal.fields import LongTextsMixin, TexteLong
from diagnostics.models import Enjeu

COULEURS = {
    1: "bleu",
    2: "orange",
    3: "vert",
    4: "violet",
    5: "ocre",
    6: "rose",
    7: "bleu nuit",
    8: "gris",
}


class PlanForm(SectionForm):
    class Meta:
        model = PlanActions
        fields = ["introduction", "delai_avis"]
        widgets = {"introduction": TexteLong(10)}
        help_texts = {
            "introduction": "D’où vient le plan, comment il a été construit. Elle ouvre le document imprimé."
        }


class PlanMoveForm(PlausibleDatesMixin, forms.ModelForm):
    """Confirming is the whole input; submitting also says when the CAF is expected to answer."""

    echeance = forms.DateField(
        label="Avis de la CAF attendu avant le",
        required=False,
        widget=date_input(),
        help_text="Vide : le délai habituel du plan.",
    )

    class Meta:
        model = PlanActions
        fields = []

    def __init__(self, *args, statut, **kwargs):
        super().__init__(*args, **kwargs)
        self.statut = statut
        if statut == PlanActions.Statut.SOUMIS:
            self.initial["echeance"] = self.instance.echeance_avis
        else:
            del self.fields["echeance"]

    def clean_echeance(self):
        return refuse_past(self.cleaned_data["echeance"])

    def save(self, *, by):
        self.instance.move_to(self.statut, by=by, echeance=self.cleaned_data.get("echeance"))
        return self.instance


class PlacedForm(LongTextsMixin, forms.ModelForm):
    """A row of the plan with its place among its siblings."""

    parent = ""

    def siblings(self):
        raise NotImplementedError

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        siblings = list(self.siblings())
        self.fields["place"] = after_choice(siblings, self.instance)
        if self.instance._state.adding and siblings:
            self.fields["place"].initial = str(siblings[-1].pk)

    def _get_validation_exclusions(self):
        # The code is unique in its parent, which is given by the address and not by a field.
        return super()._get_validation_exclusions() - {self.parent}

    @transaction.atomic
    def save(self):
        row = super().save()
        place_in_order(self.siblings(), row, after=self.cleaned_data["place"])
        return row


class AxeForm(PlacedForm):
    parent = "plan"

    class Meta:
        model = Axe
        fields = ["code", "intitule", "enjeu_central", "couleur"]
        widgets = {"enjeu_central": TexteLong(6), "couleur": forms.Select}
        help_texts = {"couleur": "Sur l’écran et sur le papier ; le numéro de l’axe l’accompagne toujours."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["couleur"] = forms.TypedChoiceField(
            label="Couleur",
            coerce=int,
            choices=[(numero, f"{numero} · {nom}") for numero, nom in COULEURS.items()],
            help_text=self.fields["couleur"].help_text,
            initial=self.fields["couleur"].initial,
        )
        if self.instance._state.adding:
            nombre = self.instance.plan.axes.count()
            self.initial["code"] = str(nombre + 1)
            self.initial["couleur"] = nombre % len(COULEURS) + 1
        self.helper = form_helper(
            Layout(
                Row(Column("code", css_class="col-sm-3"), Column("intitule", css_class="col-sm-9")),
                "enjeu_central",
                Row(Column("couleur", css_class="col-sm-5"), Column("place", css_class="col-sm-7")),
            )
        )

    def siblings(self):
        return Axe.objects.filter(plan=self.instance.plan_id).order_by("ordre", "pk")


class ObjectifForm(PlacedForm):
    """``plan`` limits the axes and the enjeux that may be chosen."""

    parent = "axe"

    class Meta:
        model = Objectif
        fields = ["code", "intitule", "enjeux"]
        widgets = {"enjeux": forms.CheckboxSelectMultiple}

    def __init__(self, *args, plan, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["enjeux"].queryset = Enjeu.objects.filter(diagnostic__convention=plan.convention_id)
        if not self.fields["enjeux"].queryset.exists():
            self.fields["enjeux"].help_text = "Aucun enjeu n’est encore écrit dans le diagnostic."
        if self.instance._state.adding:
            self.initial["code"] = f"{self.instance.axe.code}.{self.instance.axe.objectifs.count() + 1}"
        self.helper = form_helper(
            Layout(
                Row(Column("code", css_class="col-sm-3"), Column("intitule", css_class="col-sm-9")),
                "enjeux",
                "place",
            )
        )

    def siblings(self):
        return Objectif.objects.filter(axe=self.instance.axe_id).order_by("ordre", "pk")


class DeleteRowForm(forms.ModelForm):
    """Confirms that an axe or an objectif goes; one that still holds something is kept."""

    class Meta:
        fields = []

    def clean(self):
        # A fiche that is being moved here, or put back, is waited for.
        plan_id = self.instance.plan_id if isinstance(self.instance, Axe) else self.instance.axe.plan_id
        PlanActions.objects.select_for_update(of=("self",)).get(pk=plan_id)
        held = FicheAction.objects.filter(**{type(self.instance)._meta.model_name: self.instance}).count()
        if held:
            raise forms.ValidationError(
                f"Il porte encore {held} fiche{'s' if held > 1 else ''}, archivées comprises : "
                "déplacez-les d’abord dans le plan."
            )
        if isinstance(self.instance, Axe) and self.instance.objectifs.exists():
            raise forms.ValidationError("Il porte encore des objectifs : supprimez-les d’abord.")
        return super().clean()

    def save(self):
        self.instance.delete()
        return self.instance


class AxeDeleteForm(DeleteRowForm):
    class Meta(DeleteRowForm.Meta):
        model = Axe


class ObjectifDeleteForm(DeleteRowForm):
    class Meta(DeleteRowForm.Meta):
        model = Objectif
