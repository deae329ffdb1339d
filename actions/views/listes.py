from django.views.generic import ListView

from actions.models import Avis, FicheAction
from actions.models.attentes import piloted_by
from actions.models.pilotage import names_like
from conventions.permissions import Role, all_roles
from ctg_portal.mixins import PagesMixin


class MesFichesView(PagesMixin, ListView):
    """The fiches the person pilots, all conventions together: what is expected on each, the most pressing first."""

    template_name = "actions/mes_fiches.html"
    context_object_name = "fiches"
    paginate_by = 50

    def get_queryset(self):
        return piloted_by(self.request.user)

    def get_context_data(self, **kwargs):
        fiches = self.object_list
        return super().get_context_data(
            nb_attendues=sum(bool(fiche.attentes) for fiche in fiches),
            homonymes=[] if fiches else names_like(self.request.user),
            **kwargs,
        )


class ARelireView(PagesMixin, ListView):
    """What waits for the CAF: fiches sent to it on the conventions the person reviews, the oldest first."""

    template_name = "actions/a_relire.html"
    context_object_name = "fiches"
    paginate_by = 50

    def get_queryset(self):
        user = self.request.user
        reviewed = [pk for pk, roles in all_roles(user).items() if Role.RELECTURE in roles]
        self.reviewed = reviewed
        waiting = FicheAction.objects.visible_to(user).filter(
            plan__convention__in=reviewed, redaction=FicheAction.Redaction.EN_RELECTURE
        )
        return waiting.for_list().order_by("soumise_le", "pk")

    def get_context_data(self, **kwargs):
        dus = Avis.objects.visible_to(self.request.user).filter(plan__convention__in=self.reviewed)
        return super().get_context_data(avis=dus.attendus().for_list(), **kwargs)
