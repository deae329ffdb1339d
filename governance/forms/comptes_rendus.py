"""The minutes: their parts, the visa of each side, opening again; what becomes of a decision."""

from django import forms
from django.utils import timezone

from conventions.forms.base import PlacedForm, SectionForm, date_input
from ctg_portal.fields import TexteLong
from governance.comptes_rendus import cotes_of, give_visa, reopen
from governance.models import Decision, PartieCompteRendu, Reunion, VisaCompteRendu
from governance.reprises import take_notes
from governance.suites import record_suite

NOTES_AIDE = "N’écrivez rien sur une famille ou une personne en particulier."


class PartieForm(SectionForm):
    """One part of the minutes; its place is that of its point, or the last."""

    class Meta:
        model = PartieCompteRendu
        fields = ["titre", "texte"]
        widgets = {"texte": TexteLong(12)}
        help_texts = {"texte": NOTES_AIDE}

    def save(self, commit=True):
        if self.instance.pk:
            return super().save(commit)
        last = self.instance.compte_rendu.parties.order_by("-ordre").first()
        self.instance.ordre = last.ordre + 1 if last else 1
        self.instance.save()
        return self.instance


class PartieRemoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = PartieCompteRendu
        fields = []

    def save(self, *, by):
        self.instance.delete()
        return self.instance


class ReprendreNotesForm(forms.Form):
    """Whose notes are taken: the key of a point, 0 for those of the meeting."""

    point = forms.IntegerField(min_value=0)

    def take(self, compte_rendu):
        return take_notes(compte_rendu, self.cleaned_data["point"])


class VisaForm(PlacedForm):
    """What one side says of the version it read (``version``: that of the page)."""

    rangees = ((("cote", 5), ("sens", 7)), (("signataire", 6), ("fonction", 6)), (("remarques", 12),))
    version = forms.IntegerField(widget=forms.HiddenInput)

    class Meta:
        model = VisaCompteRendu
        fields = ["cote", "sens", "signataire", "fonction", "remarques"]
        widgets = {"remarques": TexteLong(6)}
        help_texts = {
            "signataire": "Qui approuve, tel que le compte rendu doit le dire.",
            "remarques": "À dire quand c’est à reprendre\u00a0; facultatif sinon.",
        }

    def __init__(self, *args, compte_rendu, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.compte_rendu = compte_rendu
        given = compte_rendu.cotes_donnees
        mine = [cote for cote in cotes_of(user, compte_rendu.convention) if cote not in given]
        labels = dict(VisaCompteRendu.Cote.choices)
        self.fields["cote"].choices = [(cote, labels[cote]) for cote in mine]
        self.initial |= {
            "cote": mine[0] if mine else "",
            "signataire": user.nom,
            "fonction": user.fonction,
            "version": compte_rendu.document.version if compte_rendu.document else 0,
        }

    def clean(self):
        cleaned = super().clean()
        wanted = cleaned.get("sens") == VisaCompteRendu.Sens.REMARQUES
        if wanted and not (cleaned.get("remarques") or "").strip():
            self.add_error("remarques", "Dites ce qui est à reprendre.")
        return cleaned

    def save(self, *, by):
        return give_visa(self.compte_rendu, by=by, **self.cleaned_data)


class ReopenForm(forms.ModelForm):
    motif = forms.CharField(
        label="Pourquoi rouvrir", max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )

    class Meta:
        model = Reunion
        fields = []

    def save(self, *, by):
        reopen(self.instance, motif=self.cleaned_data["motif"], by=by)
        return self.instance


class SuiteForm(PlacedForm):
    """How far a decision is; ``reunion`` is the meeting that heard it, if any."""

    rangees = ((("texte", 12),), (("echeance", 6), ("realisee", 6)))
    texte = forms.CharField(label="Où l’on en est", widget=TexteLong(4))
    echeance = forms.DateField(
        label="Nouvelle échéance",
        required=False,
        widget=date_input(),
        help_text="Vide\u00a0: elle ne change pas.",
    )
    realisee = forms.BooleanField(label="La décision est réalisée", required=False)

    class Meta:
        model = Decision
        fields = []

    def __init__(self, *args, reunion=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.reunion = reunion

    def clean_echeance(self):
        echeance = self.cleaned_data["echeance"]
        if echeance and echeance < timezone.localdate():
            raise forms.ValidationError("Une nouvelle échéance est à venir.")
        return echeance

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("realisee") and cleaned.get("echeance"):
            self.add_error(
                "echeance", "Une décision réalisée n’a plus d’échéance\u00a0: gardez l’un des deux."
            )
        return cleaned

    def save(self, *, by):
        record_suite(self.instance, by=by, reunion=self.reunion, **self.cleaned_data)
        return self.instance
