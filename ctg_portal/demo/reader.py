"""The data files of the demonstration: one directory of TOML files, their shorthand for dates."""

import datetime
import re
import tomllib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"
_RELATIVE = re.compile(r"J([+-])(\d+)")


def french(value: Any) -> Any:
    """The same data with French typography, so that the files are written with a plain keyboard."""
    if isinstance(value, dict):
        return {key: french(item) for key, item in value.items()}
    if isinstance(value, list):
        return [french(item) for item in value]
    if not isinstance(value, str):
        return value
    value = value.replace("'", "’")
    value = re.sub(r" ([;!?])", "\u202f\\1", value)
    value = re.sub(r" ([:»%€])", "\u00a0\\1", value)
    value = re.sub(r"(?<=\d) (?=\d{3}\b)", "\u202f", value)
    return value.replace("« ", "«\u00a0")


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = french(tomllib.loads((DATA / name).read_text(encoding="utf-8")))
    return found


def read_conventions() -> Iterator[dict[str, Any]]:
    """Every convention with what it holds, the oldest first: a convention comes after the one it follows."""
    found = [read(str(path.relative_to(DATA))) for path in sorted(DATA.glob("*/*.toml"))]
    yield from sorted(found, key=lambda row: (row["debut"], row["nature"] != "ctg", row["code"]))


def cells(row: list[Any], width: int) -> list[Any]:
    """A row written as an array, completed with empty cells."""
    return [*row, *[""] * (width - len(row))]


class Calendar:
    """Days as the files write them: a TOML date, « J+14 » from today, or nothing."""

    def __init__(self, today: datetime.date) -> None:
        self.today = today

    def day(self, value: Any) -> datetime.date | None:
        if value is None or value == "":
            return None
        if isinstance(value, datetime.date):
            return value
        match = _RELATIVE.fullmatch(value)
        if match is None:
            raise ValueError(f"{value!r} is not a day: write 2026-11-24 or J+14")
        days = datetime.timedelta(days=int(match[2]))
        return self.today + days if match[1] == "+" else self.today - days


def amount(value: Any) -> Decimal | None:
    """Euros or a measure; written as text when there are cents, so that no float comes in."""
    return None if value is None or value == "" else Decimal(str(value))
