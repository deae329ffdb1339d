"""One move in the order of a plan, as a button or a drag sends it."""

import re

from django import forms
from django.core.exceptions import ValidationError

from actions.models.ordre import Contenant, Place, move_in_plan

GESTE = re.compile(
    r"(?P<genre>axe|objectif|fiche)-(?P<pk>[0-9]{1,15}):"
    r"(?:(?P<sens>haut|bas)|dans:(?P<contenant>plan|axe|objectif)-(?P<parent>[0-9]{1,15}):(?P<apres>[0-9]{0,15}))"
)
"""« fiche-12:haut », or « fiche-12:dans:objectif-5:9 »: in the objectif 5, after the fiche 9 (first without a number)."""


class DeplacementForm(forms.Form):
    geste = forms.CharField()
    empreinte = forms.CharField(max_length=64)

    def __init__(self, *args, plan, **kwargs):
        super().__init__(*args, **kwargs)
        self.plan = plan

    def clean_geste(self):
        found = GESTE.fullmatch(self.cleaned_data["geste"])
        if found is None:
            raise ValidationError("Ce déplacement n’a pas été compris\u00a0: rien n’a changé.")
        vers = found["sens"] or Place(
            Contenant(found["contenant"], int(found["parent"])),
            int(found["apres"]) if found["apres"] else None,
        )
        return found["genre"], int(found["pk"]), vers

    def clean(self):
        cleaned = super().clean()
        if self.errors and "geste" not in self.errors:
            raise ValidationError("Cette page est incomplète\u00a0: rien n’a été déplacé.")
        return cleaned

    @property
    def refus(self):
        """What is said of a move that was not made."""
        return " ".join(sentence for sentences in self.errors.values() for sentence in sentences)

    def save(self, *, by):
        genre, pk, vers = self.cleaned_data["geste"]
        return move_in_plan(self.plan, genre, pk, vers=vers, empreinte=self.cleaned_data["empreinte"], by=by)
