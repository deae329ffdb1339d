from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import TemplateView, View

from conventions.documents import etat_context, etat_filename, etat_html, etat_xlsx
from conventions.mixins import InConventionMixin
from conventions.models import Organisation
from conventions.views.impressions import pdf_response
from ctg_portal.documents import render_pdf
from ctg_portal.tableurs import xlsx_response


class EtatMixin(InConventionMixin):
    """A beneficiary of the convention; ``?exercice=`` narrows to a year in which it received something."""

    room = "convention"

    @cached_property
    def beneficiaire(self):
        receiving = Organisation.objects.visible_to(self.request.user).filter(
            pk__in=self.convention.financements.values("beneficiaire")
        )
        return get_object_or_404(receiving, pk=self.kwargs["pk"])

    @cached_property
    def exercices(self):
        lignes = self.convention.financements.filter(beneficiaire=self.beneficiaire)
        return [row.exercice for row in lignes.par_exercice()]

    @cached_property
    def exercice(self):
        asked = self.request.GET.get("exercice", "")
        if not asked:
            return None
        found = next((annee for annee in self.exercices if str(annee) == asked), None)
        if found is None:
            raise Http404
        return found

    @property
    def nom_fichier(self):
        return etat_filename(self.convention, self.beneficiaire, self.exercice)


class EtatView(EtatMixin, TemplateView):
    template_name = "conventions/etat.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            exercices=self.exercices,
            **etat_context(self.convention, self.beneficiaire, self.exercice),
            **kwargs,
        )


class EtatPdfView(EtatMixin, View):
    """One beneficiary is a few pages: drawn at once."""

    def get(self, request, *args, **kwargs):
        html = etat_html(self.convention, self.beneficiaire, self.exercice)
        return pdf_response(render_pdf(html), f"{self.nom_fichier}.pdf")


class EtatXlsxView(EtatMixin, View):
    def get(self, request, *args, **kwargs):
        content = etat_xlsx(self.convention, self.beneficiaire, self.exercice)
        return xlsx_response(content, f"{self.nom_fichier}.xlsx")
