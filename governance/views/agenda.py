import hashlib

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseNotFound, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.cache import get_conditional_response
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.utils.http import quote_etag
from django.views.generic import TemplateView, View

from governance.agenda import calendar_of
from governance.models import FluxAgenda

# The address is the key: no index keeps it, no shared cache keeps what it opens.
HEADERS = {"Cache-Control": "private, no-cache", "X-Robots-Tag": "noindex"}


@method_decorator(login_not_required, name="dispatch")
class FluxView(View):
    """The feed that calendar programs read: the key of the address stands for the login.

    A key that never was, a revoked one and that of a closed account get the same answer.
    """

    def get(self, request, cle):
        flux = FluxAgenda.objects.answering(cle)
        if flux is None:
            return HttpResponseNotFound(
                "Cet agenda n’existe pas.\n", content_type="text/plain; charset=utf-8", headers=HEADERS
            )
        content = calendar_of(flux.user, absolute=request.build_absolute_uri)
        etag = quote_etag(hashlib.sha256(content).hexdigest())
        headers = HEADERS | {"ETag": etag, "Content-Disposition": 'inline; filename="portail-ctg.ics"'}
        response = HttpResponse(content, content_type="text/calendar; charset=utf-8", headers=headers)
        return get_conditional_response(request, etag=etag, response=response)


class MineMixin:
    """The feed of the visitor, or ``None``: nobody sees another's."""

    @cached_property
    def flux(self):
        return FluxAgenda.objects.visible_to(self.request.user).first()

    def get_context_data(self, **kwargs):
        return super().get_context_data(flux=self.flux, **kwargs)


class AgendaView(MineMixin, TemplateView):
    template_name = "governance/agenda.html"

    def get_context_data(self, **kwargs):
        adresse = ""
        if self.flux:
            adresse = self.request.build_absolute_uri(reverse("governance:flux", args=[self.flux.cle]))
        return super().get_context_data(adresse=adresse, **kwargs)


class AgendaOpenView(View):
    http_method_names = ["post"]

    def post(self, request):
        FluxAgenda.open(by=request.user)
        messages.success(request, "Votre adresse d’agenda est créée.")
        return HttpResponseRedirect(reverse("governance:agenda"))


class ConfirmMixin(MineMixin):
    """A page to confirm what cannot be undone; without a feed (an old page, a second press) there is nothing to confirm."""

    success_url = reverse_lazy("governance:agenda")

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and self.flux is None:
            messages.info(request, "Vous n’avez pas d’adresse d’agenda.")
            return HttpResponseRedirect(self.success_url)
        return super().dispatch(request, *args, **kwargs)


class AgendaRenewView(ConfirmMixin, TemplateView):
    template_name = "governance/agenda_renew.html"

    def post(self, request):
        FluxAgenda.renew(by=request.user)
        messages.success(request, "Votre agenda a une nouvelle adresse\u00a0; l’ancienne ne répond plus.")
        return HttpResponseRedirect(self.success_url)


class AgendaRevokeView(ConfirmMixin, TemplateView):
    template_name = "governance/agenda_revoke.html"

    def post(self, request):
        self.flux.delete()
        messages.success(request, "Votre adresse d’agenda est supprimée.")
        return HttpResponseRedirect(self.success_url)
