"""Reads a module's shapes and cost off its structure, without computing anything.

`trace` walks the module tree once and asks a rule per kind of module what comes out of it. No
tensor is made, no hook is set and the module is not touched, so it works on any device, `meta`
included. All numbers come from `arithmetic`.

To teach it a module of your own, register a rule; a rule may walk its children with `walk`:

    @rule.register
    def _(module: Shuffle, signal: Signal, walk: Walk) -> Reading:
        return Reading(signal)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache, singledispatch
from typing import Any, NamedTuple

from torch import nn

from . import arithmetic
from .arithmetic import Pair, pair
from .bricks import Concat, ConvUnit, Residual


class ShapeError(ValueError):
    """A module cannot read what it is given; the message says where, and the numbers."""


class Signal(NamedTuple):
    """What flows between modules: maps of `channels` x `height` x `width`, or a vector once `flat`.

    `field` and `jump` are (vertical, horizontal) and in pixels of the image that was traced: how
    many of them one value sees (its theoretical receptive field, which may reach beyond the
    border), and how far two neighbouring values are apart.
    """

    channels: int
    height: int
    width: int
    field: Pair = (1, 1)
    jump: Pair = (1, 1)
    flat: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """(C, H, W), or (C,) for a vector."""
        return (self.channels,) if self.flat else (self.channels, self.height, self.width)

    @property
    def elements(self) -> int:
        return self.channels * self.height * self.width


class Reading(NamedTuple):
    """What a rule answers: the output, and the module's own cost beyond that of its children."""

    output: Signal
    params: int = 0
    macs: int = 0
    activations: int = 0
    children: tuple["Node", ...] = ()
    aux: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One module as `trace` read it, with everything below it.

    | field         | what it is                                                                  |
    |---------------|-----------------------------------------------------------------------------|
    | `name`        | its name in its parent                                                      |
    | `module`      | the module itself                                                           |
    | `input`       | the `Signal` it reads: `.shape`, `.field`, `.jump`                          |
    | `output`      | the `Signal` it puts out                                                    |
    | `params`      | parameters, auxiliary heads included; a module used twice is counted once   |
    | `macs`        | multiply-adds of convolutions and linear layers for one image               |
    | `activations` | values that convolutions and linear layers put out, for one image           |
    | `children`    | the nodes inside: in order, or side by side under `Concat` and `Residual`   |
    | `aux`         | the auxiliary heads, each named after the block that it reads               |

    Only training runs the auxiliary heads, so neither `macs` nor `activations` counts them.
    """

    name: str
    module: nn.Module = field(repr=False)
    input: Signal
    output: Signal
    params: int
    macs: int
    activations: int
    children: tuple["Node", ...] = field(default=(), repr=False)
    aux: tuple["Node", ...] = field(default=(), repr=False)

    @property
    def activation_bytes(self) -> int:
        """Bytes of `activations` in float32."""
        return 4 * self.activations

    def __getitem__(self, path: str) -> "Node":
        """The node at a dotted path, `node["inception_3a.1.0"]`; KeyError names what is there instead."""
        node = self
        for name in path.split("."):
            found = [child for child in node.children if child.name == name]
            if not found:
                there = ", ".join(child.name for child in node.children) or "nothing"
                raise KeyError(f"{node.name or 'the network'} holds no {name!r}; it holds {there}")
            node = found[0]
        return node

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first; auxiliary heads are not among them."""
        yield self
        for child in self.children:
            yield from child.walk()


