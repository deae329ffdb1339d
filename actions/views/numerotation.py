from django.contrib import messages
from django.http import HttpResponseRedirect
from django.views.generic import DetailView

from actions.forms.numerotation import ChoixForm, RenumeroterForm
from actions.models.numerotation import Proposition, last_renumbering, propose, warn
from actions.views.plan import PlanMixin
from ctg_portal.workflow import TransitionError


class RenumeroterView(PlanMixin, DetailView):
    """A preview of every number, before and after; what was seen is what is written."""

    template_name = "actions/renumeroter.html"

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        form = RenumeroterForm(request.POST)
        refus = "Cette page est incomplète\u00a0: aucun numéro n’a été écrit."
        if form.is_valid():
            try:
                nombre = form.save(self.object, by=request.user)
            except TransitionError as error:
                refus = str(error)
            else:
                pluriel = "s" if nombre > 1 else ""
                messages.success(
                    request,
                    f"{nombre} numéro{pluriel} changé{pluriel}. L’historique garde les précédents, et « Renuméroter » y revient.",
                )
                return HttpResponseRedirect(self.object.get_absolute_url())
        return self.render_to_response(self.get_context_data(refus=refus))

    def get_context_data(self, **kwargs):
        data = self.request.POST if self.request.method == "POST" else self.request.GET
        _, derniere = last_renumbering(self.object)
        form = ChoixForm(data or None, revenir=derniere is not None)
        choix = form.choix
        refus = ""
        try:
            proposition = propose(self.object, choix)
            warn(proposition)
        except TransitionError as error:
            refus = str(error)
            proposition = Proposition([], choix)
        return super().get_context_data(
            form=form,
            choix=choix,
            proposition=proposition,
            derniere=derniere,
            **({"refus": refus} | kwargs),
        )
