"""How the papers trained their networks, as data: the recipes that `python -m inception_edu train` follows.

>>> RECIPES["inception_v3"].learning_rate(epoch=2)
0.0423

No paper states everything that a training needs. What the one in `source` leaves out is our choice, listed in `ours`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from inspect import signature
from typing import TYPE_CHECKING, Any

from ..family import FAMILY

if TYPE_CHECKING:  # importing torch takes over a second, and the command line lists recipes without it
    from torch.nn import Parameter
    from torch.optim import Optimizer


IMAGENET = 1_281_167
"""Training images of ILSVRC-2012."""


@dataclass(frozen=True)
class Recipe:
    """One way to train. Frozen and free of torch, so that it can be printed, compared and kept in a file.

    | field             | what it is                                                                            |
    |-------------------|---------------------------------------------------------------------------------------|
    | `source`          | where the values come from                                                            |
    | `ours`            | fields that the source does not give: our choice                                      |
    | `epochs`          | passes over the training images                                                       |
    | `batch`           | images per step, over all processes together                                          |
    | `lr`              | learning rate at the start                                                            |
    | `lr_factor`       | what it is multiplied by, in one step, every `lr_every` epochs                        |
    | `lr_every`        | how many epochs each learning rate lasts                                              |
    | `optimizer`       | what takes the steps                                                                  |
    | `momentum`        | of either optimizer                                                                   |
    | `rms_decay`       | of RMSProp's running mean of squared gradients                                        |
    | `epsilon`         | what RMSProp adds to the root of that mean                                            |
    | `weight_decay`    | L2, on every parameter                                                                |
    | `label_smoothing` | share of the target that is spread evenly over all classes                            |
    | `clip_norm`       | a longer gradient is scaled down to this norm                                         |
    | `average`         | decay of the running average of the weights, which is validated; 0 for no average     |
    | `aux_weight`      | weight of an auxiliary head's loss, where the network has heads                       |
    | `min_area`        | a crop for training covers a uniform random share of the image, from this to 1        |
    | `max_aspect`      | width over height of such a crop is between 1 over this and this                      |
    | `jitter`          | brightness, contrast and saturation change by up to this share                        |

    Crops are mirrored left to right with probability one half, whatever the recipe.
    Raises ValueError for a value that cannot be used.
    """

    source: str
    ours: tuple[str, ...]
    epochs: int
    batch: int
    lr: float
    lr_factor: float
    lr_every: float
    optimizer: str = "sgd"
    momentum: float = 0.9
    rms_decay: float = 0.9
    epsilon: float = 1.0
    weight_decay: float = 4e-5
    label_smoothing: float = 0.0
    clip_norm: float | None = None
    average: float = 0.9999
    aux_weight: float = 0.3
    min_area: float = 0.08
    max_aspect: float = 4 / 3
    jitter: float = 0.4

    def __post_init__(self) -> None:
        for name, (allowed, words) in _MUST_BE.items():
            value = getattr(self, name)
            try:
                fits = not isinstance(value, bool) and allowed(value)
            except TypeError:
                fits = False
            if not fits:
                raise ValueError(f"{name}={value!r} cannot be used: it must be {words}")

    def learning_rate(self, epoch: float) -> float:
        """The learning rate after `epoch` epochs, which may be a fraction."""
        return self.lr * self.lr_factor ** int(epoch / self.lr_every)

    def make_optimizer(self, parameters: "Iterable[Parameter]") -> "Optimizer":
        """torch's optimizer of that name; its RMSProp adds epsilon outside the root, TensorFlow's inside."""
        import torch

        shared: dict[str, Any] = {"lr": self.lr, "momentum": self.momentum, "weight_decay": self.weight_decay}
        if self.optimizer == "rmsprop":
            return torch.optim.RMSprop(parameters, alpha=self.rms_decay, eps=self.epsilon, **shared)
        return torch.optim.SGD(parameters, **shared)

    def changed(self, values: Mapping[str, Any]) -> "Recipe":
        """The same recipe with other values, which then no longer count as `ours` but as the reader's."""
        return replace(self, ours=tuple(name for name in self.ours if name not in values), **values)


def _within(low: float, high: float) -> tuple[Callable[[Any], bool], str]:
    return lambda value: low <= value <= high, f"a number from {low:g} to {high:g}"


def _above_zero(value: Any) -> bool:
    return 0 < value < float("inf")


def _counts(value: Any) -> bool:
    return isinstance(value, int) and value >= 1


_MUST_BE: dict[str, tuple[Callable[[Any], bool], str]] = {
    "epochs": (_counts, "a whole number of at least 1"),
    "batch": (_counts, "a whole number of at least 1"),
    "lr": (_above_zero, "a number above 0"),
    "lr_factor": (lambda value: 0 < value <= 1, "a number above 0 and up to 1"),
    "lr_every": (_above_zero, "a number above 0"),
    "optimizer": (lambda value: value in ("sgd", "rmsprop"), "sgd or rmsprop"),
    "momentum": _within(0, 1),
    "rms_decay": _within(0, 1),
    "epsilon": (_above_zero, "a number above 0"),
    "weight_decay": _within(0, 1),
    "label_smoothing": _within(0, 1),
    "clip_norm": (lambda value: value is None or _above_zero(value), "a number above 0, or null not to clip"),
    "average": _within(0, 1),
    "aux_weight": _within(0, 100),
    "min_area": (lambda value: 0 < value <= 1, "a number above 0 and up to 1"),
    "max_aspect": _within(1, 100),
    "jitter": _within(0, 1),
}

