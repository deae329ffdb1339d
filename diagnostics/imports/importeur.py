"""The figures of a territoire as rows to import: shown, confirmed and reported like the other imports."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from conventions.models import Convention, Importation
from conventions.operations.importeurs import IMPORTEURS, Importeur, Lecture
from ctg_portal.imports import Champ, Ligne, normalise, parse_entier
from ctg_portal.tableurs import Colonne
from ctg_portal.tableurs import Valeur as Cellule
from ctg_portal.templatetags.portal import nombre
from diagnostics.imports.cellules import parse_annee, parse_valeur
from diagnostics.imports.lieux import Lieux
from diagnostics.models import Indicateur, Valeur

CLE = ("indicateur", "niveau", "code", "annee", "source")
"""The columns that say which figure a row gives."""


class ChiffresImporteur(Importeur):
    """The figures of the territoire of a convention, known by place, year, indicateur and source."""

    nature = Importation.Nature.CHIFFRES
    modele = Valeur
    inconnu = "n’est pas un chiffre de ce territoire"
    page_ajout = "diagnostics:chiffres_import"
    permission = "diagnostics.change_chiffres"
    traces = frozenset({"importation"})
    champs = (
        Champ("ligne", "Ligne", derive=True),
        Champ("indicateur", "Indicateur", obligatoire=True),
        Champ("niveau", "Niveau", obligatoire=True),
        Champ("code", "Code du lieu", obligatoire=True),
        Champ("lieu", "Lieu", derive=True),
        Champ("annee", "Année", obligatoire=True),
        Champ("valeur", "Valeur"),
        Champ("absence", "Pourquoi elle manque"),
        Champ("source", "Source", obligatoire=True),
    )
    colonnes: ClassVar = {
        "ligne": Colonne("Ligne", "entier", 8),
        "indicateur": Colonne("Indicateur", largeur=45),
        "niveau": Colonne("Niveau", largeur=18),
        "code": Colonne("Code du lieu", largeur=14),
        "lieu": Colonne("Lieu", largeur=30),
        "annee": Colonne("Année", "entier", 8),
        # Text: its decimals are kept as they are.
        "valeur": Colonne("Valeur", largeur=14),
        "absence": Colonne("Pourquoi elle manque", largeur=22),
        "source": Colonne("Source", largeur=40),
    }

    def __init__(
        self, convention: Convention, reponses: Mapping[str, str] | None = None, *, verrou: bool = False
    ) -> None:
        super().__init__(convention, reponses, verrou=verrou)
        self.lieux = Lieux.of(convention.territoire)
        self.indicateurs = {
            normalise(word): row for row in Indicateur.objects.all() for word in (row.code, row.intitule)
        }
        self.par_cle = {
            (row.indicateur_id, row.niveau, row.code, row.annee, row.source): row
            for row in self.existants.values()
        }
        self.vues: set[tuple[Any, ...]] = set()
        self.conflits: dict[tuple[str, ...], list[str]] = {}
        """The lines of the rows that give several values to one figure: none of them is written."""

    @classmethod
    def rows_of(cls, convention: Convention) -> models.QuerySet[Valeur]:
        return Valeur.objects.filter(territoire=convention.territoire).select_related("indicateur")

    def readers(self) -> Mapping[str, Callable[[str], Any]]:
        return {
            "indicateur": self._indicateur,
            "niveau": self._niveau,
            "code": lambda text: text.strip().upper(),
            "annee": lambda text: parse_annee(text)[0],
            "valeur": lambda text: parse_valeur(text)[0],
            "absence": self._absence,
            "source": lambda text: text,
        }

    def prepare(self, lignes: Iterable[Mapping[str, str]]) -> None:
        found: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
        for cellules in lignes:
            value = normalise(cellules.get("valeur", "") or cellules.get("absence", ""))
            found[self._place(cellules)].setdefault(value, cellules.get("ligne", ""))
        self.conflits = {cle: list(lines.values()) for cle, lines in found.items() if len(lines) > 1}

    @staticmethod
    def _place(cellules: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(normalise(cellules.get(nom, "")) for nom in CLE)

    def _indicateur(self, text: str) -> Indicateur:
        if found := self.indicateurs.get(normalise(text)):
            return found
        raise ValidationError(f"« {text} » n’est pas un indicateur du portail.")

    @staticmethod
    def _choice(text: str, choices: type[models.TextChoices], refus: str) -> str:
        for choice in choices:
            if normalise(text) in (normalise(choice.value), normalise(choice.label)):
                return str(choice.value)
        raise ValidationError(refus)

    def _niveau(self, text: str) -> str:
        labels = ", ".join(str(label).lower() for label in Valeur.Niveau.labels)
        return self._choice(text, Valeur.Niveau, f"« {text} » n’est pas un niveau : {labels}.")

    def _absence(self, text: str) -> str:
        return self._choice(
            text, Valeur.Absence, f"« {text} » : écrivez « secret statistique » ou « non disponible »."
        )

    def complete(self, cellules: Mapping[str, str], ancien: Any | None, lecture: Lecture) -> None:
        """The place is one of the territoire; a figure that is not there says why."""
        valeurs = lecture.valeurs
        if not lecture.motifs and (lines := self.conflits.get(self._place(cellules))):
            said = (
                f"Les lignes {' et '.join(lines[:2])} donnent" if all(lines) else "Plusieurs lignes donnent"
            )
            lecture.motifs.append(f"{said} deux valeurs à ce chiffre : gardez-en une.")
        if not lecture.motifs:
            code = self.lieux.place(valeurs["niveau"], valeurs["code"])
            if code is None:
                lecture.motifs.append(f"Le lieu « {valeurs['code']} » n’est pas de ce territoire.")
            else:
                valeurs["code"] = code
        if valeurs.get("valeur") is not None:
            if valeurs["valeur"] < 0 and "indicateur" in valeurs and valeurs["indicateur"].is_sommable:
                lecture.motifs.append("Un effectif n’est jamais négatif.")
            if valeurs.get("absence"):
                lecture.motifs.append("Cette ligne porte une valeur, et dit qu’elle manque.")
            valeurs["absence"] = ""
        else:
            valeurs["valeur"] = None
            text = cellules.get("valeur", "")
            valeurs["absence"] = valeurs.get("absence") or (
                Valeur.Absence.SECRET
                if text and not lecture.motifs and _is_secret(text)
                else Valeur.Absence.ABSENTE
            )

    def find(self, valeurs: Mapping[str, Any]) -> Valeur | None:
        return self.par_cle.get(self._cle(valeurs))

    @staticmethod
    def _cle(valeurs: Mapping[str, Any]) -> tuple[Any, ...]:
        indicateur = valeurs["indicateur"].pk
        return (indicateur, valeurs["niveau"], valeurs["code"], valeurs["annee"], valeurs["source"])

    def empty(self) -> Valeur:
        return Valeur(territoire=self.convention.territoire)

    def apply(self, ancien: Any | None, valeurs: Mapping[str, Any]) -> Any:
        objet = super().apply(ancien, valeurs)
        if valeurs:
            objet.importation = self.importation
        return objet

    def check(self, objet: Valeur) -> list[str]:
        cle = (objet.indicateur_id, objet.niveau, objet.code, objet.annee, objet.source)
        if objet.pk is None and cle in self.vues:
            return ["Une autre ligne du fichier donne déjà ce chiffre."]
        self.vues.add(cle)
        return []

    def title(self, objet: Valeur) -> str:
        return f"{objet.indicateur.intitule}, {objet.annee}\u00a0: {self.lieux.nom(objet.niveau, objet.code)}"

    def repeats(self, nom: str) -> bool:
        """The source too, when the whole file has one: it is said above the rows."""
        return nom in CLE and (nom != "source" or bool(self.reponses.get("source")))

    def number(self, ligne: Ligne, cellules: Mapping[str, str]) -> int:
        try:
            return parse_entier(cellules.get("ligne", ""))
        except ValidationError:
            return ligne.numero

    def say(self, valeur: Any) -> str:
        if isinstance(valeur, Decimal):
            return nombre(valeur)
        if isinstance(valeur, str) and valeur in Valeur.Absence.values:
            return str(Valeur.Absence(valeur).label)
        if isinstance(valeur, str) and valeur in Valeur.Niveau.values:
            return str(Valeur.Niveau(valeur).label)
        return super().say(valeur)

    @classmethod
    def cells(cls, row: Valeur) -> dict[str, Cellule]:
        return {
            "ligne": None,
            "indicateur": row.indicateur.intitule,
            "niveau": row.get_niveau_display(),
            "code": row.code,
            "lieu": None,
            "annee": row.annee,
            "valeur": None if row.valeur is None else f"{row.valeur.normalize():f}".replace(".", ","),
            "absence": row.get_absence_display() if row.absence else None,
            "source": row.source,
        }

    def listes(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "indicateur": tuple(sorted({row.intitule for row in self.indicateurs.values()})),
            "niveau": tuple(str(label) for label in Valeur.Niveau.labels),
            "absence": tuple(str(label) for label in Valeur.Absence.labels),
        }


def _is_secret(text: str) -> bool:
    return parse_valeur(text)[1] == Valeur.Absence.SECRET


IMPORTEURS[ChiffresImporteur.nature] = ChiffresImporteur
