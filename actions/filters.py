import django_filters
from django import forms
from django.db.models import Case, F, IntegerField, Q, Value, When

from actions.models import Axe, FicheAction, Objectif, Pilote
from actions.models.fiche import AVANCEMENTS_FINIS, Avancement, Redaction
from actions.models.libelles import redaction_choices
from conventions.models import Convention, Domaine
from ctg_portal.filters import ListFilter


def _rank(field, codes):
    return Case(
        *(When(**{field: code}, then=Value(rank)) for rank, code in enumerate(codes)),
        default=Value(len(codes)),
        output_field=IntegerField(),
    )


PLACE = (
    "plan",
    "axe__ordre",
    "axe",
    F("objectif__ordre").asc(nulls_first=True),
    "objectif",
    "ordre",
    "pk",
)
PRIORITE = _rank("priorite", [code for code, _ in FicheAction.Priorite.choices])
AVANCEMENT = _rank("avancement", Avancement.values)
REDACTION = _rank("redaction", Redaction.values)
ONGOING = ~Q(avancement__in=AVANCEMENTS_FINIS)


class Check(django_filters.BooleanFilter):
    """A box: its method is called with ``False`` too, and must then leave the list as it is."""

    def __init__(self, **kwargs):
        super().__init__(widget=forms.CheckboxInput, **kwargs)


class FicheFilter(ListFilter):
    """Choices are those of the convention. Holes are looked for in actions that are not finished."""

    TRIS = {
        "place": PLACE,
        "intitule": ("intitule", "pk"),
        "-intitule": ("-intitule", "pk"),
        "avancement": (AVANCEMENT, *PLACE),
        "-avancement": (AVANCEMENT.desc(), *PLACE),
        "redaction": (REDACTION, *PLACE),
        "-redaction": (REDACTION.desc(), *PLACE),
        "priorite": (PRIORITE, *PLACE),
        "-priorite": (PRIORITE.desc(), *PLACE),
        "echeance": (F("echeance").asc(nulls_last=True), *PLACE),
        "-echeance": (F("echeance").desc(nulls_last=True), *PLACE),
    }
    tri_par_defaut = "place"

    q = django_filters.CharFilter(label="Mots du titre, numéro", method="filter_words", max_length=200)
    axe = django_filters.ModelChoiceFilter(label="Axe", empty_label="Tous", queryset=Axe.objects.none())
    objectif = django_filters.ModelChoiceFilter(
        label="Objectif", empty_label="Tous", queryset=Objectif.objects.none()
    )
    domaine = django_filters.ModelChoiceFilter(
        label="Domaine", empty_label="Tous", field_name="domaines", queryset=Domaine.objects.none()
    )
    avancement = django_filters.ChoiceFilter(
        label="Avancement", empty_label="Tous", choices=Avancement.choices
    )
    redaction = django_filters.ChoiceFilter(
        label="Rédaction", empty_label="Toutes sauf archivées", choices=Redaction.choices
    )
    priorite = django_filters.ChoiceFilter(
        label="Priorité", empty_label="Toutes", choices=FicheAction.Priorite.choices
    )
    pilote = django_filters.ChoiceFilter(label="Pilote", empty_label="Tous", method="filter_pilote")
    structure = django_filters.ChoiceFilter(
        label="Structure pilote", empty_label="Toutes", field_name="structure_pilote"
    )
    cadre = django_filters.ModelChoiceFilter(
        label="Autre contrat", empty_label="Tous", field_name="cadres", queryset=Convention.objects.none()
    )
    en_retard = Check(label="En retard", method="filter_late")
    sans_pilote = Check(label="Sans pilote", method="filter_without_pilote")
    sans_echeance = Check(label="Sans échéance", method="filter_without_echeance")
    sans_indicateur = Check(label="Sans indicateur", method="filter_without_indicateur")

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, convention, roles=(), **kwargs):
        """``roles``: those of the reader, whose words tell how far a text is."""
        super().__init__(*args, **kwargs)
        self.filters["redaction"].extra["choices"] = redaction_choices(roles)
        porteuse = convention.principale_id or convention.pk
        self.filters["axe"].queryset = Axe.objects.filter(plan__convention=porteuse)
        self.filters["objectif"].queryset = Objectif.objects.filter(axe__plan__convention=porteuse)
        self.filters["domaine"].queryset = Domaine.objects.filter(
            pk__in=self.queryset.order_by().values("domaines")
        )
        self.filters["cadre"].queryset = convention.contrats_lies.select_related("territoire")
        pilotes, structures = self.pilotes_and_structures()
        self.filters["pilote"].extra["choices"] = pilotes
        self.filters["structure"].extra["choices"] = structures

    def pilotes_and_structures(self):
        """People of the visible fiches (an account by its key, a plain name by itself) and their structures; one query."""
        pilotes, structures = {}, {}
        rows = FicheAction.objects.filter(pk__in=self.queryset.order_by().values("pk")).order_by()
        for structure, nom_structure, compte, nom_compte, email, nom in rows.values_list(
            "structure_pilote",
            "structure_pilote__nom",
            "pilotes__user",
            "pilotes__user__nom",
            "pilotes__user__email",
            "pilotes__nom",
        ):
            if structure:
                structures[str(structure)] = nom_structure
            if compte:
                pilotes[f"compte-{compte}"] = nom_compte or email
            elif nom:
                pilotes[f"nom-{nom}"] = nom
        return self.by_name(pilotes), self.by_name(structures)

    @staticmethod
    def by_name(found):
        return sorted(found.items(), key=lambda item: (item[1].casefold(), item[0]))

    def filter_queryset(self, queryset):
        if not self.form.cleaned_data["redaction"]:
            queryset = queryset.actives()
        return super().filter_queryset(queryset).distinct()

    def filter_words(self, queryset, name, value):
        for word in value.split():
            queryset = queryset.filter(Q(intitule__icontains=word) | Q(code__istartswith=word))
        return queryset

    def filter_pilote(self, queryset, name, value):
        kind, _, key = value.partition("-")
        found = (
            Pilote.objects.filter(user=key) if kind == "compte" else Pilote.objects.filter(nom=key, user=None)
        )
        return queryset.filter(pk__in=found.values("fiche"))

    def filter_late(self, queryset, name, value):
        return queryset.filter(is_late_db=True) if value else queryset

    def filter_without_pilote(self, queryset, name, value):
        return queryset.filter(ONGOING).without_pilote() if value else queryset

    def filter_without_echeance(self, queryset, name, value):
        return queryset.filter(ONGOING).without_echeance() if value else queryset

    def filter_without_indicateur(self, queryset, name, value):
        return queryset.filter(ONGOING).without_indicateur() if value else queryset
