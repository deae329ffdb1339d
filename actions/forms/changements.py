"""What to change in several fiches at once, and the fiches that were seen."""

import json

from django import forms
from django.core.exceptions import ValidationError

from actions.forms.base import form_helper
from actions.models import FicheAction
from actions.models.changement_groupe import Champ, Changement, ChangementGroupe
from actions.models.fiche import Avancement
from conventions.forms.base import PlausibleDatesMixin, date_input
from conventions.models import people_of
from ctg_portal.models import User

AJOUTER, REMPLACER = "ajouter", "remplacer"


class ChangementForm(PlausibleDatesMixin, forms.Form):
    """``prefix`` keeps its fields apart from the filters, in the same address."""

    champ = ""
    prefix = "vers"

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention
        self.helper = form_helper()

    def changement(self):
        """What is asked, as ``ChangementGroupe`` understands it."""
        raise NotImplementedError


class AvancementLotForm(ChangementForm):
    champ = Champ.AVANCEMENT
    avancement = forms.ChoiceField(label="Nouvel avancement", choices=[("", "Choisir…"), *Avancement.choices])
    motif = forms.CharField(
        label="Motif",
        required=False,
        max_length=2000,
        help_text="Obligatoire pour un abandon ; gardé dans le journal de chaque fiche.",
    )
    fin_reelle = forms.DateField(
        label="Date de fin réelle",
        required=False,
        widget=date_input(),
        help_text="Pour des actions réalisées ; aujourd’hui si rien n’est écrit.",
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("avancement") == Avancement.ABANDONNEE and not cleaned.get("motif"):
            self.add_error("motif", "Dites pourquoi ces fiches sont abandonnées.")
        return cleaned

    def changement(self):
        data = self.cleaned_data
        return Changement(self.champ, data["avancement"], data["motif"].strip(), data["fin_reelle"])


class PrioriteLotForm(ChangementForm):
    champ = Champ.PRIORITE
    priorite = forms.ChoiceField(
        label="Nouvelle priorité", choices=[("", "Choisir…"), *FicheAction.Priorite.choices]
    )

    def changement(self):
        return Changement(self.champ, self.cleaned_data["priorite"])


class PiloteLotForm(ChangementForm):
    champ = Champ.PILOTE
    compte = forms.ModelChoiceField(
        label="Compte", required=False, empty_label="Sans compte", queryset=User.objects.none()
    )
    nom = forms.CharField(label="Ou un nom, sans compte", required=False, max_length=150)
    mode = forms.ChoiceField(
        label="Les pilotes d’à présent",
        choices=[(AJOUTER, "restent : la personne s’ajoute"), (REMPLACER, "sont tous remplacés")],
        initial=AJOUTER,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["compte"].queryset = people_of(self.convention)

    def clean(self):
        cleaned = super().clean()
        if (
            "compte" in cleaned
            and "nom" in cleaned
            and bool(cleaned["compte"]) == bool(cleaned["nom"].strip())
        ):
            raise ValidationError("Choisissez un compte, ou écrivez un nom.")
        return cleaned

    def changement(self):
        data = self.cleaned_data
        return Changement(
            self.champ, data["nom"].strip(), compte=data["compte"], remplace=data["mode"] == REMPLACER
        )


class EcheanceLotForm(ChangementForm):
    champ = Champ.ECHEANCE
    echeance = forms.DateField(label="Nouvelle échéance", widget=date_input())

    def changement(self):
        return Changement(self.champ, self.cleaned_data["echeance"].isoformat())


FORMS = {
    form.champ.value: form for form in (AvancementLotForm, PrioriteLotForm, PiloteLotForm, EcheanceLotForm)
}


class ChoixForm(forms.Form):
    """The fiches ticked in the preview, each with the state it showed."""

    def __init__(self, data):
        super().__init__(data)
        self.ticked = data.getlist("choix")

    def clean(self):
        try:
            self.seen = {int(pk): json.loads(self.data[f"vu-{int(pk)}"]) for pk in self.ticked}
        except (KeyError, ValueError) as error:
            raise ValidationError("Cette page est incomplète\u00a0: rien n’a été écrit.") from error
        if not self.seen:
            raise ValidationError("Cochez au moins une fiche\u00a0: rien n’a été écrit.")
        return super().clean()

    def save(self, convention, fiches, changement, *, by):
        chosen = fiches.filter(pk__in=self.seen)
        return ChangementGroupe.make(convention, chosen, changement, seen=self.seen, by=by)
