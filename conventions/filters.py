import django_filters
from django import forms
from django.db.models import F
from django.utils import timezone

from conventions.models import (
    Commune,
    Convention,
    Departement,
    Dispositif,
    Document,
    Equipement,
    Financement,
    Organisation,
    TypeEquipement,
)
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


class EquipementFilter(ListFilter):
    """The register of a territoire: choices are those of its rows."""

    TRIS = {
        "type": ("type__ordre", "type__intitule", "commune__nom", "nom", "pk"),
        "-type": ("-type__ordre", "-type__intitule", "commune__nom", "nom", "pk"),
        "nom": ("nom", "pk"),
        "-nom": ("-nom", "-pk"),
        "commune": (F("commune__nom").asc(nulls_last=True), "type__ordre", "nom", "pk"),
        "-commune": (F("commune__nom").desc(nulls_last=True), "type__ordre", "nom", "pk"),
        "gestionnaire": (F("gestionnaire__nom").asc(nulls_last=True), "type__ordre", "nom", "pk"),
        "-gestionnaire": (F("gestionnaire__nom").desc(nulls_last=True), "type__ordre", "nom", "pk"),
        "capacite": (F("capacite").asc(nulls_last=True), "nom", "pk"),
        "-capacite": (F("capacite").desc(nulls_last=True), "nom", "pk"),
        "cof": (F("cof_fin").asc(nulls_last=True), "nom", "pk"),
        "-cof": (F("cof_fin").desc(nulls_last=True), "nom", "pk"),
    }
    tri_par_defaut = "type"

    q = django_filters.CharFilter(label="Nom, lieu, n° de COF", method="filter_words", max_length=100)
    famille = django_filters.ChoiceFilter(label="Famille", empty_label="Toutes", field_name="type__famille")
    type = django_filters.ModelChoiceFilter(
        label="Type", empty_label="Tous", queryset=TypeEquipement.objects.none()
    )
    commune = django_filters.ModelChoiceFilter(
        label="Commune", empty_label="Toutes", queryset=Commune.objects.none()
    )
    gestionnaire = django_filters.ModelChoiceFilter(
        label="Gestionnaire", empty_label="Tous", queryset=Organisation.objects.none()
    )
    etat = django_filters.ChoiceFilter(
        label="État",
        empty_label="Tous",
        method="filter_word",
        choices=[("en_service", "En service"), ("a_ouvrir", "À ouvrir"), ("fermes", "Fermés")],
    )
    cof = django_filters.ChoiceFilter(
        label="COF",
        empty_label="Toutes",
        method="filter_word",
        choices=[
            ("cof_expiree", "Expirée"),
            ("cof_bientot", "Expire dans six mois"),
            ("sans_cof", "Non renseignée"),
        ],
    )

    class Meta:
        model = Equipement
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = self.queryset.order_by().values("type", "type__famille", "commune", "gestionnaire")
        found = {
            name: {row[name] for row in rows} for name in ("type", "type__famille", "commune", "gestionnaire")
        }
        self.filters["famille"].extra["choices"] = [
            choice for choice in TypeEquipement.Famille.choices if choice[0] in found["type__famille"]
        ]
        for name, model in (("type", TypeEquipement), ("commune", Commune), ("gestionnaire", Organisation)):
            self.filters[name].queryset = model.objects.filter(pk__in=found[name] - {None})

    def filter_words(self, queryset, name, value):
        return queryset.search(value)

    def filter_word(self, queryset, name, value):
        """Each choice is a word of the queryset."""
        return getattr(queryset, value)()


class FinancementFilter(ListFilter):
    """Choices are those of the lines of the convention. ``dispositif`` takes a whole group too."""

    exercice = django_filters.ChoiceFilter(label="Exercice", empty_label="Tous")
    financeur = django_filters.ModelChoiceFilter(
        label="Financeur", empty_label="Tous", queryset=Organisation.objects.none()
    )
    dispositif = django_filters.ChoiceFilter(
        label="Dispositif ou groupe", empty_label="Tous", method="filter_dispositif"
    )
    beneficiaire = django_filters.ModelChoiceFilter(
        label="Bénéficiaire", empty_label="Tous", queryset=Organisation.objects.none()
    )
    equipement = django_filters.ModelChoiceFilter(
        label="Équipement", empty_label="Tous", queryset=Equipement.objects.none()
    )

    class Meta:
        model = Financement
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = list(self.queryset.for_table())
        annees = sorted({row.exercice for row in rows}, reverse=True)
        self.filters["exercice"].extra["choices"] = [(str(annee), str(annee)) for annee in annees]
        for name in ("financeur", "beneficiaire"):
            ids = {getattr(row, f"{name}_id") for row in rows}
            self.filters[name].queryset = Organisation.objects.filter(pk__in=ids)
        equipements = {row.equipement_id for row in rows} - {None}
        if equipements:
            self.filters["equipement"].queryset = Equipement.objects.filter(pk__in=equipements)
        else:
            del self.filters["equipement"]
        dispositifs = {row.dispositif_id: row.dispositif for row in rows}.values()
        self.filters["dispositif"].extra["choices"] = [
            (
                groupe.label,
                [
                    (groupe.value, f"{groupe.label}, en entier"),
                    *((str(row.pk), row.intitule) for row in dispositifs if row.groupe == groupe),
                ],
            )
            for groupe in Dispositif.Groupe
            if any(row.groupe == groupe for row in dispositifs)
        ]

    def filter_dispositif(self, queryset, name, value):
        if value in Dispositif.Groupe.values:
            return queryset.filter(dispositif__groupe=value)
        return queryset.filter(dispositif=value)


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
