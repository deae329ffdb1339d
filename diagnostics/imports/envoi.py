"""From a file of all of France to the figures of one territoire, kept as a small table to show and confirm."""

import csv
import hashlib
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO

from django.core.exceptions import ValidationError
from django.db import transaction

from conventions.models import Convention, Importation
from conventions.operations import importations
from ctg_portal.imports import MAX_OCTETS, ImportRefuse, normalise
from ctg_portal.models import User
from ctg_portal.workflow import TransitionError
from diagnostics.imports.cellules import ANNEES, parse_annee, year_in
from diagnostics.imports.fichiers import Tableau, open_tables
from diagnostics.imports.formats import (
    DATES,
    FORMATS,
    SANS_ANNEE,
    Canonique,
    Chiffre,
    Format,
    Mouvement,
    figure,
    metadata_columns,
    movement,
    movement_columns,
)
from diagnostics.imports.importeur import ChiffresImporteur
from diagnostics.imports.lieux import MASQUES, Lieux, Niveau
from diagnostics.models import Correspondance, Indicateur

MAX_BRUTES = 10_000
"""Rows kept of a file whose columns nobody has described yet."""
MAX_COLONNES = 200
A_DECRIRE = "a_decrire"
LIEU, ANNEE, TRI, IGNOREE = "lieu", "annee", "tri", ""
"""What a column may be, besides an indicateur. ``TRI``: it splits the rows, of which one kind is kept."""
CLES = frozenset(
    map(
        normalise,
        (
            *("codgeo", "code", "code insee", "insee", "code commune", "code du lieu", "numcom", "depcom"),
            *(
                "code geo",
                "code_geo",
                "codeinsee",
                "insee_com",
                "num_com",
                "numcomdo",
                "numéro commune",
                "com",
            ),
            *("siren", "siren epci", "code epci", "epci", "numepci", "numéro epci", "codeepci"),
        ),
    )
)
"""How the column of the code of the place is called, normalised."""


@dataclass
class Lu:
    """What a file says of the territoire: figures, or raw rows to describe, or movements of communes.

    ``intitule`` names the format; nothing when nobody knows the table.
    """

    nom: str
    intitule: str
    source: str
    remarques: list[str] = field(default_factory=list)
    chiffres: list[Chiffre] = field(default_factory=list)
    brutes: list[tuple[int, list[str]]] = field(default_factory=list)
    """The head, then rows; canonical when ``source`` is empty and ``a_decrire`` is not set."""
    a_decrire: bool = False
    mouvements: list[Mouvement] | None = None
    lectures: list[list[str]] = field(default_factory=list)
    """For each indicateur read: its code, how it is made, and what the metadata say of them."""


def read_upload(file: IO[bytes], nom: str, lieux: Lieux) -> Lu:
    """Read a file as a stream, and keep what concerns the territoire. Raises ``ImportRefuse`` with a sentence."""
    tables = open_tables(file, nom)
    metadata = [table for table in tables if any(metadata_columns(cells) for _, cells in table.tete)]
    for table in tables:
        for numero, cells in table.tete if table not in metadata else ():
            for kind in FORMATS:
                if found := kind.recognise(cells, table.nom):
                    lu = _read_known(table, found, numero, cells, lieux)
                    lu.lectures = _lectures(found, metadata)
                    return lu
            if columns := movement_columns(cells):
                return _read_movements(table, columns, numero, lieux)
    if len(metadata) == len(tables):
        raise ImportRefuse(
            f"« {tables[0].nom} » est le dictionnaire des variables : il ne porte aucun chiffre. Envoyez l’archive .zip "
            "entière, qui le contient aussi, ou le fichier des données (« dossier_complet.csv »)."
        )
    return _read_raw(next(table for table in tables if table not in metadata), lieux)


def _lectures(found: Format, metadata: Sequence[Tableau]) -> list[list[str]]:
    """What was read from where, with the labels of the metadata that came in the same archive."""
    lectures = found.lectures()
    wanted = {title for _, _, titles in lectures for title in titles}
    labels: dict[str, str] = {}
    for table in metadata:
        tete, cells = next((numero, cells) for numero, cells in table.tete if metadata_columns(cells))
        code, label = metadata_columns(cells) or (0, 0)
        for _, row in table.rows(code, wanted, apres=tete):
            if label < len(row):
                labels.setdefault(row[code], row[label][:150])
    return [
        [indicateur, formule, "\u202f; ".join(labels[title] for title in titles if title in labels)]
        for indicateur, formule, titles in lectures
    ]


