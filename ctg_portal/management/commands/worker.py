"""The worker of the portal: the tasks of django-tasks, and the clock of what the portal does by itself."""

import logging
import threading
from collections.abc import Callable
from typing import Any

from django.db import close_old_connections, connection, connections
from django_tasks_db.management.commands.db_worker import Command as DbWorkerCommand

from actions.lettres import plan_rounds
from actions.preparation import plan_preparations
from conventions.operations.impressions import BATTEMENT, beat
from ctg_portal.pdf import ateliers
from governance.departs import plan_envois

log = logging.getLogger(__name__)


class Clock(threading.Thread):
    """Gives a sign of life, and asks whether a round is due. What it knows is in the database: it may die and be born
    again."""

    def __init__(self) -> None:
        super().__init__(name="clock", daemon=True)
        self.stopped = threading.Event()

    def run(self) -> None:
        while True:
            close_old_connections()
            for ask in (beat, plan_rounds, plan_preparations, plan_envois):
                self._ask(ask)
            if self.stopped.wait(BATTEMENT.total_seconds()):
                return connection.close()

    def _ask(self, ask: Callable[[], Any]) -> None:
        try:
            ask()
        except Exception:
            # Whatever it was, the clock must not stop.
            log.exception("Le tour n’a pas pu être demandé ; nouvel essai bientôt.")
            connection.close()


class Command(DbWorkerCommand):
    help = "Runs the tasks of the portal, and asks for its rounds: reminders and e-mails."

    def handle(self, **options: Any) -> None:
        # Children that draw are forked before any thread, and hold no connection.
        connections.close_all()
        ateliers.start()
        clock = Clock()
        clock.start()
        try:
            super().handle(**options)
        finally:
            clock.stopped.set()
            clock.join(timeout=5)
            ateliers.stop()
