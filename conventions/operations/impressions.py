"""Documents drawn in the background, kept by content: the same page is not drawn twice."""

from django.db import transaction
from django.utils import timezone
from django_tasks import task

from conventions.models import Convention, Impression
from ctg_portal.documents import content_key, render_pdf
from ctg_portal.models import User


@task()
def draw_impression(pk: str) -> None:
    """Draw what was asked; a failure is written on the row, so that its page says so."""
    impression = Impression.objects.get(pk=pk)
    if impression.statut == Impression.Statut.PRETE:
        return
    try:
        impression.contenu = render_pdf(impression.html)
    except Exception:
        impression.statut = Impression.Statut.ECHEC
        impression.save(update_fields=["statut", "updated_at"])
        raise
    impression.statut = Impression.Statut.PRETE
    impression.prete_le = timezone.now()
    impression.html = ""
    impression.save(update_fields=["statut", "contenu", "prete_le", "html", "updated_at"])


@transaction.atomic
def ask_impression(
    *, convention: Convention, html: str, titre: str, nom_fichier: str, by: User
) -> Impression:
    """The file of this page, ready or on its way; drawn again only when the last try failed."""
    impression, created = Impression.objects.select_for_update().get_or_create(
        convention=convention,
        cle=content_key(html),
        defaults={"titre": titre, "nom_fichier": nom_fichier, "html": html},
    )
    impression.demandeurs.add(by)
    if created or impression.statut == Impression.Statut.ECHEC:
        impression.statut = Impression.Statut.EN_ATTENTE
        impression.save(update_fields=["statut", "updated_at"])
        transaction.on_commit(lambda: draw_impression.enqueue(str(impression.pk)))
    return impression
