"""The meetings of every convention of the visitor, month by month."""

from django.views.generic import TemplateView

from governance.conflits import in_conflict
from governance.models import Instance, Reunion
from governance.mois import Mois


class CalendrierView(TemplateView):
    template_name = "governance/calendrier.html"

    def get_context_data(self, **kwargs):
        mois = Mois.read(self.request.GET.get("mois", ""))
        nature = self.request.GET.get("nature", "")
        jours = mois.jours()
        by_date = {jour.date: jour for jour in jours}
        reunions = (
            Reunion.objects.visible_to(self.request.user)
            .filter(debut__date__gte=jours[0].date, debut__date__lte=jours[-1].date)
            .select_related("instance__convention__territoire")
            .order_by("debut", "pk")
        )
        # Of all of them: who is expected at a meeting that the filter hides is expected elsewhere all the same.
        conflits = in_conflict(reunions)
        wanted = nature in Instance.Nature.values
        for reunion in reunions:
            if wanted and reunion.instance.nature != nature:
                continue
            reunion.en_conflit = sorted(conflits.get(reunion.pk, ()))
            by_date[reunion.jour].reunions.append(reunion)
        return super().get_context_data(
            mois=mois,
            jours=jours,
            nature=nature,
            natures=Instance.Nature.choices,
            nombre=sum(len(jour.reunions) for jour in jours if jour.du_mois),
            **kwargs,
        )
