"""Deposited files: known by their content, bounded, named safely, given back as attachments (ADR 0009)."""

import hashlib
import re
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, cast

import pikepdf
from defusedxml import ElementTree
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.base import File
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from PIL import Image

TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "png": "image/png",
    "jpg": "image/jpeg",
}
"""What may be deposited: the extension given to each kind of content, and its media type."""

NOM_LONGUEUR = 150
PIXELS = 80_000_000
# A document of Word has some dozens of parts, a large workbook some hundreds.
ARCHIVE_PARTIES = 5_000
ARCHIVE_OCTETS = 200_000_000
PARTIE_OCTETS = 1_000_000

FORMATS_EN_MOTS = "PDF, Word (.docx), Excel (.xlsx), OpenDocument (.odt, .ods), PNG ou JPEG"
AUTRE_FORMAT = f"Ce fichier n’est pas d’un format accepté\u00a0: {FORMATS_EN_MOTS}."
ABIME = "Ce fichier est abîmé\u00a0: il ne s’ouvre pas. Enregistrez-le de nouveau, puis déposez-le."
VIDE = "Ce fichier est vide."
PROGRAMME = "Ce fichier est un programme, quel que soit son nom\u00a0: il est refusé."
MACROS = "Ce fichier contient des macros\u00a0: enregistrez-le sans macros, au format .docx, .xlsx ou PDF."
PROTEGE = "Ce fichier demande un mot de passe pour s’ouvrir\u00a0: déposez-le sans protection."
ANCIEN = (
    "Ce fichier est protégé par un mot de passe, ou d’un ancien format (.doc, .xls)\u00a0: "
    "enregistrez-le au format .docx, .xlsx ou PDF."
)
DEMESURE = "Ce fichier contient trop de choses une fois décompressé\u00a0: il est refusé."
TROP_DE_POINTS = "Cette image a trop de points\u00a0: 80 millions au plus."


def _refuse(sentence: str, code: str = "invalid") -> ValidationError:
    return ValidationError(sentence, code=code)


def megaoctets(octets: int) -> str:
    """« 20 Mo »; rounded up, so that a file over the limit never seems to be at it."""
    return f"{-(-octets // 1_048_576)}\u00a0Mo"


def _read_pdf(file: IO[bytes]) -> str:
    """Any PDF that opens without a password; one that only forbids copying or printing does."""
    try:
        with pikepdf.open(cast(BinaryIO, file)) as pdf:
            if not len(pdf.pages):
                raise _refuse(ABIME)
    except pikepdf.PasswordError as error:
        raise _refuse(PROTEGE, "encrypted") from error
    return "pdf"


def _read_image(file: IO[bytes]) -> str:
    with Image.open(file, formats=["PNG", "JPEG"]) as image:
        if image.width * image.height > PIXELS:
            raise _refuse(TROP_DE_POINTS, "too_large")
        kind = image.format
        image.verify()
    return "png" if kind == "PNG" else "jpg"


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        content = part.read(PARTIE_OCTETS + 1)
    if len(content) > PARTIE_OCTETS:
        raise _refuse(DEMESURE, "too_large")
    return content


def _read_office(file: IO[bytes]) -> str:
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if len(parts) > ARCHIVE_PARTIES or sum(part.file_size for part in parts) > ARCHIVE_OCTETS:
            raise _refuse(DEMESURE, "too_large")
        if any(part.flag_bits & 0x1 for part in parts):
            raise _refuse(PROTEGE, "encrypted")
        names = {part.filename for part in parts}
        if "[Content_Types].xml" in names:
            return _open_xml(archive, names)
        if "mimetype" in names:
            return _open_document(archive, names)
    raise _refuse(AUTRE_FORMAT)


def _open_xml(archive: zipfile.ZipFile, names: set[str]) -> str:
    types = ElementTree.fromstring(_part(archive, "[Content_Types].xml"))
    found = {str(node.get("ContentType", "")) for node in types.iter()}
    if any("macroEnabled" in kind or "vbaProject" in kind for kind in found) or any(
        name.lower().endswith("vbaproject.bin") for name in names
    ):
        raise _refuse(MACROS, "macros")
    for extension in ("docx", "xlsx"):
        main = "document" if extension == "docx" else "sheet"
        if f"{TYPES[extension].removesuffix('.' + main)}.{main}.main+xml" in found:
            return extension
    raise _refuse(AUTRE_FORMAT)


def _open_document(archive: zipfile.ZipFile, names: set[str]) -> str:
    kind = _part(archive, "mimetype").decode("ascii", "replace").strip()
    extension = next((name for name in ("odt", "ods") if TYPES[name] == kind), None)
    if extension is None:
        raise _refuse(AUTRE_FORMAT)
    if any(name.startswith(("Basic/", "Scripts/")) for name in names):
        raise _refuse(MACROS, "macros")
    manifest = _part(archive, "META-INF/manifest.xml")
    if "encrypted-package" in names or b"encryption-data" in manifest:
        raise _refuse(PROTEGE, "encrypted")
    return extension


SIGNATURES: tuple[tuple[bytes, Callable[[IO[bytes]], str]], ...] = (
    (b"%PDF-", _read_pdf),
    (b"PK\x03\x04", _read_office),
    (b"\x89PNG\r\n\x1a\n", _read_image),
    (b"\xff\xd8\xff", _read_image),
)
REFUS = (
    (b"MZ", PROGRAMME),
    (b"\x7fELF", PROGRAMME),
    (b"#!", PROGRAMME),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ANCIEN),
)


