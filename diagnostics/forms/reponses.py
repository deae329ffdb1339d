"""What anyone fills in: one field a question, nothing about who answers."""

import secrets

from django import forms
from django.core.exceptions import ValidationError

from ctg_portal.fields import NombreField
from diagnostics.models import Question
from diagnostics.models.questionnaire import NOMBRE_MAX, TEXTE_MAX
from diagnostics.models.resultats import ECHELLE, OUI_NON

SANS_REPONSE = ("", "Je ne réponds pas")


class UncheckedField(forms.Field):
    """Kept as it came: what is no field of a person raises no error."""

    widget = forms.HiddenInput


def field_of(question):
    """The field that asks ``question``; its cleaned value is what ``Reponse`` keeps, or empty."""
    common = {"label": question.intitule, "help_text": question.aide, "required": question.is_obligatoire}
    Nature = Question.Nature  # noqa: N806 - the names of an enum
    match question.nature:
        case Nature.TEXTE:
            attrs = {"class": "form-control", "rows": 4}
            messages = {"max_length": f"{TEXTE_MAX} signes au plus : raccourcissez votre réponse."}
            field = forms.CharField(
                max_length=TEXTE_MAX, widget=forms.Textarea(attrs), error_messages=messages, **common
            )
        case Nature.NOMBRE:
            field = NombreField(
                min_value=-NOMBRE_MAX,
                max_value=NOMBRE_MAX,
                decimal_places=2,
                widget=forms.TextInput(attrs={"class": "form-control"}),
                **common,
            )
        case Nature.CHOIX_MULTIPLE:
            choices = [(choix, choix) for choix in question.choix_proposes]
            boxes = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
            field = forms.MultipleChoiceField(choices=choices, widget=boxes, **common)
        case Nature.ECHELLE:
            field = _radios(ECHELLE.items(), question, common)
        case Nature.OUI_NON:
            field = _radios(OUI_NON.items(), question, common)
        case _:
            field = _radios([(choix, choix) for choix in question.choix_proposes], question, common)
    if question.is_obligatoire:
        field.error_messages["required"] = "Cette question attend une réponse."
    for code in ("invalid_choice", "invalid_list"):
        if code in field.error_messages:
            field.error_messages[code] = "Choisissez parmi les réponses proposées."
    return field


def _radios(pairs, question, common):
    choices = [(str(value), label) for value, label in pairs]
    # Without it, a choice made by mistake could not be taken back.
    ends = [] if question.is_obligatoire else [SANS_REPONSE]
    radios = forms.RadioSelect(attrs={"class": "form-check-input"})
    return forms.ChoiceField(choices=[*choices, *ends], widget=radios, **common)


class ReponseForm(forms.Form):
    """``jeton`` tells one opened page from another, so that a second press sends nothing twice."""

    jeton = UncheckedField(required=False)

    def __init__(self, *args, questionnaire, **kwargs):
        super().__init__(*args, **kwargs)
        self.questionnaire = questionnaire
        self.questions = list(questionnaire.questions.all())
        for question in self.questions:
            self.fields[f"q{question.pk}"] = field_of(question)
        self.initial["jeton"] = secrets.token_urlsafe(16)

    def rows(self):
        """Each question with its field, and the id to go to from the list of errors."""
        for rank, question in enumerate(self.questions, start=1):
            bound = self[f"q{question.pk}"]
            is_group = isinstance(bound.field, (forms.ChoiceField, forms.MultipleChoiceField))
            yield {
                "rang": rank,
                "question": question,
                "field": bound,
                "is_group": is_group,
                "id": f"{bound.auto_id}_0" if is_group else bound.auto_id,
            }

    def clean(self):
        cleaned = super().clean()
        if not self.errors and not self.valeurs():
            raise ValidationError("Répondez au moins à une question.")
        return cleaned

    def valeurs(self):
        """The answers by id of question, as ``Reponse`` keeps them; what was left empty is not there."""
        found = {}
        for question in self.questions:
            value = self.cleaned_data.get(f"q{question.pk}")
            if value in (None, "", []):
                continue
            if question.nature == Question.Nature.ECHELLE:
                value = int(value)
            elif question.nature == Question.Nature.NOMBRE:
                value = f"{value.normalize():f}"
            found[str(question.pk)] = value
        return found

    def save(self, *, connexion):
        jeton = str(self.cleaned_data.get("jeton") or "")[:64]
        return self.questionnaire.receive(self.valeurs(), connexion=connexion, jeton=jeton)
