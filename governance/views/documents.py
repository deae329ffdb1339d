from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.safestring import mark_safe
from django.views.generic import DetailView, ListView

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin
from governance.documents import dossier_context, issue_dossier
from governance.emissions import retry_document
from governance.models import DocumentEmis
from governance.views.dossier import DossierMixin


class DossierPreviewView(DossierMixin, DetailView):
    """What the dossier would say if it were issued now; whole fiches are told there in a few lines."""

    permission = "governance.view_reunion"
    template_name = "governance/dossier_preview.html"

    def get_queryset(self):
        # The last version in the query of the meeting: the parts take all the others that a page may ask.
        issued = DocumentEmis.objects.filter(
            reunion=OuterRef("pk"), nature=DocumentEmis.Nature.DOSSIER_SEANCE
        ).order_by("-version")
        return (
            super()
            .get_queryset()
            .annotate(
                emis_pk=Subquery(issued.values("pk")[:1]),
                emis_version=Subquery(issued.values("version")[:1]),
                emis_le=Subquery(issued.values("emis_le")[:1]),
            )
        )

    def get_context_data(self, **kwargs):
        return super().get_context_data(**dossier_context(self.object, entieres=False), **kwargs)


class DossierIssueView(DossierMixin, DetailView):
    permission = "governance.issue_reunion"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        document = issue_dossier(self.get_object(), by=request.user)
        messages.success(
            request,
            f"Le dossier de séance est émis, version {document.version}. Ce qu’il dit ne changera plus.",
        )
        return HttpResponseRedirect(document.get_absolute_url())


class DocumentMixin(InConventionMixin, PermissionMixin):
    queryset = DocumentEmis.objects.select_related(
        "convention__territoire", "auteur", "reunion__instance__convention"
    )
    context_object_name = "document"
    permission = "governance.view_documentemis"
    room = "documents"


class DocumentListView(InConventionMixin, ListView):
    queryset = DocumentEmis.objects.select_related("auteur", "reunion__instance").without_content()
    context_object_name = "documents"
    template_name = "governance/documents.html"
    paginate_by = 15
    room = "documents"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)


class DocumentView(DocumentMixin, DetailView):
    template_name = "governance/document.html"

    def get_context_data(self, **kwargs):
        # Rendered by our own escaping template when it was issued; the database refuses any change since.
        contenu = mark_safe(self.object.html)  # noqa: S308
        liens = []
        if self.request.user.has_perm("governance.links_documentemis", self.object):
            liens = list(self.object.liens.select_related("auteur", "revoque_par"))
            for lien in liens:
                lien.adresse = self.request.build_absolute_uri(lien.get_absolute_url())
        return super().get_context_data(contenu=contenu, liens=liens, **kwargs)


class DocumentRetryView(DocumentMixin, DetailView):
    permission = "governance.retry_documentemis"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        document = self.get_object()
        retry_document(document)
        return HttpResponseRedirect(document.get_absolute_url())


class DocumentFileView(DocumentMixin, DetailView):
    def render_to_response(self, context, **response_kwargs):
        if self.object.contenu is None:
            raise Http404
        return HttpResponse(
            bytes(self.object.contenu),
            content_type="application/pdf",
            headers={"Content-Disposition": f'attachment; filename="{self.object.nom_fichier}"'},
        )
