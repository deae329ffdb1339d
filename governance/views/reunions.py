from django.contrib.messages.views import SuccessMessageMixin
from django.db.models import Q
from django.http import Http404
from django.views.generic import DetailView, UpdateView

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from governance.conflits import conflicts_of
from governance.forms.ordre_du_jour import ReunionAddForm
from governance.forms.reunions import NotesForm, ReunionForm, ReunionMoveForm
from governance.models import TRANSITIONS_REUNION, Decision, DocumentEmis, Instance, PieceReunion, Reunion
from governance.models.compte_rendu import MINUTES_SOUMISES
from governance.suivi import expected_at, follow_up, with_sendings


class ReunionMixin(InConventionMixin, PermissionMixin):
    queryset = Reunion.objects.select_related("instance__convention__territoire")
    convention_lookup = "instance__convention"
    context_object_name = "reunion"
    room = "gouvernance"


class WhileInThatStateMixin(WhileOpenMixin, ReunionMixin):
    """Writes on a meeting, which is locked meanwhile; somebody may have closed it since the page was opened."""

    role_permission = "governance.coordinate_reunion"

    def get_queryset(self):
        reunions = super().get_queryset()
        return reunions.select_for_update(of=("self",)) if self.request.method == "POST" else reunions

    def state_sentence(self, reunion):
        return f"La réunion est maintenant « {reunion.get_statut_display().lower()} » : cette page n’est plus ouverte pour elle."


class ReunionView(ReunionMixin, DetailView):
    permission = "governance.view_reunion"
    template_name = "governance/reunion.html"

    def get_queryset(self):
        reunions = super().get_queryset().for_agenda(self.request.user).select_related("compte_rendu")
        return with_sendings(reunions)

    def get_context_data(self, **kwargs):
        user = self.request.user
        taken = Q(reunion=self.object)
        earlier = Q(pk__in=Decision.objects.before(self.object).ouvertes().values("pk"))
        found = Decision.objects.visible_to(user).for_list(user).filter(taken | earlier)
        decisions = list(found.most_pressing_first())
        here = [decision for decision in decisions if decision.reunion_id == self.object.pk]
        for point in self.object.points.all():
            point.decisions_prises = [decision for decision in here if decision.point_id == point.pk]
        presences = expected_at(self.object)
        return super().get_context_data(
            decisions=sorted(here, key=lambda decision: decision.rang),
            ouvertes=[decision for decision in decisions if decision.reunion_id != self.object.pk],
            documents=DocumentEmis.objects.visible_to(user).filter(reunion=self.object).without_content(),
            pieces=self.pieces(),
            conflits=conflicts_of(self.object, user) if self.object.is_a_venir else [],
            notes_form=NotesForm(instance=self.object),
            suivi=follow_up(self.object, presences),
            ma_presence=next((row for row in presences if row.user_id == user.pk), None),
            **kwargs,
        )

    def pieces(self):
        """Those that were withdrawn are shown to whoever may put them back."""
        pieces = PieceReunion.objects.filter(reunion=self.object).for_page().order_by("pk")
        may = self.request.user.has_perm("governance.attach_reunion", self.object)
        return pieces if may else pieces.courantes()


class ReunionAddView(InConventionMixin, PermissionMixin, SuccessMessageMixin, UpdateView):
    """The object found is the instance; what the form saves is a meeting of it."""

    queryset = Instance.objects.select_related("convention__territoire")
    permission = "governance.change_instance"
    form_class = ReunionAddForm
    template_name = "governance/reunion_form.html"
    room = "gouvernance"
    success_message = "La réunion est enregistrée. Préparez maintenant son ordre du jour."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Reunion(instance=self.object)}


class ReunionEditView(WhileInThatStateMixin, SuccessMessageMixin, UpdateView):
    permission = "governance.change_reunion"
    form_class = ReunionForm
    template_name = "governance/reunion_form.html"
    success_message = "La date, le lieu et la présidence de la réunion sont enregistrés."


class ReunionMoveView(ReunionMixin, TransitionFormMixin, UpdateView):
    permission = "governance.move_reunion"
    form_class = ReunionMoveForm
    template_name = "governance/reunion_move.html"

    @property
    def success_message(self):
        return f"La réunion est maintenant « {self.object.get_statut_display().lower()} »."

    def get_form_kwargs(self):
        statut = self.kwargs["statut"]
        if not any(statut in vers for vers in TRANSITIONS_REUNION.values()):
            raise Http404
        return super().get_form_kwargs() | {"statut": statut}

    def get_context_data(self, **kwargs):
        return super().get_context_data(statut=self.kwargs["statut"], **kwargs)


class ReunionNotesView(WhileInThatStateMixin, SuccessMessageMixin, UpdateView):
    permission = "governance.annotate_reunion"
    form_class = NotesForm
    template_name = "governance/reunion_notes.html"
    success_message = "Les notes de séance sont enregistrées."

    def state_sentence(self, reunion):
        return MINUTES_SOUMISES if reunion.is_decidable else super().state_sentence(reunion)
