from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponseRedirect
from django.views.generic import UpdateView

from actions.forms.liens import LienForm, LienRemoveForm
from actions.models import LienFiche
from actions.views.base import FicheMixin
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin


class LienAddView(WhileOpenMixin, TransitionFormMixin, FicheMixin, UpdateView):
    """The object found is the fiche; what the form saves ties it to another."""

    permission = "actions.link_ficheaction"
    role_permission = "actions.write_ficheaction"
    form_class = LienForm
    template_name = "actions/lien_form.html"
    success_message = "Les deux fiches sont liées."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def get_success_url(self):
        return f"{self.object.get_absolute_url()}#liens"


class LienRemoveView(InConventionMixin, PermissionMixin, UpdateView):
    """A link of one of the fiches of the convention, taken away from its page."""

    queryset = LienFiche.objects.select_related(
        "depuis__plan__convention__territoire", "vers__plan__convention__territoire"
    ).prefetch_related("depuis__pilotes", "vers__pilotes")
    permission = "actions.delete_lienfiche"
    context_object_name = "lien"
    form_class = LienRemoveForm
    template_name = "actions/lien_remove.html"
    room = "plan"

    def get_queryset(self):
        here = self.convention
        liens = self.queryset.filter(Q(depuis__plan__convention=here) | Q(vers__plan__convention=here))
        return liens.visible_to(self.request.user)

    @property
    def fiche(self):
        """The end that is of this convention."""
        lien = self.object
        return lien.depuis if lien.depuis.plan.convention_id == self.convention.pk else lien.vers

    def form_valid(self, form):
        url = self.fiche.get_absolute_url()
        form.save(by=self.request.user)
        messages.success(self.request, "Le lien est retiré. L’historique le garde.")
        return HttpResponseRedirect(f"{url}#liens")

    def get_context_data(self, **kwargs):
        return super().get_context_data(fiche=self.fiche, **kwargs)
