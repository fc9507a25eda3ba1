"""Runs the cells of a notebook that nobody trusts: a stock ipykernel inside `walls`, driven by nbclient from outside.

Nothing that comes out is believed: the key of the connection can be read inside, so every message may be forged.
Outputs are data, from which `autograder` keeps what is harmless and judges the evidence again.

A limit raises inside the cell that meets it wherever it can (`inside`), and the cells after it go on. A cell that does
not let itself be stopped has its kernel ended, and the notebook runs again without that cell, so that the others still
count. What a cell computes is the same on a busy machine and on an idle one. The clock on the wall and the memory of
all processes together are not: a notebook that meets one of those next to others raises `CrowdedError` and is to be run
again alone.
"""

import asyncio
import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat.v4
import psutil
import zmq.asyncio
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from ..checking import SETTINGS
from . import inside
from .walls import (
    BOOT,
    CONNECTION,
    DOOR,
    MB,
    PACKAGE,
    SETTINGS_INSIDE,
    Limits,
    forbidden_calls,
    leave_keyring,
    walled,
)

PATIENCE = 5  # times the seconds of a cell that it may last by the clock on the wall
TOGETHER = 2  # times the memory of one process that all of them may hold
BASE = 512  # megabytes that a kernel with torch takes itself
FULL = 96  # per cent of the machine's memory
LOOK = 0.2  # seconds between two looks at a process tree
GRACE = 20  # seconds that an interrupted cell has to end


_QUIET = logging.getLogger(__name__)
_QUIET.propagate = False  # nbclient logs each kernel that ends; a report says what that means
_QUIET.addHandler(logging.NullHandler())


class SandboxError(RuntimeError):
    """The sandbox itself did not work; no fault of the notebook."""


class CrowdedError(SandboxError):
    """Other notebooks may be what stopped a cell: run it alone."""


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
    with ThreadPoolExecutor(1, initializer=leave_keyring) as thread:  # a keyring belongs to a thread
        run = _Run(list(cells), limits or Limits(), settings, protected, alone, stop or threading.Event())
        return thread.submit(lambda: asyncio.run(run.whole())).result()


def stopped(why: str) -> list[dict[str, Any]]:
    """What a cell outputs that was stopped, or never run."""
    return [{"output_type": "error", "ename": "Stopped", "evalue": why, "traceback": [f"Stopped: {why}"]}]


class _StoppedError(Exception):
    """A cell whose kernel had to be ended; the message says what it did."""


@dataclass
class _Run:
    """One notebook, until every cell has run or was stopped."""

    cells: list[str]
    limits: Limits
    settings: Path | None
    protected: bool
    alone: bool
    stop: threading.Event
    skip: set[int] = field(default_factory=set)
    done: Executed = field(default_factory=Executed)
    computed: float = 0  # seconds, of kernels that have ended

    async def whole(self) -> Executed:
        """Runs the notebook, and again without a cell each time that a kernel had to be ended."""
        began, limits = time.monotonic(), self.limits
        while (left := limits.notebook_seconds - self.computed) > 0:
            self.done.problems = [each for each in self.done.problems if each[0] in self.skip]
            kernel = _Kernel(self)
            try:
                await kernel.start()
                await self._cells(kernel, left)
                break
            except _StoppedError as error:
                self.skip.add(kernel.at)
                self.done.outputs[kernel.at] = stopped(f"this cell {error}")
                self.done.problems.append((kernel.at, str(error)))
            finally:
                self.computed += kernel.used()
                await kernel.end()
        missing = [number for number in range(len(self.cells)) if number not in self.done.outputs]
        for number in missing:
            self.done.outputs[number] = stopped(f"the notebook had used its {limits.notebook_seconds:g} s")
        if missing:
            why = f"was not run, one of {len(missing)}: {limits.notebook_seconds:g} s were used up"
            self.done.problems.append((missing[0], why))
        self.done.problems.sort()
        self.done.seconds = time.monotonic() - began
        return self.done

    async def _cells(self, kernel: "_Kernel", seconds: float) -> None:
        for number in range(len(self.cells)):
            if number in self.skip:
                continue
            if kernel.used() > seconds:
                for later in range(number, len(self.cells)):
                    self.done.outputs.pop(later, None) if later not in self.skip else None
                return
            outputs = await kernel.run(number)
            self.done.outputs[number] = outputs
            for output in outputs:
                if output.get("ename") == inside.TimeLimitError.__name__:
                    self.done.problems.append((number, f"ran for more than {self.limits.cell_seconds:g} s"))


class _Client(NotebookClient):
    """nbclient, which keeps what is an output of the cell, and not more than fits."""

    room = 0

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Takes one message of the kernel's in."""
        if msg["msg_type"] not in ("status", "stream", "display_data", "execute_result", "error", "clear_output"):
            return None
        self.room -= len(json.dumps(msg["content"]))
        if self.room < 0:
            raise _StoppedError("output more than there is room for")
        msg["content"].pop("transient", None)
        return super().process_message(msg, cell, cell_index)


