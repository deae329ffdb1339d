from django import forms

from actions.forms.base import form_helper
from actions.models import RattachementPilote
from conventions.forms.base import RowChoiceField


class PiloteLinkForm(forms.Form):
    """Which account is the person of this name. ``confirme`` is only there on the page that says what it gives."""

    compte = RowChoiceField(label="Compte de cette personne")

    def __init__(self, *args, nom, people, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.nom, self.convention = nom, convention
        near = {person.pk for person in nom.comptes}
        rows = sorted(people, key=lambda person: (person.pk not in near, str(person)))
        self.fields["compte"].share(
            {person.pk: person for person in rows},
            label=lambda person: (
                f"{person} ({person.email})" + (", ressemble à ce nom" if person.pk in near else "")
            ),
        )
        self.helper = form_helper()

    def save(self, *, by):
        return RattachementPilote.link(self.convention, self.nom.cle, self.cleaned_data["compte"], by=by)
