"""Documents drawn in the background, kept by content: the same page is not drawn twice."""

import datetime

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from conventions.models import Convention, Impression
from ctg_portal.documents import content_key, prepare_parts, progress, render_pdf
from ctg_portal.models import Battement, User

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


def beat() -> None:
    """A worker is there."""
    Battement.beat(OUVRIER)


def is_left_waiting(impression: Impression) -> bool:
    """Whether nobody is there to draw it, so that the person who waits may ask for it now."""
    if impression.statut != Impression.Statut.EN_ATTENTE:
        return False
    waited = timezone.now() - impression.updated_at
    return waited > PATIENCE or (waited > ATTENTE and not Battement.is_alive(OUVRIER, within=SILENCE))


@task()
def draw_impression(pk: str) -> None:
    """Draw what was asked; a failure is written on the row, so that its page says so."""
    impression = Impression.objects.get(pk=pk)
    if impression.statut == Impression.Statut.PRETE:
        return
    try:
        content = render_pdf(impression.html)
    except Exception:
        _close(pk, statut=Impression.Statut.ECHEC)
        raise
    _close(pk, statut=Impression.Statut.PRETE, contenu=content, prete_le=timezone.now(), html="")


def _close(pk: str, **values: object) -> None:
    """The end of a drawing; a file that is already there, drawn by another meanwhile, stays."""
    waiting = Impression.objects.filter(pk=pk).exclude(statut=Impression.Statut.PRETE)
    waiting.update(**values, updated_at=timezone.now())


def draw_now(pk: str) -> int:
    """Draw it here, some parts at a time; how many parts are left for the next time, 0 when the file is there."""
    impression = Impression.objects.get(pk=pk)
    if impression.statut != Impression.Statut.EN_ATTENTE:
        return 0
    left = prepare_parts(impression.html, at_most=PARTIES)
    if not left:
        draw_impression.func(pk)
    return left


def drawn_parts(impression: Impression) -> tuple[int, int]:
    """How many parts of what is waited for are drawn, of how many."""
    return progress(impression.html)


@transaction.atomic
def ask_impression(
    *, convention: Convention, html: str, titre: str, nom_fichier: str, by: User
) -> Impression:
    """The file of this page, ready or on its way; drawn again only when the last try failed, or was lost."""
    impression, created = Impression.objects.select_for_update().get_or_create(
        convention=convention,
        cle=content_key(html),
        defaults={"titre": titre, "nom_fichier": nom_fichier, "html": html},
    )
    impression.demandeurs.add(by)
    is_lost = (
        impression.statut == Impression.Statut.EN_ATTENTE
        and impression.updated_at < timezone.now() - PATIENCE
    )
    if created or is_lost or impression.statut == Impression.Statut.ECHEC:
        impression.statut = Impression.Statut.EN_ATTENTE
        impression.save(update_fields=["statut", "updated_at"])
        transaction.on_commit(lambda: draw_impression.enqueue(str(impression.pk)))
    return impression
