"""What the people of the demonstration were told of what its files say: told by the same calls as for real."""

import datetime

from django.utils import timezone

from actions.models import Commentaire, Notification, Transition
from actions.models.attentes import followed
from actions.models.fiche import FicheAction
from actions.rappels import remind

JOURS = 120
"""Days back to which the people were told."""


def tell_news(today: datetime.date) -> None:
    """Tell the moves and the remarks of the last months at their moment, then what is due ``today``; what is old was read."""
    since = timezone.now() - datetime.timedelta(days=JOURS)
    fiches = followed(FicheAction.objects.all())
    lines = Transition.objects.filter(
        fiche__in=fiches, champ=Transition.Champ.REDACTION, created_at__gte=since
    ).select_related("fiche__plan__convention__territoire", "by")
    for line in lines:
        Notification.objects.tell_redaction(line, by=line.by)
        _date(f"redaction:{line.pk}", line.created_at)
    remarks = Commentaire.objects.filter(fiche__in=fiches, created_at__gte=since).select_related(
        "fiche__plan__convention__territoire", "auteur"
    )
    for remark in remarks:
        Notification.objects.tell_commentaire(remark)
        _date(f"commentaire:{remark.pk}", remark.created_at)
    remind(today)
    month = timezone.now() - datetime.timedelta(days=30)
    Notification.objects.filter(created_at__lt=month).read()


def _date(cle: str, moment: datetime.datetime) -> None:
    Notification.objects.filter(cle=cle).update(created_at=moment)
