"""Sendings about a meeting that leave: the worker hands them over, each message once at most. See ADR 0027."""

import datetime
import logging
from collections.abc import Sequence
from smtplib import SMTPException, SMTPNotSupportedError, SMTPRecipientsRefused, SMTPResponseException
from typing import Any

from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.utils import timezone
from django_tasks import task
from django_tasks_db.models import DBTaskResult

from ctg_portal.workflow import TransitionError
from governance.comptes_rendus import mark_sent
from governance.courriels import message_of
from governance.diffusions import carries_minutes
from governance.envois import create_recipients, recipients_of, require_meeting, told_facts
from governance.models import Destinataire, DocumentEmis, Envoi, Presence, Reunion
from governance.models.composition import one_per_person
from governance.retraits import retired_from

log = logging.getLogger(__name__)

Statut = Envoi.Statut
Nature = Envoi.Nature
Suite = Destinataire.Statut

NOUVEL_ESSAI = datetime.timedelta(minutes=2)
"""After how long a mail server that did not answer is asked again."""
ABANDON = datetime.timedelta(hours=24)
"""After how long without an answer of the mail server it is given up."""
DESSIN = datetime.timedelta(seconds=15)
"""How long a file that is being drawn is waited for, each time."""
GARDE = datetime.timedelta(days=2)
"""How long the traces of finished rounds are kept."""


@transaction.atomic
def plan_envois() -> bool:
    """Ask for a round of sending when something is due, unless one is already asked for. Called by each worker's clock."""
    if not Envoi.objects.due().exists() and not Destinataire.objects.lost().exists():
        return False
    if DBTaskResult.objects.filter(task_path=send_due.module_path, status="READY").exists():
        return False
    send_due.enqueue()
    return True


@task()
def send_due() -> None:
    """Send what is due. It may be cut short by a crash and taken up again: nobody is written to twice."""
    for lost in Destinataire.objects.lost():
        lost.mark(Suite.INCERTAIN, erreur="L’envoi a été interrompu.")
        log.error("Destinataire %s : interrompu pendant l’envoi, il ne repart pas de lui-même.", lost.pk)
    for pk in list(Envoi.objects.due().order_by("part_le", "pk").values_list("pk", flat=True)):
        try:
            if (envoi := begin(pk)) is not None:
                deliver(envoi)
        except Exception:
            # One sending that cannot leave keeps no other waiting.
            log.exception("Envoi %s : il n’a pas pu partir.", pk)
            Envoi.objects.get(pk=pk).postpone(
                "Une erreur du portail l’empêche de partir ; nouvel essai bientôt.",
                timezone.now() + NOUVEL_ESSAI,
            )
    done = DBTaskResult.objects.successful().filter(task_path=send_due.module_path)
    done.filter(finished_at__lt=timezone.now() - GARDE).delete()


@transaction.atomic
def begin(pk: int) -> Envoi | None:
    """Check that it may still leave, and let it; ``None`` when it stopped, or waits for a file."""
    reunion_id = Envoi.objects.values_list("reunion_id", flat=True).get(pk=pk)
    reunion = (
        Reunion.objects.select_for_update(of=("self",))
        .select_related("instance__convention__territoire")
        .get(pk=reunion_id)
    )
    envoi = Envoi.objects.select_for_update(of=("self",)).select_related("auteur").get(pk=pk)
    envoi.reunion = reunion
    if not envoi.is_stoppable:
        return None
    try:
        require_meeting(envoi)
        require_same_meeting(envoi)
    except TransitionError as refus:
        envoi.give_up(f"{refus} {envoi.already_gone()}")
        return None
    if envoi.statut == Statut.EN_COURS:
        return envoi
    if not files_are_ready(envoi):
        return None
    if envoi.jours_avant:
        # Who has not answered is known when it leaves.
        envoi.faits = told_facts(envoi, by=envoi.auteur)
        create_recipients(envoi, recipients_of(envoi))
    envoi.statut, envoi.motif, envoi.prochain_essai = Statut.EN_COURS, "", None
    envoi.save(update_fields=["statut", "motif", "prochain_essai", "faits", "updated_at"])
    if envoi.nature == Nature.CONVOCATION and reunion.statut == Reunion.Statut.PREPARATION:
        reunion.move_to(Reunion.Statut.CONVOQUEE, by=envoi.auteur)
    if envoi.nature == Nature.DIFFUSION and carries_minutes(envoi):
        mark_sent(reunion, by=envoi.auteur)
    if envoi.redemander:
        reunion.presences.update(
            reponse=Presence.Reponse.ATTENTE, pouvoir_a=None, mot="", repondu_le=None, repondu_par=None
        )
    return envoi


def require_same_meeting(envoi: Envoi) -> None:
    """Raise ``TransitionError`` when the meeting is no longer as the message says."""
    if envoi.tells_of(envoi.reunion):
        return
    raise TransitionError("La réunion a changé (date, durée ou lieu) depuis l’aperçu.")


def files_are_ready(envoi: Envoi) -> bool:
    statuts = set(envoi.documents.values_list("statut", flat=True))
    if DocumentEmis.Statut.ECHEC in statuts:
        envoi.give_up(
            "Un document joint n’a pas pu être préparé : rien n’est parti. Relancez sa préparation."
        )
        return False
    if statuts - {DocumentEmis.Statut.PRET}:
        envoi.postpone("Un document joint se prépare encore.", timezone.now() + DESSIN)
        return False
    return True


