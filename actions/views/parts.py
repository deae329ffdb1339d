from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.views.generic import UpdateView

from actions.forms.etapes import EtapeTickForm
from actions.forms.fiches import MesureFormSet, NoteForm
from actions.forms.sections import EtapesForm
from actions.models import IndicateurSuivi, Note
from actions.models.brouillon import ETAPES
from actions.models.suivi import remarques_of
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
    is_lockable = False

    def get_form_class(self):
        return EtapesForm

    def get_titre(self):
        return "Étapes"

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code == HTTPStatus.FOUND:
            for etape in self.object.etapes.all():
                for remarque in remarques_of(etape, self.object):
                    messages.warning(self.request, f"Étape « {etape} »\u00a0: {remarque}. C’est enregistré.")
        return response


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


class EtapeTickView(FollowMixin, UpdateView):
    """One press: the step is done today, or to do again. The form says which, so that two presses at once agree."""

    http_method_names = ["post"]
    form_class = EtapeTickForm

    def get_form_kwargs(self):
        etape = get_object_or_404(self.object.etapes, pk=self.kwargs["etape"])
        return super().get_form_kwargs() | {"instance": etape}

    def back(self):
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#etapes")

    def form_valid(self, form):
        if not self.request.user.has_perm(self.permission, self.object):
            messages.warning(self.request, self.state_sentence(self.object))
        else:
            messages.success(self.request, form.save(by=self.request.user))
        return self.back()

    def form_invalid(self, form):
        messages.error(self.request, "Rien n’a changé\u00a0: cette page est trop ancienne. Recommencez.")
        return self.back()


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
