from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.functional import cached_property
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import FormView, ListView, TemplateView, View

from actions.courriel import user_of_token
from actions.forms.notifications import (
    NotificationFilterForm,
    NotificationReadForm,
    PreferencesForm,
)
from actions.models import AbonnementCourriel
from ctg_portal.mixins import PagesMixin


class NotificationsView(PagesMixin, ListView):
    """What the visitor was told; what they have not read, unless they ask for all."""

    template_name = "actions/notifications.html"
    context_object_name = "notifications"
    paginate_by = 25

    def get_queryset(self):
        user = self.request.user
        self.form = NotificationFilterForm(self.request.GET, user=user)
        return self.form.apply(user.notifications.visible_to(user)).with_sujet()

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            form=self.form, toutes=self.form.cleaned_data.get("etat") == "toutes", **kwargs
        )


class NotificationReadView(FormView):
    """Puts one away, or opens it. One that is not there any more sends back to the list, and says so."""

    http_method_names = ["post"]
    form_class = NotificationReadForm

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form):
        notification = form.cleaned_data["notification"]
        self.request.user.notifications.filter(pk=notification.pk).read()
        if form.cleaned_data["suite"] == "ouvrir":
            return HttpResponseRedirect(notification.get_absolute_url())
        return HttpResponseRedirect(reverse("actions:notifications"))

    def form_invalid(self, form):
        messages.info(self.request, "Cette notification n’est plus là.")
        return HttpResponseRedirect(reverse("actions:notifications"))


class NotificationsReadAllView(View):
    http_method_names = ["post"]

    def post(self, request):
        n = request.user.notifications.visible_to(request.user).read()
        said = {0: "Tout était déjà lu.", 1: "Une notification est marquée comme lue."}
        messages.success(request, said.get(n, f"{n} notifications sont marquées comme lues."))
        return HttpResponseRedirect(reverse("actions:notifications"))


class PreferencesView(FormView):
    form_class = PreferencesForm
    template_name = "actions/notifications_preferences.html"
    success_url = reverse_lazy("actions:notifications_preferences")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form):
        form.save(by=self.request.user)
        messages.success(self.request, "Vos préférences sont enregistrées.")
        return super().form_valid(form)


@method_decorator([login_not_required, csrf_exempt], name="dispatch")
class UnsubscribeView(TemplateView):
    """Stops the e-mails of whoever received this address: the key stands for the login, and for the token of the
    form, as the mail program that posts here (RFC 8058) has neither."""

    template_name = "actions/notifications_unsubscribe.html"

    @cached_property
    def person(self):
        person = user_of_token(self.kwargs["cle"])
        if person is None:
            raise Http404
        return person

    def get_context_data(self, **kwargs):
        abonnement = AbonnementCourriel.objects.filter(user=self.person).first()
        fini = abonnement is not None and abonnement.frequence == AbonnementCourriel.Frequence.JAMAIS
        return super().get_context_data(fini=fini, **kwargs)

    def post(self, request, cle):
        AbonnementCourriel.choose(AbonnementCourriel.Frequence.JAMAIS, by=self.person)
        return self.render_to_response(self.get_context_data())
