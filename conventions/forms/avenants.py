import pghistory
from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from conventions.forms.base import PlacedForm, date_input
from conventions.forms.documents import CopieForm
from conventions.models import Avenant, Convention, Document, Domaine, Organisation, Signataire
from ctg_portal.fields import TexteLong
from ctg_portal.workflow import TransitionError

CHANGEMENTS = (
    "nouveau_debut",
    "nouvelle_fin",
    "domaines_ajoutes",
    "domaines_retires",
    "organisations_ajoutees",
    "signataires_retires",
    "modification_plan",
)


class AvenantForm(PlacedForm):
    """What an avenant in project will change. Only what the convention can take is offered."""

    rangees = (
        (("numero", 2), ("objet", 10)),
        (("texte", 12),),
        (("nouveau_debut", 4), ("nouvelle_fin", 4)),
        (("duree_motif", 12),),
        (("signataires_retires", 12),),
        (("organisations_ajoutees", 12),),
        (("domaines_ajoutes", 12),),
        (("domaines_retires", 12),),
        (("modification_plan", 12),),
    )
    signataires_retires = forms.ModelMultipleChoiceField(
        Signataire.objects.none(),
        label="Signataires qui se retirent",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    organisations_ajoutees = forms.ModelMultipleChoiceField(
        Organisation.objects.none(),
        label="Nouveaux signataires",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    domaines_ajoutes = forms.ModelMultipleChoiceField(
        Domaine.objects.none(),
        label="Domaines ajoutés",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    domaines_retires = forms.ModelMultipleChoiceField(
        Domaine.objects.none(),
        label="Domaines retirés",
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Avenant
        fields = ["numero", "objet", "texte", "duree_motif", *CHANGEMENTS]
        widgets = {
            "texte": TexteLong(5),
            "modification_plan": TexteLong(4),
            "nouveau_debut": date_input(),
            "nouvelle_fin": date_input(),
        }
        help_texts = {
            "nouveau_debut": "Vide\u00a0: il ne change pas.",
            "nouvelle_fin": "Vide\u00a0: elle ne change pas.",
            "duree_motif": "Quand la durée qui en résulte n’est ni de quatre ni de cinq ans.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        convention = self.convention = self.instance.convention
        actuels = convention.signataires.actuels()
        held = convention.domaines.all()
        offered = {
            "signataires_retires": actuels.select_related("organisation"),
            "organisations_ajoutees": Organisation.objects.for_convention(convention).exclude(
                pk__in=actuels.values("organisation")
            ),
            "domaines_ajoutes": Domaine.objects.exclude(pk__in=held.values("pk")),
            "domaines_retires": held,
        }
        for name, rows in offered.items():
            self.fields[name].queryset = rows
        if self.instance.pk is None:
            last = convention.avenants.aggregate(Max("numero"))["numero__max"]
            self.initial["numero"] = (last or 0) + 1

    def clean_numero(self):
        # Held until the end of the request: two people never give one number to two avenants.
        Convention.objects.select_for_update(of=("self",)).get(pk=self.convention.pk)
        numero = self.cleaned_data["numero"]
        if self.convention.avenants.filter(numero=numero).exclude(pk=self.instance.pk).exists():
            raise ValidationError("Un avenant de cette convention porte déjà ce numéro.")
        return numero

    def clean(self):
        cleaned = super().clean()
        if self.convention.statut == Convention.Statut.PREPARATION:
            self.add_error(None, "La convention n’est pas encore signée\u00a0: elle se modifie sans avenant.")
        elif not self.errors and not any(cleaned.get(name) for name in CHANGEMENTS):
            self.add_error(
                None,
                "Un avenant change au moins une chose\u00a0: la période, les signataires, les domaines ou le plan.",
            )
        leaving, joining = cleaned.get("signataires_retires"), cleaned.get("organisations_ajoutees")
        if leaving and not joining and len(leaving) == self.fields["signataires_retires"].queryset.count():
            self.add_error("signataires_retires", "Il ne resterait aucun signataire.")
        return cleaned

    def _post_clean(self):
        super()._post_clean()
        if self.errors:
            return
        try:
            self.instance.validate_constraints()
        except ValidationError as error:
            self.add_error(None, error.messages)
            return
        for field, sentences in self.instance.periode_errors().items():
            self.add_error(field if field in self.fields else None, sentences)

    @transaction.atomic
    def save(self, *, by):
        if self.instance.pk is not None:
            self.instance.require_projet()
        with pghistory.context(par=by.pk):
            return super().save()


class AvenantSignForm(CopieForm):
    natures = (Document.Nature.AVENANT,)
    rangees = ((("signe_le", 4),), (("depot", 12),), (("document", 12),))
    signe_le = forms.DateField(label="Signé le", widget=date_input())

    class Meta:
        model = Avenant
        fields = []

    def clean_signe_le(self):
        day = self.cleaned_data["signe_le"]
        if day > timezone.localdate():
            raise ValidationError("La date de signature est à venir.")
        return day

    @transaction.atomic
    def save(self, *, by):
        avenant, signe_le = self.instance, self.cleaned_data["signe_le"]
        titre = f"{avenant}, {avenant.objet}"[:200]
        copie = self.copie(by=by, nature=Document.Nature.AVENANT, titre=titre, date=signe_le)
        try:
            avenant.sign(by=by, signe_le=signe_le, copie=copie)
        except ValidationError as error:
            raise TransitionError(" ".join(error.messages)) from error
        return avenant


class AbandonForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = Avenant
        fields = []

    def save(self, *, by):
        self.instance.abandon(by=by)
        return self.instance
