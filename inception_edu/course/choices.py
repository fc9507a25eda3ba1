"""The networks that chapter 12 chooses from: three prices and a published accuracy each, with where they come from."""

from functools import cache
from typing import NamedTuple

from .records import load_record

ONE_CROP = "one crop, 50,000 images"
_PUBLISHED = {
    "nin_imagenet": ("Network in Network", 59.36, "its author's page; one crop, images not named"),
    "squeezenet1_1": ("SqueezeNet 1.1", 58.178, f"torchvision; {ONE_CROP}"),
    "googlenet_torchvision": ("GoogLeNet", 69.778, f"torchvision; {ONE_CROP}"),
    "mobilenet_v2": ("MobileNetV2", 71.878, f"torchvision; {ONE_CROP}"),
    "bn_inception": ("BN-Inception", 73.9, "TF-Slim; one crop, images not named"),
    "inception_v3": ("Inception-v3", 77.294, f"torchvision; {ONE_CROP}"),
    "inception_resnet_v1": (
        "Inception-ResNet-v1",
        78.7,
        "its paper; one crop, 48,238 images",
    ),
    "xception": ("Xception", 79.04, f"timm; {ONE_CROP}"),
    "inception_v4": ("Inception-v4", 80.156, f"timm; {ONE_CROP}"),
    "inception_resnet_v2": ("Inception-ResNet-v2", 80.462, f"timm; {ONE_CROP}"),
}
"""Name in the record of times -> title, top-1 accuracy on ImageNet's validation images in %, source and terms."""

OTHERS = ("squeezenet1_1", "mobilenet_v2")
"""Those that do not belong to the family of this course."""

CROWDED = {
    "inception_resnet_v2": (-1, 9),
    "inception_v4": (-1, -1),
    "xception": (1, -3),
    "inception_resnet_v1": (-1, -2),
}
"""Where the price explorer writes the names of crowded points: left (-1) or right (1), and how much higher."""


class Choice(NamedTuple):
    """A network with its prices for one image of its own size, `pixels` a side; MACs are those of convolutions and
    linear layers.

    `milliseconds` are those of one image on one thread, channels last and batch norms folded in, on the processor that
    the record of times names. `top1` is the accuracy in %, on the terms of `source`.
    """

    name: str
    title: str
    pixels: int
    params: int
    macs: int
    milliseconds: float
    top1: float
    source: str

    @property
    def family(self) -> bool:
        """Whether it is one of this course's networks."""
        return self.name not in OTHERS

    @property
    def rate(self) -> float:
        """Milliseconds per billion MACs."""
        return self.milliseconds / (self.macs / 1e9)

    @property
    def easier_terms(self) -> bool:
        """Whether the accuracy was measured without the images that the paper left out."""
        return "48,238" in self.source


@cache
def choices() -> tuple[Choice, ...]:
    """All that have both a measured time and a published accuracy, the least accurate first."""
    runs = load_record("12_times")["runs"]
    found = [
        Choice(name, title, run["image"], run["params"], run["macs"], run["milliseconds"]["fused"], top1, source)
        for name, (title, top1, source) in _PUBLISHED.items()
        for run in [runs[name]]
    ]
    return tuple(sorted(found, key=lambda each: each.top1))
