"""A trained network as an equal, faster one: batch norm folded away, sibling 1x1 convolutions merged.

>>> net = load(asset("checkpoints/small_googlenet.safetensors"))
>>> quick = fuse(net)                                # the same logits, in less time
>>> rough = fuse(net, dtype=torch.bfloat16)          # nearly the same, in less still where the processor knows bfloat16

The tree of bricks is rebuilt from its leaves to its root, with one rule per kind of brick. Five things change:

- A batch norm in evaluation mode only scales and shifts each channel, and the convolution (or linear layer)
  before it can do that with its own weights and a bias. So can the last convolution of a `Residual` with the
  scale, and the sum is then written over its output.
- Neighbouring branches of a `Concat` that begin with a 1x1 read the same tensor, so their 1x1s are one wider
  1x1, whose output is cut into slices again.
- Weights are stored with channels last, which torch's kernels for CPUs prefer.
- A 1x1 is then one matrix product over all positions, and is computed so.
- A ReLU whose input nothing else reads overwrites it.

What each brings, and what was tried and brought too little, is in benchmarks/RESULTS.md.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from copy import copy, deepcopy
from functools import singledispatch
from itertools import groupby
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bricks import Concat, ConvUnit, Product, Residual
from .layers import KINDS, Signal, kind, kind_of, refuse_unready, uncompiled
from .network import InceptionNet
from .tracing import RULES, layers_of

Net = TypeVar("Net", bound=nn.Module)


class Pointwise(nn.Conv2d):
    """A 1x1 convolution, computed as what it is: the same linear layer at each position, one matrix product in all.

    (N, C, H, W) -> (N, out_channels, H, W). With channels last nothing is copied, not even for a `Slice`.
    """

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x.movedim(-3, -1), self.weight.flatten(1), self.bias).movedim(-1, -3)


class Sum(Residual):
    """`shortcut(x) + body(x)`, written over the body's output; its last convolution has taken in the scale."""

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.shortcut(x)  # first, as in `Residual`: the body may begin with something that changes x
        body: Tensor = self.body(x)
        return body.add_(shortcut) if body.shape == shortcut.shape else body + shortcut


