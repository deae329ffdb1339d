from dataclasses import dataclass

from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import CreateView, DetailView, UpdateView

from actions.forms.fiches import AvancementForm, FicheAddForm, FichePlaceForm
from actions.forms.sections import FORMSET_TITLES, SECTION_FORMS
from actions.models import (
    SECTIONS,
    Axe,
    Brouillon,
    Commentaire,
    FicheAction,
    Imputation,
    PlanActions,
    fits_in_draft,
    for_screen,
    plan_tree,
)
from actions.models.histoire import last_hand
from actions.models.liens import links_of, with_links
from actions.models.pieces import pieces_of
from actions.permissions import makes_models_here
from actions.views.base import FicheMixin, VerbView
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import TransitionFormMixin, WhileOpenMixin

SUIVIES = frozenset({"suivi"})
"""Sections that stay open after the text is validated: news go on."""
DERNIER_DEPLACEMENT = "dernier_deplacement"
"""In the session: the last move of the person, offered back while the plan is as it left it."""
TITRES = {section.slug: section.titre for section in SECTIONS}


def branches_of(plan):
    """The whole plan, archived fiches left out, for choosing a place in it."""
    fiches = FicheAction.objects.filter(plan=plan).actives().in_plan_order().select_related("plan")
    axes = Axe.objects.filter(plan=plan).prefetch_related("objectifs")
    return plan_tree(axes, fiches)


@dataclass(frozen=True)
class Rubrique:
    """A section of the fiche on its page."""

    slug: str
    titre: str
    numero: int
    template: str
    manques: list[str]
    commentaires: list[Commentaire]
    verbe: str
    """The permission that opens it, as in ``can.change``."""

    @property
    def ouverts(self):
        return [remark for remark in self.commentaires if remark.resolu_le is None]

    @property
    def resolus(self):
        return [remark for remark in self.commentaires if remark.resolu_le is not None]


def rubriques_of(fiche):
    manques = fiche.manques()
    remarks = fiche.commentaires.all()
    return [
        Rubrique(
            section.slug,
            section.titre,
            numero,
            f"actions/partials/rubriques/{section.slug}.html",
            [sentence for slug, sentence in manques if slug == section.slug],
            [remark for remark in remarks if remark.section == section.slug],
            "follow" if section.slug in SUIVIES else "change",
        )
        for numero, section in enumerate(SECTIONS, start=1)
    ]


class FicheView(FicheMixin, DetailView):
    permission = "actions.view_ficheaction"
    template_name = "actions/fiche.html"
    queryset = FicheAction.objects.all()

    def get_queryset(self):
        user = self.request.user
        money = Imputation.objects.rows_for_page(user)
        mine = Brouillon.objects.filter(user=user, fiche=OuterRef("pk"))
        return with_links(for_screen(super().get_queryset()), user).annotate(
            fait_des_modeles=makes_models_here(user),
            rows_financements=money,
            brouillons_a_moi=ArraySubquery(mine.values("section")),
        )

    def get_context_data(self, **kwargs):
        fiche = self.object
        return super().get_context_data(
            rubriques=rubriques_of(fiche),
            # The decisions that touch the fiche, through the reverse relation of governance.
            effets=fiche.effets.select_related("decision").order_by("-decision__annee", "-decision__rang"),
            pieces=pieces_of(fiche),
            liens=links_of(fiche),
            generaux=[remark for remark in fiche.commentaires.all() if not remark.section],
            **kwargs,
        )


def warn_of_shared_code(request, fiche):
    if others := fiche.same_code(request.user):
        titles = ", ".join(f"« {other.intitule} »" for other in others)
        messages.warning(
            request,
            f"Le n° {fiche.code} est aussi celui de {titles}. C’est enregistré ; changez-le s’il s’agit d’une erreur.",
        )


class FicheAddView(InConventionMixin, TransitionFormMixin, CreateView):
    convention_permission = "conventions.change_convention"
    form_class = FicheAddForm
    template_name = "actions/fiche_add.html"
    room = "plan"
    success_message = "La fiche est créée, en brouillon. Remplissez ses rubriques une à une."

    def get_form_kwargs(self):
        plan = get_object_or_404(PlanActions.objects.select_related("convention"), convention=self.convention)
        return super().get_form_kwargs() | {
            "instance": FicheAction(plan=plan),
            "branches": branches_of(plan),
            "initial": {"place": self.request.GET.get("place", "")},
        }

    def form_valid(self, form):
        response = super().form_valid(form)
        if self.object:
            warn_of_shared_code(self.request, self.object)
        return response


