"""GoogLeNet, Inception V1 (Szegedy et al. 2014, arXiv 1409.4842), as in the paper and as in torchvision."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn

from ..bricks import Concat
from ..network import InceptionNet, aux_head, small_stem, stack
from ..shorthand import Item, branch

Widths = tuple[int, int, int, int, int, int]

TABLE_1: dict[str, Widths] = {
    "inception_3a": (64, 96, 128, 16, 32, 32),
    "inception_3b": (128, 128, 192, 32, 96, 64),
    "inception_4a": (192, 96, 208, 16, 48, 64),
    "inception_4b": (160, 112, 224, 24, 64, 64),
    "inception_4c": (128, 128, 256, 24, 64, 64),
    "inception_4d": (112, 144, 288, 32, 64, 64),
    "inception_4e": (256, 160, 320, 32, 128, 128),
    "inception_5a": (256, 160, 320, 32, 128, 128),
    "inception_5b": (384, 192, 384, 48, 128, 128),
}
"""The paper's Table 1: #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5, pool proj of each block."""


def max_pool(kernel: int = 3) -> nn.MaxPool2d:
    """Stride 2, rounding up as Caffe does, so that 112 becomes 56 and not 55."""
    return nn.MaxPool2d(kernel, 2, ceil_mode=True)


def lrn() -> nn.LocalResponseNorm:
    """Local response normalisation over 5 channels, with the settings of the Caffe replication."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


def naive_inception(in_channels: int, n1x1: int, n3x3: int, n5x5: int, **style: Any) -> Concat:
    """The naive block (Fig. 2a): the pool passes on all its channels, so the block can only grow."""
    return Concat(
        branch(in_channels, (n1x1, 1), **style),
        branch(in_channels, (n3x3, 3), **style),
        branch(in_channels, (n5x5, 5), **style),
        nn.MaxPool2d(3, 1, padding=1),
    )


def inception(in_channels: int, row: Widths, *, third_kernel: int = 5, **style: Any) -> Concat:
    """The block with reductions (Fig. 2b), its six widths in the order of Table 1.

    `third_kernel=3` is what TF-Slim and torchvision build where the paper says 5x5.
    """
    n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj = row
    return Concat(
        branch(in_channels, (n1x1, 1), **style),
        branch(in_channels, (n3x3_reduce, 1), (n3x3, 3), **style),
        branch(in_channels, (n5x5_reduce, 1), (n5x5, third_kernel), **style),
        branch(in_channels, nn.MaxPool2d(3, 1, padding=1), (pool_proj, 1), **style),
    )


def _stages(table: Mapping[str, Widths], last_pool: int, third_kernel: int) -> dict[str, Item]:
    """The blocks of the table, with a pool wherever the digit of the stage goes up."""
    items: dict[str, Item] = {}
    stage = next(iter(table))[-2]
    last = list(table)[-1][-2]
    for name, row in table.items():
        if name[-2] != stage:
            items[f"pool_{stage}"] = max_pool(last_pool if name[-2] == last else 3)
            stage = name[-2]
        items[name] = partial(inception, row=row, third_kernel=third_kernel)
    return items


def googlenet(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    table: Mapping[str, Widths] = TABLE_1,
    small: bool = False,
    aux: bool = False,
    batch_norm: bool = False,
) -> InceptionNet:
    """GoogLeNet as in the paper: (N, 3, 224, 224) -> (N, 1000).

    6,998,552 parameters and 1,582.7 M MACs; 13,378,280 parameters with both auxiliary heads. `aux`
    adds the heads on 4a and 4d, where `table` has them. `small` replaces the stem for images of 28 to 64
    pixels, `table` the widths and number of blocks, `batch_norm` the biases and both LRNs, as later
    practice does.
    """
    norm = nn.Identity if batch_norm else lrn
    stem: dict[str, Item] = {
        "conv_1": (64, 7, 2),
        "pool_1": max_pool(),
        "lrn_1": norm(),
        "conv_2": (64, 1),
        "conv_3": (192, 3),
        "lrn_2": norm(),
        "pool_2": max_pool(),
    }
    style: dict[str, Any] = {"width": width, "batch_norm": batch_norm}

    def head(channels: int) -> nn.Module:
        pool = nn.AdaptiveAvgPool2d(4) if small else nn.AvgPool2d(5, 3)
        return aux_head(channels, num_classes, pool, **style)

    return stack(
        in_channels,
        num_classes,
        (small_stem(64, 192) if small else stem) | _stages(table, last_pool=3, third_kernel=5),
        name="googlenet",
        dropout=0.4,
        aux={"inception_4a": head, "inception_4d": head} if aux else None,
        **style,
    )


def googlenet_torchvision(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    small: bool = False,
    aux: bool = False,
    third_kernel: int = 3,
) -> InceptionNet:
    """GoogLeNet as in torchvision: (N, 3, 224, 224) -> (N, 1000).

    6,624,904 parameters, 13,004,888 with both auxiliary heads, and 1,498,376,192 MACs. Unlike the
    paper it has batch norm and neither biases nor LRN, a 3x3 where the paper says 5x5
    (`third_kernel=5` restores it), a 2x2 last pool, dropout 0.2, and auxiliary heads that pool to 4x4.
    """
    stem: dict[str, Item] = {
        "conv_1": (64, 7, 2),
        "pool_1": max_pool(),
        "conv_2": (64, 1),
        "conv_3": (192, 3),
        "pool_2": max_pool(),
    }

    def head(channels: int) -> nn.Module:
        return aux_head(channels, num_classes, nn.AdaptiveAvgPool2d(4), width=width)

    return stack(
        in_channels,
        num_classes,
        (small_stem(64, 192) if small else stem) | _stages(TABLE_1, last_pool=2, third_kernel=third_kernel),
        name="googlenet_torchvision",
        dropout=0.2,
        aux={"inception_4a": head, "inception_4d": head} if aux else None,
        width=width,
    )
