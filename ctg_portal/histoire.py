"""Who is at the origin of a change: attached to each writing request, beside what the triggers copy."""

from typing import Any

from django.db import models
from django.http import HttpRequest
from pghistory.middleware import HistoryMiddleware as RequestMiddleware


class HistoryMiddleware(RequestMiddleware):
    """Keeps the name beside the key: the past shows it still when the account is renamed or gone."""

    def get_context(self, request: HttpRequest) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(request)
        if request.user.is_authenticated:
            context["nom"] = str(request.user)
        return context


def past_of(model: type[models.Model]) -> Any:
    """Every state that pghistory keeps of the rows of ``model``."""
    return models.QuerySet(model.pgh_event_model)  # type: ignore[attr-defined]  # pghistory adds it
