"""The page where an agenda is built, and what it sends: each thing is one form, with or without JavaScript."""

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.generic import DetailView, UpdateView

from conventions.mixins import InConventionMixin
from ctg_portal.depots import attachment
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.workflow import TransitionError
from governance.forms.ordre_du_jour import (
    ModeleForm,
    PieceForm,
    PointAddForm,
    PointForm,
    PointMoveForm,
    PointRemoveForm,
    SuggestionForm,
    SujetForm,
    SujetRemoveForm,
    SujetTakeForm,
    TakeForm,
)
from governance.models import (
    Instance,
    ModeleOrdreDuJour,
    PieceReunion,
    PointOrdreDuJour,
    Reunion,
    SujetEnAttente,
)
from governance.ordre_du_jour import empreinte_of
from governance.suggestions import suggestions_for
from governance.views.reunions import WhileInThatStateMixin


class AgendaMixin(WhileInThatStateMixin):
    """What changes the agenda of a meeting; a form that is refused shows the whole page again."""

    permission = "governance.change_reunion"
    template_name = "governance/ordre_du_jour.html"
    refused = ""
    """The name under which the page shows this form with its errors; without one, they are said at the top."""

    def get_queryset(self):
        return super().get_queryset().for_agenda(self.request.user)

    def get_success_url(self):
        return reverse("governance:agenda_edit", args=[self.convention.code, self.kwargs["pk"]])

    def get_context_data(self, **kwargs):
        reunion = self.object
        sujets = SujetEnAttente.objects.filter(instance=reunion.instance_id).en_attente()
        forms = {"add_form": PointAddForm(instance=reunion), "take_form": TakeForm(instance=reunion)}
        form = kwargs.get("form")
        if form is not None and self.refused:
            forms[self.refused] = form
        elif form is not None:
            forms["refus"] = " ".join(str(sentence) for row in form.errors.values() for sentence in row)
        return super().get_context_data(
            empreinte=empreinte_of(reunion.points.all()),
            suggestions=suggestions_for(reunion, self.request.user),
            sujets=sujets.select_related("auteur"),
            pieces=PieceReunion.objects.courantes().filter(reunion=reunion).order_by("pk"),
            **{"refus": "", "dit": ""} | forms | kwargs,
        )


class AgendaEditView(AgendaMixin, DetailView):
    """The agenda, and one move of it (POST)."""

    def post(self, request, *args, **kwargs):
        self.object = self.get_object()
        if not request.user.has_perm(self.permission, self.object):
            messages.warning(request, self.state_sentence(self.object))
            return HttpResponseRedirect(self.object.get_absolute_url())
        form = PointMoveForm(request.POST, reunion=self.object)
        dit = ""
        if form.is_valid():
            try:
                dit = form.save()
            except TransitionError as refus:
                form.add_error(None, str(refus))
            else:
                self.object = self.get_object()
        return self.render_to_response(self.get_context_data(refus=form.refus, dit=dit))


class PointAddView(TransitionFormMixin, AgendaMixin, UpdateView):
    form_class = PointAddForm
    refused = "add_form"
    success_message = "Le point est à l’ordre du jour."


class AgendaTakeView(TransitionFormMixin, AgendaMixin, UpdateView):
    form_class = TakeForm
    refused = "take_form"
    success_message = "Les points sont ajoutés à la suite\u00a0: gardez ceux qu’il faut, changez les autres."


class AgendaSuggestView(TransitionFormMixin, AgendaMixin, UpdateView):
    form_class = SuggestionForm
    success_message = "La proposition est à l’ordre du jour."

    def get_form_kwargs(self):
        found = suggestions_for(self.object, self.request.user)
        asked = self.kwargs["proposition"]
        return super().get_form_kwargs() | {
            "suggestion": next((row for row in found if row.code == asked), None)
        }


class SujetTakeView(TransitionFormMixin, AgendaMixin, UpdateView):
    form_class = SujetTakeForm
    success_message = "Le sujet est à l’ordre du jour."


class ModeleKeepView(TransitionFormMixin, WhileInThatStateMixin, UpdateView):
    """The object found is the meeting; what the form saves is an agenda kept from it."""

    permission = "governance.coordinate_reunion"
    form_class = ModeleForm
    template_name = "governance/modele_form.html"

    success_message = "L’ordre du jour est gardé comme modèle."

    def get_form_kwargs(self):
        modele = ModeleOrdreDuJour(convention=self.convention)
        return super().get_form_kwargs() | {"instance": modele, "reunion": self.object}


class ModeleRemoveView(InConventionMixin, PermissionMixin, DetailView):
    """Kept agendas are let go one by one; the meetings that started from one keep their points."""

    queryset = ModeleOrdreDuJour.objects.select_related("convention")
    permission = "governance.change_modeleordredujour"
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        modele = self.get_object()
        modele.delete()
        messages.success(request, f"Le modèle «\u00a0{modele}\u00a0» est supprimé.")
        return HttpResponseRedirect(reverse("governance:detail", args=[self.convention.code]))


