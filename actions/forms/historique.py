from django import forms

from actions.forms.base import form_helper
from actions.models import FicheAction
from actions.models.historique import section_titles
from conventions.forms.base import date_input
from ctg_portal.templatetags.portal import date_fr

PORTAIL = "portail"
"""Stands for « nobody » among the people of a filter."""


class BadgesMixin:
    """What filters the page, in words, each with the address that removes it. ``form.data`` is the query string."""

    def badges(self):
        rows = []
        for bound in self.visible_fields():
            value = self.cleaned_data.get(bound.name) if self.is_valid() else None
            if value:
                rest = self.data.copy()
                rest.pop(bound.name, None)
                rest.pop("page", None)
                choices = dict(getattr(bound.field, "choices", ()))
                said = choices.get(str(getattr(value, "pk", value))) or date_fr(value)
                rows.append({"label": f"{bound.label}\u00a0: {said}", "url_remove": f"?{rest.urlencode()}"})
        return rows


class HistoriqueFilterForm(BadgesMixin, forms.Form):
    """``people``: names by key, ``""`` for what nobody signed."""

    rubrique = forms.ChoiceField(label="Rubrique", required=False)
    personne = forms.ChoiceField(label="Personne", required=False)
    depuis = forms.DateField(label="Depuis le", required=False, widget=date_input())

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["rubrique"].choices = [("", "Toutes"), *section_titles()]
        named = sorted(people.items(), key=lambda item: item[1].casefold())
        self.fields["personne"].choices = [("", "Toutes"), *((key or PORTAIL, name) for key, name in named)]

    def wanted(self):
        """The arguments of ``Historique.filtered``; nothing when the form is wrong, and its errors say why."""
        if not self.is_valid():
            return {}
        personne = self.cleaned_data["personne"]
        return {
            "section": self.cleaned_data["rubrique"],
            "personne": "" if personne == PORTAIL else personne or None,
            "since": self.cleaned_data["depuis"],
        }


class RetablirForm(forms.ModelForm):
    """Confirming is the input; ``empreinte`` is what the person was shown."""

    empreinte = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, retablissement, **kwargs):
        super().__init__(*args, **kwargs)
        self.retablissement = retablissement
        self.initial["empreinte"] = retablissement.empreinte
        self.helper = form_helper()

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("empreinte") != self.retablissement.empreinte:
            self.data = self.data.copy()
            self.data[self.add_prefix("empreinte")] = self.retablissement.empreinte
            raise forms.ValidationError(self.conflict())
        return cleaned

    def conflict(self):
        last = self.retablissement.last
        who = f" par {last.nom}" if last else ""
        return (
            f"La fiche a été enregistrée{who} depuis que vous avez ouvert cette page\u00a0: rien n’est rétabli. "
            "Voici ce qui changerait maintenant\u00a0; confirmez de nouveau si c’est bien ce que vous voulez."
        )

    def save(self, *, by):
        self.retablissement.apply(by=by)
        return self.instance
