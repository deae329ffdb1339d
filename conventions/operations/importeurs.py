"""What the import of each kind of rows knows: its columns, how a row is read, which row of the portal it is.

The way from a file to the database (preview, questions, confirmation) is shared: see ``importations``. What an
importeur writes in an export, it reads back without a difference.
"""

import copy
import datetime
import difflib
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from conventions.models import (
    Convention,
    Dispositif,
    Equipement,
    Financement,
    Importation,
    Organisation,
    TypeEquipement,
)
from ctg_portal.imports import Champ, Ligne, normalise, parse_date, parse_entier, parse_euros, parse_insee
from ctg_portal.tableurs import Colonne, Feuille, Valeur
from ctg_portal.templatetags.portal import date_fr, euros

REFUSER = "refuser"
"""The answer that leaves the rows of a question out."""
MILLIERS, DECIMALES = "milliers", "decimales"
PROCHES = 5

REFERENCE = Champ("reference", "Référence", ("ref", "id", "identifiant"))


@dataclass
class Question:
    """What the file says in a way that only a person can settle: asked once, for all the rows that say it.

    ``cle`` names it in ``Importation.reponses``; ``options`` are (code, label) pairs.
    """

    cle: str
    titre: str
    phrase: str
    options: list[tuple[str, str]]
    reponse: str = ""
    lignes: int = 0


def _sentence(modele: type[models.Model], nom: str) -> str:
    """What a constraint of the database says, looked at before the database is."""
    found = next(row for row in modele._meta.constraints if row.name == nom)
    return str(found.violation_error_message)


@dataclass
class Lecture:
    """One row as it was read: the values by field, the sentences that refuse it."""

    valeurs: dict[str, Any] = field(default_factory=dict)
    motifs: list[str] = field(default_factory=list)


class Choix:
    """Rows of the database that a cell may name, by every word that names one of them."""

    def __init__(self, rows: Iterable[tuple[Any, Iterable[str]]], label: Callable[[Any], str] = str) -> None:
        self.rows: dict[str, Any] = {}
        self.labels: dict[str, str] = {}
        self.words: dict[str, list[Any]] = defaultdict(list)
        for row, words in rows:
            self.rows[str(row.pk)] = row
            self.labels[str(row.pk)] = label(row)
            for word in {normalise(word) for word in words} - {""}:
                self.words[word].append(row)

    def named(self, text: str) -> list[Any]:
        return self.words.get(normalise(text), [])

    def options(self, text: str, among: Sequence[Any]) -> list[tuple[str, str]]:
        """Rows to offer for ``text``: those it may name, or all, the nearest names first."""
        if among:
            return [(str(row.pk), self.labels[str(row.pk)]) for row in among]
        near = difflib.get_close_matches(normalise(text), self.words, PROCHES, 0.5)
        first = dict.fromkeys(str(row.pk) for word in near for row in self.words[word])
        rest = sorted(set(self.labels) - set(first), key=lambda pk: normalise(self.labels[pk]))
        return [(pk, self.labels[pk]) for pk in (*first, *rest)]


