"""Runs the cells of one notebook in the sandbox: `python -m inception_edu.classroom.grading.runner`, a job on stdin.

Everything that a student's program can reach runs in this process, this file included, so nothing that it writes is
believed: `sandbox`, which started it, reads one line of JSON for each cell, and checks each; the next cell waits for an
answer. The shell is IPython's, the one inside every Python kernel, without a kernel around it: no server, no
sockets, and half the time to start.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

Outputs = list[dict[str, Any]]


class TooMuchOutputError(Exception):
    """A cell output more than is kept."""


class Paper:
    """What one cell outputs, in the order in which it came, up to a number of characters."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.clear()

    def clear(self, wait: bool = False) -> None:
        """Throws away what was output, as `IPython.display.clear_output` asks."""
        self.outputs: Outputs = []
        self.left = self.most

    def add(self, output: dict[str, Any], size: int) -> None:
        """Keeps one output of `size` characters. Raises TooMuchOutputError where nothing more fits."""
        if self.left <= 0:
            raise TooMuchOutputError(f"a cell may output {self.most:,} characters")
        self.left -= size
        last = self.outputs[-1] if self.outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"] += output["text"]
        elif self.left >= 0 or output["output_type"] == "stream":
            self.outputs.append(output)

    def show(self, kind: str, data: Any, metadata: Any) -> None:
        """Keeps what a cell displays or ends in."""
        data = {key: value.decode("ascii") if isinstance(value, bytes) else value for key, value in data.items()}
        self.add({"output_type": kind, "data": data, "metadata": {}}, len(json.dumps(data)))


class Stream:
    """`sys.stdout` or `sys.stderr` of a cell."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, paper: Paper, name: str) -> None:
        self.paper, self.name = paper, name

    def write(self, text: str) -> int:
        for start in range(0, len(text), self.paper.most):
            piece = str(text[start : start + self.paper.most])
            kept = piece[: max(self.paper.left, 0)]
            self.paper.add({"output_type": "stream", "name": self.name, "text": kept}, len(piece))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None: ...

    def isatty(self) -> bool:
        return False


def limit(limits: dict[str, Any]) -> None:
    """Sets what one process may use except for memory, then gives up the rights of root where it has them.

    The count of processes holds for a user, so `limits["user"]` is one that no other sandbox has.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    for name, most in limits["resources"].items():
        lower(getattr(resource, name), most)
    if limits["user"] is not None and os.getuid() == 0:
        os.setgroups([])
        os.setgid(limits["user"])
        os.setuid(limits["user"])


def lower(kind: int, most: int) -> None:
    """Sets one limit of this process, or leaves a lower one."""
    import resource

    _, hard = resource.getrlimit(kind)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (most, most))


def limit_memory(most: int) -> None:
    """Sets the bytes of data that a process may have; not before torch is there, whose import may die without room."""
    with suppress(ImportError):  # Windows
        import resource

        lower(resource.RLIMIT_DATA, most)


def has_room(size: int) -> bool:
    """Whether so many bytes are left."""
    try:
        bytearray(size)
    except MemoryError:
        return False
    return True


def end_programs() -> None:
    """Ends every other process in the sandbox at once, and waits until those that count for this one are gone."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def notebook_shell(paper: Paper) -> InteractiveShell:
    """An IPython shell that puts everything on `paper`."""

    class Publisher(DisplayPublisher):
        def publish(self, data: Any, metadata: Any = None, *rest: Any, update: bool = False, **_: Any) -> None:
            if not update:
                paper.show("display_data", data, metadata)

        def clear_output(self, wait: bool = False) -> None:
            paper.clear()

    class Hook(DisplayHook):
        def start_displayhook(self) -> None: ...

        def write_output_prompt(self) -> None: ...

        def finish_displayhook(self) -> None: ...

        def write_format_data(self, data: Any, metadata: Any = None) -> None:
            paper.show("execute_result", data, metadata)

    class Shell(InteractiveShell):
        display_pub_class = Publisher
        displayhook_class = Hook

        def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
            paper.left = max(paper.left, 1)  # an error is always told
            text = {"ename": etype.__name__, "evalue": str(evalue)[:1000], "traceback": [line[:4000] for line in stb]}
            paper.add({"output_type": "error", **text}, 0)

        def ask_exit(self) -> None: ...

    shell: InteractiveShell = Shell.instance()
    return shell


def boot(paper: Paper) -> InteractiveShell:
    """The shell, with everything imported that nearly every notebook imports, so that no cell pays for it."""
    import random

    import numpy as np
    import torch

    from .. import check  # noqa: F401

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    return notebook_shell(paper)


def run(job: dict[str, Any], shell: InteractiveShell, paper: Paper, tell: Callable[[dict[str, Any]], str]) -> None:
    """Runs every cell that is not to be skipped, and tells of each when it has ended, with the answer to the last."""
    room, process = job["limits"]["room"], os.getpid()
    walled = job["walled"] and os.getppid() == 1  # elsewhere `end_programs` would end all that the teacher runs
    for name in ("stdout", "stderr"):
        setattr(sys, name, Stream(paper, name))
    limit_memory(job["limits"]["memory"])
    word = tell({"ready": True} if has_room(room) else {"full": True})
    for number, source in enumerate(job["cells"]):
        if number in job["skip"]:
            continue
        paper.clear()
        with suppress(MemoryError):  # of IPython, when it shows the error of a cell that left no room
            shell.run_cell(source, store_history=True)
        if os.getpid() != process:  # a cell that forked ends twice
            os._exit(0)
        if walled:
            end_programs()
        word = tell({"cell": word, "outputs": paper.outputs} if has_room(room) else {"full": True})


def main() -> None:
    """Reads the job, keeps the ways from and to the one who asked, and closes every other one."""
    job = json.loads(sys.stdin.readline())
    forth, back = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)

    def tell(line: dict[str, Any]) -> str:
        back.write(json.dumps(line).encode() + b"\n")
        back.flush()
        return forth.readline().decode().strip() or os._exit(0)

    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    limit(job["limits"])
    paper = Paper(job["characters"])
    shell = boot(paper)
    os.dup2(nothing, 2)  # until here, it tells why no cell could be run
    run(job, shell, paper, tell)
    os._exit(0)  # a student's thread may still run


if __name__ == "__main__":
    main()
