"""What the pages of the workbook ask: a file, what to do of conflicts and of what is gone, and to confirm."""

from django import forms
from django.core.exceptions import ValidationError
from openpyxl.utils import get_column_letter

from actions.tableur import plans, retour, travaux
from actions.tableur.apercu import LEUR, MIEN
from actions.tableur.branches import NOUVEL_AXE, TITRE_MAX
from actions.tableur.cibles import CIBLES, IGNORER, NOTE, TITRE
from actions.tableur.tableau import JOUR_MOIS, MOIS_JOUR, order_of_dates, read_tableau
from ctg_portal.imports import MAX_OCTETS, ImportRefuse


class FichierPlanForm(forms.Form):
    """A file is read at once: what cannot be is refused here, and kept nowhere. ``send`` keeps it."""

    fichier = forms.FileField(
        label="Classeur à renvoyer",
        help_text="Le fichier .xlsx téléchargé ici, complété ; 5 Mo au plus.",
        widget=forms.FileInput(attrs={"accept": ".xlsx"}),
        error_messages={"empty": "Ce fichier est vide.", "required": "Choisissez le fichier à envoyer."},
    )

    def __init__(self, *args, convention, **kwargs):
        super().__init__(*args, **kwargs)
        self.convention = convention

    def clean_fichier(self):
        file = self.cleaned_data["fichier"]
        if file.size > MAX_OCTETS:
            raise ValidationError("Ce fichier est trop lourd\u00a0: 5\u00a0Mo au plus.", code="too_large")
        if file.name.lower().endswith(".xlsm"):
            raise ValidationError(
                "Ce classeur contient des macros (.xlsm)\u00a0: enregistrez-le au format .xlsx, et recommencez.",
                code="macros",
            )
        return file

    def save(self, *, by):
        """Raises ``ValidationError`` if the file cannot be read."""
        file = self.cleaned_data["fichier"]
        try:
            return self.send(file.name, file.read(), by)
        except ImportRefuse as refus:
            raise ValidationError(str(refus), code="refused") from refus

    def send(self, nom, contenu, by):
        envoi, lignes = retour.send(convention=self.convention, nom=nom, contenu=contenu, by=by)
        return travaux.preview(envoi, lignes=lignes, by=by)


class ImportPlanForm(FichierPlanForm):
    """A plan made elsewhere: any table with a row an action."""

    fichier = forms.FileField(
        label="Fichier du plan",
        help_text="Un classeur .xlsx ou .ods, ou un fichier .csv, avec une ligne par action ; 5 Mo au plus.",
        widget=forms.FileInput(attrs={"accept": ".xlsx,.ods,.csv,.txt"}),
        error_messages={"empty": "Ce fichier est vide.", "required": "Choisissez le fichier à envoyer."},
    )

    def send(self, nom, contenu, by):
        return plans.send(convention=self.convention, nom=nom, contenu=contenu, by=by)


