"""The workbook that goes out: what is read back is what was written, and what was written is remembered in it.

A hidden sheet says, for each row, a short digest of each of its cells as they were: when the workbook comes back, a cell
that nobody touched is known from one that was changed, and a cell changed on both sides from either. The sheet is signed.
"""

import copy
import datetime
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.signing import Signer
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell.cell import Cell
from openpyxl.formatting.rule import FormulaRule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.utils import get_column_letter, quote_sheetname
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from actions.description import Genre
from actions.tableur.colonnes import (
    CLE,
    COLONNES,
    FEUILLE_FICHES,
    FEUILLES,
    FICHE,
    MAX_TEXTE,
    Colonne,
    Feuille,
    cle_of,
    repere,
    rows_of,
    texte_de,
)
from actions.tableur.contenu import TITRES, Contenu
from ctg_portal.grilles import escape, plain
from ctg_portal.tableurs import ENTETE, FILET, FORMATS, FORMULE, LIGNES_HAUTES, LISTES, timeless

VERSION = "1"
MEMOIRE = "_portail"
"""The hidden sheet that remembers what was written."""
MODE_EMPLOI = "Mode d’emploi"
PREPAREES = 300
"""Empty rows below the last, ready to be filled: lists, formats, protection."""
SEL = "actions.tableur"

_CLE_FOND = PatternFill("solid", fgColor="EDEFF1")
_SECTIONS_FONDS = ("E7ECEF", "DDE7F0")
_FERME = Protection(locked=True)
_OUVERT = Protection(locked=False)
_GRIS = Font(name="Calibri", size=11, color="5B6770")
_GRAS = Font(name="Calibri", size=11, bold=True)
_NATURES = {Genre.MONTANT: "montant", Genre.NOMBRE: "decimal", Genre.ANNEE: "entier", Genre.DATE: "date"}
_FORMAT_NOMBRE = "#,##0.####"


def digest(colonne: Colonne, text: str, cle: str) -> str:
    """Eight hexadecimal signs for what a cell says; two rows never share theirs."""
    content = f"{cle}\x1f{colonne.nom}\x1f{colonne.normal(text)}"
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def sign(lines: Sequence[Sequence[str]]) -> str:
    return Signer(salt=SEL).signature(json.dumps([list(line) for line in lines], ensure_ascii=False))