class SectionEditView(WhileOpenMixin, FicheMixin, UpdateView):
    """One section, saved alone. The row is locked while it is saved, so that two people are told of each other."""

    template_name = "actions/section_form.html"
    role_permission = "actions.write_ficheaction"

    @property
    def section(self):
        return self.kwargs["section"]

    @property
    def permission(self):
        verb = "follow" if self.section in SUIVIES else "change"
        return f"actions.{verb}_ficheaction"

    @property
    def ancre(self):
        return self.section

    @property
    def brouillon_section(self):
        """The name its drafts are kept under."""
        return self.section

    @cached_property
    def brouillon(self):
        """What this person typed here and did not save, if anything."""
        mine = Brouillon.objects.visible_to(self.request.user).filter(fiche=self.object)
        return mine.filter(section=self.brouillon_section).first()

    @property
    def is_resumed(self):
        return self.request.method == "GET" and "brouillon" in self.request.GET and self.brouillon is not None

    def get_titre(self):
        return TITRES[self.section]

    def get_form_kwargs(self):
        """A draft taken up again is read as if it had just been sent: the form shows its errors and its conflicts."""
        kwargs = super().get_form_kwargs()
        return kwargs | {"data": self.brouillon.as_data()} if self.is_resumed else kwargs

    def get_form_class(self):
        if self.section not in SECTION_FORMS:
            raise Http404
        return SECTION_FORMS[self.section]

    def get_queryset(self):
        fiches = super().get_queryset()
        return fiches.select_for_update(of=("self",)) if self.request.method == "POST" else fiches

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        form.save()
        if self.brouillon:
            self.brouillon.delete()
        messages.success(self.request, f"« {self.get_titre()} » est enregistrée.")
        if "code" in form.changed_data:
            warn_of_shared_code(self.request, self.object)
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#{self.ancre}")

    def form_invalid(self, form):
        """What is refused is kept too: the tab may be closed before it is mended."""
        if fits_in_draft(self.request.POST):
            Brouillon.keep(self.object, self.brouillon_section, self.request.POST, by=self.request.user)
        return super().form_invalid(form)

    def get_context_data(self, **kwargs):
        section, user = self.brouillon_section, self.request.user
        context = super().get_context_data(
            titre=self.get_titre(),
            ancre=self.ancre,
            section=section,
            brouillon=self.brouillon if self.request.method == "GET" else None,
            is_resumed=self.is_resumed,
            presences=Brouillon.objects.presences(self.object, section, sauf=user),
            **kwargs,
        )
        form = context["form"]
        if self.is_resumed:
            form.is_valid()
        context["formsets"] = [
            (formset, *FORMSET_TITLES[prefix]) for prefix, formset in form.formsets.items()
        ]
        if form.conflict:
            saved = FicheAction.objects.filter(pk=self.object.pk)
            context["enregistree"] = for_screen(saved).get()
            context["differences"] = form.differences()
            context["qui"], context["quand"] = last_hand(self.object, form.columns)
            context["rappel"] = f"actions/partials/rubriques/{self.ancre}.html"
        return context


class FichePlaceView(VerbView):
    permission = "actions.place_ficheaction"
    role_permission = "actions.coordinate_ficheaction"
    form_class = FichePlaceForm
    titre = "Déplacer la fiche dans le plan"
    texte = "Son numéro ne change pas : il se modifie dans la rubrique « Identité »."
    bouton = "Déplacer la fiche"
    success_message = "La fiche est déplacée dans le plan. « Organiser le plan » permet de l’annuler."

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code == 302:
            self.request.session[DERNIER_DEPLACEMENT] = form.fait.annulation
        return response

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"branches": branches_of(self.object.plan)}


class AvancementView(VerbView):
    permission = "actions.follow_ficheaction"
    role_permission = "actions.write_ficheaction"
    form_class = AvancementForm
    titre = "Où en est l’action"
    bouton = "Enregistrer l’avancement"

    @property
    def success_message(self):
        return f"L’action est maintenant « {self.object.get_avancement_display().lower()} »."
