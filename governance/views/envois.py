import datetime

from django.contrib import messages
from django.contrib.messages.views import SuccessMessageMixin
from django.http import Http404, HttpResponseRedirect
from django.utils import timezone
from django.views.generic import DetailView, UpdateView

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, WhileOpenMixin
from ctg_portal.tableurs import write_xlsx, xlsx_response
from ctg_portal.workflow import TransitionError
from governance.apercus import preview_of, traces_sheet
from governance.brouillons import draft_of
from governance.envois import is_worker_there
from governance.forms.envois import EnvoiForm, EnvoiLaunchForm, EnvoiRetryForm
from governance.models import Envoi
from governance.suivi import expected_at, follow_up, with_sendings
from governance.views.reunions import ReunionMixin

IMMINENT = datetime.timedelta(minutes=30)
"""A sending that leaves within this time: its page reads itself again."""


class EnvoisView(ReunionMixin, DetailView):
    """What left about a meeting: who got what, and when."""

    permission = "governance.trace_reunion"
    template_name = "governance/envois.html"

    def get_queryset(self):
        return with_sendings(super().get_queryset())

    def get_context_data(self, **kwargs):
        reunion = self.object
        return super().get_context_data(
            suivi=follow_up(reunion, expected_at(reunion)),
            envois=reunion.envois.with_counts().select_related("auteur").order_by("-created_at", "-pk"),
            **kwargs,
        )


class EnvoisExportView(ReunionMixin, DetailView):
    permission = "governance.trace_reunion"

    def render_to_response(self, context, **response_kwargs):
        sheet = traces_sheet(self.object)
        name = f"envois-{self.convention.code}-{self.object.jour.isoformat()}.xlsx"
        return xlsx_response(write_xlsx([sheet], titre=f"Envois – {self.object}"), name)


class EnvoiAddView(ReunionMixin, DetailView):
    """Open the draft of a nature; the one that is there, if somebody began it."""

    permission = "governance.send_reunion"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        reunion = self.get_object()
        nature = self.kwargs["nature"]
        if nature not in Envoi.Nature.values:
            raise Http404
        try:
            envoi = draft_of(reunion, nature, by=request.user)
        except TransitionError as refus:
            messages.error(request, str(refus))
            return HttpResponseRedirect(reunion.get_absolute_url())
        return HttpResponseRedirect(envoi.get_absolute_url())


class EnvoiMixin(InConventionMixin, PermissionMixin):
    queryset = Envoi.objects.select_related(
        "reunion__instance__convention__territoire", "auteur", "arrete_par"
    )
    convention_lookup = "reunion__instance__convention"
    context_object_name = "envoi"
    room = "gouvernance"


class EnvoiView(EnvoiMixin, DetailView):
    """Before: the message as it will be read, and who will get it. After: who got it."""

    permission = "governance.view_envoi"
    template_name = "governance/envoi.html"

    def get_context_data(self, **kwargs):
        envoi = self.object
        apercu = preview_of(envoi, by=self.request.user)
        return super().get_context_data(
            apercu=apercu,
            launch_form=EnvoiLaunchForm(initial={"vu": apercu.marque}),
            retry_form=EnvoiRetryForm(),
            destinataires=list(envoi.destinataires.all()),
            worker=is_worker_there(),
            imminent=envoi.is_stoppable and envoi.part_le - timezone.now() < IMMINENT,
            **kwargs,
        )


class EnvoiEditView(WhileOpenMixin, EnvoiMixin, SuccessMessageMixin, UpdateView):
    permission = "governance.write_envoi"
    role_permission = "governance.coordinate_envoi"
    form_class = EnvoiForm
    template_name = "governance/envoi_form.html"
    success_message = "Le texte est enregistré. Rien n’est parti : relisez-le ci-dessous."

    def get_queryset(self):
        envois = super().get_queryset()
        return envois.select_for_update(of=("self",)) if self.request.method == "POST" else envois

    def state_sentence(self, envoi):
        return f"Cet envoi est « {envoi.get_statut_display().lower()} » : son texte ne change plus."


class EnvoiActionView(EnvoiMixin, DetailView):
    """One button of the page of a sending; what refuses it is said there."""

    permission = "governance.coordinate_envoi"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        envoi = self.get_object()
        try:
            messages.success(request, self.act(envoi))
        except TransitionError as refus:
            messages.error(request, str(refus))
        return HttpResponseRedirect(self.get_next(envoi))

    def get_next(self, envoi):
        return envoi.get_absolute_url()


class EnvoiLaunchView(EnvoiActionView):
    def act(self, envoi):
        form = EnvoiLaunchForm(self.request.POST)
        if not form.is_valid():
            raise TransitionError("Relisez l’aperçu ci-dessous, puis lancez l’envoi.")
        envoi = form.launch(envoi, by=self.request.user)
        moment = f"{timezone.localtime(envoi.part_le):%d/%m à %H:%M}"
        return f"L’envoi partira le {moment}. Jusque-là, toute personne qui coordonne peut l’arrêter."


class EnvoiStopView(EnvoiActionView):
    def act(self, envoi):
        left = envoi.stop(by=self.request.user)
        if not left:
            return "L’envoi est arrêté : rien n’est parti."
        many = left > 1
        return (
            f"L’envoi est arrêté, mais {left} courriel{'s' if many else ''} "
            f"{'étaient déjà partis' if many else 'était déjà parti'} : voyez la liste ci-dessous."
        )


class EnvoiRetryView(EnvoiActionView):
    def act(self, envoi):
        form = EnvoiRetryForm(self.request.POST)
        form.is_valid()
        count = form.retry(envoi)
        if count > 1:
            return f"{count} courriels à reprendre\u00a0: ils partent dans un instant."
        return "1 courriel à reprendre\u00a0: il part dans un instant."


class EnvoiDropView(EnvoiActionView):
    """A draft thrown away: nothing left."""

    def act(self, envoi):
        envoi.drop()
        return "Le brouillon est jeté : rien n’est parti."

    def get_next(self, envoi):
        gone = not Envoi.objects.filter(pk=envoi.pk).exists()
        return envoi.reunion.get_absolute_url() if gone else envoi.get_absolute_url()
