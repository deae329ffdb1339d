"""The agenda as it is built: one point, one move, what is taken over; subjects that wait; pieces of the meeting."""

import re
from pathlib import PurePosixPath

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from actions.models import FicheAction
from conventions.forms.base import ConstrainedForm, PlacedForm, SectionForm
from ctg_portal.depots import DepotField
from ctg_portal.fields import TexteLong
from governance.choices import fiche_choices, fiches_of
from governance.forms.reunions import ReunionForm
from governance.models import ModeleOrdreDuJour, PieceReunion, PointOrdreDuJour, Reunion, SujetEnAttente
from governance.ordre_du_jour import (
    TRAMES,
    PointPropose,
    add_points,
    keep_as_modele,
    move_point,
    points_of_modele,
    points_of_reunion,
    remove_point,
    take_subject,
)

GESTE = re.compile(
    r"point-(?P<pk>[0-9]{1,15}):(?:(?P<sens>haut|bas)|dans:reunion-[0-9]{1,15}:(?P<apres>[0-9]{0,15}))"
)
"""« point-12:haut », or « point-12:dans:reunion-5:9 »: after the point 9 (first without a number)."""
USUELS = ("duree", "lieu", "lien", "president", "secretaire")
"""What a meeting takes from the last one of its instance, for its secretary to change."""
RGPD = "Aucun document sur une famille ou une personne privée."


