"""One form a section of the fiche, with the rows that belong to it: what it edits, it alone saves."""

from functools import cache

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.forms import inlineformset_factory
from django.utils import timezone

from actions.models import (
    Etape,
    FicheAction,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    PartenaireFiche,
    Pilote,
    Public,
)
from conventions.forms.base import OrderedFormSet, RowChoiceField, RowForm, SectionForm, date_input
from conventions.models import Commune, Dispositif, Domaine, Organisation, people_of
from ctg_portal.chargement import load_together
from ctg_portal.fields import MontantField, NombreField, TexteLong
from ctg_portal.models import User
from ctg_portal.mots import words_of
from ctg_portal.templatetags.portal import date_heure
from diagnostics.models import Constat, Enjeu

RGPD = "N’écrivez rien sur une famille ou une personne en particulier."
LIGNES_MAX = 60


FACULTATIFS = frozenset({"cadres", "enjeux", "constats"})
LIENS = ("domaines", "communes", "publics", "enjeux", "constats")
"""Many-to-many fields whose choices are rows of the territory or of the lists."""


class Choix:
    """What the sections of one fiche offer; ``load()`` reads it all at once, for the page of all the sections."""

    def __init__(self, fiche):
        convention = fiche.plan.convention
        self.fiche = fiche
        self.rows = {
            "domaines": Domaine.objects.all(),
            "publics": Public.objects.all(),
            "communes": self._communes(),
            "enjeux": Enjeu.objects.filter(diagnostic__convention=convention),
            "constats": Constat.objects.filter(diagnostic__convention=convention),
            "cadres": convention.contrats_lies.select_related("territoire"),
            "organisations": self._organisations(),
            "dispositifs": Dispositif.objects.all(),
            "people": self._people(),
        }
        self.saved = {}

    def _communes(self):
        """Those of the territoire, and those that the fiche named before they left it: no save drops them."""
        named = Q(pk__in=self.fiche.plan.convention.territoire.communes.values("pk"))
        return Commune.objects.filter(named | Q(pk__in=self.fiche.communes.values("pk"))).order_by("nom")

    def _people(self):
        """Those who follow the convention, and its pilotes who do not any more."""
        named = Q(pk__in=people_of(self.fiche.plan.convention).values("pk"))
        return User.objects.filter(named | Q(pk__in=self.fiche.pilotes.values("user")))

    def _organisations(self):
        """Whom the fiche may name: those of its convention, and those it already names."""
        fiche = self.fiche
        named = (
            Q(pk__in=Organisation.objects.for_convention(fiche.plan.convention).values("pk"))
            | Q(pk=fiche.structure_pilote_id)
            | Q(pk__in=fiche.partenaires.values("organisation"))
            | Q(pk__in=fiche.lignes_financement.values("financeur"))
        )
        return Organisation.objects.filter(named)

    def load(self, formset_models):
        """One query for the choices, the ties of the fiche and the rows of its formsets."""
        ties = {name: getattr(self.fiche, name).all() for name in LIENS}
        self.saved = {
            model: model.objects.filter(fiche=self.fiche).order_by(*model._meta.ordering)
            for model in formset_models
        }
        alone = [rows for name, rows in self.rows.items() if name != "cadres"]
        load_together(*alone, *ties.values(), *self.saved.values())
        self.fiche._prefetched_objects_cache = getattr(self.fiche, "_prefetched_objects_cache", {}) | ties

    def by_pk(self, name):
        return {row.pk: row for row in self.rows[name]}


class FicheRowFormSet(OrderedFormSet):
    """Rows of one fiche; its convention limits what may be chosen."""

    choix = None

    def shared_rows(self):
        kinds = {
            "organisation": "organisations",
            "financeur": "organisations",
            "dispositif": "dispositifs",
            "user": "people",
        }
        found = {}
        return {
            name: found.setdefault(kind, self.choix.by_pk(kind))
            for name, kind in kinds.items()
            if name in self.form.base_fields
        }


def rows_of(model, form, **options):
    return inlineformset_factory(
        FicheAction,
        model,
        form=form,
        formset=FicheRowFormSet,
        can_order=True,
        **{"extra": 2, "max_num": LIGNES_MAX, "absolute_max": LIGNES_MAX} | options,
    )


class PiloteForm(RowForm):
    user = RowChoiceField(label="Compte", required=False)

    class Meta:
        model = Pilote
        fields = ["user", "nom", "fonction"]
        help_texts = {"nom": ""}
        labels = {"nom": "Ou un nom"}


class PartenaireForm(RowForm):
    organisation = RowChoiceField(label="Organisation", required=False)

    class Meta:
        model = PartenaireFiche
        fields = ["organisation", "nom", "role"]
        help_texts = {"nom": ""}
        labels = {"nom": "Ou un nom"}


