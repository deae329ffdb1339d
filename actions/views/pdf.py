from django.shortcuts import get_object_or_404
from django.views.generic import DetailView, TemplateView

from actions.documents import fiche_filename, fiche_html, plan_filename, plan_html, printable_fiches
from actions.elus import elus_filename, elus_html
from actions.lots import COMMENTAIRES
from actions.models import FicheAction, PlanActions
from actions.models.lecture import for_document
from actions.views.base import FicheMixin
from conventions.mixins import InConventionMixin
from conventions.models import Impression
from conventions.operations.impressions import ask_impression
from conventions.views.impressions import impression_redirect, pdf_response
from ctg_portal.documents import render_pdf


class PlanPdfView(InConventionMixin, TemplateView):
    """What the document holds, and a button: the drawing is asked by POST, done in the background."""

    template_name = "actions/plan_pdf.html"
    room = "plan"
    write_html = staticmethod(plan_html)
    name_file = staticmethod(plan_filename)
    titre = "{plan}"

    def get_context_data(self, **kwargs):
        impressions = Impression.objects.visible_to(self.request.user).filter(convention=self.convention)
        derniere = impressions.filter(statut="prete").defer("contenu", "html").order_by("-prete_le").first()
        return super().get_context_data(plan=self.get_plans().first(), derniere=derniere, **kwargs)

    def get_plans(self):
        plans = PlanActions.objects.visible_to(self.request.user).filter(convention=self.convention)
        return plans.select_related("convention__territoire__departement")

    def post(self, request, *args, **kwargs):
        plan = get_object_or_404(self.get_plans())
        impression = ask_impression(
            convention=self.convention,
            html=self.write_html(plan),
            titre=self.titre.format(plan=plan),
            nom_fichier=self.name_file(plan),
            by=request.user,
            total=printable_fiches(self.convention).count(),
            prevenir="courriel" in request.POST,
        )
        return impression_redirect(impression, self.convention.code, request.path)


class ElusPdfView(PlanPdfView):
    """The short edition, from the same page."""

    write_html = staticmethod(elus_html)
    name_file = staticmethod(elus_filename)
    titre = "{plan}, en bref"


class FichePdfView(FicheMixin, DetailView):
    """One fiche, drawn at once."""

    permission = "actions.view_ficheaction"
    queryset = FicheAction.objects.all()

    def get_queryset(self):
        return for_document(super().get_queryset())

    def render_to_response(self, context, **kwargs):
        return pdf_response(
            render_pdf(fiche_html(self.object, mentions=[COMMENTAIRES])), fiche_filename(self.object)
        )
