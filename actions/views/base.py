from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponseRedirect
from django.views.generic import UpdateView

from actions.models import FicheAction
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin


class StateMovedError(Exception):
    """The person may do this, but the object is no longer in the state that allows it."""


class FicheMixin(InConventionMixin, PermissionMixin):
    """One fiche of the convention, with its pilotes (the rules read them)."""

    queryset = FicheAction.objects.select_related(
        "plan__convention__territoire__departement", "axe", "objectif"
    ).prefetch_related("pilotes__user")
    convention_lookup = "plan__convention"
    context_object_name = "fiche"
    room = "plan"


class WhileOpenMixin:
    """``role_permission`` is the permission less the state: whoever has it is told why it is too late, not « interdit ».

    A page asked for goes back to the fiche with a sentence. What was posted reaches the form, which refuses it
    with the same sentence and gives the words back.
    """

    role_permission = ""

    def check_permission(self, obj):
        try:
            super().check_permission(obj)
        except PermissionDenied:
            if not self.request.user.has_perm(self.role_permission, obj):
                raise
            if self.request.method != "POST":
                raise StateMovedError from None

    def dispatch(self, request, *args, **kwargs):
        try:
            return super().dispatch(request, *args, **kwargs)
        except StateMovedError:
            messages.warning(request, self.state_sentence())
            return HttpResponseRedirect(self.object_url())

    def state_sentence(self):
        fiche = self.get_queryset().get(pk=self.kwargs["pk"])
        return (
            f"La fiche est maintenant « {fiche.get_redaction_display().lower()} » : "
            "cette page n’est plus ouverte pour elle."
        )

    def object_url(self):
        return self.get_queryset().get(pk=self.kwargs["pk"]).get_absolute_url()


class VerbView(WhileOpenMixin, FicheMixin, TransitionFormMixin, UpdateView):
    """One page to confirm a verb of the fiche: what it does, what is asked, one button."""

    template_name = "actions/fiche_verbe.html"
    titre = ""
    texte = ""
    bouton = ""
    danger = False
