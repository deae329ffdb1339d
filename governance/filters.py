import re

import django_filters
from django import forms
from django.db.models import F, Q

from actions.models import FicheAction
from governance.choices import fiche_choices, fiches_of
from governance.models import Decision, Instance

NUMERO = re.compile(r"^(\d{4})-([A-Z-]+)-(\d{1,5})$")

TRIS = {
    "numero": ("annee", "serie", "rang"),
    "-numero": ("-annee", "serie", "-rang"),
    "echeance": (F("echeance").asc(nulls_last=True), "-annee", "serie", "-rang"),
    "-echeance": (F("echeance").desc(nulls_last=True), "-annee", "serie", "-rang"),
    "nature": ("nature", "-annee", "serie", "-rang"),
    "-nature": ("-nature", "-annee", "serie", "-rang"),
}
"""Each ends on the number, so that pages never overlap."""


class DecisionFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(label="Numéro ou mots", method="filter_words", max_length=200)
    etat = django_filters.ChoiceFilter(
        label="État",
        empty_label="Tous",
        method="filter_etat",
        choices=[("ouverte", "Ouverte"), ("retard", "En retard"), ("realisee", "Réalisée")],
    )
    instance = django_filters.ModelChoiceFilter(
        label="Instance",
        empty_label="Toutes",
        field_name="reunion__instance",
        queryset=Instance.objects.none(),
    )
    annee = django_filters.ChoiceFilter(label="Année", empty_label="Toutes")
    nature = django_filters.ChoiceFilter(
        label="Nature", empty_label="Toutes", choices=Decision.Nature.choices
    )
    responsable = django_filters.ChoiceFilter(label="Qui s’en charge", empty_label="Tous")
    fiche = django_filters.ModelChoiceFilter(
        label="Fiche", empty_label="Toutes", field_name="effets__fiche", queryset=FicheAction.objects.none()
    )
    tri = django_filters.ChoiceFilter(
        choices=[(tri, tri) for tri in TRIS], method="sort", widget=forms.HiddenInput
    )

    class Meta:
        model = Decision
        fields = []

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.filters["instance"].queryset = convention.instances.all()
        self.filters["annee"].extra["choices"] = [
            (annee, str(annee))
            for annee in convention.decisions.order_by("-annee").values_list("annee", flat=True).distinct()
        ]
        people = convention.decisions.exclude(responsable="").order_by("responsable")
        self.filters["responsable"].extra["choices"] = [
            (name, name) for name in people.values_list("responsable", flat=True).distinct()
        ]
        fiches = fiches_of(convention, self.request.user)
        self.filters["fiche"].queryset = fiches
        self.form.fields["fiche"].widget.choices = [("", "Toutes"), *fiche_choices(fiches)]

    def filter_words(self, queryset, name, value):
        found = NUMERO.match(value.strip().upper())
        if found:
            annee, serie, rang = found.groups()
            return queryset.filter(
                annee=annee, serie=serie.lower().replace("-", "_"), rang=min(int(rang), 32_767)
            )
        return queryset.filter(Q(texte__icontains=value) | Q(responsable__icontains=value))

    def filter_etat(self, queryset, name, value):
        etats = {
            "ouverte": queryset.ouvertes,
            "retard": queryset.en_retard,
            "realisee": queryset.realisees,
        }
        return etats[value]()

    def sort(self, queryset, name, value):
        return queryset.order_by(*TRIS[value])

    @property
    def ordre(self):
        """The sort in force."""
        return (self.form.is_valid() and self.form.cleaned_data["tri"]) or "-numero"

    @property
    def badges(self):
        """The filters in force, in words, each with the address that removes it."""
        rows = []
        for bound in self.form.visible_fields():
            value = self.form.cleaned_data.get(bound.name) if self.form.is_valid() else None
            if not value:
                continue
            labels = dict(getattr(bound.field, "choices", None) or ()) if isinstance(value, str) else {}
            rest = self.data.copy()
            rest.pop(bound.name)
            rest.pop("page", None)
            rows.append(
                {
                    "label": f"{bound.label} : {labels.get(value, value)}",
                    "url_remove": f"?{rest.urlencode()}",
                }
            )
        return rows