class Walk:
    """Carries one `trace` through the tree: `walk(name, module, signal)` gives the `Node` of a child.

    `aux` says whether auxiliary heads are read too.
    """

    def __init__(self, aux: bool = True) -> None:
        self.aux = aux
        self._path: list[str] = []
        self._seen: set[int] = set()

    def __call__(self, name: str, module: nn.Module, signal: Signal) -> Node:
        self._path.append(name)
        try:
            reading = rule(module, signal, self)
        except ShapeError:
            raise
        except ValueError as error:
            where = ".".join(filter(None, self._path))
            raise ShapeError(f"{where}: {error}" if where else str(error)) from error
        self._path.pop()
        output, params, macs, activations, children, aux = reading
        if id(module) in self._seen:
            params = 0
        self._seen.add(id(module))
        for child in children:
            params += child.params
            macs += child.macs
            activations += child.activations
        for head in aux:
            params += head.params
        return Node(name, module, signal, output, params, macs, activations, children, aux)


def trace(module: nn.Module, shape: tuple[int, ...], *, aux: bool = True, name: str = "") -> Node:
    """Shapes, parameters, MACs, activations and receptive fields of `module` for one image of `shape` (C, H, W).

    MACs count the multiply-adds of convolutions and linear layers for a batch of one, nothing
    else. Reads anything made of the bricks and torch's usual layers. `aux=False` leaves auxiliary
    heads out, which often need a larger image than the network behind them. `name` is what tables,
    drawings and a ShapeError call the module.

    Raises ShapeError (a ValueError) when the module cannot read that shape, and TypeError for a
    module that has no rule.
    """
    if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ShapeError(f"a shape is (channels, height, width), three whole numbers above 0; got {tuple(shape)}")
    try:
        return replace(Walk(aux)("", module, Signal(*shape)), name=name)
    except ShapeError as error:
        who = name or getattr(module, "name", "") or type(module).__name__
        message = f"{who} cannot read (C, H, W) = {tuple(shape)}: {error}"
        too_small = isinstance(error.__cause__, arithmetic.TooSmallError)
        if too_small and (smallest := _smallest_side(module, shape[0], min(shape[1:]), aux)):
            message += f"; the smallest square image it can read is {smallest}x{smallest}"
        raise ShapeError(message) from None


