"""`trace` and eight other ways to count multiply-adds, side by side on our networks.

    pip install --no-deps -r benchmarks/requirements-counters.txt
    python benchmarks/counters.py [--rounds 9] [--markdown]

Five tables: what each counts, and what it counts besides the multiply-adds of convolutions and linear layers; how long
it takes and how much memory; what it leaves behind and how it answers a bad image; how the time of `trace` grows; and
how fast a network is built and traced again at another width. `--markdown` keeps them as a section of
benchmarks/RESULTS.md. A counter that is not installed gets a row that says so.

All read one object: our network as `nn.Sequential(features, classifier)`, without the check of its input that
`InceptionNet.forward` makes with `trace` itself. Time and counts are taken on the meta device where a counter can
work there, else on the CPU, in evaluation mode and without gradients. What is left behind is looked for on the CPU in
training mode, where most can be changed.
"""

import argparse
import contextlib
import copy
import io
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from textwrap import shorten
from time import thread_time
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from tqdm import tqdm

import inception_edu as ie
from inception_edu.bricks import ConvUnit, Residual
from inception_edu.tracing import Node
from tools.peers import prepare_torchvision
from tools.recording import in_fresh_processes
from tools.results import in_turns, publish, setting, table

NETWORKS = {
    "googlenet_torchvision": "GoogLeNet",
    "inception_v3": "V3",
    "inception_v4": "V4",
    "inception_resnet_v2": "Inception-ResNet-v2",
}
"""Ours -> its name in the tables."""
BAD = {"8x8 pixels": (2, 3, 8, 8), "1 channel instead of 3": (2, 1, 224, 224)}
"""Shapes of two images each: one image alone would already fail in a batch norm in training mode."""
SPOILT = "googlenet_torchvision"
"""The network on which the counters are watched."""

Count = Callable[[nn.Module, Tensor], Any]
"""A network and a batch of one image -> MACs as the counter gives them."""


def _by_trace(net: nn.Module, x: Tensor) -> Any:
    return ie.trace(net, tuple(x.shape[1:])).macs


def _by_flop_counter_mode(net: nn.Module, x: Tensor) -> Any:
    with import_module("torch.utils.flop_counter").FlopCounterMode(display=False) as counter:
        net(x)
    return counter.get_total_flops() / 2  # torch counts a multiply and an add as two


def _by_calflops(net: nn.Module, x: Tensor) -> Any:
    calculate = import_module("calflops").calculate_flops
    return calculate(net, tuple(x.shape), print_results=False, output_as_string=False)[1]


def _by_ptflops(net: nn.Module, x: Tensor, backend: str) -> Any:
    count = import_module("ptflops").get_model_complexity_info
    return count(net, tuple(x.shape[1:]), print_per_layer_stat=False, as_strings=False, backend=backend)[0]


def _by_torchinfo(net: nn.Module, x: Tensor) -> Any:
    return import_module("torchinfo").summary(net, input_data=x, device=x.device, verbose=0).total_mult_adds


def _by_torchprofile(net: nn.Module, x: Tensor) -> Any:
    return import_module("torchprofile").profile_macs(net, x)


def _by_fvcore(net: nn.Module, x: Tensor) -> Any:
    count = import_module("fvcore.nn").FlopCountAnalysis(net, x)
    return count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def _by_thop(net: nn.Module, x: Tensor) -> Any:
    return import_module("thop").profile(net, (x,), verbose=False)[0]


@dataclass(frozen=True)
class Tool:
    """A counter, its package, and what it counts besides our MACs: how often each entry of `beside` is added."""

    name: str
    package: str
    count: Count
    beside: Mapping[str, int] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None


NORM, BIASES = "batch-norm values", {"convolution biases": 1, "linear biases": 1}
TOOLS = (
    Tool("`trace`", "inception_edu", _by_trace),
    Tool("`FlopCounterMode`, halved", "torch", _by_flop_counter_mode),
    Tool("calflops", "calflops", _by_calflops),
    Tool("ptflops, aten", "ptflops", partial(_by_ptflops, backend="aten"), BIASES),
    Tool("torchinfo", "torchinfo", _by_torchinfo, {**BIASES, "batch-norm parameters": 1}),
    Tool("torchprofile", "torchprofile", _by_torchprofile, {NORM: 1, "average-pool outputs": 1, "scaled sums": 1}),
    Tool("fvcore", "fvcore", _by_fvcore, {NORM: 2, "global-pool inputs": 1}),
    Tool("thop", "thop", _by_thop, {NORM: 4, "average-pool outputs": 1, "global-pool inputs": 1}),
    Tool(
        "ptflops, pytorch",
        "ptflops",
        partial(_by_ptflops, backend="pytorch"),
        {
            NORM: 2,
            "ReLU values": 2,
            "pool inputs": 2,
            "linear multiply-adds": 1,
            **BIASES,
        },
    ),
)


