from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.template.defaultfilters import filesizeformat

from conventions.forms.base import SectionForm
from governance.diffusions import MINUTES, sendable
from governance.envois import PIECES_MAX, launch, retry
from governance.models import DocumentEmis, Envoi

PORTEES = {
    Envoi.Nature.CONVOCATION: ("tous", "nouveaux"),
    Envoi.Nature.MODIFICATION: ("tous", "convoques"),
    Envoi.Nature.ANNULATION: ("tous", "convoques", "partis"),
    Envoi.Nature.RAPPEL: ("sans_reponse", "tous"),
    Envoi.Nature.DIFFUSION: ("tous", "convoques"),
}
"""To whom each nature may be sent."""


class EnvoiForm(SectionForm):
    """The words of an e-mail that is being prepared, and whom it is for."""

    rangees = (
        [("objet", 12)],
        [("message", 12)],
        [("portee", 7), ("jours_avant", 5)],
        [("redemander", 12)],
        [("documents", 12)],
    )

    class Meta:
        model = Envoi
        fields = ["objet", "message", "portee", "jours_avant", "redemander", "documents"]
        widgets = {
            "message": forms.Textarea(attrs={"rows": 6}),
            "documents": forms.CheckboxSelectMultiple,
        }
        help_texts = {
            "message": "Facultatif. La date, le lieu, l’ordre du jour, l’adresse pour répondre et votre signature y sont déjà.",
        }

    def prepare(self):
        envoi = self.instance
        self.fields["message"].max_length = 5000
        self.fields["message"].validators.append(_not_too_long)
        allowed = PORTEES[envoi.nature]
        if envoi.nature == Envoi.Nature.ANNULATION:
            # Of a meeting that stays, or of one that is cancelled: never both.
            allowed = [portee for portee in allowed if (portee == "partis") == envoi.is_for_retired]
        self.fields["portee"].choices = [choice for choice in Envoi.Portee.choices if choice[0] in allowed]
        if envoi.nature != Envoi.Nature.RAPPEL:
            del self.fields["jours_avant"]
        if envoi.nature != Envoi.Nature.MODIFICATION:
            del self.fields["redemander"]
        documents = (
            DocumentEmis.objects.filter(reunion=envoi.reunion)
            .exclude(nature=DocumentEmis.Nature.CONVOCATION)
            .exclude(statut=DocumentEmis.Statut.ECHEC)
            # Minutes go once they are approved, in the version that was.
            .exclude(Q(nature__in=MINUTES) & ~Q(pk__in=sendable(envoi.reunion)))
            .without_content()
        )
        choices = [(row.pk, _described(row)) for row in documents]
        if choices:
            self.fields["documents"].queryset = documents
            self.fields["documents"].choices = choices
            self.fields["documents"].label = "Documents à joindre"
        else:
            del self.fields["documents"]

    def clean_documents(self):
        documents = self.cleaned_data["documents"]
        total = sum(document.taille or 0 for document in documents)
        if total > PIECES_MAX:
            raise ValidationError(
                f"Ces documents pèsent {filesizeformat(total)} : au-delà de {filesizeformat(PIECES_MAX)}, beaucoup de messageries "
                "refusent le courriel. Joignez-en moins."
            )
        return documents

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("jours_avant") and cleaned.get("portee") != Envoi.Portee.SANS_REPONSE:
            self.add_error("portee", "Un rappel programmé va à celles qui n’auront pas répondu ce jour-là.")
        return cleaned


def _not_too_long(text):
    if len(text) > 5000:
        raise ValidationError(
            f"Ce message a {len(text)} caractères : 5 000 au plus. Mettez le reste dans un document joint."
        )


def _described(document):
    size = (
        f"PDF, {filesizeformat(document.taille)}"
        if document.statut == DocumentEmis.Statut.PRET
        else "en cours de préparation"
    )
    return f"{document.titre}, version {document.version} ({size})"


class EnvoiLaunchForm(forms.Form):
    """What was looked at, by its mark."""

    vu = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def launch(self, envoi, *, by):
        return launch(envoi, by=by, seen=self.cleaned_data["vu"])


class EnvoiRetryForm(forms.Form):
    incertains = forms.BooleanField(
        label="Reprendre aussi les courriels « peut-être envoyés » (au risque d’un doublon)", required=False
    )

    def retry(self, envoi):
        return retry(envoi, uncertain=self.cleaned_data["incertains"])
