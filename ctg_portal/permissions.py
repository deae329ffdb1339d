"""How every app grants access: a queryset hides (404), a predicate of ``rules`` forbids (403).

Each app's ``permissions.py`` names its permissions ``<app>.<verb>_<model>``. Views name one of
them, templates read the same row as ``can.<verb>``.
"""

from typing import Any

import rules
from django.db.models import Model

from ctg_portal.models import User


class Can:
    """What ``user`` may do to ``obj``; ``{{ can.submit }}`` asks ``<app>.submit_<model>``.

    An unknown verb is an error, so that a typing mistake in a template cannot hide a button.
    """

    def __init__(self, user: User, obj: Model) -> None:
        self.user = user
        self.obj = obj

    def __getitem__(self, verb: str) -> bool:
        meta: Any = self.obj._meta
        name = f"{meta.app_label}.{verb}_{meta.model_name}"
        if not rules.perm_exists(name):
            raise LookupError(f"no permission named {name}")
        return self.user.has_perm(name, self.obj)
