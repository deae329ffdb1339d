from itertools import groupby

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DeleteView, FormView, ListView

from conventions.forms.equipe import InvitationForm
from conventions.mixins import InConventionMixin
from conventions.models import Convention, Habilitation
from conventions.permissions import removable
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin


class OnConventionMixin(InConventionMixin):
    """Roles that hold on the convention, given on it or through one of its organisations."""

    room = "equipe"

    def get_queryset(self):
        return Habilitation.objects.on_convention(self.convention).select_related(
            "user", "organisation", "convention__territoire"
        )


class EquipeView(OnConventionMixin, ListView):
    template_name = "conventions/equipe.html"
    context_object_name = "habilitations"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        retirables = removable(self.request.user, self.convention.pk, context["habilitations"])
        context["personnes"] = [
            (person, [(habilitation, habilitation.pk in retirables) for habilitation in held])
            for person, held in groupby(context["habilitations"], lambda habilitation: habilitation.user)
        ]
        return context


class HabilitationAddView(InConventionMixin, TransitionFormMixin, FormView):
    room = "equipe"
    convention_permission = "conventions.invite_convention"
    form_class = InvitationForm
    template_name = "conventions/habilitation_add.html"

    @property
    def success_message(self):
        return f"L’invitation est partie à {self.object.user.email}."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"convention": self.convention, "request": self.request}

    def get_success_url(self):
        return reverse("conventions:equipe", args=[self.convention.code])


class HabilitationRemoveView(OnConventionMixin, PermissionMixin, DeleteView):
    permission = "conventions.remove_habilitation"
    template_name = "conventions/habilitation_remove.html"
    context_object_name = "habilitation"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            is_self=self.object.user == self.request.user,
            is_last=self.object.is_last_coordination(),
            **kwargs,
        )

    def form_valid(self, form):
        personne, role = self.object.user, self.object.get_role_display()
        self.object.delete()
        messages.success(self.request, f"{personne} n’a plus le rôle «\u00a0{role}\u00a0».")
        return HttpResponseRedirect(self.get_success_url())

    def get_success_url(self):
        """The team; the list of conventions for whoever has just lost the last of their own roles here."""
        still = Convention.objects.visible_to(self.request.user).filter(pk=self.convention.pk)
        if still.exists():
            return reverse("conventions:equipe", args=[self.convention.code])
        return reverse("conventions:list")
