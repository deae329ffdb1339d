"""Life cycles: one field, one table of allowed transitions, changed only by a verb of the model."""

from collections.abc import Mapping

Table = Mapping[str, frozenset[str]]


class TransitionError(Exception):
    """The current state refuses this change. Its text is a French sentence to show as it is."""


def require_transition(table: Table, depuis: str, vers: str, *, refus: str) -> None:
    """Raise ``TransitionError(refus)`` unless ``table`` lets ``depuis`` become ``vers``."""
    if vers not in table.get(depuis, frozenset()):
        raise TransitionError(refus)
