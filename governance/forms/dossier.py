from django import forms
from django.core.exceptions import ValidationError

from governance.models import SommaireDossier
from governance.models.dossier import Partie

DIT = {
    "demandes": "Chaque point pour décision, sa présentation et ses fiches.",
    "ordre_du_jour": "Tous les points, qui les présente et pour combien de temps.",
    "fiches": "Les fiches attachées aux points.",
    "avancement": "Compte des fiches par axe et par avancement, avec graphiques.",
    "changements": "Fiches nouvelles, avancées, modifiées ou archivées.",
    "indicateurs": "Dernières mesures et cibles, ceux à regarder d’abord.",
    "argent": "Coûts et financements des fiches, par année et par financeur.",
    "financements": "Ce qui est prévu, notifié et versé par exercice.",
    "a_suivre": "Décisions des réunions précédentes qui restent à réaliser.",
    "dernieres": "Ce que l’instance a décidé la dernière fois, et la suite donnée.",
    "membres": "Composition de l’instance.",
    "annexes": "Pièces déposées ; les PDF sont ajoutés à la fin du fichier.",
}
"""What each part holds, beside its name."""


class SommaireForm(forms.Form):
    """The parts of a dossier, each kept or not, at the place whose number is typed."""

    fiches = forms.ChoiceField(
        label="Fiches concernées", choices=SommaireDossier.Fiches.choices, widget=forms.RadioSelect
    )

    lu = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, reunion, **kwargs):
        self.reunion = reunion
        sommaire = SommaireDossier.of(reunion)
        kept = sommaire.ordonnees
        self.codes = [*kept, *(code for code in Partie if code not in kept)]
        super().__init__(*args, **kwargs)
        self.current = sommaire.updated_at.isoformat() if sommaire.pk else ""
        self.initial |= {"fiches": sommaire.fiches, "lu": self.current}
        for rang, code in enumerate(self.codes, start=1):
            label = Partie(code).label
            self.fields[f"garder_{code}"] = forms.BooleanField(
                label=label, required=False, initial=code in kept
            )
            self.fields[f"place_{code}"] = forms.IntegerField(
                label=f"Place de « {label} »",
                required=False,
                initial=rang,
                min_value=1,
                max_value=99,
                widget=forms.NumberInput(attrs={"class": "form-control"}),
            )

    @property
    def lignes(self):
        """Each part with its two fields and what it holds."""
        return [(self[f"garder_{code}"], self[f"place_{code}"], DIT[code]) for code in self.codes]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("lu") != self.current:
            self.data = self.data.copy()
            self.data["lu"] = self.current
            raise ValidationError(
                "Quelqu’un d’autre a choisi les parties depuis que vous avez ouvert cette page : rien n’est écrasé. Votre choix "
                "est gardé ci-dessous ; enregistrez de nouveau pour qu’il remplace le sien.",
                code="conflit",
            )
        kept = [code for code in self.codes if cleaned.get(f"garder_{code}")]
        if not kept:
            raise ValidationError("Gardez au moins une partie.", code="vide")
        # A part without a number goes last; equal numbers stay in the order in which they were shown.
        cleaned["parties"] = sorted(kept, key=lambda code: cleaned.get(f"place_{code}") or 100)
        return cleaned

    def save(self):
        return SommaireDossier.choose(
            self.reunion, parties=self.cleaned_data["parties"], fiches=self.cleaned_data["fiches"]
        )
