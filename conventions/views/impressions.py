import logging
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DetailView, View
from django.views.generic.detail import SingleObjectMixin

from conventions.mixins import InConventionMixin
from conventions.models import Impression
from conventions.operations.impressions import (
    FORMATS,
    draw_now,
    drawn_parts,
    is_left_waiting,
    may_be_drawn_now,
)
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
        if self.object.statut == Impression.Statut.EN_ATTENTE:
            kwargs["faites"], kwargs["parties"] = drawn_parts(self.object)
            kwargs["is_left_waiting"] = is_left_waiting(self.object)
            kwargs["may_be_drawn_now"] = may_be_drawn_now(self.object)
        return super().get_context_data(url_retour=retour if inside else "", **kwargs)


class ImpressionNowView(InConventionMixin, PermissionMixin, SingleObjectMixin, View):
    """Drawn in the request, some parts at a time, when no worker is there to do it."""

    queryset = Impression.objects.defer("contenu", "html")
    permission = "conventions.view_impression"

    def post(self, request, *args, **kwargs):
        impression = self.get_object()
        retour = request.GET.get("retour", "")
        if is_left_waiting(impression):
            try:
                left = draw_now(str(impression.pk))
            except Exception:
                # Whatever it was, it is written on the row: its page says so.
                logger.exception("Impression %s could not be drawn", impression.pk)
                left = 0
            if left:
                messages.info(request, f"Il reste {left} parties à dessiner : continuez.")
        return impression_redirect(impression, self.convention.code, retour)


class ImpressionFileView(InConventionMixin, PermissionMixin, DetailView):
    queryset = Impression.objects.defer("html")
    permission = "conventions.view_impression"

    def render_to_response(self, context, **kwargs):
        if self.object.contenu is None:
            raise Http404
        return file_response(
            bytes(self.object.contenu), self.object.nom_fichier, FORMATS[self.object.sortie].type_mime
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
