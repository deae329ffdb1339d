"""Documents that are sent: what they say is fixed at once, their file is drawn in the background and kept."""

import hashlib
import io
from collections.abc import Sequence

import pikepdf
from django.db import transaction
from django_tasks import task

from actions.models import Avis
from conventions.models import Convention
from ctg_portal.documents import render_pdf
from ctg_portal.models import User
from governance.annexes import bytes_of
from governance.models import AnnexeEmise, DocumentEmis, Reunion


@transaction.atomic
def issue_document(
    *,
    convention: Convention,
    nature: str,
    titre: str,
    version: int,
    nom_fichier: str,
    html: str,
    source: str,
    by: User,
    reunion: Reunion | None = None,
    avis: Avis | None = None,
    annexes: Sequence[AnnexeEmise] = (),
) -> DocumentEmis:
    """Fix what the document says; its file is on its way.

    ``html`` is its content for the page of the portal, ``source`` the whole page that ``render_pdf`` draws. ``annexes``,
    not saved: the deposited files that follow it, or that it lists.
    """
    document = DocumentEmis.objects.create(
        convention=convention,
        reunion=reunion,
        avis=avis,
        nature=nature,
        titre=titre,
        version=version,
        nom_fichier=nom_fichier,
        html=html,
        source=source,
        auteur=by,
    )
    for annexe in annexes:
        annexe.document = document
    AnnexeEmise.objects.bulk_create(annexes)
    transaction.on_commit(lambda: draw_document.enqueue(str(document.pk)))
    return document


@transaction.atomic
def retry_document(document: DocumentEmis) -> None:
    """Draw again what could not be drawn; nothing when its file is there or on its way."""
    failed = DocumentEmis.objects.filter(pk=document.pk, statut=DocumentEmis.Statut.ECHEC)
    if failed.update(statut=DocumentEmis.Statut.EN_PREPARATION):
        transaction.on_commit(lambda: draw_document.enqueue(str(document.pk)))


@task()
def draw_document(pk: str) -> None:
    """Draw the file and freeze it; a failure is written on the row, so that its page says so."""
    document = DocumentEmis.objects.get(pk=pk)
    if document.statut == DocumentEmis.Statut.PRET:
        return
    waiting = DocumentEmis.objects.filter(pk=pk).exclude(statut=DocumentEmis.Statut.PRET)
    try:
        jointes = document.annexes.filter(refus="").select_related("piece")
        contenu = render_pdf(document.source, [bytes_of(annexe) for annexe in jointes])
        with pikepdf.open(io.BytesIO(contenu)) as pdf:
            pages = len(pdf.pages)
    except Exception:
        waiting.update(statut=DocumentEmis.Statut.ECHEC)
        raise
    waiting.update(
        statut=DocumentEmis.Statut.PRET,
        source="",
        contenu=contenu,
        sha256=hashlib.sha256(contenu).hexdigest(),
        taille=len(contenu),
        pages=pages,
    )
