"""Runs the cells of a notebook that nobody trusts: a stock ipykernel inside `walls`, driven by nbclient from outside.

Nothing that comes out is believed: the key of the connection can be read inside, so every message may be forged.
Outputs are data, from which `autograder` keeps what is harmless and judges the evidence again.

A limit raises inside the cell that meets it wherever it can (`inside`), and the cells after it go on. A cell that does
not let itself be stopped has its kernel ended, and the notebook runs again without that cell, so that the others still
count. So does a cell that breaks the program which drives its kernel: each kernel has a `driver` of its own. What a
cell computes is the same on a busy machine and on an idle one. The clock on the wall and the memory of all processes
together are not: a notebook that meets one of those next to others raises `CrowdedError` and is to be run again alone.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from ..checking import SETTINGS
from .driver import AT, JOB, LOOK, RESULT, CrowdedError, Job, Run, SandboxError, end
from .walls import PACKAGE, Limits

PATIENCE = 5  # times the seconds of a cell that it may last by the clock on the wall
GRACE = 20  # seconds that an interrupted cell has to end
LAST = 30  # seconds for the last output of a cell that has ended: without it, none is known to be whole
SILENCE = 300  # seconds without a word from a driver, which leaves one five times a second
FULL = 96  # per cent of the machine's memory
DRIVE = """
import asyncio, sys
sys.modules["rfc3987_syntax"] = None  # a grammar of web addresses, which jsonschema would compile for most of a second
from inception_edu.classroom.grading.driver import drive
asyncio.run(drive(sys.argv[1]))
"""


@dataclass
class Executed:
    """What the cells output and what went wrong, by their numbers; seconds on the clock, and megabytes."""

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0
    memory: float = 0


def execute(
    cells: Sequence[str],
    limits: Limits | None = None,
    settings: Path | None = None,
    *,
    protected: bool = True,
    alone: bool = True,
    stop: threading.Event | None = None,
) -> Executed:
    """Runs the sources in order, as the code cells of one notebook.

    `settings` is the file that `INCEPTION_EDU_SETTINGS` will name; a student's code can read it. A cell that was
    stopped outputs an error that says why. Raises CrowdedError unless `alone`, as above; SandboxError where the sandbox
    does not start or its limits leave no room for Python, when the machine runs out of memory, and when another thread
    sets `stop`.
    """
    limits, stop = limits or Limits(), stop or threading.Event()
    began, computed, memory = time.monotonic(), 0.0, 0.0
    run, ended = Run(), dict[int, str]()
    while computed < limits.notebook_seconds:
        left, file = limits.notebook_seconds - computed, str(settings or "")
        waits = PATIENCE, GRACE, LAST
        run = _one(Job(cells, list(ended), left, limits, file, SETTINGS, protected, alone, *waits), stop)
        computed, memory = computed + run.seconds, max(memory, run.memory)
        if run.ended is None:
            break
        ended[run.ended[0]] = run.ended[1]
    outputs = run.outputs | {number: stopped(f"this cell {why}") for number, why in ended.items()}
    problems = [(number, why) for number, why in [*run.problems, *ended.items()]]
    if missing := [number for number in range(len(cells)) if number not in outputs]:
        seconds = f"{limits.notebook_seconds:g} s"
        outputs |= {number: stopped(f"the notebook had used its {seconds}") for number in missing}
        problems.append((missing[0], f"was not run, one of {len(missing)}: {seconds} were used up"))
    return Executed(outputs, sorted(problems), time.monotonic() - began, memory)


def stopped(why: str) -> list[dict[str, Any]]:
    """What a cell outputs that was stopped, or never run."""
    return [{"output_type": "error", "ename": "Stopped", "evalue": why, "traceback": [f"Stopped: {why}"]}]


def _one(job: Job, stop: threading.Event) -> Run:
    """Has a driver do the job. Raises what `execute` does."""
    with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
        word, result, said = Path(folder, AT), Path(folder, RESULT), Path(folder, "driver")
        Path(folder, JOB).write_text(json.dumps(asdict(job)))
        command = [sys.executable, "-P", "-c", DRIVE, folder]
        environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
        with said.open("wb") as out:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            _wait(process, word, result, stop)
        finally:
            end(process)
        if result.exists():
            run = Run(**json.loads(result.read_text()))
            if run.failed is not None:
                kind, message = run.failed
                raise (CrowdedError if kind == CrowdedError.__name__ else SandboxError)(message)
            run.outputs = {int(number): outputs for number, outputs in run.outputs.items()}
            return run
        at = json.loads(word.read_text()) if word.exists() else {"cell": -1}
        if at["cell"] < 0:
            why = said.read_text(errors="replace")[-2000:].strip() or f"without a word, with code {process.returncode}"
            raise SandboxError(f"the sandbox ended before the first cell: {why}")
        if not job.alone:
            raise CrowdedError("a cell broke the grader's own channel while other notebooks were running")
        return Run(seconds=at["seconds"], ended=(at["cell"], "broke the grader's own channel"))


def _wait(process: "subprocess.Popen[bytes]", word: Path, result: Path, stop: threading.Event) -> None:
    """Waits for a driver's result, its end or its silence."""
    last, heard = "", time.monotonic()
    while process.poll() is None and not result.exists() and time.monotonic() < heard + SILENCE:
        if stop.wait(LOOK):
            raise SandboxError("stopped")
        if psutil.virtual_memory().percent > FULL:  # some memory belongs to no process
            raise SandboxError("the machine ran out of memory; try again with --jobs 1")
        if word.exists() and (said := word.read_text()) != last:
            last, heard = said, time.monotonic()
