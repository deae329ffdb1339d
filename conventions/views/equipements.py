from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.generic import CreateView, TemplateView, UpdateView
from django_filters.views import FilterView

from conventions.filters import EquipementFilter
from conventions.forms.equipements import EquipementForm, FermetureForm, SuppressionForm
from conventions.mixins import InConventionMixin
from conventions.models import Equipement, offre_services
from conventions.operations.importeurs import EquipementsImporteur
from ctg_portal.mixins import TransitionFormMixin
from ctg_portal.permissions import Can
from ctg_portal.tableurs import csv_response, write_csv, write_xlsx, xlsx_response


class OfTerritoireMixin(InConventionMixin):
    """Équipements belong to the territoire: those of another one are not found."""

    room = "convention"
    convention_lookup = "territoire__conventions"

    def get_context_data(self, **kwargs):
        return super().get_context_data(can=Can(self.request.user, self.convention), **kwargs)

    def get_success_url(self):
        return reverse("conventions:equipements", args=[self.convention.code])


class EquipementListView(OfTerritoireMixin, FilterView):
    queryset = Equipement.objects.for_list()
    filterset_class = EquipementFilter
    template_name = "conventions/equipements.html"
    context_object_name = "equipements"
    paginate_by = 50

    def get_queryset(self):
        return super().get_queryset().with_lignes(self.convention)


class EquipementExportView(OfTerritoireMixin, FilterView):
    """The rows of the list, all its pages, with the columns that the import reads back."""

    queryset = Equipement.objects.for_list()
    filterset_class = EquipementFilter

    def render_to_response(self, context, **kwargs):
        name = f"equipements-{self.convention.territoire.slug}-{timezone.localdate():%Y-%m-%d}"
        sheet = EquipementsImporteur.sheet("Équipements", context["object_list"])
        if self.kwargs["extension"] == "csv":
            return csv_response(write_csv(sheet), f"{name}.csv")
        if self.kwargs["extension"] == "xlsx":
            title = f"Équipements, {self.convention.territoire}"
            return xlsx_response(write_xlsx([sheet], titre=title), f"{name}.xlsx")
        raise Http404


class OffreServicesView(InConventionMixin, TemplateView):
    room = "convention"
    template_name = "conventions/offre_services.html"

    def get_context_data(self, **kwargs):
        familles = offre_services(self.convention.territoire)
        return super().get_context_data(
            familles=familles,
            nombre=sum(famille.nombre for famille in familles),
            can=Can(self.request.user, self.convention),
            **kwargs,
        )


class EquipementFormMixin(OfTerritoireMixin):
    convention_permission = "conventions.change_convention"
    form_class = EquipementForm
    template_name = "conventions/equipement_form.html"
    queryset = Equipement.objects.select_related("type", "commune", "gestionnaire")

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"convention": self.convention}

    def form_valid(self, form):
        equipement = form.save()
        messages.success(self.request, f"«\u00a0{equipement}\u00a0» est enregistré.")
        return HttpResponseRedirect(self.get_success_url())


class EquipementAddView(EquipementFormMixin, CreateView):
    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": Equipement(territoire=self.convention.territoire)}

    def get_context_data(self, **kwargs):
        return super().get_context_data(titre="", **kwargs)


class EquipementEditView(EquipementFormMixin, UpdateView):
    def get_context_data(self, **kwargs):
        # Read anew: refused input changes no title.
        titre = self.get_queryset().get(pk=self.object.pk).nom
        return super().get_context_data(titre=titre, **kwargs)


class EquipementVerbView(OfTerritoireMixin, TransitionFormMixin, UpdateView):
    convention_permission = "conventions.change_convention"
    queryset = Equipement.objects.select_related("type", "commune")
    context_object_name = "equipement"

    def get_context_data(self, **kwargs):
        return super().get_context_data(manque=self.object.missing_before_delete(), **kwargs)


class EquipementCloseView(EquipementVerbView):
    form_class = FermetureForm
    template_name = "conventions/equipement_close.html"
    success_message = "La fermeture est enregistrée\u00a0: l’équipement reste au registre."


class EquipementDeleteView(EquipementVerbView):
    form_class = SuppressionForm
    template_name = "conventions/equipement_delete.html"
    success_message = "L’équipement est supprimé du registre."
