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
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import nbformat.v4
import psutil
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.launcher import launch_kernel
from nbclient import NotebookClient

from ..checking import SETTINGS
from . import inside
from .walls import BOOT, DOOR, MB, PACKAGE, Limits, leave_keyring, start_walled

PATIENCE = 5  # times the seconds of a cell that it may last by the clock on the wall
TOGETHER = 2  # times the memory of one process that all of them may hold
BASE = 512  # megabytes that a kernel with torch takes itself
FULL = 96  # per cent of the machine's memory
LOOK = 0.2  # seconds between two looks at a process tree
GRACE = 20  # seconds that an interrupted cell has to end
LAST = 30  # seconds for the last output of a cell that has ended: without it, none is known to be whole


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
    run = _Run(cells, limits or Limits(), settings, protected, alone, stop or threading.Event())
    with ThreadPoolExecutor(1, initializer=leave_keyring) as thread:  # a keyring belongs to a thread
        return thread.submit(lambda: asyncio.run(run.whole())).result()


def stopped(why: str) -> list[dict[str, Any]]:
    """What a cell outputs that was stopped, or never run."""
    return [{"output_type": "error", "ename": "Stopped", "evalue": why, "traceback": [f"Stopped: {why}"]}]


class _StoppedError(Exception):
    """A cell whose kernel has to be ended; the message says what it did."""


