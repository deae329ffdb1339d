from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, FormView, ListView, View
from django.views.generic.detail import SingleObjectMixin

from conventions.forms.importations import AbandonForm, ConfirmationForm, FichierForm, ReponsesForm
from conventions.mixins import InConventionMixin
from conventions.models import Importation
from conventions.operations import importations
from conventions.operations.importeurs import IMPORTEURS
from ctg_portal.imports import ImportRefuse
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.tableurs import write_xlsx, xlsx_response

LIGNES_PAR_PAGE = 50


class ImportationListView(InConventionMixin, ListView):
    room = "convention"
    queryset = Importation.objects.for_list()
    template_name = "conventions/importations.html"
    context_object_name = "importations"
    paginate_by = 25

    def get_context_data(self, **kwargs):
        natures = [
            nature
            for nature in Importation.Nature
            if self.request.user.has_perm(IMPORTEURS[nature].permission, self.convention)
        ]
        return super().get_context_data(natures=natures, **kwargs)


class OfNatureMixin(InConventionMixin):
    room = "convention"

    @cached_property
    def nature(self):
        try:
            return Importation.Nature(self.kwargs["nature"])
        except ValueError as error:
            raise Http404 from error

    @property
    def importeur(self):
        return IMPORTEURS[self.nature]


class ImportationAddView(OfNatureMixin, FormView):
    convention_permission = "conventions.change_convention"
    form_class = FichierForm
    template_name = "conventions/importation_add.html"

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and (page := self.importeur.page_ajout):
            return HttpResponseRedirect(reverse(page, args=[self.convention.code]))
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"convention": self.convention, "nature": self.nature}

    def get_context_data(self, **kwargs):
        champs = [champ for champ in self.importeur.champs if not champ.derive]
        return super().get_context_data(nature=self.nature, champs=champs, **kwargs)

    def form_valid(self, form):
        try:
            importation = form.save(by=self.request.user)
        except ValidationError as error:
            form.add_error("fichier", error)
            return self.form_invalid(form)
        return HttpResponseRedirect(importation.get_absolute_url())


class ImportationModeleView(OfNatureMixin, View):
    """An empty file with the columns of the import, and the choices of the convention."""

    def get(self, request, code, nature):
        importeur = self.importeur(self.convention)
        sheet = importeur.sheet(self.nature.label, [], importeur.listes())
        title = f"Modèle à remplir\u00a0: {self.nature.label.lower()}"
        return xlsx_response(write_xlsx([sheet], titre=title), f"modele-{self.nature}.xlsx")


class ImportationExportView(OfNatureMixin, View):
    """Every row that the import reads back, with the same columns."""

    def get(self, request, code, nature):
        sheet = self.importeur.sheet(self.nature.label, self.importeur.rows_of(self.convention))
        title = f"{self.nature.label}, {self.convention}"
        return xlsx_response(write_xlsx([sheet], titre=title), f"{self.nature}-{self.convention.code}.xlsx")


class ImportationMixin(InConventionMixin, PermissionMixin):
    room = "convention"
    queryset = Importation.objects.select_related("convention__territoire", "auteur")
    template_name = "conventions/importation.html"
    context_object_name = "importation"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs) | {"Genre": importations.Genre}
        if self.object.statut == Importation.Statut.ABANDONNEE:
            return context
        try:
            apercu = self.apercu
        except ImportRefuse as refus:
            return context | {"refus": str(refus)}
        return context | self._rows(apercu)

    @cached_property
    def apercu(self):
        is_done = self.object.statut == Importation.Statut.CONFIRMEE
        return importations.report(self.object) if is_done else importations.preview(self.object)

    def _rows(self, apercu):
        counts = [(genre, apercu.comptes[genre]) for genre in importations.Genre if apercu.comptes[genre]]
        asked = self.request.GET.get("genre", "")
        genre = asked if asked in importations.Genre.values else ""
        shown = [ligne for ligne in apercu.lignes if not genre or ligne.genre == genre]
        return {
            "apercu": apercu,
            "comptes": counts,
            "genre": genre,
            "page_obj": Paginator(shown, LIGNES_PAR_PAGE).get_page(self.request.GET.get("page")),
            "sans_reponse": sum(not question.reponse for question in apercu.questions),
            "reponses": ReponsesForm(importation=self.object, questions=apercu.questions),
        }


class ImportationView(ImportationMixin, DetailView):
    """The preview of a file, or the report of what it did."""

    permission = "conventions.view_importation"


class ImportationVerbView(ImportationMixin, SingleObjectMixin, TransitionFormMixin, FormView):
    """A verb on an import; refused, the preview comes back as it is now."""

    permission = "conventions.change_importation"
    http_method_names = ["post", "options"]

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.object = self.get_object()
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"importation": self.object}

    def get_success_url(self):
        return self.object.get_absolute_url()

    def form_invalid(self, form):
        for error in form.non_field_errors():
            messages.error(self.request, error)
        return HttpResponseRedirect(self.get_success_url())


class ImportationAnswerView(ImportationVerbView):
    form_class = ReponsesForm
    success_message = "Vos réponses sont prises en compte\u00a0: voici le nouvel aperçu."

    def get_form_kwargs(self):
        try:
            questions = self.apercu.questions
        except ImportRefuse:
            questions = []
        return super().get_form_kwargs() | {"questions": questions}


class ImportationConfirmView(ImportationVerbView):
    form_class = ConfirmationForm
    success_message = "L’importation est faite\u00a0: voici son compte rendu."


class ImportationDropView(ImportationVerbView):
    form_class = AbandonForm
    success_message = "L’importation est abandonnée\u00a0: rien n’est écrit."
