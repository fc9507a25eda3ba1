"""What each step of `fuse` gains, and what else was tried and left out.

    python benchmarks/inference_ideas.py [--batch 1 8] [--rounds 15] [--markdown]

Each row changes one thing in a fused network and says how many times as fast it then is, in turns with the fused
network itself; the first row changes nothing and shows how much such numbers scatter. A step stays in `fuse` if it
gains 5 % on some network in about twenty lines; one that uses torch's private operators, whose names begin with an
underscore, cannot stay even so.
"""

import argparse
from collections.abc import Callable
from copy import deepcopy
from functools import partial
from statistics import median
from time import thread_time
from typing import Any
from unittest.mock import patch

import torch
from inference import NAMES, networks, prepare_torchvision
from torch import Tensor, nn
from torch.profiler import profile
from tqdm import tqdm

import inception_edu as ie
from inception_edu import fusion
from inception_edu.bricks import ConvUnit, Residual
from inception_edu.fusion import Pointwise, Sum, steps
from tools.results import in_turns, publish, setting, table

Swap = Callable[[nn.Module], nn.Module | None]
"""A module of a fused network -> its replacement, or None to keep it."""


def swapped(net: nn.Module, swap: Swap) -> nn.Module:
    """A copy of `net` with every module replaced for which `swap` has an answer, outermost first."""
    net = deepcopy(net)

    def walk(parent: nn.Module) -> None:
        for name, child in parent.named_children():
            if (new := swap(child)) is None:
                walk(child)
            else:
                setattr(parent, name, new)

    walk(net)
    return net


def as_convolution(module: nn.Module) -> nn.Module | None:
    """Without the matrix product: an ordinary 1x1 convolution."""
    if isinstance(module, Pointwise):
        module.__class__ = nn.Conv2d
    return None


def as_residual(module: nn.Module) -> nn.Module | None:
    """Without the sum in place, and with a scale that has to be multiplied with."""
    if isinstance(module, Sum):
        module.__class__ = Residual
    return None


def out_of_place(module: nn.Module) -> nn.Module | None:
    """Without ReLUs in place."""
    return nn.ReLU() if isinstance(module, nn.ReLU) else None


def transposed(module: nn.Module) -> nn.Module | None:
    """The weights of a 1x1 with the outputs adjacent in memory, as the matrix product reads them."""
    if isinstance(module, Pointwise):
        module.weight.data = module.weight.data.flatten(1).t().contiguous().t()[..., None, None]
    return None


class ProjectedFirst(nn.Module):
    """An average pool and its 1x1 projection, in the other order: fewer channels to pool. The bias comes last."""

    def __init__(self, pool: nn.Module, unit: ConvUnit) -> None:
        super().__init__()
        self.pool, self.conv = pool, unit.conv
        self.bias = unit.conv.bias[:, None, None].clone()  # type: ignore[index]
        self.conv.bias = None

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(self.conv(x)).add_(self.bias).relu_()


def projected_first(module: nn.Module) -> nn.Module | None:
    """See `ProjectedFirst`; a max pool does not commute."""
    inner = steps(module)
    if len(inner) == 2 and isinstance(inner[0], nn.AvgPool2d) and isinstance(inner[1], ConvUnit):
        return ProjectedFirst(inner[0], inner[1])
    return None


class ShiftedMaximum(nn.Module):
    """A 3x3 max pool of stride 1 as four maxima of shifted maps, without writing down where each maximum was."""

    def forward(self, x: Tensor) -> Tensor:
        for axis in (2, 3):
            size, out = x.shape[axis] - 1, x.clone()
            for here, there in ((1, 0), (0, 1)):
                part = out.narrow(axis, here, size)
                torch.maximum(part, x.narrow(axis, there, size), out=part)
            x = out
        return x


def shifted_maximum(module: nn.Module) -> nn.Module | None:
    """See `ShiftedMaximum`."""
    plain = isinstance(module, nn.MaxPool2d) and (module.kernel_size, module.stride, module.padding) == (3, 1, 1)
    return ShiftedMaximum() if plain else None


class OneKernel(nn.Module):
    """A convolution and what follows in one call of oneDNN; optionally its weights are prepared for it in advance."""

    def __init__(self, conv: nn.Conv2d, after: str, weight: Tensor | None = None) -> None:
        super().__init__()
        self.bias, self.weight = conv.bias, conv.weight if weight is None else weight
        self.rest = conv.padding, conv.stride, conv.dilation, conv.groups, after, [], ""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *self.rest)


