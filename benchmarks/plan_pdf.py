"""The 30-fiche plan through WeasyPrint, as the portal prints it, and the same page through headless Chromium.

Both are drawn in turn, each time in a new process. What comes out is times, memory and ratios; never a pass or a fail.
See ``benchmarks/README.md``.
"""

import argparse
import io
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FICHES = 30
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
    """Peak memory of a process and its descendants, in MB, while it runs.

    ``rss`` counts a page that two processes share twice, ``pss`` once.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.done = threading.Event()
        self.rss = self.pss = 0.0

    def run(self) -> None:
        while not self.done.wait(0.1):
            rss = pss = 0
            for pid in self.family():
                try:
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
                except OSError:  # it ended meanwhile
                    continue
                values = {name: int(value.split()[0]) for name, value in (line.split(":") for line in lines)}
                rss += values["Rss"]
                pss += values["Pss"]
            self.rss, self.pss = max(self.rss, rss / 1024), max(self.pss, pss / 1024)

    def family(self) -> Iterator[int]:
        """The process, its children, and theirs."""
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            yield pid
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    waiting += map(int, task.read_text().split())
                except OSError:
                    continue


def measure(command: list[str], target: Path) -> dict[str, float]:
    """Seconds and peak memory of one process that writes ``target``; ``drawing``, the seconds it says it drew for."""
    target.unlink(missing_ok=True)
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    memory = Memory(process.pid)
    memory.start()
    said, complaints = process.communicate(timeout=300)
    seconds = time.perf_counter() - start
    memory.done.set()
    memory.join()
    if process.returncode or not target.exists():
        sys.exit(f"{command[0]} wrote no file:\n{complaints}")
    row = {"process": seconds, "rss": memory.rss, "pss": memory.pss}
    return row | ({"drawing": float(said)} if said.strip() else {})


def largest_plan():
    """The plan this is about; a sentence and the end when it is not in the database."""
    from django.db import Error  # noqa: PLC0415 - this file also starts without Django

    from actions.documents import printable_fiches  # noqa: PLC0415
    from actions.models import PlanActions  # noqa: PLC0415

    try:
        plans = list(PlanActions.objects.select_related("convention__territoire"))
    except Error:  # the tables are not there
        sys.exit(NO_PLAN)
    for plan in plans:
        if printable_fiches(plan.convention).count() == FICHES:
            return plan
    sys.exit(NO_PLAN)


def with_styles(html: str) -> str:
    """The page with the style sheet and the fonts that ``render_pdf`` adds, for a browser to read."""
    styles = (ROOT / "static" / "pdf" / "document.css").read_text()
    styles = styles.replace("static:", f"{(ROOT / 'static').as_uri()}/")
    return html.replace("</head>", f"<style>{styles}</style></head>", 1)


def draw(source: str, target: str) -> None:
    """What the worker of the portal does, in a new process; says the seconds of the drawing alone."""
    import django  # noqa: PLC0415

    django.setup()
    from ctg_portal.documents import render_pdf  # noqa: PLC0415

    html = Path(source).read_text()
    start = time.perf_counter()
    content = render_pdf(html)
    print(time.perf_counter() - start)
    Path(target).write_bytes(content)


def compare(runs: int) -> None:
    """Draw in turn and print the table. Called in ``manage.py shell``: the environment of the portal is there."""
    import page  # noqa: PLC0415 - a package of the tests
    import pikepdf  # noqa: PLC0415

    from actions.documents import plan_html  # noqa: PLC0415

    chromium = (
        shutil.which("chromium") or shutil.which("chromium-browser") or sys.exit("Chromium is missing.")
    )
    plan = largest_plan()
    start = time.perf_counter()
    html = plan_html(plan)
    context = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plan.html").write_text(html)
        (folder / "styled.html").write_text(with_styles(html))
        targets = {"WeasyPrint": folder / "weasyprint.pdf", "Chromium": folder / "chromium.pdf"}
        commands = {
            "WeasyPrint": [
                sys.executable,
                __file__,
                "--draw",
                str(folder / "plan.html"),
                str(targets["WeasyPrint"]),
            ],
            "Chromium": [
                chromium,
                *CHROMIUM_FLAGS,
                f"--user-data-dir={folder / 'profile'}",
                f"--print-to-pdf={targets['Chromium']}",
                (folder / "styled.html").as_uri(),
            ],
        }
        rows: dict[str, list[dict[str, float]]] = {engine: [] for engine in commands}
        for _ in range(runs):
            for engine, command in commands.items():
                rows[engine].append(measure(command, targets[engine]))

        print(
            f"{plan.convention}: {FICHES} fiches, {len(html) // 1024} kB of HTML written in {context:.2f} s."
        )
        print(f"Medians of {runs} runs in turn; ratio to Chromium in brackets.\n")
        print(
            "| engine | process | drawing alone | memory, shared once (PSS) | memory, RSS | pages | size | PDF/UA-1 |"
        )
        print("|---|---|---|---|---|---|---|---|")
        medians = {
            engine: {key: statistics.median(row[key] for row in found) for key in found[0]}
            for engine, found in rows.items()
        }
        base = medians["Chromium"]
        for engine, row in medians.items():
            content = targets[engine].read_bytes()
            failures = page.validate_pdf_bytes(content, profile=page.ValidationProfile.PDF_UA_1).failures
            with pikepdf.open(io.BytesIO(content)) as pdf:
                pages = len(pdf.pages)
            cells = [
                engine,
                f"{row['process']:.1f} s ({row['process'] / base['process']:.2f})",
                f"{row['drawing']:.1f} s ({row['drawing'] / base['process']:.2f})"
                if "drawing" in row
                else "–",
                f"{row['pss']:.0f} MB ({row['pss'] / base['pss']:.2f})",
                f"{row['rss']:.0f} MB ({row['rss'] / base['rss']:.2f})",
                str(pages),
                f"{len(content) / 1e6:.2f} MB",
                f"{len(failures)} failures" if failures else "passes",
            ]
            print(f"| {' | '.join(cells)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="drawings by each engine (5)")
    parser.add_argument(
        "--load", action="store_true", help="make the tables and load the demonstration first"
    )
    parser.add_argument("--draw", nargs=2, metavar=("HTML", "PDF"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw:
        sys.path.insert(0, str(ROOT))
        draw(*options.draw)
        return
    os.chdir(ROOT)
    subprocess.run(["bin/setup", "--tests"], check=True)
    if options.load:
        subprocess.run(["bin/manage", "migrate", "--verbosity", "0"], check=True)
        subprocess.run(["bin/manage", "load_demo"], check=True)
    code = f"from benchmarks.plan_pdf import compare; compare({max(options.runs, 1)})"
    os.execv("bin/manage", ["bin/manage", "shell", "--verbosity", "0", "--command", code])


if __name__ == "__main__":
    main()
