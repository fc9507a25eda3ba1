"""Inception-ResNet v1 and v2 (Szegedy et al. 2016, arXiv 1602.07261), as drawn and as released.

A residual block is a cheap Inception block whose concatenation a linear 1x1, with a bias and
neither batch norm nor ReLU, expands back to the width of the trunk; its output is scaled and added.
The figures of v2 print expansions to 1154 and 2048 channels where the trunk has 1152 and 2144: a
sum needs equal widths, so the trunk's are used.
"""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import Concat, ConvUnit, Residual
from ..network import InceptionNet, small_stem, stack
from ..shorthand import Item, branch, out_channels
from .inception_v3 import max_pool
from .inception_v4 import STEM as STEM_V4
from .inception_v4 import avg_pool, reduction_a

SCALES = {"block35": 0.17, "block17": 0.10, "block8": 0.20}
"""Residual scales of the released code; the paper recommends 0.1 to 0.3."""


def residual(in_channels: int, *branches: tuple[Item, ...], scale: float, relu: bool = True, **style: Any) -> nn.Module:
    """`x + scale * expand(concat(branches(x)))`, then ReLU unless it is the network's last block."""
    paths = Concat(*(branch(in_channels, *items, **style) for items in branches))
    expand = ConvUnit(out_channels(paths, in_channels), in_channels, 1, batch_norm=False, relu=False)
    summed = Residual(nn.Sequential(paths, expand), scale=scale)
    return nn.Sequential(summed, nn.ReLU()) if relu else summed


def block35_v1(in_channels: int, scale: float = SCALES["block35"], **style: Any) -> nn.Module:
    """The 35x35 block of v1 (Fig. 10)."""
    return residual(in_channels, ((32, 1),), ((32, 1), (32, 3)), ((32, 1), (32, 3), (32, 3)), scale=scale, **style)


def block17_v1(in_channels: int, scale: float = SCALES["block17"], **style: Any) -> nn.Module:
    """The 17x17 block of v1 (Fig. 11)."""
    return residual(in_channels, ((128, 1),), ((128, 1), (128, (1, 7)), (128, (7, 1))), scale=scale, **style)


def block8_v1(in_channels: int, scale: float = SCALES["block8"], relu: bool = True, **style: Any) -> nn.Module:
    """The 8x8 block of v1 (Fig. 13)."""
    return residual(in_channels, ((192, 1),), ((192, 1), (192, (1, 3)), (192, (3, 1))), scale=scale, relu=relu, **style)


def reduction_b_v1(in_channels: int, **style: Any) -> Concat:
    """17x17 to 8x8 in v1 (Fig. 12)."""
    return Concat(
        branch(in_channels, (256, 1), (384, 3, 2, 0), **style),
        branch(in_channels, (256, 1), (256, 3, 2, 0), **style),
        branch(in_channels, (256, 1), (256, 3), (256, 3, 2, 0), **style),
        max_pool(),
    )


def block35(in_channels: int, scale: float = SCALES["block35"], **style: Any) -> nn.Module:
    """The 35x35 block of v2 (Fig. 16)."""
    return residual(in_channels, ((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3)), scale=scale, **style)


def block17(in_channels: int, scale: float = SCALES["block17"], **style: Any) -> nn.Module:
    """The 17x17 block of v2 (Fig. 17)."""
    return residual(in_channels, ((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1))), scale=scale, **style)


def block8(in_channels: int, scale: float = SCALES["block8"], relu: bool = True, **style: Any) -> nn.Module:
    """The 8x8 block of v2 (Fig. 19)."""
    return residual(in_channels, ((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1))), scale=scale, relu=relu, **style)


def reduction_b(in_channels: int, **style: Any) -> Concat:
    """17x17 to 8x8 in v2 (Fig. 18)."""
    return Concat(
        branch(in_channels, (256, 1), (384, 3, 2, 0), **style),
        branch(in_channels, (256, 1), (288, 3, 2, 0), **style),
        branch(in_channels, (256, 1), (288, 3), (320, 3, 2, 0), **style),
        max_pool(),
    )


def mixed_5b(in_channels: int, **style: Any) -> Concat:
    """The one plain Inception block of the released v2, 192 to 320 channels."""
    return Concat(
        branch(in_channels, (96, 1), **style),
        branch(in_channels, (48, 1), (64, 5), **style),
        branch(in_channels, (64, 1), (96, 3), (96, 3), **style),
        branch(in_channels, avg_pool(), (64, 1), **style),
    )


def stem_v1() -> dict[str, Item]:
    """The stem of v1 (Fig. 14), 299x299x3 to 35x35x256."""
    return {
        "conv_1a": (32, 3, 2, 0),
        "conv_2a": (32, 3, 1, 0),
        "conv_2b": (64, 3),
        "pool_3a": max_pool(),
        "conv_3b": (80, 1),
        "conv_4a": (192, 3, 1, 0),
        "conv_4b": (256, 3, 2, 0),
    }


