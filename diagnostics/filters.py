import django_filters

from conventions.models import Domaine
from ctg_portal.filters import ListFilter
from diagnostics.models import Atelier, Parole


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
