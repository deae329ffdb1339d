from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.utils.functional import cached_property
from django.views.generic import UpdateView

from actions.forms.copie import FicheCopyForm
from actions.permissions import plans_to_copy_into
from actions.views.base import FicheMixin
from actions.views.fiches import branches_of, warn_of_shared_code
from ctg_portal.workflow import TransitionError


class FicheCopyView(FicheMixin, UpdateView):
    """The object found is the source; what the form saves is a new fiche of the plan named by ``?vers=``."""

    permission = "actions.copy_ficheaction"
    form_class = FicheCopyForm
    template_name = "actions/fiche_copy.html"

    @cached_property
    def plans(self):
        return {plan.convention.code: plan for plan in plans_to_copy_into(self.request.user)}

    @cached_property
    def plan(self):
        """The plan asked for; without a word, the fiche's own when the person coordinates it."""
        code = self.request.GET.get("vers") or self.convention.code
        if code in self.plans:
            return self.plans[code]
        if "vers" in self.request.GET:
            raise Http404
        return next(iter(self.plans.values()))

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"plan": self.plan, "branches": branches_of(self.plan)}

    def form_valid(self, form):
        try:
            copie = form.save(by=self.request.user)
        except TransitionError as refus:
            form.add_error(None, str(refus))
            return self.form_invalid(form)
        messages.success(self.request, f"La copie «\u00a0{copie.fiche}\u00a0» est créée, en brouillon.")
        if copie.laisses:
            messages.warning(self.request, "Ce qui n’a pas suivi. " + " ".join(copie.laisses))
        warn_of_shared_code(self.request, copie.fiche)
        return HttpResponseRedirect(copie.fiche.get_absolute_url())

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            plans=self.plans.values(),
            cible=self.plan,
            **kwargs,
        )
