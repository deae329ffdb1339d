from django.db import transaction
from django.forms import inlineformset_factory

from conventions.forms.base import SectionForm
from conventions.models import people_of
from ctg_portal.fields import TexteLong
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


class InstanceForm(SectionForm):
    """An instance and its members, saved together."""

    rangees = (
        [("intitule", 12)],
        [("nature", 7), ("minimum_annuel", 5)],
        [("quorum", 7), ("pouvoirs_max", 5)],
        [("theme", 12)],
        [("role", 12)],
    )

    class Meta:
        model = Instance
        fields = ["nature", "intitule", "minimum_annuel", "quorum", "pouvoirs_max", "theme", "role"]
        widgets = {"role": TexteLong(4)}

    def prepare(self):
        self.fields["role"].help_text = "À quoi elle sert, qui elle réunit, ce qu’elle décide."
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

    def saved_state(self):
        columns = [column.attname for column in MembreInstance._meta.concrete_fields]
        rows = [[str(getattr(row, name)) for name in columns] for row in self.membres.get_queryset()]
        return super().saved_state() | {"membres": rows}

    def refuse_overwriting(self):
        super().refuse_overwriting()
        seats = "\u00a0; ".join(
            f"{row} ({row.fonction}, {row.get_qualite_display().lower()})"
            for row in self.membres.get_queryset()
        )
        self.add_error(None, f"Membres enregistrés à présent\u00a0: {seats or 'aucun'}.")

    def is_valid(self):
        return all([super().is_valid(), self.membres.is_valid()])

    @transaction.atomic
    def save(self, commit=True):
        if self.instance.pk:
            super().save(commit)
        else:
            self.instance.save()
        self.membres.save()
        return self.instance
