"""The CAF's review: send, ask for more, validate; each leaves a line in the journal. Threads are in ``fils``."""

from django.http import Http404

from actions.forms.fiches import (
    ArchiveForm,
    AskCompletionForm,
    OpenSectionForm,
    ReopenForm,
    RestoreForm,
    SubmitForm,
    ValidateForm,
)
from actions.models import Commentaire, complements_of
from actions.models.complements import TITRES
from actions.models.ordre import places_in_words
from actions.views.base import VerbView
from actions.views.fiches import warn_of_shared_code


class SubmitView(VerbView):
    permission = "actions.submit_ficheaction"
    role_permission = "actions.write_ficheaction"
    form_class = SubmitForm
    titre = "Envoyer la fiche à la CAF"
    texte = "La CAF relit la fiche. Son texte ne change plus jusqu’à sa réponse ; les étapes, les notes et l’avancement continuent."
    bouton = "Envoyer à la relecture"
    success_message = "La fiche est envoyée à la CAF."

    def get_context_data(self, **kwargs):
        complements = complements_of(self.object)
        return super().get_context_data(
            manques=self.object.manques(), restantes=complements.restantes, **kwargs
        )


class ValidateView(VerbView):
    permission = "actions.validate_ficheaction"
    role_permission = "actions.review_ficheaction"
    form_class = ValidateForm
    titre = "Valider la fiche"
    texte = "Le texte de la fiche est arrêté. Il pourra être rouvert, avec un motif."
    bouton = "Valider la fiche"
    success_message = "La fiche est validée."

    def get_context_data(self, **kwargs):
        fils = Commentaire.tous.visible_to(self.request.user).filter(fiche=self.object)
        return super().get_context_data(ouverts=fils.en_suspens().count(), **kwargs)


class AskCompletionView(VerbView):
    permission = "actions.ask_completion_ficheaction"
    role_permission = "actions.review_ficheaction"
    form_class = AskCompletionForm
    titre = "Demander des compléments"
    texte = "La fiche repart « à compléter » : les rubriques que vous cochez s’ouvrent de nouveau à la coordination et aux pilotes ; les autres restent verrouillées."
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


class OpenSectionView(VerbView):
    """One more section of a fiche « à compléter »."""

    permission = "actions.open_section_ficheaction"
    role_permission = "actions.supervise_ficheaction"
    form_class = OpenSectionForm
    bouton = "Ouvrir la rubrique"
    texte = "La coordination et les pilotes pourront l’écrire jusqu’au prochain envoi à la CAF."

    @property
    def section(self):
        if self.kwargs["section"] not in TITRES:
            raise Http404
        return self.kwargs["section"]

    @property
    def titre(self):
        return f"Ouvrir la rubrique « {TITRES[self.section]} »"

    @property
    def success_message(self):
        return f"La rubrique « {TITRES[self.section]} » est ouverte."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"section": self.section}

    def get_success_url(self):
        return f"{self.object.get_absolute_url()}#{self.section}"


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
