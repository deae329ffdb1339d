from django import forms
from django.db import transaction
from django.utils import timezone

from conventions.forms.base import PlacedForm, SectionForm
from governance.choices import organisation_choices, organisations_of
from governance.models import Presence

Reponse = Presence.Reponse


class PouvoirField(forms.ModelChoiceField):
    """Somebody who may hold a pouvoir at this meeting, not one of the seats of who gives it."""

    def __init__(self, **kwargs):
        super().__init__(
            Presence.objects.none(), label="Pouvoir à", required=False, empty_label="Choisir…", **kwargs
        )

    def offer(self, presence):
        rows = [
            row
            for row in presence.reunion.presences.all()
            if row.has_voice and row.pk != presence.pk and row.person != presence.person
        ]
        self.queryset = Presence.objects.filter(pk__in=[row.pk for row in rows])
        self.choices = [("", "Choisir…"), *((row.pk, str(row)) for row in rows)]


class ReponseForm(forms.Form):
    """The answer of a person, from their secret address: each button gives ``reponse``."""

    reponse = forms.ChoiceField(
        choices=[(value, Reponse(value).label) for value in ("present", "excuse", "pouvoir")],
        error_messages={"required": "Choisissez l’une des réponses."},
    )
    pouvoir_a = PouvoirField()
    mot = forms.CharField(
        label="Un mot pour la coordination (facultatif)",
        required=False,
        max_length=300,
        help_text="Lu par la coordination seulement. N’écrivez rien de personnel.",
    )

    def __init__(self, *args, presence, **kwargs):
        super().__init__(*args, **kwargs)
        self.presence = presence
        self.fields["pouvoir_a"].offer(presence)
        self.initial |= {"pouvoir_a": presence.pouvoir_a_id, "mot": presence.mot}

    def clean_mot(self):
        return " ".join(self.cleaned_data["mot"].split())

    def save(self):
        self.presence.respond(
            self.cleaned_data["reponse"],
            pouvoir_a=self.cleaned_data["pouvoir_a"],
            mot=self.cleaned_data["mot"],
        )
        return self.presence


class PresenceForm(SectionForm):
    """The answer of somebody who telephoned, and the address they are written to.

    Who answered meanwhile from their own address is not overwritten unseen.
    """

    rangees = (
        [("reponse", 6), ("pouvoir_a", 6)],
        [("mot", 12)],
        [("email", 12)],
    )
    pouvoir_a = PouvoirField()

    class Meta:
        model = Presence
        fields = ["reponse", "mot", "email"]
        help_texts = {
            "email": "Pour cette réunion. Si le siège n’a pas d’adresse, celle-ci y est notée pour les suivantes.",
        }

    def prepare(self):
        self.fields["mot"].label = "Mot (lu par la coordination seulement)"
        if self.instance.may_give_pouvoir:
            self.fields["pouvoir_a"].offer(self.instance)
            self.initial["pouvoir_a"] = self.instance.pouvoir_a_id
        else:
            del self.fields["pouvoir_a"]
            self.fields["reponse"].choices = [
                choice for choice in Reponse.choices if choice[0] != Reponse.POUVOIR
            ]

    def _post_clean(self):
        super()._post_clean()
        # Judged as ``respond`` writes it: the pouvoir goes with its answer.
        gives = self.cleaned_data.get("reponse") == Reponse.POUVOIR
        self.instance.pouvoir_a = self.cleaned_data.get("pouvoir_a") if gives else None

    @transaction.atomic
    def save(self, *, by):
        presence = self.instance
        Presence.objects.filter(pk=presence.pk).update(
            email=self.cleaned_data["email"], updated_at=timezone.now()
        )
        membre = presence.membre
        if membre is not None and self.cleaned_data["email"] and not membre.adresse:
            membre.email = self.cleaned_data["email"]
            membre.save(update_fields=["email"])
        # An address completed is no answer: who answered, and when, stays.
        if {"reponse", "pouvoir_a", "mot"} & set(self.changed_data):
            holder = self.cleaned_data.get("pouvoir_a")
            reponse = self.cleaned_data["reponse"]
            presence.respond(
                reponse,
                pouvoir_a=holder if reponse == Reponse.POUVOIR else None,
                mot=self.cleaned_data["mot"],
                by=by,
            )
        return presence


class InviteForm(PlacedForm):
    """Somebody expected besides the members: heard, without a voice."""

    rangees = (
        [("fonction", 6), ("nom", 6)],
        [("organisation", 6), ("structure", 6)],
        [("email", 12)],
    )

    class Meta:
        model = Presence
        fields = ["fonction", "nom", "organisation", "structure", "email"]
        help_texts = {"email": "Professionnelle ; sans adresse, invitez la personne autrement."}

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        organisations = organisations_of(self.instance.reunion.convention)
        self.fields["organisation"].queryset = organisations
        self.fields["organisation"].choices = organisation_choices(organisations)
        self.fields["structure"].label = "Autre organisation"
        self.fields["structure"].help_text = "Si elle n’est pas dans la liste."

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("organisation"):
            cleaned["structure"] = str(cleaned["organisation"])
        return cleaned

    def save(self):
        presence = self.instance
        presence.qualite, presence.voix = Presence.Qualite.INVITE, Presence.Voix.AUCUNE
        presence.ordre = 1000
        presence.structure = self.cleaned_data["structure"]
        presence.save()
        return presence
