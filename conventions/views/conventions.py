from django.http import Http404
from django.utils.functional import cached_property
from django.views.generic import DetailView, UpdateView
from django_filters.views import FilterView

from conventions.filters import ConventionFilter
from conventions.forms.conventions import MoveForm
from conventions.frise import frise, situation
from conventions.mixins import InConventionMixin
from conventions.models import Convention, Montants
from ctg_portal.mixins import PagesMixin, TransitionFormMixin
from ctg_portal.permissions import Can


class ConventionListView(PagesMixin, FilterView):
    filterset_class = ConventionFilter
    template_name = "conventions/convention_list.html"
    context_object_name = "conventions"
    paginate_by = 25

    def get_queryset(self):
        return Convention.objects.visible_to(self.request.user).for_list()

    def get_context_data(self, **kwargs):
        may_create = self.request.user.has_perm("conventions.add_convention", self.request.user)
        return super().get_context_data(may_create=may_create, **kwargs)


class ConventionView(InConventionMixin, DetailView):
    room = "convention"
    template_name = "conventions/convention_detail.html"
    context_object_name = "convention"

    def get_object(self, queryset=None):
        return self.convention

    def get_context_data(self, **kwargs):
        convention = self.convention
        phases = list(convention.phases.all())
        liens = convention.liens(self.request.user)
        signataires = list(convention.signataires.actuels().for_page())
        exercices = convention.financements.par_exercice()
        return super().get_context_data(
            can=Can(self.request.user, convention),
            situation=situation(convention),
            frise=frise(convention, phases, [lie for _, lie in liens if lie.overlaps(convention)]),
            phases=phases,
            liens=liens,
            signataires=signataires,
            nb_signes=sum(signataire.signe_le is not None for signataire in signataires),
            avenants=convention.avenants.all(),
            partenaires=convention.partenaires.select_related("organisation"),
            domaines=convention.domaines.all(),
            exercices=exercices,
            montants=sum((row.total for row in exercices), Montants()),
            communes=convention.territoire.communes.with_signature(convention),
            **kwargs,
        )


class ConventionMoveView(InConventionMixin, TransitionFormMixin, UpdateView):
    """One confirm page for every change of statut; what is missing is said before and after."""

    room = "convention"
    convention_permission = "conventions.move_convention"
    form_class = MoveForm
    template_name = "conventions/convention_move.html"

    def get_object(self, queryset=None):
        return self.convention

    @cached_property
    def statut(self):
        try:
            return Convention.Statut(self.kwargs["statut"])
        except ValueError as error:
            raise Http404 from error

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"statut": self.statut}

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            statut=self.statut,
            is_reachable=self.statut in self.convention.statuts_suivants,
            **kwargs,
        )

    @property
    def success_message(self):
        return f"La convention est maintenant «\u00a0{self.statut.label.lower()}\u00a0»."

    def get_success_url(self):
        return self.convention.get_absolute_url()
