"""Inception blocks of depthwise separable convolutions: tutorial 003's, corrected, and a light twin of GoogLeNet.

The tutorial: "23 Inception之轻量化设计", AI免费学习网, zglg.work/ai-30-neural-networks/23/.
"""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import Concat, ConvUnit
from ..network import InceptionNet, small_stem, stack
from ..shorthand import Item, branch, separable
from .googlenet import TABLE_1, Widths, max_pool


def light_block_as_written(in_channels: int, *, separable: bool = True, **style: Any) -> Concat:
    """Tutorial 003's module as its code builds it: `in_channels` -> `in_channels + 160`.

    One 1x1 to 32 feeds both towers and is itself passed on; the pool is not projected, so every
    module adds 160 channels; there is a ReLU between depthwise and pointwise, and no batch norm.
    The widths are the tutorial's, whatever `style` asks for. `separable=False` puts ordinary 3x3 and
    5x5 convolutions in the towers, for comparison.
    """
    unit = partial(ConvUnit, batch_norm=False)

    def tower(kernel: int) -> nn.Module:
        if separable:
            return nn.Sequential(unit(32, 32, kernel, groups=32), unit(32, 64, 1))
        return unit(32, 64, kernel)

    return Concat(
        nn.Sequential(unit(in_channels, 32, 1), Concat(nn.Identity(), tower(3), tower(5))),
        nn.MaxPool2d(3, 1, padding=1),
    )


def light_block(in_channels: int, row: Widths, **style: Any) -> Concat:
    """The module without its faults, which makes it GoogLeNet's block with separable 3x3 and 5x5.

    Each tower has a reduction of its own, the pool is projected, nothing comes between depthwise
    and pointwise, and batch norm follows each box. `row` is in the order of GoogLeNet's Table 1.
    """
    n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj = row
    return Concat(
        branch(in_channels, (n1x1, 1), **style),
        branch(in_channels, (n3x3_reduce, 1), _separable(n3x3, 3), **style),
        branch(in_channels, (n5x5_reduce, 1), _separable(n5x5, 5), **style),
        branch(in_channels, nn.MaxPool2d(3, 1, padding=1), (pool_proj, 1), **style),
    )


def _separable(channels: int, kernel: int, stride: int = 1) -> Item:
    return partial(separable, channels=channels, kernel_size=kernel, stride=stride)


def light_inception(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    small: bool = False,
) -> InceptionNet:
    """GoogLeNet with every 3x3 and 5x5 after the first layer made separable: (N, 3, 224, 224) -> (N, 1000).

    A network of this course, not of a paper: same Table 1, same grids, batch norm, no LRN.
    """
    items: dict[str, Item] = {
        "conv_1": (64, 7, 2),
        "pool_1": max_pool(),
        "conv_2": (64, 1),
        "conv_3": _separable(192, 3),
        "pool_2": max_pool(),
    }
    if small:
        items = small_stem(64) | {"conv_2": _separable(192, 3)}
    stage = "3"
    for name, row in TABLE_1.items():
        if name[-2] != stage:
            items[f"pool_{stage}"] = max_pool()
            stage = name[-2]
        items[name] = partial(light_block, row=row)
    return stack(in_channels, num_classes, items, name="light_inception", dropout=0.2, width=width)
