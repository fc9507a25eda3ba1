"""What a network looks at: class activation maps, which are exact, and occlusion, which is an experiment.

>>> maps = class_activation_map(net, images)               # where the evidence for the network's own answer is
>>> maps.mean((1, 2))                                      # is the logit of that answer, exactly
>>> occlusion_map(net, images[0], label=9, size=6, stride=2)  # what a grey patch takes away from class 9
"""
# mypy: untyped-calls-exclude=torch

from typing import Literal

import torch
from torch import Tensor, nn

from .network import InceptionNet
from .running import evaluating, predict, threads


def class_maps(net: InceptionNet, images: Tensor) -> Tensor:
    """The evidence for every class at every position: (N, C, H, W) -> (N, classes, h, w), h x w being the last grid.

    The linear layer after the global average pool is applied, with its bias, to each position by itself. A mean
    and a linear layer can be swapped, so the mean of a map over its positions is the logit of its class,
    exactly: `class_maps(net, x).mean((2, 3)) == net(x)` up to rounding, in evaluation mode. A network whose pool is
    the last layer, like NIN, already ends in class maps, and they are returned as they are.

    The idea is that of Zhou et al. (arXiv 1512.04150), who leave out the bias and sum where this averages.
    Computed in evaluation mode and without gradients.

    Raises ValueError for a network that does not end in global average pooling and at most one linear layer.
    """
    linear = _linear_after_pool(net)
    with evaluating(net), threads(), torch.no_grad():
        *_, (_, maps) = net.block_outputs(images)
        if linear is None:
            return maps
        return nn.functional.conv2d(maps, linear.weight[:, :, None, None], linear.bias)


def class_activation_map(net: InceptionNet, images: Tensor, label: int | Tensor | None = None) -> Tensor:
    """One class's map for each image: (N, C, H, W) -> (N, h, w), in units of the logit, whose mean is the logit.

    `label` is one class for all images, a tensor (N,) with a class for each, or None for the class that the
    network itself answers. See `class_maps`.

    Raises ValueError for a network that does not end in global average pooling and at most one linear layer, for a
    class that it does not have and for another number of labels than images.
    """
    maps = class_maps(net, images)
    if label is None:
        label = maps.mean((2, 3)).argmax(1)
    wanted = torch.as_tensor(label).expand(len(maps)) if isinstance(label, int) else label
    if wanted.shape != (len(maps),):
        raise ValueError(
            f"{len(maps)} images need {len(maps)} labels or one, not labels of shape {tuple(wanted.shape)}"
        )
    for one in wanted.tolist():
        _check_class(one, maps.shape[1])
    return maps[torch.arange(len(maps)), wanted]


def occlusion_map(
    net: nn.Module,
    image: Tensor,
    label: int,
    size: int,
    stride: int = 1,
    *,
    of: Literal["logit", "probability"] = "logit",
    fill: float = 0.0,
    batch_size: int = 250,
) -> Tensor:
    """How much a class loses when a square patch covers part of the image: (C, H, W) -> (rows, columns).

    Entry (i, j) is the class's logit (or its softmax probability, a share of 1) on the whole image minus that with
    the pixels from (i * stride, j * stride), `size` x `size` of them, set to `fill`; above 0 the covered part was
    evidence for the class. Patches are inside the image: rows = (H - size) // stride + 1. The default `fill` of 0 is
    the grey of an average pixel of normalised images; pass 0.5 for photographs from 0 to 1. All patches are computed
    in batches of `batch_size`, in evaluation mode and without gradients. After Zeiler and Fergus, arXiv 1311.2901.

    Raises ValueError for a patch or stride below 1, a patch larger than the image, an image with another number of
    axes, a class that the network does not have, and another word for `of`.
    """
    if image.ndim != 3:
        raise ValueError(f"occlusion takes one image (C, H, W), not one of shape {tuple(image.shape)}")
    height, width = image.shape[1:]
    if size < 1 or stride < 1:
        raise ValueError(f"a patch of {size} pixels moved by {stride} is not possible: both must be at least 1")
    if size > min(height, width):
        raise ValueError(f"a patch of {size}x{size} does not fit into an image of {height}x{width}")
    if of not in ("logit", "probability"):
        raise ValueError(f"`of` must be 'logit' or 'probability', not {of!r}")
    tops, lefts = range(0, height - size + 1, stride), range(0, width - size + 1, stride)
    places = [(top, left) for top in tops for left in lefts]

    def scores(images: Tensor) -> Tensor:
        logits = predict(net, images, batch_size=batch_size)
        _check_class(label, logits.shape[1])
        return (logits if of == "logit" else logits.softmax(1))[:, label]

    def covered(some: list[tuple[int, int]]) -> Tensor:
        images = image.repeat(len(some), 1, 1, 1)
        for one, (top, left) in zip(images, some, strict=True):
            one[:, top : top + size, left : left + size] = fill
        return images

    starts = range(0, len(places), batch_size)
    without = torch.cat([scores(covered(places[start : start + batch_size])) for start in starts])
    return (scores(image[None]) - without).reshape(len(tops), len(lefts))


def _linear_after_pool(net: InceptionNet) -> nn.Linear | None:
    """The linear layer that reads the global mean, or None where the mean itself is the logit."""
    head = net.classifier
    layers = [layer for layer in head.modules() if not isinstance(layer, nn.Sequential | nn.Dropout | nn.Identity)]
    if not layers or not _is_global_mean(layers[0]):
        first = type(layers[0]).__name__ if layers else "nothing"
        raise ValueError(
            f"{net.name or 'this network'} has no class activation map: its classifier must begin with global average "
            f"pooling, nn.AdaptiveAvgPool2d(1), but it begins with {first}"
        )
    match layers[1:]:
        case [nn.Flatten()]:
            return None
        case [nn.Flatten(), nn.Linear() as linear]:
            return linear
    raise ValueError(
        f"{net.name or 'this network'} has no class activation map: after its global average pooling there must be "
        f"one linear layer or none, not {', '.join(type(layer).__name__ for layer in layers[1:])}"
    )


def _is_global_mean(layer: nn.Module) -> bool:
    return isinstance(layer, nn.AdaptiveAvgPool2d) and layer.output_size in (1, (1, 1))


def _check_class(label: int, classes: int) -> None:
    if not 0 <= label < classes:
        raise ValueError(f"there is no class {label}: the network has {classes}, from 0 to {classes - 1}")
