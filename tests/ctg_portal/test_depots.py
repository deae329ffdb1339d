"""Whatever is sent, it is recognised by its content or refused with a French sentence; never anything else."""

import hashlib
import io
import struct
import zipfile

import pikepdf
import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import QueryDict
from django.test import RequestFactory
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ctg_portal import depots
from ctg_portal.depots import TYPES, DepotField, recognise, safe_name
from tests.factories import small_pdf

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def archive(**parts):
    """A zip; ``__`` in a name stands for « / »."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in parts.items():
            zipped.writestr(name.replace("__", "/"), content)
    return made.getvalue()


def open_xml(kind, **parts):
    types = f'<Types xmlns="x"><Override PartName="/main.xml" ContentType="{kind}"/></Types>'
    return archive(**{"[Content_Types].xml": types}, **parts)


def open_document(kind, manifest="<manifest/>", **parts):
    return archive(mimetype=kind, **{"META-INF__manifest.xml": manifest}, **parts)


def image(kind, size=(4, 3)):
    drawn = io.BytesIO()
    Image.new("RGB", size, "#336699").save(drawn, kind)
    return drawn.getvalue()


def locked_pdf(**passwords):
    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(small_pdf())) as pdf:
        pdf.save(made, encryption=pikepdf.Encryption(**{"owner": "", "user": ""} | passwords))
    return made.getvalue()


GOOD = {
    "pdf": small_pdf(),
    "docx": open_xml(f"{WORD}.document.main+xml"),
    "xlsx": open_xml(f"{EXCEL}.sheet.main+xml"),
    "odt": open_document(TYPES["odt"]),
    "ods": open_document(TYPES["ods"]),
    "png": image("PNG"),
    "jpg": image("JPEG"),
}


def refusal(content):
    with pytest.raises(ValidationError) as error:
        recognise(io.BytesIO(content))
    (message,) = error.value.messages
    return message


@pytest.mark.parametrize(("extension", "content"), GOOD.items(), ids=GOOD)
def test_known_by_its_content(extension, content):
    assert recognise(io.BytesIO(content)) == extension


def test_a_pdf_that_opens_without_a_password_is_accepted():
    assert recognise(io.BytesIO(locked_pdf(owner="secret"))) == "pdf"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", depots.VIDE),
        (b"MZ\x90\x00\x03\x00\x00\x00", depots.PROGRAMME),
        (b"\x7fELF\x02\x01\x01\x00", depots.PROGRAMME),
        (b"#!/bin/sh\nrm", depots.PROGRAMME),
        (b"<html><script>alert(1)</script>", depots.AUTRE_FORMAT),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 ancien", depots.ANCIEN),
        (b"%PDF-1.7 et rien de plus", depots.ABIME),
        (GOOD["pdf"][:200], depots.ABIME),
        (GOOD["png"][:30], depots.ABIME),
        (GOOD["docx"][:60], depots.ABIME),
        (locked_pdf(user="secret", owner="secret"), depots.PROTEGE),
        (open_xml("application/vnd.ms-word.document.macroEnabled.main+xml"), depots.MACROS),
        (open_xml("application/vnd.ms-excel.sheet.macroEnabled.main+xml"), depots.MACROS),
        (open_xml(f"{WORD}.document.main+xml", **{"word__vbaProject.bin": "x"}), depots.MACROS),
        (open_document(TYPES["odt"], **{"Basic__script-lc.xml": "x"}), depots.MACROS),
        (open_document(TYPES["odt"], manifest="<m:encryption-data/>"), depots.PROTEGE),
        (open_document("application/vnd.oasis.opendocument.presentation"), depots.AUTRE_FORMAT),
        (archive(mimetype=TYPES["odt"]), depots.ABIME),
        (open_xml(f"{WORD}.template.main+xml"), depots.AUTRE_FORMAT),
        (archive(**{"[Content_Types].xml": "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"}), depots.ABIME),
        (archive(**{"notes.txt": "du texte"}), depots.AUTRE_FORMAT),
        (archive(mimetype="x" * (depots.PARTIE_OCTETS + 1)), depots.DEMESURE),
        (archive(**{f"{n}.txt": "" for n in range(depots.ARCHIVE_PARTIES + 1)}), depots.DEMESURE),
    ],
    # An archive holds the hour it was made at: its bytes are no name for a test.
    ids=lambda value: "" if isinstance(value, bytes) else None,
)
def test_refused_with_a_sentence(content, sentence):
    assert refusal(content) == sentence


def test_zip_bomb_is_refused_before_it_is_opened():
    """Its directory declares 4 GB."""
    bomb = bytearray(GOOD["docx"])
    directory = bomb.index(b"PK\x01\x02")
    bomb[directory + 24 : directory + 28] = struct.pack("<I", 0xFFFFFFF0)

    assert refusal(bytes(bomb)) == depots.DEMESURE


def test_too_many_pixels():
    small = bytearray(GOOD["png"])
    small[16:24] = struct.pack(">II", 20_000, 5_000)

    assert refusal(bytes(small)) in {depots.TROP_DE_POINTS, depots.ABIME}


def known_or_refused(content):
    try:
        assert recognise(io.BytesIO(content)) in TYPES
    except ValidationError as error:
        (message,) = error.messages
        assert message[0].isupper()
        assert message.endswith(".")


@settings(max_examples=150, deadline=None)
@given(start=st.sampled_from([b"", *(start for start, _ in depots.SIGNATURES)]), rest=st.binary(max_size=300))
def test_any_bytes(start, rest):
    known_or_refused(start + rest)


@settings(max_examples=250, deadline=None)
@given(
    extension=st.sampled_from(sorted(GOOD)),
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8
    ),
    kept=st.floats(0.2, 1),
)
def test_any_damaged_file(extension, changes, kept):
    content = bytearray(GOOD[extension])
    for place, value in changes:
        content[int(place * len(content))] = value

    known_or_refused(bytes(content[: int(kept * len(content)) + 1]))


@pytest.mark.parametrize(
    ("name", "extension", "kept"),
    [
        ("Délibération n° 12.PDF", "pdf", "Délibération n° 12.pdf"),
        ("C:\\Users\\x\\budget.xlsx", "xlsx", "budget.xlsx"),
        ("../../etc/passwd", "pdf", "passwd.pdf"),
        ("facture\u202efdp.exe", "pdf", "facture fdp.exe.pdf"),
        ("a\x00b\r\nc.docx", "docx", "a b c.docx"),
        ('<img src="x">.png', "png", "-img src=-x--.png"),
        ("note.docx", "pdf", "note.pdf"),
        ("photo.jpeg", "jpg", "photo.jpg"),
        ("compte rendu v1.2", "odt", "compte rendu v1.2.odt"),
        ("e\u0301tude.pdf", "pdf", "étude.pdf"),
        ("...", "pdf", "document.pdf"),
        ("x" * 400, "pdf", "x" * 150 + ".pdf"),
    ],
)
def test_safe_name(name, extension, kept):
    assert safe_name(name, extension) == kept


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_name_is_made_safe(name):
    kept = safe_name(name, "pdf")

    assert kept.isprintable()
    assert 5 <= len(kept) <= 154
    assert not set('/\\<>:"|?*') & set(kept)
    assert kept == safe_name(kept, "pdf")


class DepotForm(forms.Form):
    fichier = DepotField(label="Fichier")


def bound(file):
    return DepotForm(QueryDict(), {"fichier": file})


def test_field_measures_and_names():
    form = bound(SimpleUploadedFile("Étude.PDF", GOOD["pdf"], "application/octet-stream"))

    assert form.errors == {}
    depot = form.cleaned_data["fichier"]
    assert (depot.nom, depot.type_mime) == ("Étude.pdf", "application/pdf")
    assert depot.taille == len(GOOD["pdf"])
    assert depot.sha256 == hashlib.sha256(GOOD["pdf"]).hexdigest()
    assert len(depot.fichier.name) == 36
    assert depot.fichier.read() == GOOD["pdf"]


def test_field_refuses_a_heavy_file_without_reading_it():
    class Unread(io.BytesIO):
        def read(self, *args):
            raise AssertionError("read")

    form = bound(UploadedFile(Unread(), "gros.pdf", size=50 * 1_048_576))

    assert form.errors == {"fichier": ["Ce fichier pèse 50\u00a0Mo\u00a0: 20\u00a0Mo au plus."]}


def test_field_says_what_is_missing_or_not_for_it():
    assert DepotForm(QueryDict(), {}).errors == {"fichier": ["Ce champ est obligatoire."]}
    assert bound(SimpleUploadedFile("vide.pdf", b"")).errors == {"fichier": [depots.VIDE]}
    with pytest.raises(ValidationError, match=r"\.xlsx"):
        DepotField(formats=["xlsx"]).clean(SimpleUploadedFile("a.pdf", GOOD["pdf"]))


def test_upload_keeps_nothing_past_the_limit(settings):
    settings.DEPOT_OCTETS = 100_000
    sent = {"lourd": SimpleUploadedFile("lourd.pdf", b"x" * 250_000), "bon": io.BytesIO(b"y" * 90_000)}
    request = RequestFactory().post("/", sent)

    heavy = request.FILES["lourd"]
    assert (heavy.size, heavy.read()) == (250_000, b"")
    assert request.FILES["bon"].read() == b"y" * 90_000
