"""The formal avis of the CAF: asked, written, read, its réserves followed. ``governance`` signs it."""

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DetailView, UpdateView

from actions.forms.avis import AvisAskForm, AvisForm, ReserveAnswerForm, ReserveConcludeForm
from actions.models import Avis, Reserve, SuiteReserve
from actions.views.plan import PlanMixin
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.permissions import Can

PLAN = "plan__convention__territoire__departement"


class AvisAskView(PlanMixin, TransitionFormMixin, UpdateView):
    """The object found is the plan; what the form saves is the avis that is expected."""

    permission = "actions.ask_avis_planactions"
    form_class = AvisAskForm
    template_name = "actions/avis_ask.html"

    @property
    def is_caf(self):
        """Who reviews gives an avis without being asked: it is opened, and written next."""
        return not self.request.user.has_perm("actions.change_planactions", self.get_plan())

    @property
    def titre(self):
        return "Donner un avis" if self.is_caf else "Demander un avis de la CAF"

    @property
    def bouton(self):
        return "Ouvrir l’avis" if self.is_caf else "Demander l’avis"

    @property
    def success_message(self):
        if self.is_caf:
            return "L’avis est ouvert : il reste à l’écrire, puis à le signer."
        return "L’avis est demandé. Il figure parmi ceux que la CAF doit donner."

    def get_plan(self):
        return self.object.plan if isinstance(self.object, Avis) else self.object

    def get_form_kwargs(self):
        initial = {"fiche": self.request.GET.get("fiche", ""), "echeance": self.object.echeance_avis}
        return super().get_form_kwargs() | {
            "instance": Avis(plan=self.object),
            "initial": initial,
            "plan": self.object,
            "user": self.request.user,
        }

    def get_success_url(self):
        if self.is_caf:
            return reverse("actions:avis_edit", args=[self.convention.code, self.object.pk])
        return self.object.get_absolute_url()


class AvisMixin(InConventionMixin, PermissionMixin):
    queryset = Avis.objects.select_related(
        PLAN, "fiche__plan__convention", "fiche__axe", "demande_par", "signe_par"
    ).prefetch_related("fiche__pilotes")
    convention_lookup = "plan__convention"
    context_object_name = "avis"
    room = "plan"


@dataclass(frozen=True)
class ReserveSuivie:
    reserve: Reserve
    can: Can


class AvisView(AvisMixin, DetailView):
    """The avis as a page, and what became of each réserve. Unsigned words are shown to the CAF alone."""

    permission = "actions.view_avis"
    template_name = "actions/avis.html"

    def get_context_data(self, **kwargs):
        avis, user = self.object, self.request.user
        suites = SuiteReserve.objects.select_related("auteur")
        reserves = []
        for reserve in avis.reserves.prefetch_related(Prefetch("suites", suites)):
            reserve.avis = avis
            reserves.append(ReserveSuivie(reserve, Can(user, reserve)))
        is_lisible = avis.is_signe or user.has_perm("actions.review_avis", avis)
        return super().get_context_data(
            # Without the bytes: the page names the file.
            document=avis.documents.without_content().first(),
            is_lisible=is_lisible,
            reserves=reserves if is_lisible else [],
            manques=avis.missing() if is_lisible and not avis.is_signe else [],
            **kwargs,
        )


class AvisEditView(WhileOpenMixin, AvisMixin, UpdateView):
    permission = "actions.write_avis"
    role_permission = "actions.review_avis"
    form_class = AvisForm
    template_name = "actions/avis_form.html"

    def get_queryset(self):
        avis = super().get_queryset()
        return avis.select_for_update(of=("self",)) if self.request.method == "POST" else avis

    def state_sentence(self, avis):
        return (
            "Cet avis est signé : il ne change plus."
            if avis.is_signe
            else "Cet avis n’est plus attendu : il ne s’écrit plus."
        )

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        form.save()
        messages.success(self.request, "L’avis est enregistré. Il reste à le signer.")
        return HttpResponseRedirect(self.object.get_absolute_url())


class ReserveMixin(WhileOpenMixin, TransitionFormMixin, InConventionMixin, PermissionMixin):
    queryset = Reserve.objects.select_related(
        f"avis__{PLAN}", "avis__fiche__plan__convention", "avis__fiche__axe"
    ).prefetch_related(
        "avis__fiche__pilotes", Prefetch("suites", SuiteReserve.objects.select_related("auteur"))
    )
    convention_lookup = "avis__plan__convention"
    context_object_name = "reserve"
    template_name = "actions/reserve_form.html"
    room = "plan"

    def state_sentence(self, reserve):
        return f"Cette réserve est maintenant « {reserve.get_etat_display().lower()} »."

    def get_success_url(self):
        return self.object.get_absolute_url()


class ReserveAnswerView(ReserveMixin, UpdateView):
    permission = "actions.answer_reserve"
    role_permission = "actions.reply_to_reserve"
    form_class = ReserveAnswerForm
    extra_context = {"titre": "Répondre à la réserve", "bouton": "Envoyer la réponse"}
    success_message = "La réponse est enregistrée ; la CAF conclura."


class ReserveConcludeView(ReserveMixin, UpdateView):
    permission = "actions.conclude_reserve"
    role_permission = "actions.review_reserve"
    form_class = ReserveConcludeForm
    extra_context = {"titre": "Conclure sur la réserve", "bouton": "Enregistrer la conclusion"}
    success_message = "La conclusion est enregistrée."
