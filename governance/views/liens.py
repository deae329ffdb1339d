"""Links to one frozen document: made and revoked by the coordination, opened without an account (ADR 0028)."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import DetailView, View
from django.views.generic.edit import FormMixin

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin
from ctg_portal.workflow import TransitionError
from governance.forms.liens import LiensForm
from governance.models import DocumentEmis, LienPublic

# The address is the key: no index keeps it, no cache keeps what it opens, no other site learns it.
HEADERS = {
    "Cache-Control": "private, no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}


# Without the check against forged requests, thus without a cookie: a forger would have to know the key, which opens the
# document anyway. Under « no-referrer » browsers send « Origin: null », which the check refuses.
@method_decorator([login_not_required, csrf_exempt], name="dispatch")
class LienView(View):
    """The document at this address; any key that opens nothing gets one and the same answer.

    Rendered without the request: the page is the same for whoever asks, logged in or not.
    """

    def get(self, request, cle):
        lien = LienPublic.objects.opening(cle)
        if lien is None:
            return self.closed()
        # Rendered by our own escaping template when it was issued; the database refuses any change since.
        contenu = mark_safe(lien.document.html)  # noqa: S308
        context = {"lien": lien, "document": lien.document, "contenu": contenu}
        return HttpResponse(render_to_string("governance/lien.html", context), headers=HEADERS)

    def post(self, request, cle):
        lien = LienPublic.objects.opening(cle)
        if lien is None or not lien.count_download():
            return self.closed()
        document = DocumentEmis.objects.get(pk=lien.document_id)
        return HttpResponse(
            bytes(document.contenu),
            content_type="application/pdf",
            headers=HEADERS | {"Content-Disposition": f'attachment; filename="{document.nom_fichier}"'},
        )

    def closed(self):
        return HttpResponse(render_to_string("governance/lien_ferme.html"), status=404, headers=HEADERS)


class LienAddView(InConventionMixin, PermissionMixin, FormMixin, DetailView):
    """One link for each line that is typed."""

    queryset = DocumentEmis.objects.select_related("convention__territoire").without_content()
    context_object_name = "document"
    permission = "governance.share_documentemis"
    form_class = LiensForm
    template_name = "governance/lien_form.html"
    room = "documents"

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        form = self.get_form()
        if form.is_valid():
            try:
                count = len(form.save(document=self.object, by=request.user))
            except TransitionError as refus:
                form.add_error(None, str(refus))
            else:
                said = "Le lien est créé." if count == 1 else f"{count} liens sont créés."
                messages.success(request, f"{said} Copiez chaque adresse dans le message que vous envoyez.")
                return HttpResponseRedirect(f"{self.object.get_absolute_url()}#liens")
        return self.render_to_response(self.get_context_data(form=form))


class LienRevokeView(InConventionMixin, PermissionMixin, DetailView):
    """One page to confirm: a revoked link never opens again."""

    queryset = LienPublic.objects.select_related("document__convention__territoire").defer(
        "document__contenu", "document__html", "document__source"
    )
    convention_lookup = "document__convention"
    context_object_name = "lien"
    permission = "governance.revoke_lienpublic"
    template_name = "governance/lien_revoke.html"
    room = "documents"

    def post(self, request, *args, **kwargs):
        lien = self.get_object()
        lien.revoke(by=request.user)
        messages.success(request, f"Le lien pour {lien.destinataire} n’ouvre plus rien.")
        return HttpResponseRedirect(f"{lien.document.get_absolute_url()}#liens")
