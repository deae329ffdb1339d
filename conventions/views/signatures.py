from django.urls import reverse
from django.views.generic import DetailView, UpdateView

from conventions.forms.signatures import SignatureForm
from conventions.mixins import InConventionMixin
from conventions.models import Convention, Signataire
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.permissions import Can


class SignaturesView(InConventionMixin, DetailView):
    """Who signs, who has, what misses before « signée », and the avenants."""

    room = "convention"
    template_name = "conventions/signatures.html"
    context_object_name = "convention"

    def get_object(self, queryset=None):
        return self.convention

    def get_context_data(self, **kwargs):
        convention = self.convention
        signataires = list(convention.signataires.for_page())
        actuels = [signataire for signataire in signataires if signataire.is_actuel]
        en_preparation = convention.statut == Convention.Statut.PREPARATION
        return super().get_context_data(
            can=Can(self.request.user, convention),
            signataires=actuels,
            anciens=[signataire for signataire in signataires if not signataire.is_actuel],
            nb_signes=sum(signataire.signe_le is not None for signataire in actuels),
            en_preparation=en_preparation,
            manque=convention.missing_before_signature() if en_preparation else [],
            avenants=convention.avenants.visible_to(self.request.user).for_list(),
            **kwargs,
        )


class SignatureEditView(InConventionMixin, PermissionMixin, TransitionFormMixin, UpdateView):
    room = "convention"
    queryset = Signataire.objects.for_page().select_related("convention__territoire")
    permission = "conventions.change_signataire"
    form_class = SignatureForm
    template_name = "conventions/signature_form.html"
    context_object_name = "signataire"

    @property
    def success_message(self):
        said = f"La signature de {self.object.organisation} est enregistrée."
        in_preparation = self.convention.statut == Convention.Statut.PREPARATION
        if in_preparation and not self.convention.missing_before_signature():
            return f"{said} C’était la dernière\u00a0: la convention peut être déclarée signée."
        return said

    def get_success_url(self):
        return reverse("conventions:signatures", args=[self.convention.code])