def stem_v2() -> dict[str, Item]:
    """The stem of the released v2, which is Inception-v3's and one plain block: 299x299x3 to 35x35x320."""
    head = {name: item for name, item in stem_v1().items() if name != "conv_4b"}
    return head | {"pool_5a": max_pool(), "mixed_5b": mixed_5b}


def inception_resnet_v1(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    repeats: tuple[int, int, int] = (5, 10, 5),
    small: bool = False,
    as_facenet: bool = False,
) -> InceptionNet:
    """Inception-ResNet-v1 as in the paper: (N, 3, 299, 299) -> (N, 1000).

    22,756,328 parameters and 6,206,361,696 MACs. `as_facenet` is the face recognition network: one more
    8x8 block without ReLU and with scale 1, and a 512-wide embedding with batch norm before the
    classifier (23,995,624 with 1,000 classes).
    """
    n_a, n_b, n_c = repeats
    items: dict[str, Item] = small_stem(64, 256) if small else stem_v1()
    items |= {f"block35_{i + 1}": block35_v1 for i in range(n_a)}
    items |= {"reduction_a": partial(reduction_a, klmn=(192, 192, 256, 384))}
    items |= {f"block17_{i + 1}": block17_v1 for i in range(n_b)}
    items |= {"reduction_b": reduction_b_v1}
    items |= {f"block8_{i + 1}": block8_v1 for i in range(n_c)}
    if as_facenet:
        items |= {f"block8_{n_c + 1}": partial(block8_v1, scale=1.0, relu=False)}
    net = stack(in_channels, num_classes, items, name="inception_resnet_v1", dropout=0.2, width=width)
    if as_facenet:
        net.classifier = _embedding(net.classifier.linear.in_features, num_classes)  # type: ignore[union-attr, arg-type]
    return net


def _embedding(channels: int, num_classes: int, size: int = 512) -> nn.Sequential:
    """facenet's tail: a linear embedding without bias, batch norm, then the classifier that only training uses."""
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Dropout(0.6),
        nn.Linear(channels, size, bias=False),
        nn.BatchNorm1d(size, eps=1e-3),
        nn.Linear(size, num_classes),
    )


def inception_resnet_v2_paper(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    repeats: tuple[int, int, int] = (5, 10, 5),
    small: bool = False,
) -> InceptionNet:
    """Inception-ResNet-v2 as drawn in the paper: (N, 3, 299, 299) -> (N, 1000).

    32,433,928 parameters and 9,257,953,632 MACs. The paper says that its cost matches Inception-v4's
    (42.7 M, 12.3 G); only the released network's does.
    """
    n_a, n_b, n_c = repeats
    items: dict[str, Item] = small_stem(64, 384) if small else dict(STEM_V4)
    items |= {f"block35_{i + 1}": block35 for i in range(n_a)}
    items |= {"reduction_a": partial(reduction_a, klmn=(256, 256, 384, 384))}
    items |= {f"block17_{i + 1}": block17 for i in range(n_b)}
    items |= {"reduction_b": reduction_b}
    items |= {f"block8_{i + 1}": block8 for i in range(n_c)}
    return stack(in_channels, num_classes, items, name="inception_resnet_v2_paper", dropout=0.2, width=width)


def inception_resnet_v2(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    width: float = 1.0,
    repeats: tuple[int, int, int] = (10, 20, 10),
    small: bool = False,
) -> InceptionNet:
    """Inception-ResNet-v2 as released: (N, 3, 299, 299) -> (N, 1000).

    55,843,464 parameters and 13,155,794,016 MACs. Twice as many blocks as drawn, Inception-v3's stem,
    and a 1x1 to 1536 before the pool. The last block has scale 1 and no ReLU.
    """
    n_a, n_b, n_c = repeats
    items: dict[str, Item] = small_stem(64, 192) | {"mixed_5b": mixed_5b} if small else stem_v2()
    items |= {f"block35_{i + 1}": block35 for i in range(n_a)}
    items |= {"reduction_a": partial(reduction_a, klmn=(256, 256, 384, 384))}
    items |= {f"block17_{i + 1}": block17 for i in range(n_b)}
    items |= {"reduction_b": reduction_b}
    items |= {f"block8_{i + 1}": block8 for i in range(n_c - 1)}
    items |= {f"block8_{n_c}": partial(block8, scale=1.0, relu=False), "conv_7b": (1536, 1)}
    return stack(in_channels, num_classes, items, name="inception_resnet_v2", dropout=0.2, width=width)
