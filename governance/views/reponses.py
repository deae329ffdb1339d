"""The only page of governance that anyone opens without an account: the answer of one person to one convocation."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import FormView

from ctg_portal.workflow import TransitionError
from governance.forms.presences import ReponseForm
from governance.models import Presence
from governance.models.presence import closed_sentence


# The address itself is the secret: a page that forges a request would have to know it.
@method_decorator([csrf_exempt, login_not_required], name="dispatch")
class ReponseView(FormView):
    """Three buttons. Opening the address writes nothing: programs that look at e-mails open every address.

    A key that nobody answers with any more gets a sentence, the same whoever it belonged to.
    """

    form_class = ReponseForm
    template_name = "governance/reponse.html"

    def dispatch(self, request, *args, **kwargs):
        self.presence = Presence.objects.answering(kwargs["cle"])
        if self.presence is None:
            response = HttpResponse(render_to_string("governance/reponse_fermee.html"), status=404)
        else:
            response = super().dispatch(request, *args, **kwargs)
        # No index keeps the address, no other site learns it, a page read again is asked again.
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "private, no-store"
        return response

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"presence": self.presence}

    def get_context_data(self, **kwargs):
        presence, reunion = self.presence, self.presence.reunion
        rows = list(reunion.presences.select_related("pouvoir_a"))
        sieges = [row for row in rows if row.pk == presence.pk or row.person == presence.person]
        return super().get_context_data(
            presence=presence,
            reunion=reunion,
            sieges=sieges,
            peut_donner=reunion.instance.pouvoirs_max > 0 and any(seat.may_give_pouvoir for seat in sieges),
            choisi=presence.pouvoir_a_id,
            points=list(reunion.points.all()),
            is_open=presence.is_answerable(),
            closed=closed_sentence(reunion),
            **kwargs,
        )

    def form_valid(self, form):
        try:
            form.save()
        except TransitionError as refus:
            form.add_error(None, str(refus))
            return self.form_invalid(form)
        return HttpResponseRedirect(self.request.path)
