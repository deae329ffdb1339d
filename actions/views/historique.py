"""The history of a fiche, its versions, and putting back what was."""

import datetime

from django.core.paginator import Paginator
from django.http import Http404
from django.utils.functional import cached_property
from django.views.generic import DetailView, UpdateView

from actions.forms.historique import HistoriqueFilterForm, RetablirForm
from actions.models.complements import complements_of
from actions.models.historique import Historique
from actions.models.historique_plan import HistoriquePlan
from actions.models.retablir import open_targets, plan_restore, targets_of, title_of
from actions.permissions import refus_retablir
from actions.views.base import FicheMixin
from actions.views.plan import PlanMixin
from ctg_portal.mixins import TransitionFormMixin
from ctg_portal.templatetags.portal import date_heure

PAR_PAGE = 20


def as_moment(retabli):
    """The moment of the version that a save put back, as the history keeps it; ``None`` when it is none."""
    try:
        return datetime.datetime.fromisoformat(retabli) if retabli else None
    except ValueError:
        return None


class RefusMixin(FicheMixin):
    """What the person may put back, said field by field."""

    def refus(self, section, suivie):
        return refus_retablir(
            self.request.user, self.object, section, suivie=suivie, complements=self.complements
        )

    @cached_property
    def complements(self):
        return complements_of(self.object)

    def get_context_data(self, **kwargs):
        may = self.request.user.has_perm("actions.revert_ficheaction", self.object)
        return super().get_context_data(ouverts=open_targets(self.refus) if may else set(), **kwargs)


class HistoriqueView(RefusMixin, DetailView):
    permission = "actions.view_ficheaction"
    template_name = "actions/historique.html"

    def get_context_data(self, **kwargs):
        history = Historique(self.object)
        form = HistoriqueFilterForm(self.request.GET, people=history.people)
        wanted = form.wanted()
        page = Paginator(history.filtered(**wanted), PAR_PAGE).get_page(self.request.GET.get("page"))
        history.load(page.object_list, section=wanted.get("section", ""))
        return super().get_context_data(
            page_obj=page,
            saves=[(save, as_moment(save.retabli)) for save in page.object_list],
            filters=form,
            badges=form.badges(),
            **kwargs,
        )


class VersionMixin(RefusMixin):
    """``version`` of the address names one save of the fiche."""

    @cached_property
    def history(self):
        return Historique(self.object)

    @cached_property
    def version(self):
        found = self.history.version(self.kwargs["version"])
        if found is None:
            raise Http404("Cette version n’est pas de cette fiche.")
        return found


class VersionView(VersionMixin, DetailView):
    """The fiche as it was after one save, beside what it is now."""

    permission = "actions.view_ficheaction"
    template_name = "actions/version.html"

    def get_context_data(self, **kwargs):
        now, then = self.history.states_at(None, self.version)
        rubriques = self.history.differences(now, then)
        _ = self.history.people
        kwargs = super().get_context_data(version=self.version, **kwargs)
        ouverts = kwargs["ouverts"]
        marked = [
            (rubrique, any(change.champ in ouverts for change in rubrique.changements))
            for rubrique in rubriques
        ]
        return kwargs | {
            "rubriques": marked,
            "is_open": any(found for _, found in marked),
            "ferme": self.refus("contexte", False) if kwargs["can"]["revert"] else "",
        }


class RetablirView(TransitionFormMixin, VersionMixin, UpdateView):
    """What would change is shown first; the row is locked while it is written."""

    permission = "actions.revert_ficheaction"
    form_class = RetablirForm
    template_name = "actions/retablir.html"

    @property
    def cible(self):
        return self.kwargs["cible"]

    @property
    def success_message(self):
        return f"Rétabli : {title_of(self.cible)}, dans la version du {date_heure(self.version.moment)}."

    def get_queryset(self):
        fiches = super().get_queryset()
        return fiches.select_for_update(of=("self",)) if self.request.method == "POST" else fiches

    @cached_property
    def retablissement(self):
        if not targets_of(self.cible):
            raise Http404("Cette rubrique n’existe pas.")
        _ = self.history.people
        return plan_restore(
            self.history,
            self.version,
            self.cible,
            refus=self.refus,
            may_place=self.request.user.has_perm("actions.place_ficheaction", self.object),
        )

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"retablissement": self.retablissement}

    def get_success_url(self):
        return self.object.get_absolute_url()

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            version=self.version, retablissement=self.retablissement, titre=title_of(self.cible), **kwargs
        )


class PlanHistoriqueView(PlanMixin, DetailView):
    """What happened to the plan itself: its statut, its axes and objectifs, also those that were deleted."""

    permission = "actions.view_planactions"
    template_name = "actions/plan_historique.html"

    def get_context_data(self, **kwargs):
        history = HistoriquePlan(self.object)
        page = Paginator(history.saves, PAR_PAGE).get_page(self.request.GET.get("page"))
        return super().get_context_data(page_obj=page, saves=page.object_list, **kwargs)
