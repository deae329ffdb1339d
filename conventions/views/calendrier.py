from django.views.generic import TemplateView

from conventions.alertes import alertes_de, with_alertes
from conventions.frise import Calendrier, situation
from conventions.mixins import InConventionMixin
from ctg_portal.permissions import Can


class CalendrierView(InConventionMixin, TemplateView):
    """Phases, contracts and meetings over time: drawn, then said in a table by the same lines."""

    room = "convention"
    template_name = "conventions/calendrier.html"

    def get_conventions(self):
        return with_alertes(super().get_conventions())

    def get_context_data(self, **kwargs):
        convention = self.convention
        calendrier = Calendrier(
            convention=convention,
            phases=list(convention.phases.all()),
            liens=convention.liens(self.request.user),
            instances=list(convention.instances.all()),
        )
        return super().get_context_data(
            can=Can(self.request.user, convention),
            situation=situation(convention),
            calendrier=calendrier,
            alertes=alertes_de(convention),
            **kwargs,
        )
