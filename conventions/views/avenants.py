from django.urls import reverse
from django.views.generic import DetailView, UpdateView

from conventions.forms.avenants import AbandonForm, AvenantForm, AvenantSignForm
from conventions.mixins import InConventionMixin
from conventions.models import Avenant
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin


class AvenantAddView(InConventionMixin, TransitionFormMixin, UpdateView):
    """The object of the form is an avenant to be, of the convention of the address."""

    room = "convention"
    convention_permission = "conventions.change_convention"
    form_class = AvenantForm
    template_name = "conventions/avenant_form.html"
    context_object_name = "avenant"
    success_message = "L’avenant est en projet\u00a0: il ne change rien tant qu’il n’est pas signé."

    def get_object(self, queryset=None):
        return Avenant(convention=self.convention)

    def get_context_data(self, **kwargs):
        url_back = reverse("conventions:signatures", args=[self.convention.code])
        return super().get_context_data(url_back=url_back, **kwargs)


class AvenantMixin(InConventionMixin, PermissionMixin):
    room = "convention"
    queryset = Avenant.objects.for_page()
    permission = "conventions.change_avenant"
    context_object_name = "avenant"


class AvenantView(AvenantMixin, DetailView):
    permission = "conventions.view_avenant"
    template_name = "conventions/avenant.html"

    def get_context_data(self, **kwargs):
        avenant = self.object
        return super().get_context_data(
            effets=avenant.effets(),
            manque=avenant.missing_before_signature() if avenant.is_projet else [],
            **kwargs,
        )


class AvenantEditView(AvenantMixin, TransitionFormMixin, UpdateView):
    form_class = AvenantForm
    template_name = "conventions/avenant_form.html"
    success_message = "L’avenant en projet est enregistré."

    def get_context_data(self, **kwargs):
        return super().get_context_data(url_back=self.object.get_absolute_url(), **kwargs)


class AvenantSignView(AvenantMixin, TransitionFormMixin, UpdateView):
    form_class = AvenantSignForm
    template_name = "conventions/avenant_sign.html"
    success_message = "L’avenant est signé\u00a0: la convention porte maintenant les nouvelles valeurs."

    def get_context_data(self, **kwargs):
        avenant = self.object
        return super().get_context_data(
            effets=avenant.effets(),
            manque=avenant.missing_before_signature() if avenant.is_projet else [],
            **kwargs,
        )


class AvenantAbandonView(AvenantMixin, TransitionFormMixin, UpdateView):
    form_class = AbandonForm
    template_name = "conventions/avenant_abandon.html"
    success_message = "L’avenant est abandonné\u00a0: il reste dans la liste et ne change rien."
