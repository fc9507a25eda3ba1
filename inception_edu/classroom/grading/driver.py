"""Drives one kernel inside `walls` from outside, in a process of its own: nbclient, with a watch over its kernel.

`sandbox` starts it with a folder: `job.json` says what to run, `at.json` again and again how far it is, and
`result.json` what came of it. Whatever a student's cell sends is read here, by libraries in C among others; what ends
or stops one of them ends this process, not the grading of a class.
"""

import asyncio
import json
import logging
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
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

from ...data.files import write_whole
from . import inside
from .walls import BOOT, DOOR, MB, PACKAGE, Limits, leave_keyring, start_walled

TOGETHER = 2  # times the memory of one process that all of them may hold
BASE = 512  # megabytes that a kernel with torch takes itself
LOOK = 0.2  # seconds between two looks at a process tree
JOB, AT, RESULT = "job.json", "at.json", "result.json"

_QUIET = logging.getLogger(__name__)
_QUIET.propagate = False  # nbclient logs each kernel that ends; a report says what that means
_QUIET.addHandler(logging.NullHandler())


class SandboxError(RuntimeError):
    """The sandbox itself did not work; no fault of the notebook."""


class CrowdedError(SandboxError):
    """Other notebooks may be what stopped a cell: run it alone."""


@dataclass(frozen=True)
class Job:
    """What one kernel has to do. `sandbox` explains the last three."""

    cells: Sequence[str]
    without: Sequence[int]  # the numbers of cells that are not run
    seconds: float  # of computing that are left
    limits: Limits
    settings: str  # a file that it may read, or ""
    variable: str  # of its environment that names the file
    protected: bool
    alone: bool
    patience: float
    grace: float
    last: int


@dataclass
class Run:
    """What came of it: outputs and problems by the numbers of cells, seconds of computing, and megabytes.

    `ended` is the cell for which the kernel had to be ended and what it did; `failed` an error of the sandbox's own.
    """

    outputs: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    seconds: float = 0
    memory: float = 0
    ended: tuple[int, str] | None = None
    failed: tuple[str, str] | None = None