def recognise(file: IO[bytes]) -> str:
    """The extension (a key of ``TYPES``) that the content deserves, whatever the name.

    Raises ``ValidationError`` with a French sentence, and nothing else, for any other content.
    """
    file.seek(0)
    head = file.read(16)
    if not head:
        raise _refuse(VIDE, "empty")
    for start, sentence in REFUS:
        if head.startswith(start):
            raise _refuse(sentence)
    read = next((read for start, read in SIGNATURES if head.startswith(start)), None)
    if read is None:
        raise _refuse(AUTRE_FORMAT)
    file.seek(0)
    try:
        return read(file)
    except ValidationError:
        raise
    except Exception as error:
        # The libraries that read these formats raise anything on a file made to harm them.
        raise _refuse(ABIME) from error


def safe_name(name: str, extension: str) -> str:
    """The name a file came with, without folders, control or direction characters, and with the right extension.

    >>> safe_name("C:\\\\docs\\\\Délibération n° 12.PDF", "pdf")
    'Délibération n° 12.pdf'
    """
    name = unicodedata.normalize("NFC", re.split(r"[\\/]", name)[-1])
    name = "".join(" " if unicodedata.category(letter)[0] in "ZC" else letter for letter in name)
    name = " ".join(re.sub(r'[<>:"|?*]', "-", name).split()).strip(". ")
    path = PurePosixPath(name)
    known = {f".{kind}" for kind in (*TYPES, "jpeg", "doc", "xls", "docm", "xlsm")}
    stem = path.stem if path.suffix.lower() in known else name
    stem = stem[:NOM_LONGUEUR].strip(". ") or "document"
    return f"{stem}.{extension}"


@dataclass(frozen=True)
class Depot:
    """A file that was read and found good; ``fichier`` carries a name drawn at random, for the storage."""

    fichier: File
    nom: str
    extension: str
    taille: int
    sha256: str

    @property
    def type_mime(self) -> str:
        return TYPES[self.extension]


def read_depot(file: File, name: str) -> Depot:
    """Recognise, measure and name ``file``; raises ``ValidationError`` with a French sentence."""
    extension = recognise(file.file or file)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return Depot(
        fichier=File(file.file, name=f"{uuid.uuid4().hex}.{extension}"),
        nom=safe_name(name, extension),
        extension=extension,
        taille=int(file.size),
        sha256=digest.hexdigest(),
    )


class DepotField(forms.FileField):
    """A file to deposit; its cleaned value is a ``Depot``. ``formats`` narrows what is accepted."""

    widget = forms.FileInput

    def __init__(self, *, formats: Iterable[str] = TYPES, **kwargs: Any) -> None:
        self.formats = tuple(formats)
        limit = megaoctets(settings.DEPOT_OCTETS)
        kwargs.setdefault("help_text", f"{self._in_words()}\u202f; {limit} au plus.")
        super().__init__(**kwargs)

    def _in_words(self) -> str:
        if self.formats == tuple(TYPES):
            return FORMATS_EN_MOTS
        return ", ".join(f".{kind}" for kind in self.formats)

    def to_python(self, data: Any) -> Any:
        if data in self.empty_values:
            return None
        limit = settings.DEPOT_OCTETS
        if data.size > limit:
            raise _refuse(
                f"Ce fichier pèse {megaoctets(data.size)}\u00a0: {megaoctets(limit)} au plus.", "too_large"
            )
        depot = read_depot(data, data.name)
        if depot.extension not in self.formats:
            raise _refuse(f"Ce fichier n’est pas d’un format accepté ici\u00a0: {self._in_words()}.")
        return depot

    def widget_attrs(self, widget: forms.Widget) -> dict[str, Any]:
        accepted = [f".{kind}" for kind in self.formats]
        return super().widget_attrs(widget) | {"accept": ",".join(accepted)}


class BoundedUploadHandler(FileUploadHandler):
    """First of ``FILE_UPLOAD_HANDLERS``: nothing of a file is kept past the limit, only its size is counted.

    The form then meets an empty file that says how heavy it was, and refuses it with a sentence.
    """

    @property
    def limite(self) -> int:
        """Bytes kept of a file: more for whoever is logged in, when the page asked for says so (``depot_octets``).

        The address is resolved and the person is known before the body is read for the CSRF check.
        """
        match = self.request.resolver_match if self.request else None
        page = getattr(match.func, "view_class", None) if match else None
        larger: int | None = getattr(page, "depot_octets", None)
        if larger is None or self.request is None or not self.request.user.is_authenticated:
            return int(settings.DEPOT_OCTETS)
        return larger

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        return None if start + len(raw_data) > self.limite else raw_data

    def file_complete(self, file_size: int) -> UploadedFile | None:
        if file_size <= self.limite:
            return None
        # What the next handlers had begun to keep goes away now.
        for handler in self.request.upload_handlers if self.request else ():
            handler.upload_interrupted()
        return UploadedFile(
            file=BytesIO(), name=self.file_name, content_type=self.content_type, size=file_size
        )


def attachment(file: File, name: str, type_mime: str) -> HttpResponse:
    """A stored file to keep: never shown in our pages, never kept by a cache. Raises ``FileNotFoundError``."""
    with file.open("rb") as stored:
        content = stored.read()
    headers = {
        "Content-Disposition": str(content_disposition_header(True, name)),
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(content, content_type=type_mime, headers=headers)
