from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import FormView
from django.views.generic.detail import SingleObjectMixin

from conventions.mixins import InConventionMixin
from conventions.models import Importation
from ctg_portal.imports import ImportRefuse
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from diagnostics.imports import envoi
from diagnostics.imports.fichiers import MAX_OCTETS
from diagnostics.imports.forms import ChiffresForm, ColonnesForm
from diagnostics.views.chiffres import CHANGE


class ChiffresImportView(InConventionMixin, FormView):
    """Sends a file of figures: one of all of France may be sent, and only what concerns the territoire is kept."""

    convention_permission = CHANGE
    depot_octets = MAX_OCTETS
    form_class = ChiffresForm
    template_name = "diagnostics/chiffres_import.html"
    room = "diagnostic"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"convention": self.convention}

    def form_valid(self, form):
        if form.lu.mouvements is not None:
            return self.render_to_response(self.get_context_data(form=form, lu=form.lu))
        try:
            importation = form.save(by=self.request.user)
        except ImportRefuse as refus:
            form.add_error("fichier", str(refus))
            return self.form_invalid(form)
        if form.lu.a_decrire:
            return HttpResponseRedirect(
                reverse("diagnostics:chiffres_colonnes", args=[self.convention.code, importation.pk])
            )
        return HttpResponseRedirect(importation.get_absolute_url())


class ChiffresColonnesView(
    InConventionMixin, PermissionMixin, SingleObjectMixin, TransitionFormMixin, FormView
):
    """Says what each column of a table means; a table already described goes to its preview."""

    queryset = Importation.objects.filter(nature=Importation.Nature.CHIFFRES).select_related(
        "convention__territoire__departement"
    )
    permission = "conventions.change_importation"
    context_object_name = "importation"
    form_class = ColonnesForm
    template_name = "diagnostics/chiffres_colonnes.html"
    success_message = "Les colonnes sont décrites, et le portail s’en souviendra\u00a0: voici l’aperçu."
    room = "diagnostic"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.object = self.get_object()
            if not self.is_open:
                return HttpResponseRedirect(self.object.get_absolute_url())
        return super().dispatch(request, *args, **kwargs)

    @property
    def is_open(self):
        return bool(
            self.object.reponses.get(envoi.A_DECRIRE) and self.object.statut == Importation.Statut.A_CONFIRMER
        )

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"importation": self.object}

    def get_success_url(self):
        return self.object.get_absolute_url()
