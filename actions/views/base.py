from django.views.generic import UpdateView

from actions.models import FicheAction
from actions.models.libelles import in_a_sentence, redaction_label
from conventions.mixins import InConventionMixin
from conventions.permissions import roles_on
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin


class FicheMixin(InConventionMixin, PermissionMixin):
    """One fiche of the convention, with its pilotes (the rules read them)."""

    queryset = FicheAction.objects.select_related(
        "plan__convention__territoire__departement", "axe", "objectif"
    ).prefetch_related("pilotes__user")
    convention_lookup = "plan__convention"
    context_object_name = "fiche"
    room = "plan"

    def state_sentence(self, fiche):
        label = redaction_label(fiche.redaction, roles_on(self.request.user, fiche.plan.convention_id))
        return (
            f"La fiche est maintenant « {in_a_sentence(label)} » : cette page n’est plus ouverte pour elle."
        )


class VerbView(TransitionFormMixin, WhileOpenMixin, FicheMixin, UpdateView):
    """One page to confirm a verb of the fiche: what it does, what is asked, one button."""

    template_name = "actions/fiche_verbe.html"
    titre = ""
    texte = ""
    bouton = ""
    danger = False
