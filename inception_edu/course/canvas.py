"""Five garments on a canvas, and a network that finds them: what runs through the course.

>>> image = lay_out(GARMENTS)
>>> found = find(net, image)           # net is any network (N, 1, 28, 28) -> (N, 10), the reader's own above all
>>> draw_canvas(image, found)          # of `course.pictures`
"""
# mypy: untyped-calls-exclude=torch

from collections.abc import Sequence
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import fuse_conv_bn_eval

from ..agreement import copy_weights
from ..bricks import ConvUnit
from ..data.fashion import BLACK, CLASS_NAMES, LabelledImages, load_fashion
from ..data.files import asset
from ..network import InceptionNet
from ..running import predict
from ..train.loop import load

SIDE, HEIGHT, WIDTH = 28, 84, 140
"""Pixels: the side of a garment's picture, and of the canvas."""

SURE, STEP, REACH, LIGHT = 0.5, 2, 12, 0.03
"""How `find` looks: answers from this probability, windows this far apart, peaks this far apart and of this light."""

NEAR_THE_MIDDLE = torch.hann_window(SIDE, periodic=False).sqrt()
"""(28,): how much light counts in each row of a window, and in each column."""


class Garment(NamedTuple):
    """A class and where its picture is: row and column of its top left pixel."""

    name: str
    top: int
    left: int


class Found(NamedTuple):
    """What a network sees in a window of 28x28 pixels: a class, where, and its softmax probability."""

    name: str
    top: int
    left: int
    probability: float


GARMENTS = (
    Garment("T-shirt", 4, 2),
    Garment("trouser", 50, 24),
    Garment("sneaker", 6, 56),
    Garment("bag", 52, 74),
    Garment("ankle boot", 20, 108),
)
"""The arrangement that the course begins with."""


@cache
def network(weights: str = "small_googlenet") -> InceptionNet:
    """The small GoogLeNet with trained weights of the course: "small_googlenet" or "robust_googlenet".

    The second was trained further, against small disturbances. Raises ValueError for another name.
    """
    if weights not in ("small_googlenet", "robust_googlenet"):
        raise ValueError(f"there are no weights {weights!r}: choose 'small_googlenet' or 'robust_googlenet'")
    net: Any = load(asset(f"checkpoints/{weights}.safetensors"))
    return net.to(memory_format=torch.channels_last)  # twice as fast, and callers have many images


def trained(net: nn.Module, weights: str = "small_googlenet") -> nn.Module:
    """Gives the `weights` of a `network` to `net`, one's own small GoogLeNet with norms: (N, 1, 28, 28) -> (N, 10).

    Raises ValueError with the first two tensors that do not fit, and for a name of weights that there are not.
    """
    copy_weights(network(weights), net, (1, SIDE, SIDE))
    return net


def without_norm(net: InceptionNet) -> InceptionNet:
    """A copy that computes the same in evaluation mode, with each batch norm folded into the convolution before it."""
    net = deepcopy(net)
    for unit in net.modules():
        if isinstance(unit, ConvUnit) and isinstance(unit._modules.get("bn"), nn.BatchNorm2d):
            unit.conv = fuse_conv_bn_eval(unit.conv, unit.bn)
            del unit.bn
    return net


@cache
def pictures() -> LabelledImages:
    """The first test picture of each class that the network gets right: ten of them, in the order of the classes."""
    test = load_fashion("test")[:200]
    right = predict(network(), test.images).argmax(1) == test.labels
    return test[[int((right & (test.labels == label)).nonzero()[0]) for label in range(10)]]


def lay_out(garments: Sequence[Garment | tuple[str, int, int]]) -> Tensor:
    """A canvas (1, 1, 84, 140) with a picture of each garment, (name, top, left); where two overlap, the lighter wins.

    Raises ValueError for an unknown name and for a picture that would not fit on the canvas.
    """
    canvas = torch.full((1, 1, HEIGHT, WIDTH), BLACK)
    for name, top, left in garments:
        if name not in CLASS_NAMES:
            raise ValueError(f"there is no garment {name!r}: choose from {', '.join(CLASS_NAMES)}")
        if not (0 <= top <= HEIGHT - SIDE and 0 <= left <= WIDTH - SIDE):
            raise ValueError(
                f"a {name} at row {top}, column {left} would not fit on the canvas: rows go from 0 to {HEIGHT - SIDE}, "
                f"columns from 0 to {WIDTH - SIDE}"
            )
        place = canvas[0, 0, top : top + SIDE, left : left + SIDE]
        place.copy_(torch.maximum(place, pictures().images[CLASS_NAMES.index(name), 0]))
    return canvas


def find(net: nn.Module, canvas: Tensor, *, sure: float = SURE, step: int = STEP) -> list[Found]:
    """What the network sees on a canvas (1, 1, H, W), left to right.

    A window of 28x28 pixels moves over the canvas in steps of `step`. Wherever it holds more light near its middle than
    any window at most 12 pixels away, the network is asked what that is; answers below the probability `sure` do not
    count.
    """
    windows = canvas.unfold(2, SIDE, step).unfold(3, SIDE, step)[0, 0]  # rows, columns, 28, 28
    light = ((windows - BLACK) * NEAR_THE_MIDDLE * NEAR_THE_MIDDLE[:, None]).mean((2, 3))
    reach = REACH // step
    peak = (light == F.max_pool2d(light[None], 2 * reach + 1, 1, reach)[0]) & (light > LIGHT)
    found = []
    if places := peak.nonzero().tolist():
        probabilities = predict(net, torch.stack([windows[row, column][None] for row, column in places])).softmax(1)
        for (row, column), probability in zip(places, probabilities, strict=True):
            label = int(probability.argmax())
            found.append(Found(CLASS_NAMES[label], step * row, step * column, probability[label].item()))
    return sorted((each for each in found if each.probability >= sure), key=lambda each: each.left)
