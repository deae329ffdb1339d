from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import DetailView, UpdateView, View
from django.views.generic.detail import SingleObjectMixin
from django_filters.views import FilterView

from conventions.filters import OrganisationFilter
from conventions.forms.organisations import MandatFormSet, OrganisationEditForm
from conventions.models import Convention, FusionOrganisation, Organisation
from conventions.operations.annuaire import equipements_of, presences
from conventions.views.territoire import logo_response
from ctg_portal.mixins import PagesMixin, PermissionMixin


class AnnuaireMixin:
    """The directory is open to whoever has a role somewhere."""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.has_perm(
            "conventions.view_directory", request.user
        ):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)


class OrganisationListView(AnnuaireMixin, PagesMixin, FilterView):
    filterset_class = OrganisationFilter
    template_name = "conventions/organisation_list.html"
    context_object_name = "organisations"
    paginate_by = 50

    def get_queryset(self):
        conventions = Convention.objects.visible_to(self.request.user).values("pk")
        signees = Count(
            "signatures__convention", filter=Q(signatures__convention__in=conventions), distinct=True
        )
        return Organisation.objects.visible_to(self.request.user).for_list().annotate(nb_conventions=signees)


class OrganisationMixin(AnnuaireMixin, PermissionMixin):
    """A row that was merged leads to the row that was kept."""

    queryset = Organisation.objects.select_related("departement", "territoire", "commune", "fusionnee_dans")
    context_object_name = "organisation"
    permission = "conventions.change_organisation"

    @cached_property
    def row(self):
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def dispatch(self, request, *args, **kwargs):
        if (
            request.user.is_authenticated
            and request.user.has_perm("conventions.view_directory", request.user)
            and self.row.fusionnee_dans_id
        ):
            return HttpResponseRedirect(self.row.survivante.get_absolute_url())
        return super().dispatch(request, *args, **kwargs)

    def get_object(self, queryset=None):
        self.check_permission(self.row)
        return self.row


class OrganisationView(OrganisationMixin, DetailView):
    """Who it is, what it does in the conventions open to the visitor, who holds its functions."""

    template_name = "conventions/organisation.html"

    def check_permission(self, obj):
        """Whoever may open the directory may read its rows."""

    def get_context_data(self, **kwargs):
        user, organisation = self.request.user, self.object
        mandats = list(organisation.mandats.all())
        fusions = FusionOrganisation.objects.filter(gardee=organisation, annulee_le=None)
        return super().get_context_data(
            presences=presences(organisation, user),
            equipements=equipements_of(organisation, user),
            mandats=[mandat for mandat in mandats if mandat.is_courant],
            anciens=[mandat for mandat in mandats if not mandat.is_courant],
            fusions=[
                (fusion, user.has_perm("conventions.undo_fusionorganisation", fusion))
                for fusion in fusions.select_related("absorbee", "gardee", "auteur")
            ],
            **kwargs,
        )


class OrganisationEditView(OrganisationMixin, UpdateView):
    form_class = OrganisationEditForm
    template_name = "conventions/organisation_edit.html"

    def form_valid(self, form):
        self.object = form.save()
        messages.success(self.request, f"« {self.object} » est enregistrée, pour toutes les conventions.")
        return HttpResponseRedirect(self.object.get_absolute_url())

    def get_context_data(self, **kwargs):
        # The title keeps the name that is saved while another is refused.
        kwargs["enregistree"] = Organisation.objects.get(pk=self.object.pk)
        return super().get_context_data(**kwargs)


class MandatsView(OrganisationMixin, UpdateView):
    form_class = MandatFormSet
    template_name = "conventions/mandats.html"

    def form_valid(self, form):
        form.save()
        messages.success(self.request, "Les mandats sont enregistrés.")
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#mandats")


class OrganisationLogoView(AnnuaireMixin, SingleObjectMixin, View):
    queryset = Organisation.objects.all()

    def get(self, request, pk):
        return logo_response(request, self.get_object().logo)