def deliver(envoi: Envoi) -> int:
    """Hand over its messages one by one, each claimed and marked in a transaction of its own; give how many left.

    Stops between two messages when somebody stopped it, and when the mail server does not answer.
    """
    documents = list(envoi.documents.order_by("nature", "version"))
    expected = list(envoi.reunion.presences.all())
    seats_of = {seat.pk: seats for seats in one_per_person(expected) for seat in seats}
    # A cancelling is also for people who are no longer in the list.
    gone = retired_from(envoi.reunion, expected) if envoi.nature == Nature.ANNULATION else []
    gone_at = {person.email.casefold(): [person] for person in gone}
    connection = get_connection()
    try:
        connection.open()
    except (SMTPException, OSError) as error:
        wait_for_server(envoi, error)
        return 0
    sent = 0
    put_off: set[int] = set()
    try:
        while row := Destinataire.objects.claim(envoi, but=put_off):
            seats = seats_of.get(row.presence_id) if row.presence_id else gone_at.get(row.email.casefold())
            try:
                outcome = hand_over(row, envoi, seats, documents, connection)
            except RefusedForNowError as refus:
                put_off.add(row.pk)
                if refus.is_closing:
                    break
                continue
            sent += outcome == Suite.ENVOYE
            if outcome == Suite.INCERTAIN:
                envoi.postpone("Le serveur de courriel s’est tu ; nouvel essai bientôt.", _soon())
                break
    finally:
        _close(connection)
    if put_off and envoi.destinataires.filter(statut=Suite.ATTENTE).exists():
        until = _soon()
        heure = f"{timezone.localtime(until):%H:%M}"
        envoi.postpone(f"Le serveur de courriel demande d’attendre ; nouvel essai à {heure}.", until)
    finish(envoi)
    return sent


class RefusedForNowError(Exception):
    """The mail server asked to try later (a code in 4xx: greylisting, too many at once): the message waits again."""

    def __init__(self, *, is_closing: bool):
        super().__init__()
        self.is_closing = is_closing
        """It said 421, and speaks no more."""


def hand_over(
    row: Destinataire,
    envoi: Envoi,
    seats: Sequence[Presence] | None,
    documents: Sequence[DocumentEmis],
    connection: BaseEmailBackend,
) -> str:
    """One message; give what came of it, which is written.

    Raise ``RefusedForNowError`` when it is to be tried again later; after ``ABANDON`` such a refusal is a refusal.
    """
    if seats is None and envoi.nature == Nature.ANNULATION:
        row.mark(Suite.ARRETE, erreur="Cette personne est de nouveau attendue.")
        return Suite.ARRETE
    if seats is None:
        row.mark(Suite.ECHEC, erreur="Cette personne n’est plus attendue à la réunion.")
        return Suite.ECHEC
    if envoi.portee == Envoi.Portee.SANS_REPONSE and seats[0].reponse != Presence.Reponse.ATTENTE:
        row.mark(Suite.ARRETE, erreur="A répondu entre-temps.")
        return Suite.ARRETE
    try:
        message = message_of(row, envoi, seats, documents)
        message.connection = connection
        message.send()
    except (ValidationError, SMTPResponseException, SMTPRecipientsRefused, SMTPNotSupportedError) as error:
        codes = _codes(error)
        # Last saved when it began, or was taken up again.
        if codes and max(codes) < 500 and timezone.now() - envoi.updated_at <= ABANDON:
            row.put_back(erreur=_said(error))
            raise RefusedForNowError(is_closing=421 in codes) from error
        row.mark(Suite.ECHEC, erreur=_said(error))
    except (SMTPException, OSError) as error:
        # It fell silent once we spoke: it may have the message.
        row.mark(Suite.INCERTAIN, erreur=_said(error))
        log.exception("Destinataire %s : réponse perdue, il ne repart pas de lui-même.", row.pk)
    except Exception as error:
        # A header that cannot be, a template: this person is left, the others are not kept waiting.
        row.mark(Suite.ECHEC, erreur="Le courriel n’a pas pu être écrit.")
        log.exception(
            "Destinataire %s : le courriel ne peut pas être écrit (%s).", row.pk, type(error).__name__
        )
    else:
        row.mark(Suite.ENVOYE)
    return row.statut


def wait_for_server(envoi: Envoi, error: Exception) -> None:
    """Ask again soon; after a day, say that it failed."""
    log.warning("Envoi %s : le serveur de courriel ne répond pas (%s).", envoi.pk, _said(error))
    # Last saved when it began, or was taken up again.
    if timezone.now() - envoi.updated_at > ABANDON:
        envoi.destinataires.filter(statut=Suite.ATTENTE).update(
            statut=Suite.ECHEC, erreur="Le serveur de courriel n’a pas répondu pendant 24 heures."
        )
        finish(envoi)
        return
    until = _soon()
    envoi.postpone(
        f"Le serveur de courriel ne répond pas ; nouvel essai à {timezone.localtime(until):%H:%M}.", until
    )


def finish(envoi: Envoi) -> None:
    """It has left when nobody waits any more."""
    left = envoi.destinataires.filter(statut__in=(Suite.ATTENTE, Suite.EN_COURS))
    if not left.exists():
        running = Envoi.objects.filter(pk=envoi.pk, statut=Statut.EN_COURS)
        running.update(statut=Statut.PARTI, parti_le=timezone.now(), motif="", prochain_essai=None)


def _soon() -> datetime.datetime:
    return timezone.now() + NOUVEL_ESSAI


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (SMTPException, OSError) as error:
        log.info("Le serveur de courriel a fermé avant nous : %s", _said(error))


def _said(error: Exception) -> str:
    """The refusal in one short line, as the coordination can read it."""
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    if isinstance(error, SMTPRecipientsRefused):
        return " ".join(f"{code} {_text(said)}" for code, said in error.recipients.values())
    if isinstance(error, SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return type(error).__name__


def _codes(error: Exception) -> list[int]:
    """What the mail server answered, by recipient; none where it is not the server that refused."""
    if isinstance(error, SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, SMTPResponseException) else []


def _text(said: Any) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
