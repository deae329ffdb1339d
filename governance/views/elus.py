from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import FormView

from conventions.mixins import InConventionMixin
from conventions.models import Mandat, Organisation
from ctg_portal.mixins import TransitionFormMixin
from governance.forms.elus import ElusForm


class ElusView(TransitionFormMixin, FormView):
    """Every current mandate on one page: who replaces whom, what it changes, then one transaction."""

    form_class = ElusForm
    template_name = "governance/elus.html"

    def get_mandats(self, organisations):
        return (
            Mandat.objects.courants()
            .filter(organisation__in=organisations)
            .select_related("organisation")
            .order_by("organisation__nom", "organisation", "ordre", "fonction", "pk")
        )

    def form_valid(self, form):
        if form.cleaned_data["apercu"]:
            form.preview(by=self.request.user)
            return self.form_invalid(form)
        return super().form_valid(form)

    @property
    def success_message(self):
        count = len(self.object.changes)
        return f"Les mandats sont renouvelés ; {count} nom{'s' if count > 1 else ''} remplacé{'s' if count > 1 else ''} dans les conventions."


class ElusOrganisationView(ElusView):
    @cached_property
    def organisation(self):
        rows = Organisation.objects.visible_to(self.request.user).actives()
        organisation = get_object_or_404(rows, pk=self.kwargs["pk"])
        if not self.request.user.has_perm("conventions.renew_organisation", organisation):
            raise PermissionDenied
        return organisation

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.organisation  # noqa: B018 - the 404 or 403 comes before anything else
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"mandats": self.get_mandats([self.organisation])}

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            organisation=self.organisation, url_back=self.get_success_url(), **kwargs
        )

    def get_success_url(self):
        return f"{self.organisation.get_absolute_url()}#mandats"


class ElusConventionView(InConventionMixin, ElusView):
    """The intercommunalité, its communes and whoever else signs, at once: what an election asks for."""

    room = "gouvernance"
    convention_permission = "conventions.change_convention"

    def get_form_kwargs(self):
        territoire = self.convention.territoire
        organisations = Organisation.objects.actives().filter(
            Q(territoire=territoire)
            | Q(commune__in=territoire.communes.values("pk"))
            | Q(pk__in=self.convention.signataires.actuels().values("organisation"))
        )
        return super().get_form_kwargs() | {"mandats": self.get_mandats(organisations.values("pk"))}

    def get_context_data(self, **kwargs):
        return super().get_context_data(organisation=None, url_back=self.get_success_url(), **kwargs)

    def get_success_url(self):
        return reverse("governance:detail", args=[self.convention.code])
