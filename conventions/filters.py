import django_filters
from django import forms
from django.utils import timezone

from conventions.models import Convention, Departement, Organisation
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


class OrganisationFilter(ListFilter):
    TRIS = {
        "nom": ("nom_tri", "pk"),
        "-nom": ("-nom_tri", "-pk"),
        "nature": ("nature", "nom_tri", "pk"),
        "-nature": ("-nature", "nom_tri", "pk"),
        "departement": ("departement", "nom_tri", "pk"),
        "-departement": ("-departement", "nom_tri", "pk"),
    }
    tri_par_defaut = "nom"

    q = django_filters.CharFilter(label="Nom, SIREN ou SIRET", method="filter_words", max_length=100)
    nature = django_filters.ChoiceFilter(label="Nature", empty_label="Toutes")
    departement = django_filters.ModelChoiceFilter(
        label="Département", empty_label="Tous", queryset=Departement.objects.none()
    )

    class Meta:
        model = Organisation
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = set(self.queryset.order_by().values_list("nature", "departement").distinct())
        natures = {nature for nature, _ in rows}
        self.filters["nature"].extra["choices"] = [c for c in Organisation.Nature.choices if c[0] in natures]
        self.filters["departement"].queryset = Departement.objects.filter(pk__in={code for _, code in rows})

    def filter_words(self, queryset, name, value):
        return queryset.search(value)
