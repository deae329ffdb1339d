"""What the writers of the demonstration share: the calendar, the rows written so far, and a batch of those to come."""

import datetime
from collections import defaultdict
from typing import Any

from django.db import models
from django.utils import timezone

from actions.models import Commentaire, FicheAction, Public
from conventions.models import (
    Convention,
    Dispositif,
    Domaine,
    Equipement,
    Financement,
    Organisation,
    Territoire,
)
from ctg_portal.demo.accounts import ACCOUNTS
from ctg_portal.demo.reader import Calendar
from ctg_portal.models import User
from diagnostics.models import Constat, Diagnostic, Enjeu
from governance.emissions import draw_document
from governance.models import DocumentEmis, Reunion


def pick(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {
        name: row[name].strip() if isinstance(row[name], str) else row[name] for name in names if name in row
    }


def text(value: str) -> str:
    return value.strip()


class Batch:
    """Rows checked one by one (lengths, choices) and written together, in the order of their tables."""

    def __init__(self) -> None:
        self.rows: dict[type[models.Model], list[Any]] = defaultdict(list)
        self.links: dict[type[models.Model], list[Any]] = defaultdict(list)

    def add(self, row: Any) -> Any:
        row.clean_fields(exclude={field.name for field in row._meta.fields if field.is_relation})
        self.rows[type(row)].append(row)
        return row

    def link(self, row: Any, name: str, others: list[Any]) -> None:
        """Tie ``row`` to ``others`` through its many-to-many field ``name``, once both are written."""
        field = row._meta.get_field(name)
        through = field.remote_field.through
        for other in others:
            made = through(**{field.m2m_field_name(): row, field.m2m_reverse_field_name(): other})
            self.links[through].append(made)

    def write(self) -> None:
        for model, rows in self.rows.items():
            model._default_manager.bulk_create(rows)
        for through, links in self.links.items():
            through._default_manager.bulk_create(links)
        self.rows.clear()
        self.links.clear()


class Etat:
    """What is written so far, by the names of the files."""

    def __init__(self, today: datetime.date) -> None:
        self.calendar = Calendar(today)
        self.day = self.calendar.day
        self.batch = Batch()
        self.domaines = {row.code: row for row in Domaine.objects.all()}
        self.publics = {row.code: row for row in Public.objects.all()}
        self.dispositifs = {row.code: row for row in Dispositif.objects.all()}
        self.territoires: dict[str, Territoire] = {}
        self.organisations: dict[str, Organisation] = {}
        self.equipements: dict[tuple[Territoire, str], Equipement] = {}
        self.conventions: dict[str, Convention] = {}
        self.signers: dict[str, set[str]] = {}
        self.titulaires: dict[tuple[str, str], str] = {}
        self.comments: list[Commentaire] = []
        self.answers: list[tuple[Commentaire, str, User]] = []
        self.written: list[datetime.datetime] = []
        self.enjeux: dict[str, list[Enjeu]] = {}
        self.constats: dict[str, list[Constat]] = {}
        self.fiches: dict[tuple[str, str], FicheAction] = {}
        self.imputations: list[tuple[Financement, tuple[str, str]]] = []
        self.users: dict[str, User] = {}
        self.convoked: list[tuple[Reunion, str]] = []
        self.repondus: list[tuple[Reunion, str, list[list[Any]]]] = []
        self.a_valider: list[Diagnostic] = []

    def person(self, code: str, role: str) -> User:
        """Who holds ``role`` on a convention of the demonstration; its CAF reviews."""
        for account in ACCOUNTS:
            if account.role == role and (
                code in account.conventions or account.organisation in self.signers[code]
            ):
                return self.users[account.email]
        raise LookupError(f"Nobody has the role {role} on {code}.")

    # Conventions

    def known_day(self, value: Any) -> datetime.date:
        """A day that the row cannot do without."""
        day = self.day(value)
        if day is None:
            raise ValueError("A day is missing.")
        return day

    def moment(self, day: datetime.date | None, hour: int = 10) -> datetime.datetime:
        if day is None:
            raise ValueError("A day is missing.")
        return timezone.make_aware(datetime.datetime.combine(day, datetime.time(hour)))

    def chosen(self, found: dict[str, list[Any]], code: str, numbers: Any) -> list[Any]:
        """Enjeux or constats of the convention by their number, from 1."""
        return [found[code][number - 1] for number in numbers or []]

    def issued(self, document: DocumentEmis) -> None:
        """Drawn at once: the worker may not be there yet."""
        draw_document.func(str(document.pk))
