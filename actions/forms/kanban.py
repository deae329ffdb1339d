"""One move on the board, as a button or a drag sends it."""

import re

from django import forms
from django.core.exceptions import ValidationError

from actions.models.fiche import Avancement
from actions.models.mouvements import move_card

CODES = "|".join(Avancement.values)
GESTE = re.compile(rf"(?P<fiche>[0-9]{{1,15}}):(?P<depuis>{CODES}):(?P<vers>{CODES})")
"""« 12:a_venir:en_cours »: the fiche 12, that the page showed « à venir », goes to « en cours »."""


class GesteForm(forms.Form):
    geste = forms.CharField()

    def clean_geste(self):
        found = GESTE.fullmatch(self.cleaned_data["geste"])
        if found is None:
            raise ValidationError("Ce déplacement n’a pas été compris\u00a0: rien n’a changé.")
        return int(found["fiche"]), found["depuis"], found["vers"]

    def move(self, fiche, *, by):
        _, depuis, vers = self.cleaned_data["geste"]
        return move_card(fiche, vers, depuis=depuis, by=by)
