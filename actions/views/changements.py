"""One change to all the fiches of a filtered set: every row is seen before, and the whole is taken back as one."""

import json

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.functional import cached_property
from django.views.generic import ListView, TemplateView, View

from actions.filters import fiche_filter
from actions.forms.changements import FORMS, ChoixForm
from actions.models import ChangementGroupe
from actions.models.changement_groupe import Champ, loaded, preview, said
from conventions.mixins import InConventionMixin
from conventions.models import people_of
from ctg_portal.permissions import Can
from ctg_portal.workflow import TransitionError


class ChangementsMixin(InConventionMixin):
    convention_permission = "actions.change_together"
    room = "plan"


class ChangementAddView(ChangementsMixin, TemplateView):
    """The filters and ``champ`` are in the address; the new value, whose reason may be long, is sent with the page.

    Asking for the preview is a POST that writes nothing: ``geste`` says which of the two it is.
    """

    template_name = "actions/changement_add.html"

    @cached_property
    def sent(self):
        """The filters and the change: of the address, or of what the page sends back."""
        if not self.request.POST:
            return self.request.GET
        sent = QueryDict(self.request.POST.get("requete", ""), mutable=True)
        for name in self.request.POST:
            if name.startswith("vers-"):
                sent.setlist(name, self.request.POST.getlist(name))
        return sent

    @property
    def is_confirming(self):
        return bool(self.request.POST) and self.request.POST.get("geste") != "apercu"

    @cached_property
    def filter(self):
        return fiche_filter(self.request.user, self.convention, self.sent)

    @cached_property
    def form(self):
        champ = self.sent.get("champ", "")
        form_class = FORMS.get(champ, FORMS[Champ.AVANCEMENT])
        is_asked = any(name.startswith("vers-") for name in self.sent)
        return form_class(self.sent if is_asked else None, convention=self.convention)

    def post(self, request, *args, **kwargs):
        if not self.is_confirming:
            return self.again("")
        choix = ChoixForm(request.POST)
        if not self.form.is_valid() or not choix.is_valid():
            return self.again(" ".join(choix.non_field_errors()))
        fiches = self.filter.in_order()
        try:
            changement = choix.save(self.convention, fiches, self.form.changement(), by=request.user)
        except TransitionError as refus:
            return self.again(str(refus))
        nombre = changement.lignes.count()
        pluriel = "s" if nombre > 1 else ""
        messages.success(
            request,
            f"{nombre} fiche{pluriel} changée{pluriel}. « Annuler » rend ce qu’elle{pluriel} disai{'en' if pluriel else ''}t avant.",
        )
        return HttpResponseRedirect(self.changements_url)

    @property
    def changements_url(self):
        url = reverse("actions:changements", args=[self.convention.code])
        return f"{url}?{self.filter.requete}" if self.filter.requete else url

    def again(self, refus):
        return self.render_to_response(self.get_context_data(refus=refus), status=200)

    def lignes(self):
        """Rows of the preview: fiche, before and after in words, what stands in the way, whether it is ticked."""
        found = preview(loaded(self.filter.in_order()), self.form.changement(), by=self.request.user)
        noms = {user.pk: str(user) for user in people_of(self.convention)}
        noms |= {
            row.user_id: str(row.user) for ligne in found for row in ligne.fiche.pilotes.all() if row.user
        }
        champ = self.form.champ
        asked = set(self.request.POST.getlist("choix")) if self.is_confirming else None
        return [
            {
                "fiche": ligne.fiche,
                "avant": said(ligne.avant, champ, noms),
                "apres": said(ligne.apres, champ, noms),
                "refus": ligne.refus,
                "change": ligne.change,
                # What is finished does not begin again unless somebody says so.
                "coche": not ligne.fiche.is_finie if asked is None else str(ligne.fiche.pk) in asked,
                "vu": json.dumps(ligne.avant, ensure_ascii=False),
            }
            for ligne in found
        ]

    def get_context_data(self, **kwargs):
        lignes = self.lignes() if self.form.is_bound and self.form.is_valid() else None
        champs = [(champ.value, champ.label, self.address_of(champ)) for champ in Champ]
        return super().get_context_data(
            form=self.form,
            filter=self.filter,
            lignes=lignes,
            nb_changent=sum(ligne["change"] for ligne in lignes or ()),
            nb_refus=sum(bool(ligne["refus"]) for ligne in lignes or ()),
            changement=self.form.changement() if lignes is not None else None,
            requete=self.address_of(self.form.champ)[1:],
            garde=[
                (name, value)
                for name, values in self.sent.lists()
                if name.startswith("vers-")
                for value in values
            ],
            champs=champs,
            **kwargs,
        )

    def address_of(self, champ):
        query = QueryDict(self.filter.requete, mutable=True)
        query["champ"] = str(champ)
        return f"?{query.urlencode()}"


class ChangementsView(ChangementsMixin, ListView):
    """The changes made together, the latest first, each with its fiches and its way back."""

    template_name = "actions/changements.html"
    context_object_name = "changements"
    paginate_by = 10

    def get_queryset(self):
        changements = ChangementGroupe.objects.visible_to(self.request.user).filter(
            convention=self.convention
        )
        return (
            changements.select_related("by", "annule_par", "convention")
            .annotate(nb=Count("lignes"))
            .order_by("-created_at", "-pk")
        )

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        ChangementGroupe.told(context["changements"], to=self.request.user)
        for changement in context["changements"]:
            changement.can = Can(self.request.user, changement)
        query = fiche_filter(self.request.user, self.convention, self.request.GET).requete
        return context | {"requete": query}


class ChangementUndoView(ChangementsMixin, View):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        changements = ChangementGroupe.objects.visible_to(request.user).filter(convention=self.convention)
        changement = get_object_or_404(changements.select_related("convention"), pk=kwargs["pk"])
        if not request.user.has_perm("actions.undo_changementgroupe", changement):
            raise PermissionDenied
        try:
            done, left = changement.undo(by=request.user)
        except TransitionError as refus:
            messages.error(request, str(refus))
        else:
            pluriel = "s" if done > 1 else ""
            messages.success(request, f"Changement annulé sur {done} fiche{pluriel}.")
            if left:
                messages.warning(request, f"Laissées comme elles sont. {' '.join(left)}")
        return HttpResponseRedirect(reverse("actions:changements", args=[self.convention.code]))
