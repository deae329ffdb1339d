"""The roof: pages that look at every app (homes by role), and the portal's own."""

from allauth.account.views import LoginView as AllauthLoginView
from django.conf import settings
from django.contrib.auth.mixins import UserPassesTestMixin
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.generic import TemplateView, View
from django_filters.views import FilterView

from actions.models import Axe, FicheAction
from actions.models.progression import total_progress, with_progression
from conventions.alertes import with_alertes
from conventions.mixins import InConventionMixin
from conventions.models import Convention
from conventions.permissions import Role, all_roles, roles_on
from ctg_portal.accueil import a_faire, alertes_pour, decisions_ouvertes, prochaine_reunion
from ctg_portal.composants import SAMPLE
from ctg_portal.demo.accounts import demo_accounts
from ctg_portal.mixins import PagesMixin
from ctg_portal.portefeuille import Portefeuille, PortefeuilleFilter, ctg_of, export_xlsx
from ctg_portal.recherche import Recherche, RechercheForm
from ctg_portal.session import prolong_session, session_end
from ctg_portal.tableurs import xlsx_response
from ctg_portal.templatetags.portal import date_heure, paragraphes
from ctg_portal.textes import LONGUEUR_MAX
from governance.models import DocumentEmis, PointOrdreDuJour


class LoginView(AllauthLoginView):
    def get_context_data(self, **kwargs):
        return super().get_context_data(demo_accounts=demo_accounts() if settings.DEMO else [], **kwargs)


class ApercuView(View):
    """A long text as pages show it, for whoever is writing it; nothing is kept."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        return HttpResponse(paragraphes(request.POST.get("texte", "")[:LONGUEUR_MAX]))


class SessionProlongView(View):
    """« Rester connecté·e », asked by a page whose session is about to end; answers its new end."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        prolong_session(request)
        end = session_end(request)
        return JsonResponse({"fin": end.isoformat(), "heure": date_heure(timezone.localtime(end))})


class RechercheView(TemplateView):
    """Found words, in what the person may read; everything is in the address."""

    template_name = "recherche/recherche.html"

    def get_context_data(self, **kwargs):
        form = RechercheForm(self.request.GET, user=self.request.user)
        said = form.cleaned_data if form.is_valid() else {}
        recherche = Recherche(
            self.request.user,
            said.get("q", ""),
            convention=said.get("dans"),
            genre=said.get("genre", ""),
            page=self.request.GET.get("page"),
        )
        return super().get_context_data(
            form=form, recherche=recherche, page_obj=recherche.page, question=said.get("q", ""), **kwargs
        )


class PortefeuilleMixin:
    """The CTG of the visitor as the address filters and sorts them."""

    filterset_class = PortefeuilleFilter

    def get_queryset(self):
        return ctg_of(self.request.user)

    def get_filterset_kwargs(self, filterset_class):
        return super().get_filterset_kwargs(filterset_class) | {"user": self.request.user}

    def get_context_data(self, *, object_list, **kwargs):
        portefeuille = Portefeuille(self.request.user, object_list, self.filterset.ordre)
        return super().get_context_data(object_list=portefeuille, **kwargs)


class HomeView(PortefeuilleMixin, PagesMixin, FilterView):
    """The portfolio; whoever has a single CTG running and reviews nothing goes straight to it."""

    template_name = "accueil/portefeuille.html"
    context_object_name = "lignes"
    paginate_by = 25

    def get(self, request, *args, **kwargs):
        if not any(Role.RELECTURE in roles for roles in all_roles(request.user).values()):
            running = list(Convention.objects.visible_to(request.user).running_ctg()[:2])
            if len(running) == 1:
                return HttpResponseRedirect(reverse("convention_home", args=[running[0].code]))
        return super().get(request, *args, **kwargs)


class PortefeuilleXlsxView(PortefeuilleMixin, FilterView):
    """The same lines as a workbook, all pages at once."""

    def render_to_response(self, context, **kwargs):
        name = f"territoires-{timezone.localdate():%Y-%m-%d}.xlsx"
        return xlsx_response(export_xlsx(context["object_list"]), name)


class ConventionHomeView(InConventionMixin, TemplateView):
    """The home of a convention: what is expected, how far the plan is, what comes next."""

    room = "accueil"

    def get_template_names(self):
        roles = roles_on(self.request.user, self.convention.pk)
        return ["accueil/elu.html" if roles <= {Role.PILOTAGE} else "accueil/convention.html"]

    def get_conventions(self):
        return with_alertes(super().get_conventions())

    def get_context_data(self, **kwargs):
        user, convention = self.request.user, self.convention
        fiches = FicheAction.objects.visible_to(user).filter(plan__convention=convention).actives()
        axes = with_progression(Axe.objects.filter(plan__convention=convention), fiches)
        prochaine = prochaine_reunion(convention)
        documents = (
            DocumentEmis.objects.visible_to(user).filter(convention=convention).prets().without_content()
        )
        return super().get_context_data(
            axes=axes,
            total=total_progress(progression for _, progression in axes),
            a_faire=a_faire(user, convention, roles_on(user, convention.pk)),
            alertes=alertes_pour(convention, roles_on(user, convention.pk)),
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
