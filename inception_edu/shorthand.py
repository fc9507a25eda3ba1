"""The shorthand that lays bricks: `branch(192, (96, 1), (128, 3))` is a 1x1 to 96 channels, then a 3x3 to 128."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from .bricks import ConvUnit
from .layers import Signal
from .tracing import ShapeError, Walk

Item = nn.Module | tuple[Any, ...] | Callable[..., nn.Module]
"""What `branch` and `chain` take: a module, `(out_channels, kernel_size[, stride[, padding]])`, or a block function."""

SIDES = (32, 224, 299, *range(1, 65))
"""Sides of the square maps on which a module is tried until one fits, to see how many channels it outputs."""


def out_channels(module: nn.Module, in_channels: int) -> int:
    """How many channels any module outputs when it reads maps of `in_channels`, or a vector of as many.

    Raises ShapeError (a ValueError) where it reads neither at any usual size, and what `trace` raises.
    """
    if isinstance(module, ConvUnit):
        return module.conv.out_channels
    reasons = []
    for shape in (*((in_channels, side, side) for side in SIDES), (in_channels,)):
        try:
            return Walk(aux=False)("", module, Signal(shape)).output.channels
        except ValueError as error:
            reasons.append(error)
    raise ShapeError(f"{type(module).__name__} does not read {in_channels} channels at any usual size: {reasons[0]}")


def widen(channels: int, width: float) -> int:
    """`channels` times the width factor, to the nearest whole number and never below 1.

    Raises ValueError for a factor that is not positive.
    """
    if not width > 0:
        raise ValueError(
            f"a width factor of {width} leaves no channels: it must be greater than 0, and 1.0 is the paper's width"
        )
    return max(1, round(channels * width))


def lay(item: Item, in_channels: int, *, width: float = 1.0, **unit: Any) -> nn.Module:
    """One item as a module that reads `in_channels`.

    A tuple `(out_channels, kernel_size[, stride[, padding]])` becomes a `ConvUnit` with the options
    `unit`, its width multiplied by `width`; a block function is called with `in_channels` and the
    same options; a module is taken as it is. Raises TypeError for anything else.
    """
    if isinstance(item, tuple):
        channels, *geometry = item
        return ConvUnit(in_channels, widen(channels, width), *geometry, **unit)
    if isinstance(item, nn.Module):
        return item
    if not callable(item):
        raise TypeError(f"{item!r} is no layer: write (out_channels, kernel_size), a module or a block function")
    return item(in_channels, width=width, **unit)


def chain(in_channels: int, items: Mapping[str, Item], **style: Any) -> dict[str, nn.Module]:
    """Named items as modules, one after the other, each reading the channels that the one before it outputs.

    `style` is `width` and the options of `ConvUnit`; every item gets it (see `lay`).
    """
    modules = {}
    for name, item in items.items():
        modules[name] = module = lay(item, in_channels, **style)
        in_channels = out_channels(module, in_channels)
    return modules


def branch(in_channels: int, *items: Item, **style: Any) -> nn.Module:
    """One branch of a block: `branch(192, (96, 1), (128, 3))` is a 1x1 to 96 channels, then a 3x3 to 128."""
    modules = list(chain(in_channels, {str(i): item for i, item in enumerate(items)}, **style).values())
    return modules[0] if len(modules) == 1 else nn.Sequential(*modules)


def separable(
    in_channels: int,
    channels: int,
    kernel_size: int = 3,
    stride: int = 1,
    *,
    multiplier: int = 1,
    relu: bool = True,
    **style: Any,
) -> nn.Sequential:
    """A depthwise separable convolution: each channel on its own in space, then a 1x1 that mixes them.

    Nothing comes between the two, as Xception found best (its §4.7); batch norm and ReLU follow
    the 1x1. `multiplier` is how many maps the depthwise half makes of each channel.
    """
    depthwise = ConvUnit(
        *(in_channels, in_channels * multiplier, kernel_size, stride),
        groups=in_channels,
        batch_norm=False,
        relu=False,
        bias=False,
    )
    pointwise = lay((channels, 1), in_channels * multiplier, relu=relu, **style)
    return nn.Sequential(OrderedDict(depthwise=depthwise, pointwise=pointwise))
