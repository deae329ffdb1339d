"""The sheets of the workbook and their columns, in the words and in the order of the one description of a fiche.

A sheet of one row a fiche, and one for each kind of rows that a fiche has. What a column may hold, how its cell is said
and read back, and which form of the portal takes it.
"""

import datetime
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from actions.description import CHAMPS, TABLES, Champ, Genre
from actions.description import Colonne as ColonneDecrite
from actions.models import (
    SECTIONS,
    Etape,
    FicheAction,
    IndicateurSuivi,
    LigneBudget,
    LigneFinancement,
    Mesure,
    PartenaireFiche,
    Pilote,
)
from actions.models.brouillon import ETAPES
from actions.models.differences import label_of
from ctg_portal.fields import parse_montant, parse_nombre
from ctg_portal.grilles import Case, plain
from ctg_portal.imports import normalise, parse_date, parse_entier

CLE, FICHE, INDICATEUR = "Clé", "Fiche", "Indicateur"
"""Titles of the columns that say which row it is."""
PLACE, AVANCEMENT, MESURES = "place", "avancement", "mesures"
"""What is changed by a verb, or by a page of its own, besides the sections of the fiche."""
SEPARATEUR = " ; "
MAX_TEXTE = 32_000
"""Signs of one cell: a spreadsheet keeps 32 767."""

HORS_CLASSEUR = {
    "pilotes": "une feuille à part",
    "partenaires": "une feuille à part",
    "equilibre": "calculé",
    "retard": "calculé",
    "prochaine_etape": "calculé",
    "exercices": "calculé",
    "financements_imputes": "se saisit dans les financements du contrat",
    "notes": "s’écrivent au jour le jour sur le portail",
    "decisions": "celles des instances, prises en réunion",
    "bilans": "s’écrivent chaque année sur leur page",
    "pieces": "des fichiers",
    "liens": "se posent sur la page de la fiche",
}
"""Fields and tables of the description that the workbook has no column or no sheet for, and why."""

_SECTIONS = {champ: section.slug for section in SECTIONS for champ in section.champs} | {
    "axe": PLACE,
    "objectif": PLACE,
    **dict.fromkeys(("avancement", "motif_abandon", "fin_reelle"), AVANCEMENT),
}
LISTES = {
    "axe": "axes",
    "objectif": "objectifs",
    **{name: name for name in ("domaines", "communes", "publics", "enjeux", "constats", "cadres")},
    "structure_pilote": "organisations",
    "organisation": "organisations",
    "financeur": "organisations",
    "dispositif": "dispositifs",
    "user": "people",
}
"""Columns whose cells name rows of the portal: which list they choose from."""
_LARGEURS = {
    Genre.TEXTE: 48,
    Genre.LIGNE: 28,
    Genre.NOMS: 30,
    Genre.LISTE: 40,
    Genre.MONTANT: 15,
    Genre.NOMBRE: 13,
    Genre.ANNEE: 9,
    Genre.DATE: 13,
    Genre.CHOIX: 20,
    Genre.OUI: 14,
}
_PARTICULIERES = {"code": 9, "intitule": 44, "axe": 32, "objectif": 36, "etp": 12, "unite": 14}


class Liste:
    """Rows that a cell may name, each by one label that no other has. ``rows`` are instances by key.

    ``aussi``: another way to write a row, that is understood but not said.
    """

    def __init__(
        self,
        rows: Iterable[Any],
        label: Callable[[Any], str] = str,
        aussi: Callable[[Any], str] | None = None,
    ) -> None:
        self.rows: dict[int, Any] = {}
        self.labels: dict[int, str] = {}
        self._words: dict[str, Any] = {}
        for row in rows:
            if row.pk in self.rows:
                continue
            # What separates several names cannot be in one of them.
            base = " ".join(plain(label(row)).replace(";", ",").split())[:250]
            said, rank = base, 2
            while normalise(said) in self._words:
                said, rank = f"{base} ({rank})", rank + 1
            self.rows[row.pk], self.labels[row.pk] = row, said
            self._words[normalise(said)] = row
        if aussi is not None:
            for row in self.rows.values():
                self._words.setdefault(normalise(aussi(row)), row)

    def __len__(self) -> int:
        return len(self.rows)

    def named(self, text: str) -> Any | None:
        return self._words.get(normalise(text))