class FichesField(forms.ModelMultipleChoiceField):
    """Fiches of one convention, by axe; those already chosen stay even archived."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs):
        super().__init__(FicheAction.objects.none(), label="Fiches concernées", required=False, **kwargs)

    def offer(self, convention, user, *, chosen):
        fiches = fiches_of(convention, user).filter(
            ~Q(redaction=FicheAction.Redaction.ARCHIVEE) | Q(pk__in=chosen)
        )
        self.queryset = fiches
        self.choices = fiche_choices(fiches)


class HiddenFichesMixin:
    """What the visitor may not see was not on their page: it stays."""

    def _save_m2m(self):
        shown = self.fields["fiches"].queryset.values("pk")
        hidden = list(self.instance.fiches.exclude(pk__in=shown))
        super()._save_m2m()
        self.instance.fiches.add(*hidden)


class PointForm(HiddenFichesMixin, SectionForm):
    """One point of an agenda that is there."""

    rangees = (
        (("intitule", 12),),
        (("visee", 4), ("duree", 3), ("rapporteur", 5)),
        (("texte", 12),),
        (("fiches", 12),),
    )
    duree = forms.IntegerField(label="Durée (minutes)", required=False, min_value=1, max_value=24 * 60)
    fiches = FichesField()
    remettre = forms.BooleanField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = PointOrdreDuJour
        fields = ["intitule", "visee", "rapporteur", "duree", "texte", "fiches"]
        widgets = {"texte": TexteLong(5)}

    def __init__(self, *args, user, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def prepare(self):
        point = self.instance
        chosen = point.fiches.values("pk") if point.pk else []
        self.fields["fiches"].offer(point.reunion.convention, self.user, chosen=chosen)

    def _placed(self, name):
        return name

    def clean(self):
        if self.instance.pk:
            return super().clean()
        # Taken off meanwhile by somebody else: what was typed is given back, and a second press puts it on again.
        if not self.cleaned_data.get("remettre"):
            self.data = self.data.copy()
            self.data["remettre"] = "on"
            raise ValidationError(
                "Ce point vient d’être retiré de l’ordre du jour. Votre saisie est gardée ci-dessous\u00a0: "
                "enregistrez pour le remettre, à la fin, ou annulez."
            )
        return self.cleaned_data

    def save(self, *, by):
        if self.instance.pk:
            return super().save()
        names = ("intitule", "visee", "rapporteur", "duree", "texte", "fiches")
        values = {name: self.cleaned_data[name] for name in names}
        (self.instance,) = add_points(self.instance.reunion, [PointPropose(**values)])
        return self.instance


class PointAddForm(PlacedForm):
    """A new point at the end of the agenda; the rest of it is written on its own page."""

    rangees = ((("intitule", 12),), (("visee", 5), ("duree", 3), ("rapporteur", 4)))
    intitule = forms.CharField(label="Nouveau point", max_length=300)
    visee = forms.ChoiceField(label="Visée", choices=PointOrdreDuJour.Visee.choices)
    duree = forms.IntegerField(label="Minutes", required=False, min_value=1, max_value=24 * 60)
    rapporteur = forms.CharField(label="Rapporteur·e", max_length=150, required=False)

    class Meta:
        model = Reunion
        fields = []

    def save(self, *, by):
        names = ("intitule", "visee", "duree", "rapporteur")
        add_points(self.instance, [PointPropose(**{name: self.cleaned_data[name] for name in names})])
        return self.instance


class PointMoveForm(forms.Form):
    geste = forms.CharField()
    empreinte = forms.CharField(max_length=64)

    def __init__(self, *args, reunion, **kwargs):
        super().__init__(*args, **kwargs)
        self.reunion = reunion

    def clean_geste(self):
        found = GESTE.fullmatch(self.cleaned_data["geste"])
        if found is None:
            raise ValidationError("Ce déplacement n’a pas été compris\u00a0: rien n’a changé.")
        return int(found["pk"]), found["sens"] or (int(found["apres"]) if found["apres"] else None)

    def clean(self):
        cleaned = super().clean()
        if self.errors and "geste" not in self.errors:
            raise ValidationError("Cette page est incomplète\u00a0: rien n’a été déplacé.")
        return cleaned

    @property
    def refus(self):
        """What is said of a move that was not made."""
        return " ".join(sentence for sentences in self.errors.values() for sentence in sentences)

    def save(self):
        pk, vers = self.cleaned_data["geste"]
        return move_point(self.reunion, pk, vers=vers, empreinte=self.cleaned_data["empreinte"])


class PointRemoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = PointOrdreDuJour
        fields = []

    def save(self, *, by):
        remove_point(self.instance, by=by)
        return self.instance


class SuggestionForm(forms.ModelForm):
    """What of one suggestion is put on the agenda; ``suggestion`` is ``None`` when there is no such one any more."""

    fiches = forms.MultipleChoiceField(required=False)

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, suggestion, **kwargs):
        super().__init__(*args, **kwargs)
        self.suggestion = suggestion
        offered = suggestion.fiches if suggestion else []
        self.fields["fiches"].choices = [(str(fiche.pk), str(fiche)) for fiche in offered]
        self.fields["fiches"].error_messages["invalid_choice"] = (
            "Une de ces fiches n’est plus proposée\u00a0: voici la liste d’à présent."
        )

    def clean(self):
        cleaned = super().clean()
        if self.suggestion is None:
            raise ValidationError("Cette proposition n’a plus lieu d’être\u00a0: rien n’a été ajouté.")
        if self.suggestion.fiches and not self.errors and not cleaned["fiches"]:
            raise ValidationError("Cochez au moins une fiche à mettre à l’ordre du jour.")
        return cleaned

    def save(self, *, by):
        chosen = set(self.cleaned_data["fiches"])
        kept = [fiche for fiche in self.suggestion.fiches if str(fiche.pk) in chosen]
        add_points(self.instance, [self.suggestion.propose(kept)])
        return self.instance


class SourcesMixin:
    """A field ``source``: an agenda of an earlier meeting, a kept one, or one of those that every convention has."""

    def offer_sources(self, convention, *, but=None, empty="Choisir…"):
        self.modeles = {f"modele-{row.pk}": row for row in convention.modeles_ordre_du_jour.all()}
        earlier = (
            Reunion.objects.filter(instance__convention=convention)
            .exclude(pk=but)
            .exclude(points=None)
            .select_related("instance")
            .order_by("-debut", "-pk")
            .distinct()[:20]
        )
        self.reunions = {f"reunion-{reunion.pk}": reunion for reunion in earlier}
        groups = [
            ("Réunions précédentes", [(code, str(reunion)) for code, reunion in self.reunions.items()]),
            ("Modèles de la convention", [(code, str(modele)) for code, modele in self.modeles.items()]),
            ("Trames du portail", [(f"trame-{code}", nom) for code, (nom, _) in TRAMES.items()]),
        ]
        self.fields["source"].choices = [("", empty), *((nom, rows) for nom, rows in groups if rows)]

    def proposes(self):
        """The points of what was chosen; none of nothing."""
        source = self.cleaned_data["source"]
        if not source:
            return []
        if source in self.reunions:
            return points_of_reunion(self.reunions[source])
        if source in self.modeles:
            return points_of_modele(self.modeles[source].points.all())
        return list(TRAMES[source.removeprefix("trame-")][1])


class TakeForm(SourcesMixin, forms.ModelForm):
    """An agenda whose points are added to that of the meeting."""

    source = forms.ChoiceField(label="Partir de", error_messages={"required": "Choisissez d’où partir."})

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.offer_sources(self.instance.convention, but=self.instance.pk)

    def save(self, *, by):
        add_points(self.instance, self.proposes())
        return self.instance


class ReunionAddForm(SourcesMixin, ReunionForm):
    """A new meeting: what is usual is there already, as the last one of the instance had it."""

    rangees = (*ReunionForm.rangees, [("source", 12)])
    source = forms.ChoiceField(label="Ordre du jour", required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        instance = self.instance.instance
        self.offer_sources(instance.convention, empty="Vide")
        last = instance.reunions.exclude(statut=Reunion.Statut.ANNULEE).order_by("-debut").first()
        if last is not None:
            self.initial |= {name: getattr(last, name) for name in USUELS}

    @transaction.atomic
    def save(self, commit=True):
        reunion = super().save(commit)
        add_points(reunion, self.proposes())
        return reunion


class ModeleForm(ConstrainedForm):
    """The name under which an agenda is kept; ``reunion`` is where it comes from."""

    class Meta:
        model = ModeleOrdreDuJour
        fields = ["intitule"]

    def __init__(self, *args, reunion, **kwargs):
        super().__init__(*args, **kwargs)
        self.reunion = reunion

    def save(self, *, by):
        keep_as_modele(self.reunion, self.instance)
        return self.reunion


class SujetForm(HiddenFichesMixin, SectionForm):
    """A subject that waits."""

    rangees = ((("intitule", 8), ("visee", 4)), (("texte", 12),), (("fiches", 12),))
    fiches = FichesField()

    class Meta:
        model = SujetEnAttente
        fields = ["intitule", "visee", "texte", "fiches"]
        widgets = {"texte": TexteLong(4)}

    def __init__(self, *args, user, **kwargs):
        self.user = user
        super().__init__(*args, **kwargs)

    def prepare(self):
        chosen = self.instance.fiches.values("pk") if self.instance.pk else []
        self.fields["fiches"].offer(self.instance.convention, self.user, chosen=chosen)

    def _placed(self, name):
        return name

    def save(self, commit=True):
        if self.instance.pk:
            return super().save(commit)
        self.instance.save()
        self._save_m2m()
        return self.instance


class SujetRemoveForm(forms.ModelForm):
    """No field: confirming is the whole input."""

    class Meta:
        model = SujetEnAttente
        fields = []

    def save(self, *, by):
        self.instance.delete()
        return self.instance


class SujetTakeForm(forms.ModelForm):
    """Which of the subjects that wait becomes a point of the meeting."""

    sujet = forms.ModelChoiceField(
        SujetEnAttente.objects.none(),
        error_messages={
            "invalid_choice": "Ce sujet n’attend plus\u00a0: il est à l’ordre du jour d’une réunion, ou retiré.",
            "required": "Choisissez un sujet.",
        },
    )

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["sujet"].queryset = self.instance.instance.sujets.en_attente()

    def save(self, *, by):
        take_subject(self.cleaned_data["sujet"], self.instance)
        return self.instance


class PieceForm(PlacedForm):
    """``instance`` is the meeting; what is saved is a piece of it."""

    rangees = ((("depot", 12),), (("titre", 7), ("nature", 5)), (("point", 12),))
    depot = DepotField(label="Fichier")
    titre = forms.CharField(
        label="Titre", max_length=200, required=False, help_text="Vide\u00a0: le nom du fichier."
    )
    nature = forms.ChoiceField(label="Nature", choices=PieceReunion.Nature.choices)
    point = forms.ModelChoiceField(
        PointOrdreDuJour.objects.none(),
        label="Point de l’ordre du jour",
        required=False,
        empty_label="Toute la réunion",
    )

    class Meta:
        model = Reunion
        fields = []

    def __init__(self, *args, point=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["depot"].help_text += f" {RGPD}"
        self.fields["point"].queryset = self.instance.points.all()
        self.initial["point"] = point

    def clean(self):
        cleaned = super().clean()
        if not (cleaned.get("titre") or "").strip() and cleaned.get("depot"):
            cleaned["titre"] = PurePosixPath(cleaned["depot"].nom).stem
        if cleaned.get("nature") == PieceReunion.Nature.EMARGEMENT:
            cleaned["point"] = None
        return cleaned

    def save(self, *, by):
        fields = {name: self.cleaned_data[name] for name in ("titre", "nature", "point")}
        PieceReunion.objects.deposit(self.cleaned_data["depot"], by=by, reunion=self.instance, **fields)
        return self.instance
