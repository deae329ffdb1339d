from typing import Any

from django.http import HttpRequest

from actions.permissions import count_unread


def notifications(request: HttpRequest) -> dict[str, Any]:
    """``non_lues``, the figure of the bell; read by the query of the roles, so that no page has one more."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"non_lues": 0}
    return {"non_lues": count_unread(user)}
