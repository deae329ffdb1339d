"""The plan of 30 fiches and one of 200, printed by the portal and by headless Chromium, side by side in one run.

What comes out is times, memory and ratios; never a pass or a fail. See ``benchmarks/README.md``.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FICHES = 30
GROWN = 200
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)
NO_PLAN = (
    f"No plan of {FICHES} fiches in the database: run « python3 benchmarks/plan_pdf.py --load », or « bin/manage migrate » "
    "and « bin/manage load_demo »."
)


class Memory(threading.Thread):
    """Peak memory of a process and its descendants, in MB, while it runs; what two processes share counts once (PSS).

    ``ticks``: what each was last seen to have taken of the processor.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.done = threading.Event()
        self.pss = 0.0
        self.ticks: dict[int, int] = {}

    def run(self) -> None:
        while not self.done.wait(0.3):
            pss = 0
            for pid in self.family():
                try:
                    self.ticks[pid] = ticks_of(pid)
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                except OSError:  # it ended meanwhile
                    continue
                pss += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
            self.pss = max(self.pss, pss / 1024)

    def family(self) -> Iterator[int]:
        """The process, its children, and theirs."""
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            try:
                for task in Path(f"/proc/{pid}/task").glob("*/children"):
                    waiting += map(int, task.read_text().split())
            except OSError:  # it ended meanwhile
                continue


def ticks_of(pid: int) -> int:
    """What a process has taken of the processor, in ticks of the clock."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def computed(pids: Iterable[int]) -> float:
    """Seconds of processor that these processes have taken."""
    return sum(map(ticks_of, pids)) / os.sysconf("SC_CLK_TCK")


def measured(pid: int, work: Callable[[], object]) -> tuple[float, float, float]:
    """Seconds that ``work`` took, of clock and of processor, and the peak memory meanwhile of the family of ``pid``."""
    memory = Memory(pid)
    family = list(memory.family())
    memory.start()
    start, before = time.perf_counter(), computed(family)
    work()
    seconds, after = time.perf_counter() - start, computed(family)
    memory.done.set()
    memory.join()
    return seconds, after - before, memory.pss


def largest_plan():
    """The plan this is about; a sentence and the end when it is not in the database."""
    from django.db import Error

    from actions.documents import printable_fiches
    from actions.models import PlanActions

    try:
        plans = list(PlanActions.objects.select_related("convention__territoire__departement"))
    except Error:  # the tables are not there
        sys.exit(NO_PLAN)
    for plan in plans:
        if printable_fiches(plan.convention).count() == FICHES:
            return plan
    sys.exit(NO_PLAN)


def grow(plan, number: int) -> None:
    """Copies of its fiches, each with all its rows, until the plan has ``number``: the same at each run."""
    from actions.documents import printable_fiches
    from actions.models import FicheAction

    originals = list(printable_fiches(plan.convention).in_plan_order())
    ties = [field.name for field in FicheAction._meta.many_to_many]
    for rank in range(number - len(originals)):
        source = originals[rank % len(originals)]
        copy = FicheAction.objects.get(pk=source.pk)
        copy.pk = None
        copy.code = f"{source.code}.{rank // len(originals) + 2}"
        copy.save(force_insert=True)
        for name in ties:
            getattr(copy, name).set(getattr(source, name).all())
        for name in (
            "etapes",
            "lignes_budget",
            "lignes_financement",
            "indicateurs",
            "bilans",
            "partenaires",
            "pilotes",
        ):
            for row in getattr(source, name).all():
                below = list(row.mesures.all()) if name == "indicateurs" else []
                row.pk, row.fiche = None, copy
                row.save(force_insert=True)
                for mesure in below:
                    mesure.pk, mesure.indicateur = None, row
                    mesure.save(force_insert=True)


def with_styles(html: str) -> str:
    """The page with the style sheet and the fonts that the portal adds, for a browser to read."""
    styles = (ROOT / "static" / "pdf" / "document.css").read_text()
    styles = styles.replace("static:", f"{(ROOT / 'static').as_uri()}/")
    return html.replace("</head>", f"<style>{styles}</style></head>", 1)


class Chromium:
    """Prints a page in a new process each time: all the time of it counts, as the portal would have to start it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        self.command = found or sys.exit("Chromium is missing.")

    def print(self, html: str) -> tuple[float, float, float]:
        (self.folder / "page.html").write_text(with_styles(html))
        target = self.folder / "chromium.pdf"
        target.unlink(missing_ok=True)
        arguments = [
            self.command,
            *CHROMIUM_FLAGS,
            f"--user-data-dir={self.folder / 'profile'}",
            f"--print-to-pdf={target}",
            (self.folder / "page.html").as_uri(),
        ]
        start = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        memory = Memory(process.pid)
        memory.start()
        process.wait(timeout=600)
        seconds = time.perf_counter() - start
        memory.done.set()
        memory.join()
        if process.returncode or not target.exists():
            sys.exit("Chromium wrote no file.")
        # Its own children are not all waited for: what was seen of each, a third of a second before its end at most.
        processor = sum(memory.ticks.values()) / os.sysconf("SC_CLK_TCK")
        return seconds, processor, memory.pss


