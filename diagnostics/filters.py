import django_filters

from ctg_portal.filters import ListFilter
from diagnostics.models import Indicateur, Valeur


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
