"""Builds the Word templates (`manage.py build_docx_template`), so that they are made of code one can read.

One a kind of document: acts, a fiche alone (no cover), a plan or a selection of fiches (five levels of titles).
"""

import datetime
import io
from typing import Any

from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

from ctg_portal.word import stable_zip

POLICE = "Calibri"
ENCRE = RGBColor(0x1B, 0x24, 0x33)
ACCENT = RGBColor(0x17, 0x58, 0x6B)
DISCRET = RGBColor(0x4F, 0x59, 0x67)
TRAIT = "DDD7CA"
TETE = "F2EFE8"
FIXE = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def _node(tag: str, **attributes: str) -> Any:
    found = OxmlElement(tag)
    for name, value in attributes.items():
        found.set(qn(f"w:{name}"), value)
    return found


def _style(
    document: Any,
    name: str,
    *,
    size: float,
    color: RGBColor = ENCRE,
    bold: bool = False,
    before: float = 0,
    after: float = 6,
    keep: bool = False,
) -> Any:
    styles = document.styles
    style = (
        styles[name]
        if name in styles
        else styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH, builtin=name.startswith("toc"))
    )
    font = style.font
    font.name, font.size, font.bold, font.italic, font.color.rgb = POLICE, Pt(size), bold, False, color
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for attribute in list(fonts.attrib):
        if attribute.endswith("Theme"):
            del fonts.attrib[attribute]
    for attribute in ("ascii", "hAnsi", "cs", "eastAsia"):
        fonts.set(qn(f"w:{attribute}"), POLICE)
    paragraph = style.paragraph_format
    paragraph.space_before, paragraph.space_after, paragraph.line_spacing = Pt(before), Pt(after), 1.15
    paragraph.keep_with_next = keep
    return style


def _styles(document: Any) -> None:
    _style(document, "Normal", size=10.5)
    title = _style(document, "Title", size=30, bold=True, before=60, after=12)
    for border in title.element.iter(qn("w:pBdr")):
        border.getparent().remove(border)
        break
    _style(document, "Subtitle", size=14, color=ACCENT, after=6)
    _style(document, "Heading 1", size=17, bold=True, before=20, after=8, keep=True)
    _style(document, "Heading 2", size=13, color=ACCENT, bold=True, before=14, after=5, keep=True)
    _style(document, "Heading 3", size=11, bold=True, before=10, after=4, keep=True)
    for name in ("List Bullet", "List Number"):
        for level in ("", " 2"):
            _style(document, f"{name}{level}", size=10.5, after=3)
    for level in ("", " 2"):
        _style(document, f"List Continue{level}", size=10.5, after=3)
    _style(document, "Caption", size=9.5, bold=True, before=6, after=3, keep=True)
    for name in ("Header", "Footer"):
        _style(document, name, size=8.5, color=DISCRET, after=0)
    _style(document, "Cellule", size=9.5, after=0)
    _style(document, "Avertissement", size=10.5, color=DISCRET, before=40)
    _style(document, "Titre du sommaire", size=17, bold=True, after=8, keep=True)
    _style(document, "toc 1", size=10.5, bold=True, before=5, after=2)
    _style(document, "toc 2", size=10.5, after=2).paragraph_format.left_indent = Mm(6)
    for lang in document.styles.element.iter(qn("w:lang")):
        lang.set(qn("w:val"), "fr-FR")
        lang.set(qn("w:eastAsia"), "fr-FR")
    for lang in document.settings.element.iter(qn("w:themeFontLang")):
        lang.set(qn("w:val"), "fr-FR")


def _field(paragraph: Any, instruction: str, shown: str) -> None:
    field = _node("w:fldSimple", instr=instruction)
    run = OxmlElement("w:r")
    text = OxmlElement("w:t")
    text.text = shown
    run.append(text)
    field.append(run)
    paragraph._p.append(field)


def _mark(paragraph: Any, kind: str) -> None:
    """Begin, separate or end a field that spans paragraphs."""
    paragraph.add_run()._r.append(_node("w:fldChar", fldCharType=kind))


