"""Files that people deposited, behind one of ours: what is drawn is kept, what acts is not, and the whole is accessible."""

import io
import zlib

import page
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from ctg_portal.documents import AnnexeError, AnnexePdf, read_annexe, render_pdf
from ctg_portal.pdf import annexes
from tests.pdf.controle import faults, read_aloud
from tests.pdf.test_documents import outline, words

HTML = (
    '<!DOCTYPE html><html lang="fr"><head><title>Dossier</title></head><body><div class="courant" data-titre="Dossier" '
    'data-edition="Version 1"><h1>Dossier</h1><h2>Annexes</h2><p>Voir le <a href="https://example.org">site</a>.</p>'
    "</div></body></html>"
)


@pytest.fixture(scope="module")
def ours():
    return render_pdf(HTML)


def saved(pdf, **options):
    out = io.BytesIO()
    pdf.save(out, **options)
    return out.getvalue()


def blank(content=b"0 0 100 100 re f", size=(595, 842), pages=1):
    pdf = pikepdf.new()
    for _ in range(pages):
        sheet = pdf.add_blank_page(page_size=size)
        sheet.obj.Contents = pdf.make_stream(content)
    return pdf


def appended(*contents):
    return render_pdf(HTML, [AnnexePdf(rang, f"Pièce {rang}", c) for rang, c in enumerate(contents, 1)])


def failures(content):
    return page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures


def test_an_annexe_is_drawn_told_and_found(ours):
    content = appended(ours, saved(blank(pages=2)))

    assert faults(content) == set()
    assert failures(content) == []
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert len(pdf.pages) == 4
        assert outline(pdf) == [("Dossier", ["Annexes", "Annexe 1 – Pièce 1", "Annexe 2 – Pièce 2"])]
        parts = list(pdf.Root.StructTreeRoot.K[0].K)[-2:]
        assert [[str(figure.Alt) for figure in part.K] for part in parts] == [
            ["Annexe 1, page 1 : Pièce 1"],
            ["Annexe 2, page 1 : Pièce 2", "Annexe 2, page 2 : Pièce 2"],
        ]
    text = words(content)
    # The words of the annexe are still found by a search, its sheets are numbered with the others.
    assert text.count("Voir le site.") == 2
    assert "page 4 / 4" in text
    assert "Annexe 2 – Pièce 2" in text


def test_the_words_of_the_dossier_are_read_as_without_annexe(ours):
    assert read_aloud(appended(ours)).strip() == read_aloud(ours).strip()


def test_what_acts_stays_behind(ours):
    with pikepdf.open(io.BytesIO(ours)) as pdf:
        script = Dictionary(S=Name.JavaScript, JS=String("app.alert('MARQUE')"))
        pdf.Root.OpenAction = script
        pdf.Root.AA = Dictionary(WC=script)
        pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array([String("MARQUE"), script])))
        pdf.attachments["MARQUE.exe"] = b"MZ"
        pdf.pages[0].obj.AA = Dictionary(O=script)
        pdf.pages[0].obj.Annots = pdf.make_indirect(
            Array(
                [
                    pdf.make_indirect(
                        Dictionary(
                            Type=Name.Annot,
                            Subtype=Name.Link,
                            Rect=[0, 0, 50, 50],
                            A=Dictionary(S=Name.Launch, F=String("MARQUE.exe")),
                        )
                    )
                ]
            )
        )
        hostile = saved(pdf)

    content = appended(hostile)

    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert not {"/OpenAction", "/AA", "/Names", "/AcroForm"} & set(pdf.Root.keys())
        assert not list(pdf.attachments)
        kept = [obj for obj in pdf.objects if isinstance(obj, (Dictionary, pikepdf.Stream))]
        assert not [
            obj for obj in kept if "/JS" in obj or str(obj.get("/S", "")) in ("/JavaScript", "/Launch")
        ]
        assert "/Annots" not in pdf.pages[1].obj
    assert b"MARQUE" not in content
    assert faults(content) == set()


def test_marks_of_the_former_tags_are_taken_out_of_forms_too():
    pdf = blank(b"/P <</MCID 0>> BDC /Artifact BMC /X Do EMC EMC")
    form = pdf.make_stream(b"/Span <</MCID 7>> BDC 0 0 9 9 re f EMC")
    form.Type, form.Subtype, form.BBox, form.StructParents = Name.XObject, Name.Form, Array([0, 0, 9, 9]), 3
    # It draws itself: found once.
    form.Resources = Dictionary(XObject=Dictionary(X=form))
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=form))

    content = appended(saved(pdf))

    assert faults(content) == set()
    with pikepdf.open(io.BytesIO(content)) as made:
        forms = [
            obj
            for obj in made.objects
            if isinstance(obj, pikepdf.Stream) and obj.get("/Subtype") == Name.Form
        ]
        assert len(forms) == 2
        for obj in forms:
            assert b"BDC" not in obj.read_bytes()
            assert b"BMC" not in obj.read_bytes()
            assert "/StructParents" not in obj


def test_what_a_form_shows_is_drawn():
    pdf = blank()
    look = pdf.make_stream(b"0 0 20 10 re f % TAMPON")
    look.Type, look.Subtype, look.BBox = Name.XObject, Name.Form, Array([0, 0, 20, 10])
    stamp = Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=[10, 10, 30, 20], F=4, AP=Dictionary(N=look))
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(stamp)])

    with pikepdf.open(io.BytesIO(appended(saved(pdf)))) as made:
        sheet = made.pages[1].obj
        assert "/Annots" not in sheet
        drawn = [
            obj
            for obj in made.objects
            if isinstance(obj, pikepdf.Stream) and obj.get("/Subtype") == Name.Form
        ]
        assert len(drawn) == 2


