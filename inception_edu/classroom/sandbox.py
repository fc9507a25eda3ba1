"""Runs the cells of a notebook that nobody trusts, and brings back what they put out.

Each notebook gets a process tree of its own in bubblewrap, Debian's and Flatpak's sandbox: no network, no other
processes, a read-only system, a /tmp of its own in memory, and of all files only Python, this package and its assets.
Limits of the operating system hold for each process, and a watch over the whole tree. When a cell breaks one, or ends
the program, the tree is killed and the notebook starts again without that cell, so the others still count.

Where there is no bubblewrap, `why_unprotected` says so, and only the limits and the watch are left.
"""

import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from queue import Empty, Queue
from typing import IO, Any

import psutil

from ..data.files import asset
from .checks import SETTINGS

PACKAGE = Path(__file__).resolve().parents[1]
MB = 2**20
BOOT = 120  # seconds that the sandbox may take until the first cell starts
INSIDE = "/settings.json"
PATIENCE = 5
FULL = 96  # per cent of the machine's memory
LOOK = 0.2  # seconds between two looks at the memory of a process tree


class SandboxError(RuntimeError):
    """The sandbox itself did not work; no fault of the notebook."""


@dataclass(frozen=True)
class Limits:
    """What one notebook may use. Sizes are megabytes (2**20 bytes).

    A cell has `cell_seconds` of computing, so that a busy machine grades like an idle one, and on the clock `PATIENCE`
    times as many; the notebook has `notebook_seconds` on the clock.
    """

    cell_seconds: float = 60
    notebook_seconds: float = 600
    memory: int = 3072  # resident, of all processes together; and data of each
    processes: int = 64  # threads count
    file_size: int = 64
    scratch: int = 256  # /tmp and /dev/shm, each
    characters: int = 500_000  # a cell may put out; the whole notebook 20 times that

    def resources(self) -> dict[str, int]:
        """The limits of one process, by the names of Python's `resource`."""
        resources = {
            "RLIMIT_CPU": int(self.notebook_seconds) + BOOT,
            "RLIMIT_DATA": self.memory * MB,
            "RLIMIT_FSIZE": self.file_size * MB,
            "RLIMIT_NOFILE": 256,
            "RLIMIT_CORE": 0,
        }
        # Older kernels count the processes of a user outside the sandbox as well.
        if tuple(map(int, platform.release().split(".")[:2])) >= (5, 14):
            resources["RLIMIT_NPROC"] = self.processes
        return resources


@dataclass
class Executed:
    """What the cells put out and what went wrong, by their numbers; seconds on the clock, and megabytes."""

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0
    memory: float = 0


