from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, ListView, UpdateView

from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.permissions import Can
from ctg_portal.tableurs import csv_response, xlsx_response
from diagnostics.documents import resultats_csv, resultats_filename, resultats_xlsx
from diagnostics.forms.questionnaires import (
    CloseForm,
    QuestionnaireForm,
    QuestionsFormSet,
    RemoveForm,
    RenewForm,
)
from diagnostics.forms.reponses import ReponseForm
from diagnostics.graphiques import graphique_jours, graphique_resultat
from diagnostics.models import Diagnostic, Question, Questionnaire, resultats_of

EXTRAIT = 3
"""Free answers shown under their question; the others have their page."""


class QuestionnaireListView(InConventionMixin, ListView):
    queryset = Questionnaire.objects.for_list()
    convention_lookup = "diagnostic__convention"
    template_name = "diagnostics/questionnaires.html"
    context_object_name = "questionnaires"
    paginate_by = 25
    room = "diagnostic"

    def get_queryset(self):
        return super().get_queryset().visible_to(self.request.user)

    def get_context_data(self, **kwargs):
        user = self.request.user
        diagnostic = (
            Diagnostic.objects.visible_to(user)
            .filter(convention=self.convention)
            .select_related("convention")
            .first()
        )
        can = Can(user, diagnostic) if diagnostic else None
        return super().get_context_data(diagnostic=diagnostic, can=can, **kwargs)


class QuestionnaireMixin(InConventionMixin, PermissionMixin):
    queryset = Questionnaire.objects.for_page()
    convention_lookup = "diagnostic__convention"
    permission = "diagnostics.change_questionnaire"
    context_object_name = "questionnaire"
    room = "diagnostic"


class QuestionnaireView(QuestionnaireMixin, DetailView):
    """Its address, its state and its results."""

    permission = "diagnostics.view_questionnaire"
    template_name = "diagnostics/questionnaire.html"

    def get_context_data(self, **kwargs):
        resultats = resultats_of(self.object)
        rows = [
            {
                "resultat": resultat,
                "lignes": [(ligne, resultat.part(ligne)) for ligne in resultat.lignes],
                "graphique": graphique_resultat(resultat) if resultat.lignes else None,
                "extrait": resultat.textes[:EXTRAIT],
            }
            for resultat in resultats.questions
        ]
        return super().get_context_data(
            resultats=resultats,
            rows=rows,
            graphique_jours=graphique_jours(resultats),
            adresse=self.request.build_absolute_uri(self.object.adresse),
            **kwargs,
        )


class QuestionnaireExportView(QuestionnaireMixin, DetailView):
    permission = "diagnostics.view_questionnaire"

    def render_to_response(self, context, **kwargs):
        name = resultats_filename(self.object)
        if self.kwargs["extension"] == "csv":
            return csv_response(resultats_csv(self.object), f"{name}.csv")
        if self.kwargs["extension"] == "xlsx":
            return xlsx_response(resultats_xlsx(self.object), f"{name}.xlsx")
        raise Http404


class TextesView(QuestionnaireMixin, ListView):
    """The free answers to one question, a page at a time."""

    template_name = "diagnostics/questionnaire_textes.html"
    context_object_name = "textes"
    paginate_by = 25

    @cached_property
    def question(self):
        texts = Question.objects.filter(nature=Question.Nature.TEXTE)
        return get_object_or_404(texts, pk=self.kwargs["question"], questionnaire=self.questionnaire)

    @cached_property
    def questionnaire(self):
        visible = Questionnaire.objects.visible_to(self.request.user).for_page()
        return get_object_or_404(visible, pk=self.kwargs["pk"], diagnostic__convention=self.convention)

    def get_queryset(self):
        return [(self.question.marque_of(texte), texte) for texte in self.question.textes]

    def get_context_data(self, **kwargs):
        self.object = self.questionnaire
        return super().get_context_data(questionnaire=self.questionnaire, question=self.question, **kwargs)


