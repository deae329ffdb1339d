from crispy_forms.layout import Layout
from django import forms
from django.db import transaction

from actions.forms.base import form_helper
from actions.models import AbonnementCourriel, Genre, Notification, ReglageNotification
from conventions.models import Convention

AIDES = {
    Genre.A_COMPLETER: "Sur les fiches que vous pilotez ou coordonnez.",
    Genre.AVIS_DU: "Quand un avis vous est demandé et que son échéance approche.",
    Genre.SOUMISE: "Quand une fiche attend votre relecture.",
    Genre.PILOTE: "Quand une fiche vous est confiée.",
    Genre.MENTION: "Quand un commentaire vous nomme.",
    Genre.COMMENTAIRE: "Sur vos fiches, et là où vous avez déjà commenté.",
    Genre.VALIDEE: "Quand la CAF valide une fiche que vous pilotez ou coordonnez.",
    Genre.ETAPE_EN_RETARD: "Quand la date prévue d’une étape est passée.",
    Genre.SANS_NOUVELLE: "Quand une action n’a ni note, ni étape faite, ni bilan depuis six mois.",
}


class NotificationFilterForm(forms.Form):
    """What the list shows; choices are those of the visitor."""

    etat = forms.ChoiceField(
        label="Afficher", required=False, choices=[("", "Non lues"), ("toutes", "Toutes")]
    )
    genre = forms.ChoiceField(label="Événement", required=False, choices=[("", "Tous"), *Genre.choices])
    convention = forms.ModelChoiceField(
        label="Convention", required=False, empty_label="Toutes", queryset=Convention.objects.none()
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["convention"].queryset = Convention.objects.visible_to(user).select_related("territoire")

    def apply(self, notifications):
        """A filter that means nothing is left aside."""
        self.is_valid()
        chosen = self.cleaned_data
        if chosen.get("etat") != "toutes":
            notifications = notifications.non_lues()
        if chosen.get("genre"):
            notifications = notifications.filter(genre=chosen["genre"])
        if chosen.get("convention"):
            notifications = notifications.of_convention(chosen["convention"])
        return notifications

    @property
    def count(self):
        return sum(bool(self.cleaned_data.get(name)) for name in ("genre", "convention"))


class NotificationReadForm(forms.Form):
    """One notification of the visitor; ``suite`` says whether it is opened, or only put away."""

    notification = forms.ModelChoiceField(queryset=Notification.objects.none())
    suite = forms.CharField(required=False)

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["notification"].queryset = user.notifications.visible_to(user).with_sujet()


class PreferencesForm(forms.Form):
    """How often one is written to, and a box for each kind, on the portal and by e-mail."""

    frequence = forms.ChoiceField(
        label="Courriel récapitulatif",
        choices=AbonnementCourriel.Frequence.choices,
        widget=forms.RadioSelect,
    )

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user
        chosen = {row.genre: row for row in user.reglages.all()}
        abonnement = AbonnementCourriel.objects.filter(user=user).first() or AbonnementCourriel()
        self.fields["frequence"].initial = abonnement.frequence
        for genre in Genre:
            for where, words in (("portail", "sur le portail"), ("courriel", "par courriel")):
                row = chosen.get(genre)
                self.fields[f"{where}_{genre}"] = forms.BooleanField(
                    label=f"{genre.label}, {words}",
                    required=False,
                    initial=getattr(row, where) if row else True,
                    widget=forms.CheckboxInput(attrs={"class": "form-check-input"}),
                )
        self.helper = form_helper(Layout("frequence"))

    def rows(self):
        """(label, explanation, box of the portal, box of the e-mail) of each kind."""
        return [
            (genre.label, AIDES[genre], self[f"portail_{genre}"], self[f"courriel_{genre}"])
            for genre in Genre
        ]

    @transaction.atomic
    def save(self, *, by):
        AbonnementCourriel.choose(self.cleaned_data["frequence"], by=by)
        for genre in Genre:
            ReglageNotification.objects.update_or_create(
                user=by,
                genre=genre,
                defaults={where: self.cleaned_data[f"{where}_{genre}"] for where in ("portail", "courriel")},
            )
        return by
