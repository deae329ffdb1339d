"""Models of fiches, under the address of a convention they are offered to."""

from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import F
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import DetailView, ListView, UpdateView

from actions.forms.modeles import ModeleAddForm, ModeleArchiveForm, ModeleEditForm, ModeleStartForm
from actions.models import ModeleFiche, PlanActions
from actions.permissions import holders_of_models
from actions.views.base import FicheMixin
from actions.views.fiches import branches_of, warn_of_shared_code
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin


class ModelesMixin(InConventionMixin):
    room = "plan"

    def get_queryset(self):
        return ModeleFiche.objects.offered_to(self.convention).visible_to(self.request.user).for_page()

    def url_of(self, modele):
        return reverse("actions:modele", args=[self.convention.code, modele.pk])

    def has_plan(self):
        """Without a plan there is nowhere to start a fiche."""
        return PlanActions.objects.filter(convention=self.convention).exists()


class ModelesView(ModelesMixin, ListView):
    template_name = "actions/modeles.html"
    context_object_name = "modeles"
    paginate_by = 50

    def get_queryset(self):
        """Those that are archived come last."""
        return super().get_queryset().order_by(F("archive_le").desc(nulls_first=True), "intitule", "pk")

    def get_context_data(self, **kwargs):
        return super().get_context_data(has_plan=self.has_plan(), **kwargs)


class ModeleMixin(ModelesMixin, PermissionMixin):
    permission = "actions.change_modelefiche"
    context_object_name = "modele"

    def get_success_url(self):
        return self.url_of(self.object)

    def get_context_data(self, **kwargs):
        return super().get_context_data(url_back=self.url_of(self.object), **kwargs)


class ModeleView(ModeleMixin, DetailView):
    permission = "actions.view_modelefiche"
    template_name = "actions/modele.html"

    def get_queryset(self):
        return super().get_queryset().prefetch_related("domaines", "publics")

    def get_context_data(self, **kwargs):
        return super().get_context_data(has_plan=self.has_plan(), **kwargs)


class ModeleEditView(ModeleMixin, SuccessMessageMixin, UpdateView):
    form_class = ModeleEditForm
    template_name = "actions/modele_form.html"
    success_message = "Le modèle est enregistré. Les fiches qui en sont parties ne changent pas."


class ModeleArchiveView(ModeleMixin, TransitionFormMixin, UpdateView):
    form_class = ModeleArchiveForm
    template_name = "actions/modele_archive.html"

    @property
    def success_message(self):
        return "Le modèle est archivé." if self.object.is_archive else "Le modèle est de nouveau proposé."


class ModeleStartView(ModeleMixin, TransitionFormMixin, UpdateView):
    """The object found is the model; what the form saves is a fiche of the plan of the address."""

    permission = "actions.view_modelefiche"
    convention_permission = "conventions.change_convention"
    form_class = ModeleStartForm
    template_name = "actions/modele_start.html"
    success_message = "La fiche est créée, en brouillon, avec les textes du modèle."

    def get_form_kwargs(self):
        plan = get_object_or_404(PlanActions.objects.select_related("convention"), convention=self.convention)
        return super().get_form_kwargs() | {"plan": plan, "branches": branches_of(plan)}

    def get_success_url(self):
        warn_of_shared_code(self.request, self.object)
        return self.object.get_absolute_url()


class ModeleAddView(TransitionFormMixin, FicheMixin, UpdateView):
    """The object found is the fiche; what the form saves is a model made from it."""

    permission = "actions.model_ficheaction"
    form_class = ModeleAddForm
    template_name = "actions/modele_add.html"
    success_message = "Le modèle est fait. Relisez-le : rien de propre au territoire ne devrait y rester."

    def get_form_kwargs(self):
        holders = holders_of_models(self.request.user, self.convention)
        return super().get_form_kwargs() | {"holders": holders}

    def get_success_url(self):
        return reverse("actions:modele", args=[self.convention.code, self.object.pk])
