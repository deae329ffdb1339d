"""« Exporter »: the same page from the plan, from the filtered table and from a fiche; its choices are in the address."""

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, TemplateView

from actions.donnees import fiches_csv, fiches_json
from actions.filters import fiche_filter
from actions.forms.exports import ExportForm
from actions.lots import Lot
from actions.models import PlanActions
from actions.sorties import lot_filename, lot_source
from actions.views.base import FicheMixin
from conventions.mixins import InConventionMixin
from conventions.operations.impressions import FORMATS, ask_impression, draw
from conventions.permissions import roles_on
from conventions.views.impressions import file_response, impression_redirect

IMMEDIATES = {"pdf": 3, "docx": 3, "xlsx": 40}
"""Fiches of a file that are drawn while the person waits, by format; more go to the background."""
DONNEES = {
    "csv": (fiches_csv, "text/csv; charset=utf-8"),
    "json": (fiches_json, "application/json"),
}


class ExportMixin:
    """Reads the address: the filters of the list, then what of each fiche."""

    room = "plan"
    template_name = "actions/exporter.html"
    seule = False

    @cached_property
    def form(self):
        data = self.request.POST if self.request.method == "POST" else self.request.GET
        fields = {"convention": self.convention, "seule": self.seule}
        form = ExportForm(**fields)
        given = data.copy()
        if "sortie" not in given:
            given["courriel"] = "on"
        # What the address does not say is as the page first shows it.
        for name in ("sortie", "notes"):
            given.setdefault(name, form.get_initial_for_field(form.fields[name], name))
        return ExportForm(given, **fields)

    @property
    def choices(self):
        """The choices as an address says them, filters included."""
        kept = self.request.GET.copy()
        for name in ExportForm.base_fields:
            kept.pop(name, None)
        kept.pop("page", None)
        said = QueryDict(mutable=True)
        for name in ExportForm.base_fields:
            if name in self.form.fields and (values := self.form.data.getlist(name)):
                said.setlist(name, [value for value in values if value])
        kept.update(said)
        return kept.urlencode()

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            form=self.form,
            lot=self.get_lot() if self.form.is_valid() else None,
            immediates=IMMEDIATES,
            can_send_back=self.can_send_back,
            **kwargs,
        )

    @property
    def can_send_back(self):
        """Whether the workbook of the plan is theirs to take; a linked contract has none."""
        plan = PlanActions(convention=self.convention)
        return self.convention.principale_id is None and self.request.user.has_perm(
            "actions.send_back_planactions", plan
        )

    def deliver(self, url_fichier):
        """Straight to the file when it is soon made; else it is asked for, and awaited on its page."""
        lot, sortie = self.get_lot(), self.form.cleaned_data["sortie"]
        if sortie in DONNEES or len(lot.pks) <= IMMEDIATES[sortie]:
            return HttpResponseRedirect(f"{url_fichier}?{self.choices}")
        impression = ask_impression(
            convention=self.convention,
            html=lot_source(lot, sortie),
            titre=f"{lot.nom}, {self.convention}",
            nom_fichier=lot_filename(lot, sortie),
            by=self.request.user,
            sortie=sortie,
            total=len(lot.pks),
            prevenir=self.form.cleaned_data.get("courriel", False),
        )
        return impression_redirect(impression, self.convention.code, f"{self.request.path}?{self.choices}")

    def file(self, url_page):
        """The file; an address that cannot be read, or asks for much, leads to the page that says so."""
        if not self.form.is_valid():
            return HttpResponseRedirect(f"{url_page}?{self.request.GET.urlencode()}")
        lot, sortie = self.get_lot(), self.form.cleaned_data["sortie"]
        name = lot_filename(lot, sortie)
        if sortie in DONNEES:
            write, content_type = DONNEES[sortie]
            return file_response(write(lot), name, content_type)
        if not lot.pks or len(lot.pks) > IMMEDIATES[sortie]:
            messages.info(
                self.request,
                "Ce fichier se prépare depuis cette page\u00a0: vérifiez les choix, puis demandez-le.",
            )
            return HttpResponseRedirect(f"{url_page}?{self.request.GET.urlencode()}")
        return file_response(draw(sortie, lot_source(lot, sortie)), name, FORMATS[sortie].type_mime)


class PlanExportMixin(ExportMixin, InConventionMixin):
    """The fiches that the filters of the table keep; without any, the whole plan."""

    @cached_property
    def filterset(self):
        return fiche_filter(self.request.user, self.convention, self.request.GET)

    def get_lot(self):
        # A linked contract carries some fiches of a plan, never the whole of it.
        entier = not self.filterset.badges and self.convention.principale_id is None
        roles = roles_on(self.request.user, self.convention.pk)
        return Lot.of(self.convention, self.filterset.qs, self.form.choix, roles, entier=entier)


class ExportView(PlanExportMixin, TemplateView):
    def get_context_data(self, **kwargs):
        return super().get_context_data(
            filtres=self.filterset.badges, ecartes=self.filterset.ecartes, **kwargs
        )

    def post(self, request, *args, **kwargs):
        if not self.form.is_valid() or not self.get_lot().pks:
            return self.render_to_response(self.get_context_data())
        return self.deliver(reverse("actions:export_file", args=[self.convention.code]))


class ExportFileView(PlanExportMixin, TemplateView):
    def get(self, request, *args, **kwargs):
        url_page = reverse("actions:export", args=[self.convention.code])
        # A filter that names nothing would give more fiches than were asked for: the page says so first.
        if self.filterset.ecartes:
            return HttpResponseRedirect(f"{url_page}?{request.GET.urlencode()}")
        return self.file(url_page)


class FicheExportMixin(ExportMixin, FicheMixin):
    permission = "actions.view_ficheaction"
    seule = True

    def get_lot(self):
        return Lot.alone(self.object, self.form.choix)

    def url(self, name):
        return reverse(f"actions:{name}", args=[self.convention.code, self.object.pk])


class FicheExportView(FicheExportMixin, DetailView):
    def get_context_data(self, **kwargs):
        return super().get_context_data(filtres=[], ecartes=[], **kwargs)

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        if not self.form.is_valid():
            return self.render_to_response(self.get_context_data())
        return self.deliver(self.url("fiche_export_file"))


class FicheExportFileView(FicheExportMixin, DetailView):
    def render_to_response(self, context, **kwargs) -> HttpResponse:
        return self.file(self.url("fiche_export"))
