"""Threads on a fiche: open one, answer, correct, resolve, reopen; and how the page of the fiche shows them."""

from collections import Counter
from dataclasses import dataclass

from django.contrib import messages
from django.views.generic import UpdateView

from actions.forms.fils import (
    CommentaireForm,
    CommentaireRewriteForm,
    ReopenFilForm,
    ReplyForm,
    ResolveForm,
    WithdrawForm,
)
from actions.models import Commentaire
from actions.models.commentaire import CITATION_MAX
from actions.models.complements import TITRES
from actions.views.base import FicheMixin
from conventions.mixins import InConventionMixin
from ctg_portal.mixins import PermissionMixin, TransitionFormMixin, WhileOpenMixin
from ctg_portal.permissions import Can

Etat = Commentaire.Etat

FILTRES = {"ouverts": Etat.OUVERT, "repondus": Etat.REPONDU, "resolus": Etat.RESOLU}
"""What « fils » of the address keeps."""


@dataclass(frozen=True)
class Fil:
    """A thread on the page of its fiche, with what the reader may do in it."""

    commentaire: Commentaire
    can: Can


@dataclass(frozen=True)
class Fils:
    """The threads of a fiche that a reader sees; ``filtre`` keeps those of one state."""

    fils: list[Fil]
    filtre: str = ""

    @classmethod
    def of(cls, fiche, user, filtre=""):
        """One query; ``filtre`` unknown keeps all."""
        rows = Commentaire.tous.visible_to(user).filter(fiche=fiche).for_fil()
        found = []
        for row in rows:
            row.fiche = fiche
            found.append(Fil(row, Can(user, row)))
        return cls(found, filtre if filtre in FILTRES else "")

    def _kept(self):
        return [fil for fil in self.fils if not self.filtre or fil.commentaire.etat == FILTRES[self.filtre]]

    def en_suspens(self, section):
        return [fil for fil in self._on(section) if fil.commentaire.etat != Etat.RESOLU]

    def resolus(self, section):
        return [fil for fil in self._on(section) if fil.commentaire.etat == Etat.RESOLU]

    def _on(self, section):
        return [fil for fil in self._kept() if fil.commentaire.section == section]

    @property
    def onglets(self):
        """(value of the address, label, how many, in force or not), for those that hold something."""
        counts = Counter(fil.commentaire.etat for fil in self.fils)
        labels = {"ouverts": "Ouverts", "repondus": "Répondus", "resolus": "Résolus"}
        rows = [("", "Tous", len(self.fils), not self.filtre)]
        rows += [
            (name, labels[name], counts[etat], name == self.filtre)
            for name, etat in FILTRES.items()
            if counts[etat] or name == self.filtre
        ]
        return rows


class CommentaireAddView(WhileOpenMixin, TransitionFormMixin, FicheMixin, UpdateView):
    """The object found is the fiche; what the form saves is a thread on it."""

    permission = "actions.comment_ficheaction"
    role_permission = "actions.discuss_ficheaction"
    form_class = CommentaireForm
    template_name = "actions/commentaire_form.html"
    extra_context = {"titre": "Commenter la fiche", "bouton": "Enregistrer"}
    success_message = "Le commentaire est enregistré."

    def get_form_kwargs(self):
        remark = Commentaire(fiche=self.object, auteur=self.request.user)
        section = self.request.GET.get("section", "")
        initial = {
            "section": section if section in TITRES else "",
            "citation": self.request.GET.get("citation", "")[:CITATION_MAX],
            "portee": Commentaire.Portee.EQUIPE,
        }
        kwargs = super().get_form_kwargs()
        return kwargs | {"instance": remark, "initial": initial, "user": self.request.user}

    def get_success_url(self):
        return self.object.get_absolute_url()


class FilMixin(WhileOpenMixin, TransitionFormMixin, InConventionMixin, PermissionMixin):
    """One thread. A note of the CAF is not found by anybody else."""

    queryset = (
        Commentaire.tous.for_fil()
        .select_related("fiche__plan__convention__territoire__departement", "fiche__axe")
        .prefetch_related("fiche__pilotes")
    )
    convention_lookup = "fiche__plan__convention"
    context_object_name = "commentaire"
    role_permission = "actions.discuss_commentaire"
    template_name = "actions/fil_verbe.html"
    room = "plan"
    titre = ""
    bouton = ""
    danger = False

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"user": self.request.user}

    def get_context_data(self, **kwargs):
        return super().get_context_data(fiche=self.object.fiche, **kwargs)

    def get_success_url(self):
        return self.object.get_absolute_url()

    def state_sentence(self, commentaire):
        if commentaire.fiche.redaction == commentaire.fiche.Redaction.ARCHIVEE:
            return "Cette fiche est archivée : ses commentaires ne changent plus."
        if commentaire.etat == Etat.RESOLU:
            return "Ce commentaire est déjà résolu : rouvrez-le pour y répondre."
        return "Ce commentaire a changé entre-temps : relisez le fil."


class CommentaireReplyView(FilMixin, UpdateView):
    permission = "actions.reply_commentaire"
    form_class = ReplyForm
    titre = "Répondre au commentaire"
    bouton = "Envoyer la réponse"
    success_message = "La réponse est enregistrée."


class CommentaireResolveView(FilMixin, UpdateView):
    permission = "actions.resolve_commentaire"
    form_class = ResolveForm
    titre = "Résoudre le commentaire"
    bouton = "Marquer comme résolu"
    success_message = "Le commentaire est résolu."


class CommentaireReopenView(FilMixin, UpdateView):
    permission = "actions.reopen_commentaire"
    form_class = ReopenFilForm
    titre = "Rouvrir le commentaire"
    bouton = "Rouvrir le fil"
    success_message = "Le commentaire est rouvert."


class OwnMixin(FilMixin):
    """One's own remark, while nobody answered."""

    permission = "actions.rewrite_commentaire"
    role_permission = "actions.own_commentaire"

    def state_sentence(self, commentaire):
        if commentaire.fiche.redaction == commentaire.fiche.Redaction.ARCHIVEE:
            return super().state_sentence(commentaire)
        return "Quelqu’un a répondu entre-temps : ce commentaire ne change plus. Répondez dans le fil."


class CommentaireRewriteView(OwnMixin, UpdateView):
    form_class = CommentaireRewriteForm
    template_name = "actions/commentaire_form.html"
    extra_context = {"titre": "Corriger votre commentaire", "bouton": "Enregistrer"}
    success_message = "Le commentaire est corrigé."


class CommentaireWithdrawView(OwnMixin, UpdateView):
    form_class = WithdrawForm
    titre = "Retirer votre commentaire"
    bouton = "Retirer le commentaire"
    danger = True

    def form_valid(self, form):
        ancre = self.object.section or "commentaires"
        self.retour = f"{self.object.fiche.get_absolute_url()}#{ancre}"
        return super().form_valid(form)

    def get_success_url(self):
        messages.success(self.request, "Le commentaire est retiré.")
        return self.retour
