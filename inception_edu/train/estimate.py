"""What a training would take, before anyone rents a machine: memory, steps and hours, with every assumption stated.

The MACs and parameters are `trace`'s. For the accelerator `EXAMPLE` has defaults that can be looked up: an NVIDIA A100.
"""
# mypy: untyped-calls-exclude=torch

import math
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from tabulate import tabulate
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from ..family import FAMILY, build
from ..network import InceptionNet
from ..tracing import trace
from .recipes import IMAGENET, Recipe, with_heads

EXAMPLE = {"bf16-mixed": (312.0, 0.19, 0.84), "32-true": (156.0, 0.15, 0.97)}
"""Precision -> an A100's peak in TFLOPS, the share of it that a training reached, and the share that eight kept.

Both shares are of NVIDIA's own PyTorch training of ResNet-50, 4.09 G MACs per image (resnet50v1.5/README.md in
NVIDIA/DeepLearningExamples). With mixed precision one A100 processed 2,470 images per second and eight
16,621; with TF32, which convolutions in float32 use there, 938 and 7,248. 2,470 x 3 x 2 x 4.09e9 is 19 % of 312e12.
"""


@dataclass(frozen=True)
class Estimate:
    """What `estimate` found, as numbers; as text, one line for each with its reason."""

    params: int
    forward_macs: int
    training_macs: int
    steps: int
    hours: float
    weight_bytes: int
    activation_bytes: int
    lines: tuple[tuple[str, str, str], ...] = field(repr=False)

    @property
    def memory_bytes(self) -> int:
        """Of one accelerator."""
        return self.weight_bytes + self.activation_bytes

    def __str__(self) -> str:
        return tabulate(self.lines, ("what", "how much", "because"), "simple", disable_numparse=True)


def estimate(
    name: str,
    recipe: Recipe,
    options: Mapping[str, Any] | None = None,
    *,
    size: int | None = None,
    images: int = IMAGENET,
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32-true",
    tflops: float | None = None,
    utilisation: float | None = None,
    scaling: float | None = None,
) -> Estimate:
    """What it takes to train network `name` by `recipe`.

    | argument      | what it is                                                              |
    |---------------|-------------------------------------------------------------------------|
    | `options`     | of `build`                                                              |
    | `size`        | side of the images in pixels; by default what the network was made for  |
    | `images`      | training images                                                         |
    | `devices`     | accelerators in each machine                                            |
    | `nodes`       | machines                                                                |
    | `precision`   | a key of `EXAMPLE`, which gives the defaults of the other three         |
    | `tflops`      | peak of one accelerator                                                 |
    | `utilisation` | the share of it that a training reaches                                 |
    | `scaling`     | the share of their sum that several accelerators reach                  |

    Raises ValueError for fewer than one image or accelerator, and for shares outside 0 to 1.
    """
    world = devices * nodes
    given = tflops, utilisation, scaling
    tflops, utilisation, scaling = (e if g is None else g for g, e in zip(given, EXAMPLE[precision], strict=True))
    if min(images, devices, nodes) < 1 or tflops <= 0:
        raise ValueError(f"{images} images on {nodes} x {devices} accelerators of {tflops} TFLOPS: all must be above 0")
    if not (0 < utilisation <= 1 and 0 < scaling <= 1):
        raise ValueError(f"utilisation={utilisation} and scaling={scaling} must be shares: above 0 and up to 1")
    options = with_heads(name, recipe, options or {})
    with torch.device("meta"):
        net = build(name, **options)
    channels, height, width = FAMILY[name].image
    shape = options.get("in_channels", channels), size or height, size or width
    node = trace(net, shape)
    forward = node.macs + sum(head.macs for head in node.aux)
    steps = recipe.epochs * (images // recipe.batch)
    copies = 3 + bool(recipe.momentum) + (recipe.optimizer == "rmsprop")
    share, half = math.ceil(recipe.batch / world), precision != "32-true"
    one = kept_bytes(net, shape) // (1 + half)
    together = scaling if world > 1 else 1.0
    rate = world * tflops * 1e12 / 2 * utilisation * together / (3 * forward)
    hours = steps * recipe.batch / rate / 3600
    weights, activations = 4 * copies * node.params, share * one
    sum_of_parts = f", scaling {scaling:.0%}" if world > 1 else ""
    lines = (
        (
            "MACs per image",
            f"{3 * forward / 1e9:.1f} G",
            f"3 x {forward / 1e9:.2f} G: forward, gradients of inputs, gradients of weights",
        ),
        ("steps", f"{steps:,}", f"{recipe.epochs} epochs of {images:,} images, {recipe.batch:,} per step"),
        (
            *("images per second", f"{rate:,.0f}"),
            f"{world} x {tflops:g} TFLOPS, 2 operations per MAC, utilisation {utilisation:.0%}{sum_of_parts}",
        ),
        ("time", f"{hours:,.1f} hours", "not counting image reading, validation and checkpoints"),
        (
            "memory for weights",
            _gib(weights),
            f"{node.params:,} in float32, {copies} times: gradients and averages too",
        ),
        (
            "memory for activations",
            _gib(activations),
            f"{share:,} images x {one / 2**20:.1f} MiB kept for the backward pass",
        ),
        ("memory in total", _gib(weights + activations), f"on each accelerator, {precision}, without the kernels' own"),
    )
    return Estimate(node.params, forward, 3 * forward, steps, hours, weights, activations, lines)


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def kept_bytes(net: InceptionNet, shape: tuple[int, int, int]) -> int:
    """Bytes of float32 that a forward pass of one image (C, H, W) keeps for the backward pass.

    Includes auxiliary heads but not parameters. Nothing is computed and `net` is not changed: a copy runs without
    values, on the meta device.
    """
    draft = deepcopy(net).to("meta", torch.float32).train()
    parameters = {parameter.untyped_storage()._cdata for parameter in draft.parameters()}
    kept: dict[int, Tensor] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage()._cdata] = tensor
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        draft.forward_with_aux(torch.empty(2, *shape, device="meta"))
    return sum(t.untyped_storage().nbytes() for address, t in kept.items() if address not in parameters) // 2
