"""Files attached to a fiche: listed with their versions, added, replaced, withdrawn and put back, downloaded."""

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.views.generic import DetailView, UpdateView

from actions.forms.pieces import PieceAddForm, PieceReplaceForm, PieceWithdrawForm
from actions.models import PieceJointe
from actions.views.base import FicheMixin
from conventions.mixins import InConventionMixin
from ctg_portal.depots import attachment
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.workflow import TransitionError


class PiecesView(FicheMixin, DetailView):
    """The current ones for every reader; the former versions and the withdrawn ones for who may attach."""

    permission = "actions.view_ficheaction"
    template_name = "actions/pieces.html"

    def get_context_data(self, **kwargs):
        context = super().get_context_data(**kwargs)
        pieces = list(self.object.pieces.select_related("auteur", "retiree_par", "remplacee_par"))
        user = self.request.user
        can_attach = user.has_perm("actions.attach_ficheaction", self.object)
        every = user.has_perm("actions.coordinate_ficheaction", self.object)
        lignes = [
            (piece, can_attach and (every or piece.auteur_id == user.pk))
            for piece in pieces
            if piece.is_courante or can_attach
        ]
        return context | {
            "courantes": [row for row in lignes if row[0].is_courante],
            "autres": [row for row in lignes if not row[0].is_courante],
        }


class PieceAddView(WhileOpenMixin, TransitionFormMixin, FicheMixin, UpdateView):
    """The object found is the fiche; what the form saves is a piece of it."""

    permission = "actions.attach_ficheaction"
    role_permission = "actions.discuss_ficheaction"
    form_class = PieceAddForm
    template_name = "actions/piece_form.html"
    success_message = "La pièce est jointe à la fiche."

    def get_success_url(self):
        return f"{self.object.fiche.get_absolute_url()}#pieces"


class PieceMixin(InConventionMixin, PermissionMixin):
    queryset = PieceJointe.objects.for_page()
    convention_lookup = "fiche__plan__convention"
    context_object_name = "piece"
    permission = "actions.change_piecejointe"
    room = "plan"

    def get_success_url(self):
        return self.object.get_absolute_url()


class PieceFileView(PieceMixin, DetailView):
    permission = "actions.view_piecejointe"

    def render_to_response(self, context, **kwargs):
        piece = self.object
        try:
            return attachment(piece.fichier, piece.nom_fichier, piece.type_mime)
        except FileNotFoundError as error:
            raise Http404 from error


class PieceReplaceView(PieceMixin, TransitionFormMixin, UpdateView):
    form_class = PieceReplaceForm
    template_name = "actions/piece_form.html"

    @property
    def success_message(self):
        return f"La version {self.object.version} est jointe\u00a0; la précédente reste dans la liste."


class PieceWithdrawView(PieceMixin, TransitionFormMixin, UpdateView):
    form_class = PieceWithdrawForm
    template_name = "actions/piece_withdraw.html"
    success_message = "La pièce est retirée de la fiche. Vous pouvez la remettre."


class PieceRestoreView(PieceMixin, DetailView):
    http_method_names = ["post"]

    def post(self, request, *args, **kwargs):
        piece = self.get_object()
        try:
            piece.restore(by=request.user)
        except TransitionError as refus:
            messages.error(request, str(refus))
        else:
            messages.success(request, "La pièce est de nouveau sur la fiche.")
        return HttpResponseRedirect(reverse("actions:pieces", args=[self.convention.code, piece.fiche_id]))
