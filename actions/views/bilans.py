"""The bilans of a year: one page to write each, one page to see which are still to write."""

from collections import Counter

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import ListView, UpdateView

from actions.forms.bilans import BilanForm
from actions.forms.mesures import MesuresAnneeForm
from actions.models import Bilan, FicheAction
from actions.models.annee import (
    EtatBilan,
    annee_courante,
    annees_ouvertes,
    etat_of,
    for_bilans,
    is_attendu,
    is_derniere,
    missing_of,
    read_annee,
    with_fin,
)
from actions.views.parts import FollowMixin
from conventions.mixins import InConventionMixin
from ctg_portal.session import forget_words, kept_words, session_end, sign_author

ICONES = {
    EtatBilan.A_ECRIRE: "circle",
    EtatBilan.COMMENCE: "circle-half",
    EtatBilan.FAIT: "check-circle",
    EtatBilan.NON_ATTENDU: "x-lg",
}


class KeepsWordsMixin:
    """What was sent when the session had ended fills the form again, as on the sections."""

    keeps_words = True

    @cached_property
    def reprise(self):
        return kept_words(self.request) if self.request.method == "GET" else None

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs()
        return kwargs | {"data": self.reprise} if self.reprise is not None else kwargs

    def get_context_data(self, **kwargs):
        context = super().get_context_data(
            is_reconnected=self.reprise is not None,
            auteur=sign_author(self.request.user),
            session_fin=session_end(self.request),
            **kwargs,
        )
        if self.reprise is not None:
            context["form"].is_valid()
        return context


class LockedFicheMixin(KeepsWordsMixin, FollowMixin):
    """The fiche is locked while what belongs to it is saved, so that two people are told of each other."""

    def get_queryset(self):
        fiches = super().get_queryset()
        return fiches.select_for_update(of=("self",)) if self.request.method == "POST" else fiches


class BilanEditView(LockedFicheMixin, UpdateView):
    form_class = BilanForm
    template_name = "actions/bilan_form.html"

    def get_queryset(self):
        return with_fin(super().get_queryset())

    @property
    def annee(self):
        if self.kwargs["annee"] not in self.convention.annees:
            raise Http404
        return self.kwargs["annee"]

    @cached_property
    def facts(self):
        return read_annee(self.object, self.annee)

    def get_form_kwargs(self):
        bilan = self.facts.bilans.get(self.annee) or Bilan(fiche=self.object, annee=self.annee)
        derniere = is_derniere(self.object, self.annee)
        return super().get_form_kwargs() | {"instance": bilan, "derniere": derniere}

    @cached_property
    def voisines(self):
        """The fiches before and after this one whose bilan of the year is expected, in the order of the plan."""
        fiches = with_fin(FicheAction.objects.visible_to(self.request.user).actives())
        rows = [
            fiche
            for fiche in fiches.filter(plan=self.object.plan_id).in_plan_order().prefetch_related("pilotes")
            if fiche.pk == self.object.pk or is_attendu(fiche, self.annee)
        ]
        for fiche in rows:
            fiche.plan = self.object.plan
        rows = [fiche for fiche in rows if self.request.user.has_perm(self.permission, fiche)]
        place = next((rank for rank, fiche in enumerate(rows) if fiche.pk == self.object.pk), None)
        if place is None:
            return None, None
        return (rows[place - 1] if place else None), (rows[place + 1] if place + 1 < len(rows) else None)

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        bilan = form.save()
        forget_words(self.request)
        missing = missing_of(bilan, derniere=form.derniere)
        if missing:
            messages.warning(
                self.request,
                f"Le bilan {self.annee} de « {self.object.intitule} » est enregistré. Il y manque encore\u00a0: {' '.join(missing)}",
            )
        else:
            messages.success(
                self.request, f"Le bilan {self.annee} de « {self.object.intitule} » est enregistré."
            )
        return HttpResponseRedirect(self.next_url(form))

    def next_url(self, form):
        suivante = self.voisines[1]
        if form.cleaned_data["enchainer"] and suivante:
            return reverse("actions:bilan_edit", args=[self.convention.code, suivante.pk, self.annee])
        return f"{self.object.get_absolute_url()}#bilans"

    def get_context_data(self, **kwargs):
        precedente, suivante = self.voisines
        return super().get_context_data(
            annee=self.annee,
            facts=self.facts,
            precedent=self.facts.bilans.get(self.annee - 1),
            derniere=is_derniere(self.object, self.annee),
            is_a_venir=self.annee not in annees_ouvertes(self.convention),
            fiche_precedente=precedente,
            fiche_suivante=suivante,
            **kwargs,
        )


class BilansView(InConventionMixin, ListView):
    """Every fiche of the plan with how far its bilan of the year is. ``?annee=`` chooses the year."""

    template_name = "actions/bilans.html"
    context_object_name = "fiches"
    convention_lookup = "plan__convention"
    room = "plan"

    @cached_property
    def annee(self):
        asked = self.request.GET.get("annee", "")
        annees = {str(annee): annee for annee in annees_ouvertes(self.convention)}
        return annees.get(asked, annee_courante(self.convention))

    def get_queryset(self):
        # ``ListView`` has no queryset of its own: the scope is said here.
        fiches = FicheAction.objects.visible_to(self.request.user).filter(plan__convention=self.convention)
        return for_bilans(fiches, self.annee)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        lignes = [self.ligne(fiche) for fiche in context["fiches"]]
        counts = Counter(ligne["etat"] for ligne in lignes)
        return context | {
            "annee": self.annee,
            "annees": annees_ouvertes(self.convention),
            "lignes": lignes,
            "faits": counts[EtatBilan.FAIT],
            "commences": counts[EtatBilan.COMMENCE],
            "a_ecrire": counts[EtatBilan.A_ECRIRE],
            "attendus": len(lignes) - counts[EtatBilan.NON_ATTENDU],
        }

    def ligne(self, fiche):
        fiche.plan.convention = self.convention
        bilan = next(iter(fiche.bilans_annee), None)
        etat = etat_of(fiche, self.annee, bilan)
        return {
            "fiche": fiche,
            "bilan": bilan,
            "etat": etat,
            "icone": ICONES[etat],
            "manques": missing_of(bilan, derniere=is_derniere(fiche, self.annee)) if bilan else [],
            "can_follow": self.request.user.has_perm("actions.follow_ficheaction", fiche),
        }


class MesuresAnneeView(LockedFicheMixin, UpdateView):
    """The measures of one year of the convention, for every indicator of the fiche."""

    form_class = MesuresAnneeForm
    template_name = "actions/mesures_annee.html"

    @property
    def annee(self):
        if self.kwargs["annee"] not in self.convention.annees:
            raise Http404
        return self.kwargs["annee"]

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"annee": self.annee}

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        form.save()
        forget_words(self.request)
        messages.success(self.request, f"Les mesures de {self.annee} sont enregistrées.")
        return HttpResponseRedirect(f"{self.object.get_absolute_url()}#evaluation")

    def get_context_data(self, **kwargs):
        return super().get_context_data(
            annee=self.annee,
            annees=annees_ouvertes(self.convention),
            is_a_venir=self.annee not in annees_ouvertes(self.convention),
            **kwargs,
        )