def tree(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    """A process and all that it started; nothing once it has ended."""
    with suppress(psutil.NoSuchProcess):
        if process.poll() is None:
            first = psutil.Process(process.pid)
            return [first, *first.children(recursive=True)]
    return []


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a process with all that it started."""
    for each in reversed(tree(process)):  # with bubblewrap, its first process takes all the others along
        with suppress(psutil.Error):
            each.kill()
    process.wait()


class _StoppedError(Exception):
    """A cell whose kernel has to be ended; the message says what it did."""


class _Driver(NotebookClient):
    """One notebook and one kernel, until every cell has run or one of them has to be stopped from outside."""

    def __init__(self, job: Job, folder: str) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in job.cells])
        super().__init__(notebook, allow_errors=True, timeout=None, log=_QUIET)
        self.iopub_timeout, self.raise_on_iopub_timeout = job.last, True
        self.job, self.limits, self.folder, self.grader = job, job.limits, folder, os.getppid()
        self.done, self.room, self._number = Run(), 20 * job.limits.characters, -1
        self._booted = self._last = 0.0

    async def whole(self) -> Run:
        """Runs the cells in order."""
        try:
            async with self._kernel():
                for number in range(len(self.nb.cells)):
                    if self.used() > self.job.seconds:
                        break
                    if number not in self.job.without:
                        await self.run(number)
        except SandboxError as error:
            self.done.failed = type(error).__name__, str(error)
        return self.done

    def tell(self, number: int, seconds: float) -> None:
        """Leaves word of the cell that is running, -1 before the first, and of the seconds computed so far.

        Raises SandboxError once nobody reads it.
        """
        if os.getppid() != self.grader:
            raise SandboxError("the grader has ended")
        word = {"cell": number, "seconds": seconds, "clock": time.monotonic()}
        Path(self.folder, "at.new").write_text(json.dumps(word))
        with suppress(PermissionError):  # Windows, while it is read
            os.replace(Path(self.folder, "at.new"), Path(self.folder, AT))

    # ---- its kernel ----

    @asynccontextmanager
    async def _kernel(self) -> AsyncIterator[None]:
        """A kernel that is ready for the first cell; afterwards nothing of it runs.

        Raises SandboxError where it does not come up.
        """
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, 8 * self.limits.characters)
        context.setsockopt(zmq.RCVHWM, 100)
        context.setsockopt(zmq.SNDTIMEO, 1000)
        context.setsockopt(zmq.RECONNECT_IVL, -1)  # to what a cell puts in the place of a socket that it broke
        self.kc = client = AsyncKernelClient(context=context, connection_file=f"{self.folder}/connection.json")
        self.process = self._started(client, self.folder)
        try:
            client.ip = await self._door() + client.ip
            client.start_channels(stdin=False, hb=False, control=False)
            await client.wait_for_ready(timeout=BOOT)
            self._booted = self.used()
            yield
        except _StoppedError as error:
            self.done.ended = self._number, str(error)
        finally:
            self.done.seconds = self.used()
            end(self.process)

    def _started(self, client: Any, folder: str) -> "subprocess.Popen[bytes]":
        """The process of a kernel, to which `client` can connect once it is ready."""
        job = self.job
        if job.protected:
            home, connection, settings = "/tmp", "/connection.json", "/settings.json"
            self.ready = f"{DOOR}/{secrets.token_hex(4)}"  # a name that is nowhere else
        else:
            home, connection, settings = folder, client.connection_file, job.settings
            self.ready = f"{folder}/ready"
        if sys.platform != "win32":
            client.transport, client.ip = "ipc", self.ready
        client.write_connection_file()
        os.chmod(client.connection_file, 0o444)  # in a folder that only the teacher can enter
        limits = {"patience": job.patience * self.limits.cell_seconds, "walled": job.protected, "ready": self.ready}
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
            **({job.variable: settings} if job.settings else {}),
            **({"SYSTEMROOT": os.environ["SYSTEMROOT"]} if sys.platform == "win32" else {}),
        }
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", connection]
        command += ["--ext=inception_edu.classroom.grading.inside", "--HistoryManager.enabled=False"]
        files = {client.connection_file: connection} | ({job.settings: settings} if job.settings else {})
        start: Any = partial(start_walled, limits=self.limits, files=files) if job.protected else launch_kernel
        with open(f"{folder}/said", "wb") as said:
            process: subprocess.Popen[bytes] = start(command, env=environment, cwd=folder, stdout=said, stderr=said)
        return process

    async def _door(self) -> str:
        """Waits until the kernel is ready; where its files are seen from outside: "", or /proc/PID/root."""
        while True:
            used = self.used()
            self.tell(-1, used)
            for root in [f"/proc/{each.pid}/root" for each in tree(self.process)] if self.job.protected else [""]:
                if os.path.exists(root + self.ready):
                    return root
            if (status := self.process.poll()) is not None:
                if status == inside.FULL:
                    raise SandboxError(
                        f"{self.limits.memory:,} MB of memory are not enough for Python and this package"
                    )
                said = Path(self.folder, "said").read_text(errors="replace")[-2000:].strip()
                why = said or f"without a word, with code {status}"
                raise SandboxError(f"the sandbox ended before the first cell: {why}")
            if used > BOOT:
                raise SandboxError(f"no notebook started within {BOOT} s of computing")
            await asyncio.sleep(LOOK)

    def used(self) -> float:
        """Seconds that it has computed since it was ready, with all that it started; looks at its memory, too."""
        seconds = memory = 0.0
        processes = tree(self.process)
        for process in processes:
            with suppress(psutil.Error), process.oneshot():
                seconds += sum(process.cpu_times()[:4])
                memory += process.memory_info().rss / MB
        if memory > TOGETHER * self.limits.memory:  # pages that processes share were counted for each of them
            memory = sum(map(_share, processes)) / MB
        self._last = max(self._last, seconds)  # one may be missed while its parent changes
        self.memory = memory
        self.done.memory = max(self.done.memory, memory)
        return self._last - self._booted

    # ---- its cells ----

    async def run(self, number: int) -> None:
        """Runs one cell and keeps its outputs.

        Raises _StoppedError when its kernel has to be ended; CrowdedError and SandboxError as `execute` does.
        """
        self._number = number
        cell, before, began = self.nb.cells[number], self.used(), time.monotonic()
        self.tell(number, before)
        task = asyncio.ensure_future(self.async_execute_cell(cell, number))
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK)
                lasted, used = time.monotonic() - began, self.used()
                self.tell(number, used)
                self._look(used - before, lasted)
            task.result()
            self.done.outputs[number] = outputs = _joined(cell.outputs)
        except (SandboxError, _StoppedError):
            raise
        except Exception:  # anything may come out of there; or nothing for too long, which a busy machine may do, too
            if not self.job.alone:
                raise CrowdedError("a cell's messages did not come while other notebooks were running") from None
            raise _StoppedError("wrote into the grader's own channel") from None
        finally:
            task.cancel()
            with suppress(BaseException):
                await task
        seconds = self.limits.cell_seconds
        if any(output.get("ename") == inside.TimeLimitError.__name__ for output in outputs):
            self.done.problems.append((number, f"ran for more than {seconds:g} s"))
        elif lasted > self.job.patience * seconds:
            self.done.problems.append((number, f"waited for more than {self.job.patience * seconds:g} s"))

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
        if (status := self.process.poll()) is not None:
            full = f"used more than {self.limits.memory:,} MB of memory"
            raise _StoppedError(full if status == inside.FULL else "ended the program")
        seconds, memory = self.limits.cell_seconds, TOGETHER * self.limits.memory
        wait = self.job.patience * seconds
        if not self.job.alone and (lasted > wait or self.memory > memory + BASE):
            raise CrowdedError("a cell waited too long or held too much memory while other notebooks were running")
        if used > 1.25 * seconds + 2 or lasted > wait + self.job.grace or self.memory > memory + BASE:
            raise _StoppedError(
                f"took, with what it started, more than {seconds:g} s of computing, {wait:g} s on the clock or "
                f"{memory:,} MB of memory"
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


async def drive(folder: str) -> None:
    """Does the job in `folder`, and ends this process before anything of the student's can hold it up."""
    leave_keyring()
    job = json.loads(Path(folder, JOB).read_text())
    done = await _Driver(Job(**job | {"limits": Limits(**job["limits"])}), folder).whole()
    write_whole(Path(folder, RESULT), json.dumps(asdict(done)))
    os._exit(0)
