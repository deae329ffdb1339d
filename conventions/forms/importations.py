import hashlib

from crispy_forms.helper import FormHelper
from django import forms
from django.core.exceptions import ValidationError

from conventions.operations import importations
from ctg_portal.imports import MAX_OCTETS, ImportRefuse


class FichierForm(forms.Form):
    """A file is read at once: what cannot be is refused here, and kept nowhere."""

    fichier = forms.FileField(
        label="Fichier",
        help_text="Un classeur .xlsx ou un fichier .csv, 5 Mo au plus. La première ligne porte les titres des colonnes.",
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv,.txt"}),
        error_messages={"empty": "Ce fichier est vide."},
    )

    def __init__(self, *args, convention, nature, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention
        self.nature = nature

    def clean_fichier(self):
        file = self.cleaned_data["fichier"]
        if file.size > MAX_OCTETS:
            raise ValidationError("Ce fichier est trop lourd\u00a0: 5\u00a0Mo au plus.", code="too_large")
        return file

    def save(self, *, by):
        """Raises ``ValidationError`` if the file cannot be read."""
        file = self.cleaned_data["fichier"]
        try:
            return importations.send(
                convention=self.convention,
                nature=self.nature,
                nom=file.name[-200:],
                contenu=file.read(),
                by=by,
            )
        except ImportRefuse as refus:
            raise ValidationError(str(refus), code="refused") from refus


class ReponsesForm(forms.Form):
    """One choice a question of the file; « Je ne sais pas encore » leaves its rows refused."""

    def __init__(self, *args, importation, questions, **kwargs):
        super().__init__(*args, **kwargs)
        self.importation = importation
        self.questions = {self.name_of(question): question for question in questions}
        for name, question in self.questions.items():
            rows = f"{question.lignes}\u00a0ligne{'s' if question.lignes > 1 else ''}"
            self.fields[name] = forms.ChoiceField(
                label=f"{question.titre}\u00a0: {question.phrase}",
                choices=[*([] if question.reponse else [("", "À choisir…")]), *question.options],
                initial=question.reponse,
                required=False,
                help_text=rows,
            )

    @staticmethod
    def name_of(question):
        """A name that stands as long as the question does, wherever it is in the list."""
        return f"q-{hashlib.sha256(question.cle.encode()).hexdigest()[:12]}"

    @property
    def helper(self):
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        return helper

    def save(self, *, by):
        answers = {self.questions[name].cle: answer for name, answer in self.cleaned_data.items() if answer}
        self.importation.answer(answers, by=by)
        return self.importation


class ConfirmationForm(forms.Form):
    """``empreinte`` is that of the preview which the person has under the eyes."""

    empreinte = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
    sans_refusees = forms.BooleanField(required=False)

    def __init__(self, *args, importation, **kwargs):
        super().__init__(*args, **kwargs)
        self.importation = importation

    def save(self, *, by):
        return importations.confirm(self.importation, by=by, **self.cleaned_data)


class AbandonForm(forms.Form):
    def __init__(self, *args, importation, **kwargs):
        super().__init__(*args, **kwargs)
        self.importation = importation

    def save(self, *, by):
        self.importation.drop(by=by)
        return self.importation
