"""How far a long drawing is: whoever draws says it, whoever asked listens; nobody has to.

``render_pdf`` and ``render_docx`` keep their signatures: the one that draws fiches calls ``report`` after each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ECOUTE: ContextVar[Callable[[int], None] | None] = ContextVar("avance", default=None)


def report(done: int) -> None:
    """``done`` fiches are drawn."""
    listener = _ECOUTE.get()
    if listener is not None:
        listener(done)


@contextmanager
def followed_by(listener: Callable[[int], None]) -> Iterator[None]:
    """``listener`` hears each ``report`` made inside, in this thread."""
    token = _ECOUTE.set(listener)
    try:
        yield
    finally:
        _ECOUTE.reset(token)