class EtapeForm(RowForm):
    class Meta:
        model = Etape
        fields = ["intitule", "responsable", "echeance", "faite_le"]
        widgets = {"echeance": date_input(), "faite_le": date_input()}

    def clean_faite_le(self):
        day = self.cleaned_data["faite_le"]
        if day and day > timezone.localdate():
            raise ValidationError(
                "Une étape ne peut pas être faite à une date à venir\u00a0: laissez vide, ou donnez son échéance."
            )
        return day


class LigneBudgetForm(RowForm):
    class Meta:
        model = LigneBudget
        fields = ["annee", "nature", "intitule", "prevu", "realise"]
        field_classes = {"prevu": MontantField, "realise": MontantField}
        labels = {"prevu": "Prévu (€)", "realise": "Réalisé (€)"}


class LigneFinancementForm(RowForm):
    financeur = RowChoiceField(label="Financeur")
    dispositif = RowChoiceField(label="Dispositif", required=False)

    class Meta:
        model = LigneFinancement
        fields = ["annee", "financeur", "dispositif", "demande", "obtenu", "etat"]
        field_classes = {"demande": MontantField, "obtenu": MontantField}
        labels = {"demande": "Demandé (€)", "obtenu": "Obtenu (€)"}


class IndicateurForm(RowForm):
    class Meta:
        model = IndicateurSuivi
        fields = [
            "intitule",
            "nature",
            "unite",
            "valeur_initiale",
            "date_initiale",
            "cible",
            "echeance_cible",
        ]
        widgets = {"date_initiale": date_input(), "echeance_cible": date_input()}
        field_classes = {"valeur_initiale": NombreField, "cible": NombreField}


class FicheSectionForm(SectionForm):
    """A section of a fiche. ``rows`` maps a prefix to the class of the formset that belongs to it."""

    rows = {}

    def __init__(self, *args, choix=None, **kwargs):
        self.choix = choix or Choix(kwargs["instance"])
        super().__init__(*args, **kwargs)

    def prepare(self):
        self.formsets = {}
        for name, formset_class in self.rows.items():
            formset = formset_class(
                self.data if self.is_bound else None, instance=self.instance, prefix=self.add_prefix(name)
            )
            formset.choix = self.choix
            if formset.model in self.choix.saved:
                formset._queryset = self.choix.saved[formset.model]
            self.formsets[name] = formset
        for name in ("cadres", *LIENS):
            if name in self.fields:
                self.offer(name)

    def offer(self, name):
        """Related objects are those of the convention; a choice of nothing is no field."""
        field, rows = self.fields[name], self.choix.rows[name]
        field.queryset = rows
        if name in FACULTATIFS and not rows:
            del self.fields[name]
        elif rows._result_cache is not None:
            # The iterator of the field would read them again.
            field.choices = cache(lambda: [(row.pk, str(row)) for row in rows])

    def announce(self, *, by):
        """Tell whom it concerns what was just saved."""

    def saved_state(self):
        state = super().saved_state()
        for prefix, formset in self.formsets.items():
            # The rows saved, not those the page sent: one added meanwhile, or by a first press, counts too.
            columns = [field.attname for field in formset.model._meta.concrete_fields]
            state[prefix] = [
                [str(getattr(row, column)) for column in columns] for row in formset.get_queryset()
            ]
        return state

    @property
    def columns(self):
        """The columns of the fiche that this section writes."""
        return [field.attname for field in FicheAction._meta.concrete_fields if field.name in self.fields]

    def differences(self):
        """Texts that differ from what is saved, as (label, words): what is saved, then what was typed."""
        texts = [
            (bound.label, str(self.initial.get(bound.name) or ""), str(bound.value() or ""))
            for bound in self.visible_fields()
            if isinstance(bound.field, forms.CharField)
        ]
        return [
            (label, words_of(saved, typed)) for label, saved, typed in texts if saved.split() != typed.split()
        ]

    def refuse_overwriting(self):
        """The page shows the whole saved section above the form."""
        self.add_error(
            None,
            "Cette rubrique a été enregistrée par quelqu’un d’autre depuis que vous l’avez ouverte "
            f"(fiche modifiée le {date_heure(timezone.localtime(self.instance.updated_at))}). "
            "Votre saisie est gardée ci-dessous et la version enregistrée est rappelée au-dessus : "
            "reprenez ce qui doit l’être, puis enregistrez pour la remplacer.",
        )

    def is_valid(self):
        return all([super().is_valid(), *(formset.is_valid() for formset in self.formsets.values())])

    @transaction.atomic
    def save(self, commit=True):
        fiche = super().save(commit)
        for formset in self.formsets.values():
            formset.save()
        return fiche


class IdentiteForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = [
            "code",
            "intitule",
            "nature",
            "priorite",
            "domaines",
            "cadres",
            "communes",
            "confidentielle",
        ]
        widgets = {
            "domaines": forms.CheckboxSelectMultiple,
            "cadres": forms.CheckboxSelectMultiple,
            "communes": forms.CheckboxSelectMultiple,
        }


class ContexteForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = ["enjeux", "constats", "besoins", "dispositifs_existants"]
        widgets = {
            "enjeux": forms.CheckboxSelectMultiple,
            "constats": forms.CheckboxSelectMultiple,
            "besoins": TexteLong(6),
            "dispositifs_existants": TexteLong(),
        }
        help_texts = {"besoins": RGPD}


class ObjectifsForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = ["objectif_general", "objectifs_specifiques", "changements_attendus"]
        widgets = dict.fromkeys(fields, TexteLong())


class ModalitesForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = ["modalites"]
        widgets = {"modalites": TexteLong(12)}
        help_texts = {"modalites": RGPD}


class PublicForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = ["publics", "public_precisions", "effectif_attendu"]
        widgets = {"publics": forms.CheckboxSelectMultiple, "public_precisions": TexteLong(3)}


class EquipeForm(FicheSectionForm):
    rows = {"pilotes": rows_of(Pilote, PiloteForm), "partenaires": rows_of(PartenaireFiche, PartenaireForm)}
    structure_pilote = RowChoiceField(label="Structure pilote", required=False)

    class Meta:
        model = FicheAction
        fields = ["structure_pilote", "elu_referent", "referent_caf", "referent_msa", "equipe_projet"]
        widgets = {"equipe_projet": TexteLong(4)}

    def prepare(self):
        super().prepare()
        self.fields["structure_pilote"].share(self.choix.by_pk("organisations"))

    def announce(self, *, by):
        rows = self.formsets["pilotes"]
        saved = [*rows.new_objects, *(row for row, changed in rows.changed_objects if "user" in changed)]
        self.instance.notifications.tell_pilotes(
            self.instance, [row.user for row in saved if row.user], by=by
        )


class MoyensForm(FicheSectionForm):
    rows = {
        "budget": rows_of(LigneBudget, LigneBudgetForm),
        "financement": rows_of(LigneFinancement, LigneFinancementForm),
    }

    class Meta:
        model = FicheAction
        fields = ["moyens_humains", "etp", "moyens_materiels", "moyens_techniques"]
        widgets = {
            "moyens_humains": TexteLong(3),
            "moyens_materiels": TexteLong(3),
            "moyens_techniques": TexteLong(3),
        }
        field_classes = {"etp": NombreField}


class CalendrierForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = ["debut", "echeance", "rythme"]
        widgets = {"debut": date_input(), "echeance": date_input()}


class EvaluationForm(FicheSectionForm):
    rows = {"indicateurs": rows_of(IndicateurSuivi, IndicateurForm, extra=1)}

    class Meta:
        model = FicheAction
        fields = ["methode_evaluation"]
        widgets = {"methode_evaluation": TexteLong(4)}


class SuiviForm(FicheSectionForm):
    class Meta:
        model = FicheAction
        fields = ["difficultes", "prochaines_etapes"]
        widgets = {"difficultes": TexteLong(4), "prochaines_etapes": TexteLong(4)}
        help_texts = {"difficultes": RGPD}


class EtapesForm(FicheSectionForm):
    """The steps alone: they go on being ticked after the text is validated."""

    rows = {"etapes": rows_of(Etape, EtapeForm, extra=3)}

    class Meta:
        model = FicheAction
        fields = []


SECTION_FORMS = {
    "identite": IdentiteForm,
    "contexte": ContexteForm,
    "objectifs": ObjectifsForm,
    "modalites": ModalitesForm,
    "public": PublicForm,
    "equipe": EquipeForm,
    "moyens": MoyensForm,
    "calendrier": CalendrierForm,
    "evaluation": EvaluationForm,
    "suivi": SuiviForm,
}

FORMSET_TITLES = {
    "pilotes": ("Pilotes", "Ajouter un·e pilote"),
    "partenaires": ("Partenaires et leur rôle", "Ajouter un partenaire"),
    "budget": ("Budget", "Ajouter une ligne de budget"),
    "financement": ("Plan de financement", "Ajouter un financement"),
    "indicateurs": ("Indicateurs de suivi", "Ajouter un indicateur"),
    "etapes": ("Étapes", "Ajouter une étape"),
}
"""Prefix of a formset → its caption and its button."""
