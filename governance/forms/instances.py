from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.db import transaction
from django.forms import inlineformset_factory

from conventions.models import people_of
from ctg_portal.fields import LongTextsMixin, TexteLong
from governance.choices import organisation_choices, organisations_of
from governance.forms.ordered import OrderedForm, OrderedFormSet
from governance.models import Instance, MembreInstance


class MembreForm(OrderedForm):
    class Meta:
        model = MembreInstance
        fields = ["organisation", "fonction", "nom", "qualite", "voix", "user", "email"]

    def __init__(self, *args, organisations, people, choices, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["organisation"].queryset = organisations
        self.fields["organisation"].choices = choices["organisations"]
        self.fields["user"].queryset = people
        self.fields["user"].choices = choices["people"]


MembreFormSet = inlineformset_factory(
    Instance,
    MembreInstance,
    form=MembreForm,
    formset=OrderedFormSet,
    extra=2,
    can_delete_extra=False,
    max_num=100,
    absolute_max=100,
)


class InstanceForm(LongTextsMixin, forms.ModelForm):
    """An instance and its members, saved together."""

    class Meta:
        model = Instance
        fields = ["nature", "intitule", "minimum_annuel", "quorum", "pouvoirs_max", "theme", "role"]
        widgets = {"role": TexteLong(4)}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["role"].help_text = "À quoi elle sert, qui elle réunit, ce qu’elle décide."
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True
        self.helper.layout = Layout(
            "intitule",
            Row(Column("nature", css_class="col-md-7"), Column("minimum_annuel", css_class="col-md-5")),
            Row(Column("quorum", css_class="col-md-7"), Column("pouvoirs_max", css_class="col-md-5")),
            "theme",
            "role",
        )
        convention = self.instance.convention
        organisations, people = organisations_of(convention), people_of(convention)
        self.membres = MembreFormSet(
            self.data if self.is_bound else None,
            instance=self.instance,
            prefix="membres",
            form_kwargs={
                "organisations": organisations,
                "people": people,
                "choices": {
                    "organisations": organisation_choices(organisations),
                    "people": [("", "Sans compte"), *((person.pk, str(person)) for person in people)],
                },
            },
        )

    def _get_validation_exclusions(self):
        # The name is unique in its convention, which is given by the address and not by a field.
        return super()._get_validation_exclusions() - {"convention"}

    def is_valid(self):
        return all([super().is_valid(), self.membres.is_valid()])

    @transaction.atomic
    def save(self):
        instance = super().save()
        self.membres.save()
        return instance
