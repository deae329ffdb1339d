"""A « dossier complet » as large as INSEE's, read for one territoire: as the portal does, and in two naive ways.

A file of 35 000 communes × 1 900 columns is made once in a temporary folder, in its archive, as it is downloaded. Each reading is
a new process, in turn: what comes out is seconds, peak memory and ratios; never a pass or a fail. No database is asked.
See ``benchmarks/README.md``.
"""

import argparse
import csv
import io
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
# The portal's settings want them; nothing here asks a database.
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "ctg_portal.settings",
    "DATABASE_URL": "postgres://nowhere/nothing",
    "SECRET_KEY": "measure",
    "ALLOWED_HOSTS": "localhost",
    "DEMO": "true",
    "HTTPS": "false",
}

import django  # noqa: E402 - the settings come first

django.setup()

from diagnostics.imports import envoi  # noqa: E402
from diagnostics.imports.lieux import Lieux, Niveau  # noqa: E402

COMMUNES, COLUMNS, MINE = 35_000, 1_900, 80
NEEDED = (
    *(
        "P22_POP",
        "P16_POP",
        "P11_POP",
        "P22_POP0610",
        "P22_POP1114",
        "P22_POP1517",
        "P22_POP1824",
        "P22_POP65P",
    ),
    *("P22_POP7589", "P22_POP90P", "NAISD23", "C22_FAM", "C22_FAMMONO", "MED21", "TP6021", "P22_CHOM1564"),
    *("P22_ACT1564", "P22_LOG", "P22_LOGVAC", "SUPERF"),
)
"""Those that the portal reads, spread over the file."""


def code_of(rank: int) -> str:
    """Communes of invented départements 01 to 95: 368 each."""
    return f"{rank // 369 + 1:02}{rank % 369 + 1:03}"


def make_file(folder: Path) -> Path:
    """``dossier_complet.zip``; the numbers are drawn with a fixed seed."""
    draw = random.Random(2022)
    others = [f"P22_VAR{rank:04}" for rank in range(COLUMNS - len(NEEDED) - 1)]
    titles, step = list(others), len(others) // len(NEEDED)
    for rank, name in enumerate(NEEDED):
        titles.insert(rank * (step + 1), name)
    cells = [
        f"{draw.uniform(0, 900):.6f}" if draw.random() < 0.4 else str(draw.randrange(900))
        for _ in range(20_000)
    ]
    text = folder / "dossier_complet.csv"
    with text.open("w", encoding="utf-8", newline="") as file:
        file.write(";".join(["CODGEO", *titles]) + "\n")
        for rank in range(COMMUNES):
            start = draw.randrange(len(cells) - COLUMNS)
            file.write(code_of(rank) + ";" + ";".join(cells[start : start + COLUMNS - 1]) + "\n")
    path = folder / "dossier_complet.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(text, text.name)
    text.unlink()
    return path


def opened(path: Path) -> int:
    """Bytes of the text in the archive."""
    with zipfile.ZipFile(path) as archive:
        return archive.getinfo("dossier_complet.csv").file_size


def places() -> list[str]:
    """The communes of one large territoire, in the middle of the file."""
    return [code_of(COMMUNES // 2 + rank) for rank in range(MINE)]


def as_the_portal(path: Path) -> int:
    mine = dict.fromkeys(places(), "Commune")
    lieux = Lieux({niveau: mine if niveau == Niveau.COMMUNE else {} for niveau in Niveau.values})
    with path.open("rb") as file:
        return len({one.code for one in envoi.read_upload(file, path.name, lieux).chiffres})


@contextmanager
def text_of(path: Path) -> Iterator[io.TextIOBase]:
    with zipfile.ZipFile(path) as archive, archive.open("dossier_complet.csv") as member:
        yield io.TextIOWrapper(member, "utf-8-sig", newline="")


def row_by_row(path: Path) -> int:
    """``csv.DictReader``, as one writes it first."""
    mine = set(places())
    with text_of(path) as file:
        rows = [row for row in csv.DictReader(file, delimiter=";") if row["CODGEO"] in mine]
    return len(rows)


def whole(path: Path) -> int:
    """The whole file in memory, then cut."""
    mine = set(places())
    with text_of(path) as file:
        lines = file.read().split("\n")
    titles = lines[0].split(";")
    rows = [
        dict(zip(titles, cells, strict=False)) for line in lines[1:] if (cells := line.split(";"))[0] in mine
    ]
    return len(rows)


WAYS: dict[str, Callable[[Path], int]] = {
    "portail": as_the_portal,
    "csv.DictReader": row_by_row,
    "fichier entier": whole,
}


def run(way: str, path: Path) -> None:
    """In a process of its own: seconds of the reading alone, peak memory of the process."""
    start = time.perf_counter()
    found = WAYS[way](path)
    spent = time.perf_counter() - start
    assert found == MINE, f"{way}: {found} communes read, {MINE} expected"
    print(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(way: str, path: Path) -> tuple[float, float]:
    command = [sys.executable, __file__, "--way", way, "--file", str(path)]
    spent, memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(spent), float(memory)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--file", type=Path)
    asked = parser.parse_args()
    if asked.way:
        run(asked.way, asked.file)
        return
    with tempfile.TemporaryDirectory() as name:
        path = make_file(Path(name))
        sizes = f"{path.stat().st_size / 1_048_576:.0f} MB, {opened(path) / 1_048_576:.0f} MB once open"
        print(f"{path.name}: {sizes}, {COMMUNES} rows, {COLUMNS} columns\n")
        turns = [{way: measure(way, path) for way in WAYS} for _ in range(asked.runs)]
    print("| reading | seconds | memory (MB) |\n|---|---|---|")
    medians = {way: [statistics.median(turn[way][rank] for turn in turns) for rank in (0, 1)] for way in WAYS}
    seconds, memory = medians["portail"]
    for way, (spent, peak) in medians.items():
        print(f"| {way} | {spent:.1f} ({spent / seconds:.1f}) | {peak:.0f} ({peak / memory:.1f}) |")


if __name__ == "__main__":
    main()