class FeuilleForm(forms.Form):
    """Which sheet, and which of its rows bears the titles."""

    feuille = forms.ChoiceField(label="Feuille")
    entete = forms.IntegerField(
        label="Ligne des titres",
        min_value=1,
        max_value=20_000,
        help_text="Le numéro de la ligne qui nomme les colonnes.",
    )

    def __init__(self, *args, envoi, grilles, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi, self.grilles = envoi, {grille.titre: grille for grille in grilles}
        self.fields["feuille"].choices = [(titre, titre) for titre in self.grilles]
        self.initial |= {name: envoi.reponses.get(name) for name in ("feuille", "entete")}

    def clean(self):
        cleaned = super().clean()
        if "feuille" in cleaned and "entete" in cleaned:
            try:
                read_tableau(self.grilles[cleaned["feuille"]], cleaned["entete"])
            except ImportRefuse as refus:
                raise ValidationError(str(refus)) from refus
        return cleaned

    def save(self, *, by):
        """Another table forgets what was said of the columns of the first."""
        chosen = {name: self.cleaned_data[name] for name in ("feuille", "entete")}
        before = {name: self.envoi.reponses.get(name) for name in chosen}
        self.envoi.answer(chosen if chosen == before else chosen | {"colonnes": []}, by=by)
        return self.envoi


class ColonnesForm(forms.Form):
    """What each column fills; in which order dates are written; where a fiche without axe goes."""

    dates = forms.ChoiceField(
        label="Les dates écrites en chiffres se lisent",
        choices=[
            (JOUR_MOIS, "jour/mois/année (31/01/2026)"),
            (MOIS_JOUR, "mois/jour/année (01/31/2026)"),
        ],
    )
    axe = forms.ChoiceField(label="Une action sans axe va dans")

    def __init__(self, *args, envoi, tableau, colonnes, axes, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi, self.tableau = envoi, tableau
        self.fields["axe"].choices = [
            (NOUVEL_AXE, "un nouvel axe, « Actions »"),
            *((str(axe.pk), str(axe)) for axe in axes),
        ]
        self.initial |= {
            "dates": envoi.reponses.get("dates") or order_of_dates(tableau, colonnes),
            "axe": envoi.reponses.get("axe", NOUVEL_AXE),
        }
        choices = [
            (NOTE, "Garder dans une note de la fiche"),
            (IGNORER, "Laisser de côté"),
            *((cible.nom, cible.label) for cible in CIBLES),
        ]
        for rang, titre in enumerate(tableau.titres):
            self.fields[f"colonne-{rang}"] = forms.ChoiceField(
                label=titre or "Sans titre",
                choices=choices,
                required=False,
                initial=colonnes[rang],
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    def lignes(self):
        """Each column: its letter, its title, examples, its field."""
        return [
            (
                get_column_letter(self.tableau.colonnes[rang]),
                titre,
                self.tableau.exemples(rang),
                self[f"colonne-{rang}"],
            )
            for rang, titre in enumerate(self.tableau.titres)
        ]

    @property
    def colonnes(self):
        return [self.cleaned_data[f"colonne-{rang}"] for rang in range(len(self.tableau.titres))]

    def clean(self):
        cleaned = super().clean()
        chosen = [cleaned.get(f"colonne-{rang}") for rang in range(len(self.tableau.titres))]
        if TITRE not in chosen:
            raise ValidationError(
                "Dites quelle colonne porte l’intitulé des actions\u00a0: sans lui, aucune fiche ne peut être créée."
            )
        return cleaned

    def save(self, *, by):
        """Raises ``ValidationError`` when the table cannot be read so."""
        try:
            lignes = plans.describe(
                self.envoi,
                colonnes=self.colonnes,
                dates=self.cleaned_data["dates"],
                axe=self.cleaned_data["axe"],
                by=by,
            )
            return travaux.preview(self.envoi, lignes=lignes, by=by)
        except ImportRefuse as refus:
            raise ValidationError(str(refus), code="refused") from refus


class RepriseForm(forms.Form):
    """A row that makes no fiche, and the title under which it does."""

    ligne = forms.IntegerField(widget=forms.HiddenInput)
    titre = forms.CharField(
        label="Titre de l’action",
        max_length=TITRE_MAX,
        error_messages={"required": "Donnez un titre à cette action\u00a0: rien n’est changé."},
    )

    def __init__(self, *args, envoi, apercu, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi, self.apercu = envoi, apercu

    def clean_ligne(self):
        ligne = self.cleaned_data["ligne"]
        if ligne not in {row.ligne for row in self.apercu.ecartees}:
            raise ValidationError("Cette ligne n’est plus parmi celles de côté\u00a0: regardez l’aperçu.")
        return ligne

    def save(self, *, by):
        """Raises ``ValidationError`` when the table cannot be read so."""
        data = self.cleaned_data
        try:
            lignes = plans.retitle(self.envoi, data["ligne"], data["titre"], by=by)
            return travaux.preview(self.envoi, lignes=lignes, by=by)
        except ImportRefuse as refus:
            raise ValidationError(str(refus), code="refused") from refus


class ConfirmationEnvoiForm(forms.Form):
    """One choice a conflict, one box a row that is gone; ``empreinte`` is that of the preview under the eyes."""

    empreinte = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
    sans_refusees = forms.BooleanField(required=False)

    def __init__(self, *args, envoi, apercu, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi, self.apercu = envoi, apercu
        # What was chosen before the plan refused it.
        self.initial |= envoi.reponses.get("demande", {}).get("decisions", {})
        self.initial["empreinte"] = apercu.empreinte
        refusees = apercu.refusees
        self.fields["sans_refusees"].label = (
            "Laisser de côté la case refusée, et écrire le reste"
            if refusees == 1
            else f"Laisser de côté les {refusees} cases refusées, et écrire le reste"
        )
        for cellule in apercu.conflits:
            self.fields[f"conflit-{cellule.cle}"] = forms.ChoiceField(
                label=f"{cellule.adresse}, {cellule.titre}",
                choices=[(LEUR, "Garder le texte du portail"), (MIEN, "Prendre celui du classeur")],
                required=False,
                widget=forms.RadioSelect,
            )
        for retrait in apercu.retraits:
            if not retrait.refus:
                self.fields[f"retrait-{retrait.cle}"] = forms.BooleanField(
                    label=retrait.effet[:1].upper() + retrait.effet[1:], required=False
                )

    def save(self, *, by):
        asked = ("empreinte", "sans_refusees")
        decisions = {
            name: str(value) for name, value in self.cleaned_data.items() if value and name not in asked
        }
        return travaux.confirm(
            self.envoi,
            empreinte=self.cleaned_data["empreinte"],
            decisions=decisions,
            sans_refusees=self.cleaned_data["sans_refusees"],
            by=by,
        )


class AbandonEnvoiForm(forms.Form):
    def __init__(self, *args, envoi, **kwargs):
        super().__init__(*args, **kwargs)
        self.envoi = envoi

    def save(self, *, by):
        self.envoi.drop(by=by)
        return self.envoi
