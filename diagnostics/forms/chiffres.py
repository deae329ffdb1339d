from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from conventions.forms.base import ConstrainedForm, DatalistInput
from ctg_portal.fields import NombreField
from diagnostics.models import FRANCE, Indicateur, Valeur

Niveau = Valeur.Niveau
DEJA = "Ce chiffre est déjà inscrit : même lieu, même année, même source."


def lieux(territoire):
    """The places that a territoire's figures may be about: « niveau:code » and name, in groups; one query."""
    departement = territoire.departement
    return [
        ("Territoire", [(f"{Niveau.EPCI}:{territoire.siren}", territoire.nom)]),
        (
            "Comparaisons",
            [
                (f"{Niveau.DEPARTEMENT}:{departement.code}", f"Département : {departement}"),
                (f"{Niveau.REGION}:{departement.code_region}", f"Région : {departement.region}"),
                (f"{Niveau.FRANCE}:{FRANCE}", "France"),
            ],
        ),
        (
            "Communes",
            [(f"{Niveau.COMMUNE}:{commune.code}", commune.nom) for commune in territoire.communes.all()],
        ),
    ]


class ValeurForm(ConstrainedForm):
    """A figure by hand: its place is one of the territoire's, or one it is compared with."""

    rangees = (
        (("indicateur", 6), ("lieu", 6)),
        (("annee", 3), ("valeur", 4), ("absence", 5)),
        (("source", 12),),
    )
    lieu = forms.ChoiceField(label="Lieu")
    valeur = NombreField(
        label="Valeur", required=False, help_text="Dans l’unité de l’indicateur, comme 5 372 ou 21,5."
    )
    version = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Valeur
        fields = ["indicateur", "annee", "valeur", "absence", "source"]
        labels = {"absence": "Ou pourquoi elle manque"}
        help_texts = {
            "absence": "Un chiffre absent n’est pas zéro : laissez alors la valeur vide.",
            "source": "D’où vient le chiffre, comme il faut la citer : deux sources se montrent côte à côte.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        territoire = self.instance.territoire
        self.actuelle = self.instance.updated_at.isoformat() if self.instance.pk else ""
        self.initial["version"] = self.actuelle
        indicateurs = list(Indicateur.objects.all())
        self.fields["indicateur"].empty_label = "Choisir…"
        self.fields["indicateur"].choices = self._by_theme(indicateurs)
        self.fields["absence"].choices = [("", "Elle est connue"), *Valeur.Absence.choices]
        self.fields["annee"].min_value, self.fields["annee"].max_value = 1900, 2100
        self.fields["lieu"].choices = [("", "Choisir…"), *self._lieux(territoire)]
        used = Valeur.objects.filter(territoire=territoire).order_by("source").distinct()
        sources = dict.fromkeys(
            [*used.values_list("source", flat=True), *(row.source for row in indicateurs if row.source)]
        )
        self.fields["source"].widget = DatalistInput(
            [(source, "") for source in sources], attrs={"maxlength": 200}
        )

    def _by_theme(self, indicateurs):
        groups = {}
        for row in indicateurs:
            unite = f" ({row.unite})" if row.unite else ""
            groups.setdefault(row.get_theme_display(), []).append((row.pk, f"{row}{unite}"))
        return [("", "Choisir…"), *groups.items()]

    def _lieux(self, territoire):
        groups = lieux(territoire)
        if self.instance.pk:
            # What the row is about stays a choice, even if the territoire has lost it.
            actuel = f"{self.instance.niveau}:{self.instance.code}"
            self.initial["lieu"] = actuel
            if all(actuel != value for _, choices in groups for value, _ in choices):
                groups.append(
                    (
                        "Hors du territoire",
                        [(actuel, Valeur.objects.with_lieu().get(pk=self.instance.pk).lieu)],
                    )
                )
        return groups

    def clean_source(self):
        return " ".join(self.cleaned_data["source"].split())

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("version", "") != self.actuelle:
            # The words typed stay in the form; sending it again is choosing them.
            self.data = self.data.copy()
            self.data[self.add_prefix("version")] = self.actuelle
            raise ValidationError(
                "Quelqu’un a modifié ce chiffre depuis l’ouverture de cette page\u00a0: rien n’est enregistré. "
                "Votre saisie est ci-dessous\u00a0; enregistrez de nouveau pour qu’elle remplace la sienne.",
                code="stale",
            )
        valeur, absence, indicateur = (cleaned.get(name) for name in ("valeur", "absence", "indicateur"))
        if "valeur" in cleaned and valeur is None and not absence:
            self.add_error("valeur", "Écrivez la valeur, ou dites pourquoi elle manque.")
        if valeur is not None and absence:
            self.add_error("absence", "La valeur est écrite : elle ne manque pas. Gardez l’une ou l’autre.")
        if valeur is not None and valeur < 0 and indicateur and indicateur.is_sommable:
            self.add_error("valeur", "Un effectif n’est jamais négatif.")
        if lieu := cleaned.get("lieu"):
            self.instance.niveau, self.instance.code = lieu.split(":", 1)
        return cleaned

    def save(self):
        """``None`` when somebody wrote the same figure meanwhile: the form then says so."""
        if "valeur" in self.changed_data:
            # No longer what the file said.
            self.instance.importation = None
        try:
            with transaction.atomic():
                return super().save()
        except IntegrityError:
            self.add_error(None, DEJA)
            return None
