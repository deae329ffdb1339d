from django.contrib import messages
from django.http import HttpResponseRedirect
from django.views.generic import UpdateView

from actions.models import Avis
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, WhileOpenMixin
from ctg_portal.workflow import TransitionError
from governance.avis import avis_acte, sign_avis, version_lue
from governance.forms.avis import AvisSignForm


class AvisSignView(WhileOpenMixin, InConventionMixin, PermissionMixin, UpdateView):
    """The avis as it will be frozen, and one button."""

    queryset = Avis.objects.select_related(
        "plan__convention__territoire__departement", "fiche__plan__convention", "fiche__axe"
    )
    convention_lookup = "plan__convention"
    context_object_name = "avis"
    permission = "actions.write_avis"
    role_permission = "actions.review_avis"
    form_class = AvisSignForm
    template_name = "governance/avis_sign.html"
    room = "plan"

    def state_sentence(self, avis):
        return (
            "Cet avis est déjà signé : il ne change plus."
            if avis.is_signe
            else "Cet avis n’est plus attendu : il ne se signe plus."
        )

    def get_initial(self):
        return {"fonction": self.request.user.fonction, "lu": version_lue(self.object)}

    def form_valid(self, form):
        try:
            document = sign_avis(self.object, by=self.request.user, **form.cleaned_data)
        except TransitionError as refus:
            # What is read next is what is there now.
            form.data = form.data.copy()
            form.data["lu"] = version_lue(self.object)
            form.add_error(None, str(refus))
            return self.form_invalid(form)
        messages.success(
            self.request,
            "L’avis est signé : il ne change plus. Son fichier se prépare et sera toujours rendu tel quel.",
        )
        return HttpResponseRedirect(document.avis.get_absolute_url())

    def get_context_data(self, **kwargs):
        avis = self.object
        return super().get_context_data(acte=avis_acte(avis), manques=avis.missing(), **kwargs)
