"""The family: every network of the course, in the order in which it was published.

This file only names the builders, so that it can be read without importing torch.
"""

import difflib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # importing torch takes over a second
    from .network import InceptionNet


@dataclass(frozen=True)
class Result:
    """A published figure and the setting without which it means nothing."""

    figure: str
    setting: str
    source: str


@dataclass(frozen=True)
class Entry:
    """One network of the family.

    `image` is the (C, H, W) it was made for. `params` (trainable parameters) and `macs` (multiply-adds
    of convolutions and linear layers, one image of that size) are those of the network as built by default,
    without auxiliary heads, and agree with the other libraries named in the tests. `published` is what
    others report, never something measured here.
    """

    name: str
    title: str
    year: int
    paper: str
    image: tuple[int, int, int]
    params: int
    macs: int
    home: str
    published: tuple[Result, ...] = ()
    note: str = ""

    @property
    def builder(self) -> Callable[..., "InceptionNet"]:
        """The function that makes the network; its keyword arguments are the options of `build`."""
        return getattr(import_module(f"inception_edu.models.{self.home}"), self.name)


NIN = "Lin, Chen, Yan: Network In Network, arXiv 1312.4400"
GOOGLENET = "Szegedy et al.: Going Deeper with Convolutions, arXiv 1409.4842"
BN = "Ioffe, Szegedy: Batch Normalization, arXiv 1502.03167"
RETHINKING = "Szegedy et al.: Rethinking the Inception Architecture for Computer Vision, arXiv 1512.00567"
V4 = "Szegedy et al.: Inception-v4, Inception-ResNet and the Impact of Residual Connections, arXiv 1602.07261"
XCEPTION = "Chollet: Xception: Deep Learning with Depthwise Separable Convolutions, arXiv 1610.02357"

SINGLE = "one network, one crop"
_SUBSET = f"{SINGLE}, 48,238 of the 50,000 validation images"
RETHINKING_SUBSET = f"{_SUBSET} (about 0.2 points of top-1 and 0.1 of top-5 better than all)"
V4_SUBSET = f"{_SUBSET} (about 0.3 points of top-1 and 0.15 of top-5 better than all)"

