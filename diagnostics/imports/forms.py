from django import forms
from django.core.exceptions import ValidationError

from ctg_portal.imports import ImportRefuse
from diagnostics.forms import form_helper
from diagnostics.imports import envoi
from diagnostics.imports.fichiers import MAX_OCTETS
from diagnostics.imports.lieux import Lieux
from diagnostics.models import Indicateur, Valeur

MEGAOCTETS = f"{MAX_OCTETS // 1_048_576}\u00a0Mo"


class ChiffresForm(forms.Form):
    """A file of figures, read as a stream when the form is checked; what cannot be read is refused here."""

    fichier = forms.FileField(
        label="Fichier",
        help_text=f"Un fichier .csv, un classeur .xlsx ou une archive .zip, tels que vous les avez téléchargés\u202f; {MEGAOCTETS} au plus.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.xlsx,.zip"}),
        error_messages={"empty": f"Ce fichier est vide, ou dépasse {MEGAOCTETS}."},
    )

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention
        self.helper = form_helper()

    def clean_fichier(self):
        file = self.cleaned_data["fichier"]
        if file.size > MAX_OCTETS:
            raise ValidationError(f"Ce fichier est trop lourd\u00a0: {MEGAOCTETS} au plus.", code="too_large")
        try:
            self.lu = envoi.read_upload(file.file, file.name, Lieux.of(self.convention.territoire))
        except ImportRefuse as refus:
            raise ValidationError(str(refus), code="refused") from refus
        return file

    def save(self, *, by):
        """Raises ``ImportRefuse`` if what concerns the territoire is too heavy to be kept."""
        file = self.cleaned_data["fichier"]
        return envoi.send(convention=self.convention, nom=file.name, file=file.file, lu=self.lu, by=by)


class ColonnesForm(forms.Form):
    """What each column of a table means; one says the place, one or the form says the year."""

    source = forms.CharField(
        label="Source",
        max_length=200,
        help_text="Qui publie ces chiffres\u00a0: « INSEE, statistiques locales »…",
    )
    annee = forms.IntegerField(
        label="Année",
        required=False,
        min_value=1900,
        max_value=2100,
        help_text="Seulement si aucune colonne ne la donne.",
    )
    niveau = forms.ChoiceField(
        label="Lieux",
        required=False,
        choices=[("", "Communes et intercommunalité, d’après leur code"), *Valeur.Niveau.choices],
    )

    def __init__(self, *args, importation, **kwargs):
        super().__init__(*args, **kwargs)
        self.importation = importation
        self.brut = envoi.raw_table(importation)
        indicateurs = list(Indicateur.objects.all())
        self.connue = envoi.remembered(importation, self.brut)
        said = envoi.suggest(self.brut, self.connue, indicateurs)
        self.initial |= {
            "source": said.source or importation.reponses.get("source", ""),
            "annee": said.annee,
            "niveau": said.niveau,
        }
        choices = [
            (envoi.IGNOREE, "Ignorée"),
            (envoi.LIEU, "Code du lieu"),
            (envoi.ANNEE, "Année"),
            ("Indicateurs", [(row.code, row.intitule) for row in indicateurs]),
        ]
        self.noms = []
        for rank, title in enumerate(self.brut.entete):
            samples = dict.fromkeys(
                cells[rank] for _, cells in self.brut.lignes[:20] if rank < len(cells) and cells[rank]
            )
            self.noms.append(f"c{rank}")
            self.fields[f"c{rank}"] = forms.ChoiceField(
                label=f"« {title} »" if title else f"Colonne {rank + 1}, sans titre",
                choices=choices,
                required=False,
                initial=said.colonnes[rank] if rank < len(said.colonnes) else "",
                help_text=f"Par exemple\u00a0: {', '.join(value[:30] for value in list(samples)[:3])}"
                if samples
                else "Vide sur vos lignes.",
            )
        self.order_fields([*self.noms, "annee", "niveau", "source"])
        self.helper = form_helper()

    def clean(self):
        cleaned = super().clean()
        meanings = [cleaned.get(nom, "") for nom in self.noms]
        used = [meaning for meaning in meanings if meaning]
        if twice := {meaning for meaning in used if used.count(meaning) > 1}:
            labels = {"lieu": "Code du lieu", "annee": "Année"}
            names = Indicateur.objects.in_bulk(twice - set(labels), field_name="code")
            said = sorted(labels.get(code) or names[code].intitule for code in twice)
            raise ValidationError(f"Deux colonnes disent « {said[0]} »\u00a0: gardez-en une.")
        if envoi.LIEU not in used:
            raise ValidationError("Dites quelle colonne porte le code du lieu.")
        if not set(used) - {envoi.LIEU, envoi.ANNEE}:
            raise ValidationError("Dites quel indicateur donne au moins une colonne.")
        if envoi.ANNEE not in used and not cleaned.get("annee") and "annee" not in self.errors:
            self.add_error("annee", "Donnez l’année, ou la colonne qui la porte.")
        return cleaned

    def save(self, *, by):
        description = envoi.Description(
            [self.cleaned_data[nom] for nom in self.noms],
            self.cleaned_data["annee"],
            self.cleaned_data["niveau"],
            self.cleaned_data["source"],
        )
        return envoi.describe(self.importation, description, by=by)
