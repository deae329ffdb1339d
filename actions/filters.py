"""The filters of a plan: one set of fiches, named by an address, that every view, export and change of it shares."""

from collections import Counter
from dataclasses import dataclass

import django_filters
from django import forms
from django.db.models import Case, F, IntegerField, Min, Q, Value, When
from django.db.models.functions import Coalesce, NullIf
from django.http import QueryDict
from django.utils.functional import cached_property

from actions.models import Axe, FicheAction, Objectif
from actions.models.facettes import AUCUN, fold, read_lignes
from actions.models.fiche import PLACE, Avancement, Redaction
from actions.models.libelles import redaction_choices
from actions.models.noms import key_of_name
from conventions.models import Commune, Convention, Domaine, Organisation, Territoire
from conventions.permissions import roles_on
from ctg_portal.chargement import load_together
from ctg_portal.filters import ListFilter


def _rank(field, codes):
    return Case(
        *(When(**{field: code}, then=Value(rank)) for rank, code in enumerate(codes)),
        default=Value(len(codes)),
        output_field=IntegerField(),
    )


PRIORITE = _rank("priorite", [code for code, _ in FicheAction.Priorite.choices])
AVANCEMENT = _rank("avancement", Avancement.values)
REDACTION = _rank("redaction", Redaction.values)
PILOTE = Min(Coalesce(NullIf("pilotes__user__nom", Value("")), "pilotes__user__email", "pilotes__nom"))


class Check(django_filters.BooleanFilter):
    """A box: its method is called with ``False`` too, and must then leave the list as it is."""

    def __init__(self, **kwargs):
        super().__init__(widget=forms.CheckboxInput, **kwargs)


class Hole(Check):
    """A box over one of the ``signes`` of the fiches."""

    def filter(self, queryset, value):
        return queryset


class Dimension(django_filters.MultipleChoiceFilter):
    """Several values of one question: a fiche is kept when it has one of them. ``aucun`` words having none."""

    def __init__(self, *, aucun="", **kwargs):
        self.aucun = aucun
        super().__init__(widget=forms.CheckboxSelectMultiple, **kwargs)

    def filter(self, queryset, value):
        return queryset


@dataclass(frozen=True)
class Choix:
    """A value of a filter: how many fiches it gives, the other filters kept."""

    valeur: str
    label: str
    nombre: int
    coche: bool


@dataclass(frozen=True)
class Facette:
    """A filter with its choices, as the panel of filters shows it."""

    nom: str
    label: str
    choix: list[Choix]

    @property
    def coches(self):
        return sum(choix.coche for choix in self.choix)

    @property
    def is_long(self):
        return len(self.choix) > 12  # noqa: PLR2004 - about the height of a screen


