"""Half a minute for whoever pilots: one small page a fiche, then the next one."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse

from actions.forms.nouvelles import NouvellesForm
from actions.models.attentes import piloted_by
from actions.models.brouillon import NOUVELLES
from actions.views.fiches import SectionEditView
from ctg_portal.session import forget_words

ATTENDUES = ("echeance", "etape", "silence")
"""What is answered by giving news."""


def awaiting_news(user, sauf=None):
    """The fiches of ``user`` that wait for news, the most pressing first."""
    return [
        fiche
        for fiche in piloted_by(user)
        if fiche.pk != sauf and any(attente.code in ATTENDUES for attente in fiche.attentes)
    ]


class NouvellesView(SectionEditView):
    """Avancement, one note, the next step; kept as a draft as it is typed, refused with a sentence when it moved."""

    section = ancre = "suivi"
    brouillon_section = NOUVELLES
    template_name = "actions/nouvelles.html"

    def get_titre(self):
        return "Donner des nouvelles"

    def get_form_class(self):
        return NouvellesForm

    @property
    def is_done(self):
        """The page after the saving: nothing to type, the next fiche to open."""
        return self.request.method == "GET" and "fait" in self.request.GET

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        form.save(by=self.request.user)
        if self.brouillon:
            self.brouillon.delete()
        forget_words(self.request)
        messages.success(self.request, "Merci : vos nouvelles sont enregistrées.")
        here = reverse("actions:fiche_nouvelles", args=[self.convention.code, self.object.pk])
        return HttpResponseRedirect(f"{here}?fait=1")

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        context["fait"] = self.is_done
        if self.is_done:
            suivantes = awaiting_news(self.request.user, sauf=self.object.pk)
            context |= {"suivante": next(iter(suivantes), None), "nb_suivantes": len(suivantes)}
        else:
            context["derniere_note"] = self.object.notes.select_related("auteur").first()
        return context
