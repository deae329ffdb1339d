"""What the pages of the workbook ask: a file, what to do of conflicts and of what is gone, and to confirm."""

from django import forms
from django.core.exceptions import ValidationError

from actions.models import EnvoiPlan
from actions.tableur import retour
from actions.tableur.apercu import LEUR, MIEN
from ctg_portal.imports import MAX_OCTETS, ImportRefuse


class FichierPlanForm(forms.Form):
    """A file is read at once: what cannot be is refused here, and kept nowhere. ``send`` keeps it."""

    fichier = forms.FileField(
        label="Classeur à renvoyer",
        help_text="Le fichier .xlsx téléchargé ici, complété ; 5 Mo au plus.",
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        error_messages={"empty": "Ce fichier est vide.", "required": "Choisissez le fichier à envoyer."},
    )
    send = staticmethod(retour.send)

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention

    def clean_fichier(self):
        file = self.cleaned_data["fichier"]
        if file.size > MAX_OCTETS:
            raise ValidationError("Ce fichier est trop lourd\u00a0: 5\u00a0Mo au plus.", code="too_large")
        if file.name.lower().endswith(".xlsm"):
            raise ValidationError(
                "Ce classeur contient des macros (.xlsm)\u00a0: enregistrez-le au format .xlsx, et recommencez.",
                code="macros",
            )
        return file

    def save(self, *, by):
        """Raises ``ValidationError`` if the file cannot be read."""
        file = self.cleaned_data["fichier"]
        try:
            return self.send(convention=self.convention, nom=file.name, contenu=file.read(), by=by)
        except ImportRefuse as refus:
            raise ValidationError(str(refus), code="refused") from refus


class ConfirmationEnvoiForm(forms.Form):
    """One choice a conflict, one box a row that is gone; ``empreinte`` is that of the preview under the eyes."""

    empreinte = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
    sans_refusees = forms.BooleanField(required=False)

    def __init__(self, *args, envoi, apercu, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi, self.apercu = envoi, apercu
        self.initial["empreinte"] = apercu.empreinte
        refusees = apercu.refusees
        self.fields["sans_refusees"].label = (
            "Laisser de côté la case refusée, et écrire le reste"
            if refusees == 1
            else f"Laisser de côté les {refusees} cases refusées, et écrire le reste"
        )
        for cellule in apercu.conflits:
            self.fields[f"conflit-{cellule.cle}"] = forms.ChoiceField(
                label=f"{cellule.adresse}, {cellule.titre}",
                choices=[(LEUR, "Garder le texte du portail"), (MIEN, "Prendre celui du classeur")],
                required=False,
                widget=forms.RadioSelect,
            )
        for retrait in apercu.retraits:
            if not retrait.refus:
                self.fields[f"retrait-{retrait.cle}"] = forms.BooleanField(
                    label=retrait.effet[:1].upper() + retrait.effet[1:], required=False
                )

    def save(self, *, by):
        asked = ("empreinte", "sans_refusees")
        decisions = {
            name: str(value) for name, value in self.cleaned_data.items() if value and name not in asked
        }
        return CONFIRMATIONS[self.envoi.nature](
            self.envoi,
            empreinte=self.cleaned_data["empreinte"],
            decisions=decisions,
            sans_refusees=self.cleaned_data["sans_refusees"],
            by=by,
        )


class AbandonEnvoiForm(forms.Form):
    def __init__(self, *args, envoi, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi = envoi

    def save(self, *, by):
        self.envoi.drop(by=by)
        return self.envoi


CONFIRMATIONS = {EnvoiPlan.Nature.RETOUR: retour.confirm}
