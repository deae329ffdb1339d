"""Processes that draw, for whoever has many parts to draw: forked early, before threads and database connections.

A child keeps its style sheet and fonts from one part to the next. It ends with its parent, whatever ended that.
"""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from ctg_portal.pdf.dessin import Atelier, Dessin, DocumentError, livre

log = logging.getLogger(__name__)


class Ateliers:
    """Children of this process, each drawing one page at a time."""

    def __init__(self, number: int) -> None:
        self.owner = os.getpid()
        self.ends: list[Connection] = []
        self.children: list[Any] = []
        livre()  # drawn once for all of them
        # What is there now lives to the end: never looked at again, its pages of memory stay shared.
        gc.collect()
        gc.freeze()
        context = get_context("fork")
        for _ in range(number):
            here, there = context.Pipe()
            child = context.Process(target=_serve, args=(there, [*self.ends, here]), daemon=True)
            child.start()
            there.close()
            self.ends.append(here)
            self.children.append(child)

    def draw(self, pages: list[str]) -> Iterator[tuple[int, Dessin]]:
        """The rank of each page and its drawing, as they come. A child that died leaves its page to the others."""
        waiting = list(enumerate(pages))[::-1]
        busy: dict[Connection, tuple[int, str]] = {}
        free = list(self.ends)
        while waiting or busy:
            while waiting and free:
                end = free.pop()
                job = waiting.pop()
                try:
                    end.send(job[1])
                except OSError:
                    self._lose(end)
                    waiting.append(job)
                else:
                    busy[end] = job
            if not busy:
                # No child is left: here and now, rather than never.
                atelier = Atelier()
                yield from ((rank, atelier.draw(page)) for rank, page in reversed(waiting))
                return
            ready: list[Any] = wait(list(busy))
            for end in ready:
                job = busy.pop(end)
                try:
                    drawn = end.recv()
                except EOFError:
                    self._lose(end)
                    waiting.append(job)
                    continue
                free.append(end)
                if isinstance(drawn, Exception):
                    self._drain(busy)
                    raise drawn
                yield job[0], drawn

    def _drain(self, busy: dict[Connection, tuple[int, str]]) -> None:
        """Let those at work finish: their answer is not that of the next page."""
        for end in busy:
            try:
                end.recv()
            except EOFError:
                self._lose(end)

    def _lose(self, end: Connection) -> None:
        log.error("Un atelier de dessin s’est arrêté.")
        end.close()
        self.ends.remove(end)

    def close(self) -> None:
        for end in self.ends:
            end.close()
        for child in self.children:
            child.join(timeout=5)


def _serve(end: Connection, others: list[Connection]) -> None:
    """The life of a child: a page in, a drawing out, until the other end is gone."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    atelier: Atelier | None = None
    while True:
        try:
            page = end.recv()
        except EOFError:
            os._exit(0)
        try:
            atelier = atelier or Atelier()
            answer: Dessin | Exception = atelier.draw(page)
        except Exception as error:
            # Whatever it was: the parent raises it. Only ours is sure to travel.
            answer = DocumentError(f"{type(error).__name__}: {error}")
        try:
            end.send(answer)
        except OSError:
            os._exit(0)


_open: Ateliers | None = None


def start(number: int = 2) -> Ateliers:
    """Fork the children of this process, once. Call it before any thread and any connection."""
    global _open  # noqa: PLW0603 - one set of children for a process
    _open = Ateliers(number)
    return _open


def stop() -> None:
    global _open  # noqa: PLW0603 - see start()
    if _open:
        _open.close()
        _open = None


def draw_pages(pages: list[str]) -> Iterator[tuple[int, Dessin]]:
    """The rank of each page and its drawing, as they come: by the children of this process, or by itself without."""
    if _open and _open.owner == os.getpid():
        yield from _open.draw(pages)
        return
    atelier = Atelier()
    for rank, page in enumerate(pages):
        yield rank, atelier.draw(page)
