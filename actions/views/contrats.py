from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, FormView, ListView

from actions.filters import FicheFilter
from actions.forms.contrats import ContratFichesForm
from actions.models import FicheAction, PlanActions
from actions.models.progression import progress_of_contrats, total_progress, with_progression
from conventions.mixins import InConventionMixin
from conventions.models import Convention, Financement, Signataire, tableaux_financements
from ctg_portal.mixins import TransitionFormMixin


class ContratsMixin(InConventionMixin):
    """Contracts that share the plan: on the address of its CTG, or of one of them."""

    room = "convention"

    def get_queryset(self):
        return Convention.objects.contrats_du_plan(self.convention).with_opening(self.request.user)

    @cached_property
    def plan(self):
        porteuse = self.convention.principale_id or self.convention.pk
        plans = PlanActions.objects.visible_to(self.request.user)
        return plans.filter(convention=porteuse).select_related("convention").first()

    def may_attach(self, contrat):
        """Carrying a fiche is a fact of the fiche: whoever coordinates its plan says so, while the contract runs."""
        return (
            self.plan is not None
            and self.request.user.has_perm("actions.change_planactions", self.plan)
            and contrat.is_ouvert
        )


class ContratsView(ContratsMixin, ListView):
    template_name = "actions/contrats.html"
    context_object_name = "contrats"

    def get_queryset(self):
        signataires = Signataire.objects.actuels().select_related("organisation")
        return (
            super()
            .get_queryset()
            .prefetch_related(
                Prefetch("signataires", signataires),
                Prefetch("financements", Financement.objects.for_table()),
            )
        )

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        fiches = FicheAction.objects.visible_to(self.request.user).actives()
        found = progress_of_contrats(fiches, context["contrats"])
        context["lignes"] = [
            (
                contrat,
                found[contrat.pk],
                tableaux_financements(contrat.financements.all()) if contrat.est_ouverte else [],
            )
            for contrat in context["contrats"]
        ]
        return context


class ContratView(ContratsMixin, DetailView):
    """The fiches a contract carries, and how far they are by axe."""

    template_name = "actions/contrat.html"
    context_object_name = "contrat"

    def get_context_data(self, **kwargs):
        contrat = self.object
        visible = FicheAction.objects.visible_to(self.request.user).of_convention(contrat).actives()
        fiches = list(visible.in_plan_order().for_list())
        axes = {fiche.axe_id: fiche.axe for fiche in fiches}
        axes = with_progression(axes.values(), visible)
        return super().get_context_data(
            fiches=fiches,
            axes=axes,
            total=total_progress(found for _, found in axes),
            signataires=contrat.signataires.actuels().select_related("organisation"),
            tableaux=tableaux_financements(contrat.financements.for_table()) if contrat.est_ouverte else [],
            may_attach=self.may_attach(contrat),
            plan=self.plan,
            **kwargs,
        )


class ContratFichesView(ContratsMixin, TransitionFormMixin, FormView):
    """Which fiches of the plan a contract carries, all at once: boxes over a filtered list."""

    form_class = ContratFichesForm
    template_name = "actions/contrat_fiches.html"

    @cached_property
    def contrat(self):
        contrat = get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])
        if not self.may_attach(contrat):
            raise PermissionDenied
        return contrat

    @cached_property
    def filter(self):
        fiches = FicheAction.objects.visible_to(self.request.user).filter(plan=self.plan)
        return FicheFilter(self.request.GET, queryset=fiches, convention=self.plan.convention)

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.contrat  # noqa: B018 - the 404 or 403 comes before anything else
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "contrat": self.contrat,
            "fiches": list(self.filter.qs.for_list()),
        }

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            contrat=self.contrat, filter=self.filter, url_back=self.get_success_url(), **kwargs
        )

    @property
    def success_message(self):
        return self.object

    def get_success_url(self):
        return reverse("actions:contrat", args=[self.convention.code, self.contrat.pk])