class Portal:
    """What a person waits for: the page written from the database, then the file. Nothing stays in the database."""

    def __init__(self, plan) -> None:
        self.plan = plan

    def html(self) -> str:
        from actions.documents import plan_html

        return plan_html(self.plan)

    def forget(self) -> None:
        from ctg_portal.models import Fragment, PartieEcrite

        Fragment.objects.all().delete()
        PartieEcrite.objects.all().delete()

    def edit(self, words: str) -> None:
        from actions.models import FicheAction

        fiche = self.plan.fiches.order_by("pk").first()
        FicheAction.objects.filter(pk=fiche.pk).update(modalites=f"{fiche.modalites} {words}")

    def cold(self) -> bytes:
        from ctg_portal.documents import render_pdf

        self.content = render_pdf(self.html())
        return self.content

    def unchanged(self) -> str:
        from ctg_portal.documents import content_key

        return content_key(self.html())


def compare(runs: int) -> None:
    """Print the tables. Called in ``manage.py shell``: the environment of the portal is there."""
    from django.conf import settings
    from django.db import connections, transaction

    from ctg_portal.pdf import ateliers, dessin

    settings.DEBUG = False  # else each query, with its bytes, is kept
    plan = largest_plan()
    connections.close_all()
    ateliers.start()
    dessin.livre()
    try:
        for number in (FICHES, GROWN):
            with tempfile.TemporaryDirectory() as name, transaction.atomic():
                if number > FICHES:
                    grow(plan, number)
                compare_plan(plan, number, Chromium(Path(name)), runs)
                transaction.set_rollback(True)
    finally:
        ateliers.stop()


def compare_plan(plan, number: int, chromium: Chromium, runs: int) -> None:
    import page

    portal, me = Portal(plan), os.getpid()
    rows: dict[str, list[tuple[float, float, float]]] = {}
    for run in range(runs):
        html: list[str] = []
        portal.forget()
        written = measured(me, lambda html=html: html.append(portal.html()))
        base = chromium.print(html[0])
        both = (base[0] + written[0], base[1] + written[1], base[2])
        rows.setdefault("Chromium, the page and the file", []).append(both)
        rows.setdefault("of which the page", []).append((*written[:2], 0))
        portal.forget()
        rows.setdefault("portal, cold", []).append(measured(me, portal.cold))
        rows.setdefault("portal, unchanged", []).append(measured(me, portal.unchanged))
        portal.edit(f"Tour {run}.")
        rows.setdefault("portal, after one edit", []).append(measured(me, portal.cold))
    failures = page.validate_pdf_bytes(portal.content, profile=page.ValidationProfile.PDF_UA_1).failures
    medians = {
        name: [statistics.median(values) for values in zip(*found, strict=True)]
        for name, found in rows.items()
    }
    base, of = medians["Chromium, the page and the file"][:2]
    print(
        f"\n{plan.convention}, {number} fiches: {len(portal.content) / 1e6:.2f} MB, "
        f"{f'{len(failures)} failures' if failures else 'no failure'} of PDF/UA-1. "
        f"Medians of {runs} runs, load {os.getloadavg()[0]:.1f}.\n"
    )
    print("| | seconds | ratio | of processor | ratio | memory (PSS) |\n|---|---|---|---|---|---|")
    for name, (spent, processor, pss) in medians.items():
        print(
            f"| {name} | {spent:.2f} | {spent / base:.2f} | {processor:.2f} | {processor / of:.2f} "
            f"| {f'{pss:.0f} MB' if pss else '–'} |"
        )


def check(folder: Path) -> None:
    """Every plan of the database in both editions, written in ``folder`` and checked: PDF/UA-1 and our own eyes."""
    import page

    from actions.documents import plan_html
    from actions.elus import elus_html
    from actions.models import PlanActions
    from ctg_portal.documents import render_pdf
    from tests.pdf.controle import faults

    folder.mkdir(parents=True, exist_ok=True)
    for plan in PlanActions.objects.select_related("convention__territoire__departement").order_by("pk"):
        for nom, write in (("plan", plan_html), ("elus", elus_html)):
            content = render_pdf(write(plan))
            (folder / f"{plan.convention.code}-{nom}.pdf").write_bytes(content)
            failures = page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures
            print(
                f"{plan.convention}, {nom}: {len(content) / 1e6:.2f} MB, PDF/UA-1 {len(failures)} failures, "
                f"tags {sorted(faults(content)) or 'sound'}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3, help="turns of each plan (3)")
    parser.add_argument(
        "--load", action="store_true", help="make the tables and load the demonstration first"
    )
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FOLDER",
        help="measure nothing: write and check every plan of the database",
    )
    options = parser.parse_args()
    folder = options.check and str(options.check.resolve())
    os.chdir(ROOT)
    subprocess.run(["bin/setup", "--tests"], check=True)
    if options.load:
        subprocess.run(["bin/manage", "migrate", "--verbosity", "0"], check=True)
        subprocess.run(["bin/manage", "load_demo"], check=True)
    call = f"check(Path({folder!r}))" if folder else f"compare({max(options.runs, 1)})"
    code = f"from pathlib import Path; from benchmarks.plan_pdf import check, compare; {call}"
    os.execv("bin/manage", ["bin/manage", "shell", "--verbosity", "0", "--command", code])


if __name__ == "__main__":
    main()
