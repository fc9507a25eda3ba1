"""Ways to count multiply-adds besides `trace`: how each is called, what it counts besides, and what it leaves behind.

All read one object: our network as `nn.Sequential(features, classifier)`. Time and counts are taken on the meta device
where a counter can work there, else on the CPU, in evaluation mode and without gradients. What is left behind is looked
for on the CPU in training mode, where most can be changed.
"""

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
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import inception_edu as ie
from inception_edu.bricks import ConvUnit, Residual
from inception_edu.tracing import Node

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
