"""What an e-mail about a meeting is: the same for whoever looks at it before, and for whom it is sent to."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.mime.text import MIMEText
from email.utils import formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.validators import EmailValidator
from django.template.loader import render_to_string
from django.urls import reverse

from actions.courriel import absolute
from governance.agenda import one_line
from governance.invitations import CANCEL, REQUEST, Invite, calendar_entry
from governance.models import Destinataire, DocumentEmis, Envoi, Presence

OBJET_MAX = 150
VALIDE = EmailValidator("L’adresse n’est pas une adresse de courriel.")
CLE_MASQUEE = "cle-de-chaque-personne"
"""Stands for the key of a person where a message is only looked at: nobody answers for somebody else from there."""


@dataclass(frozen=True)
class Lettre:
    """A message as it is read: its words, and the calendar entry that goes with it."""

    objet: str
    de: str
    repondre_a: str
    texte: str
    corps: dict[str, Any]
    agenda: bytes | None

    @property
    def html(self) -> str:
        return render_to_string("governance/email/envoi.html", self.corps)


def sender_of(faits: dict[str, Any]) -> str:
    """« CTG Cazals-Salviac <portail@example.org> »: who it is for, at the address the portal may write from."""
    _, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    return formataddr((f"CTG {one_line(faits['territoire'])}", address))


def write_letter(
    envoi: Envoi,
    faits: dict[str, Any],
    seats: Sequence[Presence],
    pieces: Sequence[str],
    *,
    email: str = "",
    masked: bool = False,
) -> Lettre:
    """The message to the person of ``seats`` (empty: to nobody in particular), ``pieces`` being the names of its files.

    No query: what is said of the meeting is ``faits`` alone.
    """
    seat = seats[0] if seats else None
    cle = CLE_MASQUEE if masked or seat is None else seat.cle
    url = absolute(reverse("governance:reponse", args=[cle])) if envoi.asks_answer else ""
    corps = {
        "nature": envoi.nature,
        "partis": envoi.is_for_retired,
        "faits": faits,
        "nom": one_line(seat.nom) if seat else "",
        # Once it is held, nobody is expected any more.
        "sieges": [] if envoi.nature == Envoi.Nature.DIFFUSION else seats,
        "message": envoi.message.strip(),
        "redemander": envoi.redemander,
        "url_reponse": url,
        "url_reunion": absolute(faits["url"]) if seat and seat.user_id else "",
        "pieces": pieces,
    }
    agenda = None
    if envoi.carries_agenda and seat:
        method = CANCEL if envoi.nature == Envoi.Nature.ANNULATION else REQUEST
        agenda = calendar_entry(
            faits, invite=Invite(seat.nom or seat.fonction, email or seat.email), method=method
        )
    return Lettre(
        objet=one_line(envoi.objet)[:OBJET_MAX],
        de=sender_of(faits),
        repondre_a=faits["auteur"]["email"],
        texte=render_to_string("governance/email/envoi.txt", corps).strip() + "\n",
        corps=corps,
        agenda=agenda,
    )


def message_of(
    destinataire: Destinataire, envoi: Envoi, seats: Sequence[Presence], documents: Sequence[DocumentEmis]
) -> EmailMultiAlternatives:
    """The message to hand to the mail server. Raise ``ValidationError`` for an address that is none."""
    VALIDE(destinataire.email)
    names = [document.nom_fichier for document in documents]
    names += [AGENDA_NOM] if envoi.carries_agenda else []
    lettre = write_letter(envoi, envoi.faits, seats, names, email=destinataire.email)
    host = urlsplit(settings.PORTAIL_URL).hostname or "localhost"
    message = EmailMultiAlternatives(
        subject=lettre.objet,
        body=lettre.texte,
        from_email=lettre.de,
        to=[destinataire.email],
        reply_to=[lettre.repondre_a],
        # The same at each try: a mail server that took it once may know it again.
        headers={
            "Message-ID": f"<envoi.{envoi.pk}.{destinataire.pk}.{envoi.created_at:%Y%m%d%H%M%S}@{host}>"
        },
    )
    message.attach_alternative(lettre.html, "text/html")
    for document in documents:
        message.attach(document.nom_fichier, bytes(document.contenu or b""), "application/pdf")
    if lettre.agenda is not None:
        message.attach(agenda_part(lettre.agenda, CANCEL if b"METHOD:CANCEL" in lettre.agenda else REQUEST))
    return message


AGENDA_NOM = "invitation.ics"


def agenda_part(content: bytes, method: str) -> MIMEText:
    """The calendar entry as mail programs expect it: its method is said beside its type (RFC 6047)."""
    part = MIMEText(content.decode(), "calendar", "utf-8")
    part.set_param("method", method)
    part.add_header("Content-Disposition", "attachment", filename=AGENDA_NOM)
    return part