class Importeur(ABC):
    """Reads the rows of one nature for one convention. Its columns bear the names of the fields they fill.

    ``reponses`` are what the person answered; ``verrou`` locks the rows of the portal until the transaction ends.
    """

    nature: ClassVar[str]
    modele: ClassVar[type[models.Model]]
    champs: ClassVar[tuple[Champ, ...]]
    colonnes: ClassVar[dict[str, Colonne]]
    inconnu: ClassVar[str]
    """Said of a reference that is not one of these rows."""
    page_ajout: ClassVar[str] = ""
    """The route where its files are sent, when they are not the tables that the shared page reads."""
    permission: ClassVar[str] = "conventions.change_convention"
    """Asked on the convention before a file is offered."""
    traces: ClassVar[frozenset[str]] = frozenset()
    """Columns written with any change, which the file does not hold."""
    importation: Importation | None = None

    def __init__(
        self, convention: Convention, reponses: Mapping[str, str] | None = None, *, verrou: bool = False
    ) -> None:
        self.convention = convention
        self.reponses = reponses or {}
        self.questions: dict[str, Question] = {}
        rows = self.rows_of(convention)
        if verrou:
            rows = rows.select_for_update(of=("self",))
        self.existants: dict[int, Any] = {row.pk: row for row in rows}
        self.prises: dict[int, int] = {}
        """Rows of the portal that a row of the file already is, with its number."""

    # What each importeur says

    @classmethod
    @abstractmethod
    def rows_of(cls, convention: Convention) -> models.QuerySet[Any]:
        """The rows that this import adds to and changes, in the order of the export."""

    @abstractmethod
    def readers(self) -> Mapping[str, Callable[[str], Any]]:
        """How the text of each column is read; each raises ``ValidationError`` with a sentence."""

    @abstractmethod
    def find(self, valeurs: Mapping[str, Any]) -> Any | None:
        """The row of the portal that a row without reference is."""

    @abstractmethod
    def empty(self) -> Any:
        """A new row, with what the file does not say."""

    @abstractmethod
    def check(self, objet: Any) -> list[str]:
        """What the database would refuse."""

    @classmethod
    @abstractmethod
    def cells(cls, row: Any) -> dict[str, Valeur]:
        """The value of each column of the export."""

    @abstractmethod
    def listes(self) -> Mapping[str, tuple[str, ...]]:
        """The choices to offer in an empty file, by column."""

    def complete(self, cellules: Mapping[str, str], ancien: Any | None, lecture: Lecture) -> None:
        """What several columns say together: nothing, for most."""
        return

    def prepare(self, lignes: Iterable[Mapping[str, str]]) -> None:
        """What the rows say together, before any is read: nothing, for most."""
        return

    def title(self, objet: Any) -> str:
        """What a row is called in the preview."""
        return str(objet)

    def repeats(self, nom: str) -> bool:
        """Whether the title of a new row already says that column."""
        return False

    def number(self, ligne: Ligne, cellules: Mapping[str, str]) -> int:
        """Its line in the file that the person has."""
        return ligne.numero

    def say(self, valeur: Any) -> str:
        """A value as the preview shows it; nothing for what is empty."""
        if valeur is None or valeur == "":
            return ""
        if isinstance(valeur, Decimal):
            return euros(valeur)
        return date_fr(valeur) if isinstance(valeur, datetime.date) else str(valeur)

    # What they share

    def read(self, cellules: Mapping[str, str], ancien: Any | None) -> Lecture:
        lecture = Lecture()
        readers = self.readers()
        for champ in self.champs:
            if champ.nom not in readers or champ.nom not in cellules:
                continue
            text = cellules[champ.nom]
            if ancien is not None and self._says_the_same(text, getattr(ancien, champ.nom)):
                lecture.valeurs[champ.nom] = getattr(ancien, champ.nom)
            elif text:
                try:
                    lecture.valeurs[champ.nom] = readers[champ.nom](text)
                except ValidationError as error:
                    lecture.motifs.append(f"{champ.titre} : {error.message}")
            elif champ.obligatoire:
                lecture.motifs.append(f"{champ.titre} : cette cellule est vide.")
            else:
                is_text = isinstance(
                    self.modele._meta.get_field(champ.nom), (models.CharField, models.TextField)
                )
                lecture.valeurs[champ.nom] = "" if is_text else None
        self.complete(cellules, ancien, lecture)
        return lecture

    @staticmethod
    def _says_the_same(text: str, actuel: Any) -> bool:
        """A row that an export named stays what it is, even if the lists no longer offer it."""
        return isinstance(actuel, models.Model) and normalise(text) == normalise(str(actuel))

    def referred(self, cellules: Mapping[str, str]) -> Any | None:
        """The row of the portal that the reference of a row names; ``ValidationError`` if it names none."""
        text = cellules.get(REFERENCE.nom, "")
        if not text:
            return None
        try:
            return self.existants[parse_entier(text)]
        except (ValidationError, KeyError) as error:
            raise ValidationError(
                f"Référence : « {text} » {self.inconnu}. Videz cette cellule pour ajouter une ligne."
            ) from error

    def apply(self, ancien: Any | None, valeurs: Mapping[str, Any]) -> Any:
        """A copy of ``ancien``, or a new row, with these values."""
        objet = copy.copy(ancien) if ancien is not None else self.empty()
        for nom, valeur in valeurs.items():
            setattr(objet, nom, valeur)
        return objet

    def refusals(self, objet: Any) -> list[str]:
        """Why the row cannot be written: lengths, then constraints."""
        titles = {champ.nom: champ.titre for champ in self.champs}
        relations = {field.name for field in self.modele._meta.fields if field.is_relation}
        try:
            objet.clean_fields(exclude=relations)
        except ValidationError as error:
            return [
                f"{titles.get(nom, nom)} : {' '.join(messages)}"
                for nom, messages in error.message_dict.items()
            ]
        return self.check(objet)

    def choose(self, nom: str, choix: Choix, text: str, absent: str) -> Any:
        """The row that ``text`` names, or the one that the person chose for it; else a question."""
        among = choix.named(text)
        if len(among) == 1:
            return among[0]
        cle = f"{nom}:{normalise(text)}"
        why = "peut en désigner plusieurs" if among else absent
        if (question := self.questions.get(cle)) is None:
            question = self.ask(cle, nom, f"« {text} » {why}. Que faut-il lire ?", choix.options(text, among))
        question.lignes += 1
        if (answer := question.reponse) in choix.rows:
            return choix.rows[answer]
        raise ValidationError(f"« {text} » {why}.")

    def euros(self, nom: str) -> Callable[[str], Decimal]:
        """The reader of a column of amounts: what may be read in two ways is asked, once a value."""

        def read(text: str) -> Decimal:
            try:
                return parse_euros(text)
            except ValidationError as error:
                if error.code != "ambiguous":
                    raise
                milliers, decimales = _two_readings(text)
                cle = f"{nom}:{' '.join(text.split())}"
                if (question := self.questions.get(cle)) is None:
                    options = [
                        (MILLIERS, f"{milliers:,} €".replace(",", "\u202f")),
                        (DECIMALES, f"{decimales:f} €, arrondi au centime".replace(".", ",")),
                    ]
                    question = self.ask(
                        cle, nom, f"« {text} » peut se lire de deux façons. Quel est le montant ?", options
                    )
                question.lignes += 1
                if question.reponse in (MILLIERS, DECIMALES):
                    return parse_euros(str(milliers if question.reponse == MILLIERS else decimales))
                raise ValidationError(f"« {text} » peut se lire de deux façons.") from error

        return read

    def ask(self, cle: str, nom: str, phrase: str, options: list[tuple[str, str]]) -> Question:
        """A new question; an answer that it does not offer is none."""
        titre = next(champ.titre for champ in self.champs if champ.nom == nom)
        offered = [*options, (REFUSER, "Laisser ces lignes de côté")]
        answer = self.reponses.get(cle, "")
        question = Question(cle, titre, phrase, offered, answer if answer in dict(offered) else "")
        self.questions[cle] = question
        return question

    @classmethod
    def sheet(
        cls, titre: str, rows: Iterable[Any], listes: Mapping[str, tuple[str, ...]] | None = None
    ) -> Feuille:
        """Rows as the import reads them back; ``listes`` gives the choices of its columns."""
        known = listes or {}
        colonnes = [
            Colonne(champ.titre, colonne.nature, colonne.largeur, known.get(champ.nom, ()))
            for champ in cls.champs
            for colonne in [cls.colonnes[champ.nom]]
        ]
        lignes = ([cells[champ.nom] for champ in cls.champs] for cells in map(cls.cells, rows))
        return Feuille(titre, colonnes, lignes)


