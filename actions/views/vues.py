"""What every view of the plan shares: the filtered set of its address, the tabs; and the views kept under a name."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import CreateView, DeleteView, ListView, TemplateView, UpdateView

from actions.filters import fiche_filter
from actions.forms.vues import VueForm, VueRenameForm, clean_requete
from actions.models import PlanActions, VueEnregistree
from actions.models.vues import GenreVue, address_of
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.permissions import Can


class VueMixin(InConventionMixin):
    """A view of the fiches that the address names. ``vue`` is its tab."""

    room = "plan"
    vue = ""

    @cached_property
    def filter(self):
        return fiche_filter(self.request.user, self.convention, self.request.GET)

    @cached_property
    def plan(self):
        """The plan that the convention carries itself; a linked contract has none."""
        plans = PlanActions.objects.filter(convention=self.convention)
        return plans.select_related("convention__territoire").first()

    def get_context_data(self, **kwargs):
        user, plan = self.request.user, kwargs.pop("plan", None) or self.plan
        kwargs.setdefault("can", Can(user, plan) if plan else None)
        kwargs.setdefault("garde", [])
        return super().get_context_data(
            plan=plan,
            filter=self.filter,
            requete=self.filter.requete,
            vue=self.vue,
            nb_fiches=len(self.filter.kept),
            vues=VueEnregistree.objects.visible_to(user).of(self.convention),
            **kwargs,
        )


class VueView(VueMixin, TemplateView):
    """A view that is not a list of pages."""


class VuesView(InConventionMixin, ListView):
    """The views under a name: one's own, and those shared."""

    template_name = "actions/vues.html"
    queryset = VueEnregistree.objects.all()
    context_object_name = "vues"
    room = "plan"

    def get_queryset(self):
        return self.queryset.visible_to(self.request.user).of(self.convention)

    def get_context_data(self, **kwargs):
        rows = [
            (vue, self.request.user.has_perm("actions.change_vueenregistree", vue))
            for vue in self.object_list
        ]
        return super().get_context_data(
            miennes=[row for row in rows if not row[0].is_partagee],
            partagees=[row for row in rows if row[0].is_partagee],
            **kwargs,
        )


class VueAddView(InConventionMixin, TransitionFormMixin, CreateView):
    form_class = VueForm
    template_name = "actions/vue_form.html"
    room = "plan"

    def get_initial(self):
        genre = self.request.GET.get("genre", "")
        return {
            "genre": genre if genre in GenreVue.values else GenreVue.TABLEAU,
            "requete": clean_requete(self.request.GET.get("requete", "")),
        }

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "instance": VueEnregistree(convention=self.convention, auteur=self.request.user),
            "partageable": self.request.user.has_perm("actions.share_vues", self.convention),
        }

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        form = context["form"]
        genre, requete = (str(form[name].value() or "") for name in ("genre", "requete"))
        genre = genre if genre in GenreVue.values else GenreVue.TABLEAU
        filtre = fiche_filter(self.request.user, self.convention, clean_requete(requete))
        return context | {
            "filtre": filtre,
            "genre": GenreVue(genre).label,
            "url_retour": address_of(genre, self.convention, clean_requete(requete)),
        }

    def get_success_url(self):
        messages.success(self.request, f"La vue «\u00a0{self.object}\u00a0» est enregistrée.")
        return self.object.get_absolute_url()


class VueEnregistreeMixin(InConventionMixin, PermissionMixin):
    queryset = VueEnregistree.objects.select_related("convention", "auteur")
    permission = "actions.change_vueenregistree"
    context_object_name = "enregistree"
    room = "plan"

    def get_success_url(self):
        return reverse("actions:vues", args=[self.convention.code])


class VueRenameView(VueEnregistreeMixin, TransitionFormMixin, UpdateView):
    form_class = VueRenameForm
    template_name = "actions/vue_rename.html"
    success_message = "La vue est renommée."


class VueDeleteView(VueEnregistreeMixin, DeleteView):
    template_name = "actions/vue_delete.html"

    def form_valid(self, form):
        nom = str(self.object)
        self.object.delete()
        messages.success(
            self.request, f"La vue «\u00a0{nom}\u00a0» est supprimée. Les fiches n’ont pas changé."
        )
        return HttpResponseRedirect(self.get_success_url())
