from django import forms
from django.core.exceptions import ValidationError

from ctg_portal.imports import ImportRefuse
from diagnostics.forms.diagnostic import form_helper
from diagnostics.imports import envoi
from diagnostics.imports.cellules import year_in
from diagnostics.imports.fichiers import MAX_OCTETS, TROP_LOURD_ENVOYE
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
            refus = ImportRefuse(TROP_LOURD_ENVOYE.format(nom=file.name))
            raise ValidationError(str(refus), code="too_large")
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
    """What each column of a table means; one says the place; the year is in a column, in the titles, or in the form."""

    garde = forms.CharField(
        label="Lignes à garder",
        required=False,
        max_length=100,
        help_text="Seulement si une colonne répartit les lignes\u00a0: ce qu’elle dit sur celles à garder, comme «\u00a0Total\u00a0».",
    )
    annee = forms.IntegerField(
        label="Année",
        required=False,
        min_value=1900,
        max_value=2100,
        help_text="Seulement si ni une colonne ni les titres ne la donnent.",
    )
    niveau = forms.ChoiceField(
        label="Lieux",
        required=False,
        choices=[("", "Communes et intercommunalité, d’après leur code"), *Valeur.Niveau.choices],
    )
    source = forms.CharField(
        label="Source",
        max_length=200,
        help_text="Qui publie ces chiffres, comme il faut la citer\u00a0: «\u00a0INSEE, statistiques locales\u00a0».",
    )

    def __init__(self, *args, importation, **kwargs):
        super().__init__(*args, **kwargs)
        self.importation = importation
        self.brut = envoi.raw_table(importation)
        self.indicateurs = list(Indicateur.objects.all())
        self.connue = envoi.remembered(importation, self.brut)
        said = envoi.suggest(self.brut, self.connue, self.indicateurs)
        self.initial |= {
            "source": said.source or importation.reponses.get("source", ""),
            "annee": said.annee if said.annee and self._years_of(said.colonnes) != {said.annee} else None,
            "niveau": said.niveau,
            "garde": said.garde,
        }
        choices = self._choices()
        self.noms = []
        for rank, title in enumerate(self.brut.entete):
            self.noms.append(f"c{rank}")
            self.fields[f"c{rank}"] = forms.ChoiceField(
                label=f"«\u00a0{title}\u00a0»" if title else f"Colonne {rank + 1}, sans titre",
                choices=choices,
                required=False,
                initial=said.colonnes[rank] if rank < len(said.colonnes) else "",
                help_text=self._samples(rank),
            )
        self.order_fields([*self.noms, "garde", "annee", "niveau", "source"])
        self.helper = form_helper()

    def _choices(self):
        themes = {}
        for row in self.indicateurs:
            themes.setdefault(row.get_theme_display(), []).append((row.code, row.intitule))
        return [
            (envoi.IGNOREE, "Ignorée"),
            (envoi.LIEU, "Code du lieu"),
            (envoi.ANNEE, "Année"),
            (envoi.TRI, "Répartition\u00a0: une partie des lignes est gardée"),
            *themes.items(),
        ]

    def _samples(self, rank):
        values = dict.fromkeys(
            cells[rank] for _, cells in self.brut.lignes[:200] if rank < len(cells) and cells[rank]
        )
        if not values:
            return "Vide sur vos lignes."
        return f"Par exemple\u00a0: {', '.join(value[:30] for value in list(values)[:3])}"

    def _years_of(self, colonnes):
        """The years that the titles of the columns of figures bear; ``None`` among them for a title without."""
        others = (envoi.LIEU, envoi.ANNEE, envoi.TRI, envoi.IGNOREE)
        return {
            year_in(title)
            for title, code in zip(self.brut.entete, colonnes, strict=False)
            if code not in others
        }

    def clean(self):
        cleaned = super().clean()
        meanings = [cleaned.get(nom, "") for nom in self.noms]
        said = [meaning for meaning in meanings if meaning]
        if envoi.LIEU not in said:
            raise ValidationError("Dites quelle colonne porte le code du lieu.")
        if not set(said) - {envoi.LIEU, envoi.ANNEE, envoi.TRI}:
            raise ValidationError("Dites quel indicateur donne au moins une colonne.")
        by_title = envoi.ANNEE not in said and not cleaned.get("annee")
        self._refuse_twice(meanings, by_title)
        if by_title and "annee" not in self.errors and None in self._years_of(meanings):
            self.add_error("annee", "Donnez l’année, ou la colonne qui la porte.")
        if envoi.TRI in said and not cleaned.get("garde"):
            self.add_error("garde", "Dites quelles lignes garder.")
        return cleaned

    def _refuse_twice(self, meanings, by_title):
        """Two columns may give one indicateur when their titles bear different years."""
        labels = {envoi.LIEU: "Code du lieu", envoi.ANNEE: "Année", envoi.TRI: "Répartition"}
        names = labels | {row.code: row.intitule for row in self.indicateurs}
        seen = set()
        for title, meaning in zip(self.brut.entete, meanings, strict=True):
            year = year_in(title) if by_title and meaning not in labels else None
            if meaning and (meaning, year) in seen:
                raise ValidationError(
                    f"Deux colonnes disent «\u00a0{names[meaning]}\u00a0»\u00a0: gardez-en une."
                )
            seen.add((meaning, year))

    def save(self, *, by):
        description = envoi.Description(
            [self.cleaned_data[nom] for nom in self.noms],
            self.cleaned_data["annee"],
            self.cleaned_data["niveau"],
            self.cleaned_data["source"],
            self.cleaned_data["garde"],
        )
        return envoi.describe(self.importation, description, by=by)
