import django_filters
from django import forms
from django.db.models import F
from django.utils import timezone

from conventions.models import Convention, Departement, Document
from ctg_portal.filters import ListFilter


class ConventionFilter(ListFilter):
    """Choices are taken from what the visitor sees: ``queryset`` is already narrowed."""

    TRIS = {
        "territoire": ("nom_tri", "-debut", "pk"),
        "-territoire": ("-nom_tri", "-debut", "pk"),
        "debut": ("debut", "nom_tri", "pk"),
        "-debut": ("-debut", "nom_tri", "pk"),
        "fin": ("fin", "nom_tri", "pk"),
        "-fin": ("-fin", "nom_tri", "pk"),
    }
    tri_par_defaut = "territoire"

    q = django_filters.CharFilter(label="Territoire, intitulé, numéro", method="filter_words", max_length=100)
    departement = django_filters.ModelChoiceFilter(
        label="Département",
        empty_label="Tous",
        field_name="territoire__departement",
        queryset=Departement.objects.none(),
    )
    nature = django_filters.ChoiceFilter(label="Contrat", empty_label="Tous")
    statut = django_filters.ChoiceFilter(label="Statut", empty_label="Tous")
    annee = django_filters.ChoiceFilter(
        label="En cours en", empty_label="Toutes les années", method="filter_annee"
    )
    expire = django_filters.BooleanFilter(
        label="Finit sous 12 mois", method="filter_expire", widget=forms.CheckboxInput
    )

    class Meta:
        model = Convention
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = list(
            self.queryset.order_by().values_list(
                "nature", "statut", "debut", "fin", "territoire__departement"
            )
        )
        natures, statuts, departements = ({row[i] for row in rows} for i in (0, 1, 4))
        annees = {annee for _, _, debut, fin, _ in rows for annee in range(debut.year, fin.year + 1)}
        self.filters["departement"].queryset = Departement.objects.filter(pk__in=departements)
        self.filters["nature"].extra["choices"] = [c for c in Convention.Nature.choices if c[0] in natures]
        self.filters["statut"].extra["choices"] = [c for c in Convention.Statut.choices if c[0] in statuts]
        self.filters["annee"].extra["choices"] = [(str(a), str(a)) for a in sorted(annees, reverse=True)]

    def filter_words(self, queryset, name, value):
        return queryset.search(value)

    def filter_annee(self, queryset, name, value):
        return queryset.active_in(int(value))

    def filter_expire(self, queryset, name, value):
        return queryset.expiring(timezone.localdate()) if value else queryset


class DocumentFilter(ListFilter):
    """The documents in force; those that were withdrawn on demand, for whoever may put them back."""

    TRIS = {
        "titre": ("titre", "pk"),
        "-titre": ("-titre", "-pk"),
        "date": (F("date").asc(nulls_last=True), "created_at", "pk"),
        "-date": (F("date").desc(nulls_last=True), "-created_at", "pk"),
        "depot": ("created_at", "pk"),
        "-depot": ("-created_at", "-pk"),
    }
    tri_par_defaut = "-date"

    q = django_filters.CharFilter(label="Titre ou nom du fichier", method="filter_words", max_length=100)
    nature = django_filters.ChoiceFilter(label="Nature", empty_label="Toutes")
    visibilite = django_filters.ChoiceFilter(
        label="Visibilité", empty_label="Toutes", choices=Document.Visibilite.choices
    )
    retires = django_filters.BooleanFilter(
        label="Documents retirés", method="filter_nothing", widget=forms.CheckboxInput
    )

    class Meta:
        model = Document
        fields = []

    def __init__(self, *args, may_deposit, **kwargs):
        super().__init__(*args, **kwargs)
        if not may_deposit:
            del self.filters["retires"]
        wants_retires = may_deposit and self.data.get("retires") == "on"
        self.queryset = self.queryset.retires() if wants_retires else self.queryset.courants()
        natures = set(self.queryset.order_by().values_list("nature", flat=True))
        self.filters["nature"].extra["choices"] = [c for c in Document.Nature.choices if c[0] in natures]

    def filter_words(self, queryset, name, value):
        return queryset.search(value)

    def filter_nothing(self, queryset, name, value):
        """Which of the two lists is read was settled when the filter was made."""
        return queryset