class FicheFilter(ListFilter):
    """The fiches of a convention that an address names. Holes are looked for in actions that are not finished.

    ``queryset``: the visible fiches, without annotations. ``qs`` is sorted; add what the page shows (``for_list()``).
    A value that means nothing here is left aside, and ``ecartes`` says it.
    """

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
        "pilote": (PILOTE.asc(nulls_last=True), *PLACE),
        "-pilote": (PILOTE.desc(nulls_last=True), *PLACE),
        "structure": (F("structure_pilote__nom").asc(nulls_last=True), *PLACE),
        "-structure": (F("structure_pilote__nom").desc(nulls_last=True), *PLACE),
        "debut": (F("debut").asc(nulls_last=True), *PLACE),
        "-debut": (F("debut").desc(nulls_last=True), *PLACE),
        "echeance": (F("echeance").asc(nulls_last=True), *PLACE),
        "-echeance": (F("echeance").desc(nulls_last=True), *PLACE),
        "modifiee": ("updated_at", *PLACE),
        "-modifiee": ("-updated_at", *PLACE),
    }
    tri_par_defaut = "place"
    MOTS_MAX = 200

    q = django_filters.CharFilter(label="Mots, numéro", method="leave")
    axe = Dimension(label="Axe")
    objectif = Dimension(label="Objectif", aucun="Directement sous l’axe")
    domaine = Dimension(label="Domaine", aucun="Sans domaine")
    avancement = Dimension(label="Avancement", choices=Avancement.choices)
    redaction = Dimension(label="Rédaction")
    priorite = Dimension(label="Priorité", choices=FicheAction.Priorite.choices, aucun="Sans priorité")
    pilote = Dimension(label="Pilote", aucun="Sans pilote")
    structure = Dimension(label="Structure pilote", aucun="Sans structure pilote")
    financeur = Dimension(label="Financeur", aucun="Sans financeur")
    commune = Dimension(label="Commune", aucun="Toutes les communes")
    cadre = Dimension(label="Autre contrat", aucun="Aucun autre contrat")
    annee = Dimension(label="Année", aucun="Sans dates")
    en_retard = Hole(label="En retard")
    sans_pilote = Hole(label="Sans pilote")
    sans_echeance = Hole(label="Sans échéance")
    sans_indicateur = Hole(label="Sans indicateur")
    sans_budget = Hole(label="Sans budget")
    sans_nouvelle = Hole(label="Sans nouvelle depuis 6 mois")

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, data=None, *, queryset, convention, roles=(), lecteur=None, **kwargs):
        """``data``: what follows « ? », as a QueryDict or as text. ``roles``: those of ``lecteur``, whose words tell how far
        a text is."""
        asked = data.copy() if isinstance(data, QueryDict) else QueryDict(data or "", mutable=True)
        super().__init__(asked, queryset=queryset, **kwargs)
        # An empty address would be replaced by one that cannot be written.
        self.data = asked
        self.convention, self.lecteur = convention, lecteur
        self.ecartes = []
        self.clean_words()
        self.lignes = read_lignes(queryset, convention, self.mots)
        self.dimensions = [name for name, row in self.filters.items() if isinstance(row, Dimension)]
        self.holes = [name for name, row in self.filters.items() if isinstance(row, Hole)]
        self.offer(roles)
        self.clean_address()

    def leave(self, queryset, name, value):
        return queryset

    def offer(self, roles):
        """The choices of each filter: what the convention has, and what its visible fiches name; one query."""
        porteuse = self.convention.principale_id or self.convention.pk
        named = {
            name: {int(key) for ligne in self.lignes for key in ligne.valeurs[name] if key != AUCUN}
            for name in ("structure", "financeur", "commune", "cadre")
        }
        axes = Axe.objects.filter(plan__convention=porteuse)
        objectifs = Objectif.objects.filter(axe__plan__convention=porteuse).order_by(
            "axe__ordre", "axe", "ordre", "pk"
        )
        domaines = Domaine.objects.all()
        communes = Commune.objects.filter(territoires=self.convention.territoire_id).order_by("nom")
        # Those that left the territoire are still named by its fiches.
        parties = (
            Commune.objects.filter(pk__in=named["commune"])
            .exclude(territoires=self.convention.territoire_id)
            .order_by("nom")
        )
        organisations = Organisation.objects.filter(pk__in=named["structure"] | named["financeur"]).order_by(
            "nom", "pk"
        )
        cadres = Convention.objects.filter(Q(principale=porteuse) | Q(pk__in=named["cadre"])).order_by(
            "debut", "pk"
        )
        territoires = Territoire.objects.filter(conventions__in=cadres.order_by()).distinct()
        load_together(axes, objectifs, domaines, communes, parties, organisations, cadres, territoires)
        self.communes = list(communes)
        lieux = {row.pk: row for row in territoires}
        for row in cadres:
            row.territoire = lieux[row.territoire_id]
        pilotes = {key: nom for ligne in self.lignes for key, nom in ligne.pilotes.items()}
        rows = {
            "axe": [(row.pk, str(row)) for row in axes],
            "objectif": [(row.pk, str(row)) for row in objectifs],
            "domaine": [(row.pk, str(row)) for row in domaines],
            "redaction": redaction_choices(roles),
            "pilote": sorted(pilotes.items(), key=lambda item: (fold(item[1]), item[0])),
            "structure": [(row.pk, str(row)) for row in organisations if row.pk in named["structure"]],
            "financeur": [(row.pk, str(row)) for row in organisations if row.pk in named["financeur"]],
            "commune": [(row.pk, row.nom) for row in (*communes, *parties)],
            "cadre": [(row.pk, str(row)) for row in cadres],
            "annee": [(annee, str(annee)) for annee in self.convention.annees],
        }
        for name in self.dimensions:
            row = self.filters[name]
            choices = [(str(key), label) for key, label in rows.get(name, row.extra.get("choices", ()))]
            if row.aucun:
                choices.append((AUCUN, row.aucun))
            row.extra["choices"] = choices

    def labels(self, name):
        """The words of each value of a filter."""
        return dict(self.filters[name].extra["choices"])

    def clean_words(self):
        words = self.data.get("q", "").replace("\x00", "")
        if len(words) > self.MOTS_MAX:
            self.ecartes.append(
                f"La recherche est trop longue\u00a0: seuls ses {self.MOTS_MAX} premiers caractères sont cherchés."
            )
        if "q" in self.data:
            self.data["q"] = words[: self.MOTS_MAX].strip()
            if not self.data["q"]:
                del self.data["q"]

    def clean_address(self):
        """Take out of ``data`` what means nothing here, and say it; bring older writings of an address to the present one."""
        for name in self.dimensions:
            known, label = self.labels(name), self.filters[name].label
            asked = [value for value in self.data.getlist(name) if value]
            if name == "pilote":
                asked = [
                    f"nom-{key_of_name(value[4:])}" if value.startswith("nom-") else value for value in asked
                ]
            kept = list(dict.fromkeys(value for value in asked if value in known))
            unknown = list(dict.fromkeys(value for value in asked if value not in known))
            if unknown:
                said = ", ".join(f"«\u00a0{_shown(value)}\u00a0»" for value in unknown[:3])
                more = f" et {len(unknown) - 3} autres" if len(unknown) > 3 else ""  # noqa: PLR2004 - three are shown
                self.ecartes.append(
                    f"Filtre «\u00a0{label}\u00a0»\u00a0: {said}{more} n’est pas, ou n’est plus, parmi les choix de ce plan."
                )
            self.data.setlist(name, kept)
            if not kept:
                self.data.pop(name, None)
        for name in self.holes:
            # Django reads « false », « 0 » and nothing as a box left empty.
            if self.data.get(name) in ("", "0", "false", "False"):
                self.data.pop(name, None)

    @cached_property
    def asked(self):
        """The values asked of each dimension in force."""
        return {name: set(self.data.getlist(name)) for name in self.dimensions if name in self.data}

    @cached_property
    def holes_asked(self):
        return [name for name in self.holes if name in self.data]

    def _failed(self, ligne, words):
        """The filters in force that ``ligne`` does not pass. Archived fiches are only given to who asks for them."""
        failed = [name for name, values in self.asked.items() if values.isdisjoint(ligne.valeurs[name])]
        if "redaction" not in self.asked and ligne.valeurs["redaction"] == (Redaction.ARCHIVEE,):
            failed.append("redaction")
        failed += [name for name in self.holes_asked if name not in ligne.signes]
        if words:
            intitule, code = ligne.mots
            # A piece of a word of the title is enough too, as is the beginning of the number.
            if not ligne.is_trouvee and not all(word in intitule or code.startswith(word) for word in words):
                failed.append("q")
        return failed

    @cached_property
    def _sorted_out(self):
        """The lignes kept, and how many fiches each value of each filter gives, in one pass."""
        words = fold(self.data.get("q", "")).split()
        kept, counts = [], {name: Counter() for name in [*self.dimensions, *self.holes]}
        for ligne in self.lignes:
            failed = self._failed(ligne, words)
            if not failed:
                kept.append(ligne)
                for name in self.dimensions:
                    counts[name].update(ligne.valeurs[name])
                for name in ligne.signes:
                    counts[name][True] += 1
            elif len(failed) == 1 and failed[0] in self.dimensions:
                counts[failed[0]].update(ligne.valeurs[failed[0]])
        return kept, counts

    @property
    def kept(self):
        """The lignes that pass every filter, in the order of the plan."""
        return self._sorted_out[0]

    @cached_property
    def named(self):
        """By filter, the values that a visible fiche has."""
        found = {name: set() for name in self.dimensions}
        for ligne in self.lignes:
            for name in self.dimensions:
                found[name].update(ligne.valeurs[name])
        return found

    @cached_property
    def facettes(self):
        """Each filter with its choices and their counts; a choice that no visible fiche has is left out, unless asked."""
        counts = self._sorted_out[1]
        found = []
        for name in self.dimensions:
            asked = self.asked.get(name, set())
            offered = [
                Choix(value, label, counts[name][value], value in asked)
                for value, label in self.filters[name].extra["choices"]
                if value in self.named[name] or value in asked
            ]
            if any(choix.valeur != AUCUN for choix in offered):
                found.append(Facette(name, self.filters[name].label, offered))
        return found

    @cached_property
    def manques(self):
        """The holes and the delay, as choices."""
        counts = self._sorted_out[1]
        return [
            Choix(name, self.filters[name].label, counts[name][True], name in self.holes_asked)
            for name in self.holes
        ]

    def filter_queryset(self, queryset):
        found = FicheAction.objects.filter(pk__in=[ligne.pk for ligne in self.kept])
        return found.order_by(*self.TRIS[self.ordre])

    def in_order(self):
        """The fiches kept in the order of the plan, whatever sort the address asks."""
        return FicheAction.objects.filter(pk__in=[ligne.pk for ligne in self.kept]).in_plan_order()

    @property
    def badges(self):
        """One row (``label``, ``url_remove``) for each value in force, with the address that takes it away."""
        rows = []
        for name, row in self.filters.items():
            if name in self.asked:
                labels = self.labels(name)
                for value in self.data.getlist(name):
                    rows.append((f"{row.label}\u00a0: {labels[value]}", self.address_without(name, value)))
            elif name in self.holes_asked:
                rows.append((row.label, self.address_without(name)))
            elif name == "q" and "q" in self.data:
                rows.append((f"{row.label}\u00a0: {self.data['q']}", self.address_without("q")))
        return [{"label": label, "url_remove": url} for label, url in rows]

    def address_without(self, name, value=None):
        rest = self.data.copy()
        rest.setlist(name, [other for other in rest.getlist(name) if value is not None and other != value])
        rest.pop("page", None)
        return f"?{rest.urlencode()}"

    @cached_property
    def requete(self):
        """The filters in force and the sort, as the query string that any view of the set understands; « » for none."""
        rest = QueryDict(mutable=True)
        for name in self.filters:
            if name in self.data:
                rest.setlist(name, self.data.getlist(name))
        return rest.urlencode()

    @property
    def mes_fiches(self):
        """(address of the fiches that the reader pilots, whether they are the ones shown), or nothing when there are none."""
        mine = f"compte-{self.lecteur.pk}" if self.lecteur else ""
        if mine not in self.named["pilote"]:
            return None
        is_shown = self.asked.get("pilote") == {mine}
        rest = self.data.copy()
        rest.setlist("pilote", [] if is_shown else [mine])
        for name in ("page", "groupe"):
            rest.pop(name, None)
        return f"?{rest.urlencode()}", is_shown

    @property
    def mots(self):
        """The words looked for, as typed."""
        return self.data.get("q", "")

    @property
    def is_sorted(self):
        """Whether the address asks for another order than the usual one."""
        return self.ordre != self.tri_par_defaut

    @property
    def is_filtering(self):
        return bool(self.asked or self.holes_asked or "q" in self.data)


def _shown(value):
    """A value of an address, as a sentence may quote it."""
    value = "".join(letter for letter in value if letter.isprintable())
    return value if len(value) <= 40 else f"{value[:40]}…"  # noqa: PLR2004 - a sentence stays one


def fiche_filter(user, convention, data):
    """The filter of the fiches of ``convention`` that ``user`` sees; ``data`` is a QueryDict or a query string."""
    fiches = FicheAction.objects.visible_to(user).of_convention(convention)
    roles = roles_on(user, convention.pk)
    return FicheFilter(data, queryset=fiches, convention=convention, roles=roles, lecteur=user)