def _read_known(table: Tableau, found: Format, tete: int, entete: list[str], lieux: Lieux) -> Lu:
    lu = Lu(table.nom, found.intitule, found.source, [found.remarque] if found.remarque else [])
    if isinstance(found, Canonique):
        # Refused or not, each of its rows is shown: it was made for this territoire.
        lu.brutes = [
            (tete, entete),
            *itertools.islice(table.rows(None, None, apres=tete), importations.MAX_LIGNES + 1),
        ]
        if len(lu.brutes) - 1 > importations.MAX_LIGNES:
            raise ImportRefuse(_too_many(table.nom))
        return lu
    for ligne, cells in table.rows(found.cle, found.keys(lieux), apres=tete):
        lu.chiffres += found.figures(ligne, cells, lieux)
        if len(lu.chiffres) > importations.MAX_LIGNES:
            raise ImportRefuse(_too_many(table.nom))
    lu.remarques += _set_aside(found.ecartees)
    if not lu.chiffres:
        _refuse_without_rows(table, tete)
        left = f" {' '.join(lu.remarques)}" if found.ecartees else ""
        raise ImportRefuse(
            f"« {table.nom} » est reconnu ({found.intitule}), mais aucune de ses lignes ne concerne votre territoire.{left}"
        )
    return lu


def _refuse_without_rows(table: Tableau, tete: int) -> None:
    if next(table.rows(None, None, apres=tete), None) is None:
        raise ImportRefuse(f"« {table.nom} » n’a aucune ligne sous les titres de ses colonnes.")


def _too_many(nom: str) -> str:
    return (
        f"« {nom} » donne plus de {importations.MAX_LIGNES // 1000}\u202f000 chiffres pour votre territoire : "
        "gardez moins d’années ou de colonnes, et recommencez."
    )


def _set_aside(ecartees: Mapping[str, int]) -> list[str]:
    return [
        f"{count} ligne{'s' if count > 1 else ''} {why}, laissée{'s' if count > 1 else ''} de côté."
        for why, count in sorted(ecartees.items())
        if count
    ]


def _read_movements(table: Tableau, columns: dict[str, int], tete: int, lieux: Lieux) -> Lu:
    lu = Lu(table.nom, "INSEE, mouvements de communes", "INSEE, code officiel géographique", mouvements=[])
    seen = []
    keys = lieux.keys([Niveau.COMMUNE])
    for rank in {columns["COM_AV"], columns["COM_AP"]}:
        for ligne, cells in table.rows(rank, keys, apres=tete):
            made = movement(columns, cells)
            known = any(
                lieux.place(Niveau.COMMUNE, cells[columns[title]])
                for title in ("COM_AV", "COM_AP")
                if columns[title] < len(cells)
            )
            if known and (ligne, made) not in seen:
                seen.append((ligne, made))
            if len(seen) > MAX_BRUTES:
                raise ImportRefuse(_too_many(table.nom))
    lu.mouvements = [made for _, made in sorted(seen, key=lambda pair: (pair[1].date, pair[0]), reverse=True)]
    return lu


def _read_raw(table: Tableau, lieux: Lieux) -> Lu:
    """The head and the rows that name a place of the territoire, whatever their columns."""
    tete, entete = _head(table)
    if len(entete) > MAX_COLONNES:
        raise ImportRefuse(
            f"« {table.nom} » n’est pas d’un format connu, et il a plus de {MAX_COLONNES} colonnes : gardez celles qui servent."
        )
    cle = next((rank for rank, title in enumerate(entete) if normalise(title) in CLES), None)
    rows: list[tuple[int, list[str]]] = []
    for row in table.rows(cle, lieux.keys() - MASQUES, apres=tete):
        rows.append(row)
        if len(rows) > MAX_BRUTES:
            raise ImportRefuse(
                f"« {table.nom} » n’est pas d’un format connu, et trop de ses lignes pourraient concerner votre "
                f"territoire : {MAX_BRUTES // 1000}\u202f000 au plus."
            )
    if not rows:
        _refuse_without_rows(table, tete)
        raise ImportRefuse(
            f"« {table.nom} » n’est pas d’un format connu, et aucune de ses lignes ne porte le code d’une commune, "
            "de l’intercommunalité, du département ou de la région de votre territoire."
        )
    titles = {normalise(title) for title in entete}
    source = ""
    if "codgeo" in titles:
        source = "Observatoire des territoires"
    elif {"code", "libelle"} <= titles and tete >= 3:
        source = "INSEE, statistiques locales"
    return Lu(table.nom, source, source, brutes=[(tete, entete), *rows], a_decrire=True)


