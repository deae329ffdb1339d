from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, FormView, View
from django.views.generic.detail import SingleObjectMixin

from actions import permissions_tableur  # noqa: F401 - its rules are read by name
from actions.models import Axe, EnvoiPlan, FicheAction
from actions.tableur import demande, travaux
from actions.tableur.apercu import Apercu, Genre, Sorte
from actions.tableur.confirmation import ApercuPerimeError
from actions.tableur.contenu import Contenu
from actions.tableur.export import write_classeur
from actions.tableur.saisie import (
    AbandonEnvoiForm,
    ColonnesForm,
    ConfirmationEnvoiForm,
    FeuilleForm,
    FichierPlanForm,
    ImportPlanForm,
    RepriseForm,
)
from actions.tableur.tableau import first_rows, sheets_of, suggest, tableau_of
from actions.views.plan import PlanMixin
from conventions.mixins import InConventionMixin
from conventions.views.impressions import impression_redirect
from ctg_portal.imports import ImportRefuse
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin
from ctg_portal.mots import words_of
from ctg_portal.tableurs import xlsx_response
from ctg_portal.workflow import TransitionError

OBJETS_PAR_PAGE = 40
REFUS_PAR_PAGE = 200


class EnvoiSendMixin(PlanMixin, SingleObjectMixin):
    """A page that takes a file; refused, it comes back with the sentence."""

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.object = self.get_object()
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"convention": self.convention}

    def form_valid(self, form):
        try:
            envoi = form.save(by=self.request.user)
        except ValidationError as error:
            form.add_error("fichier", error)
            return self.form_invalid(form)
        return HttpResponseRedirect(self.next_url(envoi))

    def next_url(self, envoi):
        return envoi.get_absolute_url()


class TableurView(EnvoiSendMixin, FormView):
    """The workbook: take it away, send it back, and what was sent before."""

    permission = "actions.send_back_planactions"
    form_class = FichierPlanForm
    template_name = "actions/tableur.html"

    def get_context_data(self, **kwargs):
        envois = EnvoiPlan.objects.read_by(self.request.user).filter(convention=self.convention)
        fiches = FicheAction.objects.visible_to(self.request.user).filter(plan=self.object).actives()
        return super().get_context_data(
            envois=envois.vivants().for_list()[:10],
            is_long=fiches.count() > demande.SANS_ATTENDRE,
            **kwargs,
        )


class TableurExportView(PlanMixin, SingleObjectMixin, View):
    """The workbook at once when it is short; a long one is asked for, and awaited on its page."""

    permission = "actions.send_back_planactions"

    def get(self, request, *args, **kwargs):
        contenu = Contenu(self.get_object(), request.user)
        if len(contenu.fiches) > demande.SANS_ATTENDRE:
            messages.info(request, "Ce plan est long\u00a0: demandez son classeur depuis cette page.")
            return HttpResponseRedirect(self.url_tableur)
        return xlsx_response(write_classeur(contenu), demande.classeur_name(contenu.plan))

    def post(self, request, *args, **kwargs):
        plan = self.get_object()
        total = FicheAction.objects.visible_to(request.user).filter(plan=plan).actives().count()
        if total <= demande.SANS_ATTENDRE:
            return HttpResponseRedirect(request.path)
        impression = demande.ask_classeur(
            plan, by=request.user, total=total, prevenir="courriel" in request.POST
        )
        return impression_redirect(impression, self.convention.code, self.url_tableur)

    @property
    def url_tableur(self):
        return reverse("actions:tableur", args=[self.convention.code])


class ImportPlanView(EnvoiSendMixin, FormView):
    """First step of the import of a plan made elsewhere: its file."""

    permission = "actions.import_planactions"
    form_class = ImportPlanForm
    template_name = "actions/import_plan.html"

    def next_url(self, envoi):
        return reverse("actions:import_feuille", args=[self.convention.code, envoi.pk])


