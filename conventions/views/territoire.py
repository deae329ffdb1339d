import mimetypes

from django.http import Http404, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.generic import TemplateView, View

from conventions.couleurs import FOND_CLAIR, FOND_SOMBRE, palette
from conventions.mixins import InConventionMixin

# The address of both carries what they depend on (layout/convention.html): a change is seen at once.
CACHE_CONTROL = "private, max-age=86400"


class ThemeView(InConventionMixin, TemplateView):
    template_name = "conventions/theme.css"
    content_type = "text/css; charset=utf-8"

    def get_context_data(self, **kwargs):
        couleur = self.convention.territoire.couleur
        return super().get_context_data(
            clair=palette(couleur, fond=FOND_CLAIR), sombre=palette(couleur, fond=FOND_SOMBRE), **kwargs
        )

    def render_to_response(self, context, **kwargs):
        return super().render_to_response(
            context, headers={"Cache-Control": CACHE_CONTROL, "Vary": "Cookie"}, **kwargs
        )


def logo_response(request, logo):
    """The logo as it was drawn anew at its upload: a PNG or a JPEG, never anything else."""
    try:
        with logo.open() as file:
            content = file.read()
    except (ValueError, FileNotFoundError) as error:
        raise Http404 from error
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "inline",
        "Cache-Control": CACHE_CONTROL,
        "ETag": quote_etag(logo.name),
    }
    response = HttpResponse(content, content_type=mimetypes.guess_type(logo.name)[0], headers=headers)
    return get_conditional_response(request, etag=headers["ETag"], response=response)


class LogoView(InConventionMixin, View):
    def get(self, request, code):
        return logo_response(request, self.convention.territoire.logo)
