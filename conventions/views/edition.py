import re

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import CreateView, UpdateView

from conventions.forms.organisations import OrganisationForm
from conventions.forms.sections import SECTIONS
from conventions.mixins import InConventionMixin
from conventions.models import Organisation


class SectionEditView(InConventionMixin, UpdateView):
    """One section, one page: a form, or rows. The object is read anew, so that refused input changes no title."""

    room = "convention"
    convention_permission = "conventions.change_convention"
    template_name = "conventions/section_edit.html"

    @cached_property
    def section(self):
        try:
            return SECTIONS[self.kwargs["section"]]
        except KeyError as error:
            raise Http404 from error

    def get_form_class(self):
        return self.section.form_class

    def get_object(self, queryset=None):
        return self.section.object_of(self.convention)

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            section=self.section, nom=self.kwargs["section"], url_back=self.get_success_url(), **kwargs
        )

    def form_valid(self, form):
        form.save()
        messages.success(self.request, self.section.enregistre)
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        return f"{self.convention.get_absolute_url()}#{self.kwargs['section']}"


class OrganisationAddView(InConventionMixin, CreateView):
    """Adds to the shared directory an organisation that a section does not offer, then goes back to it."""

    room = "convention"
    convention_permission = "conventions.change_convention"
    form_class = OrganisationForm
    template_name = "conventions/organisation_add.html"

    @property
    def retour(self):
        """The section to go back to, if the address names one."""
        asked = self.request.GET.get("retour", "")
        return asked if asked in SECTIONS else ""

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "instance": Organisation(departement=self.convention.territoire.departement),
            "convention": self.convention,
        }

    def get_context_data(self, **kwargs):
        return super().get_context_data(url_back=self.get_success_url(), **kwargs)

    def form_valid(self, form):
        organisation = form.save()
        messages.success(
            self.request, f"«\u00a0{organisation}\u00a0» est dans l’annuaire\u00a0: vous pouvez la choisir."
        )
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        if self.retour:
            return reverse("conventions:edit", args=[self.convention.code, self.retour])
        # The grid of money of a year, which asks for organisations too.
        if re.fullmatch(r"20[0-9]{2}", exercice := self.request.GET.get("exercice", "")):
            return reverse("actions:exercice", args=[self.convention.code, exercice])
        return self.convention.get_absolute_url()