class EnvoiMixin(InConventionMixin, PermissionMixin):
    room = "plan"
    queryset = EnvoiPlan.objects.select_related(
        "convention__territoire__departement", "convention__principale", "auteur"
    ).defer("contenu")
    template_name = "actions/envoi.html"
    context_object_name = "envoi"

    @cached_property
    def apercu(self):
        return Apercu.from_json(self.object.rapport)

    def get_template_names(self):
        return ["actions/envoi_travail.html"] if self.object.travail else super().get_template_names()

    def get_context_data(self, **kwargs):
        if self.object.travail:
            return super().get_context_data(is_left_waiting=travaux.is_left_waiting(self.object), **kwargs)
        apercu, envoi = self.apercu, self.object
        form = kwargs.pop("form", None) or ConfirmationEnvoiForm(envoi=envoi, apercu=apercu)
        shown = [
            (objet, [c for c in objet.cellules if c.sorte is not Sorte.REFUS]) for objet in apercu.objets
        ]
        page = Paginator([pair for pair in shown if pair[1]], OBJETS_PAR_PAGE).get_page(
            self.request.GET.get("page")
        )
        refus = apercu.of(Sorte.REFUS)
        return super().get_context_data(
            apercu=apercu,
            form=form,
            page_obj=page,
            objets=[(objet, [_drawn(cellule) for cellule in cells]) for objet, cells in page],
            conflits=[
                (objet, cellule, form[f"conflit-{cellule.cle}"], words_of(cellule.avant, cellule.apres))
                for objet in apercu.objets
                for cellule in objet.cellules
                if cellule.sorte is Sorte.CONFLIT
            ],
            retraits=[
                (retrait, None if retrait.refus else form[f"retrait-{retrait.cle}"])
                for retrait in apercu.retraits
            ],
            refus=refus[:REFUS_PAR_PAGE],
            refus_de_plus=max(0, len(refus) - REFUS_PAR_PAGE),
            nouveaux=sum(
                objet.genre is Genre.NOUVEAU and any(cellule.is_ecrite for cellule in objet.cellules)
                for objet in apercu.objets
            ),
            **kwargs,
        )


def _drawn(cellule):
    """A cell with the words that change in it, for a text that is changed and not written."""
    is_text = bool(cellule.avant and cellule.apres) and len(cellule.avant) + len(cellule.apres) > 40
    return cellule, words_of(cellule.avant, cellule.apres) if is_text else None


class EnvoiView(EnvoiMixin, DetailView):
    """The preview of a file, or the report of what it did."""

    permission = "actions.view_envoiplan"

    def get(self, request, *args, **kwargs):
        self.object = envoi = self.get_object()
        if envoi.is_a_decrire and request.headers.get("HX-Target") != "travail":
            # The way goes on where it stopped.
            if envoi.echec:
                messages.warning(request, envoi.echec)
            return HttpResponseRedirect(
                reverse("actions:import_feuille", args=[self.convention.code, envoi.pk])
            )
        if request.headers.get("HX-Target") == "travail" and not envoi.travail:
            # What the page waited for is done: it is another page now.
            return HttpResponse(headers={"HX-Refresh": "true"})
        return self.render_to_response(self.get_context_data())


class EnvoiNowView(EnvoiMixin, SingleObjectMixin, View):
    """Read or written in the request, when no worker is there to do it."""

    permission = "actions.change_envoiplan"

    def post(self, request, *args, **kwargs):
        envoi = self.get_object()
        if travaux.is_left_waiting(envoi):
            travaux.do_now(envoi)
        return HttpResponseRedirect(envoi.get_absolute_url())


class EnvoiVerbView(EnvoiMixin, SingleObjectMixin, TransitionFormMixin, FormView):
    permission = "actions.change_envoiplan"
    http_method_names = ["post", "options"]

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.object = self.get_object()
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"envoi": self.object}

    def get_success_url(self):
        return self.object.get_absolute_url()