class Cast(nn.Module):
    """The same numbers, rounded to what `dtype` can hold."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        return x.to(self.dtype)

    def extra_repr(self) -> str:
        return str(self.dtype)


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


def fuse(net: Net, dtype: torch.dtype | None = None) -> Net:
    """An equal network for inference, usually faster; `net` is left as it is.

    Takes any network or block of bricks in evaluation mode. What comes back has the same blocks under the same
    names, costs the same MACs, needs no gradients, and differs from `net` by rounding only.

    With a `dtype`, such as `torch.bfloat16`, weights and maps are rounded to it, also those that `block_outputs`
    yields. The network still reads images and answers in logits of the type it had: it can take the place of
    `net` anywhere. Only a processor with instructions for the type is faster with it (`lscpu` lists amx_bf16 or
    avx512_bf16).

    Raises ValueError for a network in training mode, one that is fused already and a dtype that is not floating,
    TypeError for a module that is neither a brick nor a known layer, that overrides what one of them computes, or that
    has forward hooks.
    """
    name = getattr(net, "name", "") or type(net).__name__
    if any(uncompiled(module).training for module in net.modules()):
        raise ValueError(f"{name} is in training mode, where batch norm has no fixed scale to fold: call .eval() first")
    if any(isinstance(m, Slice | Pointwise | Sum) or getattr(m, "fused", False) for m in net.modules()):
        raise ValueError(f"{name} is fused already: fuse the network that it was made from")
    if dtype and not dtype.is_floating_point:
        raise ValueError(f"weights need a floating-point type such as torch.bfloat16, not {dtype}")
    for path, module in net.named_modules():
        refuse_unready(module, [path])
    with torch.no_grad():
        fused: Any = rewrite(net)
    if dtype:
        outside = next((p.dtype for p in net.parameters()), torch.float32)
        fused = between_casts(fused.to(dtype), dtype, outside)
    for parameter in fused.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    fused.fused = True
    return fused.eval().requires_grad_(False)


def between_casts(net: nn.Module, dtype: torch.dtype, outside: torch.dtype) -> nn.Module:
    """`net`, whose weights are of `dtype`, with a cast before its first block and one back after each of its ends.

    torch has no local response norm and no 3-d average pool in half precision, so each is computed in `outside`.
    """
    whole: nn.Module
    if isinstance(net, InceptionNet):
        first, *others = net.features.named_children()
        blocks = {first[0]: nn.Sequential(Cast(dtype), first[1]), **dict(others)}
        heads = {tap: nn.Sequential(head, Cast(outside)) for tap, head in net.aux_heads.items()}
        whole = InceptionNet(blocks, nn.Sequential(net.classifier, Cast(outside)), heads, name=net.name)
    else:
        whole = nn.Sequential(Cast(dtype), net, Cast(outside))
    for module in list(whole.modules()):
        for name, child in module._modules.items():
            if isinstance(child, nn.LocalResponseNorm | nn.AvgPool3d):
                module._modules[name] = nn.Sequential(Cast(outside), child, Cast(dtype))
    return whole


def owner(module: nn.Module) -> type[nn.Module] | None:
    """The brick or layer whose computation a module has, unchanged; None where there is none."""
    if RULES.of(module):
        return RULES.owner(type(module))
    kind = kind_of(module)
    return kind.owner if kind else None


def rewrite(module: nn.Module) -> nn.Module:
    """`module` rebuilt; one implementation per kind of brick, and a copy of any other known layer."""
    module = uncompiled(module)
    kind = owner(module)
    if kind is None:
        raise TypeError(
            f"fuse has no rule for {type(module).__name__}: build it from ConvUnit, nn.Sequential, Concat and Residual"
        )
    return _rewrite.dispatch(kind)(module)


@singledispatch
def _rewrite(module: nn.Module) -> nn.Module:
    return plain(module)


@_rewrite.register
def _(module: nn.Sequential) -> nn.Module:
    return nn.Sequential(OrderedDict(folded(module)))


@_rewrite.register
def _(module: ConvUnit) -> nn.Module:
    unit = ConvUnit(1, 1, 1, batch_norm=False, relu=False)
    unit._modules.clear()
    for name, layer in folded(module):
        unit.add_module(name, layer)
    return unit


@_rewrite.register
def _(module: nn.Conv2d) -> nn.Module:
    conv: Any = plain(module)
    if (conv.kernel_size, conv.stride, conv.padding, conv.groups) != ((1, 1), (1, 1), (0, 0), 1):
        return conv
    pointwise = Pointwise(conv.in_channels, conv.out_channels, 1, device="meta")  # its own weights are never drawn
    pointwise.weight, pointwise.bias = conv.weight, conv.bias
    return pointwise


@_rewrite.register
def _(module: Residual) -> nn.Module:
    body, shortcut = rewrite(module.body), rewrite(module.shortcut)
    if getattr(module.scale, "shape", ()):
        raise TypeError("fuse has no rule for a Residual whose scale is a tensor of several numbers")
    scale = float(module.scale)
    last = steps(body)[-1]
    if not isinstance(last, ConvUnit) or list(last._modules) != ["conv"]:
        return Residual(body, shortcut, scale)
    for parameter in last.parameters():
        parameter.mul_(scale)
    return Sum(body, shortcut)


@_rewrite.register
def _(module: Product) -> nn.Module:
    return Product(*map(rewrite, module))


@_rewrite.register
def _(module: InceptionNet) -> nn.Module:
    blocks = {name: rewrite(block) for name, block in module.features.named_children()}
    heads = {name: rewrite(head) for name, head in module.aux_heads.items()}
    return InceptionNet(blocks, rewrite(module.classifier), heads, name=module.name)


@_rewrite.register
def _(module: Concat) -> nn.Module:
    """Neighbours that begin with a 1x1 become one branch: a wide 1x1, then what followed each on its slice."""
    branches: list[nn.Module] = []
    for pointwise, group in groupby(map(rewrite, module), key=lambda branch: is_pointwise(steps(branch)[0])):
        siblings = list(group)
        branches += [merge(siblings)] if pointwise and len(siblings) > 1 else siblings
    return branches[0] if len(branches) == 1 < len(module) else Concat(*branches)


NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm)


def folded(layers: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    """The named layers, rewritten; each batch norm after a convolution or linear layer has become part of it.

    A ReLU after one, or after a sum, is its only reader, and so may write over it. A linear layer takes in the norm
    after it only where vectors are certain, after a flatten: on (N, L, C) the two work along different axes.
    """
    kept: dict[str, nn.Module] = {}
    last = ""
    vectors = False
    for name, layer in layers_of(layers):
        before, kind = kept.get(last), owner(layer)
        vectors |= isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) == (1, -1)
        foldable = isinstance(before, nn.Conv2d) or (isinstance(before, nn.Linear) and vectors)
        if foldable and kind in NORMS and layer.running_mean is not None and layer.running_var is not None:
            kept[last] = fold(before, plain(layer))  # type: ignore[arg-type]
        elif kind is nn.ReLU and isinstance(before, nn.Conv2d | nn.Linear | Residual):
            kept[name] = nn.ReLU(inplace=True)
            last = name
        else:
            kept[name] = rewrite(layer)
            last = name
    return iter(kept.items())


def plain(layer: nn.Module) -> nn.Module:
    """A copy of one layer as torch itself would make it, with the weights that it computes with now.

    Pruning and norms of weights (torch.nn.utils) keep a layer's weights elsewhere and compute them at every call.
    """
    kind = owner(layer)
    assert kind is not None
    if type(layer) is kind and not layer._forward_pre_hooks:
        return deepcopy(layer)
    computed = copy(layer) if layer._forward_pre_hooks else layer  # with its own attributes: `layer` stays as it is
    for hook in layer._forward_pre_hooks.values():
        hook(computed, ())
    twin = kind.__new__(kind)
    nn.Module.__init__(twin)
    inner = vars(twin).keys()
    twin.__dict__ |= {k: v for k, v in vars(layer).items() if k not in inner and not isinstance(v, Tensor)}
    for name in ("weight", "bias"):
        if (value := getattr(computed, name, None)) is not None or name in layer._parameters:
            twin.register_parameter(name, None if value is None else nn.Parameter(value.detach().clone()))
    for name, buffer in layer._buffers.items():
        if not name.startswith(("weight_", "bias_")):
            twin.register_buffer(name, deepcopy(buffer))
    return twin.train(layer.training)


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
    both.weight = nn.Parameter((layer.weight * scale.reshape(-1, *[1] * (layer.weight.dim() - 1))).to(layer.weight))
    both.bias = nn.Parameter(shift.to(layer.weight))
    return both


def steps(branch: nn.Module) -> list[nn.Module]:
    """What a branch does, one after the other."""
    opened = isinstance(branch, nn.Sequential) and not isinstance(branch, ConvUnit) and len(branch)
    return list(branch) if opened else [branch]  # type: ignore[call-overload]


def is_pointwise(step: nn.Module) -> bool:
    """Whether a step is a plain 1x1 convolution with a ReLU, so that it can be merged with others."""
    named = isinstance(step, ConvUnit) and list(step._modules) == ["conv", "relu"]
    return named and isinstance(step.conv, Pointwise) and type(step.relu) is nn.ReLU


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
    return nn.Sequential(OrderedDict(merged=rewrite(wide), slices=Concat(*ends)))


kind(Pointwise, box="conv", label="1x1 conv", macs=KINDS[nn.Conv2d].macs)(KINDS[nn.Conv2d].output)
kind(Cast, box="identity", label=lambda m: f"cast to {m.dtype}")(lambda module, signal: signal)
RULES[Sum] = RULES[Residual]


@kind(Slice, box="reshape", label=lambda m: f"channels {m.start} to {m.start + m.width - 1}")
def _slice(module: Slice, signal: Signal) -> Signal:
    if module.start + module.width > signal.channels:
        raise ValueError(
            f"channels {module.start} to {module.start + module.width - 1} do not exist: there are {signal.channels}"
        )
    return signal._replace(shape=(module.width, *signal.sides))
