"""Since when, and on what: the filters of « ce qui a changé »."""

import datetime

from django import forms
from django.utils import timezone

from actions.forms.historique import BadgesMixin
from conventions.forms.base import PlausibleDatesMixin, date_input
from ctg_portal.templatetags.portal import date_fr

PREMIER = "debut"
"""Since the convention began."""


class ChangementsForm(BadgesMixin, PlausibleDatesMixin, forms.Form):
    """``reunions``: those held, the latest first; ``fiches``: those the person may read, in the order of the plan."""

    reunion = forms.ChoiceField(label="Depuis la réunion", required=False)
    depuis = forms.DateField(label="Ou depuis le", required=False, widget=date_input())
    axe = forms.ChoiceField(label="Axe", required=False)
    fiche = forms.ChoiceField(label="Fiche", required=False)

    def __init__(self, *args, convention, reunions, fiches, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention, self.reunions, self.fiches = convention, reunions, fiches
        self.copil = next((row for row in reunions if row.instance.nature == "copil"), None)
        default = (
            f"Dernier COPIL tenu ({date_fr(self.copil.debut)})" if self.copil else "Début de la convention"
        )
        held = [(str(row.pk), f"{row.instance.intitule}, {date_fr(row.debut)}") for row in reunions]
        self.fields["reunion"].choices = [("", default), *held]
        if self.copil:
            self.fields["reunion"].choices += [(PREMIER, "Début de la convention")]
        axes = {str(fiche.axe_id): str(fiche.axe) for fiche in fiches}
        self.fields["axe"].choices = [("", "Tous"), *axes.items()]
        self.fields["fiche"].choices = [("", "Toutes"), *((str(row.pk), str(row)[:120]) for row in fiches)]

    def clean_depuis(self):
        day = self.cleaned_data["depuis"]
        if day and day > timezone.localdate():
            raise forms.ValidationError("Choisissez une date passée.")
        return day

    def chosen(self, name):
        return self.cleaned_data.get(name, "") if self.is_valid() else ""

    @property
    def reunion_retenue(self):
        """The meeting that the changes are counted from, if any."""
        if self.chosen("depuis") or self.chosen("reunion") == PREMIER:
            return None
        asked = self.chosen("reunion")
        return next((row for row in self.reunions if str(row.pk) == asked), None) or self.copil

    @property
    def since(self):
        """The moment: of the meeting, or the first of the day chosen, or of the convention."""
        if held := self.reunion_retenue:
            return held.debut
        day = self.chosen("depuis") or self.convention.debut
        return timezone.make_aware(datetime.datetime.combine(day, datetime.time()))

    @property
    def fiches_retenues(self):
        axe, fiche = self.chosen("axe"), self.chosen("fiche")
        return [
            row
            for row in self.fiches
            if (not axe or str(row.axe_id) == axe) and (not fiche or str(row.pk) == fiche)
        ]
