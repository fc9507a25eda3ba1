"""BN-Inception, which the Inception-v4 paper and TF-Slim call Inception V2 (Ioffe, Szegedy 2015, arXiv 1502.03167).

The table in the paper's appendix contradicts itself: with the printed pool projections of 128,
blocks 4c and 4d output 608 channels where it prints 576. TF-Slim makes the sum right with
projections of 96; the Caffe replication, and Cadene's port of it, keep 128 and live with 608.
"""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import Concat
from ..network import InceptionNet, small_stem, stack
from ..shorthand import Item, branch, separable

Widths = tuple[int, int, int, int, int, int]

TABLE: dict[str, Widths] = {
    "inception_3a": (64, 64, 64, 64, 96, 32),
    "inception_3b": (64, 64, 96, 64, 96, 64),
    "inception_3c": (0, 128, 160, 64, 96, 0),
    "inception_4a": (224, 64, 96, 96, 128, 128),
    "inception_4b": (192, 96, 128, 96, 128, 128),
    "inception_4c": (160, 128, 160, 128, 160, 96),
    "inception_4d": (96, 128, 192, 160, 192, 96),
    "inception_4e": (0, 128, 192, 192, 256, 0),
    "inception_5a": (352, 192, 320, 160, 224, 128),
    "inception_5b": (352, 192, 320, 192, 224, 128),
}
"""#1x1, #3x3 reduce, #3x3, #double 3x3 reduce, #double 3x3 (each of two), pool proj; 3c and 4e pass their pool on."""


def avg_pool() -> nn.AvgPool2d:
    """3x3, stride 1, padded; the padding counts into the mean (torch's default), as in Caffe."""
    return nn.AvgPool2d(3, 1, padding=1)


def inception(in_channels: int, row: Widths, *, pool: nn.Module, **style: Any) -> Concat:
    """1x1 | 1x1, 3x3 | 1x1, 3x3, 3x3 | pool, 1x1: GoogLeNet's block with two 3x3 for its 5x5."""
    n1x1, n3x3_reduce, n3x3, double_reduce, double, pool_proj = row
    return Concat(
        branch(in_channels, (n1x1, 1), **style),
        branch(in_channels, (n3x3_reduce, 1), (n3x3, 3), **style),
        branch(in_channels, (double_reduce, 1), (double, 3), (double, 3), **style),
        branch(in_channels, pool, (pool_proj, 1), **style),
    )


def reduction(in_channels: int, row: Widths, *, pool: nn.Module, **style: Any) -> Concat:
    """A block that halves the grid: stride 2 on the last 3x3 of each branch, and a pool that passes all channels on."""
    _, n3x3_reduce, n3x3, double_reduce, double, _ = row
    return Concat(
        branch(in_channels, (n3x3_reduce, 1), (n3x3, 3, 2), **style),
        branch(in_channels, (double_reduce, 1), (double, 3), (double, 3, 2), **style),
        pool,
    )


def bn_inception(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    small: bool = False,
    separable_stem: bool = True,
    as_cadene: bool = False,
) -> InceptionNet:
    """BN-Inception in TF-Slim's reading: (N, 3, 224, 224) -> (N, 1000).

    11,188,288 parameters and 1,934,857,216 MACs. Its first layer is separable, a depthwise 7x7 that
    makes 8 maps of each channel and a 1x1, with nothing between the two; `separable_stem=False`
    makes it one plain 7x7 (11,194,984 and 2,018,851,840). `as_cadene` is the port of the Caffe
    replication: plain first layer, projections of 128 in 4c and 4d, a bias before every batch norm
    and epsilon 1e-5 (11,295,240).
    """
    style: dict[str, Any] = {"width": width}
    table = dict(TABLE)
    # A pool that rounds up and one that pads agree on even grids; padding keeps it aligned with the
    # padded stride-2 convolutions next to it on odd grids too; rounding up is what Caffe does.
    rounds_up = as_cadene and not small
    down = partial(nn.MaxPool2d, 3, 2, ceil_mode=True) if rounds_up else partial(nn.MaxPool2d, 3, 2, padding=1)
    if as_cadene:
        style |= {"bias": True, "eps": 1e-5}
        for name in ("inception_4c", "inception_4d"):
            table[name] = (*table[name][:5], 128)
    conv_1: Item = (64, 7, 2)
    if separable_stem and not as_cadene:
        conv_1 = partial(separable, channels=64, kernel_size=7, stride=2, multiplier=8)
    items: dict[str, Item] = {
        "conv_1": conv_1,
        "pool_1": down(),
        "conv_2": (64, 1),
        "conv_3": (192, 3),
        "pool_2": down(),
    }
    if small:
        items = small_stem(64, 192)
    for name, row in table.items():
        if row[0]:
            pool = nn.MaxPool2d(3, 1, padding=1) if name == "inception_5b" else avg_pool()
            items[name] = partial(inception, row=row, pool=pool)
        else:
            items[name] = partial(reduction, row=row, pool=down())
    return stack(in_channels, num_classes, items, name="bn_inception", **style)
