"""From a file to the rows of a convention: read, shown, questioned, then written whole or not at all.

Nothing is kept of a preview: it is computed from the file and the database each time, and its ``empreinte`` says
whether what is confirmed is still what was shown.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pghistory
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction

from conventions.models import Convention, Importation
from conventions.operations.importeurs import IMPORTEURS, REFERENCE, Importeur, Question
from ctg_portal.imports import (
    Correspondance,
    ImportRefuse,
    Ligne,
    Table,
    clean_text,
    match_columns,
    read_table,
)
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError

MAX_LIGNES = 5000
FEUILLE = "feuille"
"""The answer that names the sheet to read."""


class Genre(models.TextChoices):
    """What the confirmation does with a row of the file."""

    NOUVELLE = "nouvelle", "Nouvelle"
    MODIFIEE = "modifiee", "Modifiée"
    INCHANGEE = "inchangee", "Inchangée"
    REFUSEE = "refusee", "Refusée"


@dataclass(frozen=True)
class Changement:
    """One cell: its column, what it held, what it will hold, in words."""

    titre: str
    avant: str
    apres: str


@dataclass
class LigneLue:
    """A row of the file and what becomes of it; ``objet`` is what would be written."""

    numero: int
    genre: Genre
    titre: str
    changements: list[Changement] = field(default_factory=list)
    motifs: list[str] = field(default_factory=list)
    objet: Any = None
    colonnes: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        return {
            "numero": self.numero,
            "genre": self.genre.value,
            "titre": self.titre,
            "changements": [[c.titre, c.avant, c.apres] for c in self.changements],
            "motifs": self.motifs,
        }

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> "LigneLue":
        return cls(
            row["numero"],
            Genre(row["genre"]),
            row["titre"],
            [Changement(*cells) for cells in row["changements"]],
            row["motifs"],
        )


@dataclass
class Apercu:
    """What a file would do, or did: its rows, what it asks, what it leaves aside."""

    lignes: list[LigneLue]
    questions: list[Question] = field(default_factory=list)
    ignorees: tuple[str, ...] = ()
    feuille: str = ""
    empreinte: str = ""

    @property
    def comptes(self) -> dict[str, int]:
        """How many rows of each ``Genre``, in its order."""
        counted = Counter(ligne.genre for ligne in self.lignes)
        return {genre.value: counted[genre] for genre in Genre}

    @property
    def ecrites(self) -> int:
        return self.comptes[Genre.NOUVELLE] + self.comptes[Genre.MODIFIEE]

    @property
    def refusees(self) -> int:
        return self.comptes[Genre.REFUSEE]


class ApercuPerimeError(TransitionError):
    """What would be written is no longer what was shown."""


def send(*, convention: Convention, nature: str, nom: str, contenu: bytes, by: User) -> Importation:
    """Keep a file to import, not yet confirmed. Raises ``ImportRefuse`` if it cannot be read."""
    _read_file(contenu, nom, IMPORTEURS[nature], "")
    return Importation.objects.create(
        convention=convention,
        nature=nature,
        nom_fichier=nom,
        contenu=contenu,
        sha256=hashlib.sha256(contenu).hexdigest(),
        auteur=by,
    )


def preview(importation: Importation, *, verrou: bool = False) -> Apercu:
    """What confirming would do now. Raises ``ImportRefuse`` if the file cannot be read any more."""
    kind = IMPORTEURS[importation.nature]
    answers = importation.reponses
    table, columns, sheets = _read_file(
        bytes(importation.contenu), importation.nom_fichier, kind, answers.get(FEUILLE, "")
    )
    importeur = kind(importation.convention, answers, verrou=verrou)
    importeur.importation = importation
    importeur.prepare(columns.cellules(ligne) for ligne in table.lignes)
    rows = [_read_row(importeur, columns, ligne) for ligne in table.lignes]
    questions = list(importeur.questions.values())
    if len(sheets) > 1:
        options = [(sheet, sheet) for sheet in sheets]
        phrase = "Ce classeur a plusieurs feuilles qui portent ces colonnes. Laquelle lire ?"
        questions.insert(0, Question(FEUILLE, "Feuille", phrase, options, table.feuille, len(rows)))
    return Apercu(rows, questions, columns.inconnues, table.feuille, _fingerprint(importation, rows))


@transaction.atomic
def confirm(importation: Importation, *, empreinte: str, sans_refusees: bool, by: User) -> Importation:
    """Write the rows, all or none. The file and the database are read again, under lock.

    Raises ``ApercuPerimeError`` if the result is not what ``empreinte`` was given for, ``TransitionError`` if rows are
    refused and ``sans_refusees`` does not leave them out, or if there is nothing to write.
    """
    # Two imports of one convention wait for each other.
    Convention.objects.select_for_update().get(pk=importation.convention_id)
    importation.lock()
    try:
        apercu = preview(importation, verrou=True)
    except ImportRefuse as refus:
        raise TransitionError(str(refus)) from refus
    if apercu.empreinte != empreinte:
        raise ApercuPerimeError(
            "Ce qui serait écrit a changé depuis l’aperçu : rien n’est écrit. Regardez le nouvel aperçu, puis confirmez."
        )
    if not apercu.ecrites:
        raise TransitionError("Il n’y a rien à écrire : aucune ligne n’est nouvelle ni modifiée.")
    if apercu.refusees and not sans_refusees:
        raise TransitionError(
            "Des lignes sont refusées : corrigez le fichier et renvoyez-le, ou cochez la case pour les laisser de côté."
        )
    try:
        with transaction.atomic(), pghistory.context(par=by.pk, importation=str(importation.pk)):
            _write(apercu)
    except IntegrityError as error:
        raise TransitionError(
            "Deux lignes échangent leurs noms, ou quelqu’un vient d’écrire les mêmes : rien n’est écrit. "
            "Recommencez, en deux fichiers s’il le faut."
        ) from error
    importation.record([ligne.as_json() for ligne in apercu.lignes])
    return importation


def report(importation: Importation) -> Apercu:
    """What a confirmed import did, as it was kept."""
    return Apercu([LigneLue.from_json(row) for row in importation.rapport])


def _write(apercu: Apercu) -> None:
    """Changes first, in the order of the file: a name they free may be that of a new row."""
    created = [ligne.objet for ligne in apercu.lignes if ligne.genre == Genre.NOUVELLE]
    for ligne in apercu.lignes:
        if ligne.genre == Genre.MODIFIEE:
            ligne.objet.save(update_fields=[*ligne.colonnes, "updated_at"])
    if created:
        type(created[0])._default_manager.bulk_create(created)


def _read_file(
    contenu: bytes, nom: str, kind: type[Importeur], feuille: str
) -> tuple[Table, Correspondance, list[str]]:
    """The table to import, where its columns are, and the sheets that have them.

    Without ``feuille``, it is the first sheet whose columns are those of the import.
    """
    first = read_table(contenu, nom)
    titles = sorted(first.feuilles, key=lambda title: title != feuille)
    tables = [read_table(contenu, nom, feuille=title) for title in titles] if len(titles) > 1 else [first]
    found: list[tuple[Table, Correspondance]] = []
    refusal: ImportRefuse | None = None
    for table in tables:
        try:
            found.append((table, match_columns(table, kind.champs)))
        except ImportRefuse as refus:
            refusal = refusal or refus
    if not found:
        raise refusal or ImportRefuse(f"« {nom} » est vide.")
    table, columns = found[0]
    if not table.lignes:
        raise ImportRefuse(f"« {nom} » n’a aucune ligne sous les titres de ses colonnes.")
    if len(table.lignes) > MAX_LIGNES:
        raise ImportRefuse(
            f"« {nom} » est trop long : {MAX_LIGNES // 1000}\u202f000 lignes au plus en une fois."
        )
    return table, columns, [title for title in first.feuilles if title in {read.feuille for read, _ in found}]


def _read_row(importeur: Importeur, columns: Correspondance, ligne: Ligne) -> LigneLue:
    cellules = columns.cellules(ligne)
    titre = cellules.get("nom") or cellules.get("objet") or cellules.get("beneficiaire") or ""
    lue = LigneLue(importeur.number(ligne, cellules), Genre.REFUSEE, titre)
    try:
        ancien = importeur.referred(cellules)
    except ValidationError as error:
        lue.motifs = [str(error.message)]
        return lue
    lecture = importeur.read(cellules, ancien)
    if not lecture.motifs and ancien is None and (ancien := importeur.find(lecture.valeurs)):
        lecture = importeur.read(cellules, ancien)
    if not lecture.motifs and ancien is not None and ancien.pk in importeur.prises:
        lecture.motifs.append(f"C’est déjà la ligne {importeur.prises[ancien.pk]} du fichier.")
    if lecture.motifs:
        lue.motifs = lecture.motifs
        return lue
    changed = {
        nom: valeur
        for nom, valeur in lecture.valeurs.items()
        if ancien is None or _differs(getattr(ancien, nom), valeur)
    }
    objet = importeur.apply(ancien, changed)
    lue.titre = importeur.title(objet)
    if changed and (motifs := importeur.refusals(objet)):
        lue.motifs = motifs
        return lue
    if ancien is not None:
        importeur.prises[ancien.pk] = lue.numero
    titres = {champ.nom: champ.titre for champ in importeur.champs if champ.nom != REFERENCE.nom}
    lue.changements = [
        Changement(
            titres[nom],
            importeur.say(getattr(ancien, nom)) if ancien is not None else "",
            importeur.say(valeur),
        )
        for nom, valeur in changed.items()
        if ancien is not None or (importeur.say(valeur) and not importeur.repeats(nom))
    ]
    lue.objet, lue.colonnes = objet, frozenset({*changed, *importeur.traces})
    lue.genre = Genre.NOUVELLE if ancien is None else Genre.MODIFIEE if changed else Genre.INCHANGEE
    return lue


def _differs(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return clean_text(old) != new
    return bool(old != new)


def _fingerprint(importation: Importation, rows: list[LigneLue]) -> str:
    """Of what would be written, and of what would be left out."""
    written = [
        [ligne.as_json(), ligne.objet.pk if ligne.objet is not None else None, _ids(ligne)] for ligne in rows
    ]
    text = json.dumps([importation.sha256, written], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _ids(ligne: LigneLue) -> dict[str, str]:
    """Keys of the rows it names: two organisations may bear one name."""
    if ligne.objet is None:
        return {}
    fields = (ligne.objet._meta.get_field(nom) for nom in ligne.colonnes)
    return {f.name: str(getattr(ligne.objet, f.attname)) for f in fields if f.is_relation}
