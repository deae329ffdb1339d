from django import forms
from django.db import transaction

from actions.forms.base import form_helper
from actions.models import AVANCEMENT_TRANSITIONS, Etape, FicheAction, Note
from actions.models.fiche import Avancement
from actions.models.notification import NOUVELLES_ATTENDUES
from conventions.forms.base import PlausibleDatesMixin, date_input
from ctg_portal.fields import TexteLong

TEXTE_MAX = 5000


class NouvellesForm(PlausibleDatesMixin, forms.ModelForm):
    """How far the action is, a note, the next step: what a pilote says in half a minute, all of it optional.

    It carries what the page showed (``vu_…``): when somebody moved the action meanwhile, nothing is overwritten.
    """

    # As the forms of sections: nothing else is edited beside.
    formsets = {}
    conflict = False

    avancement = forms.ChoiceField(label="Où en est l’action", widget=forms.RadioSelect)
    note = forms.CharField(
        label="Une nouvelle",
        required=False,
        max_length=TEXTE_MAX,
        widget=TexteLong(4, limite=TEXTE_MAX),
        help_text="Ce qui a été fait, ce qui bloque. Aucune information sur une famille ou une personne privée.",
    )
    etape_faite = forms.BooleanField(label="C’est fait", required=False)
    etape_echeance = forms.DateField(label="Nouvelle date", required=False, widget=date_input())
    etape_intitule = forms.CharField(label="Prochaine étape", required=False, max_length=300)
    vu_avancement = forms.CharField(widget=forms.HiddenInput, required=False)
    vu_etape = forms.CharField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = FicheAction
        fields = []

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        fiche = self.instance
        self.etape = prochaine_etape(fiche)
        allowed = {fiche.avancement, *AVANCEMENT_TRANSITIONS[fiche.avancement]}
        self.fields["avancement"].choices = [
            (code, f"{label} (inchangé)" if code == fiche.avancement else label)
            for code, label in Avancement.choices
            if code in allowed
        ]
        self.initial |= {
            "avancement": fiche.avancement,
            "vu_avancement": fiche.avancement,
            "vu_etape": str(self.etape.pk) if self.etape else "",
        }
        if self.etape:
            del self.fields["etape_intitule"]
            self.initial["etape_echeance"] = self.etape.echeance
        else:
            del self.fields["etape_faite"]
            self.fields["etape_echeance"].label = "Pour le"
        self.helper = form_helper()

    def clean(self):
        cleaned = super().clean()
        self.refuse_when_moved(cleaned)
        chosen, note = cleaned.get("avancement"), cleaned.get("note", "").strip()
        if chosen == Avancement.ABANDONNEE != self.instance.avancement and not note:
            self.add_error("note", "Dites en quelques mots pourquoi l’action est abandonnée.")
        if self.etape is None:
            intitule, le = cleaned.get("etape_intitule", "").strip(), cleaned.get("etape_echeance")
            if le and not intitule:
                self.add_error("etape_intitule", "Dites quelle est cette étape.")
        if not self.errors and not self.says_something(cleaned):
            raise forms.ValidationError(
                "Rien à enregistrer : changez l’avancement, écrivez une nouvelle ou parlez de la prochaine étape."
            )
        return cleaned

    def refuse_when_moved(self, cleaned):
        """The page was opened before somebody else moved the action, or did its next step."""
        data = self.data = self.data.copy()
        seen = cleaned.get("vu_avancement")
        if seen and seen != self.instance.avancement:
            data[self.add_prefix("vu_avancement")] = self.instance.avancement
            self.add_error(
                "avancement",
                f"L’action est passée à « {self.instance.get_avancement_display().lower()} » depuis que vous avez "
                "ouvert cette page. Votre saisie est gardée : vérifiez ce choix, puis enregistrez.",
            )
        shown = str(self.etape.pk) if self.etape else ""
        if "vu_etape" in self.data and cleaned.get("vu_etape", "") != shown:
            data[self.add_prefix("vu_etape")] = shown
            self.add_error(
                None,
                "La prochaine étape n’est plus la même depuis que vous avez ouvert cette page. Votre saisie est "
                "gardée : vérifiez l’étape, puis enregistrez.",
            )

    def says_something(self, cleaned):
        return (
            cleaned.get("avancement") != self.instance.avancement
            or bool(cleaned.get("note", "").strip())
            or bool(cleaned.get("etape_faite"))
            or bool(cleaned.get("etape_intitule", "").strip())
            or (self.etape is not None and cleaned.get("etape_echeance") != self.etape.echeance)
        )

    @transaction.atomic
    def save(self, *, by):
        fiche, cleaned = self.instance, self.cleaned_data
        note = cleaned["note"].strip()
        if note:
            Note.objects.create(fiche=fiche, texte=note, auteur=by)
        self.save_etape()
        if cleaned["avancement"] != fiche.avancement:
            abandons = cleaned["avancement"] == Avancement.ABANDONNEE
            fiche.move_avancement(cleaned["avancement"], by=by, motif=note if abandons else "")
        # Answered: the bell has nothing more to ask.
        fiche.notifications.filter(destinataire=by, genre__in=NOUVELLES_ATTENDUES).read()
        return fiche

    def save_etape(self):
        cleaned = self.cleaned_data
        if self.etape is None:
            if intitule := cleaned["etape_intitule"].strip():
                Etape.objects.create(
                    fiche=self.instance,
                    intitule=intitule,
                    echeance=cleaned["etape_echeance"],
                    ordre=self.instance.etapes.count(),
                )
        elif cleaned["etape_faite"]:
            self.etape.complete()
        elif cleaned["etape_echeance"] != self.etape.echeance:
            self.etape.echeance = cleaned["etape_echeance"]
            self.etape.save(update_fields=["echeance"])


def prochaine_etape(fiche):
    """The first step not done: by its date, those without one last."""
    todo = [etape for etape in fiche.etapes.all() if etape.faite_le is None]
    return min(todo, key=lambda etape: (etape.echeance is None, etape.echeance, etape.ordre), default=None)
