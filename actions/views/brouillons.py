"""Drafts of a section: kept as it is typed, offered again, thrown away; never saved by themselves."""

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.views.generic import DetailView

from actions.forms.sections import SECTION_FORMS
from actions.models import Brouillon, complements_of
from actions.models.brouillon import ETAPES, NOUVELLES
from actions.models.complements import TITRES
from actions.views.base import FicheMixin
from ctg_portal.session import fits, prolong_session


class BrouillonMixin(FicheMixin):
    """Whoever may write the fiche keeps a draft, also when its text was closed meanwhile: nothing typed is lost."""

    permission = "actions.write_ficheaction"
    http_method_names = ["post"]

    @property
    def section(self):
        section = self.kwargs["section"]
        if section not in SECTION_FORMS and section not in (ETAPES, NOUVELLES):
            raise Http404
        return section


class BrouillonKeepView(BrouillonMixin, DetailView):
    """Answers a few words for the page to show, as plain text."""

    def post(self, request, *args, **kwargs):
        section = self.section
        fiche = self.get_object()
        if not fits(request.POST):
            return self.answer("Brouillon non gardé : la saisie est trop longue.", status=413)
        prolong_session(request)
        kept = Brouillon.keep(fiche, section, request.POST, by=request.user)
        moment = timezone.localtime(kept.updated_at)
        words = f"Brouillon gardé à {moment.hour}\u00a0h\u00a0{moment:%M}."
        complements = complements_of(fiche)
        if section in TITRES and complements.is_locked(section):
            words += f" {complements.refus(section)}"
        return self.answer(words)

    def answer(self, words, status=200):
        return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")


class BrouillonDropView(BrouillonMixin, DetailView):
    def post(self, request, *args, **kwargs):
        section = self.section
        fiche = self.get_object()
        Brouillon.objects.visible_to(request.user).filter(fiche=fiche, section=section).delete()
        messages.success(request, "Le brouillon est jeté. La rubrique enregistrée n’a pas changé.")
        ancre = {ETAPES: "modalites", NOUVELLES: "suivi"}.get(section, section)
        return HttpResponseRedirect(f"{fiche.get_absolute_url()}#{ancre}")
