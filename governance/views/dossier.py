from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DetailView
from django.views.generic.edit import FormMixin

from conventions.operations.impressions import ask_impression
from conventions.views.impressions import impression_redirect
from ctg_portal.workflow import TransitionError
from governance.documents import TITRE, dossier_context, dossier_filename, dossier_html
from governance.forms.dossier import SommaireForm
from governance.matiere import for_dossier
from governance.views.reunions import ReunionMixin


class DossierMixin(ReunionMixin):
    queryset = for_dossier(ReunionMixin.queryset)

    @property
    def retour(self):
        return reverse("governance:dossier_preview", args=[self.convention.code, self.object.pk])


class DossierSommaireView(DossierMixin, FormMixin, DetailView):
    """The parts of the dossier, in their order."""

    permission = "governance.issue_reunion"
    form_class = SommaireForm
    template_name = "governance/dossier_sommaire.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"reunion": self.object}

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        form = self.get_form()
        if form.is_valid():
            try:
                form.save()
            except TransitionError as refus:
                form.add_error(None, str(refus))
            else:
                messages.success(request, "Les parties du dossier sont enregistrées.")
                return HttpResponseRedirect(self.retour)
        return self.render_to_response(self.get_context_data(form=form))


class DossierPdfView(DossierMixin, DetailView):
    """The dossier on paper before it is issued: asked by POST, drawn in the background, frozen nowhere."""

    permission = "governance.view_reunion"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        context = dossier_context(self.object)
        edition = "Projet, non émis" + (", sans les annexes" if context["annexes"] else "")
        impression = ask_impression(
            convention=self.convention,
            html=dossier_html(context, edition),
            titre=f"{TITRE} – {self.object}, projet",
            nom_fichier=dossier_filename(self.object, "projet"),
            by=request.user,
        )
        return impression_redirect(impression, self.convention.code, self.retour)