def _head(table: Tableau) -> tuple[int, list[str]]:
    """The row of the titles: the first that names the code of a place, or the first of the widest."""
    for numero, cells in table.tete:
        if any(normalise(text) in CLES for text in cells) and sum(map(bool, cells)) > 1:
            return numero, cells
    width = max((sum(map(bool, cells)) for _, cells in table.tete), default=0)
    if width < 2:
        raise ImportRefuse(
            f"« {table.nom} » n’est pas un tableau : il faut au moins deux colonnes, séparées par « ; »."
        )
    return next((numero, cells) for numero, cells in table.tete if sum(map(bool, cells)) == width)


# What is kept


def send(*, convention: Convention, nom: str, file: IO[bytes], lu: Lu, by: User) -> Importation:
    """Keep what concerns the territoire, not yet confirmed. The file itself is not kept, only its SHA-256."""
    digest = hashlib.sha256()
    file.seek(0)
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    answers: dict[str, object] = {
        "format": lu.intitule,
        "remarques": lu.remarques,
        "source": lu.source,
        "lectures": _named(lu.lectures),
    }
    if lu.a_decrire:
        answers[A_DECRIRE] = "oui"
        contenu = _csv([[str(numero), *cells] for numero, cells in lu.brutes])
    elif lu.chiffres:
        contenu = _canonical(lu.chiffres, lu.source, Lieux.of(convention.territoire))
    else:
        contenu = _csv([cells for _, cells in lu.brutes])
    if len(contenu) > MAX_OCTETS:
        raise ImportRefuse(_too_many(nom))
    return Importation.objects.create(
        convention=convention,
        nature=Importation.Nature.CHIFFRES,
        nom_fichier=nom[-200:],
        contenu=contenu,
        sha256=digest.hexdigest(),
        reponses=answers,
        auteur=by,
    )


def _named(lectures: Iterable[list[str]]) -> list[list[str]]:
    """The name of each indicateur in place of its code."""
    names = dict(Indicateur.objects.values_list("code", "intitule"))
    return [[names.get(code, code), titles, labels] for code, titles, labels in lectures]


def _canonical(chiffres: Sequence[Chiffre], source: str, lieux: Lieux) -> bytes:
    titles = [champ.titre for champ in ChiffresImporteur.champs]
    rows = [
        [
            str(one.ligne),
            one.indicateur,
            one.niveau,
            one.code,
            lieux.nom(one.niveau, one.code),
            str(one.annee),
            one.brut or ("" if one.valeur is None else f"{one.valeur:f}".replace(".", ",")),
            one.absence,
            source,
        ]
        for one in chiffres
    ]
    return _csv([titles, *rows])


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=";", lineterminator="\r\n").writerows(
        [[cell.replace("\x00", "") for cell in row] for row in rows]
    )
    return written.getvalue().encode("utf-8", "replace")


# A table that nobody knows: its columns are described once


@dataclass(frozen=True)
class Description:
    """What the columns of a table mean: ``colonnes`` holds, by rank, « lieu », « annee », « tri », the code of an
    indicateur or nothing.

    ``annee`` holds for the whole table when no column says it; without it, each title bears its own. ``niveau``: without
    it, the codes are those of communes and of the intercommunalité. ``garde`` is what the column « tri » says on the rows
    to keep.
    """

    colonnes: Sequence[str]
    annee: int | None
    niveau: str
    source: str
    garde: str = ""


@dataclass(frozen=True)
class Brut:
    """A table to describe: its titles, and its rows with their line in the file."""

    entete: list[str]
    lignes: list[tuple[int, list[str]]]

    @property
    def empreinte(self) -> str:
        """SHA-256 of the head; years count for nothing, so that the file of the next year is known."""
        titles = (re.sub(ANNEES, "#", normalise(title)) for title in self.entete)
        return hashlib.sha256("\n".join(titles).encode()).hexdigest()


def raw_table(importation: Importation) -> Brut:
    rows = list(csv.reader(io.StringIO(bytes(importation.contenu).decode(), newline=""), delimiter=";"))
    return Brut(rows[0][1:], [(int(row[0]), row[1:]) for row in rows[1:]])


def remembered(importation: Importation, brut: Brut) -> Correspondance | None:
    territoire = importation.convention.territoire_id
    return Correspondance.objects.filter(territoire=territoire, entete=brut.empreinte).first()