def _smallest_side(module: nn.Module, channels: int, failed: int, aux: bool) -> int | None:
    """The smallest square side above `failed` that traces, or None where none up to 1024 does."""

    def fault(side: int) -> ShapeError | None:
        try:
            Walk(aux)("", module, Signal(channels, side, side))
        except ShapeError as error:
            return error
        return None

    def too_small(side: int) -> bool:
        error = fault(side)
        return error is not None and isinstance(error.__cause__, arithmetic.TooSmallError)

    low, high = failed, 1024
    if too_small(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if too_small(middle) else (low, middle)
    # from here on every window fits, but branches may still end on different grids at some sizes
    return next((side for side in range(high, high + 64) if fault(side) is None), None)


@singledispatch
def rule(module: nn.Module, signal: Signal, walk: Walk) -> Reading:
    """What comes out of `module`; one implementation per kind of module, chosen by its class."""
    raise TypeError(
        f"trace has no rule for {type(module).__name__}: build it from ConvUnit, nn.Sequential, Concat and Residual, "
        f"or add a rule with @inception_edu.tracing.rule.register, or count it by running it with torchinfo.summary"
    )


def _maps(signal: Signal, reader: str) -> None:
    if signal.flat:
        raise ValueError(f"{reader} reads maps of (C, H, W), but gets a vector of {signal.channels}")


def _slide(signal: Signal, channels: int, window: Any, *, dilation: Any = 1, ceil_mode: bool = False) -> Signal:
    """The signal behind a window `(kernel, stride, padding)` that slides over both sides."""
    kernel, stride, padding = map(pair, window)
    apart = pair(dilation)
    height, width = (
        arithmetic.out_size(size, kernel[i], stride[i], padding[i], dilation=apart[i], ceil_mode=ceil_mode)
        for i, size in enumerate((signal.height, signal.width))
    )
    (field_h, jump_h), (field_w, jump_w) = (
        arithmetic.receptive_field(signal.field[i], signal.jump[i], kernel[i], stride[i], dilation=apart[i])
        for i in (0, 1)
    )
    return Signal(channels, height, width, (field_h, field_w), (jump_h, jump_w))


@rule.register
def _(module: nn.Conv2d, signal: Signal, walk: Walk) -> Reading:
    _maps(signal, "a convolution")
    if signal.channels != module.in_channels:
        raise ValueError(f"a convolution that reads {module.in_channels} channels gets {signal.channels}")
    window = module.kernel_size, module.stride, module.padding
    return _convolve(signal, module.out_channels, window, module.dilation, module.groups, module.bias is not None)


@lru_cache(maxsize=4096)
def _convolve(
    signal: Signal, out_channels: int, window: tuple[Pair, Pair, Pair | str], dilation: Pair, groups: int, bias: bool
) -> Reading:
    """What a convolution with the window (kernel, stride, padding) makes of `signal`.

    Kept, because one network is traced many times: for its tables, its drawings and the first image of each size.
    """
    kernel, stride, padding = window
    if padding == "same":
        output = _slide(signal, out_channels, (kernel, stride, kernel), dilation=dilation)  # wide enough to fit
        output = output._replace(height=signal.height, width=signal.width)
    else:
        window = kernel, stride, (0, 0) if padding == "valid" else padding
        output = _slide(signal, out_channels, window, dilation=dilation)
    return Reading(
        output,
        params=arithmetic.conv_params(signal.channels, out_channels, kernel, groups=groups, bias=bias),
        macs=arithmetic.conv_macs(signal.channels, out_channels, kernel, output.height, output.width, groups=groups),
        activations=output.elements,
    )


@rule.register
def _(module: nn.Linear, signal: Signal, walk: Walk) -> Reading:
    if not signal.flat:
        raise ValueError(
            f"a linear layer reads a vector of {module.in_features}, but gets maps of {signal.shape}: "
            "average them over their positions or flatten them first"
        )
    if signal.channels != module.in_features:
        raise ValueError(f"a linear layer that reads {module.in_features} values gets {signal.channels}")
    return Reading(
        signal._replace(channels=module.out_features),
        params=arithmetic.linear_params(module.in_features, module.out_features, bias=module.bias is not None),
        macs=arithmetic.linear_macs(module.in_features, module.out_features),
        activations=module.out_features,
    )


@rule.register(nn.BatchNorm1d)
@rule.register(nn.BatchNorm2d)
@rule.register(nn.InstanceNorm2d)
@rule.register(nn.GroupNorm)
def _(module: Any, signal: Signal, walk: Walk) -> Reading:
    channels = module.num_channels if isinstance(module, nn.GroupNorm) else module.num_features
    if channels != signal.channels:
        raise ValueError(f"a {type(module).__name__} over {channels} channels gets {signal.channels}")
    return Reading(signal, params=arithmetic.norm_params(channels) if module.affine else 0)


@rule.register
def _(module: nn.PReLU, signal: Signal, walk: Walk) -> Reading:
    return Reading(signal, params=module.num_parameters)


def _unchanged(module: nn.Module, signal: Signal, walk: Walk) -> Reading:
    return Reading(signal)


for _kind in (
    *(nn.Identity, nn.Dropout, nn.Dropout2d, nn.AlphaDropout, nn.LocalResponseNorm, nn.Softmax, nn.LogSoftmax),
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh, nn.Softplus),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Hardtanh),
):
    rule.register(_kind, _unchanged)


@rule.register
def _(module: nn.MaxPool2d, signal: Signal, walk: Walk) -> Reading:
    _maps(signal, "a pool")
    window = module.kernel_size, module.stride, module.padding
    return Reading(_slide(signal, signal.channels, window, dilation=module.dilation, ceil_mode=module.ceil_mode))


@rule.register
def _(module: nn.AvgPool2d, signal: Signal, walk: Walk) -> Reading:
    _maps(signal, "a pool")
    window = module.kernel_size, module.stride, module.padding
    return Reading(_slide(signal, signal.channels, window, ceil_mode=module.ceil_mode))


