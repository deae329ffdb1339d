"""The measures of one year, for all the indicators of a fiche, on one page."""

import hashlib
import json

from django import forms
from django.db import transaction
from django.utils.functional import cached_property

from actions.models import Mesure
from ctg_portal.fields import NombreField

CHAMPS = ("valeur", "commentaire", "source")


def _fields():
    return {
        "valeur": NombreField(
            label="Valeur",
            required=False,
            max_digits=14,
            decimal_places=2,
            error_messages={"max_decimal_places": "Une mesure a deux décimales au plus."},
        ),
        "commentaire": forms.CharField(label="Commentaire", required=False, max_length=300),
        "source": forms.CharField(label="Source", required=False, max_length=200),
    }


class MesuresAnneeForm(forms.Form):
    """``empreinte`` is that of the measures as they were read: when somebody saved meanwhile, nothing is overwritten.

    A line left empty is no measure, never a zero; a comment alone says why there is none.
    """

    empreinte = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, instance, annee, **kwargs):
        super().__init__(*args, **kwargs)
        self.fiche, self.annee = instance, annee
        for indicateur in self.indicateurs:
            saved = self.saved.get(indicateur.pk)
            for name, field in _fields().items():
                key = f"{name}_{indicateur.pk}"
                self.fields[key] = field
                self.initial[key] = getattr(saved, name) if saved else None
        self.initial["empreinte"] = self.current_empreinte = self.read_empreinte()

    @cached_property
    def indicateurs(self):
        return list(self.fiche.indicateurs.all())

    @cached_property
    def saved(self):
        """Measure of the year, by indicator; that of the year before stands in ``precedentes``."""
        return {mesure.indicateur_id: mesure for mesure in self._mesures if mesure.annee == self.annee}

    @cached_property
    def precedentes(self):
        return {mesure.indicateur_id: mesure for mesure in self._mesures if mesure.annee == self.annee - 1}

    @cached_property
    def _mesures(self):
        years = (self.annee - 1, self.annee)
        return list(Mesure.objects.filter(indicateur__fiche=self.fiche, annee__in=years))

    def lignes(self):
        """Each indicator with its fields and the measure of the year before."""
        return [
            (row, [self[f"{name}_{row.pk}"] for name in CHAMPS], self.precedentes.get(row.pk))
            for row in self.indicateurs
        ]

    def read_empreinte(self):
        found = [(row.pk, self.saved.get(row.pk)) for row in self.indicateurs]
        state = [
            [pk, *(str(getattr(mesure, name)) for name in CHAMPS if mesure is not None)]
            for pk, mesure in found
        ]
        return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:20]

    def clean(self):
        cleaned = super().clean()
        given = cleaned.get("empreinte")
        if given and given != self.current_empreinte:
            self.data = self.data.copy()
            self.data["empreinte"] = self.current_empreinte
            self.add_error(
                None,
                "Quelqu’un d’autre a enregistré des mesures, ou changé les indicateurs, depuis que vous avez ouvert cette "
                "page\u00a0: rien n’est écrasé. Votre saisie est gardée ; ce qui a été enregistré est rappelé sous chaque "
                "case qui diffère. Reprenez ce qui doit l’être, puis enregistrez.",
            )
            for name in self.changed_data:
                if name != "empreinte":
                    shown = self[name].field.prepare_value(self.initial.get(name))
                    self.add_error(name, f"Enregistré entre-temps\u00a0: « {shown or 'rien'} ».")
        return cleaned

    @transaction.atomic
    def save(self):
        for indicateur in self.indicateurs:
            given = {name: self.cleaned_data[f"{name}_{indicateur.pk}"] for name in CHAMPS}
            saved = self.saved.get(indicateur.pk)
            if given["valeur"] is None and not given["commentaire"] and not given["source"]:
                if saved:
                    saved.delete()
            elif saved:
                for name, value in given.items():
                    setattr(saved, name, value)
                saved.save(update_fields=CHAMPS)
            else:
                Mesure.objects.create(indicateur=indicateur, annee=self.annee, **given)
        self.fiche.save(update_fields=["updated_at"])
