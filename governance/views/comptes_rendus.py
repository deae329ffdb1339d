"""The minutes of a meeting: written, read, submitted, approved by both sides; the meeting opened again."""

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, UpdateView

from conventions.mixins import InConventionMixin
from conventions.operations.impressions import ask_impression
from conventions.views.impressions import impression_redirect
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.workflow import TransitionError
from governance.actes import acte_docx, acte_html
from governance.comptes_rendus import (
    compte_rendu_acte,
    cotes_of,
    draft_compte_rendu,
    filename,
    releve_acte,
    submit,
    take_back,
)
from governance.forms.comptes_rendus import (
    PartieForm,
    PartieRemoveForm,
    ReopenForm,
    ReprendreNotesForm,
    SuiteForm,
    VisaForm,
)
from governance.models import CompteRendu, Decision, PartieCompteRendu, Reunion, VisaCompteRendu
from governance.reprises import reprises_of
from governance.views.actes import docx_response
from governance.views.decisions import DecisionMixin
from governance.views.reunions import ReunionMixin


class CompteRenduMixin(ReunionMixin):
    """The object is the meeting; ``compte_rendu`` its minutes, or ``None``."""

    permission = "governance.view_reunion"

    @cached_property
    def compte_rendu(self):
        rows = CompteRendu.objects.select_related("document", "auteur").filter(reunion=self.object)
        found = rows.prefetch_related("document__visas", "parties").first()
        if found is not None:
            found.reunion = self.object
        return found

    def require(self):
        if self.compte_rendu is None:
            raise Http404
        return self.compte_rendu

    def url_here(self):
        return reverse("governance:compte_rendu", args=[self.convention.code, self.kwargs["pk"]])


class CompteRenduView(CompteRenduMixin, DetailView):
    """The parts for who writes them; for every reader where the minutes stand, and the versions that were submitted."""

    template_name = "governance/compte_rendu.html"

    def get_context_data(self, **kwargs):
        user = self.request.user
        compte_rendu = self.compte_rendu
        cotes = cotes_of(user, self.convention)
        shown = compte_rendu is not None and user.has_perm("governance.coordinate_reunion", self.object)
        return super().get_context_data(
            compte_rendu=compte_rendu,
            acte=compte_rendu_acte(compte_rendu) if shown else None,
            reprises=reprises_of(compte_rendu) if shown and compte_rendu.is_redaction else [],
            documents=self.object.documents.filter(nature__in=("compte_rendu", "releve"))
            .without_content()
            .order_by("-version", "nature"),
            visas=VisaCompteRendu.objects.filter(compte_rendu=compte_rendu).select_related("document")
            if compte_rendu and cotes
            else [],
            attend_visa=bool(
                compte_rendu
                and compte_rendu.statut == CompteRendu.Statut.SOUMIS
                and set(cotes) - compte_rendu.cotes_donnees
            ),
            reouvertures=self.object.reouvertures.select_related("par"),
            **kwargs,
        )


class CompteRenduActionView(CompteRenduMixin, DetailView):
    """One press on the minutes: a verb, and a sentence whatever comes of it."""

    permission = "governance.minute_reunion"
    http_method_names = ["post"]
    said = ""

    def act(self):
        raise NotImplementedError

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        try:
            self.act()
        except TransitionError as refus:
            messages.error(request, str(refus))
        else:
            messages.success(request, self.said)
        return HttpResponseRedirect(self.url_here())


class CompteRenduDraftView(CompteRenduActionView):
    said = "Le compte rendu est commencé, à partir des notes de séance."

    def act(self):
        draft_compte_rendu(self.object, by=self.request.user)


class CompteRenduSubmitView(CompteRenduActionView):
    said = "Le compte rendu et le relevé de décisions sont figés et soumis à l’intercommunalité et à la CAF."

    def act(self):
        submit(self.require(), by=self.request.user)


class CompteRenduNotesView(CompteRenduActionView):
    said = "Les notes sont dans le compte rendu, à la fin de leur partie."

    def act(self):
        form = ReprendreNotesForm(self.request.POST)
        if not form.is_valid():
            raise TransitionError("Choisissez des notes à reprendre.")
        form.take(self.require())


class CompteRenduTakeBackView(CompteRenduActionView):
    said = "Le compte rendu est de nouveau en rédaction\u00a0; ce qui était soumis reste tel quel."

    def act(self):
        take_back(self.require())


class CompteRenduFileView(CompteRenduMixin, DetailView):
    """The minutes or the relevé as they are now, in Word or, asked by POST, in PDF."""

    permission = "governance.coordinate_reunion"

    def acte(self):
        if self.kwargs["nom"] == "releve":
            return releve_acte(self.object, self.object.get_statut_display())
        if self.kwargs["nom"] != "compte-rendu":
            raise Http404
        return compte_rendu_acte(self.require())


