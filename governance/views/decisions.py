from django.utils import timezone
from django.views.generic import DetailView, UpdateView
from django_filters.views import FilterView

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.tableurs import write_xlsx, xlsx_response
from governance.decisions import corrections_of
from governance.filters import DecisionFilter
from governance.forms.decisions import CompleteForm, DecisionCorrectForm, DecisionForm
from governance.models import Decision
from governance.registre import register_sheet
from governance.views.reunions import ReunionMixin, WhileInThatStateMixin


class RegisterView(InConventionMixin, FilterView):
    """Every decision of the convention, whatever its instance."""

    queryset = Decision.objects.all()
    filterset_class = DecisionFilter
    template_name = "governance/register.html"
    context_object_name = "decisions"
    paginate_by = 25
    room = "gouvernance"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user).for_list(self.request.user)

    def get_filterset_kwargs(self, filterset_class):
        return super().get_filterset_kwargs(filterset_class) | {"convention": self.convention}


class RegisterExportView(RegisterView):
    """The decisions of the filters in force, as a workbook."""

    paginate_by = None

    def render_to_response(self, context, **kwargs):
        name = f"decisions-{self.convention.code}-{timezone.localdate().isoformat()}.xlsx"
        sheet = register_sheet(context["decisions"])
        return xlsx_response(write_xlsx([sheet], titre=f"Registre des décisions – {self.convention}"), name)


class DecisionMixin(InConventionMixin, PermissionMixin):
    queryset = Decision.objects.select_related(
        "reunion__instance__convention__territoire", "convention", "point"
    )
    context_object_name = "decision"
    room = "gouvernance"


class DecisionView(DecisionMixin, DetailView):
    permission = "governance.view_decision"
    template_name = "governance/decision.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            effets=self.object.effets.visible_to(self.request.user),
            suites=self.object.suites.select_related("par", "reunion__instance"),
            corrections=corrections_of(self.object) if self.follows() else [],
            **kwargs,
        )

    def follows(self):
        """What was written wrong is read by those who put it right."""
        return self.request.user.has_perm("governance.coordinate_decision", self.object)


class SeenBeforeMixin:
    """What a decision would change on fiches is shown first; confirming what was shown applies it."""

    def form_valid(self, form):
        if form.is_to_see:
            form.preview(by=self.request.user)
            return self.form_invalid(form)
        return super().form_valid(form)


class DecisionAddView(SeenBeforeMixin, TransitionFormMixin, WhileInThatStateMixin, UpdateView):
    """The object found is the meeting; what the form saves is one of its decisions."""

    queryset = ReunionMixin.queryset.prefetch_related("points__fiches")
    permission = "governance.decide_reunion"
    form_class = DecisionForm
    template_name = "governance/decision_form.html"

    @property
    def success_message(self):
        return f"La décision {self.object} est enregistrée."

    def get_form_kwargs(self):
        asked = self.request.GET.get("point", "")
        return super().get_form_kwargs() | {
            "instance": Decision(),
            "reunion": self.object,
            "user": self.request.user,
            "point": next((point for point in self.object.points.all() if str(point.pk) == asked), None),
        }


class DecisionEditView(TransitionFormMixin, WhileOpenMixin, DecisionMixin, UpdateView):
    """A slip of the pen is put right until the minutes are submitted."""

    permission = "governance.change_decision"
    role_permission = "governance.coordinate_decision"
    form_class = DecisionCorrectForm
    template_name = "governance/decision_edit.html"

    def get_queryset(self):
        decisions = super().get_queryset()
        return decisions.select_for_update(of=("self",)) if self.request.method == "POST" else decisions

    @property
    def success_message(self):
        return f"La décision {self.object} est corrigée."

    def get_context_data(self, **kwargs):
        effets = self.object.effets.visible_to(self.request.user)
        return super().get_context_data(effets=effets, **kwargs)

    def state_sentence(self, decision):
        return (
            f"Le compte rendu de la réunion dit la décision {decision}, et il est soumis, approuvé ou diffusé\u00a0: "
            "reprenez-le, ou rouvrez la réunion, pour la corriger."
        )


class DecisionCompleteView(TransitionFormMixin, WhileOpenMixin, DecisionMixin, UpdateView):
    permission = "governance.complete_decision"
    role_permission = "governance.coordinate_decision"
    form_class = CompleteForm
    template_name = "governance/decision_complete.html"

    @property
    def success_message(self):
        return f"La décision {self.object} est réalisée."

    def state_sentence(self, decision):
        return f"La décision {decision} n’est plus ouverte."
