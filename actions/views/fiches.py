from dataclasses import dataclass

from django.contrib import messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import CreateView, DetailView, UpdateView

from actions.description import TITRES_ANNEXES, RubriqueLue, read_for_screen
from actions.forms.fiches import AvancementForm, FicheAddForm, FichePlaceForm
from actions.forms.sections import FORMSET_TITLES, SECTION_FORMS
from actions.models import (
    SECTIONS,
    Avis,
    Axe,
    Brouillon,
    FicheAction,
    Imputation,
    PlanActions,
    SectionDemandee,
    complements_of,
    complete_section,
    for_screen,
    plan_tree,
)
from actions.models.histoire import last_hand
from actions.models.lecture import with_effets
from actions.models.liens import links_of, with_links
from actions.models.pieces import pieces_of
from actions.permissions import makes_models_here
from actions.views.base import FicheMixin, VerbView
from actions.views.fils import Fil, Fils
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import StateMovedError, TransitionFormMixin, WhileOpenMixin
from ctg_portal.session import fits, forget_words, kept_words, session_end, sign_author

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
    lue: RubriqueLue
    """What it says."""
    manques: list[str]
    ouverts: list[Fil]
    """Threads that are not resolved, answered or not."""
    resolus: list[Fil]
    verbe: str
    """The permission that opens it, as in ``can.change``."""
    demandee: SectionDemandee | None
    """What the CAF asked of it, in a fiche « à compléter »."""
    verrou: str
    """Why it is locked; empty when it is not."""


def rubriques_of(fiche, lues, fils, complements):
    manques = fiche.manques()
    return [
        Rubrique(
            section.slug,
            section.titre,
            numero,
            lues[section.slug],
            [sentence for slug, sentence in manques if slug == section.slug],
            fils.en_suspens(section.slug),
            fils.resolus(section.slug),
            "follow" if section.slug in SUIVIES else "change",
            complements.of(section.slug),
            complements.refus(section.slug) if complements.is_locked(section.slug) else "",
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
        return with_effets(with_links(for_screen(super().get_queryset()), user)).annotate(
            fait_des_modeles=makes_models_here(user),
            rows_financements=money,
            brouillons_a_moi=ArraySubquery(mine.values("section")),
            rows_avis=Avis.objects.rows_for_fiche(),
        )

    def get_context_data(self, **kwargs):
        fiche, user = self.object, self.request.user
        fils = Fils.of(fiche, user, self.request.GET.get("fils", ""))
        complements = complements_of(fiche)
        lues = read_for_screen(fiche)
        return super().get_context_data(
            rubriques=rubriques_of(fiche, lues, fils, complements),
            annexes={slug: lues[slug].rubrique.titre for slug in TITRES_ANNEXES},
            fils=fils,
            complements=complements,
            avis=[Avis.from_row(row, fiche) for row in fiche.rows_avis],
            generaux={"ouverts": fils.en_suspens(""), "resolus": fils.resolus("")},
            pieces=pieces_of(fiche),
            liens=links_of(fiche),
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
    keeps_words = True
    is_lockable = True
    """Whether a « à compléter » that names other sections locks it."""

    def refusal(self, fiche):
        """Why the section is locked by what the CAF asked, or nothing."""
        complements = complements_of(fiche)
        locked = self.is_lockable and complements.is_locked(self.section)
        return complements.refus(self.section) if locked else ""

    def check_permission(self, fiche):
        super().check_permission(fiche)
        if self.section in TITRES and self.request.method != "POST" and self.refusal(fiche):
            raise StateMovedError(fiche)

    def state_sentence(self, fiche):
        return self.refusal(fiche) or super().state_sentence(fiche)

    def refuse_when_moved(self, form):
        if refusal := self.refusal(self.object):
            form.add_error(None, f"{refusal} Votre saisie est gardée ci-dessous : copiez-la.")
            return self.form_invalid(form)
        return super().refuse_when_moved(form)

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

    @cached_property
    def reprise(self):
        """What fills the form in the place of what is saved: words sent when the session had ended, or the draft asked for."""
        if self.request.method != "GET":
            return None
        if words := kept_words(self.request):
            return words
        return self.brouillon.as_data() if "brouillon" in self.request.GET and self.brouillon else None

    def get_titre(self):
        return TITRES[self.section]

    def get_form_kwargs(self):
        """What is taken up again is read as if it had just been sent: the form shows its errors and its conflicts."""
        kwargs = super().get_form_kwargs()
        return kwargs | {"data": self.reprise} if self.reprise is not None else kwargs

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
        complete_section(self.object, self.section, by=self.request.user)
        form.announce(by=self.request.user)
        if self.brouillon:
            self.brouillon.delete()
        forget_words(self.request)
        messages.success(self.request, f"« {self.get_titre()} » est enregistrée.")
        if "code" in form.changed_data:
            warn_of_shared_code(self.request, self.object)
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#{self.ancre}")

    def form_invalid(self, form):
        """What is refused is kept too: the tab may be closed before it is mended."""
        if fits(self.request.POST):
            Brouillon.keep(self.object, self.brouillon_section, self.request.POST, by=self.request.user)
        return super().form_invalid(form)

    def get_context_data(self, **kwargs):
        section, user = self.brouillon_section, self.request.user
        context = super().get_context_data(
            titre=self.get_titre(),
            ancre=self.ancre,
            section=section,
            brouillon=self.brouillon if self.request.method == "GET" else None,
            is_resumed=self.reprise is not None,
            is_reconnected=self.request.method == "GET" and kept_words(self.request) is not None,
            auteur=sign_author(user),
            session_fin=session_end(self.request),
            presences=Brouillon.objects.presences(self.object, section, sauf=user),
            **kwargs,
        )
        form = context["form"]
        if self.reprise is not None:
            form.is_valid()
        context["formsets"] = [
            (formset, *FORMSET_TITLES[prefix]) for prefix, formset in form.formsets.items()
        ]
        if form.conflict:
            saved = FicheAction.objects.filter(pk=self.object.pk)
            context["enregistree"] = with_effets(for_screen(saved)).get()
            context["differences"] = form.differences()
            context["qui"], context["quand"] = last_hand(self.object, form.columns)
            context["rappel"] = read_for_screen(context["enregistree"])[self.ancre]
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
