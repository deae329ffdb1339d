"""Documents drawn in the background, kept by content: the same page is not drawn twice."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_tasks import task

from conventions.models import Convention, Impression
from ctg_portal.avance import followed_by
from ctg_portal.documents import content_key, render_pdf
from ctg_portal.models import User
from ctg_portal.word import draw_word, word_key

logger = logging.getLogger(__name__)
RYTHME = 1.0
"""Seconds between two marks of progress."""


@dataclass(frozen=True)
class Format:
    """How a kind of file is drawn from its fixed input, and what names its content."""

    type_mime: str
    dessiner: Callable[[str], bytes]
    cle: Callable[[str], str]


FORMATS = {
    Impression.Sortie.PDF.value: Format("application/pdf", lambda html: render_pdf(html), content_key),
    Impression.Sortie.DOCX.value: Format(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", draw_word, word_key
    ),
}


def draw(sortie: str, source: str) -> bytes:
    """The file of this input, now."""
    return FORMATS[sortie].dessiner(source)


@task()
def draw_impression(pk: str) -> None:
    """Draw what was asked; a failure is written on the row, so that its page says so."""
    impression = Impression.objects.get(pk=pk)
    if impression.statut == Impression.Statut.PRETE:
        return
    complete_impression(impression)
    _tell_when_ready(impression)


def complete_impression(impression: Impression) -> None:
    """Draw its file and keep it. Two that draw it at once give the same bytes."""
    impression.commencee_le = timezone.now()
    impression.save(update_fields=["commencee_le", "updated_at"])
    last = time.monotonic()

    def mark(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= RYTHME:
            last = time.monotonic()
            Impression.objects.filter(pk=impression.pk).update(faites=min(done, impression.total))

    try:
        with followed_by(mark):
            impression.contenu = draw(impression.sortie, impression.html)
    except Exception:
        impression.statut = Impression.Statut.ECHEC
        impression.save(update_fields=["statut", "updated_at"])
        raise
    impression.statut = Impression.Statut.PRETE
    impression.prete_le = timezone.now()
    impression.html = ""
    impression.faites = impression.total
    impression.save(update_fields=["statut", "contenu", "prete_le", "html", "faites", "updated_at"])


def _tell_when_ready(impression: Impression) -> None:
    """One e-mail to each person who asked for it and may still open the file; it leads to the portal, never holds it."""
    waiting = list(impression.a_prevenir.filter(is_active=True))
    # Before they leave: a letter that fails is not tried again, the file is on the portal all the same.
    impression.a_prevenir.clear()
    for user in waiting:
        if not Impression.objects.visible_to(user).filter(pk=impression.pk).exists():
            continue
        path = reverse("conventions:impression", args=[impression.convention.code, impression.pk])
        context = {"impression": impression, "url": f"{settings.PORTAIL_URL}{path}"}
        message = EmailMessage(
            # No word that somebody typed is in it.
            subject="[Portail CTG] Votre fichier est prêt",
            body=render_to_string("conventions/email/impression.txt", context).strip() + "\n",
            to=[user.email],
            headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
        )
        try:
            message.send()
        except (SMTPException, OSError):
            logger.exception("The e-mail for impression %s could not leave", impression.pk)


@transaction.atomic
def ask_impression(
    *,
    convention: Convention,
    html: str,
    titre: str,
    nom_fichier: str,
    by: User,
    sortie: str = Impression.Sortie.PDF,
    total: int = 0,
    prevenir: bool = False,
) -> Impression:
    """The file of this input, ready or on its way; drawn again only when the last try failed.

    ``prevenir``: write to the person once it is ready, unless it already is. ``total``: how many fiches it holds.
    """
    impression, created = Impression.objects.select_for_update().get_or_create(
        convention=convention,
        cle=FORMATS[sortie].cle(html),
        defaults={
            "titre": titre,
            "nom_fichier": nom_fichier,
            "html": html,
            "sortie": sortie,
            "total": total,
        },
    )
    impression.demandeurs.add(by)
    if prevenir and impression.statut != Impression.Statut.PRETE:
        impression.a_prevenir.add(by)
    if created or impression.statut == Impression.Statut.ECHEC:
        impression.statut = Impression.Statut.EN_ATTENTE
        impression.commencee_le = None
        impression.faites = 0
        impression.save(update_fields=["statut", "commencee_le", "faites", "updated_at"])
        transaction.on_commit(lambda: draw_impression.enqueue(str(impression.pk)))
    return impression
