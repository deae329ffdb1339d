"""The rounds of the portal: reminders each morning, digests, and their sending. See ADR 0020."""

import datetime
import logging
from smtplib import (
    SMTPException,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from actions.courriel import letter_of
from actions.models import AbonnementCourriel, Lettre, Notification, Routine
from actions.rappels import remind
from ctg_portal.models import User

log = logging.getLogger(__name__)

Statut = Lettre.Statut
Frequence = AbonnementCourriel.Frequence

TOUR = datetime.timedelta(minutes=10)
"""How often the portal goes its rounds."""
ANCIENNETE_MAX = datetime.timedelta(days=30)
"""What is older stays on the portal and is no longer written by e-mail."""
GARDE = datetime.timedelta(days=2)
"""How long the traces of finished rounds are kept."""


@task()
def make_rounds() -> None:
    """What the portal does by itself. Each part may be cut short by a crash and taken up again by the next round."""
    remind_once_a_day()
    compose()
    deliver()
    done = DBTaskResult.objects.successful().filter(task_path=make_rounds.module_path)
    done.filter(finished_at__lt=timezone.now() - GARDE).delete()


@transaction.atomic
def plan_rounds() -> bool:
    """Ask for a round when the last one was asked ten minutes ago. Called each minute by each worker: one of them
    asks. A round that nobody took yet is not asked twice."""
    if not Routine.take("tour", before=timezone.now() - TOUR):
        return False
    if DBTaskResult.objects.filter(task_path=make_rounds.module_path, status="READY").exists():
        return False
    make_rounds.enqueue()
    return True


def _morning(now: datetime.datetime) -> datetime.datetime:
    """The hour of the day, in Paris, before which nobody is written to."""
    return timezone.localtime(now).replace(
        hour=settings.NOTIFICATIONS_HEURE, minute=0, second=0, microsecond=0
    )


def remind_once_a_day(now: datetime.datetime | None = None) -> bool:
    """Compute the reminders of the day, once; a crash undoes them whole and the next round starts them again."""
    now = now or timezone.now()
    morning = _morning(now)
    if now < morning:
        return False
    with transaction.atomic():
        if not Routine.take("rappels", before=morning):
            return False
        remind(timezone.localdate(now))
    return True


def compose(now: datetime.datetime | None = None) -> int:
    """Make the digest of each person who has something new and whose day it is; give how many."""
    now = now or timezone.now()
    today = timezone.localdate(now)
    if now < _morning(now) or today.weekday() >= 5:
        return 0
    waiting = Notification.objects.non_lues().filter(lettre=None, created_at__gte=now - ANCIENNETE_MAX)
    people = (
        User.objects.filter(is_active=True, pk__in=waiting.values("destinataire"))
        .select_related("abonnement")
        .order_by("pk")
    )
    return sum(_compose_for(person, today, now) for person in people)


def _compose_for(user: User, today: datetime.date, now: datetime.datetime) -> bool:
    abonnement: AbonnementCourriel | None = getattr(user, "abonnement", None)
    frequence = abonnement.frequence if abonnement else Frequence.QUOTIDIENNE
    if frequence == Frequence.JAMAIS:
        return False
    weekly = frequence == Frequence.HEBDOMADAIRE
    jour = today - datetime.timedelta(days=today.weekday()) if weekly else today
    since = max(now - ANCIENNETE_MAX, abonnement.depuis) if abonnement else now - ANCIENNETE_MAX
    lettres = Lettre.objects.filter(destinataire=user)
    # One on its way is waited for; what is new meanwhile comes after it.
    if lettres.filter(statut__in=(Statut.A_ENVOYER, Statut.EN_COURS)).exists():
        return False
    if lettres.filter(jour__gte=jour).exists():
        return False
    try:
        with transaction.atomic():
            lettre = Lettre.objects.create(destinataire=user, jour=jour)
            mine = user.notifications.to_mail(user).filter(lettre=None, created_at__gte=since)
            taken = Notification.objects.filter(
                pk__in=list(mine.values_list("pk", flat=True)), lettre=None
            ).update(lettre=lettre)
            if not taken:
                lettre.delete()
    except IntegrityError:
        # Another worker made it at the same moment.
        return False
    return bool(taken)


def deliver() -> int:
    """Send the letters whose time has come; give how many left. Stops when the mail server does not answer."""
    for lost in Lettre.objects.lost():
        lost.mark(Statut.INCERTAINE, erreur="L’envoi a été interrompu.")
        log.error("Lettre %s : interrompue pendant l’envoi, peut-être partie, elle ne repart pas.", lost.pk)
    sent = 0
    with_server = True
    while with_server and (lettre := Lettre.objects.claim()):
        try:
            message = letter_of(lettre)
        except Exception as error:
            # One letter that cannot be written keeps no other waiting.
            log.exception("Lettre %s : elle ne peut pas être écrite.", lettre.pk)
            _refused(lettre, error)
            continue
        if message is None:
            lettre.mark(Statut.SANS_OBJET)
            continue
        connection = get_connection()
        try:
            connection.open()
        except (SMTPException, OSError) as error:
            _refused(lettre, error)
            with_server = False
            continue
        message.connection = connection
        try:
            message.send()
        except (SMTPResponseException, SMTPRecipientsRefused, SMTPNotSupportedError) as error:
            # The server said no: it does not have the letter.
            _refused(lettre, error)
        except (SMTPException, OSError) as error:
            # It fell silent once we spoke: it may have the letter.
            lettre.mark(Statut.INCERTAINE, erreur=_said(error))
            log.error("Lettre %s : réponse perdue (%s), elle ne repart pas.", lettre.pk, _said(error))
            with_server = False
        else:
            lettre.mark(Statut.ENVOYEE)
            sent += 1
        finally:
            _close(connection)
    return sent


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (SMTPException, OSError) as error:
        log.info("Le serveur de courriel a fermé avant nous : %s", _said(error))


def _refused(lettre: Lettre, error: Exception) -> None:
    again = lettre.refused(_said(error))
    what = (
        f"nouvel essai le {timezone.localtime(lettre.prochain_essai):%d/%m à %H:%M}"
        if again
        else "abandonnée"
    )
    log.warning("Lettre %s : essai %s refusé (%s), %s.", lettre.pk, lettre.essais, _said(error), what)


def _said(error: Exception) -> str:
    """The refusal in one short line, without the address it was about."""
    if isinstance(error, SMTPRecipientsRefused):
        codes = [str(code) for code, _ in error.recipients.values()]
    else:
        codes = [str(getattr(error, "smtp_code", ""))]
    return " ".join([type(error).__name__, *codes]).strip()