class _Kernel:
    """One kernel, from its start to its end."""

    at = -1

    def __init__(self, run: _Run) -> None:
        self.job, self.limits = run, run.limits
        self.context = zmq.asyncio.Context()
        self.context.setsockopt(zmq.MAXMSGSIZE, 8 * self.limits.characters)
        self.context.setsockopt(zmq.RCVHWM, 100)
        self.context.setsockopt(zmq.LINGER, 0)
        self.context.setsockopt(zmq.SNDTIMEO, 1000)  # a connection that a cell broke does not come back
        self.folder = tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True)
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in run.cells])
        self.manager: Any = AsyncKernelManager(context=self.context, kernel_name="python3")
        self.manager.connection_file = str(Path(self.folder.name, "connection.json"))
        self.client: Any = _Client(notebook, km=self.manager, allow_errors=True, timeout=None, log=_QUIET)
        self.client.room = 20 * self.limits.characters
        self.complaints, complain = os.pipe()  # what the kernel says before it is ready; a pipe holds 64 KB
        if sys.platform != "win32":
            os.set_blocking(self.complaints, False)
        self.errors = complain
        self.ready = f"{DOOR}/ready" if run.protected else str(Path(self.folder.name, "ready"))
        self.process: subprocess.Popen[bytes] | None = None
        self.booted = self._last = self.memory = 0.0

    # ---- start and end ----

    async def start(self) -> None:
        """Starts a kernel and waits for it. Raises SandboxError where it does not come up."""
        manager = self.manager
        if self.job.protected:
            manager.transport, manager.ip = "ipc", f"{DOOR}/{secrets.token_hex(4)}"
        command = [sys.executable, "-m", "ipykernel_launcher", "-f"]
        more = ["--ext=inception_edu.classroom.grading.inside", "--HistoryManager.enabled=False"]
        with forbidden_calls() if self.job.protected else nullcontext(-1) as calls:
            if self.job.protected:
                files = [(Path(manager.connection_file), CONNECTION)]
                files += [(self.job.settings, SETTINGS_INSIDE)] if self.job.settings else []
                environment = self._environment("/tmp", SETTINGS_INSIDE if self.job.settings else None)
                argv = walled([*command, CONNECTION, *more], self.limits, environment, files, calls)
                passed, environment = [calls], dict(os.environ)
            else:
                argv, passed = [*command, manager.connection_file, *more], []
                settings = str(self.job.settings) if self.job.settings else None
                environment = self._environment(self.folder.name, settings)
            manager.kernel_spec.argv = argv
            manager.write_connection_file()
            os.chmod(manager.connection_file, 0o444)  # in a folder that only the teacher can enter
            await manager.start_kernel(
                env=environment,
                cwd=self.folder.name,
                stderr=self.errors,
                stdout=self.errors,
                pass_fds=passed,
            )
        self.process = manager.provisioner.process
        os.close(self.errors)
        self.errors = -1
        await self._door()
        self.client.kc = client = manager.client(context=self.context)
        client.allow_stdin = False
        client.start_channels(stdin=False, hb=False)
        await client.wait_for_ready(timeout=BOOT)
        self.booted = self.used()

    def _environment(self, home: str, settings: str | None) -> dict[str, str]:
        """The whole environment of the kernel: what makes two runs equal, and nothing of the teacher's."""
        limits = {
            "seconds": self.limits.cell_seconds,
            "characters": self.limits.characters,
            "memory": self.limits.memory * MB,
            "walled": self.job.protected,
            "ready": self.ready,
        }
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
            "MALLOC_ARENA_MAX": "2",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "NBGRADER_EXECUTION": "autograde",
            inside.SETTINGS: json.dumps(limits),
        }
        if sys.platform == "win32":
            environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
        return {**environment, SETTINGS: settings} if settings else environment

    async def _door(self) -> None:
        """Waits until the kernel is ready, and finds the folder with its sockets from outside."""
        while not self._find_door():
            self._ended_before("the first cell")
            if self.used() > BOOT:
                raise SandboxError(f"no notebook started within {BOOT} s of computing")
            if self.job.stop.is_set():
                raise SandboxError("stopped")
            await asyncio.sleep(0.02)
        # From now on a socket that the student's program puts in the place of a closed one is never connected to.
        self.context.setsockopt(zmq.RECONNECT_IVL, -1)

    def _find_door(self) -> bool:
        if not self.job.protected:
            return os.path.exists(self.ready)
        for process in self.tree():
            outside = f"/proc/{process.pid}/root"
            with suppress(OSError):
                if os.path.exists(outside + self.ready) and not os.path.samefile(outside, "/"):
                    self.manager.ip = outside + self.manager.ip
                    return True
        return False

    def _ended_before(self, what: str) -> None:
        if (status := self._status()) is None:
            return
        said = b""
        with suppress(OSError):
            said = os.read(self.complaints, 2**16)
        if status == inside.FULL:
            raise SandboxError(f"{self.limits.memory:,} MB of memory are not enough for Python and this package")
        last = said[-2000:].decode(errors="replace").strip() or f"without a word, with code {status}"
        raise SandboxError(f"the sandbox ended before {what}: {last}")

    async def end(self) -> None:
        """Leaves nothing of it running."""
        if self.client.kc is not None:
            self.client.kc.stop_channels()
        for process in reversed(self.tree()):  # with bubblewrap, its first process takes all the others along
            with suppress(psutil.Error):
                process.kill()
        if self.process:
            self.process.wait()
        self.manager.cleanup_connection_file()
        for number in (self.complaints, self.errors):
            if number >= 0:
                os.close(number)
        self.context.destroy(linger=0)
        self.folder.cleanup()

    # ---- the watch ----

    def tree(self) -> list[psutil.Process]:
        """The kernel and all that it started."""
        with suppress(psutil.NoSuchProcess):
            if self.process and self.process.poll() is None:
                first = psutil.Process(self.process.pid)
                return [first, *first.children(recursive=True)]
        return []

    def _status(self) -> int | None:
        return self.process.poll() if self.process else None

    def used(self) -> float:
        """Seconds that it has computed since it was ready, with all that it started; looks at its memory, too."""
        seconds = memory = 0.0
        tree = self.tree()
        for process in tree:
            with suppress(psutil.Error), process.oneshot():
                seconds += sum(process.cpu_times()[:4])
                memory += process.memory_info().rss / MB
        if memory > TOGETHER * self.limits.memory:  # pages that processes share were counted for each of them
            memory = sum(map(_share, tree)) / MB
        self._last = max(self._last, seconds)  # one may be missed while its parent changes
        self.memory = memory
        self.job.done.memory = max(self.job.done.memory, memory)
        return self._last - self.booted

    async def run(self, number: int) -> list[dict[str, Any]]:
        """Runs one cell and returns its outputs.

        Raises _StoppedError when its kernel has to be ended; CrowdedError and SandboxError as `execute` does.
        """
        self.at = number
        cell = self.client.nb.cells[number]
        before, began, interrupted = self.used(), time.monotonic(), 0.0
        self._look(0)
        task = asyncio.ensure_future(self.client.async_execute_cell(cell, number))
        try:
            while not (await asyncio.wait([task], timeout=LOOK))[0]:
                used, lasted = self.used() - before, time.monotonic() - began
                self._look(used)
                if interrupted and time.monotonic() - interrupted > GRACE:
                    raise _StoppedError(self._beyond())
                if not interrupted and lasted > PATIENCE * self.limits.cell_seconds:
                    if not self.job.alone:
                        raise CrowdedError("a cell waited too long while other notebooks were running")
                    interrupted = time.monotonic()
                    self.client.kc.control_channel.send(self.manager.session.msg("interrupt_request", content={}))
            task.result()
        except (SandboxError, _StoppedError):
            raise
        except DeadKernelError:
            raise _StoppedError(self._why_dead()) from None
        except Exception:  # anything may come out of there
            raise _StoppedError("wrote into the grader's own channel") from None
        finally:
            task.cancel()
            with suppress(BaseException):
                await task
        if interrupted:
            self.job.done.problems.append((number, f"waited for more than {PATIENCE * self.limits.cell_seconds:g} s"))
        return _joined(cell.outputs)

    def _look(self, used: float) -> None:
        """Raises where a cell has to be stopped."""
        limits = self.limits
        if self.job.stop.is_set():
            raise SandboxError("stopped")
        if psutil.virtual_memory().percent > FULL:  # some memory belongs to no process
            raise SandboxError("the machine ran out of memory; try again with --jobs 1")
        if self._status() is not None:
            raise _StoppedError(self._why_dead())
        much = self.memory > TOGETHER * limits.memory + BASE
        if much and not self.job.alone:
            raise CrowdedError("a cell and its programs held too much memory while other notebooks were running")
        if much or used > 1.25 * limits.cell_seconds + 2:
            raise _StoppedError(self._beyond())

    def _beyond(self) -> str:
        """What is said of a cell that had to be ended from outside, whichever limit was seen first."""
        seconds, memory = self.limits.cell_seconds, TOGETHER * self.limits.memory
        return (
            f"took, with what it started, more than {seconds:g} s of computing, {PATIENCE * seconds:g} s on the clock "
            f"or {memory:,} MB of memory"
        )

    def _why_dead(self) -> str:
        if self._status() == inside.FULL:
            return f"used more than {self.limits.memory:,} MB of memory"
        return "ended the program"


def _share(process: psutil.Process) -> float:
    """Bytes that a process holds, of shared ones its share."""
    with suppress(psutil.Error):
        held = process.memory_full_info()
        return float(getattr(held, "pss", held.uss))
    return 0.0


def _joined(outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """The outputs, with what one stream says in a row as one: a kernel sends it in pieces, as time allows."""
    joined: list[dict[str, Any]] = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output.get("name"):
            last["text"] += output["text"]
        else:
            joined.append(dict(output))
    return joined
