"""Runs the cells of a notebook that nobody trusts, and brings back what they output.

Each notebook gets a process tree of its own in bubblewrap, Debian's and Flatpak's sandbox: no network, no other
processes, a read-only system, a /tmp of its own in memory, and of all files only Python, this package and its assets.
Limits of the operating system hold for each process, and a watch over the whole tree. When a cell breaks one, or ends
the program, the tree is killed and the notebook starts again without that cell, so the others still count.

What stops a cell, and what is said of it, is the same on a busy machine and on an idle one. The program waits after
each cell until the watch has looked at it, so that no cell answers for another. The clock counts the tree's own
seconds. Memory is refused by the operating system, at the same byte each time; the watch alone decides only about a
cell that started programs, and then has one sentence for whatever it saw first.

Where there is no bubblewrap, `why_unprotected` says so, and only the limits and the watch are left.
"""

import json
import os
import platform
import random
import secrets
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

from ...data.files import asset
from ..checking import SETTINGS

PACKAGE = Path(__file__).resolve().parents[2]
MB = 2**20
BOOT = 120  # seconds of its own that the sandbox may take until the first cell starts
ROOM = 64  # megabytes that have to be left for the first cell
INSIDE = "/settings.json"
PATIENCE = 5  # a second of waiting counts as this part of a second of computing
TOGETHER = 2  # times the memory of a process: what all of them may hold
FULL = 96  # per cent of the machine's memory
LOOK = 0.2  # seconds between two looks at the memory of a process tree


class SandboxError(RuntimeError):
    """The sandbox itself did not work; no fault of the notebook."""


