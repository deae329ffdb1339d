"""What the coordination writes of a questionnaire: its frame, then its questions."""

from django import forms
from django.core.exceptions import ValidationError

from conventions.forms.base import OrderedFormSet, RowForm, SectionForm, date_input
from ctg_portal.fields import TexteLong
from diagnostics.forms.diagnostic import RGPD
from diagnostics.models import Question, Questionnaire, new_cle

INTRODUCTION_MAX = 3000
QUESTIONS_MAX = 40
CHOIX_MAX = 20
LONGUEUR_CHOIX = 150


class QuestionnaireForm(SectionForm):
    rangees = (
        (("intitule", 12),),
        (("introduction", 12),),
        (("destinataires", 4), ("ouvre_le", 4), ("ferme_le", 4)),
    )
    introduction = forms.CharField(
        label="Introduction",
        required=False,
        max_length=INTRODUCTION_MAX,
        widget=TexteLong(5),
        help_text="À qui il s’adresse, à quoi il servira, le temps qu’il prend. Elle est lue par tous : aucune coordonnée "
        f"de particulier. {RGPD}",
    )

    class Meta:
        model = Questionnaire
        fields = ["intitule", "introduction", "destinataires", "ouvre_le", "ferme_le"]
        widgets = {"ouvre_le": date_input(), "ferme_le": date_input()}
        help_texts = {
            "ouvre_le": "Premier jour pour répondre.",
            "ferme_le": "Dernier jour pour répondre. Une date passée le clôt tout de suite ; une date à venir le rouvre.",
        }

    def clean_introduction(self):
        return self.cleaned_data["introduction"].replace("\r\n", "\n")

    def save(self, commit=True):
        if self.instance._state.adding:
            self.instance.cle = new_cle()
            self.instance.save()
            return self.instance
        return super().save(commit)


class QuestionForm(RowForm):
    """Once somebody answered, the kind and the choices stay: the answers would mean something else."""

    rangees = (
        (("intitule", 12),),
        (("nature", 4), ("exigence", 4), ("ORDER", 2), ("DELETE", 2)),
        (("choix", 6), ("aide", 6)),
    )
    choix = forms.CharField(
        label="Choix proposés",
        required=False,
        widget=TexteLong(4),
        help_text="Un par ligne, pour « Un choix » et « Plusieurs choix » seulement.",
    )

    class Meta:
        model = Question
        fields = ["intitule", "nature", "exigence", "choix", "aide"]
        help_texts = {"aide": "Une phrase sous la question, si elle en a besoin."}

    repondue = False

    def freeze(self):
        """Somebody answered: what may no longer change is shown, and a page of before is refused aloud."""
        self.repondue = True
        for name in ("nature", "choix", "DELETE"):
            field = self.fields[name]
            field.help_text = "" if name == "DELETE" else "Déjà répondue : ne change plus."
            field.disabled = not (self.is_bound and self.add_prefix(name) in self.data)

    def clean_choix(self):
        lines = [line.strip() for line in self.cleaned_data["choix"].splitlines() if line.strip()]
        if len(lines) > CHOIX_MAX:
            raise ValidationError(f"{CHOIX_MAX} choix au plus : celle-ci en a {len(lines)}.")
        if any(len(line) > LONGUEUR_CHOIX for line in lines):
            raise ValidationError(f"Un choix tient en {LONGUEUR_CHOIX} signes.")
        if twice := next((line for line in lines if lines.count(line) > 1), None):
            raise ValidationError(f"« {twice} » est proposé deux fois.")
        return "\n".join(lines)

    def clean(self):
        cleaned = super().clean()
        if self.repondue:
            self._refuse_changes(cleaned)
        elif cleaned.get("nature") in (Question.Nature.CHOIX, Question.Nature.CHOIX_MULTIPLE):
            if "choix" in cleaned and len(cleaned["choix"].splitlines()) < 2:
                self.add_error("choix", "Proposez au moins deux choix, un par ligne.")
        elif cleaned.get("choix"):
            self.add_error(
                "choix", "Cette nature de question n’a pas de choix : effacez-les, ou changez la nature."
            )
        return cleaned

    def _refuse_changes(self, cleaned):
        before = {"nature": self.initial["nature"], "choix": "\n".join(self.instance.choix_proposes)}
        for name, value in before.items():
            if name in cleaned and cleaned[name] != value:
                self.add_error(
                    name,
                    "Quelqu’un a déjà répondu à cette question : sa nature et ses choix ne changent plus. Rien n’a été enregistré.",
                )
        if cleaned.get("DELETE"):
            self.add_error(
                "DELETE",
                "Quelqu’un a déjà répondu à cette question : elle ne se retire plus. Rien n’a été enregistré.",
            )


class QuestionFormSet(OrderedFormSet):
    """The questions of a questionnaire, in their order. A posted page keeps the questionnaire until it is saved."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.is_bound:
            self.instance.lock()
        self.repondues = self.instance.answered_questions()

    def add_fields(self, form, index):
        super().add_fields(form, index)
        if form.instance.pk in self.repondues:
            form.freeze()

    def _should_delete_form(self, form):
        """A question that somebody answered is looked at: its refusal must be heard."""
        return super()._should_delete_form(form) and not form.repondue


QuestionsFormSet = forms.inlineformset_factory(
    Questionnaire,
    Question,
    form=QuestionForm,
    formset=QuestionFormSet,
    extra=3,
    max_num=QUESTIONS_MAX,
    validate_max=True,
    absolute_max=QUESTIONS_MAX + 10,
    can_order=True,
    can_delete_extra=False,
)


class RenewForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Questionnaire
        fields = []

    def save(self, *, by):
        self.instance.renew_cle(by=by)
        return self.instance


class CloseForm(RenewForm):
    def save(self, *, by):
        self.instance.close(by=by)
        return self.instance


class RemoveForm(RenewForm):
    def save(self, *, by):
        self.instance.remove(by=by)
        return self.instance
