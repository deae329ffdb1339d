import logging
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DetailView

from conventions.mixins import InConventionMixin
from conventions.models import Impression
from conventions.operations.impressions import FORMATS, complete_impression
from ctg_portal.mixins import PermissionMixin

logger = logging.getLogger(__name__)


class ImpressionView(InConventionMixin, PermissionMixin, DetailView):
    """A document on its way: the page asks again by itself until the file is there."""

    queryset = Impression.objects.defer("contenu", "html")
    permission = "conventions.view_impression"
    template_name = "conventions/impression.html"
    room = "documents"

    def get_context_data(self, **kwargs):
        # Only back inside the same convention.
        retour = self.request.GET.get("retour", "")
        inside = retour.startswith(reverse("convention_home", args=[self.convention.code]))
        return super().get_context_data(url_retour=retour if inside else "", **kwargs)


class ImpressionFileView(InConventionMixin, PermissionMixin, DetailView):
    queryset = Impression.objects.defer("html")
    permission = "conventions.view_impression"

    def render_to_response(self, context, **kwargs):
        if self.object.contenu is None:
            raise Http404
        return file_response(
            bytes(self.object.contenu), self.object.nom_fichier, FORMATS[self.object.sortie].type_mime
        )


class ImpressionNowView(InConventionMixin, PermissionMixin, DetailView):
    """The worker seems to be away: a small file is drawn while the person waits."""

    queryset = Impression.objects.defer("contenu")
    permission = "conventions.view_impression"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        impression = self.object = self.get_object()
        if impression.attend and impression.is_petite:
            try:
                complete_impression(impression)
            except Exception:
                # Whatever it was, it is written on the row: its page says so.
                logger.exception("Impression %s could not be drawn", impression.pk)
        return HttpResponseRedirect(
            reverse("conventions:impression", args=[self.convention.code, impression.pk])
        )


def impression_redirect(impression, code, retour):
    """To the page where the document is awaited; ``retour``: the page it was asked from."""
    path = reverse("conventions:impression", args=[code, impression.pk])
    return HttpResponseRedirect(f"{path}?{urlencode({'retour': retour})}")


def pdf_response(content, name):
    """A PDF to keep: an attachment with its name."""
    return file_response(content, name, "application/pdf")


def file_response(content, name, content_type):
    """A file to keep: an attachment with its name."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=content_type, headers=headers)
