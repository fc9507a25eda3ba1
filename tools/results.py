"""What the benchmarks of speed share: taking turns, naming the machine, and a section each in benchmarks/RESULTS.md.

>>> times = in_turns({"ours": ours, "theirs": theirs}, rounds=15)  # seconds, a list for each
>>> section("inference", table)  # markdown, below a line made by `setting`
"""

import os
import platform
import re
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

from tabulate import tabulate

from inception_edu.data.files import write_whole

RESULTS = Path(__file__).resolve().parents[1] / "benchmarks" / "RESULTS.md"
Way = TypeVar("Way", bound=Hashable)


def section(name: str, markdown: str, path: Path = RESULTS) -> Path:
    """Puts `markdown` between `<!-- name -->` and `<!-- /name -->`, or at the end if the file has no such section.

    Everything outside the two markers stays unchanged, and so does an older file until the new one is whole. Raises
    ValueError if the file, or `markdown` itself, does not hold the markers once each and in order.
    """
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"a section's name is letters, digits, '-' and '_', and {name!r} is not")
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    if opening in markdown or closing in markdown:
        raise ValueError(f"the markdown holds a marker of its own section {name!r}, which would then end too early")
    old = path.read_text() if path.exists() else ""
    if opening not in old and closing not in old:
        old = f"{old.rstrip()}\n\n{opening}\n{closing}\n".lstrip()
    before, *after_opening = old.split(opening)
    if len(after_opening) != 1 or after_opening[0].count(closing) != 1 or closing in before:
        raise ValueError(f"{path.name} does not hold {opening} and then {closing} once each: put the markers right")
    after = after_opening[0].partition(closing)[2]
    return write_whole(path, f"{before}{opening}\n{markdown.strip()}\n{closing}{after}")


def publish(name: str, *parts: str, keep: bool) -> None:
    """Prints paragraphs of markdown, and with `keep` puts them into the section `name` of benchmarks/RESULTS.md."""
    text = "\n\n".join(parts)
    print(text)
    if keep:
        section(name, text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], words: Iterable[int] = (0,)) -> str:
    """A table in markdown; the columns numbered in `words` are words, the others numbers."""
    left = set(words)
    align = ["left" if column in left else "right" for column in range(len(heads))]
    return tabulate(rows, heads, tablefmt="github", disable_numparse=True, colalign=align)


def setting(command: str, *packages: str) -> str:
    """One line of markdown: the command that makes a table, the machine, and the versions of `packages`."""
    made_by = ", ".join(f"{package} {version(package)}" for package in ("torch", *packages))
    return f"`{command}` on {machine()}; Python {platform.python_version()}, {made_by}."


def machine() -> str:
    """The processor's name, how many cores of it this process may use, and their current load."""
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text()) if cpuinfo.exists() else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    name = found[1] if found else platform.machine()
    return f"{name}, {cores} cores, load {os.getloadavg()[0]:.1f}"


def in_turns(
    ways: Mapping[Way, Callable[[], Any]],
    rounds: int,
    warm_up: int = 1,
    clock: Callable[[], float] = perf_counter,
) -> dict[Way, list[float]]:
    """Seconds of every way, a number per round; the first `warm_up` rounds are not kept.

    Each round runs all of them once, so that all run under the same conditions: compare their medians. With
    `time.thread_time` for a `clock`, work of one thread is timed without the waits for a busy processor.
    """
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for turn in range(warm_up + rounds):
        for way, work in ways.items():
            start = clock()
            work()
            if turn >= warm_up:
                times[way].append(clock() - start)
    return times
