from django.views.generic import ListView
from django_filters.views import FilterView

from actions.filters import FicheFilter
from actions.models import Avis, FicheAction, PlanActions
from actions.models.attentes import piloted_by
from actions.models.pilotage import names_like
from conventions.mixins import InConventionMixin
from conventions.permissions import Role, all_roles, roles_on
from ctg_portal.permissions import Can


class FicheTableView(InConventionMixin, FilterView):
    """The fiches of the convention as a table; filters, sort and page are in the address."""

    queryset = FicheAction.objects.all()
    filterset_class = FicheFilter
    template_name = "actions/fiches.html"
    context_object_name = "fiches"
    paginate_by = 25
    room = "plan"

    def get_queryset(self):
        fiches = FicheAction.objects.visible_to(self.request.user).of_convention(self.convention)
        return fiches.for_list().in_plan_order()

    def get_filterset_kwargs(self, filterset_class):
        # Always bound: without a filter too, archived fiches are left out.
        return super().get_filterset_kwargs(filterset_class) | {
            "convention": self.convention,
            "data": self.request.GET,
            "roles": roles_on(self.request.user, self.convention.pk),
        }

    def get_context_data(self, **kwargs):
        plan = PlanActions.objects.filter(convention=self.convention).select_related("convention").first()
        return super().get_context_data(
            plan=plan, can=Can(self.request.user, plan) if plan else None, **kwargs
        )


class MesFichesView(ListView):
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


class ARelireView(ListView):
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
