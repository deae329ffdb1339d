"""The worker of the portal: the tasks of django-tasks, and the clock of what the portal does by itself."""

import logging
import threading
from typing import Any

from django.db import close_old_connections, connection
from django_tasks_db.management.commands.db_worker import Command as DbWorkerCommand

from actions.lettres import plan_rounds

log = logging.getLogger(__name__)
MINUTE = 60


class Clock(threading.Thread):
    """Asks each minute whether a round is due. What it knows is in the database: it may die and be born again."""

    def __init__(self) -> None:
        super().__init__(name="clock", daemon=True)
        self.stopped = threading.Event()

    def run(self) -> None:
        while True:
            close_old_connections()
            try:
                plan_rounds()
            except Exception:
                # Whatever it was, the clock must not stop.
                log.exception("Le tour n’a pas pu être demandé ; nouvel essai dans une minute.")
                connection.close()
            if self.stopped.wait(MINUTE):
                return connection.close()


class Command(DbWorkerCommand):
    help = "Runs the tasks of the portal, and asks for its rounds: reminders and e-mails."

    def handle(self, **options: Any) -> None:
        clock = Clock()
        clock.start()
        try:
            super().handle(**options)
        finally:
            clock.stopped.set()
            clock.join(timeout=5)