class CompteRenduDocxView(CompteRenduFileView):
    def render_to_response(self, context, **kwargs):
        acte = self.acte()
        return docx_response(acte_docx(acte, self.convention), filename(self.object, acte.nom, "docx"))


class CompteRenduPdfView(CompteRenduFileView):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        acte = self.acte()
        impression = ask_impression(
            convention=self.convention,
            html=acte_html(acte, self.convention),
            titre=acte.titre,
            nom_fichier=filename(self.object, acte.nom, "pdf"),
            by=request.user,
        )
        return impression_redirect(impression, self.convention.code, self.url_here())


class VisaView(TransitionFormMixin, CompteRenduMixin, UpdateView):
    """The object found is the meeting; what the form saves is the word of one side."""

    permission = "governance.endorse_reunion"
    form_class = VisaForm
    template_name = "governance/visa_form.html"
    success_message = "Votre avis est enregistré."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {
            "instance": VisaCompteRendu(),
            "compte_rendu": self.require(),
            "user": self.request.user,
        }

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            reunion=get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"]),
            compte_rendu=self.compte_rendu,
            **kwargs,
        )

    def get_success_url(self):
        return self.url_here()


class ReopenView(TransitionFormMixin, WhileOpenMixin, CompteRenduMixin, UpdateView):
    permission = "governance.reopen_reunion"
    role_permission = "governance.coordinate_reunion"
    form_class = ReopenForm
    template_name = "governance/reopen.html"
    success_message = "La réunion est rouverte. Le compte rendu est de nouveau en rédaction."

    def state_sentence(self, reunion):
        return f"La réunion est «\u00a0{reunion.get_statut_display().lower()}\u00a0»\u00a0: il n’y a rien à rouvrir."

    def get_success_url(self):
        return self.url_here()


class PartieMixin(InConventionMixin, WhileOpenMixin, PermissionMixin):
    queryset = PartieCompteRendu.objects.select_related(
        "compte_rendu__reunion__instance__convention__territoire", "point"
    )
    convention_lookup = "compte_rendu__reunion__instance__convention"
    context_object_name = "partie"
    permission = "governance.change_partiecompterendu"
    role_permission = "governance.coordinate_partiecompterendu"
    room = "gouvernance"

    def get_queryset(self):
        parties = super().get_queryset().filter(compte_rendu__reunion=self.kwargs["reunion"])
        return parties.select_for_update(of=("self",)) if self.request.method == "POST" else parties

    def state_sentence(self, partie):
        statut = partie.compte_rendu.get_statut_display().lower()
        return f"Le compte rendu est maintenant «\u00a0{statut}\u00a0»\u00a0: il ne se modifie plus."

    def get_success_url(self):
        return self.object.compte_rendu.get_absolute_url()


class PartieEditView(PartieMixin, UpdateView):
    form_class = PartieForm
    template_name = "governance/partie_form.html"

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code == 302:
            messages.success(self.request, "La partie est enregistrée.")
        return response


class PartieRemoveView(PartieMixin, TransitionFormMixin, UpdateView):
    form_class = PartieRemoveForm
    template_name = "governance/partie_remove.html"
    success_message = "La partie est retirée du compte rendu."


class PartieAddView(WhileOpenMixin, CompteRenduMixin, UpdateView):
    """The object found is the meeting; what the form saves is a part of its minutes."""

    permission = "governance.write_compte_rendu"
    role_permission = "governance.coordinate_reunion"
    form_class = PartieForm
    template_name = "governance/partie_form.html"

    def state_sentence(self, reunion):
        return "Le compte rendu ne se modifie plus, ou n’est pas commencé."

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"instance": PartieCompteRendu(compte_rendu=self.require())}

    def get_success_url(self):
        return self.url_here()


class SuiteAddView(TransitionFormMixin, WhileOpenMixin, DecisionMixin, UpdateView):
    """The object found is the decision; what the form saves is how far it is."""

    permission = "governance.complete_decision"
    role_permission = "governance.coordinate_decision"
    form_class = SuiteForm
    template_name = "governance/suite_form.html"
    success_message = "La suite de la décision est enregistrée."

    def state_sentence(self, decision):
        return f"La décision {decision} n’est plus ouverte."

    @cached_property
    def reunion(self):
        """The meeting the page was opened from, if it is one of this convention."""
        asked = self.request.GET.get("reunion", "")
        if not asked.isdecimal() or len(asked) > 15:
            return None
        return (
            Reunion.objects.filter(instance__convention=self.convention, pk=int(asked))
            .select_related("instance")
            .first()
        )

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"reunion": self.reunion}

    def get_success_url(self):
        if self.reunion is not None:
            return f"{reverse('governance:seance', args=[self.convention.code, self.reunion.pk])}#ouvertes"
        return Decision.get_absolute_url(self.object)
