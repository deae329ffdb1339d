from itertools import groupby

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from ctg_portal.workflow import TransitionError
from governance.operations import Succession, preview_renewal, renew_mandats


class ElusForm(forms.Form):
    """For each current mandate: unchanged, a new holder, or ended. Asked with ``apercu``, it writes nothing.

    ``vus`` keeps which mandates the page showed, so that one that changed meanwhile is not replaced unseen.
    """

    date = forms.DateField(
        label="À partir du",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="Le jour de l’élection ou de l’installation : fin des anciens mandats, début des nouveaux.",
    )
    apercu = forms.BooleanField(required=False, widget=forms.HiddenInput)
    vus = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, mandats, **kwargs):
        super().__init__(*args, **kwargs)
        self.mandats = list(mandats)
        self.renouvellement = None
        self.initial |= {"date": timezone.localdate(), "vus": self._seen()}
        for mandat in self.mandats:
            self.fields[f"nom-{mandat.pk}"] = forms.CharField(
                label=f"Nouveau titulaire : {mandat.fonction}, {mandat.organisation}",
                required=False,
                max_length=150,
                widget=forms.TextInput(attrs={"autocomplete": "off"}),
            )
            self.fields[f"fin-{mandat.pk}"] = forms.BooleanField(
                label=f"Prend fin sans successeur : {mandat.fonction}, {mandat.organisation}", required=False
            )

    def _seen(self):
        return "-".join(str(mandat.pk) for mandat in self.mandats)

    @property
    def groupes(self):
        """Mandates by organisation, each with its two fields."""
        return [
            (
                organisation,
                [(mandat, self[f"nom-{mandat.pk}"], self[f"fin-{mandat.pk}"]) for mandat in rows],
            )
            for organisation, rows in groupby(self.mandats, lambda mandat: mandat.organisation)
        ]

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("vus") != self._seen():
            raise ValidationError(
                "Les mandats ont changé depuis l’ouverture de cette page : rechargez-la et recommencez."
            )
        self.successions = []
        for mandat in self.mandats:
            nom = " ".join(cleaned.get(f"nom-{mandat.pk}", "").split())
            ends = cleaned.get(f"fin-{mandat.pk}")
            if nom and ends:
                self.add_error(f"nom-{mandat.pk}", "Écrivez un nom, ou cochez la fin : pas les deux.")
            elif nom == mandat.nom:
                self.add_error(f"nom-{mandat.pk}", "C’est déjà le nom inscrit : laissez vide.")
            elif nom or ends:
                self.successions.append(Succession(mandat, nom))
        if not self.successions and not self.errors:
            raise ValidationError("Écrivez au moins un nouveau titulaire, ou cochez une fin de mandat.")
        return cleaned

    def preview(self, *, by):
        """Fill ``renouvellement``, or say on the form why it would be refused."""
        try:
            self.renouvellement = self._run(preview_renewal, by=by)
        except TransitionError as refus:
            self.add_error(None, str(refus))

    def save(self, *, by):
        return self._run(renew_mandats, by=by)

    def _run(self, operation, *, by):
        return operation(successions=self.successions, date=self.cleaned_data["date"], by=by)
