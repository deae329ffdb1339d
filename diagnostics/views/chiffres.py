from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.generic import CreateView, DeleteView, TemplateView, UpdateView, View
from django_filters.views import FilterView

from conventions.mixins import InConventionMixin
from ctg_portal.permissions import Can
from ctg_portal.tableurs import csv_response, write_csv, write_xlsx, xlsx_response
from diagnostics.feuilles import communes_feuille
from diagnostics.filters import ValeurFilter
from diagnostics.forms.chiffres import ValeurForm
from diagnostics.graphiques import graphiques_theme
from diagnostics.models import Diagnostic, Indicateur, Valeur, portrait, tableau_communes
from diagnostics.models.besoins import offre_et_besoins

CHANGE = "diagnostics.change_chiffres"


class ChiffresMixin(InConventionMixin):
    """Pages on the figures of the territoire."""

    room = "diagnostic"

    def get_context_data(self, **kwargs):
        kwargs.setdefault("can_change", self.request.user.has_perm(CHANGE, self.convention))
        return super().get_context_data(**kwargs)


class PortraitView(ChiffresMixin, TemplateView):
    template_name = "diagnostics/portrait.html"

    def get_context_data(self, **kwargs):
        user, territoire = self.request.user, self.convention.territoire
        diagnostic = Diagnostic.objects.visible_to(user).filter(convention=self.convention).first()
        if diagnostic:
            diagnostic.convention = self.convention
        found = portrait(territoire)
        return super().get_context_data(
            diagnostic=diagnostic,
            can=Can(user, diagnostic) if diagnostic else None,
            portrait=found,
            themes=[(theme, graphiques_theme(theme, territoire.nom_court)) for theme in found.themes],
            **kwargs,
        )


class OffreView(ChiffresMixin, TemplateView):
    """What is offered against whom it is for, with the communes where it is missing."""

    template_name = "diagnostics/offre.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(offre=offre_et_besoins(self.convention.territoire), **kwargs)


class CommunesMixin(ChiffresMixin):
    """The theme is in the address (``?theme=``), the first one by default; so is the sort."""

    def get_tableau(self):
        asked = self.request.GET.get("theme") or Indicateur.Theme.POPULATION
        if asked not in Indicateur.Theme.values:
            raise Http404
        return tableau_communes(
            self.convention.territoire, Indicateur.Theme(asked), self.request.GET.get("tri", "")
        )


class CommunesView(CommunesMixin, TemplateView):
    template_name = "diagnostics/communes.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(tableau=self.get_tableau(), themes=Indicateur.Theme, **kwargs)


class CommunesExportView(CommunesMixin, View):
    """The table as it is on the page, same theme and same order."""

    def get(self, request, *args, **kwargs):
        tableau, territoire = self.get_tableau(), self.convention.territoire
        name = f"communes-{territoire.slug}-{tableau.theme.value}-{timezone.localdate():%Y-%m-%d}"
        sheet = communes_feuille(tableau)
        if kwargs["extension"] == "csv":
            return csv_response(write_csv(sheet), f"{name}.csv")
        if kwargs["extension"] == "xlsx":
            titre = f"{tableau.theme.label} par commune, {territoire}"
            return xlsx_response(write_xlsx([sheet], titre=titre), f"{name}.xlsx")
        raise Http404


class ValeurMixin(ChiffresMixin):
    """Figures belong to the territoire: those of another one are not found."""

    convention_lookup = "territoire__conventions"
    queryset = Valeur.objects.for_list()
    context_object_name = "valeur"

    def get_queryset(self):
        return super().get_queryset().filter(territoire=self.convention.territoire)

    def get_success_url(self):
        return reverse("diagnostics:valeurs", args=[self.convention.code])


class ValeurListView(ValeurMixin, FilterView):
    filterset_class = ValeurFilter
    template_name = "diagnostics/valeurs.html"
    context_object_name = "valeurs"
    paginate_by = 50


class ValeurFormMixin(ValeurMixin):
    convention_permission = CHANGE
    form_class = ValeurForm
    template_name = "diagnostics/valeur_form.html"

    def form_valid(self, form):
        if (valeur := form.save()) is None:
            return self.form_invalid(form)
        messages.success(self.request, f"«\u00a0{valeur}\u00a0» est enregistré.")
        return HttpResponseRedirect(self.get_success_url())


class ValeurAddView(ValeurFormMixin, CreateView):
    def get_initial(self):
        """``?indicateur=`` chooses one: a page that lacks a figure leads here."""
        asked = Indicateur.objects.filter(code=self.request.GET.get("indicateur", "")[:50]).first()
        return {"indicateur": asked.pk, "source": asked.source} if asked else {}

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Valeur(territoire=self.convention.territoire)}


class ValeurEditView(ValeurFormMixin, UpdateView):
    def get_context_data(self, **kwargs):
        # Read anew: refused input changes no title.
        return super().get_context_data(inscrite=self.get_queryset().get(pk=self.object.pk), **kwargs)


class ValeurDeleteView(ValeurMixin, DeleteView):
    """Says what rests on it: the constats lose the link, and stay."""

    convention_permission = CHANGE
    queryset = Valeur.objects.for_list().annotate(nb_constats=Count("constats", distinct=True))
    template_name = "diagnostics/valeur_delete.html"

    def form_valid(self, form):
        response = super().form_valid(form)
        messages.success(self.request, "Le chiffre est supprimé.")
        return response
