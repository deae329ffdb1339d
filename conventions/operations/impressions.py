"""Documents drawn in the background, kept by content: the same page is not drawn twice."""

import datetime
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
from ctg_portal.documents import content_key, prepare_parts, progress, render_pdf
from ctg_portal.models import Battement, User
from ctg_portal.tableurs import XLSX, draw_xlsx, xlsx_key
from ctg_portal.word import draw_word, word_key

logger = logging.getLogger(__name__)
OUVRIER = "ouvrier"
BATTEMENT = datetime.timedelta(seconds=15)
"""How often a worker gives a sign of life."""
SILENCE = 3 * BATTEMENT
"""After how long without a sign there is no worker."""
ATTENTE = datetime.timedelta(seconds=10)
"""From when a document without a worker may be drawn by whoever waits for it."""
PATIENCE = datetime.timedelta(minutes=5)
"""From when it may whatever the worker says: it may have died at this very document."""
PARTIES = 24
"""How many parts one request draws: some ten seconds."""
RYTHME = 1.0
"""Seconds between two marks of progress."""


@dataclass(frozen=True)
class Format:
    """How a kind of file is drawn from its fixed input, and what names its content."""

    type_mime: str
    dessiner: Callable[[str], bytes]
    cle: Callable[[str], str]


FORMATS: dict[str, Format] = {
    Impression.Sortie.PDF.value: Format("application/pdf", lambda html: render_pdf(html), content_key),
    Impression.Sortie.DOCX.value: Format(
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document", draw_word, word_key
    ),
    Impression.Sortie.XLSX.value: Format(XLSX, draw_xlsx, xlsx_key),
}
"""By ``Impression.sortie``; an app adds those that it alone can draw when it is ready."""


def draw(sortie: str, source: str) -> bytes:
    """The file of this input, now."""
    return FORMATS[sortie].dessiner(source)


def beat() -> None:
    """A worker is there."""
    Battement.beat(OUVRIER)


def is_left_waiting(impression: Impression) -> bool:
    """Whether nobody is there to draw it, so that the person who waits may ask for it now."""
    return impression.statut == Impression.Statut.EN_ATTENTE and is_worker_away(impression.updated_at)


def is_worker_away(since: datetime.datetime) -> bool:
    """Whether what was asked of the worker at ``since`` is waited for too long, so that a request may do it."""
    waited = timezone.now() - since
    return waited > PATIENCE or (waited > ATTENTE and not Battement.is_alive(OUVRIER, within=SILENCE))


@task()
def draw_impression(pk: str) -> None:
    """Draw what was asked, and tell who wanted to be told; a failure is written on the row, so that its page says so."""
    impression = Impression.objects.get(pk=pk)
    if impression.statut == Impression.Statut.PRETE:
        return
    last = time.monotonic()

    def mark(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= RYTHME:
            last = time.monotonic()
            # The moment too: a long drawing that goes on is not a service that does not answer.
            Impression.objects.filter(pk=pk).update(
                faites=min(done, impression.total), updated_at=timezone.now()
            )

    try:
        with followed_by(mark):
            content = draw(impression.sortie, impression.html)
    except Exception:
        _close(pk, statut=Impression.Statut.ECHEC)
        raise
    _close(
        pk,
        statut=Impression.Statut.PRETE,
        contenu=content,
        prete_le=timezone.now(),
        html="",
        faites=impression.total,
    )
    _tell_when_ready(impression)


def _close(pk: str, **values: object) -> None:
    """The end of a drawing; a file that is already there, drawn by another meanwhile, stays."""
    waiting = Impression.objects.filter(pk=pk).exclude(statut=Impression.Statut.PRETE)
    waiting.update(**values, updated_at=timezone.now())


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


def may_be_drawn_now(impression: Impression) -> bool:
    """A PDF is drawn some parts at a time; another file at once, when it is short."""
    return impression.sortie == Impression.Sortie.PDF or impression.is_petite


def draw_now(pk: str) -> int:
    """Draw it here, some parts at a time; how many parts are left for the next time, 0 when the file is there."""
    impression = Impression.objects.get(pk=pk)
    if impression.statut != Impression.Statut.EN_ATTENTE or not may_be_drawn_now(impression):
        return 0
    if impression.sortie == Impression.Sortie.PDF and (
        left := prepare_parts(impression.html, at_most=PARTIES)
    ):
        return left
    draw_impression.func(pk)
    return 0


def drawn_parts(impression: Impression) -> tuple[int, int]:
    """How many parts of what is waited for are drawn, of how many."""
    if impression.sortie == Impression.Sortie.PDF:
        return progress(impression.html)
    return impression.faites, impression.total


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
    """The file of this input, ready or on its way; drawn again only when the last try failed, or was lost.

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
    is_lost = (
        impression.statut == Impression.Statut.EN_ATTENTE
        and impression.updated_at < timezone.now() - PATIENCE
    )
    if created or is_lost or impression.statut == Impression.Statut.ECHEC:
        impression.statut = Impression.Statut.EN_ATTENTE
        impression.faites = 0
        impression.save(update_fields=["statut", "faites", "updated_at"])
        transaction.on_commit(lambda: draw_impression.enqueue(str(impression.pk)))
    return impression
