from actions.graphiques import (
    graphique_axes,
    graphique_budget,
    graphique_financeurs,
    graphique_indicateurs,
)
from actions.models import Axe
from actions.models.bord import (
    Cap,
    indicators_on_track,
    money_of,
    total_budget,
)
from actions.models.progression import total_progress, with_progression
from actions.views.vues import VueView

EN_RETARD_MAX = 10


class TableauDeBordView(VueView):
    """The filtered set in numbers, each chart with its table."""

    template_name = "actions/bord.html"
    vue = "bord"

    def get_context_data(self, **kwargs):
        convention = self.convention
        fiches = self.filter.in_order()
        axes = Axe.objects.filter(fiches__in=fiches.order_by().values("pk"))
        ordered = axes.distinct().order_by("plan", "ordre", "pk")
        progressions = [pair for pair in with_progression(ordered, fiches) if pair[1].total]
        exercices, financeurs = money_of(fiches, range(convention.debut.year, convention.fin.year + 1))
        suivis = indicators_on_track(fiches, convention.fin)
        retards = sorted(fiches.late().for_list(), key=lambda fiche: (-fiche.jours_de_retard, fiche.pk))
        return super().get_context_data(
            progressions=progressions,
            graphique_axes=graphique_axes(progressions),
            total=total_progress(found for _, found in progressions),
            exercices=exercices,
            budget=total_budget(exercices),
            graphique_budget=graphique_budget(exercices),
            financeurs=financeurs,
            graphique_financeurs=graphique_financeurs(financeurs),
            suivis=suivis,
            graphique_indicateurs=graphique_indicateurs(suivis),
            caps=[(cap.value, sum(suivi.cap is cap for suivi in suivis)) for cap in Cap],
            retards=retards[:EN_RETARD_MAX],
            autres_retards=max(0, len(retards) - EN_RETARD_MAX),
            **kwargs,
        )