@pytest.mark.parametrize(
    ("size", "rotate", "sheet"),
    [
        ((595, 842), 0, (595.28, 841.89)),
        ((842, 595), 0, (841.89, 595.28)),
        ((595, 842), 90, (841.89, 595.28)),
        ((842, 595), 270, (595.28, 841.89)),
        ((2384, 3370), 0, (595.28, 841.89)),
        ((100, 100), 0, (595.28, 841.89)),
    ],
)
def test_any_sheet_becomes_one_of_ours(size, rotate, sheet):
    pdf = blank(size=size)
    pdf.pages[0].obj.Rotate = rotate

    content = appended(saved(pdf))

    assert faults(content) == set()
    with pikepdf.open(io.BytesIO(content)) as made:
        assert [float(value) for value in made.pages[1].mediabox[2:]] == pytest.approx(sheet)


def flat():
    pdf = blank()
    pdf.pages[0].obj.MediaBox = Array([0, 0, 0, 0])
    return saved(pdf)


def hidden_layer():
    pdf = blank()
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("Brouillon")))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=Array([layer])))
    return saved(pdf)


def dynamic_form():
    pdf = blank()
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<xfa/>"))
    return saved(pdf)


def bomb():
    pdf = blank()
    packed = zlib.compress(b"0 0 m " * 12_000_000)
    pdf.pages[0].obj.Contents = pikepdf.Stream(pdf, packed, Filter=Name.FlateDecode)
    return saved(pdf)


def deep():
    pdf = blank(b"/X Do")
    inside = None
    for _ in range(30):
        form = pdf.make_stream(b"/X Do")
        form.Type, form.Subtype, form.BBox = Name.XObject, Name.Form, Array([0, 0, 9, 9])
        form.Resources = Dictionary(XObject=Dictionary(X=inside)) if inside is not None else Dictionary()
        inside = form
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=inside))
    return saved(pdf)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: b"", annexes.ABIMEE),
        (lambda: b"%PDF-1.7 coup\xc3\xa9", annexes.ABIMEE),
        (lambda: saved(pikepdf.new()), annexes.ABIMEE),
        (flat, annexes.ABIMEE),
        (lambda: saved(blank(), encryption=pikepdf.Encryption(owner="a", user="b")), annexes.PROTEGEE),
        (lambda: saved(blank(), encryption=pikepdf.Encryption(owner="a", user="")), annexes.PROTEGEE),
        (lambda: saved(blank(pages=151)), annexes.LONGUE),
        (lambda: b"%PDF-1.7" + bytes(annexes.OCTETS_MAX), annexes.LOURDE),
        (hidden_layer, annexes.CALQUES),
        (dynamic_form, annexes.FORMULAIRE),
        (bomb, annexes.DEMESUREE),
        (deep, annexes.DEMESUREE),
    ],
    ids=[
        *("vide", "coupé", "sans page", "sans taille", "mot de passe", "protégé"),
        *("long", "lourd", "calques", "formulaire", "bombe", "profond"),
    ],
)
def test_a_file_that_cannot_follow_says_why(make, sentence):
    with pytest.raises(AnnexeError, match=sentence):
        read_annexe(make())


def test_the_same_files_give_the_same_bytes(ours):
    assert appended(ours) == appended(ours)


def test_a_picture_written_in_the_drawing_is_kept():
    picture = b"q 20 0 0 20 0 0 cm BI /W 2 /H 2 /CS /G /BPC 8 ID \x00\xff\xff\x00 EI Q"

    with pikepdf.open(io.BytesIO(appended(saved(blank(picture))))) as made:
        (form,) = made.pages[1].Resources.XObject.values()
        assert b"ID\n\x00\xff\xff\x00" in form.read_bytes()


def test_what_a_drawing_names_is_kept_whatever_it_is():
    pdf = blank(b"/G gs 0 0 9 9 re f")
    said = [String("7 0 R (8 0 R) \\) é"), String("(")]
    state = Dictionary(Type=Name.ExtGState, LW=pdf.make_indirect(String("2.50")), Note=said[0], Autre=said[1])
    state["/9 0 R"] = Name("/10 0 R")
    state.Ailleurs = pdf.make_indirect(Array([pdf.make_indirect(said[0]), 11, 0, 12]))
    pdf.pages[0].obj.Resources = Dictionary(ExtGState=Dictionary(G=pdf.make_indirect(state)))
    # A number by itself: pikepdf writes none.
    source = saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert source.count(b"\n(2.50)\n") == 1
    source = source.replace(b"\n(2.50)\n", b"\n 2.50 \n")

    content = appended(source)

    assert faults(content) == set()
    with pikepdf.open(io.BytesIO(content)) as made:
        (form,) = made.pages[1].Resources.XObject.values()
        kept = form.Resources.ExtGState.G
        assert str(kept.LW) == "2.50"
        assert [kept.Note, kept.Autre, kept.Ailleurs[0]] == [*said, said[0]]
        assert list(kept.Ailleurs)[1:] == [11, 0, 12]
        assert kept["/9 0 R"] == Name("/10 0 R")
        assert not made.check_pdf_syntax()


def test_a_font_that_is_not_in_the_annexe_is_the_only_fault_of_the_whole():
    pdf = blank(b"BT /F1 12 Tf 72 700 Td (Bonjour) Tj ET")
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
    )
    pdf.pages[0].obj.Resources = Dictionary(Font=Dictionary(F1=font))

    content = appended(saved(pdf))

    assert faults(content) == set()
    found = failures(content)
    assert [failure.rule_id for failure in found] == ["PDFUA1-FONT-EMBEDDING-001"]