_ENTRIES = (
    Entry(
        name="nin_cifar10",
        title="Network in Network, CIFAR-10",
        year=2013,
        paper=NIN,
        image=(3, 32, 32),
        params=966_986,
        macs=222_486_528,
        home="nin",
        published=(
            Result("10.41 % error", "CIFAR-10 test set, dropout, no augmentation", "NIN paper"),
            Result("8.81 % error", "CIFAR-10 test set, dropout and augmentation", "NIN paper"),
        ),
    ),
    Entry(
        name="nin_imagenet",
        title="Network in Network, ImageNet",
        year=2014,
        paper="Lin: NIN entry of Caffe's model zoo (the paper has no ImageNet network)",
        image=(3, 224, 224),
        params=7_595_176,
        macs=1_100_188_800,
        home="nin",
        published=(Result("59.36 % top-1 accuracy", f"ImageNet validation, {SINGLE}", "the author's model zoo page"),),
    ),
    Entry(
        name="googlenet",
        title="GoogLeNet (Inception V1), as in the paper",
        year=2014,
        paper=GOOGLENET,
        image=(3, 224, 224),
        params=6_998_552,
        macs=1_582_671_872,
        home="googlenet",
        published=(
            Result("10.07 % top-5 error", f"ImageNet validation, {SINGLE}", "GoogLeNet paper, §7"),
            Result("6.67 % top-5 error", "ImageNet validation and test, 7 networks, 144 crops", "GoogLeNet paper, §7"),
        ),
    ),
    Entry(
        name="googlenet_torchvision",
        title="GoogLeNet (Inception V1), as in torchvision",
        year=2014,
        paper=GOOGLENET,
        image=(3, 224, 224),
        params=6_624_904,
        macs=1_498_376_192,
        home="googlenet",
        published=(
            Result(
                "69.778 % top-1, 89.530 % top-5 accuracy",
                f"ImageNet validation, {SINGLE}",
                "torchvision's documentation",
            ),
        ),
        note="batch norm, no LRN, a 3x3 where the paper has a 5x5",
    ),
    Entry(
        name="bn_inception",
        title="BN-Inception (Inception V2), TF-Slim's reading",
        year=2015,
        paper=BN,
        image=(3, 224, 224),
        params=11_188_288,
        macs=1_934_857_216,
        home="bn_inception",
        published=(
            Result("25.2 % top-1, 7.82 % top-5 error", f"ImageNet, {SINGLE}, all 50,000 images", "BN paper, Fig. 4"),
            Result("4.82 % top-5 error", "ImageNet test, 6 networks, many crops", "BN paper, §4.2.3"),
        ),
        note="the paper's own table contradicts itself in 4c and 4d",
    ),
    Entry(
        name="inception_v3",
        title="Inception-v3, as released",
        year=2015,
        paper=RETHINKING,
        image=(3, 299, 299),
        params=23_834_568,
        macs=5_713_216_096,
        home="inception_v3",
        published=(
            Result("21.2 % top-1, 5.6 % top-5 error", f"ImageNet, {RETHINKING_SUBSET}", "Rethinking paper, Table 3"),
            Result("3.58 % top-5 error", "ImageNet test, 4 networks, 144 crops", "Rethinking paper, Table 5"),
        ),
    ),
    Entry(
        name="inception_v4",
        title="Inception-v4",
        year=2016,
        paper=V4,
        image=(3, 299, 299),
        params=42_679_816,
        macs=12_253_974_624,
        home="inception_v4",
        published=(Result("20.0 % top-1, 5.0 % top-5 error", f"ImageNet, {V4_SUBSET}", "Inception-v4 paper, Table 2"),),
        note="no residual connections",
    ),
    Entry(
        name="inception_resnet_v1",
        title="Inception-ResNet-v1",
        year=2016,
        paper=V4,
        image=(3, 299, 299),
        params=22_756_328,
        macs=6_206_361_696,
        home="inception_resnet",
        published=(
            Result("21.3 % top-1, 5.5 % top-5 error", f"ImageNet, {V4_SUBSET}", "Inception-v4 paper, Table 2"),
            Result(
                "0.9965 accuracy", "LFW face verification, facenet's variant trained on VGGFace2", "facenet's README"
            ),
        ),
        note="built to the cost of Inception-v3",
    ),
    Entry(
        name="inception_resnet_v2_paper",
        title="Inception-ResNet-v2, as drawn in the paper",
        year=2016,
        paper=V4,
        image=(3, 299, 299),
        params=32_433_928,
        macs=9_257_953_632,
        home="inception_resnet",
        note="5, 10 and 5 residual blocks; its paper does not say whether its figures belong to this network",
    ),
    Entry(
        name="inception_resnet_v2",
        title="Inception-ResNet-v2, as released",
        year=2016,
        paper=V4,
        image=(3, 299, 299),
        params=55_843_464,
        macs=13_155_794_016,
        home="inception_resnet",
        published=(
            Result("19.9 % top-1, 4.9 % top-5 error", f"ImageNet, {V4_SUBSET}", "Inception-v4 paper, Table 2"),
            Result(
                "3.08 % top-5 error",
                "ImageNet test, 3 of these and one Inception-v4, 144 crops",
                "Inception-v4 paper, Table 5",
            ),
        ),
        note="10, 20 and 10 residual blocks after Inception-v3's stem",
    ),
    Entry(
        name="xception",
        title="Xception",
        year=2016,
        paper=XCEPTION,
        image=(3, 299, 299),
        params=22_855_952,
        macs=8_357_403_496,
        home="xception",
        published=(
            Result("79.0 % top-1, 94.5 % top-5 accuracy", f"ImageNet validation, {SINGLE}", "Xception paper, Table 1"),
        ),
    ),
    Entry(
        name="light_inception",
        title="Light Inception: GoogLeNet with separable convolutions",
        year=2026,
        paper="this course, after GoogLeNet's Table 1 and Xception",
        image=(3, 224, 224),
        params=3_695_752,
        macs=606_763_568,
        home="lightweight",
        note="a network of this course, for comparison; not from a paper",
    ),
)

FAMILY: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""Name -> `Entry`, in the order of publication."""


def build(name: str, **options: Any) -> "InceptionNet":
    """The network `name` of `FAMILY`, randomly initialised: (N, C, H, W) -> (N, num_classes).

    Options every network takes: `num_classes`, `in_channels`, `width` (a factor on every channel
    count); most take `small` (a stem for images of 28 to 64 pixels), some `aux` (auxiliary heads)
    and others that their builder's docstring explains: `help(ie.FAMILY[name].builder)`.

    Raises ValueError for an unknown name or an impossible value, TypeError for an unknown option.
    """
    if name not in FAMILY:
        near = difflib.get_close_matches(str(name), FAMILY, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"there is no network {name!r} in the family; {hint}The names are {', '.join(FAMILY)}")
    builder = FAMILY[name].builder
    known = inspect.signature(builder).parameters
    if unknown := [option for option in options if option not in known]:
        raise TypeError(f"{name} has no option {unknown[0]!r}; its options are {', '.join(known)}")
    return builder(**options)
