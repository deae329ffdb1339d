"""The page where the plan is put in order, by dragging or by buttons; htmx only spares the reading again."""

from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DetailView

from actions.forms.ordre import DeplacementForm
from actions.models.ordre import Ordre
from actions.views.fiches import DERNIER_DEPLACEMENT as DERNIER
from actions.views.fiches import branches_of
from actions.views.plan import PlanMixin
from ctg_portal.workflow import TransitionError


class OrganiserView(PlanMixin, DetailView):
    template_name = "actions/organiser.html"

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        form = DeplacementForm(request.POST, plan=self.object)
        if form.is_valid():
            try:
                fait = form.save(by=request.user)
            except TransitionError as refus:
                form.add_error(None, str(refus))
            else:
                request.session[DERNIER] = fait.annulation
                url = reverse("actions:organiser", args=[self.convention.code])
                return HttpResponseRedirect(f"{url}#{fait.genre}-{fait.pk}")
        return self.render_to_response(self.get_context_data(refus=form.refus))

    def get_context_data(self, **kwargs):
        empreinte = Ordre.of(self.object).empreinte
        dernier = self.request.session.get(DERNIER)
        return super().get_context_data(
            branches=branches_of(self.object),
            empreinte=empreinte,
            dernier=dernier if dernier and dernier["empreinte"] == empreinte else None,
            **({"refus": ""} | kwargs),
        )
