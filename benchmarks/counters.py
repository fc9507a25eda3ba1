"""`trace` and eight other ways to count multiply-adds, side by side on our networks.

    pip install --no-deps -r benchmarks/requirements-counters.txt
    python benchmarks/counters.py [--rounds 9] [--markdown]

Five tables: what each counts, and what it counts besides the multiply-adds of convolutions and linear layers; how long
it takes and how much memory; what it leaves behind and how it answers a bad image; how the time of `trace` grows; and
how fast a network is built and traced again at another width. `--markdown` keeps them as a section of
benchmarks/RESULTS.md. A counter that is not installed gets a row that says so.
"""

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from textwrap import shorten
from time import thread_time
from typing import Any

import torch
from tqdm import tqdm

import inception_edu as ie
from tools.counting import (
    BAD,
    NETWORKS,
    SPOILT,
    TOOLS,
    beside,
    device_of,
    functions_put_back,
    leftovers,
    plain,
    quietly,
)
from tools.peers import prepare_torchvision
from tools.recording import in_fresh_processes
from tools.results import in_turns, publish, setting, table


def counts(devices: Mapping[str, str]) -> str:
    """The table of what each counts; an excess that its formula does not explain is marked."""
    nodes = {}
    for name in NETWORKS:
        net, x = plain(name, "meta")
        nodes[name] = ie.trace(net, tuple(x.shape[1:]))
    rows = []
    for tool in TOOLS:
        if not tool.installed:
            rows.append([tool.name, "not installed"])
            continue
        row, explained = [], True
        for name, node in nodes.items():
            with functions_put_back():
                excess = int(quietly(tool, *plain(name, devices[tool.name]))) - node.macs
            there = beside(node)
            explained = explained and excess == sum(times * there[what] for what, times in tool.beside.items())
            row.append(f"{excess:+,}" if excess else "exact")
        why = ", ".join(what if times == 1 else f"{times} x {what}" for what, times in tool.beside.items())
        rows.append([tool.name, *row, why if explained else f"{why}, and more"])
    given = [f"{node.macs:,}" for node in nodes.values()]
    rows.insert(0, ["MACs of convolutions and linear layers", *given, ""])
    return table(["", *NETWORKS.values(), "counted as well"], rows, words=(0, len(NETWORKS) + 1))


def growth(tool: str, name: str, device: str) -> float:
    """MB by which the process grew at most while `tool` counted once; in a process of its own, see `memory`."""
    torch.set_num_threads(1)
    prepare_torchvision()
    counter = next(each for each in TOOLS if each.name == tool)
    small = plain("nin_cifar10", device)
    with torch.no_grad():
        quietly(counter, *small)  # what it imports and sets up at first use is not counted
        net, x = plain(name, device)
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew (Linux)
        before = _resident("VmRSS")
        quietly(counter, net, x)
        return _resident("VmHWM") - before


def _resident(which: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(which)) / 1024


def memory(tool: str, device: str) -> str:
    """`growth` on V4."""
    code = "from benchmarks import counters; "
    ((megabytes,),) = in_fresh_processes(f"{code}print(counters.growth({tool!r}, 'inception_v4', {device!r}))", 1)
    return f"{megabytes:.1f}"


def times(devices: Mapping[str, str], rounds: int) -> str:
    """The table of milliseconds, all counters in turns, each on a copy of its own; and the memory of V4."""
    rows: dict[str, list[str]] = {tool.name: [] for tool in TOOLS if tool.installed}
    rows["the bare forward pass"] = []
    quickest: list[float] = []
    for name in tqdm(NETWORKS, desc="times", unit="network"):
        ways: dict[str, Callable[[], Any]] = {}
        for tool in TOOLS:
            if tool.installed:
                ways[tool.name] = partial(quietly, tool, *plain(name, devices[tool.name]))
        net, x = plain(name, "meta")
        ways["the bare forward pass"] = partial(net, x)
        with functions_put_back():
            found = {way: median(each) for way, each in in_turns(ways, rounds, clock=thread_time).items()}
        for way, seconds in found.items():
            rows[way].append(f"{1000 * seconds:.{2 if seconds < 0.01 else 0}f}")
        ours = found.pop(TOOLS[0].name)
        found.pop("the bare forward pass")
        quickest.append(min(found.values()) / ours)
    body = [
        [way, devices.get(way, "meta"), *row, memory(way, devices[way]) if way in devices else ""]
        for way, row in rows.items()
    ]
    body.append(["the quickest other takes, times `trace`", "", *(f"{ratio:.0f}" for ratio in quickest), ""])
    body += [[tool.name, "not installed"] for tool in TOOLS if not tool.installed]
    return table(["milliseconds", "device", *NETWORKS.values(), "MB, V4"], body)


