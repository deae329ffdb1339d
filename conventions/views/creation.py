from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import FormView, TemplateView

from conventions.forms.creation import CreationForm, TerritoireSearchForm
from conventions.mixins import InConventionMixin
from conventions.models import Convention, Territoire
from conventions.permissions import creatable_territoires
from ctg_portal.mixins import TransitionFormMixin

RESULTATS = 20
"""Territoires shown at once; more ask for another word."""


class ConventionStartView(TemplateView):
    """Step one: the territoire, by name or SIREN, among those on which the visitor may create."""

    template_name = "conventions/convention_start.html"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and not request.user.has_perm(
            "conventions.add_convention", request.user
        ):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        form = TerritoireSearchForm(self.request.GET or None)
        words = form.cleaned_data["q"] if form.is_bound and form.is_valid() else ""
        open_to = creatable_territoires(self.request.user)
        found = list(
            open_to.search(words).select_related("departement").order_by("nom", "siren")[: RESULTATS + 1]
        )
        few = len(found) <= RESULTATS
        return super().get_context_data(
            form=form,
            mots=words,
            territoires=found[:RESULTATS] if words or few else [],
            is_cut=not few,
            nombre=None if few else open_to.search(words).count(),
            **kwargs,
        )


class CreationView(TransitionFormMixin, FormView):
    """Step two: one page; what it writes leads to step three, the team."""

    form_class = CreationForm
    template_name = "conventions/convention_create.html"
    principale = None
    url_back = ""

    def get_form_kwargs(self):
        instance = Convention(territoire=self.territoire, principale=self.principale)
        return super().get_form_kwargs() | {"instance": instance, "user": self.request.user}

    def get_context_data(self, **kwargs):
        kwargs.setdefault("territoire", self.territoire)
        kwargs.setdefault("principale", self.principale)
        kwargs.setdefault("url_back", self.url_back)
        return super().get_context_data(**kwargs)

    @property
    def success_message(self):
        return (
            f"La convention « {self.object} » est créée. Invitez maintenant les personnes qui y travaillent."
        )

    def get_success_url(self):
        return reverse("conventions:habilitation_add", args=[self.object.code])


class ConventionCreateView(CreationView):
    @property
    def url_back(self):
        return reverse("conventions:start")

    @cached_property
    def territoire(self):
        territoires = Territoire.objects.select_related("departement")
        territoire = get_object_or_404(territoires, siren=self.kwargs["siren"])
        if not self.request.user.has_perm("conventions.create_territoire", territoire):
            raise PermissionDenied
        return territoire

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.territoire  # noqa: B018 - the 404 or 403 comes before anything else
        return super().dispatch(request, *args, **kwargs)


class LinkedContractView(InConventionMixin, CreationView):
    """A contract that shares the fiches of this CTG: its territoire and its CTG are those of the address."""

    room = "convention"
    convention_permission = "conventions.link_convention"

    @property
    def territoire(self):
        return self.convention.territoire

    @property
    def principale(self):
        return self.convention

    @property
    def url_back(self):
        return self.convention.get_absolute_url()
