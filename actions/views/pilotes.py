"""Pilotes written as plain names, and the accounts they are linked to."""

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import DetailView, FormView, TemplateView

from actions.forms.pilotes import PiloteLinkForm
from actions.models import RattachementPilote
from actions.models.pilotage import plain_names, rights_of_pilote
from conventions.mixins import InConventionMixin
from conventions.models import people_of
from ctg_portal.mixins import TransitionFormMixin
from ctg_portal.workflow import TransitionError


class PilotesMixin(InConventionMixin):
    """Those who coordinate the convention say who is who: a link gives rights."""

    room = "equipe"
    convention_permission = "conventions.change_convention"

    @cached_property
    def people(self):
        return list(people_of(self.convention).filter(is_active=True).order_by("nom", "email"))

    @cached_property
    def noms(self):
        return plain_names(self.convention, self.people)

    def get_success_url(self):
        return reverse("actions:pilotes", args=[self.convention.code])


class PilotesView(PilotesMixin, TemplateView):
    template_name = "actions/pilotes.html"

    def get_context_data(self, **kwargs):
        rattachements = RattachementPilote.objects.filter(convention=self.convention)
        return super().get_context_data(
            noms=sorted(self.noms, key=lambda row: (not row.comptes, row.cle)),
            rattachements=rattachements.select_related("user", "par", "defait_par").prefetch_related(
                "pilotes"
            )[:50],
            **kwargs,
        )


class PiloteLinkView(PilotesMixin, TransitionFormMixin, FormView):
    """Choose the account, read what the link gives it, confirm. The name is in the address; no longer there, it is said."""

    form_class = PiloteLinkForm
    template_name = "actions/pilote_link.html"

    @cached_property
    def nom(self):
        return next((row for row in self.noms if row.cle == self.kwargs["cle"]), None)

    def dispatch(self, request, *args, **kwargs):
        if request.user.is_authenticated and self.nom is None:
            messages.info(request, "Ce nom n’est plus sur aucune fiche : il a été relié ou retiré.")
            return HttpResponseRedirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self):
        kwargs = super().get_form_kwargs() | {
            "nom": self.nom,
            "people": self.people,
            "convention": self.convention,
        }
        if len(self.nom.comptes) == 1:
            kwargs["initial"] = {"compte": self.nom.comptes[0].pk}
        if self.request.method == "GET" and "compte" in self.request.GET:
            kwargs["data"] = self.request.GET
        return kwargs

    @cached_property
    def compte(self):
        """The account chosen, once it is: the page then says what it will be able to do."""
        form = self.get_form()
        return form.cleaned_data["compte"] if form.is_bound and form.is_valid() else None

    def get_context_data(self, **kwargs):
        compte = self.compte
        droits = rights_of_pilote(compte, self.convention, self.nom.fiches) if compte else []
        return super().get_context_data(nom=self.nom, compte=compte, droits=droits, **kwargs)

    @property
    def success_message(self):
        n = self.object.pilotes.count()
        return (
            f"« {self.object.nom} » est maintenant relié au compte de {self.object.user}, sur "
            f"{'une fiche' if n == 1 else f'{n} fiches'}. Cela peut se défaire plus bas."
        )


class PiloteUnlinkView(PilotesMixin, DetailView):
    """Undoing needs no page to confirm: it can be linked again."""

    http_method_names = ["post"]
    queryset = RattachementPilote.objects.select_related("user")

    def post(self, request, *args, **kwargs):
        rattachement = self.get_object()
        try:
            n = rattachement.undo(by=request.user)
        except TransitionError as refus:
            messages.warning(request, str(refus))
        else:
            fiches = "une fiche" if n == 1 else f"{n} fiches"
            messages.success(
                request,
                f"Le rattachement est défait : « {rattachement.nom} » est de nouveau un nom sans compte, sur {fiches}.",
            )
        return HttpResponseRedirect(self.get_success_url())
