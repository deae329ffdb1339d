"""What the screen of a meeting sends: the notes of a point, who is in the room."""

from django import forms

from conventions.forms.base import SectionForm
from ctg_portal.fields import TexteLong
from governance.models import PointOrdreDuJour, Presence, Reunion
from governance.seance import (
    REPRESENTE,
    Pointage,
    expected_state,
    go_to_point,
    record_attendance,
    state_of,
)

NOTES_AIDE = "N’écrivez rien sur une famille ou une personne en particulier."


class PointNotesForm(SectionForm):
    """The notes of one point; another secretary who saved meanwhile is never overwritten unseen."""

    class Meta:
        model = PointOrdreDuJour
        fields = ["notes"]
        labels = {"notes": "Notes"}
        widgets = {"notes": TexteLong(8)}
        help_texts = {"notes": NOTES_AIDE}


class PointCourantForm(forms.ModelForm):
    """Which point is spoken of; none when it is left empty. ``montre`` is the one that the screen showed so."""

    point = forms.ModelChoiceField(
        PointOrdreDuJour.objects.none(),
        required=False,
        error_messages={"invalid_choice": "Ce point n’est plus à l’ordre du jour."},
    )
    montre = forms.IntegerField(
        required=False, error_messages={"invalid": "Cette page est incomplète\u00a0: rien n’a bougé."}
    )

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["point"].queryset = self.instance.points.all()

    def save(self, *, by):
        go_to_point(self.instance, self.cleaned_data["point"], shown=self.cleaned_data["montre"])
        return self.instance


class PresencesSeanceForm(forms.ModelForm):
    """Who is there: one choice a person, beside what this screen showed of them when it was opened."""

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, presences, **kwargs):
        super().__init__(*args, **kwargs)
        self.presences = presences
        self.refused = []
        voters = [row for row in presences if row.has_voice]
        # Once somebody was seen, a person left aside was not.
        announced = not any(row.etat for row in presences)
        simple = [("", "—"), *((code, nom) for code, nom in Presence.Etat.choices if code != "represente")]
        for row in presences:
            holders = [
                (f"{REPRESENTE}{voter.pk}", str(voter)) for voter in voters if voter.person != row.person
            ]
            choices = list(simple)
            if row.may_give_pouvoir and holders:
                choices.append(("Représenté·e par", holders))
            self.fields[f"etat-{row.pk}"] = forms.ChoiceField(
                choices=choices,
                required=False,
                label=str(row),
                initial=expected_state(row) if announced else state_of(row),
                error_messages={"invalid_choice": "Choisissez dans la liste."},
            )
            self.fields[f"avant-{row.pk}"] = forms.CharField(
                required=False, widget=forms.HiddenInput, initial=state_of(row)
            )

    def rows(self):
        """Each person with the two fields that speak of them."""
        return [(row, self[f"etat-{row.pk}"], self[f"avant-{row.pk}"]) for row in self.presences]

    def save(self, *, by):
        self.refused = record_attendance(
            self.instance,
            [
                Pointage(row.pk, self.cleaned_data[f"avant-{row.pk}"], self.cleaned_data[f"etat-{row.pk}"])
                for row in self.presences
            ],
        )
        return self.instance