class ImportEtapeView(InConventionMixin, PermissionMixin, SingleObjectMixin, TransitionFormMixin, FormView):
    """A step between the file and its preview: what is answered is kept, and may be changed until it is confirmed."""

    room = "plan"
    permission = "actions.change_envoiplan"
    context_object_name = "envoi"
    queryset = EnvoiPlan.objects.filter(nature=EnvoiPlan.Nature.PLAN).select_related(
        "convention__territoire__departement", "convention__principale", "auteur"
    )

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated:
            self.object = self.get_object()
            if self.object.statut != EnvoiPlan.Statut.A_CONFIRMER:
                messages.info(
                    request, "Cet import est terminé\u00a0: envoyez le fichier de nouveau pour recommencer."
                )
                return HttpResponseRedirect(self.object.get_absolute_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)


class ImportFeuilleView(ImportEtapeView):
    form_class = FeuilleForm
    template_name = "actions/import_feuille.html"

    @cached_property
    def grilles(self):
        return sheets_of(self.object)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"envoi": self.object, "grilles": self.grilles}

    def get_success_url(self):
        return reverse("actions:import_colonnes", args=[self.convention.code, self.object.pk])

    def get_context_data(self, **kwargs):
        asked = self.request.GET.get("feuille") or self.object.reponses.get("feuille")
        grille = next((g for g in self.grilles if g.titre == asked), self.grilles[0])
        return super().get_context_data(grille=grille, debut=first_rows(grille), **kwargs)


class ImportColonnesView(ImportEtapeView):
    form_class = ColonnesForm
    template_name = "actions/import_colonnes.html"

    def get(self, request, *args, **kwargs):
        try:
            return super().get(request, *args, **kwargs)
        except ImportRefuse as refus:
            messages.warning(request, str(refus))
            return HttpResponseRedirect(
                reverse("actions:import_feuille", args=[self.convention.code, self.object.pk])
            )

    @cached_property
    def tableau(self):
        return tableau_of(self.object)

    @cached_property
    def suggestion(self):
        return suggest(self.object, self.tableau)

    def get_form_kwargs(self):
        colonnes, _ = self.suggestion
        return super().get_form_kwargs() | {
            "envoi": self.object,
            "tableau": self.tableau,
            "colonnes": colonnes,
            "axes": Axe.objects.filter(plan__convention=self.convention),
        }

    def get_success_url(self):
        return self.object.get_absolute_url()

    def get_context_data(self, **kwargs):
        _, phrase = self.suggestion
        return super().get_context_data(tableau=self.tableau, phrase=phrase, **kwargs)


class EnvoiConfirmView(EnvoiVerbView):
    """Refused, the preview comes back with what was chosen; when the plan moved, the new preview does."""

    form_class = ConfirmationEnvoiForm

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"apercu": self.apercu}

    def form_valid(self, form):
        try:
            envoi = form.save(by=self.request.user)
        except ApercuPerimeError as perime:
            messages.warning(self.request, str(perime))
        except TransitionError as refus:
            if not self.object.travail:
                form.add_error(None, str(refus))
                return self.form_invalid(form)
            # Pressed twice: the page of what is being done says the rest.
            messages.warning(self.request, str(refus))
        else:
            if not envoi.travail:
                messages.success(self.request, "C’est écrit dans le plan\u00a0: voici le compte rendu.")
        return HttpResponseRedirect(self.get_success_url())


class EnvoiRowView(EnvoiVerbView):
    """A row set aside comes back as an action; the preview is read again."""

    form_class = RepriseForm
    success_message = "La ligne est reprise comme une action\u00a0: voici le nouvel aperçu."
    queryset = EnvoiMixin.queryset.filter(nature=EnvoiPlan.Nature.PLAN)

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"apercu": self.apercu}

    def form_valid(self, form):
        try:
            return super().form_valid(form)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)

    def form_invalid(self, form):
        for errors in form.errors.values():
            for error in errors:
                messages.error(self.request, error)
        return HttpResponseRedirect(self.object.get_absolute_url())


class EnvoiDropView(EnvoiVerbView):
    form_class = AbandonEnvoiForm
    success_message = "L’envoi est abandonné\u00a0: rien n’est écrit, le fichier est oublié."

    def get_success_url(self):
        return reverse("actions:tableur", args=[self.convention.code])

    def form_invalid(self, form):
        for error in form.non_field_errors():
            messages.error(self.request, error)
        return HttpResponseRedirect(self.object.get_absolute_url())