def answers() -> str:
    """The table of what is left behind and of the answers to bad images, on the CPU and in training mode."""
    rows = []
    for tool in tqdm(TOOLS, desc="answers", unit="counter"):
        if not tool.installed:
            rows.append([tool.name, "not installed"])
            continue
        quietly(tool, *plain("nin_cifar10", "cpu"))  # what it imports at first use does not count as left behind
        row = [tool.name]
        for shape in ((2, *ie.FAMILY[SPOILT].image), *BAD.values()):
            net, _ = plain(SPOILT, "cpu")
            with functions_put_back():
                outcome, left = leftovers(net.train(), partial(quietly, tool, net, torch.zeros(shape)))
            behind = ", ".join(left) or "nothing"
            row.append(behind if shape not in BAD.values() else f"{_words(outcome)}; leaves {behind}")
        rows.append(row)
    return table(["", "leaves behind after a good image", *BAD], rows, words=range(4))


def _words(outcome: Any) -> str:
    """What came back, in one line of a table."""
    if not isinstance(outcome, Exception):
        return f"returns {outcome if outcome is None else f'{outcome:,.0f}'}"
    said = shorten(str(outcome), 200, placeholder=" ...") or "no word"
    return f"{type(outcome).__name__}: {said}"


def growing(rounds: int) -> str:
    """The table of `trace` against depth and width of Inception-v4, and of building it anew at each width."""
    shape = ie.FAMILY["inception_v4"].image
    nets = {}
    for deep, wide in ((1, 1.0), (2, 1.0), (4, 1.0), (8, 1.0), (2, 0.25), (2, 4.0)):
        with torch.device("meta"):
            repeats = (4 * deep, 7 * deep, 3 * deep)
            nets[f"blocks times {deep}, width times {wide:g}"] = ie.build("inception_v4", repeats=repeats, width=wide)
    found = in_turns({way: partial(ie.trace, net, shape) for way, net in nets.items()}, rounds, clock=thread_time)
    rows = []
    for way, seconds in found.items():
        modules = sum(1 for _ in nets[way].modules())
        rows.append([way, f"{modules:,}", f"{1000 * median(seconds):.2f}", f"{1e6 * median(seconds) / modules:.1f}"])
    return table(["Inception-v4", "modules", "`trace`, ms", "microseconds / module"], rows)


def sliders(rounds: int) -> str:
    """The table of a slider's answer: a whole network built with another width, and traced."""

    def answer(name: str, widths: Iterator[float]) -> None:
        with torch.device("meta"):
            net = ie.build(name, width=next(widths))
        ie.trace(net, ie.FAMILY[name].image)

    rows = []
    for name, title in NETWORKS.items():
        way = partial(answer, name, iter(0.5 + i / 997 for i in range(rounds + 1)))
        found = in_turns({"meta": way}, rounds, clock=thread_time)["meta"]
        rows.append([title, f"{1000 * median(found):.1f}"])
    return table(["build on the meta device and `trace`", "ms"], rows)


def main() -> None:
    """Prints the tables."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--markdown", action="store_true", help="keep the tables in benchmarks/RESULTS.md")
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    prepare_torchvision()
    packages = sorted({tool.package for tool in TOOLS[2:] if tool.installed})
    with torch.no_grad():
        devices = {tool.name: device_of(tool) for tool in TOOLS if tool.installed}
        counted, timed = counts(devices), times(devices, chosen.rounds)
    publish(
        "counters",
        setting("python benchmarks/counters.py --markdown", *packages),
        "**What each counts**: how far its number is above ours, and what exactly accounts for the difference.",
        counted,
        f"**Time and memory**: medians of {chosen.rounds} rounds in turns, evaluation mode, no gradients. Times, here "
        "and below, are the processor time of one thread; memory is how far the process grew while it counted.",
        timed,
        f"**What each leaves behind, and how it answers bad images**: {NETWORKS[SPOILT]} in training mode on the CPU.",
        answers(),
        "**How `trace` grows** with the number of modules, and with the width.",
        growing(5 * chosen.rounds),
        "**A slider that changes every width**: the whole network is built and traced again.",
        sliders(chosen.rounds),
        keep=chosen.markdown,
    )


if __name__ == "__main__":
    main()