@dataclass(frozen=True)
class Colonne:
    """A column of a sheet. ``section`` is the form or the verb that takes it; « » : it is only said, never read back."""

    nom: str
    titre: str
    genre: Genre
    section: str = ""
    choix: Mapping[str, str] = field(default_factory=dict)
    liste: str = ""

    @property
    def plusieurs(self) -> bool:
        return self.genre in (Genre.NOMS, Genre.LISTE)

    @property
    def largeur(self) -> int:
        return _PARTICULIERES.get(self.nom, _LARGEURS[self.genre])

    @property
    def aide(self) -> str:
        """What the cells of the column hold, in French, for the page of instructions."""
        if self.plusieurs:
            return "plusieurs noms, séparés par « ; »"
        if self.choix or self.liste:
            return "à choisir dans la liste"
        return {
            Genre.DATE: "une date",
            Genre.MONTANT: "un montant en euros",
            Genre.NOMBRE: "un nombre",
            Genre.ANNEE: "une année",
            Genre.OUI: "Oui ou Non",
        }.get(self.genre, "un texte")

    def valeur(self, objet: Any, listes: Mapping[str, Liste]) -> Any:
        """What the cell holds for ``objet``: text, number, date or ``None``."""
        if self.plusieurs:
            names = listes[self.liste].labels
            said = [names[row.pk] for row in getattr(objet, self.nom).all() if row.pk in names]
            return SEPARATEUR.join(sorted(said, key=normalise)) or None
        if self.liste:
            pk = getattr(objet, f"{self.nom}_id")
            return listes[self.liste].labels.get(pk) if pk else None
        value = getattr(objet, self.nom)
        if self.genre is Genre.OUI:
            return "Oui" if value else "Non"
        if self.choix:
            return self.choix.get(value) if value else None
        return None if value == "" else value

    def normal(self, text: str) -> str:
        """The same for every way of writing the same thing: two cells that differ here differ."""
        text = plain(text)
        if not text:
            return "non" if self.genre is Genre.OUI else ""
        try:
            if self.plusieurs:
                return ";".join(sorted({normalise(part) for part in text.split(";")} - {""}))
            if self.liste or self.choix or self.genre is Genre.OUI:
                return normalise(text)
            if self.genre is Genre.DATE:
                return parse_date(text).isoformat()
            if self.genre is Genre.MONTANT:
                return _decimal(parse_montant(text))
            if self.genre is Genre.NOMBRE:
                return _decimal(parse_nombre(text))
        except ValidationError:
            return text
        return text

    def lire(self, case: Case, listes: Mapping[str, Liste]) -> list[str]:
        """What the form of the portal is sent for this cell. Raises ``ValidationError`` with a French sentence."""
        if case.nature == "erreur":
            raise ValidationError(f"la formule donne l’erreur {case.texte}.")
        if case.formule and not case.texte:
            raise ValidationError("cette formule n’a pas de résultat : écrivez la valeur elle-même.")
        text = case.texte
        if not text:
            return [] if self.genre is Genre.OUI or self.plusieurs else [""]
        if self.plusieurs:
            return self._noms(text, listes[self.liste])
        if self.liste:
            return [str(self._nom(text, listes[self.liste]).pk)]
        if self.choix:
            return [self._choix(text)]
        if self.genre is Genre.OUI:
            return self._oui(text)
        return [self._ecrit(text, case.nature)]

    def _choix(self, text: str) -> str:
        found = {normalise(label): code for code, label in self.choix.items()}.get(normalise(text))
        if found is None:
            offered = ", ".join(f"« {label} »" for label in self.choix.values())
            raise ValidationError(f"« {text[:80]} » n’est pas dans la liste : {offered}.")
        return found

    def _oui(self, text: str) -> list[str]:
        said = normalise(text)
        if said not in (*_OUI, *_NON):
            raise ValidationError(f"« {text[:80]} » : écrivez Oui ou Non.")
        return ["on"] if said in _OUI else []

    def _ecrit(self, text: str, nature: str) -> str:
        """A text, a number or a date as one types it in the page."""
        if self.genre is Genre.DATE:
            return parse_date(text).isoformat()
        if self.genre is Genre.ANNEE or self.nom == "effectif_attendu":
            return str(parse_entier(text))
        if nature == "date" and self.genre in (Genre.LIGNE, Genre.TEXTE):
            return f"{datetime.date.fromisoformat(text[:10]):%d/%m/%Y}"
        if nature == "nombre" and self.genre in (Genre.MONTANT, Genre.NOMBRE):
            # A number is a number: « 12.345 » is not read as twelve thousand.
            return f"{text}0" if re.fullmatch(r"-?[0-9]+[.][0-9]{3}", text) else text
        return text

    def _nom(self, text: str, liste: Liste) -> Any:
        found = liste.named(text)
        if found is None:
            raise ValidationError(f"« {text[:80]} » n’est pas dans la liste du portail.")
        return found

    def _noms(self, text: str, liste: Liste) -> list[str]:
        parts = [part for part in text.split(";") if part.strip()]
        found = [liste.named(part) for part in parts]
        if unknown := [part.strip() for part, row in zip(parts, found, strict=True) if row is None]:
            said = ", ".join(f"« {part[:60]} »" for part in unknown[:5])
            plural = "n’est pas dans la liste" if len(unknown) == 1 else "ne sont pas dans la liste"
            raise ValidationError(
                f"{said} {plural} du portail. Plusieurs noms se séparent par un point-virgule."
            )
        return sorted({str(row.pk) for row in found if row is not None})