def _sommaire(document: Any) -> None:
    document.add_paragraph("Sommaire", style="Titre du sommaire").paragraph_format.page_break_before = True
    begin = document.add_paragraph(style="toc 1")
    _mark(begin, "begin")
    instruction = OxmlElement("w:instrText")
    instruction.set(qn("xml:space"), "preserve")
    instruction.text = r' TOC \o "1-2" \h \z \u '
    begin.add_run()._r.append(instruction)
    _mark(begin, "separate")
    document.add_paragraph("{%p for ancre, niveau, titre in sommaire %}")
    for level in (1, 2):
        document.add_paragraph(f"{{%p if niveau == {level} %}}")
        entry = document.add_paragraph(style=f"toc {level}")
        link = _node("w:hyperlink", anchor="{{ ancre }}", history="1")
        run = entry.add_run("{{ titre }}")
        link.append(run._r)
        entry._p.append(link)
        document.add_paragraph("{%p endif %}")
    document.add_paragraph("{%p endfor %}")
    # One point high: under a full page of contents it would otherwise make an empty one.
    end = document.add_paragraph(style="toc 1")
    end.paragraph_format.space_before = end.paragraph_format.space_after = Pt(0)
    end.paragraph_format.line_spacing = Pt(1)
    _mark(end, "end")


def _heading(document: Any, level: int, *, page: bool) -> None:
    genre = f"titre{level}{'s' if page else ''}"
    document.add_paragraph(f'{{%p if b.genre == "{genre}" %}}')
    heading = document.add_paragraph(style=f"Heading {level}")
    heading.paragraph_format.page_break_before = True if page else None
    heading._p.append(_node("w:bookmarkStart", id="{{ b.rang }}", name="{{ b.ancre }}"))
    heading._p.append(heading.add_run("{{ b.texte }}")._r)
    heading._p.append(_node("w:bookmarkEnd", id="{{ b.rang }}"))
    document.add_paragraph("{%p endif %}")


def _paragraph(document: Any, genre: str, style: str) -> None:
    document.add_paragraph(f'{{%p if b.genre == "{genre}" %}}')
    document.add_paragraph("{{r b.texte }}", style=style)
    document.add_paragraph("{%p endif %}")


def _frame(table: Any, legende: str) -> None:
    """Hairlines between rows, widths that are given, and a name for who cannot see it."""
    properties = table._tbl.tblPr
    borders = OxmlElement("w:tblBorders")
    for side in ("top", "bottom", "insideH"):
        borders.append(_node(f"w:{side}", val="single", sz="4", space="0", color=TRAIT))
    for side in ("left", "right", "insideV"):
        borders.append(_node(f"w:{side}", val="nil"))
    order = {"top": 0, "left": 1, "bottom": 2, "right": 3, "insideH": 4, "insideV": 5}
    borders[:] = sorted(borders, key=lambda node: order[node.tag.rpartition("}")[2]])
    layout = properties.find(qn("w:tblLayout"))
    if layout is not None:
        properties.remove(layout)
    look = properties.find(qn("w:tblLook"))
    look.addprevious(borders)
    look.addprevious(_node("w:tblLayout", type="fixed"))
    margins = OxmlElement("w:tblCellMar")
    for side in ("top", "bottom"):
        margins.append(_node(f"w:{side}", w="55", type="dxa"))
    look.addprevious(margins)
    look.addnext(_node("w:tblCaption", val=legende))


def _table(document: Any) -> None:
    document.add_paragraph('{%p if b.genre == "tableau" %}')
    document.add_paragraph("{{ b.legende }}", style="Caption")
    table = document.add_table(rows=4, cols=3, style="Table Grid")
    _frame(table, "{{ b.legende }}")
    texts = (
        ("{%tc for colonne in b.colonnes %}", "{{ colonne }}", "{%tc endfor %}"),
        ("{%tr for ligne in b.lignes %}", "", ""),
        ("{%tc for cellule in ligne %}", "{{ cellule }}", "{%tc endfor %}"),
        ("{%tr endfor %}", "", ""),
    )
    for row, words in zip(table.rows, texts, strict=True):
        line = row._tr.get_or_add_trPr()
        line.append(OxmlElement("w:cantSplit"))
        for cell, word in zip(row.cells, words, strict=True):
            cell.paragraphs[0].style = "Cellule"
            cell.paragraphs[0].add_run(word)
    head = table.rows[0]
    head._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    for cell in head.cells:
        cell.paragraphs[0].runs[0].font.bold = True
        cell._tc.get_or_add_tcPr().append(_node("w:shd", val="clear", color="auto", fill=TETE))
    document.add_paragraph(style="Cellule")
    document.add_paragraph("{%p endif %}")


