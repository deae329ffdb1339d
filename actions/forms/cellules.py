"""One cell of the table of fiches: the same rights, the same refusals and the same conflicts as the section it belongs to."""

from crispy_forms.helper import FormHelper
from django import forms
from django.utils import timezone

from actions.forms.fiches import AvancementForm
from actions.forms.sections import FicheSectionForm, PiloteForm, rows_of
from actions.models import FicheAction, Pilote
from actions.models.fiche import Avancement
from actions.models.histoire import last_hand, last_pilotes
from conventions.forms.base import date_input
from ctg_portal.templatetags.portal import date_fr, date_heure


class ConflictMixin:
    """Two people at once: nothing is replaced until the second has seen what the first did, and chooses."""

    conflict = False

    def tell(self, saved, person, moment):
        """The sentence of the conflict: what stands now, by whom and when."""
        who = f" par {person}" if person else ""
        when = f", le {date_heure(timezone.localtime(moment))}" if moment else ""
        self.add_error(
            None,
            f"Entre-temps, cette case a été changée{who}{when}\u00a0: elle dit maintenant «\u00a0{saved}\u00a0». "
            "Rien n’a été remplacé. Gardez ce qui est enregistré, ou enregistrez votre choix pour le remplacer.",
        )


class AvancementCelluleForm(ConflictMixin, AvancementForm):
    """``empreinte`` is the avancement as the page showed it."""

    empreinte = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.initial["empreinte"] = self.instance.avancement
        if self.is_bound:
            # What was chosen before somebody moved it is kept to be said, even when it is no longer possible.
            self.wanted = self.data.get("avancement", "")

    def clean(self):
        cleaned = super().clean()
        given, now = cleaned.get("empreinte"), self.instance.avancement
        if given and given != now:
            self.conflict = True
            self.data = self.data.copy()
            self.data["empreinte"] = now
            line = self.instance.journal.filter(champ="avancement").select_related("by").first()
            self._errors.pop("avancement", None)
            self.tell(Avancement(now).label, line and line.by, line and line.created_at)
            if self.wanted in Avancement.values and self.wanted not in dict(
                self.fields["avancement"].choices
            ):
                if self.wanted == now:
                    self.add_error(
                        None, "C’est ce que vous vouliez faire\u00a0: il n’y a plus rien à enregistrer."
                    )
                else:
                    self.add_error(
                        None,
                        f"De là, l’action ne peut pas passer à «\u00a0{Avancement(self.wanted).label.lower()}\u00a0».",
                    )
        return cleaned

    def announce(self, *, by):
        """Nobody is told of an avancement one by one."""


class CelluleForm(ConflictMixin, FicheSectionForm):
    """A part of a section, small enough for a cell."""

    @property
    def helper(self):
        helper = FormHelper()
        helper.form_tag = False
        helper.disable_csrf = True
        return helper

    def said(self):
        """What is saved, in words."""
        raise NotImplementedError

    def refuse_overwriting(self):
        person, moment = self.last_change()
        self.tell(self.said(), person, moment)

    def last_change(self):
        return last_hand(self.instance, self.columns)

    def save(self, *, by):
        return super().save()


class EcheanceCelluleForm(CelluleForm):
    class Meta:
        model = FicheAction
        fields = ["echeance"]
        widgets = {"echeance": date_input()}

    def said(self):
        echeance = self.initial.get("echeance")
        return date_fr(echeance) if echeance else "sans échéance"


class PilotesCelluleForm(CelluleForm):
    rows = {"pilotes": rows_of(Pilote, PiloteForm, extra=1)}

    class Meta:
        model = FicheAction
        fields = []

    def prepare(self):
        super().prepare()
        self.initial.setdefault("empreinte", "")

    def said(self):
        return ", ".join(str(pilote) for pilote in self.instance.pilotes.all()) or "sans pilote"

    def last_change(self):
        return last_pilotes(self.instance)

    def announce(self, *, by):
        rows = self.formsets["pilotes"]
        saved = [*rows.new_objects, *(row for row, changed in rows.changed_objects if "user" in changed)]
        self.instance.notifications.tell_pilotes(
            self.instance, [row.user for row in saved if row.user], by=by
        )
