"""Inception-v4 (Szegedy et al. 2016, arXiv 1602.07261): no residual connections."""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import Concat
from ..network import InceptionNet, aux_head_bn, small_stem, stack
from ..shorthand import Item, branch
from .inception_v3 import fork, max_pool


def avg_pool() -> nn.AvgPool2d:
    """3x3, stride 1, padded; the padding is left out of the mean, as TF's SAME pools and timm do."""
    return nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)


def mixed_3a(in_channels: int, **style: Any) -> Concat:
    """147x147 to 73x73: a pool and a strided convolution, side by side."""
    return Concat(max_pool(), branch(in_channels, (96, 3, 2, 0), **style))


def mixed_4a(in_channels: int, **style: Any) -> Concat:
    """73x73 to 71x71: a 3x3, and a 7x7 in two steps, side by side."""
    return Concat(
        branch(in_channels, (64, 1), (96, 3, 1, 0), **style),
        branch(in_channels, (64, 1), (64, (1, 7)), (64, (7, 1)), (96, 3, 1, 0), **style),
    )


def mixed_5a(in_channels: int, **style: Any) -> Concat:
    """71x71 to 35x35: a strided convolution and a pool, side by side."""
    return Concat(branch(in_channels, (192, 3, 2, 0), **style), max_pool())


STEM: dict[str, Item] = {
    "conv_1a": (32, 3, 2, 0),
    "conv_2a": (32, 3, 1, 0),
    "conv_2b": (64, 3),
    "mixed_3a": mixed_3a,
    "mixed_4a": mixed_4a,
    "mixed_5a": mixed_5a,
}
"""The stem (Fig. 3), 299x299x3 to 35x35x384; the figure draws 7x1 before 1x7, the released code does 1x7 first."""


def inception_a(in_channels: int, **style: Any) -> Concat:
    """The 35x35 block (Fig. 4)."""
    return Concat(
        branch(in_channels, (96, 1), **style),
        branch(in_channels, (64, 1), (96, 3), **style),
        branch(in_channels, (64, 1), (96, 3), (96, 3), **style),
        branch(in_channels, avg_pool(), (96, 1), **style),
    )


def reduction_a(in_channels: int, klmn: tuple[int, int, int, int] = (192, 224, 256, 384), **style: Any) -> Concat:
    """35x35 to 17x17 (Fig. 7); k, l, m, n of the paper's Table 1 set its widths."""
    k, l, m, n = klmn
    return Concat(
        branch(in_channels, (n, 3, 2, 0), **style),
        branch(in_channels, (k, 1), (l, 3), (m, 3, 2, 0), **style),
        max_pool(),
    )


def inception_b(in_channels: int, **style: Any) -> Concat:
    """The 17x17 block (Fig. 5)."""
    return Concat(
        branch(in_channels, (384, 1), **style),
        branch(in_channels, (192, 1), (224, (1, 7)), (256, (7, 1)), **style),
        branch(in_channels, (192, 1), (192, (7, 1)), (224, (1, 7)), (224, (7, 1)), (256, (1, 7)), **style),
        branch(in_channels, avg_pool(), (128, 1), **style),
    )


def reduction_b(in_channels: int, **style: Any) -> Concat:
    """17x17 to 8x8 (Fig. 8)."""
    return Concat(
        branch(in_channels, (192, 1), (192, 3, 2, 0), **style),
        branch(in_channels, (256, 1), (256, (1, 7)), (320, (7, 1)), (320, 3, 2, 0), **style),
        max_pool(),
    )


def inception_c(in_channels: int, **style: Any) -> Concat:
    """The 8x8 block (Fig. 6): four branches, two of which fork, so six tensors are joined."""
    ends = partial(fork, channels=256)
    return Concat(
        branch(in_channels, (256, 1), **style),
        branch(in_channels, (384, 1), ends, **style),
        branch(in_channels, (384, 1), (448, (3, 1)), (512, (1, 3)), ends, **style),
        branch(in_channels, avg_pool(), (256, 1), **style),
    )


def inception_v4(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    repeats: tuple[int, int, int] = (4, 7, 3),
    small: bool = False,
    aux: bool = False,
) -> InceptionNet:
    """Inception-v4: (N, 3, 299, 299) -> (N, 1000). 42,679,816 parameters, 12,253,974,624 MACs.

    `repeats` is the number of A, B and C blocks. `small` replaces the stem for images of 28 to 64
    pixels. `aux` adds TF-Slim's head on the last B block. Dropout 0.2: the paper *keeps* 0.8.
    """
    n_a, n_b, n_c = repeats
    items: dict[str, Item] = small_stem(64, 384) if small else dict(STEM)
    items |= {f"inception_a_{i + 1}": inception_a for i in range(n_a)}
    items |= {"reduction_a": reduction_a}
    items |= {f"inception_b_{i + 1}": inception_b for i in range(n_b)}
    items |= {"reduction_b": reduction_b}
    items |= {f"inception_c_{i + 1}": inception_c for i in range(n_c)}
    head = partial(aux_head_bn, num_classes=num_classes, small=small, width=width)
    return stack(
        in_channels,
        num_classes,
        items,
        name="inception_v4",
        dropout=0.2,
        aux={f"inception_b_{n_b}": head} if aux else None,
        width=width,
    )
