from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import DetailView, FormView, TemplateView
from django.views.generic.detail import SingleObjectMixin

from conventions.forms.fusions import FusionForm, FusionUndoForm
from conventions.models import FusionOrganisation, Organisation
from conventions.operations.annuaire import doublons, ressemblances
from conventions.operations.fusions import count_references
from conventions.views.annuaire import AnnuaireMixin, OrganisationMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin

CHERCHEES = 20
"""Rows a search shows; more ask for another word."""


class DoublonListView(AnnuaireMixin, TemplateView):
    """Rows that look alike; who may unite them is said on the page of the pair."""

    template_name = "conventions/doublons.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(groupes=doublons(), **kwargs)


class FusionSearchView(OrganisationMixin, DetailView):
    """The other row: one that looks alike, or one found by its name."""

    permission = "conventions.merge_organisation"
    template_name = "conventions/fusion_search.html"

    def get_context_data(self, **kwargs):
        words = self.request.GET.get("q", "").replace("\x00", "").strip()[:100]
        others = Organisation.objects.for_list().exclude(pk=self.object.pk)
        return super().get_context_data(
            mots=words,
            trouvees=others.search(words)[:CHERCHEES] if words else [],
            ressemblances=ressemblances(self.object),
            **kwargs,
        )


class FusionView(AnnuaireMixin, TransitionFormMixin, FormView):
    """Both rows side by side, what will move, what is kept."""

    form_class = FusionForm
    template_name = "conventions/fusion.html"

    @cached_property
    def pair(self):
        rows = Organisation.objects.visible_to(self.request.user).actives()
        rows = rows.select_related("departement", "territoire", "commune")
        if self.kwargs["pk"] == self.kwargs["autre"]:
            raise Http404
        return [get_object_or_404(rows, pk=self.kwargs[name]) for name in ("pk", "autre")]

    @cached_property
    def may_merge(self):
        first, second = self.pair
        fusion = FusionOrganisation(gardee=first, absorbee=second)
        return self.request.user.has_perm("conventions.add_fusionorganisation", fusion)

    def dispatch(self, request, *args, **kwargs):
        if (
            request.user.is_authenticated
            and request.user.has_perm("conventions.view_directory", request.user)
            and not self.may_merge
        ):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"pair": self.pair}

    def get_context_data(self, **kwargs):
        counts = count_references(self.pair)
        return super().get_context_data(
            cotes=[(row, counts[row.pk]) for row in self.pair],
            url_back=self.pair[0].get_absolute_url(),
            **kwargs,
        )

    @property
    def success_message(self):
        return f"« {self.object.absorbee} » est réunie à « {self.object.gardee} ». Cela se défait sur cette page."

    def get_success_url(self):
        return self.object.gardee.get_absolute_url()


class FusionUndoView(AnnuaireMixin, PermissionMixin, SingleObjectMixin, TransitionFormMixin, FormView):
    queryset = FusionOrganisation.objects.select_related("gardee", "absorbee", "auteur")
    permission = "conventions.undo_fusionorganisation"
    form_class = FusionUndoForm
    template_name = "conventions/fusion_undo.html"
    context_object_name = "fusion"

    def get_queryset(self):
        return self.queryset.filter(annulee_le=None)

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and request.user.has_perm(
            "conventions.view_directory", request.user
        ):
            self.object = self.get_object()
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"fusion": self.object}

    def get_context_data(self, **kwargs):
        moved = sum(len(row["lignes"]) for row in self.object.deplacements if row["verbe"] == "deplacer")
        united = [row["libelle"] for row in self.object.deplacements if row["verbe"] == "retirer"]
        return super().get_context_data(fusion=self.object, deplacees=moved, retirees=united, **kwargs)

    @property
    def success_message(self):
        return f"La fusion est défaite : « {self.object.absorbee} » est de nouveau dans l’annuaire."

    def get_success_url(self):
        return self.object.absorbee.get_absolute_url()