@dataclass(frozen=True)
class Limits:
    """What one notebook may use. Sizes are megabytes (2**20 bytes).

    Seconds are the notebook's own: what all its processes compute, and a `PATIENCE`th of the time in which they all
    sleep; when they only wait for a busy machine, none pass.
    """

    cell_seconds: float = 60
    notebook_seconds: float = 600
    memory: int = 3072  # data of each process; resident, all together may hold `TOGETHER` times that
    processes: int = 64  # threads count
    file_size: int = 64
    scratch: int = 256  # /tmp and /dev/shm, each
    characters: int = 500_000  # a cell may output; the whole notebook 20 times that

    def resources(self) -> dict[str, int]:
        """The limits of one process but that of its memory, by the names of Python's `resource`."""
        resources = {
            "RLIMIT_CPU": int(self.notebook_seconds) + BOOT,
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
    """What the cells output and what went wrong, by their numbers; seconds on the clock, and megabytes."""

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
    stopped outputs an error that says why. Raises SandboxError where the sandbox does not start or its limits leave
    no room for Python, when the machine runs out of memory, and when another thread sets `stop`.
    """
    limits = limits or Limits()
    done, began, left = Executed(), time.monotonic(), limits.notebook_seconds
    skip: list[int] = []
    while left > 0:
        with _Attempt(cells, skip, limits, settings, protected) as attempt:
            why = attempt.watch(done, left, stop or threading.Event())
        if why is None:
            break
        left -= attempt.spent
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
    """What a cell outputs that was stopped, or never run."""
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
    """One process tree that runs a notebook from the top; leaving the context leaves nothing of it running."""

    at = -1  # the cell that runs
    word = ""  # what started it, and what it has to say when it ends: a line that was meant for another is none
    spent = 0.0  # seconds of its own, since the first cell started

    def __init__(
        self, cells: Sequence[str], skip: list[int], limits: Limits, settings: Path | None, protected: bool
    ) -> None:
        self.limits = limits
        self.due = [number for number in range(len(cells)) if number not in skip]
        self.folder = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the context)
        resources = limits.resources()
        command = [sys.executable, "-m", "inception_edu.classroom.grading.runner"]
        if protected:
            inside = _environment("/tmp", INSIDE if settings else None)
            wall = _walls(limits, settings) + [word for pair in inside.items() for word in ("--setenv", *pair)]
            command, environment = wall + command, None
        else:
            environment = _environment(self.folder.name, str(settings) if settings else None)
            resources.pop("RLIMIT_NPROC", None)  # would count everything that the teacher runs
        user = random.SystemRandom().randrange(20_000, 60_000) if protected else None
        self.job = {"cells": list(cells), "skip": skip, "characters": limits.characters, "walled": protected}
        self.job["limits"] = {"resources": resources, "user": user, "memory": limits.memory * MB, "room": ROOM * MB}
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
        self.answer = self.process.stdin
        threading.Thread(target=self._send, args=(json.dumps(self.job).encode(),), daemon=True).start()

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
        with suppress(OSError):
            self.answer.close()
        self.complaints.close()
        self.folder.cleanup()

    def watch(self, done: Executed, seconds: float, stop: threading.Event) -> str | None:
        """Puts what cells output into `done`, until all have run, or one breaks a limit: then says what it did."""
        limits, received = self.limits, 0
        before = last = self._look()  # when the cell started, and the look before this one
        used = 0.0  # seconds that the cell has used
        helped = False  # whether it started programs
        while True:
            line = self._next(LOOK)
            look = self._look()
            if stop.is_set():
                raise SandboxError("stopped")
            if psutil.virtual_memory().percent > FULL:  # some memory belongs to no process
                raise SandboxError("the machine ran out of memory meanwhile; try again with --jobs 1")
            look.computed = max(look.computed, last.computed)  # one may have been missed while its parent changed
            step = look.computed - last.computed
            if line is None and look.asleep and step < (look.at - last.at) / 10:
                step += (look.at - last.at) / PATIENCE
            done.memory, used, last = max(done.memory, look.memory), used + step, look
            if self.at < 0:
                if used > BOOT:
                    raise SandboxError(f"no notebook started within {BOOT} s of its own")
            else:
                self.spent += step
                helped = helped or look.processes > before.processes or look.by_children > before.by_children
                over = used > limits.cell_seconds
                if helped and (over or look.memory > TOGETHER * limits.memory):
                    return (
                        f"and the programs that it started used more than {limits.cell_seconds:g} s, "
                        f"or {TOGETHER * limits.memory:,} MB of memory"
                    )
                if look.memory > TOGETHER * limits.memory:
                    return OUT_OF_MEMORY.format(limits.memory)
                if over:
                    return f"ran for more than {limits.cell_seconds:g} s"
                if self.spent > seconds:
                    return f"ran when the notebook had used its {limits.notebook_seconds:g} s"
            if line is None:
                continue
            received += len(line)
            if received > 20 * limits.characters:
                return f"output more than there is room for, {20 * limits.characters:,} characters a notebook"
            match _message(line):
                case "ready", _ if self.at < 0:
                    self.own = {process.pid for process in self._tree()}
                case "full", _ if self.at < 0:
                    raise SandboxError(f"{limits.memory:,} MB of memory are too few for Python and this package")
                case "full", _:
                    return OUT_OF_MEMORY.format(limits.memory)
                case "cell", [str(word), list(outputs)] if word == self.word:
                    self._end_programs()
                    done.outputs[self.due.pop(0)] = outputs
                case "ended", _ if self.at < 0:
                    raise SandboxError(f"the sandbox ended before the first cell: {self._last_words()}")
                case _ if self.at < 0:
                    raise SandboxError(f"the sandbox said something else than that it is ready: {line[:200]!r}")
                case "ended", _:
                    return "ended the program"
                case _:
                    return "wrote into the grader's own channel"
            if not self.due:
                return None
            self.at, used, helped = self.due[0], 0.0, False
            before = last = self._look()
            self.word = secrets.token_hex(8)
            self._send(self.word.encode())

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

    def _send(self, line: bytes) -> None:
        with suppress(OSError):  # it ended before it read: `watch` says so
            self.answer.write(line + b"\n")
            self.answer.flush()

    def _last_words(self) -> str:
        """Why the tree ended: what it complained of, or else the number that its first process ended with."""
        ended = self.process.wait()
        self.complaints.seek(0)
        return self.complaints.read()[-2000:].decode(errors="replace").strip() or f"without a word, with code {ended}"

    def _end_programs(self) -> None:
        """Ends what a cell started and left running, so that no other pays for it; inside the walls, `runner` has."""
        for _ in range(100):
            others = [each for each in self._tree() if each.pid not in self.own and _lives(each)]
            if not others:
                return
            for process in others:
                with suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(others, timeout=LOOK)
        raise SandboxError("programs that a cell had started could not be ended")

    def _tree(self) -> list[psutil.Process]:
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _look(self) -> "_Look":
        """Looks at the whole tree."""
        look = _Look(time.monotonic())
        for process in self._tree():
            with suppress(psutil.Error), process.oneshot():
                user, system, *children = process.cpu_times()[:4]
                state = process.status()
                look.memory += process.memory_info().rss / MB
                look.by_children += sum(children)
                look.computed += user + system + sum(children)
                look.processes += 1
                if state in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP) and sys.platform != "win32":
                    look.asleep = False
        return look


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


@dataclass
class _Look:
    """What the watch sees of a tree at one moment; shared pages are counted for each process."""

    at: float  # seconds, by `time.monotonic`
    memory: float = 0  # megabytes
    computed: float = 0  # seconds, from the start
    by_children: float = 0  # seconds of them, by children that have ended
    processes: int = 0
    asleep: bool = True  # nothing computes, nor waits for a core or a disk


OUT_OF_MEMORY = "used more than {:,} MB of memory"


def _message(line: bytes) -> tuple[str, Any]:
    """One line of `runner` as its kind and what it holds; anything else than such a line is "unreadable"."""
    if not line:
        return "ended", None
    try:
        match json.loads(line):
            case {"ready": True}:
                return "ready", None
            case {"full": True}:
                return "full", None
            case {"cell": word, "outputs": outputs}:
                return "cell", [word, outputs]
    except (ValueError, RecursionError):
        pass
    return "unreadable", None
