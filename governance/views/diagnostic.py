from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import DetailView

from conventions.mixins import InConventionMixin
from conventions.operations.impressions import ask_impression
from conventions.views.impressions import impression_redirect
from ctg_portal.mixins import PermissionMixin
from ctg_portal.workflow import TransitionError
from diagnostics.models import Diagnostic
from governance.actes import acte_docx, acte_html
from governance.diagnostic import diagnostic_acte, diagnostic_filename, validate_diagnostic
from governance.models import DocumentEmis
from governance.views.actes import docx_response


class DiagnosticMixin(InConventionMixin, PermissionMixin):
    """The diagnostic of the convention in the address."""

    queryset = Diagnostic.objects.select_related("convention__territoire__departement")
    context_object_name = "diagnostic"
    permission = "diagnostics.view_diagnostic"
    room = "diagnostic"

    def get_object(self, queryset=None):
        diagnostic = get_object_or_404(self.get_queryset())
        self.check_permission(diagnostic)
        return diagnostic


class DiagnosticTexteView(DiagnosticMixin, DetailView):
    """The document as a page, and the versions that were frozen."""

    template_name = "governance/diagnostic_texte.html"

    def get_context_data(self, **kwargs):
        frozen = DocumentEmis.objects.filter(
            convention=self.convention, nature=DocumentEmis.Nature.DIAGNOSTIC
        )
        return super().get_context_data(
            acte=diagnostic_acte(self.object), versions=frozen.without_content(), **kwargs
        )


class DiagnosticDocxView(DiagnosticMixin, DetailView):
    def render_to_response(self, context, **kwargs):
        content = acte_docx(diagnostic_acte(self.object), self.convention)
        return docx_response(content, diagnostic_filename(self.object, "docx"))


class DiagnosticPdfView(DiagnosticMixin, DetailView):
    """Asked by POST, drawn in the background."""

    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        diagnostic = self.get_object()
        acte = diagnostic_acte(diagnostic)
        impression = ask_impression(
            convention=self.convention,
            html=acte_html(acte, self.convention),
            titre=acte.titre,
            nom_fichier=diagnostic_filename(diagnostic, "pdf"),
            by=request.user,
        )
        retour = reverse("governance:diagnostic_texte", args=[self.convention.code])
        return impression_redirect(impression, self.convention.code, retour)


class DiagnosticValidateView(DiagnosticMixin, DetailView):
    """One page to confirm: what validating freezes."""

    permission = "diagnostics.move_diagnostic"
    template_name = "governance/diagnostic_validate.html"

    def post(self, request, *args, **kwargs):
        diagnostic = self.get_object()
        try:
            document = validate_diagnostic(diagnostic, by=request.user)
        except TransitionError as refus:
            messages.warning(request, str(refus))
            return HttpResponseRedirect(diagnostic.get_absolute_url())
        messages.success(
            request,
            f"Le diagnostic est validé en COPIL et figé, version {document.version}. Ce qu’il dit ne changera plus.",
        )
        return HttpResponseRedirect(document.get_absolute_url())
