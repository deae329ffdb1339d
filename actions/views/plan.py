from django.contrib import messages
from django.contrib.messages.views import SuccessMessageMixin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import CreateView, DeleteView, UpdateView, View

from actions.forms.plan import (
    AxeDeleteForm,
    AxeForm,
    ObjectifDeleteForm,
    ObjectifForm,
    PlanForm,
    PlanMoveForm,
)
from actions.models import TRANSITIONS_PLAN, Axe, Objectif, PlanActions
from actions.views.arbre import tree_of
from actions.views.vues import VueView
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin


class PlanView(VueView):
    """The tree axes → objectifs → fiches. A linked contract shows the fiches it carries in the plan of its CTG."""

    template_name = "actions/plan.html"
    vue = "plan"

    @cached_property
    def plan(self):
        porteuse = self.convention.principale_id or self.convention.pk
        return (
            PlanActions.objects.visible_to(self.request.user).for_page().filter(convention=porteuse).first()
        )

    def get_context_data(self, **kwargs):
        user, plan = self.request.user, self.plan
        porteuse = self.convention.principale_id or self.convention.pk
        opened = frozenset(self.request.GET.getlist("ouvert"))
        arbre = tree_of(plan, self.filter, opened)
        return super().get_context_data(
            arbre=arbre,
            branches=arbre.branches,
            total=arbre.total,
            is_porteuse=porteuse == self.convention.pk,
            is_replie="replie" in self.request.GET,
            ouverts=opened,
            avis=plan.avis.visible_to(user).for_list() if plan else [],
            **kwargs,
        )


class PlanStartView(InConventionMixin, View):
    """Opens the plan of a CTG; POST only, and harmless twice."""

    convention_permission = "conventions.change_convention"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        if self.convention.principale_id:
            raise PermissionDenied
        plan, _ = PlanActions.objects.get_or_create(convention=self.convention)
        messages.success(request, "Le plan d’actions est ouvert. Écrivez son premier axe.")
        return HttpResponseRedirect(plan.get_absolute_url())


class PlanMixin(InConventionMixin, PermissionMixin):
    """The plan of the convention in the address."""

    queryset = PlanActions.objects.select_related("convention__territoire__departement")
    context_object_name = "plan"
    permission = "actions.change_planactions"
    room = "plan"

    def get_object(self, queryset=None):
        plan = get_object_or_404(self.get_queryset())
        self.check_permission(plan)
        return plan


class PlanEditView(PlanMixin, SuccessMessageMixin, UpdateView):
    form_class = PlanForm
    template_name = "actions/plan_form.html"
    success_message = "L’introduction du plan est enregistrée."


class PlanMoveView(PlanMixin, TransitionFormMixin, UpdateView):
    form_class = PlanMoveForm
    template_name = "actions/plan_move.html"

    @property
    def success_message(self):
        return f"Le plan est maintenant « {self.object.get_statut_display().lower()} »."

    def get_form_kwargs(self):
        statut = self.kwargs["statut"]
        if not any(statut in vers for vers in TRANSITIONS_PLAN.values()):
            raise Http404
        return super().get_form_kwargs() | {"statut": statut}

    def get_context_data(self, **kwargs):
        statut = PlanActions.Statut(self.kwargs["statut"])
        return super().get_context_data(statut=statut, **kwargs)


class InPlanMixin(InConventionMixin, SuccessMessageMixin):
    room = "plan"

    def get_success_url(self):
        return f"{reverse('actions:plan', args=[self.convention.code])}#axe-{self.axe_pk()}"

    def axe_pk(self):
        return self.object.pk


class AxeAddView(InPlanMixin, CreateView):
    convention_permission = "conventions.change_convention"
    form_class = AxeForm
    template_name = "actions/axe_form.html"
    success_message = "L’axe « %(intitule)s » est ajouté au plan."

    def get_form_kwargs(self):
        plan = get_object_or_404(PlanActions, convention=self.convention)
        return super().get_form_kwargs() | {"instance": Axe(plan=plan)}


class AxeMixin(InPlanMixin, PermissionMixin):
    queryset = Axe.objects.select_related("plan__convention__territoire__departement")
    convention_lookup = "plan__convention"
    context_object_name = "axe"
    permission = "actions.change_axe"


class AxeEditView(AxeMixin, UpdateView):
    form_class = AxeForm
    template_name = "actions/axe_form.html"
    success_message = "L’axe « %(intitule)s » est enregistré."


class AxeDeleteView(AxeMixin, DeleteView):
    form_class = AxeDeleteForm
    template_name = "actions/branche_delete.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.object}

    def form_valid(self, form):
        messages.success(self.request, f"« {form.save()} » est supprimé du plan.")
        return HttpResponseRedirect(reverse("actions:plan", args=[self.convention.code]))


class ObjectifAddView(AxeMixin, UpdateView):
    """The object found is the axe; what the form saves is one of its objectifs."""

    form_class = ObjectifForm
    template_name = "actions/objectif_form.html"
    success_message = "L’objectif « %(intitule)s » est ajouté au plan."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Objectif(axe=self.object), "plan": self.object.plan}

    def axe_pk(self):
        return self.object.axe_id


class ObjectifMixin(InPlanMixin, PermissionMixin):
    queryset = Objectif.objects.select_related("axe__plan__convention__territoire__departement")
    convention_lookup = "axe__plan__convention"
    context_object_name = "objectif"
    permission = "actions.change_objectif"

    def axe_pk(self):
        return self.object.axe_id


class ObjectifEditView(ObjectifMixin, UpdateView):
    form_class = ObjectifForm
    template_name = "actions/objectif_form.html"
    success_message = "L’objectif « %(intitule)s » est enregistré."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"plan": self.object.axe.plan}


class ObjectifDeleteView(ObjectifMixin, DeleteView):
    form_class = ObjectifDeleteForm
    template_name = "actions/branche_delete.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": self.object}

    def form_valid(self, form):
        messages.success(self.request, f"« {form.save()} » est supprimé du plan.")
        return HttpResponseRedirect(reverse("actions:plan", args=[self.convention.code]))
