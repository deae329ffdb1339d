"""The fiches as a table: columns kept per person, sort and page in the address, cells changed in their place."""

from django.contrib import messages
from django.http import HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.views.generic import FormView, ListView

from actions.forms.vues import COLONNES, ColonnesForm, clean_requete, columns_of
from actions.views.cellules import CELLULES, editable_cells
from actions.views.vues import VueMixin
from conventions.mixins import InConventionMixin

TRIEES = {"pilote", "avancement", "redaction", "priorite", "echeance", "debut", "structure", "modifiee"}
NOMMEES = ("objectif", "domaine", "commune", "financeur", "cadre")
"""Columns whose words are those of a filter."""


class TableauView(VueMixin, ListView):
    template_name = "actions/fiches.html"
    context_object_name = "fiches"
    paginate_by = 25
    vue = "fiches"

    def get_queryset(self):
        return self.filter.qs.for_list()

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        user = self.request.user
        colonnes = columns_of(user)
        lignes = {ligne.pk: ligne for ligne in self.filter.kept}
        labels = {name: self.filter.labels(name) for name in NOMMEES if name in colonnes}
        for fiche in context["fiches"]:
            fiche.editables = editable_cells(user, fiche)
            fiche.noms = {
                name: [words[value] for value in lignes[fiche.pk].valeurs[name] if value in words]
                for name, words in labels.items()
            }
        return context | {
            "colonnes": [(name, COLONNES[name], name in TRIEES) for name in colonnes],
            "can_change_together": user.has_perm("actions.change_together", self.convention),
            "nb_colonnes": len(colonnes) + 2,
            "toutes_colonnes": [(name, label, name in colonnes) for name, label in COLONNES.items()],
            "cellules": list(CELLULES),
            "retour": self.retour(context["page_obj"]),
        }

    def retour(self, page):
        """Where a cell changed on a page of its own comes back: the same filters, the same page."""
        asked = QueryDict(self.filter.requete, mutable=True)
        if page.number > 1:
            asked["page"] = page.number
        return asked.urlencode()


class ColonnesView(InConventionMixin, FormView):
    """Keeps the columns of the person; POST only, and back to the table."""

    form_class = ColonnesForm
    http_method_names = ["post"]

    def form_valid(self, form):
        form.save(by=self.request.user)
        messages.success(self.request, "Les colonnes du tableau sont enregistrées pour vous.")
        return self.back()

    def form_invalid(self, form):
        messages.error(
            self.request, "Une de ces colonnes n’existe pas\u00a0: rien n’est enregistré. Recommencez."
        )
        return self.back()

    def back(self):
        url = reverse("actions:fiches", args=[self.convention.code])
        requete = clean_requete(self.request.POST.get("requete", "")[:2000])
        return HttpResponseRedirect(f"{url}?{requete}" if requete else url)
