"""The fiches by commune, by contract, by domaine or by pilote."""

from dataclasses import dataclass

from django.http import Http404
from django.urls import reverse

from actions.models import FicheAction
from actions.models.groupes import GroupeFiches, group
from actions.views.vues import VueView


@dataclass(frozen=True)
class Regroupement:
    """``filtre``: the filter whose values make the groups."""

    filtre: str
    titre: str
    aide: str
    sans: str = ""
    """The name of the group of those that have no such value, when the words of the filter do not fit a title."""


REGROUPEMENTS = {
    "commune": Regroupement(
        "commune",
        "Fiches action par commune",
        "Une fiche qui ne nomme aucune commune concerne tout le territoire\u00a0: elle est sous «\u00a0Toutes les communes\u00a0».",
    ),
    "contrat": Regroupement(
        "cadre",
        "Fiches action par contrat",
        "La CTG porte toutes les fiches de son plan\u00a0; certaines le sont aussi par un autre contrat, ou par plusieurs.",
        sans="La CTG seule",
    ),
    "domaine": Regroupement(
        "domaine",
        "Fiches action par domaine",
        "Une fiche peut avoir plusieurs domaines\u00a0: elle est alors sous chacun.",
    ),
    "pilote": Regroupement(
        "pilote",
        "Fiches action par pilote",
        "Une fiche peut avoir plusieurs pilotes\u00a0: elle est alors sous chacun.",
    ),
}
TOUT = 150
"""Rows up to which every group is on the page; beyond, each is read when it is opened."""
PREMIERES = 30
"""Fiches that a group shows at most; the rest is in the table."""


@dataclass
class GroupeMontre:
    groupe: GroupeFiches
    url: str
    """The table of the fiches of the group."""
    is_charge: bool
    is_ouvert: bool
    fiches: list
    reste: int


class GroupesView(VueView):
    template_name = "actions/groupes.html"

    @property
    def vue(self):
        return self.kwargs["par"]

    @property
    def regroupement(self):
        if self.vue not in REGROUPEMENTS:
            raise Http404
        return REGROUPEMENTS[self.vue]

    def groups(self):
        name = self.regroupement.filtre
        choices = self.filter.filters[name].extra["choices"]
        found = group(self.filter.kept, name, choices, self.filter.asked.get(name, ()))
        for row in found:
            if row.is_sans and self.regroupement.sans:
                row.label = self.regroupement.sans
        # « Toutes les communes » opens the list; « sans » ends the others.
        return sorted(found, key=lambda row: not row.is_sans) if name == "commune" else found

    def get_context_data(self, **kwargs):
        found = self.groups()
        opened = set(self.request.GET.getlist("groupe"))
        is_small = sum(len(row.lignes) for row in found) <= TOUT
        shown = {
            row.cle: [ligne.pk for ligne in row.lignes[:PREMIERES]]
            for row in found
            if is_small or row.cle in opened
        }
        wanted = {pk for pks in shown.values() for pk in pks}
        rows = {fiche.pk: fiche for fiche in FicheAction.objects.filter(pk__in=wanted).for_list()}
        montres = [
            GroupeMontre(
                row,
                self.url_of(row),
                row.cle in shown,
                row.cle in opened or len(found) == 1,
                [rows[pk] for pk in shown.get(row.cle, ()) if pk in rows],
                len(row.lignes) - len(shown.get(row.cle, ())),
            )
            for row in found
        ]
        return super().get_context_data(
            regroupement=self.regroupement, groupes=montres, absents=self.absents(found), **kwargs
        )

    def url_of(self, row):
        asked = self.filter.data.copy()
        asked.setlist(self.regroupement.filtre, [row.cle])
        for name in ("page", "groupe"):
            asked.pop(name, None)
        return f"{reverse('actions:fiches', args=[self.convention.code])}?{asked.urlencode()}"

    def absents(self, found):
        """The communes of the territoire that no fiche of the set names."""
        if self.vue != "commune" or "commune" in self.filter.asked:
            return []
        present = {row.cle for row in found}
        return [commune.nom for commune in self.filter.communes if str(commune.pk) not in present]