def _facts(document: Any) -> None:
    """Rows of a name and a few words, without a head."""
    document.add_paragraph('{%p if b.genre == "faits" %}')
    table = document.add_table(rows=3, cols=2, style="Table Grid")
    _frame(table, "{{ b.legende }}")
    texts = (
        ("{%tr for nom, valeur in b.lignes %}", ""),
        ("{{ nom }}", "{{ valeur }}"),
        ("{%tr endfor %}", ""),
    )
    for row, words in zip(table.rows, texts, strict=True):
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
        for cell, word in zip(row.cells, words, strict=True):
            cell.paragraphs[0].style = "Cellule"
            cell.paragraphs[0].add_run(word)
    name = table.rows[1].cells[0].paragraphs[0].runs[0]
    name.font.bold, name.font.color.rgb = True, DISCRET
    document.add_paragraph(style="Cellule")
    document.add_paragraph("{%p endif %}")


def _start(*, cover: bool) -> Any:
    """A sheet with its styles, head and foot; ``cover``: the first page has neither."""
    document = Document()
    _styles(document)
    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(18)
    section.top_margin, section.bottom_margin = Mm(24), Mm(20)
    section.different_first_page_header_footer = cover
    section.header.paragraphs[0].text = "{{ acte.titre }}"
    footer = section.footer.paragraphs[0]
    footer.add_run("Page ")
    _field(footer, "PAGE", "1")
    footer._p.append(footer.add_run(" sur ")._r)
    _field(footer, "NUMPAGES", "1")
    return document


def _logo(document: Any) -> None:
    document.add_paragraph("{%p if logo %}")
    document.add_paragraph("{{ logo }}")
    document.add_paragraph("{%p endif %}")


def _mentions(document: Any) -> None:
    document.add_paragraph("{%p for mention in acte.mentions %}")
    document.add_paragraph("{{ mention }}")
    document.add_paragraph("{%p endfor %}")
    document.add_paragraph("{%p if avertissement %}")
    document.add_paragraph("{{ avertissement }}", style="Avertissement")
    document.add_paragraph("{%p endif %}")


def _texts(document: Any) -> None:
    _paragraph(document, "p", "Normal")
    for genre, style in (("ul", "List Bullet"), ("ol", "List Number"), ("p", "List Continue")):
        _paragraph(document, f"{genre}1", style)
        _paragraph(document, f"{genre}2", f"{style} 2")


def _finish(document: Any, titre: str) -> bytes:
    properties = document.core_properties
    properties.title, properties.author, properties.comments = titre, "", ""
    properties.last_modified_by, properties.keywords = "", ""
    properties.language = "fr-FR"
    properties.created = properties.modified = FIXE
    written = io.BytesIO()
    document.save(written)
    return stable_zip(written.getvalue())


def _cover(document: Any) -> None:
    _logo(document)
    document.add_paragraph("{{ acte.auteur }}", style="Subtitle")
    document.add_paragraph("{{ acte.nom }}", style="Title")
    document.add_paragraph("{{ acte.sous_titre }}", style="Subtitle")
    _mentions(document)


def build_template() -> bytes:
    """The template of acts, always the same bytes."""
    document = _start(cover=True)
    _cover(document)
    _sommaire(document)
    document.add_paragraph("{%p for b in blocs %}")
    for level in (1, 2, 3):
        _heading(document, level, page=False)
    _heading(document, 1, page=True)
    _texts(document)
    _table(document)
    document.add_paragraph("{%p endfor %}")
    return _finish(document, "Acte")


def _fiches(document: Any) -> None:
    """What fiches say, one block after the other: the template knows kinds of blocks, and no field."""
    _style(document, "Heading 4", size=10.5, bold=True, before=8, after=3, keep=True)
    _style(document, "Heading 5", size=10, color=DISCRET, bold=True, before=6, after=2, keep=True)
    document.add_paragraph("{%p for b in blocs %}")
    for level in (1, 2, 3, 4, 5):
        _heading(document, level, page=False)
    for level in (1, 2):
        _heading(document, level, page=True)
    _texts(document)
    _facts(document)
    _table(document)
    document.add_paragraph("{%p endfor %}")


def build_plan_template() -> bytes:
    """The template of a plan or a selection of fiches: a cover, its contents, then axes and fiches."""
    document = _start(cover=True)
    _cover(document)
    _sommaire(document)
    _fiches(document)
    return _finish(document, "Fiches action")


def build_fiche_template() -> bytes:
    """The template of one fiche: the territory above it, no cover."""
    document = _start(cover=False)
    _logo(document)
    document.add_paragraph("{{ acte.auteur }}", style="Subtitle")
    _mentions(document)
    _fiches(document)
    return _finish(document, "Fiche action")


MODELES = {
    "conventions/docx/convention.docx": build_template,
    "actions/docx/plan.docx": build_plan_template,
    "actions/docx/fiche.docx": build_fiche_template,
}
"""Each template of ours, below ``templates/``, with what makes it."""
