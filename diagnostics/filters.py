import django_filters

from conventions.models import Domaine
from ctg_portal.filters import ListFilter
from diagnostics.models import Atelier, Indicateur, Parole, Valeur


class ValeurFilter(ListFilter):
    """The figures of a territoire: choices are those of its rows."""

    TRIS = {
        "indicateur": ("indicateur__ordre", "niveau", "lieu", "-annee", "source", "pk"),
        "-indicateur": ("-indicateur__ordre", "niveau", "lieu", "-annee", "source", "pk"),
        "lieu": ("lieu", "indicateur__ordre", "-annee", "source", "pk"),
        "-lieu": ("-lieu", "indicateur__ordre", "-annee", "source", "pk"),
        "annee": ("annee", "indicateur__ordre", "niveau", "lieu", "pk"),
        "-annee": ("-annee", "indicateur__ordre", "niveau", "lieu", "pk"),
        "source": ("source", "indicateur__ordre", "niveau", "lieu", "-annee", "pk"),
        "-source": ("-source", "indicateur__ordre", "niveau", "lieu", "-annee", "pk"),
    }
    tri_par_defaut = "indicateur"

    indicateur = django_filters.ModelChoiceFilter(
        label="Indicateur", empty_label="Tous", to_field_name="code", queryset=Indicateur.objects.none()
    )
    niveau = django_filters.ChoiceFilter(label="Niveau", empty_label="Tous")
    annee = django_filters.ChoiceFilter(label="Année", empty_label="Toutes")
    source = django_filters.ChoiceFilter(label="Source", empty_label="Toutes")
    absence = django_filters.ChoiceFilter(
        label="Chiffre absent", empty_label="Tous les chiffres", choices=Valeur.Absence.choices
    )

    class Meta:
        model = Valeur
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        columns = ("indicateur", "niveau", "annee", "source")
        rows = list(
            self.queryset.model.objects.filter(pk__in=self.queryset.order_by().values("pk"))
            .order_by()
            .values_list(*columns)
            .distinct()
        )
        indicateurs, niveaux, annees, sources = ({row[i] for row in rows} for i in range(4))
        self.filters["indicateur"].queryset = Indicateur.objects.filter(pk__in=indicateurs)
        self.filters["niveau"].extra["choices"] = [c for c in Valeur.Niveau.choices if c[0] in niveaux]
        self.filters["annee"].extra["choices"] = [(str(a), str(a)) for a in sorted(annees, reverse=True)]
        self.filters["source"].extra["choices"] = [(source, source) for source in sorted(sources)]


class ParoleFilter(ListFilter):
    """Choices are those of the paroles of the diagnostic."""

    q = django_filters.CharFilter(
        label="Mots de la parole", field_name="texte", lookup_expr="icontains", max_length=100
    )
    theme = django_filters.ModelChoiceFilter(
        label="Thème", empty_label="Tous", queryset=Domaine.objects.none(), null_label="Sans thème"
    )
    locuteur = django_filters.ChoiceFilter(label="Qui parle", empty_label="Tous")
    atelier = django_filters.ModelChoiceFilter(
        label="Atelier", empty_label="Tous", queryset=Atelier.objects.none(), null_label="Hors atelier"
    )

    class Meta:
        model = Parole
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        rows = list(self.queryset.order_by().values_list("theme", "locuteur", "atelier").distinct())
        themes, locuteurs, ateliers = ({row[i] for row in rows} for i in range(3))
        self.filters["theme"].queryset = Domaine.objects.filter(pk__in=themes - {None})
        self.filters["locuteur"].extra["choices"] = [c for c in Parole.Locuteur.choices if c[0] in locuteurs]
        self.filters["atelier"].queryset = Atelier.objects.filter(pk__in=ateliers - {None})