class PointMixin(InConventionMixin, WhileOpenMixin, PermissionMixin):
    queryset = PointOrdreDuJour.objects.select_related("reunion__instance__convention__territoire")
    convention_lookup = "reunion__instance__convention"
    context_object_name = "point"
    permission = "governance.change_pointordredujour"
    role_permission = "governance.coordinate_pointordredujour"
    room = "gouvernance"

    def get_queryset(self):
        return super().get_queryset().filter(reunion=self.kwargs["reunion"])

    def state_sentence(self, point):
        statut = point.reunion.get_statut_display().lower()
        return f"La réunion est maintenant «\u00a0{statut}\u00a0»\u00a0: son ordre du jour ne change plus."

    def get_success_url(self):
        return reverse("governance:agenda_edit", args=[self.convention.code, self.object.reunion_id])


class PointEditView(TransitionFormMixin, PointMixin, UpdateView):
    form_class = PointForm
    template_name = "governance/point_form.html"

    def get_queryset(self):
        points = super().get_queryset()
        return points.select_for_update(of=("self",)) if self.request.method == "POST" else points

    def get_object(self, queryset=None):
        try:
            return super().get_object(queryset)
        except Http404:
            if self.request.method != "POST":
                raise
        # Taken off while this page was open: the form says so and gives the words back.
        reunions = Reunion.objects.visible_to(self.request.user).select_related(
            "instance__convention__territoire"
        )
        reunion = get_object_or_404(
            reunions.filter(instance__convention=self.convention), pk=self.kwargs["reunion"]
        )
        point = PointOrdreDuJour(reunion=reunion)
        self.check_permission(point)
        return point

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    success_message = "Le point est enregistré."

    def form_valid(self, form):
        return self.refuse_when_moved(form) or TransitionFormMixin.form_valid(self, form)


class PointRemoveView(TransitionFormMixin, PointMixin, UpdateView):
    form_class = PointRemoveForm
    template_name = "governance/point_remove.html"
    success_message = "Le point est retiré de l’ordre du jour."


class SujetAddView(InConventionMixin, PermissionMixin, UpdateView):
    """The object found is the instance; what the form saves is a subject of it."""

    queryset = Instance.objects.select_related("convention__territoire")
    permission = "governance.propose_instance"
    form_class = SujetForm
    template_name = "governance/sujet_form.html"
    room = "gouvernance"

    def get_form_kwargs(self):
        sujet = SujetEnAttente(instance=self.object, auteur=self.request.user)
        return super().get_form_kwargs() | {"instance": sujet, "user": self.request.user}

    def form_valid(self, form):
        response = super().form_valid(form)
        messages.success(self.request, "Le sujet attend\u00a0: il sera proposé aux prochains ordres du jour.")
        return response


class SujetMixin(InConventionMixin, WhileOpenMixin, PermissionMixin):
    queryset = SujetEnAttente.objects.select_related("instance__convention__territoire", "point", "auteur")
    convention_lookup = "instance__convention"
    context_object_name = "sujet"
    permission = "governance.change_sujetenattente"
    role_permission = "governance.write_sujetenattente"
    room = "gouvernance"

    def state_sentence(self, sujet):
        return "Ce sujet est maintenant à l’ordre du jour d’une réunion\u00a0: c’est là qu’il se modifie."

    def get_success_url(self):
        return self.object.get_absolute_url()


class SujetEditView(SujetMixin, UpdateView):
    form_class = SujetForm
    template_name = "governance/sujet_form.html"

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form):
        response = super().form_valid(form)
        if response.status_code == 302:
            messages.success(self.request, "Le sujet est enregistré.")
        return response


class SujetRemoveView(SujetMixin, TransitionFormMixin, UpdateView):
    form_class = SujetRemoveForm
    template_name = "governance/sujet_remove.html"
    success_message = "Le sujet est retiré de la liste."


class PieceAddView(WhileInThatStateMixin, TransitionFormMixin, UpdateView):
    """The object found is the meeting; what the form saves is a piece of it."""

    permission = "governance.attach_reunion"
    form_class = PieceForm
    template_name = "governance/piece_form.html"
    success_message = "La pièce est jointe à la réunion."

    def get_form_kwargs(self):
        asked = self.request.GET.get("point", "")
        point = next((row for row in self.object.points.all() if str(row.pk) == asked), None)
        return super().get_form_kwargs() | {"point": point}

    def get_success_url(self):
        return f"{self.object.get_absolute_url()}#pieces"


class PieceMixin(InConventionMixin, PermissionMixin):
    queryset = PieceReunion.objects.for_page()
    convention_lookup = "reunion__instance__convention"
    context_object_name = "piece"
    room = "gouvernance"


class PieceFileView(PieceMixin, DetailView):
    permission = "governance.view_piecereunion"

    def render_to_response(self, context, **kwargs):
        piece = self.object
        try:
            return attachment(piece.fichier, piece.nom_fichier, piece.type_mime)
        except FileNotFoundError as error:
            raise Http404 from error


class PieceMoveView(PieceMixin, DetailView):
    """Withdrawn, or put back: one press, and the other one undoes it."""

    permission = "governance.change_piecereunion"
    http_method_names = ["post"]
    verb = ""
    said = ""

    def post(self, request, *args, **kwargs):
        piece = self.get_object()
        try:
            getattr(piece, self.verb)(by=request.user)
        except TransitionError as refus:
            messages.error(request, str(refus))
        else:
            messages.success(request, self.said)
        return HttpResponseRedirect(piece.get_absolute_url())


class PieceWithdrawView(PieceMoveView):
    verb = "withdraw"
    said = "La pièce est retirée\u00a0; rien n’est effacé, vous pouvez la remettre."


class PieceRestoreView(PieceMoveView):
    verb = "restore"
    said = "La pièce est de nouveau avec la réunion."