def _two_readings(text: str) -> tuple[int, Decimal]:
    """« 1,234 »: 1234 euros, or 1.23."""
    digits = "".join(c if c.isdigit() else "." if c in ",." else "" for c in text)
    return int(digits.replace(".", "")), Decimal(digits).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _organisations(convention: Convention) -> Choix:
    """Whom a convention may name, by name, SIREN or SIRET; a name two of them share is asked."""
    rows = Organisation.objects.for_convention(convention)
    return Choix((row, (row.nom, row.siren, row.siret)) for row in rows)


def _words(intitule: str, code: str) -> set[str]:
    """« Relais petite enfance (RPE) » is also « RPE », « Relais petite enfance », and its code."""
    head, _, tail = intitule.partition("(")
    return {intitule, code, head, tail.rstrip(") ")}


ABSENT_DE_L_ANNUAIRE = "n’est pas dans l’annuaire de la convention"


class EquipementsImporteur(Importeur):
    """The register of a territoire. Without reference, a row is known by its type, its name and its commune."""

    nature = Importation.Nature.EQUIPEMENTS
    modele = Equipement
    inconnu = "n’est pas un équipement de ce territoire"
    champs = (
        REFERENCE,
        Champ("famille", "Famille", derive=True),
        Champ("type", "Type", ("type d’équipement", "nature", "catégorie", "service"), obligatoire=True),
        Champ(
            "nom",
            "Nom",
            ("nom de l’équipement", "équipement", "intitulé", "structure", "libellé"),
            obligatoire=True,
        ),
        Champ("commune", "Commune", ("ville", "localité", "nom de la commune")),
        Champ(
            "code_insee", "Code INSEE", ("insee", "code commune", "codgeo", "numcom", "code insee commune")
        ),
        Champ("adresse", "Adresse", ("adresse postale",)),
        Champ("gestionnaire", "Gestionnaire", ("organisme gestionnaire", "porteur", "siren du gestionnaire")),
        Champ("capacite", "Capacité", ("places", "nombre de places", "capacité d’accueil")),
        Champ("unite", "Unité", derive=True),
        Champ("ouverture", "Ouverture", ("horaires", "jours et horaires", "jours d’ouverture")),
        Champ("agrement", "Agrément", ("n° d’agrément", "numéro d’agrément")),
        Champ("cof_numero", "N° de la COF", ("COF", "numéro de la COF", "référence COF", "numéro COF")),
        Champ("cof_debut", "Début de la COF", ("COF début", "date de début de la COF", "début COF")),
        Champ(
            "cof_fin", "Fin de la COF", ("COF fin", "date de fin de la COF", "fin COF", "échéance de la COF")
        ),
        Champ("ouvert_le", "Ouvert le", ("date d’ouverture", "ouvert depuis")),
        Champ("ferme_le", "Fermé le", ("date de fermeture",)),
        Champ("etat", "État", ("en service",), derive=True),
        Champ("observations", "Observations", ("remarques", "commentaires", "notes")),
    )
    colonnes: ClassVar[dict[str, Colonne]] = {
        "reference": Colonne("", "entier", 11),
        "famille": Colonne("", largeur=26),
        "type": Colonne("", largeur=34),
        "nom": Colonne("", largeur=40),
        "commune": Colonne("", largeur=24),
        "code_insee": Colonne("", largeur=12),
        "adresse": Colonne("", largeur=34),
        "gestionnaire": Colonne("", largeur=36),
        "capacite": Colonne("", "entier", 10),
        "unite": Colonne("", largeur=10),
        "ouverture": Colonne("", largeur=30),
        "agrement": Colonne("", largeur=16),
        "cof_numero": Colonne("", largeur=16),
        "cof_debut": Colonne("", "date", 14),
        "cof_fin": Colonne("", "date", 14),
        "ouvert_le": Colonne("", "date", 14),
        "ferme_le": Colonne("", "date", 14),
        "etat": Colonne("", largeur=12),
        "observations": Colonne("", largeur=50),
    }

    def __init__(
        self, convention: Convention, reponses: Mapping[str, str] | None = None, *, verrou: bool = False
    ) -> None:
        super().__init__(convention, reponses, verrou=verrou)
        self.types = Choix((row, _words(row.intitule, row.code)) for row in TypeEquipement.objects.all())
        communes = list(convention.territoire.communes.all())
        self.communes = Choix((row, (row.nom, row.code)) for row in communes)
        self.by_code = {row.code: row for row in communes}
        self.gestionnaires = _organisations(convention)
        self.cles: dict[int, tuple[int, str, str | None]] = {
            row.pk: self._cle(row) for row in self.existants.values()
        }
        self.occupees = {cle: pk for pk, cle in self.cles.items()}
        self.by_name = {
            self._nom(row.type_id, row.nom, row.commune_id): row for row in self.existants.values()
        }

    @classmethod
    def rows_of(cls, convention: Convention) -> models.QuerySet[Any]:
        return Equipement.objects.filter(territoire=convention.territoire_id).for_list()

    @staticmethod
    def _cle(row: Equipement) -> tuple[int, str, str | None]:
        return row.type_id, row.nom, row.commune_id

    @staticmethod
    def _nom(type_id: int, nom: str, commune: str | None) -> tuple[int, str, str | None]:
        return type_id, normalise(nom) or nom, commune

    def readers(self) -> Mapping[str, Callable[[str], Any]]:
        return {
            "type": lambda text: self.choose(
                "type", self.types, text, "n’est pas un type d’équipement connu"
            ),
            "nom": str,
            "commune": self._commune,
            "adresse": str,
            "gestionnaire": lambda text: self.choose(
                "gestionnaire", self.gestionnaires, text, ABSENT_DE_L_ANNUAIRE
            ),
            "capacite": parse_entier,
            "ouverture": str,
            "agrement": str,
            "cof_numero": str,
            "cof_debut": parse_date,
            "cof_fin": parse_date,
            "ouvert_le": parse_date,
            "ferme_le": parse_date,
            "observations": str,
        }

    def _commune(self, text: str) -> Any:
        try:
            return self.by_code[parse_insee(text)]
        except (ValidationError, KeyError):
            return self.choose("commune", self.communes, text, "n’est pas une commune de ce territoire")

    def complete(self, cellules: Mapping[str, str], ancien: Any | None, lecture: Lecture) -> None:
        text = cellules.get("code_insee", "")
        if not text:
            if "code_insee" in cellules and "commune" not in cellules:
                lecture.valeurs["commune"] = None
            return
        try:
            code = parse_insee(text)
        except ValidationError as error:
            lecture.motifs.append(f"Code INSEE : {error.message}")
            return
        commune = lecture.valeurs.get("commune")
        stays = ancien is not None and code == ancien.commune_id
        by_code = ancien.commune if stays and ancien is not None else self.by_code.get(code)
        if by_code is None:
            lecture.motifs.append(f"Code INSEE : « {text} » n’est pas celui d’une commune de ce territoire.")
        elif commune is None:
            if not cellules.get("commune"):
                lecture.valeurs["commune"] = by_code
        elif commune != by_code:
            lecture.motifs.append(
                f"Commune : « {commune} » et le code {text} ({by_code}) se contredisent. Videz l’une des deux cellules."
            )

    def find(self, valeurs: Mapping[str, Any]) -> Any | None:
        commune = valeurs.get("commune")
        return self.by_name.get(self._nom(valeurs["type"].pk, valeurs["nom"], commune and commune.pk))

    def empty(self) -> Equipement:
        return Equipement(territoire=self.convention.territoire)

    def check(self, objet: Equipement) -> list[str]:
        found: list[str] = []
        if objet.cof_debut and objet.cof_fin and objet.cof_debut > objet.cof_fin:
            found.append(_sentence(Equipement, "equipement_cof_dans_l_ordre"))
        if objet.ouvert_le and objet.ferme_le and objet.ouvert_le > objet.ferme_le:
            found.append(_sentence(Equipement, "equipement_fermeture_apres_ouverture"))
        owner = self.occupees.get(self._cle(objet))
        if owner is not None and owner != objet.pk:
            found.append(_sentence(Equipement, "equipement_unique"))
        if not found:
            # The rows that follow meet this one as it will be.
            if objet.pk:
                self.occupees.pop(self.cles[objet.pk], None)
                self.cles[objet.pk] = self._cle(objet)
            self.occupees[self._cle(objet)] = objet.pk or 0
        return found

    @classmethod
    def cells(cls, row: Equipement) -> dict[str, Valeur]:
        return {
            "reference": row.pk,
            "famille": row.type.get_famille_display(),
            "type": row.type.intitule,
            "nom": row.nom,
            "commune": row.commune.nom if row.commune else None,
            "code_insee": row.commune_id,
            "adresse": row.adresse,
            "gestionnaire": row.gestionnaire.nom if row.gestionnaire else None,
            "capacite": row.capacite,
            "unite": row.type.unite_capacite,
            "ouverture": row.ouverture,
            "agrement": row.agrement,
            "cof_numero": row.cof_numero,
            "cof_debut": row.cof_debut,
            "cof_fin": row.cof_fin,
            "ouvert_le": row.ouvert_le,
            "ferme_le": row.ferme_le,
            "etat": row.etat,
            "observations": row.observations,
        }

    def listes(self) -> Mapping[str, tuple[str, ...]]:
        return {
            "type": tuple(row.intitule for row in self.types.rows.values()),
            "commune": tuple(self.communes.labels.values()),
            "gestionnaire": tuple(self.gestionnaires.labels.values()),
        }


