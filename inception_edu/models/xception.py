"""Xception (Chollet 2016, arXiv 1610.02357): every convolution after the stem is depthwise separable."""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import ConvUnit, Residual
from ..network import InceptionNet, stack
from ..shorthand import Item, branch, out_channels, separable


def sep(channels: int, *, relu: bool = True) -> Item:
    """A separable 3x3 to `channels` with batch norm, for use in `branch`."""
    return partial(separable, channels=channels, relu=relu)


def down(in_channels: int, widths: tuple[int, ...], *, first_relu: bool = True, **style: Any) -> Residual:
    """A module that halves the grid: separable convolutions and a pool, with a strided 1x1 as shortcut (Fig. 5)."""
    *inner, last = widths
    start: list[Item] = [nn.ReLU()] if first_relu else []
    pool = nn.MaxPool2d(3, 2, padding=1)
    body = branch(in_channels, *start, *map(sep, inner), sep(last, relu=False), pool, **style)
    channels = out_channels(body, in_channels)
    unit = {key: value for key, value in style.items() if key != "width"}
    return Residual(body, ConvUnit(in_channels, channels, 1, 2, relu=False, **unit))


def middle(in_channels: int, **style: Any) -> Residual:
    """A module of the middle flow: three separable convolutions to 728 and the identity."""
    return Residual(branch(in_channels, nn.ReLU(), sep(728), sep(728), sep(728, relu=False), **style))


def xception(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    repeats: int = 8,
    small: bool = False,
    eps: float = 1e-3,
) -> InceptionNet:
    """Xception: (N, 3, 299, 299) -> (N, 1000). 22,855,952 parameters, 8,357,403,496 MACs.

    `repeats` is the number of middle modules; `small` takes the strides and the missing padding out
    of the first two convolutions, for images of 28 to 64 pixels. Dropout 0.5 before the classifier.
    """
    items: dict[str, Item] = {
        "conv_1": (32, 3) if small else (32, 3, 2, 0),
        "conv_2": (64, 3) if small else (64, 3, 1, 0),
        "entry_1": partial(down, widths=(128, 128), first_relu=False),
        "entry_2": partial(down, widths=(256, 256)),
        "entry_3": partial(down, widths=(728, 728)),
        **{f"middle_{i + 1}": middle for i in range(repeats)},
        "exit_1": partial(down, widths=(728, 1024)),
        "exit_2": sep(1536),
        "exit_3": sep(2048),
    }
    return stack(in_channels, num_classes, items, name="xception", dropout=0.5, width=width, eps=eps)
