"""A cell of the table of fiches, changed in its place; without JavaScript, on a small page that goes back to the table."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.generic import UpdateView

from actions.forms.cellules import AvancementCelluleForm, EcheanceCelluleForm, PilotesCelluleForm
from actions.models import FicheAction, complements_of
from actions.views.base import FicheMixin
from ctg_portal.mixins import StateMovedError, WhileOpenMixin
from ctg_portal.workflow import TransitionError


@dataclass(frozen=True)
class Cellule:
    """``verbe``: the permission on the fiche; ``section``: the section whose lock it shares, if any."""

    titre: str
    verbe: str
    section: str
    form_class: type


CELLULES = {
    "avancement": Cellule("Avancement", "follow", "", AvancementCelluleForm),
    "pilote": Cellule("Pilotes", "change", "equipe", PilotesCelluleForm),
    "echeance": Cellule("Échéance", "change", "calendrier", EcheanceCelluleForm),
}


def editable_cells(user, fiche):
    """The cells of a loaded fiche that ``user`` may change; no query."""
    follows = user.has_perm("actions.follow_ficheaction", fiche)
    changes = user.has_perm("actions.change_ficheaction", fiche)
    return {name for name, cellule in CELLULES.items() if (changes if cellule.verbe == "change" else follows)}


class CelluleView(WhileOpenMixin, FicheMixin, UpdateView):
    template_name = "actions/vues/cellule.html"
    role_permission = "actions.write_ficheaction"

    @property
    def cellule(self):
        if self.kwargs["champ"] not in CELLULES:
            raise Http404
        return CELLULES[self.kwargs["champ"]]

    @property
    def permission(self):
        return f"actions.{self.cellule.verbe}_ficheaction"

    @property
    def is_in_place(self):
        return self.request.headers.get("HX-Request") == "true"

    def refusal(self, fiche):
        """Why the section of the cell is locked by what the CAF asked, or nothing."""
        section = self.cellule.section
        complements = complements_of(fiche) if section else None
        return complements.refus(section) if complements and complements.is_locked(section) else ""

    def check_permission(self, fiche):
        # What is only read again, as after « Annuler », needs no right to change.
        if self.request.method != "POST" and "lire" in self.request.GET:
            return
        super().check_permission(fiche)
        if self.request.method != "POST" and self.refusal(fiche):
            raise StateMovedError(fiche)

    def state_sentence(self, fiche):
        return self.refusal(fiche) or super().state_sentence(fiche)

    def refuse_when_moved(self, form):
        if refusal := self.refusal(self.object):
            form.add_error(None, refusal)
            return self.form_invalid(form)
        return super().refuse_when_moved(form)

    def dispatch(self, request, *args, **kwargs):
        # ``WhileOpenMixin`` sends back to the fiche, which has no place in a cell.
        if request.user.is_authenticated and self.is_in_place and request.method != "POST":
            try:
                response = super(WhileOpenMixin, self).dispatch(request, *args, **kwargs)
            except StateMovedError as moved:
                response = self.render_cell(moved.obj, refus=self.state_sentence(moved.obj))
        else:
            response = super().dispatch(request, *args, **kwargs)
        patch_vary_headers(response, ["HX-Request"])
        return response

    def get_queryset(self):
        fiches = super().get_queryset()
        return fiches.select_for_update(of=("self",)) if self.request.method == "POST" else fiches

    def get_form_class(self):
        return self.cellule.form_class

    def get_form_kwargs(self):
        # Two cells may be open at once: no two fields have one id.
        return super().get_form_kwargs() | {"auto_id": f"{self.kwargs['champ']}-{self.object.pk}-%s"}

    def get_template_names(self):
        return ["actions/vues/cellule_form.html" if self.is_in_place else self.template_name]

    def get(self, request, *args, **kwargs):
        if "lire" in request.GET and self.is_in_place:
            return self.render_cell(self.get_object())
        return super().get(request, *args, **kwargs)

    def form_valid(self, form):
        if refusal := self.refuse_when_moved(form):
            return refusal
        try:
            form.save(by=self.request.user)
        except TransitionError as refus:
            form.add_error(None, str(refus))
            return self.form_invalid(form)
        form.announce(by=self.request.user)
        said = f"{self.cellule.titre} de «\u00a0{self.object}\u00a0»\u00a0: c’est enregistré."
        if self.is_in_place:
            return self.render_cell(self.object, dit=said)
        messages.success(self.request, said)
        return HttpResponseRedirect(self.get_success_url())

    @property
    def sent(self):
        return self.request.POST if self.request.method == "POST" else self.request.GET

    @property
    def retour(self):
        """The filters of the view that sent here: a query string, written anew so that it leads nowhere else."""
        return QueryDict(self.sent.get("retour", "")[:2000]).urlencode()

    @property
    def vue_de_retour(self):
        """The table, or the board."""
        return "kanban" if self.sent.get("vue") == "kanban" else "fiches"

    def get_success_url(self):
        url = reverse(f"actions:{self.vue_de_retour}", args=[self.convention.code])
        row = "carte" if self.vue_de_retour == "kanban" else "fiche"
        return f"{url}{'?' if self.retour else ''}{self.retour}#{row}-{self.object.pk}"

    def get_initial(self):
        """An avancement named by the address, as a card dropped on « Abandonnée »."""
        wanted = self.request.GET.get("avancement")
        return super().get_initial() | ({"avancement": wanted} if wanted else {})

    def render_cell(self, fiche, *, dit="", refus=""):
        """The inside of the cell, as the table shows it."""
        row = FicheAction.objects.visible_to(self.request.user).for_list().get(pk=fiche.pk)
        context = {
            "fiche": row,
            "champ": self.kwargs["champ"],
            "convention": self.convention,
            "is_editable": self.kwargs["champ"] in editable_cells(self.request.user, row),
            "dit": dit,
            "refus": refus,
            "is_back": True,
        }
        return render(self.request, "actions/vues/cellule_lue.html", context)

    def get_context_data(self, **kwargs):
        context = super().get_context_data(
            champ=self.kwargs["champ"],
            titre=self.cellule.titre,
            retour=self.retour,
            vue_de_retour=self.vue_de_retour,
            url_retour=self.get_success_url(),
            **kwargs,
        )
        formsets = getattr(context["form"], "formsets", {})
        context["formset"] = formsets.get("pilotes")
        return context
