"""An ``Acte`` as a Word file, from a template of ours: real styles, repeated heads of tables, nothing left to the words."""

import datetime
import io
import zipfile
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage

from ctg_portal.contenu import Acte, Tableau, Texte
from ctg_portal.templatetags.portal import blocks_of, typo

LARGEUR = 9865
"""Twentieths of a point between the margins of the template."""
HAUTEUR_SIGNATURE = 1247
"""Twentieths of a point (22 mm) of a row where somebody signs."""
TITRE_MAX = 255


def _french(words: str) -> str:
    """French spacing, on words that are still to be escaped when they are put in the file."""
    # typo() would escape plain words; what it gives is marked safe, and joined it no longer is.
    return "".join(typo(SafeString(words)))


def _flat(acte: Acte) -> list[dict[str, Any]]:
    """One row a paragraph, a bullet or a table, in the order of the document."""
    rows: list[dict[str, Any]] = []
    for rank, (ancre, section) in enumerate(acte.numerotees, start=1):
        genre = f"titre{section.niveau}{'s' if section.saut else ''}"
        rows.append({"genre": genre, "texte": _french(section.titre), "ancre": ancre, "rang": rank})
        for bloc in section.blocs:
            if isinstance(bloc, Texte):
                for kind, lines in blocks_of(_french(bloc.texte)):
                    texts = lines if kind == "ul" else ["\n".join(lines)]
                    rows.extend({"genre": kind, "texte": line} for line in texts)
            else:
                rows.append(
                    {
                        "genre": "tableau",
                        "legende": _french(bloc.legende),
                        "colonnes": [_french(colonne.titre) for colonne in bloc.colonnes],
                        "lignes": [[_french(cell) for cell in line] for line in bloc.lignes],
                    }
                )
    return rows


def _measure(table: Any, tableau: Tableau) -> None:
    """Widths, right-aligned figures, room to sign and a last row in bold: what a template cannot say of each table."""
    widths = [LARGEUR * colonne.largeur // 100 for colonne in tableau.colonnes]
    for column, width in zip(table.iter(qn("w:gridCol")), widths, strict=True):
        column.set(qn("w:w"), str(width))
    lines = table.findall(qn("w:tr"))
    for rank, line in enumerate(lines):
        for cell, width, colonne in zip(line.findall(qn("w:tc")), widths, tableau.colonnes, strict=True):
            size = cell.get_or_add_tcPr().get_or_add_tcW()
            size.set(qn("w:type"), "dxa")
            size.set(qn("w:w"), str(width))
            for paragraph in cell.findall(qn("w:p")):
                if colonne.nombre:
                    paragraph.get_or_add_pPr().get_or_add_jc().set(qn("w:val"), "right")
                if tableau.total and rank == len(lines) - 1:
                    for run in paragraph.findall(qn("w:r")):
                        run.get_or_add_rPr().get_or_add_b()
        if tableau.hautes and rank:
            height = line.get_or_add_trPr().get_or_add_trHeight()
            height.set(qn("w:val"), str(HAUTEUR_SIGNATURE))


def render_docx(
    acte: Acte, template: Path, *, logo: bytes = b"", today: datetime.date | None = None
) -> bytes:
    """The file; on one day, the same ``acte`` and template give the same bytes."""
    document = DocxTemplate(template)
    document.init_docx()
    image = InlineImage(document, io.BytesIO(logo), height=Mm(24)) if logo else None
    document.render(
        {
            "acte": acte,
            "blocs": _flat(acte),
            "sommaire": [(ancre, section.niveau, _french(section.titre)) for ancre, section in acte.sommaire],
            "logo": image,
            "avertissement": _french(acte.avertissement),
        },
        autoescape=True,
    )
    body = document.docx.element.body
    tableaux = [bloc for section in acte.sections for bloc in section.blocs if isinstance(bloc, Tableau)]
    for table, tableau in zip(body.findall(qn("w:tbl")), tableaux, strict=True):
        _measure(table, tableau)
    for drawing in body.iter(qn("wp:docPr")):
        drawing.set("descr", f"Logo de {acte.auteur}")
    properties = document.docx.core_properties
    properties.title = acte.titre[:TITRE_MAX]
    properties.author = acte.auteur[:TITRE_MAX]
    day = today or timezone.localdate()
    properties.created = properties.modified = datetime.datetime(
        day.year, day.month, day.day, tzinfo=datetime.UTC
    )
    written = io.BytesIO()
    document.save(written)
    return stable_zip(written.getvalue())


def stable_zip(content: bytes) -> bytes:
    """The same archive without the hour it was written at."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(
                zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED
            )
    return out.getvalue()