_OUI = ("oui", "vrai", "x", "1", "o", "true")
_NON = ("non", "faux", "0", "n", "false")


def _decimal(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"


def texte_de(valeur: Any) -> str:
    """The text that a cell gives back when it is read."""
    if valeur is None:
        return ""
    if isinstance(valeur, Decimal):
        return _decimal(valeur)
    if isinstance(valeur, datetime.date):
        return valeur.isoformat()
    return plain(str(valeur))


def dire(colonne: Colonne, text: str) -> str:
    """A cell as the preview shows it: French dates and numbers; the rest as it is."""
    normal = colonne.normal(text)
    if not text or colonne.genre not in (Genre.DATE, Genre.MONTANT, Genre.NOMBRE):
        return text
    try:
        if colonne.genre is Genre.DATE:
            return f"{datetime.date.fromisoformat(normal):%d/%m/%Y}"
        number = Decimal(normal)
    except (ValueError, ArithmeticError):
        return text
    pattern = ",.2f" if colonne.genre is Genre.MONTANT else ",f"
    written = f"{number:{pattern}}".replace(",", "\u202f").replace(".", ",")
    return f"{written}\u00a0€" if colonne.genre is Genre.MONTANT else written


def _of_fiche(champ: Champ) -> Colonne:
    section = "" if champ.cle == "redaction" else _SECTIONS[champ.cle]
    liste = LISTES.get(champ.cle, "")
    return Colonne(champ.cle, champ.libelle, champ.genre, section, champ.choix, liste)


def _of_row(section: str, colonne: ColonneDecrite) -> Colonne:
    liste = LISTES.get(colonne.cle, "")
    return Colonne(colonne.cle, colonne.libelle, colonne.genre, section, colonne.choix, liste)


def _of_model(section: str, model: type[models.Model], *names: str) -> tuple[Colonne, ...]:
    columns = [model._meta.get_field(name) for name in names]
    return tuple(
        Colonne(column.name, label_of(column), Genre.LIGNE, section, liste=LISTES.get(column.name, ""))
        for column in columns
    )


COLONNES: tuple[Colonne, ...] = tuple(
    _of_fiche(champ) for champ in CHAMPS.values() if champ.cle not in HORS_CLASSEUR
)
"""Of the sheet of the fiches."""


@dataclass(frozen=True)
class Feuille:
    """A sheet of rows of the fiches. ``prefixe`` is their formset in the form of ``section``; ``lettre`` begins their keys."""

    cle: str
    titre: str
    lettre: str
    modele: type[models.Model]
    relation: str
    section: str
    prefixe: str
    colonnes: tuple[Colonne, ...]
    nom: str
    """« cette étape »."""

    @property
    def parent(self) -> str:
        """The title of the column that says whose row it is."""
        return INDICATEUR if self.modele is Mesure else FICHE


def _table(table: str, section: str, model: type[models.Model]) -> tuple[Colonne, ...]:
    names = {column.name for column in model._meta.fields}
    return tuple(_of_row(section, row) for row in TABLES[table].colonnes if row.cle in names)


def _mesures() -> tuple[Colonne, ...]:
    column = next(row for row in TABLES["indicateurs"].colonnes if row.cle == "mesures")
    return tuple(_of_row(MESURES, row) for row in column.colonnes)


FEUILLE_FICHES = "Fiches"
FEUILLES: tuple[Feuille, ...] = (
    Feuille(
        "etapes",
        "Étapes",
        "E",
        Etape,
        "etapes",
        ETAPES,
        "etapes",
        _table("etapes", ETAPES, Etape),
        "cette étape",
    ),
    Feuille(
        "pilotes",
        "Pilotes",
        "P",
        Pilote,
        "pilotes",
        "equipe",
        "pilotes",
        _of_model("equipe", Pilote, "user", "nom", "fonction"),
        "ce pilote",
    ),
    Feuille(
        "partenaires",
        "Partenaires",
        "R",
        PartenaireFiche,
        "partenaires",
        "equipe",
        "partenaires",
        _of_model("equipe", PartenaireFiche, "organisation", "nom", "role"),
        "ce partenaire",
    ),
    Feuille(
        "lignes_budget",
        "Budget",
        "B",
        LigneBudget,
        "lignes_budget",
        "moyens",
        "budget",
        _table("lignes_budget", "moyens", LigneBudget),
        "cette ligne de budget",
    ),
    Feuille(
        "lignes_financement",
        "Financement",
        "N",
        LigneFinancement,
        "lignes_financement",
        "moyens",
        "financement",
        _table("lignes_financement", "moyens", LigneFinancement),
        "ce financement",
    ),
    Feuille(
        "indicateurs",
        "Indicateurs",
        "I",
        IndicateurSuivi,
        "indicateurs",
        "evaluation",
        "indicateurs",
        _table("indicateurs", "evaluation", IndicateurSuivi),
        "cet indicateur",
    ),
    Feuille("mesures", "Mesures", "M", Mesure, "mesures", MESURES, "mesures", _mesures(), "cette mesure"),
)


def rows_of(feuille: Feuille, fiche: FicheAction) -> list[Any]:
    """The rows of a loaded fiche that the sheet holds, in their order."""
    if feuille.modele is Mesure:
        return [mesure for row in fiche.indicateurs.all() for mesure in row.mesures.all()]
    return list(getattr(fiche, feuille.relation).all())


def cle_of(objet: Any) -> str:
    """« F12 » for a fiche, « E45 » for an étape… : what ties a row of the workbook to a row of the portal."""
    if isinstance(objet, FicheAction):
        return f"F{objet.pk}"
    return f"{next(f.lettre for f in FEUILLES if isinstance(objet, f.modele))}{objet.pk}"


def repere(objet: Any) -> str:
    """How another sheet names a fiche or an indicator: its key, then its title for the reader."""
    return f"{cle_of(objet)} · {' '.join(plain(str(objet)).split())}"[:120].replace(";", ",")