SETTINGS = tuple(field.name for field in fields(Recipe) if field.name not in ("source", "ours"))
"""The fields of a recipe that a reader may change."""

ABOUT = {
    name: f"{about} ({_MUST_BE[name][1]})"
    for name, about in re.findall(r"\| `(\w+)` +\| (.+?) +\|", Recipe.__doc__ or "")
    if name in SETTINGS
}
"""Setting -> what it is, as the table above says, and which values it takes. Empty where Python drops docstrings."""

_CROPS = ("min_area", "max_aspect", "jitter")

GOOGLENET = Recipe(
    source="GoogLeNet paper (arXiv 1409.4842), §5 (auxiliary heads) and §6; asynchronous there, in step here",
    # The Caffe replication's rate, batch, weight decay and length, because the paper gives none. The paper says only
    # that it uses Polyak averaging and distorts colours.
    ours=("epochs", "batch", "lr", "weight_decay", "average", "jitter"),
    epochs=250,
    batch=32,
    lr=0.01,
    lr_factor=0.96,
    lr_every=8,
    weight_decay=2e-4,
)
"""SGD with momentum 0.9, learning rate minus 4 % every 8 epochs, averaged weights, crops of 8 to 100 %."""

BN_INCEPTION = Recipe(
    source="BN paper (arXiv 1502.03167), §4.2: its BN-x30, most accurate after 6 million steps of 32 images",
    # "6 times faster" than a schedule that it does not repeat: we take GoogLeNet's, minus 4 % every 8/6 epochs. A
    # fifth of an L2 weight that it does not name: we take a fifth of GoogLeNet's. Fewer distortions: a smaller jitter.
    ours=("lr_factor", "lr_every", "momentum", "weight_decay", "average", "aux_weight", *_CROPS),
    epochs=150,
    batch=32,
    lr=0.045,
    lr_factor=0.96,
    lr_every=8 / 6,
    jitter=0.1,
)
"""Thirty times the learning rate of the same network without batch norm, lowered six times as fast."""

INCEPTION_V3 = Recipe(
    source='"Rethinking" paper (arXiv 1512.00567), §7 (label smoothing) and §8; 50 replicas with 32 images each',
    # That one step waits for all 50 replicas is our reading; the paper says what each of them reads.
    ours=("batch", "momentum", "weight_decay", "average", "aux_weight", *_CROPS),
    epochs=100,
    batch=50 * 32,
    lr=0.045,
    lr_factor=0.94,
    lr_every=2,
    optimizer="rmsprop",
    label_smoothing=0.1,
    clip_norm=2.0,
)
"""RMSProp with decay 0.9 and epsilon 1.0, learning rate minus 6 % every 2 epochs, smoothed labels, clipping at 2.0."""

INCEPTION_V4 = replace(
    INCEPTION_V3,
    source="Inception-v4 paper (arXiv 1602.07261), §4; 20 replicas",
    ours=(*INCEPTION_V3.ours, "epochs", "label_smoothing", "clip_norm"),
    batch=20 * 32,
    clip_norm=None,
)
"""For Inception-v4 and both Inception-ResNets. The paper does not mention smoothing and clipping: smoothing stays."""

XCEPTION = replace(
    GOOGLENET,
    source="Xception paper (arXiv 1610.02357), on ImageNet; no auxiliary heads",
    ours=("epochs", "batch", "average", *_CROPS),
    epochs=100,
    lr=0.045,
    lr_factor=0.94,
    lr_every=2,
    weight_decay=1e-5,
    aux_weight=0.0,
)
"""SGD with momentum 0.9, learning rate minus 6 % every 2 epochs, and a quarter of Inception-v3's weight decay."""

RECIPES: dict[str, Recipe] = {
    "googlenet": GOOGLENET,
    "googlenet_torchvision": GOOGLENET,
    "bn_inception": BN_INCEPTION,
    "inception_v3": INCEPTION_V3,
    "inception_v4": INCEPTION_V4,
    "inception_resnet_v1": INCEPTION_V4,
    "inception_resnet_v2_paper": INCEPTION_V4,
    "inception_resnet_v2": INCEPTION_V4,
    "xception": XCEPTION,
}
"""Name of a network -> the recipe of its paper; any recipe can train any network."""


def recipe_for(network: str, name: str | None = None) -> Recipe:
    """The recipe called `name`, or by default that of the network's own paper. Raises ValueError if there is none."""
    if (name or network) not in RECIPES:
        what = (
            f"there is no recipe {name!r}" if name else f"{network} has no recipe of its own: choose one with --recipe"
        )
        raise ValueError(f"{what}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name or network]


def with_heads(network: str, recipe: Recipe, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of `build`, with auxiliary heads if the recipe gives them a weight and the network can have some."""
    has_heads = network in FAMILY and "aux" in signature(FAMILY[network].builder).parameters
    return {"aux": recipe.aux_weight > 0, **options} if has_heads else dict(options)
