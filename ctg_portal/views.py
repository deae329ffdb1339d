"""The roof: pages that look at every app (homes by role), and the portal's own."""

from allauth.account.views import LoginView as AllauthLoginView
from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import TemplateView

from actions.models import FicheAction, PlanActions
from actions.models.progression import total_progress, with_progression
from conventions.mixins import InConventionMixin
from conventions.models import Convention
from conventions.permissions import Role, all_roles, roles_on
from ctg_portal.accueil import a_faire, decisions_ouvertes, instances_a_reunir, portfolio
from ctg_portal.composants import SAMPLE
from ctg_portal.demo.accounts import demo_accounts
from governance.models import DocumentEmis, PointOrdreDuJour, Reunion


class LoginView(AllauthLoginView):
    def get_context_data(self, **kwargs):
        return super().get_context_data(demo_accounts=demo_accounts() if settings.DEMO else [], **kwargs)


class HomeView(TemplateView):
    """The portfolio; whoever has a single CTG running and reviews nothing goes straight to it."""

    template_name = "accueil/portefeuille.html"

    def get(self, request, *args, **kwargs):
        running = list(Convention.objects.visible_to(request.user).running_ctg()[:2])
        if len(running) == 1 and not any(
            Role.RELECTURE in roles for roles in all_roles(request.user).values()
        ):
            return HttpResponseRedirect(reverse("convention_home", args=[running[0].code]))
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        return super().get_context_data(lignes=portfolio(self.request.user), **kwargs)


class ConventionHomeView(InConventionMixin, TemplateView):
    """The home of a convention: what is expected, how far the plan is, what comes next."""

    room = "accueil"

    def get_template_names(self):
        roles = roles_on(self.request.user, self.convention.pk)
        return ["accueil/elu.html" if roles <= {Role.PILOTAGE} else "accueil/convention.html"]

    def get_context_data(self, **kwargs):
        user, convention = self.request.user, self.convention
        fiches = FicheAction.objects.visible_to(user).filter(plan__convention=convention).actives()
        plan = PlanActions.objects.filter(convention=convention).prefetch_related("axes").first()
        axes = with_progression(plan.axes.all(), fiches) if plan else []
        reunions = Reunion.objects.visible_to(user).filter(instance__convention=convention)
        prochaine = reunions.a_venir().select_related("instance").first()
        documents = DocumentEmis.objects.visible_to(user).filter(convention=convention).without_content()
        return super().get_context_data(
            plan=plan,
            axes=axes,
            total=total_progress(progression for _, progression in axes),
            a_faire=a_faire(user, convention, roles_on(user, convention.pk)),
            a_reunir=instances_a_reunir(convention),
            prochaine=prochaine,
            documents=documents.filter(reunion=prochaine) if prochaine else documents.none(),
            a_decider=prochaine.points.filter(visee=PointOrdreDuJour.Visee.DECISION) if prochaine else [],
            decisions=decisions_ouvertes(user, convention)[:8],
            derniers_documents=documents.select_related("reunion__instance")[:4],
            **kwargs,
        )


class ComposantsView(UserPassesTestMixin, TemplateView):
    """Every component in its states, for those who build and check the portal."""

    template_name = "composants.html"
    raise_exception = True

    def test_func(self):
        return self.request.user.is_staff

    def get_context_data(self, **kwargs):
        return super().get_context_data(sample=SAMPLE, **kwargs)
