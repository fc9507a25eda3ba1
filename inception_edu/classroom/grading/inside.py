"""What a notebook's kernel here has that others lack, as an IPython extension that is loaded before the first cell.

It makes limits raise inside the cell that meets them, so that the cells after it go on, and ends what a cell leaves
running. Everything here is within reach of the student's program: `sandbox` believes none of it, and ends a kernel
that does without.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from .walls import MB

SETTINGS = "INCEPTION_EDU_LIMITS"
FULL = 77
"""The exit status of a kernel that has no memory for the next cell."""
ROOM = 64 * MB
OUTPUTS = 200  # displays that are kept of a cell


class TimeLimitError(BaseException):
    """A cell computed for longer than it may; not an Exception, which many a loop catches."""


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Imports what nearly every notebook does, so that no cell pays for it, then sets the limits and says so."""
    try:
        limits = json.loads(os.environ.pop(SETTINGS))
        _same_start()
        _tolerate_magics(shell)
        _stop_after(shell, limits["cell_seconds"], limits["patience"])
        _cut_outputs(shell, limits["characters"])
        _limit(limits["file_size"] * MB, limits["memory"] * MB)
        shell.events.register("post_run_cell", _leave_nothing(limits["walled"]))
        Path(limits["ready"]).write_text("ready")
    except MemoryError:
        os._exit(FULL)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
        os._exit(1)


def _same_start() -> None:
    import random

    import numpy as np
    import torch

    from .. import check  # noqa: F401

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)


def _stop_after(shell: InteractiveShell, seconds: float, patience: float) -> None:
    """Raises in a cell that computes for longer, and again each second for one that goes on; interrupts one that waits.

    Windows has no such clocks.
    """
    if not hasattr(signal, "setitimer"):
        return

    def stop(*_: object) -> None:
        raise TimeLimitError(f"this cell ran for more than {seconds:g} s")

    def interrupt(*_: object) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(lambda: None)  # a cell that awaits sleeps in the loop
        signal.raise_signal(signal.SIGINT)  # the kernel knows what to do

    def start(computing: float, waiting: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, computing, 1)
        signal.setitimer(signal.ITIMER_REAL, waiting)

    signal.signal(signal.SIGPROF, stop)
    signal.signal(signal.SIGALRM, interrupt)
    shell.events.register("pre_run_cell", lambda info: start(seconds, patience))
    shell.events.register("post_run_cell", lambda result: start(0, 0))


def _limit(file: int, memory: int) -> None:
    """Limits what this process and each that it starts may write to a file and hold, in bytes beyond what it has."""
    with suppress(ImportError, FileNotFoundError):  # Windows; macOS
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (file, file))
        have = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (have + memory, have + memory))
    if not _has_room():
        raise MemoryError


def _leave_nothing(walled: bool) -> Callable[[object], None]:
    """What happens after each cell: all other processes end, and a kernel without memory gives way to another."""
    kernel = os.getpid()

    def clear(result: object) -> None:
        if os.getpid() != kernel:  # a cell that forked ends twice
            os._exit(0)
        if walled:
            with suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)  # this process is spared
        else:
            import psutil

            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    process.kill()
        with suppress(ChildProcessError, AttributeError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not _has_room():
            gc.collect()
            if not _has_room():
                os._exit(FULL)

    return clear


def _has_room() -> bool:
    try:
        bytearray(ROOM)
    except MemoryError:
        return False
    return True


def _cut_outputs(shell: Any, most: int) -> None:
    """Keeps that many characters of what a cell outputs: outputs never count, so more of them stops no cell."""
    left = {"characters": most, "outputs": OUTPUTS}

    def start(info: object) -> None:
        left.update(characters=most, outputs=OUTPUTS)

    def cut(stream: Any) -> None:
        write = stream.write

        def limited(text: str) -> int:
            if left["characters"] > 0:
                write(text[: left["characters"]])
                left["characters"] -= len(text)
                if left["characters"] <= 0:
                    write(f"\n[more than {most:,} characters: the rest is not kept]\n")
            return len(text)

        stream.write = limited

    def shown(message: dict[str, Any]) -> dict[str, Any] | None:
        size = len(json.dumps(message.get("content", {}).get("data", {})))
        left["outputs"] -= 1
        if size > left["characters"] or left["outputs"] < 0:
            return None
        left["characters"] -= size
        return message

    shell.events.register("pre_run_cell", start)
    cut(sys.stdout)
    cut(sys.stderr)
    shell.display_pub.register_hook(shown)
    shell._tee = lambda channel: nullcontext()  # IPython 9 would keep whatever is printed for its history


def _tolerate_magics(shell: Any) -> None:
    """Lines that people copy, such as `%matplotlib widget` or `%load_ext x`, take no answer away where they fail."""
    line_magic, cell_magic = shell.run_line_magic, shell.run_cell_magic

    def on_a_line(name: str, line: str, *rest: Any, **more: Any) -> Any:
        try:
            return line_magic(name, "inline" if name == "matplotlib" else line, *rest, **more)
        except Exception as error:
            print(f"%{name} was left out: {error}")

    def over_a_cell(name: str, line: str, cell: str) -> Any:
        if shell.find_cell_magic(name) is None:
            print(f"%%{name} was left out")
            return shell.ex(shell.transform_cell(cell))
        return cell_magic(name, line, cell)

    shell.run_line_magic, shell.run_cell_magic = on_a_line, over_a_cell
