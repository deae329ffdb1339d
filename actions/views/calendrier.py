"""The fiches over the years of the convention, drawn by the server; and the same as a table."""

from django.views.generic import ListView

from actions.models.calendrier import draw
from actions.views.vues import VueMixin


class CalendrierView(VueMixin, ListView):
    template_name = "actions/calendrier.html"
    context_object_name = "fiches"
    paginate_by = 200
    vue = "calendrier"

    def get_queryset(self):
        return self.filter.qs.for_list().prefetch_related("etapes")

    def get_context_data(self, **kwargs):
        is_tableau = self.request.GET.get("forme") == "tableau"
        garde = [("forme", "tableau")] if is_tableau else []
        context = super().get_context_data(garde=garde, is_tableau=is_tableau, **kwargs)
        return context | {"calendrier": draw(context["fiches"], self.convention)}