class FinancementsImporteur(Importeur):
    """The money of a convention. Without reference, a row is known by who pays whom, for what, when."""

    nature = Importation.Nature.FINANCEMENTS
    modele = Financement
    inconnu = "n’est pas un financement de cette convention"
    champs = (
        REFERENCE,
        Champ("exercice", "Exercice", ("année", "exercice budgétaire", "an"), obligatoire=True),
        Champ(
            "financeur", "Financeur", ("organisme financeur", "payeur", "financeur siren"), obligatoire=True
        ),
        Champ("dispositif", "Dispositif", ("nature du financement", "prestation", "aide"), obligatoire=True),
        Champ("groupe", "Groupe", derive=True),
        Champ(
            "beneficiaire",
            "Bénéficiaire",
            ("organisme bénéficiaire", "gestionnaire", "allocataire"),
            obligatoire=True,
        ),
        Champ("equipement", "Équipement", ("structure", "nom de l’équipement", "lieu")),
        Champ("objet", "Objet", ("libellé", "intitulé", "détail")),
        Champ("prevu", "Prévu", ("montant prévu", "prévisionnel", "prévu (€)", "budget prévu")),
        Champ("notifie", "Notifié", ("montant notifié", "notifié (€)", "droit notifié")),
        Champ("verse", "Versé", ("montant versé", "versé (€)", "payé", "montant payé", "montant")),
        Champ("reference_cof", "Référence de la COF", ("COF", "référence COF", "n° de la COF", "convention")),
        Champ("source", "Source", ("origine", "source du chiffre")),
    )
    colonnes: ClassVar[dict[str, Colonne]] = {
        "reference": Colonne("", "entier", 11),
        "exercice": Colonne("", "entier", 10),
        "financeur": Colonne("", largeur=30),
        "dispositif": Colonne("", largeur=40),
        "groupe": Colonne("", largeur=28),
        "beneficiaire": Colonne("", largeur=40),
        "equipement": Colonne("", largeur=34),
        "objet": Colonne("", largeur=40),
        "prevu": Colonne("", "montant", 16),
        "notifie": Colonne("", "montant", 16),
        "verse": Colonne("", "montant", 16),
        "reference_cof": Colonne("", largeur=20),
        "source": Colonne("", largeur=40),
    }

    def __init__(
        self, convention: Convention, reponses: Mapping[str, str] | None = None, *, verrou: bool = False
    ) -> None:
        super().__init__(convention, reponses, verrou=verrou)
        self.organisations = _organisations(convention)
        self.dispositifs = Choix((row, _words(row.intitule, row.code)) for row in Dispositif.objects.all())
        equipements = Equipement.objects.filter(territoire=convention.territoire_id).for_list()
        self.equipements = Choix(
            ((row, (row.nom,)) for row in equipements),
            label=lambda row: f"{row.nom} ({row.type}{f', {row.commune}' if row.commune else ''})",
        )
        self.by_key: dict[tuple[Any, ...], list[Financement]] = defaultdict(list)
        for row in self.existants.values():
            self.by_key[self._cle(vars(row) | {"objet": row.objet})].append(row)

    @classmethod
    def rows_of(cls, convention: Convention) -> models.QuerySet[Any]:
        return convention.financements.for_table().order_by(
            "exercice", "dispositif__groupe", "dispositif__ordre", "beneficiaire__nom", "objet", "pk"
        )

    @staticmethod
    def _cle(values: Mapping[str, Any]) -> tuple[Any, ...]:
        ids = (values[f"{nom}_id"] for nom in ("financeur", "dispositif", "beneficiaire", "equipement"))
        return values["exercice"], *ids, normalise(values["objet"])

    def readers(self) -> Mapping[str, Callable[[str], Any]]:
        def organisation(nom: str) -> Callable[[str], Any]:
            return lambda text: self.choose(nom, self.organisations, text, ABSENT_DE_L_ANNUAIRE)

        return {
            "exercice": parse_entier,
            "financeur": organisation("financeur"),
            "dispositif": lambda text: self.choose(
                "dispositif", self.dispositifs, text, "n’est pas un dispositif connu"
            ),
            "beneficiaire": organisation("beneficiaire"),
            "equipement": lambda text: self.choose(
                "equipement", self.equipements, text, "n’est pas un équipement de ce territoire"
            ),
            "objet": str,
            **{nom: self.euros(nom) for nom in Financement.MONTANTS},
            "reference_cof": str,
            "source": str,
        }

    def find(self, valeurs: Mapping[str, Any]) -> Any | None:
        """Among rows that look alike, the one with these amounts, else the first that no row of the file is yet."""
        ids = {
            f"{nom}_id": valeurs[nom].pk if valeurs.get(nom) else None
            for nom in ("financeur", "dispositif", "beneficiaire", "equipement")
        }
        key = self._cle({"exercice": valeurs["exercice"], "objet": valeurs.get("objet", ""), **ids})
        free = [row for row in self.by_key.get(key, []) if row.pk not in self.prises]
        same = [
            row
            for row in free
            if all(getattr(row, nom) == valeurs[nom] for nom in Financement.MONTANTS if nom in valeurs)
        ]
        return next(iter(same or free), None)

    def empty(self) -> Financement:
        return Financement(convention=self.convention)

    def check(self, objet: Financement) -> list[str]:
        found: list[str] = []
        if all(getattr(objet, nom) is None for nom in Financement.MONTANTS):
            found.append(_sentence(Financement, "financement_un_montant_au_moins"))
        return found

    @classmethod
    def cells(cls, row: Financement) -> dict[str, Valeur]:
        return {
            "reference": row.pk,
            "exercice": row.exercice,
            "financeur": row.financeur.nom,
            "dispositif": row.dispositif.intitule,
            "groupe": row.dispositif.get_groupe_display(),
            "beneficiaire": row.beneficiaire.nom,
            "equipement": row.equipement.nom if row.equipement else None,
            "objet": row.objet,
            **{nom: getattr(row, nom) for nom in Financement.MONTANTS},
            "reference_cof": row.reference_cof,
            "source": row.source,
        }

    def listes(self) -> Mapping[str, tuple[str, ...]]:
        organisations = tuple(self.organisations.labels.values())
        return {
            "financeur": organisations,
            "beneficiaire": organisations,
            "dispositif": tuple(self.dispositifs.labels.values()),
            "equipement": tuple(row.nom for row in self.equipements.rows.values()),
        }


IMPORTEURS: dict[str, type[Importeur]] = {
    importeur.nature: importeur for importeur in (EquipementsImporteur, FinancementsImporteur)
}
