from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction

from conventions.forms.base import SectionForm
from ctg_portal.fields import TexteLong
from governance.comptes_rendus import mark_sent
from governance.convocations import prepare_presences
from governance.envois import follow_meeting
from governance.models import Reunion
from governance.models.compte_rendu import require_open_minutes

MARGE_ANNEES = 5
"""A meeting further than this from the period of its convention is a slip of the keyboard."""

SUIVIS_PAR_AGENDA = {"debut", "duree", "lieu", "lien"}
"""What the calendars of the people invited hold of a meeting."""


class ReunionForm(SectionForm):
    rangees = (
        [("debut", 7), ("duree", 5)],
        [("lieu", 12)],
        [("lien", 12)],
        [("president", 6), ("secretaire", 6)],
    )
    debut = forms.DateTimeField(
        label="Date et heure",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    duree = forms.IntegerField(label="Durée (minutes)", min_value=1, max_value=24 * 60, initial=120)
    lien = forms.URLField(
        label="Lien de visioconférence", required=False, max_length=200, assume_scheme="https"
    )

    class Meta:
        model = Reunion
        fields = ["debut", "duree", "lieu", "lien", "president", "secretaire"]

    def clean_debut(self):
        debut = self.cleaned_data["debut"]
        convention = self.instance.instance.convention
        if not convention.debut.year - MARGE_ANNEES <= debut.year <= convention.fin.year + MARGE_ANNEES:
            raise ValidationError(
                f"Vérifiez l’année : la convention couvre la période {convention.periode}.", code="annee"
            )
        if self.instance.pk and debut.year != self.instance.jour.year and self.instance.decisions.exists():
            raise ValidationError(
                "Cette réunion a des décisions numérotées dans son année : l’année ne change plus.",
                code="decisions",
            )
        return debut

    @transaction.atomic
    def save(self, commit=True):
        """What calendars know of it has a revision, which grows; the reminders set ahead follow."""
        if self.errors:
            raise ValueError("A meeting whose form has errors is not saved.")
        if not self.instance.pk:
            self.instance.save()
            return self.instance
        reunion = super().save(commit)
        if SUIVIS_PAR_AGENDA & set(self.changed_data):
            reunion.sequence += 1
            reunion.save(update_fields=["sequence"])
            follow_meeting(reunion)
        return reunion


class ReunionMoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, statut, **kwargs):
        super().__init__(*args, **kwargs)
        self.statut = statut

    def save(self, *, by):
        if self.statut == Reunion.Statut.DIFFUSEE:
            mark_sent(self.instance, by=by)
            self.instance.refresh_from_db(fields=["statut"])
            return self.instance
        if self.statut == Reunion.Statut.OUVERTE:
            require_open_minutes(self.instance)
        self.instance.move_to(self.statut, by=by)
        # Convened otherwise, or opened at once: the people expected are those of that day.
        if self.instance.is_modifiable and not self.instance.presences.exists():
            prepare_presences(self.instance)
        return self.instance


class NotesForm(SectionForm):
    class Meta:
        model = Reunion
        fields = ["notes"]
        widgets = {"notes": TexteLong(10)}
        help_texts = {"notes": "N’écrivez rien sur une famille ou une personne en particulier."}
