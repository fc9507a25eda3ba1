"""A trained network as an equal, faster one: batch norm folded away, sibling 1x1 convolutions merged.

>>> net = load(asset("checkpoints/small_googlenet.safetensors"))
>>> quick = fuse(net)                                # the same logits, in less time

The tree of bricks is written anew from its leaves to its root, one rule a kind of brick. Three things change:

- A batch norm in evaluation mode only scales and shifts each channel, and the convolution (or linear layer)
  before it can do that with its own weights and a bias.
- Neighbouring branches of a `Concat` that begin with a 1x1 read the same tensor, so their 1x1s are one wider
  1x1, whose output is cut into slices again.
- Weights lie in memory channels last, which torch's kernels for CPUs prefer.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from copy import deepcopy
from functools import singledispatch
from itertools import groupby
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from .bricks import Concat, ConvUnit, Residual
from .network import InceptionNet
from .tracing import Reading, Signal, Walk, rule

Net = TypeVar("Net", bound=nn.Module)


class Slice(nn.Module):
    """`width` neighbouring channels from number `start` on, without copying them: (N, C, H, W) -> (N, width, H, W)."""

    def __init__(self, start: int, width: int) -> None:
        super().__init__()
        self.start = start
        self.width = width

    def forward(self, x: Tensor) -> Tensor:
        return x.narrow(1, self.start, self.width)

    def extra_repr(self) -> str:
        return f"start={self.start}, width={self.width}"


def fuse(net: Net) -> Net:
    """An equal network for inference, usually faster; `net` is left as it is.

    Takes any network or block of bricks in evaluation mode. What comes back has the same blocks under the same
    names, costs the same MACs, needs no gradients, and differs from `net` by rounding only.

    Raises ValueError for a network in training mode or one that is fused already, TypeError for a module
    that is neither a brick nor a layer that `trace` knows.
    """
    name = getattr(net, "name", "") or type(net).__name__
    if any(module.training for module in net.modules()):
        raise ValueError(f"{name} is in training mode, where batch norm has no fixed scale to fold: call .eval() first")
    if any(isinstance(module, Slice) or getattr(module, "fused", False) for module in net.modules()):
        raise ValueError(f"{name} is fused already: fuse the network that it was made from")
    with torch.no_grad():
        fused: Any = rewrite(net).eval().requires_grad_(False)
    fused.fused = True
    return fused.to(memory_format=torch.channels_last)


@singledispatch
def rewrite(module: nn.Module) -> nn.Module:
    """`module` written anew; one implementation a kind of brick, and a copy of any other layer that `trace` knows."""
    if rule.dispatch(type(module)) is rule.dispatch(object) or any(True for _ in module.children()):
        raise TypeError(
            f"fuse has no rule for {type(module).__name__}: build it from ConvUnit, nn.Sequential, Concat and Residual"
        )
    return deepcopy(module)


@rewrite.register
def _(module: nn.Sequential) -> nn.Module:
    return nn.Sequential(OrderedDict(folded(module)))


@rewrite.register
def _(module: ConvUnit) -> nn.Module:
    unit = ConvUnit(1, 1, 1, batch_norm=False, relu=False)
    for name, layer in folded(module):
        setattr(unit, name, layer)
    return unit


@rewrite.register
def _(module: Residual) -> nn.Module:
    return Residual(rewrite(module.body), rewrite(module.shortcut), module.scale)


@rewrite.register
def _(module: InceptionNet) -> nn.Module:
    blocks = {name: rewrite(block) for name, block in module.features.named_children()}
    heads = {name: rewrite(head) for name, head in module.aux_heads.items()}
    return InceptionNet(blocks, rewrite(module.classifier), heads, name=module.name)


@rewrite.register
def _(module: Concat) -> nn.Module:
    """Neighbours that begin with a 1x1 become one branch: a wide 1x1, then what came behind each on its slice."""
    branches: list[nn.Module] = []
    for pointwise, group in groupby(map(rewrite, module), key=lambda branch: is_pointwise(steps(branch)[0])):
        siblings = list(group)
        branches += [merge(siblings)] if pointwise and len(siblings) > 1 else siblings
    return branches[0] if len(branches) == 1 < len(module) else Concat(*branches)


def folded(layers: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    """The named layers, rewritten; each batch norm behind a convolution or linear layer has become part of it."""
    kept: dict[str, nn.Module] = {}
    last = ""
    for name, layer in layers._modules.items():
        assert layer is not None
        before = kept.get(last)
        norm = layer if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and layer.track_running_stats else None
        if norm and isinstance(before, nn.Conv2d | nn.Linear):
            kept[last] = fold(before, norm)
        else:
            kept[name] = rewrite(layer)
            last = name
    return iter(kept.items())


def fold(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> nn.Conv2d | nn.Linear:
    """A convolution or linear layer that does what `layer` and then `norm` do in evaluation mode.

    With the running mean m and variance v the norm computes g (y - m) / sqrt(v + eps) + b. Its factor
    s = g / sqrt(v + eps) goes into the weights, and b - s m into the bias.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = (norm.running_var + norm.eps).rsqrt()
    shift = -norm.running_mean if layer.bias is None else layer.bias - norm.running_mean
    if norm.affine:
        scale = scale * norm.weight
    shift = shift * scale + (norm.bias if norm.affine else 0)
    both = deepcopy(layer)
    both.weight = nn.Parameter(layer.weight * scale.reshape(-1, *[1] * (layer.weight.dim() - 1)))
    both.bias = nn.Parameter(shift)
    return both


def steps(branch: nn.Module) -> list[nn.Module]:
    """What a branch does, one after the other."""
    return list(branch) if isinstance(branch, nn.Sequential) and not isinstance(branch, ConvUnit) else [branch]


def is_pointwise(step: nn.Module) -> bool:
    """Whether a step is a plain 1x1 convolution with a ReLU, so that it can be merged with others."""
    if not isinstance(step, ConvUnit) or list(step._modules) != ["conv", "relu"]:
        return False
    conv = step.conv
    return (conv.kernel_size, conv.stride, conv.padding, conv.groups) == ((1, 1), (1, 1), (0, 0), 1)


def merge(siblings: Iterable[nn.Module]) -> nn.Module:
    """One branch that does what neighbouring branches do, each of which begins with a 1x1 on the same tensor."""
    heads: list[nn.Conv2d] = []
    ends: list[nn.Module] = []
    start = 0
    for sibling in siblings:
        head, *rest = steps(sibling)
        assert isinstance(head, ConvUnit)
        heads.append(head.conv)
        ends.append(nn.Sequential(Slice(start, head.conv.out_channels), *rest))
        start += head.conv.out_channels
    wide = ConvUnit(heads[0].in_channels, start, 1, batch_norm=False)
    biases = [conv.weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias for conv in heads]
    wide.conv.weight = nn.Parameter(torch.cat([conv.weight for conv in heads]))
    wide.conv.bias = nn.Parameter(torch.cat(biases))
    return nn.Sequential(OrderedDict(merged=wide, slices=Concat(*ends)))


@rule.register
def _(module: Slice, signal: Signal, walk: Walk) -> Reading:
    if module.start + module.width > signal.channels:
        raise ValueError(f"channels {module.start} to {module.start + module.width - 1} are asked of {signal.channels}")
    return Reading(signal._replace(channels=module.width))