@rule.register(nn.AdaptiveAvgPool2d)
@rule.register(nn.AdaptiveMaxPool2d)
def _(module: Any, signal: Signal, walk: Walk) -> Reading:
    _maps(signal, "a pool")
    wanted = module.output_size if isinstance(module.output_size, tuple) else (module.output_size,) * 2
    (height, field_h, jump_h), (width, field_w, jump_w) = (
        _adapt(have, want or have, field, jump)
        for have, want, field, jump in zip(signal[1:3], wanted, signal.field, signal.jump, strict=True)
    )
    return Reading(Signal(signal.channels, height, width, (field_h, field_w), (jump_h, jump_w)))


def _adapt(size: int, out: int, field: int, jump: int) -> tuple[int, int, int]:
    """Size, field and jump behind an adaptive pool along one side.

    torch's windows differ by a pixel and overlap where the sizes do not divide; the widest decides what is seen.
    """
    widest = max(-(-(i + 1) * size // out) - i * size // out for i in range(out))
    return out, *arithmetic.receptive_field(field, jump, widest, max(1, size // out))


@rule.register
def _(module: nn.ZeroPad2d, signal: Signal, walk: Walk) -> Reading:
    left, right, top, bottom = module.padding
    return Reading(signal._replace(height=signal.height + top + bottom, width=signal.width + left + right))


@rule.register
def _(module: nn.Flatten, signal: Signal, walk: Walk) -> Reading:
    field_h = signal.field[0] + (signal.height - 1) * signal.jump[0]
    field_w = signal.field[1] + (signal.width - 1) * signal.jump[1]
    return Reading(Signal(signal.elements, 1, 1, (field_h, field_w), signal.jump, flat=True))


@rule.register
def _(module: ConvUnit, signal: Signal, walk: Walk) -> Reading:
    """One box of a figure, so one node: the cost of its layers added up."""
    params = macs = activations = 0
    for layer in module:
        reading = rule(layer, signal, walk)
        signal = reading.output
        params += reading.params
        macs += reading.macs
        activations += reading.activations
    return Reading(signal, params, macs, activations)


@rule.register
def _(module: nn.Sequential, signal: Signal, walk: Walk) -> Reading:
    nodes = []
    for name, layer in module._modules.items():  # not named_children, which skips a module used twice
        assert layer is not None
        nodes.append(node := walk(name, layer, signal))
        signal = node.output
    return Reading(signal, children=tuple(nodes))


def _seen_by_any(outputs: list[Signal]) -> tuple[Pair, Pair]:
    """The receptive field and jump of values that hang on several signals of one grid."""
    fields, jumps = [o.field for o in outputs], [o.jump for o in outputs]
    return (
        (max(f[0] for f in fields), max(f[1] for f in fields)),
        (max(j[0] for j in jumps), max(j[1] for j in jumps)),
    )


@rule.register
def _(module: Concat, signal: Signal, walk: Walk) -> Reading:
    nodes = tuple(walk(str(i), branch, signal) for i, branch in enumerate(module))
    outputs = [node.output for node in nodes]
    grids = [f"{o.height}x{o.width}" for o in outputs]
    if len(set(grids)) > 1:
        raise ValueError(
            f"the branches end on different grids ({', '.join(grids)}), and only equal grids can be joined on channels"
        )
    channels = sum(o.channels for o in outputs)
    return Reading(Signal(channels, outputs[0].height, outputs[0].width, *_seen_by_any(outputs)), children=nodes)


@rule.register
def _(module: Residual, signal: Signal, walk: Walk) -> Reading:
    body, shortcut = walk("body", module.body, signal), walk("shortcut", module.shortcut, signal)
    if body.output.shape != shortcut.output.shape:
        raise ValueError(
            f"the body ends in {body.output.shape} and the shortcut in {shortcut.output.shape}, "
            "and only equal shapes can be added"
        )
    field, jump = _seen_by_any([body.output, shortcut.output])
    return Reading(body.output._replace(field=field, jump=jump), children=(body, shortcut))
