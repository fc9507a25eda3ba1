"""How long a reader of the course has to wait: `python benchmarks/course_speed.py`, about 15 minutes.

Seconds of every notebook of the course and of its slowest cell; how long `import inception_edu` takes and what it
imports; seconds from `make lab` to a page that can be read and to a kernel that answers, on a machine where everything
is installed; and how long the explorers take to answer a key. `--markdown` keeps them as two sections of
benchmarks/RESULTS.md; `--quick` skips the chapters.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from statistics import median

import explorer_latency
import nbformat
from nbclient import NotebookClient
from playwright.sync_api import sync_playwright
from tqdm import tqdm

from tools.jupyterlab import free_port, new_page, wait_for, wait_for_cells, wait_for_kernel
from tools.results import in_turns, publish, setting, table

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "matplotlib", "numpy", "ipywidgets", "anywidget")


def cell_seconds(chapter: Path) -> dict[str, float]:
    """Runs a chapter from the top; the seconds of each code cell by its id."""
    notebook = nbformat.read(chapter, as_version=4)
    place = {"metadata": {"path": str(chapter.parent)}}
    NotebookClient(notebook, timeout=600, record_timing=True, resources=place).execute()

    def moment(cell: nbformat.NotebookNode, event: str) -> float:
        return datetime.fromisoformat(cell.metadata.execution[event]).timestamp()

    return {
        cell.id: moment(cell, "shell.execute_reply") - moment(cell, "iopub.execute_input")
        for cell in notebook.cells
        if cell.cell_type == "code"
    }


def chapters() -> Iterator[tuple[str, str, str, str]]:
    """A row for each chapter and one for all: seconds, the slowest cell, its seconds."""
    total, slowest = 0.0, 0.0
    notebooks = [path for folder in ("chapters", "chapters/deeper") for path in sorted((ROOT / folder).glob("*.ipynb"))]
    for chapter in tqdm(notebooks, unit="chapter"):
        seconds = cell_seconds(chapter)
        name = max(seconds, key=lambda cell: seconds[cell])
        total, slowest = total + sum(seconds.values()), max(slowest, seconds[name])
        yield chapter.stem, f"{sum(seconds.values()):.0f}", f"`{name}`", f"{seconds[name]:.1f}"
    yield "all", f"{total:.0f}", "", f"{slowest:.1f}"


def importing() -> str:
    """One sentence on `import inception_edu`: median seconds beyond a bare Python, and its heavy packages."""

    def run(code: str) -> str:
        return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout

    times = in_turns({"with": lambda: run("import inception_edu"), "bare": lambda: run("pass")}, rounds=15)
    beyond = 1000 * (median(times["with"]) - median(times["bare"]))
    code = f"import sys, inception_edu; print(*[name for name in {HEAVY} if name in sys.modules])"
    brought = run(code).split()
    return (
        f"`import inception_edu` takes {beyond:.0f} ms (median of 15, beyond a bare Python) and brings in "
        f"{', '.join(brought) or 'none of ' + ', '.join(HEAVY)}."
    )


def opening() -> str:
    """One sentence on `make lab`: seconds to the first chapter on the screen, and to its kernel being ready."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        log = Path(home, "log")
        environment = os.environ | {f"JUPYTER_{what}_DIR": f"{home}/{what}" for what in ("CONFIG", "RUNTIME", "DATA")}
        command = ["make", "lab", f"LAB_ARGS=--no-browser --port={port} --IdentityProvider.token="]
        start = time.perf_counter()
        with log.open("w") as out:
            lab = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out, start_new_session=True)
        try:
            wait_for(f"http://127.0.0.1:{port}/api", lab, log)
            answered = time.perf_counter() - start
            page = new_page(playwright)
            page.goto(f"http://127.0.0.1:{port}/lab/tree/chapters/00_start_here.ipynb?reset")
            wait_for_cells(page)
            shown = time.perf_counter() - start
            wait_for_kernel(page)
            ready = time.perf_counter() - start
        finally:
            os.killpg(lab.pid, signal.SIGTERM)
            lab.wait(30)
    return (
        f"From `make lab` on an installed machine the server answers after {answered:.1f} s, the first chapter is on "
        f"the screen after {shown:.1f} s and its kernel is ready after {ready:.1f} s."
    )


def waiting() -> Iterator[str]:
    """Markdown: what a reader waits for before and between cells."""
    yield setting("python benchmarks/course_speed.py --quick --markdown", "jupyterlab", "ipykernel", "anywidget")
    yield importing()
    yield opening()
    yield explorer_latency.latencies()


def running() -> Iterator[str]:
    """Markdown: what a reader waits for while cells run."""
    yield setting("python benchmarks/course_speed.py --markdown", "nbclient", "ipykernel")
    yield table(("chapter", "seconds", "slowest cell", "its seconds"), chapters(), words=(0, 2))


def main() -> None:
    """Measures, and prints or keeps what it finds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="without running the chapters: about three minutes")
    parser.add_argument("--markdown", action="store_true", help="keep the result in benchmarks/RESULTS.md")
    options = parser.parse_args()
    for name, part in {"waiting": waiting, "chapters": running}.items():
        if name == "waiting" or not options.quick:
            publish(name, *part(), keep=options.markdown)


if __name__ == "__main__":
    main()
