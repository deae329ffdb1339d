"""The room « Financements »: it stands above ``conventions`` because a line may pay a fiche."""

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import FormView
from django_filters.views import FilterView

from actions.forms.financements import ExerciceFormSet, ExerciceOpenForm
from actions.models import Imputation
from conventions.filters import FinancementFilter
from conventions.graphiques import graphique_annees, graphique_beneficiaires, graphique_groupes
from conventions.mixins import InConventionMixin
from conventions.models import (
    Financement,
    montants_total,
    par_beneficiaire,
    par_groupe,
    tableaux_financements,
)
from conventions.operations.montants import montants_par_contrat


class FinancementsView(InConventionMixin, FilterView):
    """Everything that is planned, notified and paid beside the convention; filters are in the address."""

    queryset = Financement.objects.all()
    filterset_class = FinancementFilter
    template_name = "actions/financements.html"
    context_object_name = "financements"
    room = "convention"

    def get_queryset(self):
        return super().get_queryset().for_table()

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        lignes = list(context["financements"])
        fiches = {
            imputation.financement_id: imputation.fiche
            for imputation in Imputation.objects.visible_to(self.request.user)
            .filter(financement__convention=self.convention)
            .select_related("fiche__plan__convention")
        }
        for ligne in lignes:
            ligne.fiche_visible = fiches.get(ligne.pk)
        tableaux = tableaux_financements(lignes)
        # Whoever reads one year sees it whole; several years are read by their totals first.
        return context | {
            "tableaux": tableaux,
            "groupes": par_groupe(lignes),
            "beneficiaires": par_beneficiaire(lignes),
            "total": montants_total(lignes),
            "sources": sorted({ligne.source for ligne in lignes if ligne.source}),
            "exercice_choisi": tableaux[0].exercice if len(tableaux) == 1 else None,
            "graphique_annees": graphique_annees(lignes),
            "graphique_groupes": graphique_groupes(lignes),
            "graphique_beneficiaires": graphique_beneficiaires(lignes),
            "contrats": montants_par_contrat(convention=self.convention, user=self.request.user),
        }


class ExerciceOpenView(InConventionMixin, FormView):
    """Chooses the year to type: those of the convention, or another one."""

    convention_permission = "conventions.change_convention"
    form_class = ExerciceOpenForm
    template_name = "actions/exercice_open.html"
    room = "convention"

    def get_context_data(self, **kwargs):
        typed = {row.exercice: row for row in self.convention.financements.par_exercice()}
        annees = sorted({*self.convention.annees, *typed}, reverse=True)
        return super().get_context_data(annees=[(annee, typed.get(annee)) for annee in annees], **kwargs)

    def form_valid(self, form):
        args = [self.convention.code, form.cleaned_data["exercice"]]
        return HttpResponseRedirect(reverse("actions:exercice", args=args))


class ExerciceView(InConventionMixin, FormView):
    """The money of one year as a grid. The lines are locked while they are saved, so that nobody is overwritten."""

    convention_permission = "conventions.change_convention"
    form_class = ExerciceFormSet
    template_name = "actions/exercice.html"
    room = "convention"

    @cached_property
    def exercice(self):
        if not 2000 <= self.kwargs["annee"] <= 2100:
            raise Http404
        return self.kwargs["annee"]

    def get_form_kwargs(self):
        kwargs = {"data": self.request.POST} if self.request.method == "POST" else {}
        return kwargs | {
            "convention": self.convention,
            "exercice": self.exercice,
            "user": self.request.user,
            "reprendre": "reprendre" in self.request.GET,
        }

    def get_context_data(self, **kwargs):
        context = super().get_context_data(exercice=self.exercice, **kwargs)
        formset = context["form"]
        groupes = [
            (groupe, [form for form in formset if form.groupe == groupe], total)
            for groupe, total in formset.totaux.items()
        ]
        exercices = {row.exercice: row for row in self.convention.financements.par_exercice()}
        return context | {
            "formset": formset,
            "groupes": groupes,
            "nouvelles": [form for form in formset if form.groupe is None],
            "annees": sorted({*self.convention.annees, *exercices, self.exercice}),
            "precedent": exercices.get(self.exercice - 1),
        }

    def form_valid(self, form):
        done = form.save(by=self.request.user)
        messages.success(self.request, done.sentence(self.exercice))
        return HttpResponseRedirect(self.request.path)
