from django.contrib import messages
from django.http import HttpResponseRedirect
from django.views.generic import UpdateView

from actions.forms.fiches import MesureFormSet, NoteForm
from actions.forms.sections import EtapesForm
from actions.models import IndicateurSuivi, Note
from actions.models.brouillon import ETAPES
from actions.views.base import FicheMixin
from actions.views.fiches import SectionEditView
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, WhileOpenMixin


class EtapesEditView(SectionEditView):
    """The steps: part of « Modalités », but ticked as long as the action lives."""

    permission = "actions.follow_ficheaction"
    section = ancre = "modalites"
    brouillon_section = ETAPES
    form_class = EtapesForm

    def get_form_class(self):
        return EtapesForm

    def get_titre(self):
        return "Étapes"


class FollowMixin(WhileOpenMixin, FicheMixin):
    """The object found is the fiche; what the form saves belongs to it."""

    permission = "actions.follow_ficheaction"
    role_permission = "actions.write_ficheaction"

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        form.save()
        messages.success(self.request, self.success_message)
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#suivi")


class NoteAddView(FollowMixin, UpdateView):
    form_class = NoteForm
    template_name = "actions/note_form.html"
    success_message = "La note est enregistrée."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Note(fiche=self.object, auteur=self.request.user)}


class IndicateurEditView(InConventionMixin, PermissionMixin, UpdateView):
    """The yearly measures of one indicator."""

    queryset = IndicateurSuivi.objects.select_related(
        "fiche__plan__convention__territoire__departement"
    ).prefetch_related("fiche__pilotes")
    convention_lookup = "fiche__plan__convention"
    context_object_name = "indicateur"
    permission = "actions.follow_indicateursuivi"
    form_class = MesureFormSet
    template_name = "actions/mesures_form.html"
    room = "plan"

    def form_valid(self, form):
        form.save()
        messages.success(self.request, "Les mesures sont enregistrées.")
        return HttpResponseRedirect(f"{self.object.fiche.get_absolute_url()}#evaluation")
