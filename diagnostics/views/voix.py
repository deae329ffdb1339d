from django.http import Http404
from django.shortcuts import get_object_or_404
from django.views.generic import DetailView, UpdateView
from django_filters.views import FilterView

from conventions.mixins import InConventionMixin
from conventions.views.impressions import pdf_response
from ctg_portal.documents import render_pdf
from ctg_portal.mixins import PermissionMixin
from ctg_portal.permissions import Can
from diagnostics.documents import atelier_filename, atelier_html
from diagnostics.filters import ParoleFilter
from diagnostics.forms.voix import AtelierForm, ParoleForm
from diagnostics.models import Atelier, Diagnostic, Parole, Question, Questionnaire
from diagnostics.views.diagnostic import PartAddMixin, PartDeleteView, PartEditMixin


class VoixView(InConventionMixin, FilterView):
    """Ateliers, and paroles by theme and by kind of speaker."""

    queryset = Parole.objects.for_list()
    convention_lookup = "diagnostic__convention"
    filterset_class = ParoleFilter
    template_name = "diagnostics/voix.html"
    context_object_name = "paroles"
    paginate_by = 50
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
        ateliers = list(Atelier.objects.filter(diagnostic=diagnostic).for_list()) if diagnostic else []
        return super().get_context_data(
            diagnostic=diagnostic,
            can=Can(user, diagnostic) if diagnostic else None,
            ateliers=ateliers,
            participants=sum(atelier.participants or 0 for atelier in ateliers),
            **kwargs,
        )


class AtelierMixin(InConventionMixin, PermissionMixin):
    queryset = Atelier.objects.for_sheet()
    convention_lookup = "diagnostic__convention"
    permission = "diagnostics.view_atelier"
    context_object_name = "atelier"
    room = "diagnostic"


class AtelierView(AtelierMixin, DetailView):
    """The sheet of an atelier as a page: it prints, and the same content is given as a PDF."""

    template_name = "diagnostics/atelier.html"


class AtelierPdfView(AtelierMixin, DetailView):
    """One or two pages: drawn at once."""

    def render_to_response(self, context, **kwargs):
        return pdf_response(render_pdf(atelier_html(self.object)), atelier_filename(self.object))


class VoixPartMixin:
    """A part whose page is « Paroles et ateliers »."""

    page = "voix"


class AtelierAddView(VoixPartMixin, PartAddMixin):
    form_class = AtelierForm
    titre, ancre = "Nouvel atelier", "ateliers"
    success_message = "L’atelier « %(intitule)s » est ajouté."


class AtelierEditView(VoixPartMixin, PartEditMixin, UpdateView):
    queryset = Atelier.objects.all()
    permission = "diagnostics.change_atelier"
    form_class = AtelierForm
    titre, ancre = "Atelier", "ateliers"
    suppression = "Supprimer cet atelier"
    success_message = "L’atelier « %(intitule)s » est enregistré."


class AtelierDeleteView(VoixPartMixin, PartDeleteView):
    """What was said there stays, without its atelier."""

    queryset = Atelier.objects.all()
    permission = "diagnostics.change_atelier"
    titre, ancre = "Supprimer l’atelier", "ateliers"


class ParoleAddView(VoixPartMixin, PartAddMixin):
    """``?atelier=`` and ``?question=&texte=`` fill the form in; a person reads it and saves it."""

    form_class = ParoleForm
    titre, ancre = "Nouvelle parole", "paroles"
    success_message = "La parole est ajoutée."

    def get_initial(self):
        return super().get_initial() | self._from_atelier() | self._from_texte()

    def _asked(self, name):
        """The id that the address gives, or ``None``."""
        value = self.request.GET.get(name, "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None

    def _from_atelier(self):
        asked = self._asked("atelier")
        if asked is None:
            return {}
        atelier = get_object_or_404(Atelier, pk=asked, diagnostic__convention=self.convention)
        return {"atelier": atelier, "theme": atelier.theme_id}

    def _from_texte(self):
        asked = self._asked("question")
        if asked is None:
            return {}
        question = get_object_or_404(
            Question.objects.select_related("questionnaire"),
            pk=asked,
            nature=Question.Nature.TEXTE,
            questionnaire__diagnostic__convention=self.convention,
        )
        marque = self.request.GET.get("texte", "")
        texte = next((texte for texte in question.textes if question.marque_of(texte) == marque), None)
        if texte is None:
            raise Http404
        habitants = question.questionnaire.destinataires == Questionnaire.Destinataires.HABITANTS
        return {
            "texte": texte,
            "locuteur": Parole.Locuteur.HABITANT if habitants else "",
            "origine": f"Questionnaire « {question.questionnaire} »"[:200],
        }


class ParoleEditView(VoixPartMixin, PartEditMixin, UpdateView):
    queryset = Parole.objects.select_related("theme")
    permission = "diagnostics.change_parole"
    form_class = ParoleForm
    titre, ancre = "Parole", "paroles"
    suppression = "Supprimer cette parole"
    success_message = "La parole est enregistrée."


class ParoleDeleteView(VoixPartMixin, PartDeleteView):
    queryset = Parole.objects.all()
    permission = "diagnostics.change_parole"
    titre, ancre = "Supprimer la parole", "paroles"