def beside(node: Node) -> Counter[str]:
    """What there is in a traced network that a counter may count besides our MACs, by the names in `Tool.beside`."""
    found: Counter[str] = Counter()
    for inner in node.walk():
        out = inner.output.elements
        match inner.module:
            case ConvUnit() as unit:
                found["convolution biases"] += out * (unit.conv.bias is not None)
                found["ReLU values"] += out * hasattr(unit, "relu")
                if hasattr(unit, "bn"):
                    found[NORM] += out
                    found["batch-norm parameters"] += 2 * unit.bn.num_features
            case nn.Linear() as linear:
                found["linear multiply-adds"] += inner.macs
                found["linear biases"] += out * (linear.bias is not None)
            case nn.ReLU():
                found["ReLU values"] += out
            case nn.MaxPool2d():
                found["pool inputs"] += inner.input.elements
            case nn.AvgPool2d():
                found["pool inputs"] += inner.input.elements
                found["average-pool outputs"] += out
            case nn.AdaptiveAvgPool2d():
                found["pool inputs"] += inner.input.elements
                found["average-pool outputs"] += out
                found["global-pool inputs"] += inner.input.elements
            case Residual():
                found["scaled sums"] += out
    return found


def plain(name: str, device: str) -> tuple[nn.Module, Tensor]:
    """Our network without its own check of the input, in evaluation mode, and a batch of one image for it."""
    with torch.device(device):
        net = ie.build(name).eval()
        return nn.Sequential(net.features, net.classifier), torch.zeros(1, *ie.FAMILY[name].image)


def quietly(tool: Tool, net: nn.Module, x: Tensor) -> Any:
    """The count, without what the counter prints or warns about."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        return tool.count(net, x)


def device_of(tool: Tool) -> str:
    """Where the counter can work, "meta" or only "cpu"."""
    try:
        with functions_put_back():
            return "cpu" if quietly(tool, *plain("nin_cifar10", "meta")) is None else "meta"
    except Exception:  # every counter has its own way to say that it cannot work there
        return "cpu"


@contextlib.contextmanager
def functions_put_back() -> Iterator[None]:
    """At its end, every function that a counter has patched is torch's own again."""
    before = functions()
    try:
        yield
    finally:
        for (owner, name), value in before.items():
            if vars(owner).get(name) is not value:
                setattr(owner, name, value)


def functions() -> dict[tuple[Any, str], Any]:
    """The functions that torch computes with: of torch, its functional module, tensors and modules."""
    layers = {kind for kind in vars(nn).values() if isinstance(kind, type) and issubclass(kind, nn.Module)}
    owners = (torch, F, Tensor, ConvUnit, *layers)
    return {(owner, name): value for owner in owners for name, value in vars(owner).items() if callable(value)}


def leftovers(net: nn.Module, work: Callable[[], Any]) -> tuple[Any, list[str]]:
    """What `work` returns or raises, and what it has left behind in `net` and in torch, in words."""
    patched, before, state = functions(), _belongings(net), copy.deepcopy(net.state_dict())
    modes = [module.training for module in net.modules()]
    try:
        outcome = work()
    except Exception as error:  # whatever it is, it is the answer
        outcome = error
    after, left = _belongings(net), []
    for what in before:
        if more := len(after[what] - before[what]):
            left.append(f"{more} {what}")
    now = net.state_dict()
    if more := len(now.keys() - state.keys()):
        left.append(f"{more} state-dict keys")
    if any(key not in now or not torch.equal(now[key], value) for key, value in state.items()):
        left.append("changed batch-norm statistics")
    if [module.training for module in net.modules()][: len(modes)] != modes:
        left.append("evaluation mode")
    if changed := sum(vars(owner).get(name) is not value for (owner, name), value in patched.items()):
        left.append(f"{changed} patched functions")
    return outcome, left


def _belongings(net: nn.Module) -> dict[str, set[tuple[str, Any]]]:
    """Hooks and attributes of every module, each under its module's name."""
    hooks, attributes = set(), set()
    for name, module in net.named_modules():
        for key, value in vars(module).items():
            attributes.add((name, key))
            if key.endswith("_hooks"):
                hooks |= {(name, (key, hook)) for hook in value}
    return {"hooks": hooks, "attributes": attributes}


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
    return table(["Inception-v4", "modules", "`trace`, ms", "microseconds a module"], rows)


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
        "**What each counts**: by how much its number is above ours, and of what that is made, to the last one.",
        counted,
        f"**Time and memory**: medians of {chosen.rounds} rounds in turns, evaluation mode, no gradients. Times, here "
        "and below, are one thread's own on the processor; memory is how far the process grew while it counted.",
        timed,
        f"**Left behind, and answers to bad images**: {NETWORKS[SPOILT]} in training mode on the CPU.",
        answers(),
        "**How `trace` grows** with the number of modules, and with the width.",
        growing(5 * chosen.rounds),
        "**A slider that changes every width**: the whole network is built and traced again.",
        sliders(chosen.rounds),
        keep=chosen.markdown,
    )


if __name__ == "__main__":
    main()
