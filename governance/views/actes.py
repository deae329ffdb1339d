from django.http import HttpResponse
from django.urls import reverse
from django.views.generic import DetailView, TemplateView, View

from conventions.mixins import InConventionMixin
from conventions.models import Avenant, Convention
from conventions.operations.articles import articles_of, is_propose
from conventions.operations.impressions import ask_impression
from conventions.views.impressions import impression_redirect
from ctg_portal.permissions import Can
from governance.actes import (
    acte_docx,
    acte_html,
    avenant_acte,
    avenant_filename,
    convention_acte,
    convention_filename,
)
from governance.rapports import contrat_rapport, rapport_filename

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def docx_response(content, name):
    """A Word file to keep: an attachment with its name."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=DOCX, headers=headers)


class ConventionTexteView(InConventionMixin, TemplateView):
    """The whole document as a page: the same content as its files."""

    template_name = "governance/convention_texte.html"
    room = "convention"

    def get_context_data(self, **kwargs):
        articles = articles_of(self.convention)
        return super().get_context_data(
            acte=convention_acte(self.convention, articles),
            is_propose=is_propose(articles),
            can=Can(self.request.user, self.convention),
            **kwargs,
        )


class ConventionDocxView(InConventionMixin, View):
    def get(self, request, *args, **kwargs):
        content = acte_docx(convention_acte(self.convention), self.convention)
        return docx_response(content, convention_filename(self.convention, "docx"))


class ConventionPdfView(InConventionMixin, View):
    """Asked by POST, drawn in the background."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        convention = self.convention
        acte = convention_acte(convention)
        impression = ask_impression(
            convention=convention,
            html=acte_html(acte, convention),
            titre=acte.titre,
            nom_fichier=convention_filename(convention, "pdf"),
            by=request.user,
        )
        retour = reverse("governance:convention_texte", args=[convention.code])
        return impression_redirect(impression, convention.code, retour)


class AvenantMixin(InConventionMixin):
    queryset = Avenant.objects.for_page()
    context_object_name = "avenant"
    room = "convention"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)


class AvenantTexteView(AvenantMixin, DetailView):
    template_name = "governance/avenant_texte.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(acte=avenant_acte(self.object), **kwargs)


class AvenantDocxView(AvenantMixin, DetailView):
    def render_to_response(self, context, **kwargs):
        content = acte_docx(avenant_acte(self.object), self.convention)
        return docx_response(content, avenant_filename(self.object, "docx"))


class AvenantPdfView(AvenantMixin, DetailView):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        avenant, convention = self.get_object(), self.convention
        acte = avenant_acte(avenant)
        impression = ask_impression(
            convention=convention,
            html=acte_html(acte, convention),
            titre=acte.titre,
            nom_fichier=avenant_filename(avenant, "pdf"),
            by=request.user,
        )
        retour = reverse("governance:avenant_texte", args=[convention.code, avenant.pk])
        return impression_redirect(impression, convention.code, retour)


class ContratRapportMixin(InConventionMixin):
    """A contract around the plan of the convention in the address; its money only to those who may open it."""

    context_object_name = "contrat"
    room = "convention"

    def get_queryset(self):
        contrats = Convention.objects.contrats_du_plan(self.convention)
        return contrats.with_opening(self.request.user)

    def get_rapport(self, contrat):
        return contrat_rapport(contrat, with_money=contrat.est_ouverte)


class ContratRapportView(ContratRapportMixin, DetailView):
    template_name = "governance/contrat_rapport.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(acte=self.get_rapport(self.object), **kwargs)


class ContratRapportPdfView(ContratRapportMixin, DetailView):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        contrat = self.get_object()
        rapport = self.get_rapport(contrat)
        impression = ask_impression(
            convention=self.convention,
            html=acte_html(rapport, contrat),
            titre=rapport.titre,
            nom_fichier=rapport_filename(contrat),
            by=request.user,
        )
        retour = reverse("governance:contrat_rapport", args=[self.convention.code, contrat.pk])
        return impression_redirect(impression, self.convention.code, retour)
