from django.views.generic import TemplateView

from actions.models import FicheAction
from actions.models.depuis import by_axe, changes_since, in_plan
from conventions.mixins import InConventionMixin
from governance.forms.changements import ChangementsForm
from governance.models import Reunion


class ChangementsView(InConventionMixin, TemplateView):
    """What changed in the plan since the last COPIL, another meeting or a day; on an axe or a fiche when asked."""

    template_name = "governance/changements.html"
    room = "plan"

    def get_context_data(self, **kwargs):
        fiches = FicheAction.objects.visible_to(self.request.user).of_convention(self.convention)
        porteuses = [self.convention.pk, self.convention.principale_id]
        reunions = Reunion.objects.tenues().filter(instance__convention__in=[pk for pk in porteuses if pk])
        form = ChangementsForm(
            self.request.GET,
            convention=self.convention,
            reunions=list(reunions.select_related("instance")),
            fiches=in_plan(fiches),
        )
        changes = changes_since(form.fiches_retenues, form.since)
        return super().get_context_data(
            filters=form,
            badges=form.badges(),
            reunion=form.reunion_retenue,
            since=form.since,
            total=len(changes),
            axes=by_axe(changes),
            **kwargs,
        )