def write_classeur(contenu: Contenu) -> bytes:
    """The workbook of a plan, as whoever asks for it may read it."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    convention = contenu.convention
    listes = _Listes(contenu)
    memoire: list[list[str]] = []
    emploi = workbook.create_sheet(MODE_EMPLOI)
    fiches = list(contenu.fiches.values())
    _write_rows(
        workbook.create_sheet(FEUILLE_FICHES),
        COLONNES,
        [(fiche, "") for fiche in fiches],
        contenu,
        listes,
        memoire,
    )
    for feuille in FEUILLES:
        rows = [(row, _parent(feuille, row, fiche)) for fiche in fiches for row in rows_of(feuille, fiche)]
        _write_rows(
            workbook.create_sheet(feuille.titre), feuille.colonnes, rows, contenu, listes, memoire, feuille
        )
    _write_emploi(emploi, contenu)
    listes.write(workbook.create_sheet(LISTES))
    _write_memoire(workbook.create_sheet(MEMOIRE), contenu, memoire)
    workbook.active = 0
    properties = workbook.properties
    properties.title = plain(f"Plan d’actions, {convention}")
    properties.creator = properties.lastModifiedBy = "Portail CTG"
    properties.language = "fr-FR"
    written = io.BytesIO()
    workbook.save(written)
    return timeless(written.getvalue())


def _parent(feuille: Feuille, row: Any, fiche: Any) -> str:
    return repere(row.indicateur if feuille.parent != FICHE else fiche)


class _Listes:
    """The choices of the columns, each list once, in a hidden sheet."""

    def __init__(self, contenu: Contenu) -> None:
        self.contenu = contenu
        self.columns: dict[str, list[str]] = {}

    def of(self, colonne: Colonne) -> str:
        """The reference of the list of a column; « » when it has none, or when one cell may hold several names."""
        if colonne.liste:
            return self._ask(colonne.liste, self.contenu.listes[colonne.liste].labels.values())
        if colonne.genre is Genre.OUI:
            return self._ask("oui", ("Oui", "Non"))
        if colonne.choix:
            return self._ask(f"{colonne.section}.{colonne.nom}", colonne.choix.values())
        return ""

    def parents(self, feuille: Feuille) -> str:
        fiches = self.contenu.fiches.values()
        if feuille.parent == FICHE:
            return self._ask("fiches", map(repere, fiches))
        return self._ask("indicateurs", (repere(row) for fiche in fiches for row in fiche.indicateurs.all()))

    def _ask(self, name: str, labels: Iterable[str]) -> str:
        if name not in self.columns:
            self.columns[name] = list(labels)
        if not self.columns[name]:
            return ""
        letter = get_column_letter(list(self.columns).index(name) + 1)
        return f"{quote_sheetname(LISTES)}!${letter}$2:${letter}${len(self.columns[name]) + 1}"

    def write(self, sheet: Worksheet) -> None:
        for column, (name, labels) in enumerate(self.columns.items(), start=1):
            _text(sheet.cell(1, column), name)
            for row, label in enumerate(labels, start=2):
                _text(sheet.cell(row, column), label)
        sheet.sheet_state = "hidden"
        sheet.protection.enable()


def _write_rows(
    sheet: Worksheet,
    colonnes: Sequence[Colonne],
    rows: Sequence[tuple[Any, str]],
    contenu: Contenu,
    listes: _Listes,
    memoire: list[list[str]],
    feuille: Feuille | None = None,
) -> None:
    """The head, one row an object, and the rows prepared below. ``rows``: each object with the name of what it hangs from."""
    first = [CLE] if feuille is None else [CLE, feuille.parent]
    sections = list(dict.fromkeys(colonne.section for colonne in colonnes))
    for index, title in enumerate([*first, *(colonne.titre for colonne in colonnes)], start=1):
        fond = ENTETE
        if feuille is None and index > len(first):
            section = colonnes[index - 1 - len(first)].section
            fond = PatternFill("solid", fgColor=_SECTIONS_FONDS[sections.index(section) % 2])
        _head(sheet.cell(1, index), title, fond)
    start = len(first) + 1
    for numero, (objet, parent) in enumerate(rows, start=2):
        cle = cle_of(objet)
        _key(sheet.cell(numero, 1), cle)
        if feuille is not None:
            # The parent of a row that exists does not change.
            _key(sheet.cell(numero, 2), parent)
        digests = []
        lines = 1
        for index, colonne in enumerate(colonnes, start=start):
            value = colonne.valeur(objet, contenu.listes)
            text = texte_de(value)
            if len(text) > MAX_TEXTE:
                # Too long for a cell: it is not sent, and a cell that says so is never read back.
                value, text = None, ""
                digests.append(f"{colonne.nom}:long")
            else:
                digests.append(f"{colonne.nom}:{digest(colonne, text, cle)}")
            _fill(sheet.cell(numero, index), value, colonne)
            if isinstance(value, str):
                lines = max(lines, sum(1 + len(line) // colonne.largeur for line in value.split("\n")))
        # Programs do not all fit the height of a row to what it holds.
        sheet.row_dimensions[numero].height = 15 * min(lines, LIGNES_HAUTES) + 1
        parent_key = parent.split(" ")[0]
        memoire.append([sheet.title, cle, parent_key, " ".join(digests)])
    last = len(rows) + 1
    _dress(sheet, first, colonnes, last)
    _offer(sheet, first, colonnes, last, listes, feuille)


def _ready(dimension: Any, number_format: str, protection: Protection) -> None:
    dimension.number_format = number_format
    dimension.protection = protection
    dimension.alignment = Alignment(vertical="top", wrap_text=True)


def _head(cell: Cell, title: str, fond: PatternFill) -> None:
    _text(cell, title)
    cell.font = _GRAS
    cell.fill = fond
    cell.border = FILET
    cell.alignment = Alignment(vertical="center", wrap_text=True)
    cell.protection = _FERME


def _key(cell: Cell, cle: str) -> None:
    _value(cell, cle)
    _style(cell, ("cle",), _dress_key)


def _dress_key(cell: Cell) -> None:
    cell.number_format = FORMATS["texte"]
    cell.alignment = Alignment(vertical="top")
    cell.fill = _CLE_FOND
    cell.font = _GRIS
    cell.protection = _FERME


def _style(cell: Cell, name: tuple[Any, ...], dress: Callable[[Cell], None]) -> None:
    """Dress the cell as the first of that name was: to look a style up costs more than to write the cell."""
    known: dict[tuple[Any, ...], Any] = cell.parent.parent.__dict__.setdefault("_styles_du_portail", {})
    if name not in known:
        dress(cell)
        known[name] = copy.copy(cell._style)
    cell._style = copy.copy(known[name])


def _value(cell: Cell, text: str) -> None:
    # Set whole: openpyxl takes a text that starts with « = » for a formula.
    cell.value = escape(plain(text))
    cell.data_type = "s"


def _text(cell: Cell, text: str) -> None:
    _value(cell, text)
    cell.quotePrefix = bool(FORMULE.match(text))
    cell.number_format = FORMATS["texte"]
    cell.alignment = Alignment(vertical="top")


def _format(colonne: Colonne) -> str:
    if colonne.genre is Genre.NOMBRE:
        return _FORMAT_NOMBRE
    return FORMATS[_NATURES.get(colonne.genre, "texte")]


def _fill(cell: Cell, value: Any, colonne: Colonne) -> None:
    is_formula = isinstance(value, str) and bool(FORMULE.match(value))
    if isinstance(value, str):
        _value(cell, value)
    elif value is not None:
        cell.value = value

    def dress(cell: Cell) -> None:
        _dress_cell(cell, colonne, is_formula=is_formula)

    _style(cell, (colonne.section, colonne.nom, is_formula), dress)


def _dress_cell(cell: Cell, colonne: Colonne, *, is_formula: bool) -> None:
    # The mark of a text that only looks like a formula: no program computes it.
    cell.quotePrefix = is_formula
    cell.number_format = _format(colonne)
    long = colonne.genre is Genre.TEXTE or colonne.plusieurs or colonne.largeur >= 28
    cell.alignment = Alignment(vertical="top", wrap_text=long)
    cell.protection = _OUVERT if colonne.section else _FERME
    if not colonne.section:
        cell.font = _GRIS


def _dress(sheet: Worksheet, first: list[str], colonnes: Sequence[Colonne], last: int) -> None:
    """Widths, heads that stay in sight, filters, and a protection without password that leaves the work possible."""
    start = len(first) + 1
    widths = [8, *([38] * (len(first) - 1)), *(colonne.largeur for colonne in colonnes)]
    for index, width in enumerate(widths, start=1):
        sheet.column_dimensions[get_column_letter(index)].width = width
    # The rows below the last, whatever their number, are ready to be filled: their cells take after the column.
    sheet.column_dimensions["A"].fill = _CLE_FOND
    for index in range(2, start):
        _ready(sheet.column_dimensions[get_column_letter(index)], FORMATS["texte"], _OUVERT)
    for index, colonne in enumerate(colonnes, start=start):
        dimension = sheet.column_dimensions[get_column_letter(index)]
        _ready(dimension, _format(colonne), _OUVERT if colonne.section else _FERME)
    sheet.row_dimensions[1].height = 32
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(widths))}{max(last, 2)}"
    sheet.freeze_panes = sheet.cell(2, 4 if sheet.title == FEUILLE_FICHES else 3)
    sheet.print_title_rows = "1:1"
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = sum(widths) <= 220
    protection = sheet.protection
    protection.enable()
    for allowed in (
        *("formatCells", "formatColumns", "formatRows", "insertRows", "deleteRows", "sort", "autoFilter"),
        *("insertHyperlinks", "pivotTables"),
    ):
        # False: the protection does not forbid it.
        setattr(protection, allowed, False)


def _offer(
    sheet: Worksheet,
    first: list[str],
    colonnes: Sequence[Colonne],
    last: int,
    listes: _Listes,
    feuille: Feuille | None,
) -> None:
    """Drop-down lists; a warning and not a wall, for what the portal does not know is said when the workbook comes back."""
    bottom = last + PREPAREES
    if feuille is not None and (reference := listes.parents(feuille)):
        _rule(sheet, "B", bottom, reference, "Choisissez la ligne du plan dans la liste.")
    for index, colonne in enumerate(colonnes, start=len(first) + 1):
        letter = get_column_letter(index)
        reference = listes.of(colonne)
        if colonne.plusieurs or not colonne.section:
            continue
        if reference:
            _rule(sheet, letter, bottom, reference, "Cette valeur n’est pas dans la liste.")
        elif colonne.genre is Genre.DATE:
            rule = DataValidation(
                "date", operator="between", formula1="DATE(2000,1,1)", formula2="DATE(2100,12,31)"
            )
            _add(sheet, rule, letter, bottom, "Écrivez une date, comme 31/12/2026.")
        elif colonne.genre in (Genre.MONTANT, Genre.ANNEE):
            rule = DataValidation("decimal", operator="greaterThanOrEqual", formula1="0")
            _add(sheet, rule, letter, bottom, "Écrivez un nombre.")
    # A key is not typed, even once the protection is taken off to sort.
    rule = DataValidation("custom", formula1="FALSE")
    rule.errorStyle = "stop"
    rule.error = "La clé relie la ligne au portail : laissez-la. Une ligne nouvelle n’en a pas."
    rule.showErrorMessage = True
    rule.add(f"A2:A{bottom}")
    sheet.add_data_validation(rule)
    empty = FormulaRule(
        formula=['AND($A2="",COUNTA($B2:$Z2)>0)'], fill=PatternFill("solid", bgColor="E4F2E7")
    )
    sheet.conditional_formatting.add(f"A2:A{bottom}", empty)


def _rule(sheet: Worksheet, letter: str, bottom: int, reference: str, sentence: str) -> None:
    _add(sheet, DataValidation("list", reference), letter, bottom, sentence)


def _add(sheet: Worksheet, rule: DataValidation, letter: str, bottom: int, sentence: str) -> None:
    rule.errorStyle = "warning"
    rule.error = sentence
    rule.allow_blank = True
    rule.showErrorMessage = True
    rule.add(f"{letter}2:{letter}{bottom}")
    sheet.add_data_validation(rule)


def _write_memoire(sheet: Worksheet, contenu: Contenu, memoire: list[list[str]]) -> None:
    moment = timezone.localtime().replace(microsecond=0)
    head = [
        ["format", VERSION],
        ["convention", contenu.convention.code],
        ["exporté le", moment.isoformat()],
        ["par", str(contenu.user.pk)],
    ]
    lines = [*head, *memoire]
    for row, line in enumerate([["signature", sign(lines)], *lines], start=1):
        for column, text in enumerate(line, start=1):
            _text(sheet.cell(row, column), text)
    sheet.sheet_state = "veryHidden"
    sheet.protection.enable()


# What people read first


def _mode_emploi(contenu: Contenu, moment: datetime.datetime) -> list[tuple[str, str]]:
    """(style, text): the instructions, in French."""
    convention = contenu.convention
    return [
        ("titre", f"Plan d’actions, {convention}"),
        ("note", f"Classeur téléchargé le {moment:%d/%m/%Y} à {moment:%H:%M} par {contenu.user}."),
        ("intertitre", "Comment s’en servir"),
        (
            "",
            "1. Complétez les feuilles, seul ou avec les communes, sans connexion. Enregistrez au format .xlsx.",
        ),
        ("", "2. Renvoyez le fichier sur le portail : Plan d’actions › Tableur › Renvoyer le classeur."),
        (
            "",
            "3. Le portail montre chaque case ajoutée, changée ou retirée, avec l’ancienne valeur et la nouvelle. "
            "Rien n’est écrit avant votre confirmation.",
        ),
        (
            "",
            "Si quelqu’un a changé la même case sur le portail entre-temps, les deux textes sont montrés côte à côte et "
            "vous choisissez.",
        ),
        ("intertitre", "Ce qu’il faut savoir"),
        (
            "",
            "La colonne « Clé », grisée, relie chaque ligne au portail : ne la changez pas. Une ligne nouvelle n’a pas "
            "de clé : écrivez-la sous la dernière, le portail la créera.",
        ),
        (
            "",
            "Dans les feuilles de détail, la colonne « Fiche » dit de quelle fiche est la ligne : choisissez-la dans la "
            "liste ; pour une fiche que vous venez d’ajouter, écrivez son intitulé.",
        ),
        (
            "",
            "Une ligne supprimée ne supprime rien d’elle-même : le portail propose d’archiver la fiche, ou de retirer "
            "l’étape, la dépense… et vous cochez ce qui doit l’être.",
        ),
        ("", "Vider une case vide le champ. Une colonne que vous supprimez ne change rien sur le portail."),
        ("", "Quand une case accepte plusieurs noms (domaines, communes, publics…), séparez-les par « ; »."),
        ("", "Une case « Communes concernées » vide : toutes les communes du territoire."),
        (
            "",
            "Les feuilles sont protégées sans mot de passe, pour garder les clés. Pour trier ou supprimer des lignes, "
            "ôtez la protection (Révision › Ôter la protection ; dans LibreOffice : Outils › Protéger la feuille).",
        ),
        ("", "N’écrivez rien sur une famille ou une personne en particulier."),
        ("intertitre", "Les feuilles"),
    ]


_STYLES = {
    "titre": Font(name="Calibri", bold=True, size=16),
    "intertitre": Font(name="Calibri", bold=True, size=12),
    "note": _GRIS,
    "": Font(name="Calibri", size=11),
}


def _write_emploi(sheet: Worksheet, contenu: Contenu) -> None:
    sheet.column_dimensions["A"].width = 34
    sheet.column_dimensions["B"].width = 34
    sheet.column_dimensions["C"].width = 44
    row = 0
    for style, text in _mode_emploi(contenu, timezone.localtime()):
        row += 1
        cell = sheet.cell(row, 1)
        _text(cell, text)
        cell.font = _STYLES[style]
        cell.alignment = Alignment(vertical="top", wrap_text=True)
        sheet.merge_cells(start_row=row, start_column=1, end_row=row, end_column=3)
        sheet.row_dimensions[row].height = 24 if style == "titre" else 16 * (1 + len(text) // 115)
    row += 1
    for column, title in enumerate(("Feuille", "Colonne", "Ce qu’elle contient"), start=1):
        _head(sheet.cell(row, column), title, ENTETE)
    sheets: Mapping[str, Sequence[Colonne]] = {
        FEUILLE_FICHES: COLONNES,
        **{feuille.titre: feuille.colonnes for feuille in FEUILLES},
    }
    for titre, colonnes in sheets.items():
        for rank, colonne in enumerate(colonnes):
            row += 1
            said = colonne.aide if colonne.section else "pour lecture : se change sur le portail"
            if titre == FEUILLE_FICHES and colonne.section in TITRES:
                said = f"{said} ({TITRES[colonne.section]})"
            for column, text in enumerate((titre if not rank else "", colonne.titre, said), start=1):
                _text(sheet.cell(row, column), text)
                sheet.cell(row, column).border = (
                    Border(top=Side("thin", color="D5DADE")) if not rank else Border()
                )
    sheet.sheet_view.showGridLines = False
    sheet.page_setup.orientation = "portrait"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    sheet.protection.enable()
