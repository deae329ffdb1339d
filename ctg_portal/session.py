"""When the session of a visitor ends, and what they sent after its end: kept until they have logged in again."""

import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core import signing
from django.http import HttpRequest, HttpResponseRedirect, QueryDict
from django.utils import timezone

from ctg_portal.models import User

OCTETS_MAX = 300_000
"""As much as the longest section holds ten times over."""
HORS_SAISIE = frozenset({"csrfmiddlewaretoken", "auteur"})
"""What a form sends that nobody typed."""
PROLONGATION = datetime.timedelta(minutes=30)
"""A session that is used is not written again before this."""

_CLE = "saisie"
_SEL = "ctg_portal.session.auteur"


def session_end(request: HttpRequest) -> datetime.datetime | None:
    """When the session of this browser ends unless it is prolonged; ``None`` when nothing says it."""
    since = request.session.get("prolongee_le")
    if since is None:
        logins = request.session.get("account_authentication_methods") or []
        since = max((float(login["at"]) for login in logins if "at" in login), default=None)
    if since is None:
        return None
    start = datetime.datetime.fromtimestamp(float(since), datetime.UTC)
    return start + datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE)


def prolong_session(request: HttpRequest) -> None:
    """Give it its whole length again, if it is not fresh."""
    end = session_end(request)
    whole = timezone.now() + datetime.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    if end is None or whole - end > PROLONGATION:
        request.session["prolongee_le"] = timezone.now().timestamp()


def fits(data: QueryDict) -> bool:
    """Whether what was sent is short enough to be kept, and holds nothing that the database refuses."""
    sent = [text for name, values in data.lists() for text in (name, *values)]
    return sum(len(text.encode()) for text in sent) <= OCTETS_MAX and not any("\x00" in text for text in sent)


def typed(data: QueryDict) -> dict[str, list[str]]:
    """Each field with the list of what was sent for it."""
    return {name: values for name, values in data.lists() if name not in HORS_SAISIE}


def as_data(donnees: dict[str, list[str]]) -> QueryDict:
    """What the browser would send."""
    data = QueryDict(mutable=True)
    for name, values in donnees.items():
        data.setlist(name, values)
    return data


def sign_author(user: User) -> str:
    """Who opened the form, as it says it when it comes back without a session."""
    return signing.Signer(salt=_SEL).sign(str(user.pk))


def _keep(request: HttpRequest) -> None:
    try:
        author = signing.Signer(salt=_SEL).unsign(request.POST.get("auteur", ""))
    except signing.BadSignature:
        return
    if fits(request.POST):
        request.session[_CLE] = {"auteur": author, "page": request.path, "donnees": typed(request.POST)}


def kept_words(request: HttpRequest) -> QueryDict | None:
    """What this person sent to this page when their session had ended, if anything."""
    kept: dict[str, Any] = request.session.get(_CLE) or {}
    if kept.get("page") != request.path or kept.get("auteur") != str(request.user.pk):
        return None
    return as_data(kept["donnees"])


def forget_words(request: HttpRequest) -> None:
    request.session.pop(_CLE, None)


class ReconnexionMiddleware(LoginRequiredMiddleware):
    """Everyone logs in; what was posted too late to a view that ``keeps_words`` waits in the session meanwhile."""

    def handle_no_permission(self, request: HttpRequest, view_func: Any) -> HttpResponseRedirect:
        view = getattr(view_func, "view_class", None)
        if request.method == "POST" and getattr(view, "keeps_words", False):
            _keep(request)
        return super().handle_no_permission(request, view_func)
