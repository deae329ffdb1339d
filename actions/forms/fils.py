"""Threads: open one, answer, correct it, end it. Each ``save(by=…)`` calls a verb of ``Commentaire``."""

from django import forms

from actions.models import Commentaire, mentionable
from actions.models.commentaire import CITATION_MAX, TEXTE_MAX
from ctg_portal.fields import TexteLong


class MentionsField(forms.ModelMultipleChoiceField):
    """People who may read the thread, as boxes to tick."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self):
        super().__init__(
            queryset=None,
            label="Mentionner",
            required=False,
            help_text="Ces personnes seront citées au bas du message.",
        )
        self.error_messages["invalid_choice"] = (
            "Une des personnes choisies ne peut pas lire cette fiche : rien n’a été enregistré."
        )
        self.error_messages["invalid_pk_value"] = self.error_messages["invalid_choice"]

    def label_from_instance(self, person):
        return f"{person}, {person.fonction}" if person.fonction else str(person)


class MentionsMixin:
    """``user`` writes; the thread limits whom they may name. Nobody names themselves."""

    def offer_mentions(self, commentaire, user):
        people = mentionable(commentaire.fiche, interne=commentaire.is_interne).exclude(pk=user.pk)
        self.fields["mentions"].queryset = people.order_by("nom", "email")


def texte_field(label, rows=5, **options):
    return forms.CharField(
        label=label, max_length=TEXTE_MAX, widget=TexteLong(rows, limite=TEXTE_MAX), **options
    )


class CommentaireForm(MentionsMixin, forms.ModelForm):
    """Opens a thread, or corrects one (``rewrite``). Only the CAF chooses who reads it, and once for all."""

    citation = forms.CharField(
        label="Passage cité",
        max_length=CITATION_MAX,
        required=False,
        widget=TexteLong(2, limite=CITATION_MAX),
        help_text="Gardé tel quel, même si le texte change ensuite. Un passage sélectionné dans la fiche avant "
        "« Commenter » vient ici de lui-même.",
    )
    texte = texte_field("Commentaire")
    mentions = MentionsField()

    class Meta:
        model = Commentaire
        fields = ["section", "citation", "texte", "portee", "mentions"]
        widgets = {"portee": forms.RadioSelect}

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.offer_mentions(self.instance, user)
        reviews = user.has_perm("actions.review_ficheaction", self.instance.fiche)
        if self.instance.pk or not reviews:
            del self.fields["portee"]
        else:
            self.fields["portee"].choices = Commentaire.Portee.choices
            self.fields["portee"].help_text = "Ne change plus ensuite."
        if self.instance.pk:
            named = self.instance.mentions.filter(suite=None)
            self.initial["mentions"] = list(named.values_list("user", flat=True))

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("portee") == Commentaire.Portee.CAF and cleaned.get("mentions"):
            caf = set(mentionable(self.instance.fiche, interne=True).values_list("pk", flat=True))
            strangers = ", ".join(str(person) for person in cleaned["mentions"] if person.pk not in caf)
            if strangers:
                self.add_error(
                    "mentions",
                    f"{strangers} ne lira pas une note réservée à la CAF : retirez la mention, ou ouvrez le fil à tous.",
                )
        return cleaned

    def save(self, *, by):
        self.instance.post(mentions=self.cleaned_data["mentions"])
        return self.instance


class CommentaireRewriteForm(CommentaireForm):
    def save(self, *, by):
        names = ("section", "texte", "citation", "mentions")
        self.instance.rewrite(by=by, **{name: self.cleaned_data[name] for name in names})
        return self.instance


class FilVerbForm(forms.ModelForm):
    """No field: confirming is the input."""

    verb = ""

    class Meta:
        model = Commentaire
        fields = []

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)

    def save(self, *, by):
        getattr(self.instance, self.verb)(by=by, **self.cleaned_data)
        return self.instance


class ReplyForm(MentionsMixin, FilVerbForm):
    verb = "reply"
    texte = texte_field("Réponse")
    mentions = MentionsField()

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, user=user, **kwargs)
        self.offer_mentions(self.instance, user)


class ResolveForm(FilVerbForm):
    verb = "resolve"


class ReopenFilForm(FilVerbForm):
    verb = "reopen"
    texte = texte_field("Pourquoi le rouvrir", rows=3, required=False)


class WithdrawForm(FilVerbForm):
    verb = "withdraw"
