from django.contrib import messages
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DeleteView, DetailView, UpdateView

from conventions.mixins import InConventionMixin
from conventions.views.impressions import impression_redirect
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.workflow import TransitionError
from governance.convocations import ask_emargement, gap_of, prepare_presences
from governance.forms.presences import InviteForm, PresenceForm
from governance.models import Presence, Reunion
from governance.models.composition import count_voices
from governance.suivi import expected_at, follow_up, with_sendings
from governance.views.reunions import ReunionMixin, WhileInThatStateMixin


class PresencesView(ReunionMixin, DetailView):
    """Who is expected, by organisation, what they answered, and the voices that makes."""

    permission = "governance.view_reunion"
    template_name = "governance/presences.html"

    def get_queryset(self):
        return with_sendings(super().get_queryset())

    def get_context_data(self, **kwargs):
        reunion = self.object
        presences = expected_at(reunion)
        manages = self.request.user.has_perm("governance.send_reunion", reunion)
        return super().get_context_data(
            presences=presences,
            voix=count_voices(presences, quorum=reunion.quorum, pouvoirs_max=reunion.instance.pouvoirs_max),
            ecart=gap_of(reunion, presences) if manages and reunion.is_modifiable else None,
            suivi=follow_up(reunion, presences),
            **kwargs,
        )


class PresencesPrepareView(ReunionMixin, DetailView):
    """Copy the seats of the instance, or bring the copy up to date."""

    permission = "governance.send_reunion"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        reunion = self.get_object()
        try:
            prepare_presences(reunion)
        except TransitionError as refus:
            messages.error(request, str(refus))
        else:
            messages.success(request, "La liste des personnes attendues est à jour.")
        return HttpResponseRedirect(reverse("governance:presences", args=[self.convention.code, reunion.pk]))


class PresenceAddView(WhileInThatStateMixin, SuccessMessageMixin, UpdateView):
    """The object found is the meeting; what the form saves is a person invited to it."""

    permission = "governance.change_reunion"
    form_class = InviteForm
    template_name = "governance/presence_add.html"
    success_message = "La personne est invitée. Elle recevra la convocation au prochain envoi."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Presence(reunion=self.object)}

    def get_success_url(self):
        return self.object.get_absolute_url()


class PresenceMixin(WhileOpenMixin, InConventionMixin, PermissionMixin):
    queryset = Presence.objects.select_related(
        "reunion__instance__convention__territoire", "membre__user", "organisation"
    )
    convention_lookup = "reunion__instance__convention"
    context_object_name = "presence"
    permission = "governance.answer_presence"
    role_permission = "governance.coordinate_presence"
    room = "gouvernance"

    def state_sentence(self, presence):
        return (
            f"La réunion est maintenant « {presence.reunion.get_statut_display().lower()} » :"
            " la liste des personnes attendues ne change plus."
        )


class PresenceEditView(PresenceMixin, TransitionFormMixin, UpdateView):
    form_class = PresenceForm
    template_name = "governance/presence_form.html"

    @property
    def success_message(self):
        return f"C’est noté pour {self.object}\u00a0: {self.object.reponse_suite}."

    def get_object(self, queryset=None):
        if self.request.method == "POST":
            # As ``respond`` does: the meeting is held while the answer is compared and written.
            held = Reunion.objects.select_for_update(of=("self",)).filter(presences=self.kwargs["pk"])
            held.visible_to(self.request.user).first()
        return super().get_object(queryset)

    def form_valid(self, form):
        return self.refuse_when_moved(form) or TransitionFormMixin.form_valid(self, form)


class PresenceRemoveView(PresenceMixin, DeleteView):
    template_name = "governance/presence_remove.html"

    def get_success_url(self):
        return self.object.get_absolute_url()

    def form_valid(self, form):
        if refused := self.refuse_when_moved(form):
            return refused
        messages.success(self.request, f"{self.object} n’est plus dans la liste des personnes attendues.")
        return DeleteView.form_valid(self, form)


class EmargementView(ReunionMixin, DetailView):
    """Asked by POST, drawn in the background."""

    permission = "governance.send_reunion"
    http_method_names = ["post"]
    queryset = Reunion.objects.select_related("instance__convention__territoire")

    def post(self, request, *args, **kwargs):
        reunion = self.get_object()
        impression = ask_emargement(reunion, by=request.user)
        retour = reverse("governance:presences", args=[self.convention.code, reunion.pk])
        return impression_redirect(impression, self.convention.code, retour)
