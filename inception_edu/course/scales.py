"""Tasks for windows of several sizes: patterns hidden in noise (chapters 02 and 11), clothes in many sizes (02)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..bricks import Concat
from ..data.fashion import BLACK, LabelledImages
from ..shorthand import branch


def signs(count: int, shape: tuple[int, ...], strength: float, seed: int = 0) -> tuple[Tensor, ...]:
    """`count` patterns of a shape in which each value is `strength` or minus `strength`, by chance.

    In noise of spread 1, a filter that fits a pattern of n values stands out by `strength` · √n spreads.
    """
    chance = torch.Generator().manual_seed(seed)
    return tuple(strength * (2.0 * torch.randint(2, (count, *shape), generator=chance) - 1))


STAMPS = (*signs(16, (3, 3), 2.5), *signs(4, (9, 9), 0.6))
"""Sixteen strong patterns of 3x3, then four faint ones of 9x9.

A fitting filter finds them 7.5 and 5.4 spreads above the noise. A 3x3 window has 1.8 spreads of a faint one, less than
the strongest noise in a picture.
"""
MOTIFS = (*signs(20, (9,), 2.5), *signs(4, (39,), 0.8))
"""The same in one dimension: twenty motifs of 9 steps (7.5 spreads), then four of 39 steps (5.0, and 2.4 through 9)."""


def hidden(patterns: Sequence[Tensor], size: int, count: int, seed: int) -> LabelledImages:
    """Noise of spread 1 with one of the patterns added at a random place; the label is the number of the pattern.

    Squares give pictures (count, 1, size, size), and pieces of a series give series (count, 1, size). The classes
    alternate. Raises ValueError for a pattern that does not fit.
    """
    largest = max(max(pattern.shape) for pattern in patterns)
    if largest > size:
        raise ValueError(f"a pattern of {largest} values does not fit a size of {size}: take {largest} or more")
    chance = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % len(patterns)
    noise = torch.randn(count, 1, *[size] * patterns[0].ndim, generator=chance)
    for image, label in zip(noise, labels.tolist(), strict=True):
        pattern = patterns[label]
        corner = [int(torch.randint(size - side + 1, (), generator=chance)) for side in pattern.shape]
        image[0][tuple(slice(at, at + side) for at, side in zip(corner, pattern.shape, strict=True))] += pattern
    return LabelledImages(noise, labels, tuple("x".join(map(str, pattern.shape)) for pattern in patterns))


def mixed(in_channels: int, channels: int, **style: Any) -> Concat:
    """1x1, 3x3 and 5x5 side by side, a quarter, a half and a quarter of `channels`: the naive block without its pool.

    (N, in_channels, H, W) -> (N, channels, H, W). Raises ValueError for fewer than 4 channels.
    """
    if channels < 4:
        raise ValueError(f"{channels} channels cannot be split into a quarter, a half and a quarter: take 4 or more")
    quarter = channels // 4
    widths = {1: quarter, 3: channels - 2 * quarter, 5: quarter}
    return Concat(*(branch(in_channels, (width, kernel), **style) for kernel, width in widths.items()))


def at_many_sizes(data: LabelledImages, seed: int, sizes: range = range(10, 29, 2)) -> LabelledImages:
    """Each 28x28 image shrunk to one of `sizes` pixels, at random, and put at a random place on a black 28x28 one.

    Raises ValueError for sizes beyond 28.
    """
    if max(sizes) > 28 or min(sizes) < 1:
        raise ValueError(f"sizes from {min(sizes)} to {max(sizes)} do not fit a 28x28 image: they run from 1 to 28")
    chance = torch.Generator().manual_seed(seed)
    which = torch.randint(len(sizes), (len(data),), generator=chance)
    corners = torch.rand(len(data), 2, generator=chance)
    images = torch.full_like(data.images, BLACK)
    for place, size in enumerate(sizes):
        chosen = (which == place).nonzero().flatten()
        small = nn.functional.interpolate(
            data.images[chosen], (size, size), mode="bilinear", antialias=True, align_corners=False
        )
        for index, image, (top, left) in zip(
            chosen.tolist(), small, (corners[chosen] * (29 - size)).int().tolist(), strict=True
        ):
            images[index, :, top : top + size, left : left + size] = image
    return LabelledImages(images, data.labels, data.class_names)


def right_by_size(logits: Tensor, labels: Tensor, small: int) -> dict[str, float]:
    """Shares of images classified correctly when the first `small` classes are the small patterns.

    "test": of all; "small" and "large": of each kind; "large as large": large ones taken for any large one. A network
    that sees no large pattern can still guess one when it sees no small one: a quarter of four, if they are four.
    """
    answers, large = logits.argmax(1), labels >= small
    right = (answers == labels).float()
    found = {"test": right, "small": right[~large], "large": right[large], "large as large": answers[large] >= small}
    return {name: round(each.float().mean().item(), 4) for name, each in found.items()}
