"""The meetings of a month, day by day, for whoever follows several conventions."""

import calendar
import datetime
import re
from dataclasses import dataclass, field

from django.utils import timezone

from governance.models import Reunion

MOIS = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")


@dataclass
class Jour:
    date: datetime.date
    du_mois: bool
    reunions: list[Reunion] = field(default_factory=list)

    @property
    def is_today(self) -> bool:
        return self.date == timezone.localdate()


@dataclass(frozen=True)
class Mois:
    """A month of the calendar, by weeks that begin on Monday."""

    premier: datetime.date

    @classmethod
    def read(cls, text: str) -> "Mois":
        """« 2026-12 »; the current month for anything else."""
        found = MOIS.fullmatch(text)
        today = timezone.localdate()
        annee, mois = (int(found[1]), int(found[2])) if found else (today.year, today.month)
        return cls(datetime.date(annee, mois, 1))

    def __str__(self) -> str:
        return f"{self.premier:%Y-%m}"

    @property
    def avant(self) -> "Mois":
        return Mois((self.premier - datetime.timedelta(days=1)).replace(day=1))

    @property
    def apres(self) -> "Mois":
        return Mois((self.premier + datetime.timedelta(days=31)).replace(day=1))

    def jours(self) -> list[Jour]:
        """Whole weeks around the month, without meetings yet."""
        dates = calendar.Calendar().itermonthdates(self.premier.year, self.premier.month)
        return [Jour(date, date.month == self.premier.month) for date in dates]
