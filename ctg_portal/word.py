"""An ``Acte`` as a Word file, from a template of ours: real styles, repeated heads of tables, nothing left to the words."""

import base64
import datetime
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.safestring import SafeString
from docx.oxml.ns import qn
from docx.shared import Mm
from docxtpl import DocxTemplate, InlineImage, RichText

from ctg_portal.avance import report
from ctg_portal.contenu import Acte, Tableau, Texte, acte_of, acte_values
from ctg_portal.templatetags.portal import typo
from ctg_portal.textes import Bloc, blocs_of

MODELES = Path(settings.BASE_DIR) / "templates"
LARGEUR = 9865
"""Twentieths of a point between the margins of the template."""
HAUTEUR_SIGNATURE = 1247
"""Twentieths of a point (22 mm) of a row where somebody signs."""
TITRE_MAX = 255
FICHE = "fiche"
"""The key of a section that begins a fiche: they are counted while the file is drawn."""
LISTES_NUMEROTEES = ("List Number", "List Number 2")
LIEN = "17586B"
"""The colour of a link."""


def _french(words: str) -> str:
    """French spacing, on words that are still to be escaped when they are put in the file."""
    # typo() would escape plain words; what it gives is marked safe, and joined it no longer is.
    return "".join(typo(SafeString(words)))


def _rich(document: DocxTemplate, bloc: Bloc) -> RichText:
    """Its words with what is bold and where links lead."""
    text = RichText()
    for piece in bloc.morceaux:
        link = (
            {"url_id": document.build_url_id(piece.adresse), "color": LIEN, "underline": True}
            if piece.adresse
            else {}
        )
        text.add(_french(piece.texte), bold=piece.gras, **link)
    return text


def _genre(bloc: Bloc) -> str:
    """The name the template gives to its style."""
    return f"{bloc.genre}{min(bloc.niveau, 2) or ''}"


def _flat(document: DocxTemplate, acte: Acte) -> list[dict[str, Any]]:
    """One row a paragraph, an item of a list or a table, in the order of the document."""
    rows: list[dict[str, Any]] = []
    for rank, (ancre, section) in enumerate(acte.numerotees, start=1):
        genre = f"titre{section.niveau}{'s' if section.saut else ''}"
        row = {"genre": genre, "texte": _french(section.titre), "ancre": ancre, "rang": rank}
        rows.append(row | {"fiche": section.cle == FICHE})
        for bloc in section.blocs:
            if isinstance(bloc, Texte):
                rows.extend(
                    {"genre": _genre(part), "texte": _rich(document, part), "debut": part.rang}
                    for part in blocs_of(bloc.texte)
                )
            else:
                rows.append(
                    {
                        "genre": "faits" if bloc.faits else "tableau",
                        "legende": _french(bloc.legende),
                        "colonnes": [_french(colonne.titre) for colonne in bloc.colonnes],
                        "lignes": [[_french(cell) for cell in line] for line in bloc.lignes],
                    }
                )
    return rows


def _told(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rows, telling at each fiche how many came before it."""
    done = 0
    for row in rows:
        if row.get("fiche"):
            report(done)
            done += 1
        yield row


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


def _number(document: DocxTemplate, ranks: list[int]) -> None:
    """Each numbered list begins at its own number: a style alone would go on from the list before."""
    written = document.docx
    # Once by name: asking each paragraph for its style reads all the styles of the file.
    styles = {written.styles[name].style_id: written.styles[name] for name in LISTES_NUMEROTEES}
    items = [p for p in written.element.body.findall(qn("w:p")) if p.style in styles]
    numbering = written.part.numbering_part.element
    current: dict[str, int] = {}
    previous: dict[str, int] = {}
    for paragraph, rank in zip(items, ranks, strict=True):
        style = styles[paragraph.style]
        name = str(style.name)
        if rank != previous.get(name, 0) + 1 or name not in current or rank == 1:
            model = numbering.num_having_numId(style.element.pPr.numPr.numId.val)
            num = numbering.add_num(model.abstractNumId.val)
            num.add_lvlOverride(ilvl=0).add_startOverride(rank)
            current[name] = num.numId
        previous[name] = rank
        number = paragraph.get_or_add_pPr().get_or_add_numPr()
        number.get_or_add_ilvl().val = 0
        number.get_or_add_numId().val = current[name]


def render_docx(
    acte: Acte, template: Path, *, logo: bytes = b"", today: datetime.date | None = None
) -> bytes:
    """The file; on one day, the same ``acte`` and template give the same bytes."""
    document = DocxTemplate(template)
    document.init_docx()
    blocs = _flat(document, acte)
    image = InlineImage(document, io.BytesIO(logo), height=Mm(24)) if logo else None
    document.render(
        {
            "acte": acte,
            "blocs": _told(blocs),
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
    _number(document, [row["debut"] for row in blocs if str(row["genre"]).startswith("ol")])
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


def word_source(acte: Acte, modele: str, *, logo: bytes = b"", today: datetime.date | None = None) -> str:
    """All that a Word file depends on, as text to keep until it is drawn; ``modele``: a template below ``templates/``."""
    return json.dumps(
        {
            "modele": modele,
            "acte": acte_values(acte),
            "logo": base64.b64encode(logo).decode(),
            "jour": (today or timezone.localdate()).isoformat(),
        },
        ensure_ascii=False,
    )


def draw_word(source: str) -> bytes:
    """The file that ``word_source`` describes."""
    given = json.loads(source)
    return render_docx(
        acte_of(given["acte"]),
        MODELES / given["modele"],
        logo=base64.b64decode(given["logo"]),
        today=datetime.date.fromisoformat(given["jour"]),
    )


def word_key(source: str) -> str:
    """SHA-256 of all that the drawn file depends on: what it says, its template and the versions that draw it."""
    digest = hashlib.sha256(f"docx {version('docxtpl')} {version('python-docx')}".encode())
    digest.update((MODELES / json.loads(source)["modele"]).read_bytes())
    digest.update(source.encode())
    return digest.hexdigest()


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
