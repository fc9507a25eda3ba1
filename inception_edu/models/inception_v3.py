"""Inception-v3 (Szegedy et al. 2015, "Rethinking the Inception Architecture", arXiv 1512.00567), as released.

The released network differs from the paper's Table 1: the stem has a 1x1 to 80 channels and a
second pool, the 35x35 blocks keep a real 5x5, and there are four 17x17 blocks and not five.
"""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import Concat
from ..network import InceptionNet, aux_head_bn, small_stem, stack
from ..shorthand import Item, branch


def avg_pool() -> nn.AvgPool2d:
    """3x3, stride 1, padded; the padding counts into the mean, as in torchvision (TF leaves it out)."""
    return nn.AvgPool2d(3, 1, padding=1)


def max_pool() -> nn.MaxPool2d:
    """3x3 with stride 2 and no padding: the papers' "V"."""
    return nn.MaxPool2d(3, 2)


def fork(in_channels: int, channels: int, **style: Any) -> Concat:
    """The expanded filter bank (Fig. 7): a 1x3 and a 3x1 side by side, each to `channels`."""
    return Concat(
        branch(in_channels, (channels, (1, 3)), **style),
        branch(in_channels, (channels, (3, 1)), **style),
    )


def inception_a(in_channels: int, pool_proj: int, **style: Any) -> Concat:
    """The 35x35 block (Fig. 5, with the 5x5 that the released code keeps)."""
    return Concat(
        branch(in_channels, (64, 1), **style),
        branch(in_channels, (48, 1), (64, 5), **style),
        branch(in_channels, (64, 1), (96, 3), (96, 3), **style),
        branch(in_channels, avg_pool(), (pool_proj, 1), **style),
    )


def reduction_a(in_channels: int, **style: Any) -> Concat:
    """35x35 to 17x17 without a bottleneck (Fig. 10): strided convolutions and a pool, side by side."""
    return Concat(
        branch(in_channels, (384, 3, 2, 0), **style),
        branch(in_channels, (64, 1), (96, 3), (96, 3, 2, 0), **style),
        max_pool(),
    )


def inception_b(in_channels: int, c7: int, **style: Any) -> Concat:
    """The 17x17 block (Fig. 6, n = 7): each 7x7 in two steps, 1x7 and 7x1; `c7` is the width between them."""
    return Concat(
        branch(in_channels, (192, 1), **style),
        branch(in_channels, (c7, 1), (c7, (1, 7)), (192, (7, 1)), **style),
        branch(in_channels, (c7, 1), (c7, (7, 1)), (c7, (1, 7)), (c7, (7, 1)), (192, (1, 7)), **style),
        branch(in_channels, avg_pool(), (192, 1), **style),
    )


def reduction_b(in_channels: int, **style: Any) -> Concat:
    """17x17 to 8x8 without a bottleneck."""
    return Concat(
        branch(in_channels, (192, 1), (320, 3, 2, 0), **style),
        branch(in_channels, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, 0), **style),
        max_pool(),
    )


def inception_c(in_channels: int, **style: Any) -> Concat:
    """The 8x8 block (Fig. 7): four branches, two of which fork, so six tensors are joined."""
    ends = partial(fork, channels=384)
    return Concat(
        branch(in_channels, (320, 1), **style),
        branch(in_channels, (384, 1), ends, **style),
        branch(in_channels, (448, 1), (384, 3), ends, **style),
        branch(in_channels, avg_pool(), (192, 1), **style),
    )


def inception_v3(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    small: bool = False,
    aux: bool = False,
) -> InceptionNet:
    """Inception-v3 as released: (N, 3, 299, 299) -> (N, 1000).

    23,834,568 parameters, 27,161,264 with the auxiliary head on 6e, and 5,713,216,096 MACs.
    `small` replaces the stem for images of 28 to 64 pixels. Dropout 0.5 as in torchvision.
    """
    stem: dict[str, Item] = {
        "conv_1a": (32, 3, 2, 0),
        "conv_2a": (32, 3, 1, 0),
        "conv_2b": (64, 3),
        "pool_3a": max_pool(),
        "conv_3b": (80, 1),
        "conv_4a": (192, 3, 1, 0),
        "pool_5a": max_pool(),
    }
    items = (small_stem(64, 192) if small else stem) | {
        "mixed_5b": partial(inception_a, pool_proj=32),
        "mixed_5c": partial(inception_a, pool_proj=64),
        "mixed_5d": partial(inception_a, pool_proj=64),
        "mixed_6a": reduction_a,
        "mixed_6b": partial(inception_b, c7=128),
        "mixed_6c": partial(inception_b, c7=160),
        "mixed_6d": partial(inception_b, c7=160),
        "mixed_6e": partial(inception_b, c7=192),
        "mixed_7a": reduction_b,
        "mixed_7b": inception_c,
        "mixed_7c": inception_c,
    }
    head = partial(aux_head_bn, num_classes=num_classes, small=small, width=width)
    return stack(
        in_channels,
        num_classes,
        items,
        name="inception_v3",
        dropout=0.5,
        aux={"mixed_6e": head} if aux else None,
        width=width,
    )