@cache
def why_unprotected() -> str | None:
    """Why notebooks cannot be shut in here, in a sentence, or None where they can."""
    if sys.platform != "linux":
        return f"bubblewrap runs on Linux only, and this is {platform.system()}"
    if not shutil.which("bwrap"):
        return "bubblewrap is not installed (on Debian and Ubuntu: sudo apt install bubblewrap)"
    tried = subprocess.run([*_walls(Limits(), None), "/usr/bin/true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"bubblewrap is not permitted here ({tried.stderr.strip()[-300:]})"


def execute(
    cells: Sequence[str],
    limits: Limits | None = None,
    settings: Path | None = None,
    *,
    protected: bool = True,
    stop: threading.Event | None = None,
) -> Executed:
    """Runs the sources in order, as the code cells of one notebook.

    `settings` is the file that `INCEPTION_EDU_SETTINGS` will name; a student's code can read it. A cell that was
    stopped puts out an error that says why. Raises SandboxError where the sandbox does not start, when the
    machine runs out of memory, and when another thread sets `stop`.
    """
    limits = limits or Limits()
    done, began = Executed(), time.monotonic()
    skip: list[int] = []
    while (left := limits.notebook_seconds - (time.monotonic() - began)) > 0:
        with _Attempt(cells, skip, limits, settings, protected) as attempt:
            why = attempt.watch(done, left, stop or threading.Event())
        if why is None:
            break
        if attempt.at < 0:
            raise SandboxError(f"the sandbox {why} before the first cell")
        done.outputs[attempt.at] = stopped(f"this cell {why}")
        done.problems.append((attempt.at, why))
        skip.append(attempt.at)
    missing = [number for number in range(len(cells)) if number not in done.outputs]
    for number in missing:
        done.outputs[number] = stopped(f"the notebook had used its {limits.notebook_seconds:g} s before this cell")
    if missing:
        done.problems.append(
            (missing[0], f"was not run, one of {len(missing)}: {limits.notebook_seconds:g} s were used up")
        )
    done.seconds = time.monotonic() - began
    return done


def stopped(why: str) -> list[dict[str, Any]]:
    """What a cell puts out that was stopped, or never run."""
    return [{"output_type": "error", "ename": "Stopped", "evalue": why, "traceback": [f"Stopped: {why}"]}]


# ---- the walls ---------------------------------------------------------------------------------


def _walls(limits: Limits, settings: Path | None) -> list[str]:
    """The bwrap command up to the program that it runs."""
    wall = ["bwrap", "--die-with-parent", "--new-session", "--unshare-ipc", "--unshare-pid", "--unshare-net"]
    wall += ["--unshare-uts", "--hostname", "sandbox", "--proc", "/proc", "--dev", "/dev"]
    if os.getuid() == 0:  # root until `runner.limit`, because the count of processes does not hold for root
        wall += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        wall += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    for scratch in ("/dev/shm", "/tmp"):
        wall += ["--size", str(limits.scratch * MB), "--perms", "1777", "--tmpfs", scratch]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        link = Path("/", name)
        if link.is_symlink():
            wall += ["--symlink", os.readlink(link), str(link)]
    for place in _readable():
        for parent in reversed(place.parents[:-1]):
            wall += ["--dir", str(parent)]  # bubblewrap would make them readable for root alone
        wall += ["--ro-bind", str(place), str(place)]
    if settings:
        wall += ["--ro-bind", str(settings), INSIDE]
    return [*wall, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--clearenv"]


def _readable() -> list[Path]:
    """What the sandbox can read: the system's programs, Python, this package and its assets."""
    python = [Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve()]
    course = [PACKAGE, asset("photos").parent]
    system = [Path("/", name) for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")]
    system += [Path("/etc", name) for name in ("alternatives", "fonts", "ld.so.cache", "localtime")]
    places = {place for place in (*python, *course, *system) if place.exists()}
    places -= {place for place in system if place.is_symlink()}
    return sorted(place for place in places if not any(other in place.parents for other in places))


def _environment(home: str, settings: str | None) -> dict[str, str]:
    """The whole environment of the runner: what makes two runs equal, and nothing of the teacher's."""
    environment = {
        "HOME": home,
        "TMPDIR": home,
        "USER": "student",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(PACKAGE.parent),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONNOUSERSITE": "1",
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "NBGRADER_EXECUTION": "autograde",
    }
    if sys.platform == "win32":
        environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    return {**environment, SETTINGS: settings} if settings else environment


# ---- one run, and the watch over it ------------------------------------------------------------


class _Attempt:
    """One process tree that runs a notebook from the top; leaving the context leaves nothing of it behind."""

    at = -1  # the cell that started last, or is about to
    memory = 0.0  # megabytes, at the most

    def __init__(
        self, cells: Sequence[str], skip: list[int], limits: Limits, settings: Path | None, protected: bool
    ) -> None:
        self.limits = limits
        self.due = [number for number in range(len(cells)) if number not in skip]
        self.folder = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the context)
        resources = limits.resources()
        command = [sys.executable, "-m", "inception_edu.classroom.runner"]
        if protected:
            inside = _environment("/tmp", INSIDE if settings else None)
            wall = _walls(limits, settings) + [word for pair in inside.items() for word in ("--setenv", *pair)]
            command, environment = wall + command, None
        else:
            environment = _environment(self.folder.name, str(settings) if settings else None)
            resources.pop("RLIMIT_NPROC", None)  # would count everything that the teacher runs
        user = random.SystemRandom().randrange(20_000, 60_000) if protected else None
        self.job = {"cells": list(cells), "skip": skip, "characters": limits.characters}
        self.job["limits"] = {"resources": resources, "user": user}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            env=environment,
            cwd=self.folder.name,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.lines = Queue[bytes](maxsize=4)
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self.reader.start()
        threading.Thread(target=self._send, args=(self.process.stdin,), daemon=True).start()

    def __enter__(self) -> "_Attempt":
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._tree()):  # with bubblewrap, its first process takes all the others along
            with suppress(psutil.Error):
                process.kill()
        self.process.wait()
        until = time.monotonic() + 5
        while self.reader.is_alive() and time.monotonic() < until:  # it may wait for room in the queue
            self._next(0.05)
        self.complaints.close()
        self.folder.cleanup()

    def watch(self, done: Executed, seconds: float, stop: threading.Event) -> str | None:
        """Puts what cells put out into `done`, until all have run, or one breaks a limit: then says what it did."""
        end, cell_end, look = time.monotonic() + BOOT, float("inf"), 0.0
        received, seconds_used, seconds_before = 0, 0.0, 0.0
        while True:
            line = self._next(LOOK)
            now = time.monotonic()
            if stop.is_set():
                raise SandboxError("stopped")
            if now > look or line:
                look = now + LOOK
                memory, seconds_used = self._used()
                done.memory = max(done.memory, memory)
                if psutil.virtual_memory().percent > FULL:  # some memory belongs to no process
                    raise SandboxError("the machine ran out of memory meanwhile; try again with --jobs 1")
                if memory > self.limits.memory:
                    return f"used more than {self.limits.memory:,} MB of memory"
            if now > cell_end or (self.at >= 0 and seconds_used - seconds_before > self.limits.cell_seconds):
                return f"ran for more than {self.limits.cell_seconds:g} s"
            if now > end:
                if self.at < 0:
                    raise SandboxError(f"no notebook started within {BOOT} s")
                return f"ran when the notebook had used its {self.limits.notebook_seconds:g} s"
            if line is None:
                continue
            received, seconds_before = received + len(line), seconds_used
            if received > 20 * self.limits.characters:
                return f"put out more than there is room for, {20 * self.limits.characters:,} characters a notebook"
            match _message(line):
                case "ready", _ if self.due:
                    self.at, end = self.due[0], now + seconds
                case "start", int(number) if self.due and number == self.due[0]:
                    self.at, cell_end = number, now + PATIENCE * self.limits.cell_seconds
                case "cell", [int(number), list(outputs)] if self.due and number == self.due[0] == self.at:
                    done.outputs[self.due.pop(0)] = outputs
                    cell_end = float("inf")
                case _ if not self.due:
                    return None
                case "ended", _ if self.at < 0:
                    self.complaints.seek(0)
                    raise SandboxError(self.complaints.read(2000).decode(errors="replace").strip() or "no word of why")
                case "ended", _:
                    return "ended the program"
                case _:
                    return "wrote into the grader's own channel"

    def _next(self, seconds: float) -> bytes | None:
        try:
            return self.lines.get(timeout=seconds)
        except Empty:
            return None

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            while line := pipe.readline(8 * self.limits.characters):
                self.lines.put(line)
            self.lines.put(b"")

    def _send(self, pipe: IO[bytes]) -> None:
        with suppress(OSError), pipe:  # it ended before it read: `watch` says so
            pipe.write(json.dumps(self.job).encode() + b"\n")

    def _tree(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _used(self) -> tuple[float, float]:
        """Megabytes that the tree holds, shared pages counted for each process, and seconds that it has computed."""
        memory = seconds = 0.0
        for process in self._tree():
            with suppress(psutil.Error):
                memory += process.memory_info().rss / MB
                seconds += sum(process.cpu_times()[:2])
        return memory, seconds


def _message(line: bytes) -> tuple[str, Any]:
    """One line of `runner` as its kind and what it holds; anything else than such a line is "unreadable"."""
    if not line:
        return "ended", None
    try:
        match json.loads(line):
            case {"ready": True}:
                return "ready", None
            case {"start": number}:
                return "start", number
            case {"cell": number, "outputs": outputs}:
                return "cell", [number, outputs]
            case {"end": True}:
                return "end", None
    except (ValueError, RecursionError):
        pass
    return "unreadable", None
