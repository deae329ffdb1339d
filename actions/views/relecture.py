"""The first form of the CAF's review: send, comment, ask for more, validate; each leaves a line in the journal."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.views.generic import UpdateView

from actions.forms.fiches import (
    ArchiveForm,
    AskCompletionForm,
    CommentaireForm,
    CommentaireResolveForm,
    ReopenForm,
    RestoreForm,
    SubmitForm,
    ValidateForm,
)
from actions.models import Commentaire
from actions.models.ordre import places_in_words
from actions.views.base import FicheMixin, VerbView
from actions.views.fiches import warn_of_shared_code
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin


class SubmitView(VerbView):
    permission = "actions.submit_ficheaction"
    role_permission = "actions.write_ficheaction"
    form_class = SubmitForm
    titre = "Envoyer la fiche à la CAF"
    texte = "La CAF relit la fiche. Son texte ne change plus jusqu’à sa réponse ; les étapes, les notes et l’avancement continuent."
    bouton = "Envoyer à la relecture"
    success_message = "La fiche est envoyée à la CAF."

    def get_context_data(self, **kwargs):
        return super().get_context_data(manques=self.object.manques(), **kwargs)


class ValidateView(VerbView):
    permission = "actions.validate_ficheaction"
    role_permission = "actions.review_ficheaction"
    form_class = ValidateForm
    titre = "Valider la fiche"
    texte = "Le texte de la fiche est arrêté. Il pourra être rouvert, avec un motif."
    bouton = "Valider la fiche"
    success_message = "La fiche est validée."

    def get_context_data(self, **kwargs):
        return super().get_context_data(ouverts=self.object.commentaires.ouverts().count(), **kwargs)


class AskCompletionView(VerbView):
    permission = "actions.ask_completion_ficheaction"
    role_permission = "actions.review_ficheaction"
    form_class = AskCompletionForm
    titre = "Demander des compléments"
    texte = "La fiche repart « à compléter » : son texte s’ouvre de nouveau à la coordination et aux pilotes."
    bouton = "Renvoyer à compléter"
    success_message = "La fiche est renvoyée « à compléter »."


class ReopenView(VerbView):
    permission = "actions.reopen_ficheaction"
    role_permission = "actions.supervise_ficheaction"
    form_class = ReopenForm
    titre = "Rouvrir la fiche validée"
    texte = "La fiche repart « à compléter » ; elle sera relue avant d’être validée de nouveau."
    bouton = "Rouvrir la fiche"
    success_message = "La fiche est rouverte."


class ArchiveView(VerbView):
    permission = "actions.archive_ficheaction"
    role_permission = "actions.coordinate_ficheaction"
    form_class = ArchiveForm
    titre = "Archiver la fiche"
    texte = "Elle sort des listes, des totaux et des documents. Rien n’est effacé, et elle peut être reprise."
    bouton = "Archiver la fiche"
    danger = True
    success_message = "La fiche est archivée."


class RestoreView(VerbView):
    permission = "actions.restore_ficheaction"
    role_permission = "actions.coordinate_ficheaction"
    form_class = RestoreForm
    titre = "Reprendre la fiche archivée"
    bouton = "Reprendre la fiche"
    success_message = "La fiche est de nouveau un brouillon du plan."

    @property
    def texte(self):
        places = places_in_words([self.object], self.object.plan, self.request.user)
        return f"Elle revient dans le plan, en brouillon, {places[self.object.pk]}."

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code == 302:
            warn_of_shared_code(self.request, self.object)
        return response


class CommentaireAddView(WhileOpenMixin, FicheMixin, UpdateView):
    """The object found is the fiche; what the form saves is a remark on it."""

    permission = "actions.comment_ficheaction"
    role_permission = "actions.discuss_ficheaction"
    form_class = CommentaireForm
    template_name = "actions/commentaire_form.html"

    def get_form_kwargs(self):
        remark = Commentaire(fiche=self.object, auteur=self.request.user)
        section = self.request.GET.get("section", "")
        return super().get_form_kwargs() | {"instance": remark, "initial": {"section": section}}

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        form.save()
        messages.success(self.request, "Le commentaire est enregistré.")
        ancre = form.instance.section or "commentaires"
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#{ancre}")


class CommentaireResolveView(InConventionMixin, PermissionMixin, TransitionFormMixin, UpdateView):
    queryset = Commentaire.objects.select_related(
        "fiche__plan__convention__territoire__departement", "fiche__axe", "auteur"
    ).prefetch_related("fiche__pilotes")
    convention_lookup = "fiche__plan__convention"
    context_object_name = "commentaire"
    permission = "actions.resolve_commentaire"
    form_class = CommentaireResolveForm
    template_name = "actions/commentaire_resolve.html"
    room = "plan"
    success_message = "Le commentaire est résolu."

    def get_success_url(self):
        ancre = self.object.section or "commentaires"
        return f"{self.object.fiche.get_absolute_url()}#{ancre}"
