"""The checker of tags sees each fault: a sound file, broken in one way at a time."""

import io

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from ctg_portal.documents import render_pdf
from ctg_portal.models import Fragment
from tests.pdf.controle import faults, kids, pairs
from tests.pdf.test_fragments import plan, three


@pytest.fixture(scope="module")
def content(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        made = render_pdf(plan(three()))
        Fragment.objects.all().delete()
    return made


def elements(pdf, role=None):
    """Every element of the tree, or those of one role, in order."""

    def walk(element):
        for kid in kids(element):
            if not isinstance(kid, int) and kid.get("/Type") != "/OBJR":
                if role is None or f"/{role}" == kid.S:
                    yield kid
                yield from walk(kid)

    return list(walk(pdf.Root.StructTreeRoot))


def links(pdf):
    return [link for sheet in pdf.pages for link in sheet.get("/Annots", ())]


def add_content(pdf, number, code):
    sheet = pdf.pages[number]
    sheet.Contents = Array([*sheet.Contents, pdf.make_stream(code)])


def drop(key, find):
    def broken(pdf):
        del find(pdf)[key]

    return broken


def put(key, find, value):
    def broken(pdf):
        find(pdf)[key] = value(pdf) if callable(value) else value

    return broken


def twice(pdf):
    document = kids(pdf.Root.StructTreeRoot)[0]
    document.K.append(document.K[0])


def lost_mark(pdf):
    span = next(element for element in elements(pdf, "Span") if kids(element))
    span.K = Array()


def shared_mark(pdf):
    spans = [element for element in elements(pdf, "Span") if kids(element)]
    last = [span for span in spans if span.Pg.objgen == spans[-1].Pg.objgen]
    last[1].K = Array(list(last[0].K))


def swapped_pages(pdf):
    document = kids(pdf.Root.StructTreeRoot)[0]
    document.K = Array(list(document.K)[::-1])


def swapped_parents(pdf):
    entries = pairs(pdf.Root.StructTreeRoot.ParentTree.Nums)
    marks = next(value for _, value in entries if isinstance(value, Array) and len(value) > 1)
    marks[0], marks[1] = marks[1], marks[0]


def unsorted_parents(pdf):
    nums = list(pdf.Root.StructTreeRoot.ParentTree.Nums)
    pdf.Root.StructTreeRoot.ParentTree.Nums = Array([*nums[2:], *nums[:2]])


def lost_parent_entry(pdf):
    pdf.Root.StructTreeRoot.ParentTree.Nums = Array(list(pdf.Root.StructTreeRoot.ParentTree.Nums)[2:])


def same_header(pdf):
    first, second = elements(pdf, "TH")[:2]
    second.ID = first.ID


def lost_objr(pdf):
    link = elements(pdf, "Link")[0]
    link.K = Array([kid for kid in link.K if isinstance(kid, int)])


def foreign_page(pdf):
    return pdf.make_indirect(Dictionary(Type=Name.Page))


def without_title(pdf):
    del pdf.docinfo["/Title"]


def without_mark(pdf):
    with pdf.open_metadata(update_docinfo=False) as metadata:
        del metadata["pdfuaid:part"]


def first(role):
    return lambda pdf: elements(pdf, role)[0]


def root(pdf):
    return pdf.Root


def tree(pdf):
    return pdf.Root.StructTreeRoot


def bookmark(pdf):
    return pdf.Root.Outlines.First


BROKEN = {
    "no language": drop("/Lang", root),
    "no title": without_title,
    "title not shown": drop("/ViewerPreferences", root),
    "not marked": drop("/MarkInfo", root),
    "no PDF/UA mark": without_mark,
    "two titles": put("/Title", lambda pdf: pdf.docinfo, "Un autre"),
    "no tree": drop("/StructTreeRoot", root),
    "element twice": twice,
    "wrong parent": put("/P", first("LI"), tree),
    "unknown role": put("/S", first("LI"), Name.Chose),
    "element of no page": put("/Pg", first("Table"), foreign_page),
    "mark not in tree": lost_mark,
    "mark not drawn": put("/K", first("Caption"), 99),
    "mark twice": shared_mark,
    "mark not in parent tree": swapped_parents,
    "mark drawn twice": lambda pdf: add_content(pdf, 2, b"/Span <</MCID 0>> BDC EMC"),
    "mark left open": lambda pdf: add_content(pdf, 2, b"/Span <</MCID 0>> BDC"),
    "strokes outside marks": lambda pdf: add_content(pdf, 2, b"0 0 10 10 re f"),
    "parent tree of another length": lambda pdf: tree(pdf).ParentTree.Nums[1].append(tree(pdf).K[0]),
    "parent tree out of order": unsorted_parents,
    "parent tree entries without owner": lost_parent_entry,
    "next key taken": put("/ParentTreeNextKey", tree, 0),
    "struct parents twice": put("/StructParents", lambda pdf: pdf.pages[1], 0),
    "pages out of order": swapped_pages,
    "header twice": same_header,
    "unknown header": put("/Headers", lambda pdf: elements(pdf, "TD")[0].A, Array([String("x")])),
    "cell without header": drop("/Headers", lambda pdf: elements(pdf, "TD")[0].A),
    "heading level skipped": put("/S", first("H2"), Name.H4),
    "figure without words": drop("/Alt", first("Figure")),
    "link outside the tree": lost_objr,
    "annotation outside its role": put("/S", first("Link"), Name.Span),
    "link not in parent tree": put("/StructParent", lambda pdf: links(pdf)[0], 0),
    "link without words": drop("/Contents", lambda pdf: links(pdf)[0]),
    "link without target": drop("/Dest", lambda pdf: links(pdf)[0]),
    "link to nowhere": put("/Dest", lambda pdf: links(pdf)[0], String("fiche-9")),
    "link on no page": drop("/Annots", lambda pdf: pdf.pages[1]),
    "bookmark to nowhere": put("/Dest", bookmark, lambda pdf: Array([foreign_page(pdf), Name.XYZ, 0, 0, 0])),
    "bookmark of another parent": put("/Parent", bookmark, tree),
    "bookmarks badly linked": drop("/Prev", lambda pdf: pdf.Root.Outlines.Last),
    "bookmark without words": put("/Title", bookmark, String(" ")),
}


def broken(content, fault):
    pdf = pikepdf.open(io.BytesIO(content))
    BROKEN[fault](pdf)
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


def test_each_fault_is_seen_and_has_its_control(content):
    asked = set()

    missed = [fault for fault in BROKEN if fault not in faults(broken(content, fault), asked)]

    assert missed == []
    assert asked == set(BROKEN)
    assert faults(content) == set()