def suggest(brut: Brut, known: Correspondance | None, indicateurs: Sequence[Indicateur]) -> Description:
    """What was said of the same head, or else what the titles seem to say; the year is never remembered."""
    years = {year_in(title) for title in brut.entete} - {None}
    annee = years.pop() if len(years) == 1 else None
    if known is not None:
        said = known.colonnes
        codes = {LIEU, ANNEE, TRI, *(row.code for row in indicateurs)}
        colonnes = [code if code in codes else IGNOREE for code in said["colonnes"]]
        return Description(colonnes, annee, said["niveau"], said["source"], said.get("garde", ""))
    words = {normalise(word): row.code for row in indicateurs for word in (row.code, row.intitule)}
    colonnes = []
    seen: set[tuple[str, int | None]] = set()
    for title in brut.entete:
        word = normalise(title)
        bare = " ".join(piece for piece in word.split() if year_in(piece) is None)
        if word in CLES and LIEU not in colonnes:
            colonnes.append(LIEU)
        elif word in ("an", "millesime", "periode", *DATES) and ANNEE not in colonnes:
            colonnes.append(ANNEE)
        else:
            code = words.get(word) or words.get(bare) or IGNOREE
            colonnes.append(code if (code, year_in(title)) not in seen else IGNOREE)
            seen.add((code, year_in(title)))
    return Description(colonnes, annee, "", "")


@transaction.atomic
def describe(importation: Importation, description: Description, *, by: User) -> Importation:
    """Turn the raw rows into figures to confirm, and remember what the columns mean for the next time.

    Raises ``TransitionError`` when nothing can be read so, when two rows give one figure, or when the table is already
    described.
    """
    importation.lock()
    if not importation.reponses.get(A_DECRIRE):
        raise TransitionError("Les colonnes de ce fichier sont déjà décrites : voici son aperçu.")
    brut = raw_table(importation)
    lieux = Lieux.of(importation.convention.territoire)
    ecartees: Counter[str] = Counter()
    chiffres = [
        one
        for ligne, cells in brut.lignes
        for one in _described(ligne, cells, brut.entete, description, lieux, ecartees)
    ]
    _check_described(importation, chiffres, ecartees)
    source = description.source
    importation.contenu = _canonical(chiffres, source, lieux)
    importation.reponses = {
        **{cle: texte for cle, texte in importation.reponses.items() if cle != A_DECRIRE},
        "source": source,
        "remarques": _set_aside(ecartees),
        "lectures": _named(
            [code, brut.entete[rank], ""]
            for rank, code in enumerate(description.colonnes)
            if code not in (LIEU, ANNEE, TRI, IGNOREE)
        ),
    }
    importation.save(update_fields=["contenu", "reponses", "updated_at"])
    Correspondance.objects.update_or_create(
        territoire=importation.convention.territoire,
        entete=brut.empreinte,
        defaults={
            "intitule": importation.nom_fichier[-150:],
            "colonnes": {
                "colonnes": list(description.colonnes),
                "niveau": description.niveau,
                "source": source,
                "garde": description.garde,
            },
        },
    )
    return importation


def _check_described(
    importation: Importation, chiffres: Sequence[Chiffre], ecartees: Mapping[str, int]
) -> None:
    if not chiffres:
        why = " ".join(_set_aside(ecartees))
        raise TransitionError(
            f"Rien ne se lit ainsi : aucune ligne ne donne un chiffre de votre territoire. {why}"
        )
    if len(chiffres) > importations.MAX_LIGNES:
        raise TransitionError(_too_many(importation.nom_fichier))
    seen: dict[tuple[str, str, str, int], Chiffre] = {}
    for one in chiffres:
        first = seen.setdefault((one.indicateur, one.niveau, one.code, one.annee), one)
        if (first.valeur, first.absence, first.brut) != (one.valeur, one.absence, one.brut):
            raise TransitionError(
                f"Les lignes {first.ligne} et {one.ligne} donnent deux valeurs au même lieu, pour la même année : une "
                "colonne répartit ce que compte le tableau. Dites laquelle, et quelles lignes garder."
            )


def _described(
    ligne: int,
    cells: Sequence[str],
    entete: Sequence[str],
    description: Description,
    lieux: Lieux,
    ecartees: Counter[str],
) -> list[Chiffre]:
    def said(meaning: str) -> str:
        rank = description.colonnes.index(meaning)
        return cells[rank] if rank < len(cells) else ""

    if TRI in description.colonnes and normalise(said(TRI)) != normalise(description.garde):
        ecartees["d’une autre répartition"] += 1
        return []
    text = said(LIEU)
    place = lieux.guess(text)
    if description.niveau:
        code = lieux.place(description.niveau, text)
        place = (description.niveau, code) if code else None
    if place is None:
        ecartees["d’un autre lieu"] += 1
        return []
    annee = description.annee
    if ANNEE in description.colonnes:
        try:
            annee, _ = parse_annee(said(ANNEE))
        except ValidationError:
            ecartees[SANS_ANNEE] += 1
            return []
    made = []
    for rank, code in enumerate(description.colonnes):
        if code in (LIEU, ANNEE, TRI, IGNOREE):
            continue
        year = annee or year_in(entete[rank])
        if year is None:
            ecartees[SANS_ANNEE] += 1
        else:
            made.append(figure(ligne, code, *place, year, cells[rank] if rank < len(cells) else ""))
    return made