def with_relu(module: nn.Module) -> nn.Module | None:
    """Convolutions of more than one pixel and their ReLU in one kernel."""
    if isinstance(module, ConvUnit) and list(module._modules) == ["conv", "relu"]:
        return None if isinstance(module.conv, Pointwise) else OneKernel(module.conv, "relu")
    return None


def packed(module: nn.Module) -> nn.Module | None:
    """Convolutions of more than one pixel with their weights in oneDNN's own layout, which fits one image size only."""
    if not isinstance(module, nn.Conv2d) or isinstance(module, Pointwise) or module.groups > 1:
        return None
    geometry = list(module.padding), list(module.stride), list(module.dilation), module.groups
    weight = torch.ops.mkldnn._reorder_convolution_weight(module.weight.detach(), *geometry, module.reads)
    return OneKernel(module, "none", weight)


IDEAS: dict[str, Swap] = {
    "nothing: the noise": lambda module: None,
    "without the ReLUs in place": out_of_place,
    "without 1x1s as matrix products": as_convolution,
    "without sums in place": as_residual,
    "weights of the 1x1s transposed": transposed,
    "pool projections before the average pool": projected_first,
    "3x3 max pools of stride 1 from shifted maps": shifted_maximum,
    "convolution and ReLU in one kernel (private)": with_relu,
    "weights in oneDNN's layout (private)": packed,
}


def variants(name: str, images: Tensor) -> dict[str, nn.Module]:
    """The fused network, and changed by each idea."""
    _, ours, _ = networks(name)
    fused: Any = ie.fuse(ours)
    for conv in (module for module in fused.modules() if isinstance(module, nn.Conv2d)):
        conv.register_forward_hook(lambda module, inputs, output: setattr(module, "reads", list(inputs[0].shape)))
    fused(images)
    for conv in (module for module in fused.modules() if isinstance(module, nn.Conv2d)):
        conv._forward_hooks.clear()
    bare = nn.Sequential(fused.features, fused.classifier)  # `trace` does not know what is exchanged here
    with patch.object(fusion, "is_pointwise", lambda step: False):
        unmerged: Any = ie.fuse(ours)
    return {
        "fused": deepcopy(bare),
        "without merged 1x1s": nn.Sequential(unmerged.features, unmerged.classifier),
        **{idea: swapped(bare, swap) for idea, swap in IDEAS.items()},
    }


def share_of_concatenation(net: nn.Module, images: Tensor) -> float:
    """Of the processor's time in `net`, the share in torch.cat: the most that writing into one buffer could save."""
    with profile() as profiled:
        net(images)
    times = {event.key: event.self_cpu_time_total for event in profiled.key_averages()}
    return times["aten::cat"] / sum(times.values())


@torch.no_grad()
def main() -> None:
    """Prints a row for each idea, a column for each network and batch."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    arguments.add_argument("--rounds", type=int, default=15)
    arguments.add_argument("--markdown", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    chosen = arguments.parse_args()
    torch.set_num_threads(1)
    prepare_torchvision()
    heads, rows = ["fused, and"], {}
    for name, batch in tqdm([(name, batch) for name in NAMES for batch in chosen.batch], unit="network"):
        images = torch.randn(batch, *networks(name)[2], generator=torch.Generator().manual_seed(0))
        nets = variants(name, images)
        exact = nets["fused"](images)
        for idea, net in nets.items():
            assert (net(images) - exact).abs().max() < 1e-4 * exact.abs().max(), f"{name}, {idea}"
        times = in_turns({idea: partial(net, images) for idea, net in nets.items()}, chosen.rounds, clock=thread_time)
        heads.append(f"{name.split()[1]}, {batch}")
        for idea, seconds in times.items():
            pairs = zip(times["fused"], seconds, strict=True)
            rows.setdefault(idea, []).append(f"{median(whole / changed for whole, changed in pairs):.2f}")
        bound = 1 / (1 - share_of_concatenation(nets["fused"], images))
        rows.setdefault("branches write into one buffer, at most", []).append(f"{bound:.2f}")
    publish(
        "inference-ideas",
        setting("python benchmarks/inference_ideas.py --markdown"),
        f"How many times as fast as what `fuse` returns, medians of {chosen.rounds} rounds in turns, processor time "
        "of one thread; each column is a network and its batch.",
        table(heads, [[idea, *each] for idea, each in rows.items() if idea != "fused"]),
        keep=chosen.markdown,
    )


if __name__ == "__main__":
    main()
