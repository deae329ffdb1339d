"""The only pages of the diagnostic that anyone opens without an account: a questionnaire, and its thanks."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.generic import DetailView, UpdateView

from ctg_portal.connexion import connexion_of
from ctg_portal.workflow import TransitionError
from diagnostics.forms.reponses import ReponseForm
from diagnostics.models import Questionnaire, TropDeReponsesError


@method_decorator(login_not_required, name="dispatch")
class PublicQuestionnaireMixin:
    """The key of the address stands for the login: an unknown one, or one that was changed, is not found."""

    queryset = Questionnaire.objects.for_page()
    slug_field = slug_url_kwarg = "cle"
    context_object_name = "questionnaire"

    def dispatch(self, request, *args, **kwargs):
        response = super().dispatch(request, *args, **kwargs)
        # No index keeps the address; a page read again is asked again.
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["Cache-Control"] = "private, no-store"
        return response


class RepondreView(PublicQuestionnaireMixin, UpdateView):
    form_class = ReponseForm
    template_name = "diagnostics/repondre.html"

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs()
        return {name: kwargs[name] for name in ("data", "prefix", "initial") if name in kwargs} | {
            "questionnaire": self.object
        }

    def form_valid(self, form):
        try:
            form.save(connexion=connexion_of(self.request))
        except TransitionError as refus:
            form.add_error(None, str(refus))
            status = 429 if isinstance(refus, TropDeReponsesError) else 200
            return self.render_to_response(self.get_context_data(form=form), status=status)
        return HttpResponseRedirect(reverse("diagnostics:repondre_merci", args=[self.object.cle]))


class MerciView(PublicQuestionnaireMixin, DetailView):
    template_name = "diagnostics/repondre_merci.html"