class PreviewView(QuestionnaireMixin, DetailView):
    """As those who answer will see it; nothing is sent from here."""

    permission = "diagnostics.view_questionnaire"
    template_name = "diagnostics/questionnaire_preview.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(form=ReponseForm(questionnaire=self.object), **kwargs)


class QuestionnaireFormMixin(QuestionnaireMixin):
    template_name = "diagnostics/questionnaire_form.html"
    form_class = QuestionnaireForm

    def form_valid(self, form):
        self.object = form.save()
        messages.success(self.request, self.success_message)
        return HttpResponseRedirect(self.get_success_url())


class QuestionnaireAddView(QuestionnaireFormMixin, UpdateView):
    """The object of the form is a questionnaire to be, of the diagnostic of the address."""

    titre = "Nouveau questionnaire"
    success_message = "Le questionnaire est créé. Écrivez maintenant ses questions."

    def get_object(self, queryset=None):
        diagnostics = Diagnostic.objects.visible_to(self.request.user).select_related(
            "convention__territoire"
        )
        questionnaire = Questionnaire(diagnostic=get_object_or_404(diagnostics, convention=self.convention))
        self.check_permission(questionnaire)
        return questionnaire

    @property
    def url_retour(self):
        return reverse("diagnostics:questionnaires", args=[self.convention.code])

    def get_success_url(self):
        return reverse("diagnostics:questionnaire_questions", args=[self.convention.code, self.object.pk])


class QuestionnaireEditView(QuestionnaireFormMixin, UpdateView):
    titre = "Présentation et dates"
    success_message = "La présentation et les dates du questionnaire sont enregistrées."

    @property
    def url_retour(self):
        return reverse("diagnostics:questionnaire", args=[self.convention.code, self.kwargs["pk"]])


class QuestionsEditView(QuestionnaireFormMixin, UpdateView):
    titre = "Questions"
    template_name = "diagnostics/questionnaire_questions.html"
    form_class = QuestionsFormSet
    success_message = "Les questions sont enregistrées."

    @property
    def url_retour(self):
        return reverse("diagnostics:questionnaire", args=[self.convention.code, self.kwargs["pk"]])

    def form_valid(self, form):
        form.save()
        messages.success(self.request, self.success_message)
        return HttpResponseRedirect(self.url_retour)


class QuestionnaireVerbView(QuestionnaireMixin, TransitionFormMixin, UpdateView):
    """A page to confirm what cannot be undone."""

    template_name = "diagnostics/questionnaire_confirm.html"
    texte = bouton = titre = ""
    danger = False


class QuestionnaireRenewView(QuestionnaireVerbView):
    form_class = RenewForm
    titre = "Changer l’adresse du questionnaire"
    texte = "L’adresse actuelle ne répondra plus : les liens, affiches et courriels qui la portent seront à refaire. Les réponses déjà reçues restent."
    bouton = "Changer l’adresse"
    success_message = "Le questionnaire a une nouvelle adresse\u00a0; l’ancienne ne répond plus."


class QuestionnaireCloseView(QuestionnaireVerbView):
    form_class = CloseForm
    titre = "Clore le questionnaire"
    texte = "Plus personne ne pourra répondre dès maintenant : l’adresse dira que le questionnaire est clos. Les réponses déjà reçues restent. Une nouvelle date de fermeture le rouvrira."
    bouton = "Clore maintenant"
    success_message = "Le questionnaire est clos."


class QuestionnaireDeleteView(QuestionnaireVerbView):
    form_class = RemoveForm
    titre = "Supprimer le questionnaire"
    texte = "Le questionnaire et ses questions seront supprimés, et son adresse ne répondra plus. Un questionnaire qui a des réponses ne se supprime pas."
    bouton = "Supprimer"
    danger = True
    success_message = "Le questionnaire est supprimé."

    def get_success_url(self):
        return reverse("diagnostics:questionnaires", args=[self.convention.code])
