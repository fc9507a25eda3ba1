"""Network in Network (Lin, Chen, Yan 2013, arXiv 1312.4400).

The CIFAR-10 network is the authors' released definition. The ImageNet network is not in the
paper: it is the first author's later entry in Caffe's model zoo.
"""

from functools import partial
from typing import Any

from torch import nn

from ..bricks import ConvUnit
from ..network import InceptionNet
from ..shorthand import Item, branch, chain


def mlpconv(
    in_channels: int, conv: tuple[Any, ...], maps: tuple[int, ...], *, class_maps: int = 0, **style: Any
) -> nn.Module:
    """A convolution followed by 1x1 convolutions to `maps`, each with ReLU: a small perceptron slid over the image.

    `class_maps` adds one more 1x1 with a map for each class; no width factor applies to it.
    """
    items: list[Item] = [conv, *((channels, 1) for channels in maps)]
    if class_maps:
        items.append(lambda c, width=1.0, **unit: ConvUnit(c, class_maps, 1, **unit))
    return branch(in_channels, *items, **style)


def max_pool() -> nn.MaxPool2d:
    """3x3 with stride 2, rounding up as Caffe and cuda-convnet do; rounding down loses a row of the grid."""
    return nn.MaxPool2d(3, 2, ceil_mode=True)


def _nin(in_channels: int, items: dict[str, Item], *, width: float, name: str) -> InceptionNet:
    """The mean of each class map is that class's logit, so the classifier has no parameters."""
    blocks = chain(in_channels, items, width=width, batch_norm=False)
    return InceptionNet(blocks, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), name=name)


def nin_cifar10(*, num_classes: int = 10, in_channels: int = 3, width: float = 1.0) -> InceptionNet:
    """NIN for CIFAR-10: (N, 3, 32, 32) -> (N, 10). 966,986 parameters, 222.5 M MACs.

    It reads images of 28 to 64 pixels as it is, so it has no small stem.
    """
    items: dict[str, Item] = {
        "mlpconv_1": partial(mlpconv, conv=(192, 5), maps=(160, 96)),
        "pool_1": max_pool(),
        "dropout_1": nn.Dropout(0.5),
        "mlpconv_2": partial(mlpconv, conv=(192, 5), maps=(192, 192)),
        "pool_2": max_pool(),
        "dropout_2": nn.Dropout(0.5),
        "mlpconv_3": partial(mlpconv, conv=(192, 3), maps=(192,), class_maps=num_classes),
    }
    return _nin(in_channels, items, width=width, name="nin_cifar10")


def nin_imagenet(
    *, num_classes: int = 1000, in_channels: int = 3, width: float = 1.0, small: bool = False
) -> InceptionNet:
    """NIN for ImageNet: (N, 3, 224, 224) -> (N, 1000). 7,595,176 parameters, 1.10 G MACs.

    `small` reads images of 28 to 64 pixels: the first convolution is a padded 5x5 without its stride.
    """
    items: dict[str, Item] = {
        "mlpconv_1": partial(mlpconv, conv=(96, 5) if small else (96, 11, 4, 0), maps=(96, 96)),
        "pool_1": max_pool(),
        "mlpconv_2": partial(mlpconv, conv=(256, 5), maps=(256, 256)),
        "pool_2": max_pool(),
        "mlpconv_3": partial(mlpconv, conv=(384, 3), maps=(384, 384)),
        "pool_3": max_pool(),
        "dropout_3": nn.Dropout(0.5),
        "mlpconv_4": partial(mlpconv, conv=(1024, 3), maps=(1024,), class_maps=num_classes),
    }
    return _nin(in_channels, items, width=width, name="nin_imagenet")
