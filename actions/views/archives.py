from django.db.models import Prefetch
from django.views.generic import ListView

from actions.models import FicheAction, PlanActions, Transition
from actions.models.ordre import places_in_words
from conventions.mixins import InConventionMixin
from ctg_portal.permissions import Can

Redaction = FicheAction.Redaction


class ArchivesView(InConventionMixin, ListView):
    """What was put aside: who, when, why, and where it comes back. Nothing is deleted."""

    queryset = FicheAction.objects.all()
    convention_lookup = "plan__convention"
    template_name = "actions/archives.html"
    context_object_name = "fiches"
    paginate_by = 25
    room = "plan"

    def get_queryset(self):
        lines = Transition.objects.filter(vers=Redaction.ARCHIVEE).select_related("by")
        archived = super().get_queryset().visible_to(self.request.user).filter(redaction=Redaction.ARCHIVEE)
        return (
            archived.select_related("plan__convention", "axe", "objectif")
            .prefetch_related(Prefetch("journal", lines, to_attr="archivages"))
            .in_plan_order()
        )

    def get_context_data(self, **kwargs):
        user = self.request.user
        context = super().get_context_data(**kwargs)
        plan = PlanActions.objects.filter(convention=self.convention).select_related("convention").first()
        fiches = context["fiches"]
        places = places_in_words(fiches, plan, user) if plan and fiches else {}
        lignes = [
            (fiche, next(iter(fiche.archivages), None), places[fiche.pk]) for fiche in context["fiches"]
        ]
        return context | {"lignes": lignes, "can": Can(user, plan) if plan else None}
