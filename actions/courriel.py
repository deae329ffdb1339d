"""What a digest says. Words that people typed are said in it, and never act: they link nowhere and forge nothing."""

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import groupby
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from actions.models import FicheAction, Genre, Lettre, Notification
from actions.models.notification import NOUVELLES_ATTENDUES
from ctg_portal.models import User

TITRE_MAX = 120
"""Letters of a title in an e-mail; longer ones are cut."""
LIGNES_MAX = 30
"""Events said in one e-mail; the rest is counted, and waits on the portal."""
GENRES = list(Genre.values)
UNSUBSCRIBE = Signer(salt="actions.desabonnement")


def absolute(path: str) -> str:
    """The full address of a page, as the worker has no request to read it from."""
    return f"{settings.PORTAIL_URL}{path}"


def plain(text: str, limit: int = TITRE_MAX) -> str:
    """Words typed by somebody as one short line that no mail program turns into a link.

    Line ends, control and formatting characters (those that reverse the reading order too) become spaces;
    « :// » goes, and the dot of « exemple.fr » becomes a middle one.

    >>> plain("Ouvrir\\r\\nBcc: x https://exemple.fr/a")
    'Ouvrir Bcc: x https exemple·fr/a'
    """
    kept = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    line = " ".join(kept.split())
    line = re.sub(r"\s*:\s*/\s*/\s*", " ", line)
    line = re.sub(r"(?<=\w)[.\u3002\uff0e\uff61](?=[^\W\d_]{2})", "·", line)
    return line if len(line) <= limit else f"{line[: limit - 1].rstrip()}…"


@dataclass
class Ligne:
    """One kind of event on a fiche, however often it happened."""

    phrase: str
    le: object
    url: str
    action: str
    fois: int = 1


@dataclass
class Groupe:
    """What happened to one fiche, or to one plan."""

    titre: str
    territoire: str
    lignes: list[Ligne] = field(default_factory=list)


def groups_of(notifications: list[Notification]) -> list[Groupe]:
    """Fiche by fiche; several events of one kind by one person on one section are one line."""
    rank = {
        key: number
        for number, key in enumerate(
            dict.fromkeys(_sujet_key(n) for n in sorted(notifications, key=lambda n: GENRES.index(n.genre)))
        )
    }
    groups = []
    ordered = sorted(
        notifications, key=lambda n: (rank[_sujet_key(n)], GENRES.index(n.genre), n.created_at, n.pk)
    )
    for _, rows in groupby(ordered, key=_sujet_key):
        found = list(rows)
        sujet = found[0].sujet
        groupe = Groupe(
            plain(str(sujet) if isinstance(sujet, FicheAction) else "Plan d’actions"),
            plain(f"{found[0].convention.territoire.nom_court}, {found[0].convention.periode}"),
        )
        by_phrase: dict[str, Ligne] = {}
        for notification in found:
            phrase = plain(notification.phrase, TITRE_MAX * 2)
            if phrase in by_phrase:
                by_phrase[phrase].fois += 1
            else:
                url = absolute(notification.get_absolute_url())
                action = (
                    "Donner des nouvelles" if notification.genre in NOUVELLES_ATTENDUES else "Ouvrir la fiche"
                )
                by_phrase[phrase] = Ligne(phrase, notification.created_at, url, action)
        groupe.lignes = list(by_phrase.values())
        groups.append(groupe)
    return groups


def _sujet_key(notification: Notification) -> tuple[str, int]:
    return ("fiche", notification.fiche_id) if notification.fiche_id else ("plan", notification.plan_id or 0)


def unsubscribe_token(user: User) -> str:
    """Stops the e-mails of ``user`` and opens nothing else; it does not expire, as an old e-mail must still work."""
    return UNSUBSCRIBE.sign(str(user.pk))


def user_of_token(token: str) -> User | None:
    try:
        pk = UNSUBSCRIBE.unsign(token)
    except BadSignature:
        return None
    return User.objects.filter(pk=pk).first() if pk.isdigit() else None


def letter_of(lettre: Lettre) -> EmailMultiAlternatives | None:
    """The e-mail as it is true now: what was read, closed or turned off meanwhile is no longer said.

    ``None`` when nothing is left to say, or nobody to say it to.
    """
    user = lettre.destinataire
    if not user.is_active:
        return None
    mine = user.notifications.to_mail(user).filter(lettre=lettre).with_sujet()
    notifications = list(mine.order_by("created_at", "pk"))
    if not notifications:
        return None
    shown = notifications[:LIGNES_MAX]
    preferences = absolute(reverse("actions:notifications_preferences"))
    unsubscribe = absolute(reverse("actions:notifications_unsubscribe", args=[unsubscribe_token(user)]))
    context = {
        "groupes": groups_of(shown),
        "total": len(notifications),
        "reste": len(notifications) - len(shown),
        "incertaines": _uncertain_before(lettre),
        "url_notifications": absolute(reverse("actions:notifications")),
        "url_preferences": preferences,
        "url_mes_fiches": absolute(reverse("actions:mes_fiches")),
        "url_unsubscribe": unsubscribe,
        "jour": timezone.localdate(),
    }
    total = len(notifications)
    host = urlsplit(settings.PORTAIL_URL).hostname or "localhost"
    message = EmailMultiAlternatives(
        # No word that somebody typed is in a header.
        subject=f"[Portail CTG] {total} nouvelle{'s' if total > 1 else ''} sur vos fiches",
        body=render_to_string("actions/email/recapitulatif.txt", context).strip() + "\n",
        to=[user.email],
        headers={
            # The same at each try: a mail server that took it once may know it again.
            "Message-ID": f"<recapitulatif.{lettre.pk}.{lettre.created_at:%Y%m%d%H%M%S}@{host}>",
            "List-Unsubscribe": f"<{unsubscribe}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"Notifications du Portail CTG <notifications.{host}>",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
    )
    message.attach_alternative(render_to_string("actions/email/recapitulatif.html", context), "text/html")
    return message


def _uncertain_before(lettre: Lettre) -> list[Lettre]:
    """Letters before this one of which nobody knows whether they arrived, and that no letter has mentioned yet."""
    before = Lettre.objects.filter(destinataire=lettre.destinataire_id, pk__lt=lettre.pk)
    sent = before.filter(statut=Lettre.Statut.ENVOYEE).order_by("-pk").values_list("pk", flat=True).first()
    return list(before.filter(statut=Lettre.Statut.INCERTAINE, pk__gt=sent or 0).order_by("pk"))