class _Run(NotebookClient):
    """One notebook, until every cell has run or was stopped: nbclient, with a watch over its kernel."""

    def __init__(
        self,
        cells: Sequence[str],
        limits: Limits,
        settings: Path | None,
        protected: bool,
        alone: bool,
        stop: threading.Event,
    ) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        super().__init__(notebook, allow_errors=True, timeout=None, log=_QUIET)
        self.iopub_timeout, self.raise_on_iopub_timeout = LAST, True
        self.limits, self.settings, self.protected, self.alone, self.stop = limits, settings, protected, alone, stop
        self.done = Executed()

    async def whole(self) -> Executed:
        """Runs the notebook, and again without a cell each time that a kernel had to be ended."""
        done, seconds, began = self.done, self.limits.notebook_seconds, time.monotonic()
        numbers, ended, computed = range(len(self.nb.cells)), dict[int, str](), 0.0
        while computed < seconds:
            done.outputs, done.problems = {}, []
            async with self._kernel():
                try:
                    for number in numbers:
                        if computed + self.used() > seconds:
                            break
                        if number not in ended:
                            await self.run(number)
                    break
                except _StoppedError as error:
                    ended[number] = str(error)
                finally:
                    computed += self.used()
        done.outputs |= {number: stopped(f"this cell {why}") for number, why in ended.items()}
        done.problems += ended.items()
        if missing := [number for number in numbers if number not in done.outputs]:
            done.outputs |= {number: stopped(f"the notebook had used its {seconds:g} s") for number in missing}
            done.problems.append((missing[0], f"was not run, one of {len(missing)}: {seconds:g} s were used up"))
        done.problems.sort()
        done.seconds = time.monotonic() - began
        return done

    # ---- its kernel ----

    @asynccontextmanager
    async def _kernel(self) -> AsyncIterator[None]:
        """A kernel that is ready for the first cell; afterwards nothing of it runs.

        Raises SandboxError where it does not come up.
        """
        self.room, self._booted, self._last = 20 * self.limits.characters, 0.0, 0.0
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, 8 * self.limits.characters)
        context.setsockopt(zmq.RCVHWM, 100)
        context.setsockopt(zmq.SNDTIMEO, 1000)
        context.setsockopt(zmq.RECONNECT_IVL, -1)  # to what a cell puts in the place of a socket that it broke
        with tempfile.TemporaryDirectory(prefix="grading-", ignore_cleanup_errors=True) as folder:
            self.kc = client = AsyncKernelClient(context=context, connection_file=f"{folder}/connection.json")
            self.process = self._started(client, folder)
            try:
                client.ip = await self._door(folder) + client.ip
                client.start_channels(stdin=False, hb=False, control=False)
                await client.wait_for_ready(timeout=BOOT)
                self._booted = self.used()
                yield
            finally:
                for process in reversed(self._tree()):  # with bubblewrap, its first process takes all the others along
                    with suppress(psutil.Error):
                        process.kill()
                self.process.wait()
                context.destroy(linger=0)

    def _started(self, client: Any, folder: str) -> "subprocess.Popen[bytes]":
        """The process of a kernel, to which `client` can connect once it is ready."""
        if self.protected:
            home, connection, settings = "/tmp", "/connection.json", "/settings.json"
            self.ready = f"{DOOR}/{secrets.token_hex(4)}"  # a name that is nowhere else
        else:
            home, connection, settings = folder, client.connection_file, str(self.settings)
            self.ready = f"{folder}/ready"
        if sys.platform != "win32":
            client.transport, client.ip = "ipc", self.ready
        client.write_connection_file()
        os.chmod(client.connection_file, 0o444)  # in a folder that only the teacher can enter
        limits = {"patience": PATIENCE * self.limits.cell_seconds, "walled": self.protected, "ready": self.ready}
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
            inside.SETTINGS: json.dumps({**asdict(self.limits), **limits}),
            **({SETTINGS: settings} if self.settings else {}),
            **({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if sys.platform == "win32" else {}),
        }
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", connection]
        command += ["--ext=inception_edu.classroom.grading.inside", "--HistoryManager.enabled=False"]
        files = {client.connection_file: connection} | ({str(self.settings): settings} if self.settings else {})
        start: Any = partial(start_walled, limits=self.limits, files=files) if self.protected else launch_kernel
        with open(f"{folder}/said", "wb") as said:
            process: subprocess.Popen[bytes] = start(command, env=environment, cwd=folder, stdout=said, stderr=said)
        return process

    async def _door(self, folder: str) -> str:
        """Waits until the kernel is ready; where its files are seen from outside: "", or /proc/PID/root."""
        while True:
            for root in [f"/proc/{each.pid}/root" for each in self._tree()] if self.protected else [""]:
                if os.path.exists(root + self.ready):
                    return root
            if (status := self.process.poll()) is not None:
                if status == inside.FULL:
                    raise SandboxError(
                        f"{self.limits.memory:,} MB of memory are not enough for Python and this package"
                    )
                said = Path(folder, "said").read_text(errors="replace")[-2000:].strip()
                why = said or f"without a word, with code {status}"
                raise SandboxError(f"the sandbox ended before the first cell: {why}")
            if self.used() > BOOT:
                raise SandboxError(f"no notebook started within {BOOT} s of computing")
            if self.stop.is_set():
                raise SandboxError("stopped")
            await asyncio.sleep(LOOK)

    def _tree(self) -> list[psutil.Process]:
        """The kernel and all that it started."""
        with suppress(psutil.NoSuchProcess):
            if self.process.poll() is None:
                first = psutil.Process(self.process.pid)
                return [first, *first.children(recursive=True)]
        return []

    def used(self) -> float:
        """Seconds that it has computed since it was ready, with all that it started; looks at its memory, too."""
        seconds = memory = 0.0
        tree = self._tree()
        for process in tree:
            with suppress(psutil.Error), process.oneshot():
                seconds += sum(process.cpu_times()[:4])
                memory += process.memory_info().rss / MB
        if memory > TOGETHER * self.limits.memory:  # pages that processes share were counted for each of them
            memory = sum(map(_share, tree)) / MB
        self._last = max(self._last, seconds)  # one may be missed while its parent changes
        self.memory = memory
        self.done.memory = max(self.done.memory, memory)
        return self._last - self._booted

    # ---- its cells ----

    async def run(self, number: int) -> None:
        """Runs one cell and keeps its outputs.

        Raises _StoppedError when its kernel has to be ended; CrowdedError and SandboxError as `execute` does.
        """
        cell, before, began = self.nb.cells[number], self.used(), time.monotonic()
        task = asyncio.ensure_future(self.async_execute_cell(cell, number))
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK)
                lasted = time.monotonic() - began
                self._look(self.used() - before, lasted)
            task.result()
            self.done.outputs[number] = outputs = _joined(cell.outputs)
        except (SandboxError, _StoppedError):
            raise
        except Exception:  # anything may come out of there; or nothing for too long, which a busy machine may do, too
            if not self.alone:
                raise CrowdedError("a cell's messages did not come while other notebooks were running") from None
            raise _StoppedError("wrote into the grader's own channel") from None
        finally:
            task.cancel()
            with suppress(BaseException):
                await task
        seconds = self.limits.cell_seconds
        if any(output.get("ename") == inside.TimeLimitError.__name__ for output in outputs):
            self.done.problems.append((number, f"ran for more than {seconds:g} s"))
        if lasted > PATIENCE * seconds:
            self.done.problems.append((number, f"waited for more than {PATIENCE * seconds:g} s"))

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        """Takes in what is an output of the cell, and not more than fits."""
        if msg["msg_type"] not in ("status", "stream", "display_data", "execute_result", "error", "clear_output"):
            return None
        self.room -= len(json.dumps(msg["content"]))
        if self.room < 0:
            raise _StoppedError("output more than there is room for")
        msg["content"].pop("transient", None)
        return super().process_message(msg, cell, cell_index)

    def _look(self, used: float, lasted: float) -> None:
        """Raises where a cell has to be stopped from outside, or its notebook to be run again alone."""
        if self.stop.is_set():
            raise SandboxError("stopped")
        if psutil.virtual_memory().percent > FULL:  # some memory belongs to no process
            raise SandboxError("the machine ran out of memory; try again with --jobs 1")
        if (status := self.process.poll()) is not None:
            full = f"used more than {self.limits.memory:,} MB of memory"
            raise _StoppedError(full if status == inside.FULL else "ended the program")
        seconds, memory = self.limits.cell_seconds, TOGETHER * self.limits.memory
        if not self.alone and (lasted > PATIENCE * seconds or self.memory > memory + BASE):
            raise CrowdedError("a cell waited too long or held too much memory while other notebooks were running")
        if used > 1.25 * seconds + 2 or lasted > PATIENCE * seconds + GRACE or self.memory > memory + BASE:
            raise _StoppedError(
                f"took, with what it started, more than {seconds:g} s of computing, {PATIENCE * seconds:g} s on the "
                f"clock or {memory:,} MB of memory"
            )


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
