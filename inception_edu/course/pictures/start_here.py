"""Chapter 00: the family on one poster."""

import matplotlib.pyplot as plt

from ...family import FAMILY
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE

POSTER = {
    "nin_imagenet": "Network in Network",
    "googlenet": "GoogLeNet (Inception V1)",
    "bn_inception": "BN-Inception (V2)",
    "inception_v3": "Inception-v3",
    "inception_v4": "Inception-v4",
    "inception_resnet_v2": "Inception-ResNet-v2",
    "xception": "Xception",
}
RIVALS = {"AlexNet": (2012, 61_100_840, 714_188_480), "VGG-16": (2014, 138_357_544, 15_470_264_320)}
"""torchvision's AlexNet and VGG-16: year, parameters and multiply-adds at 224 pixels."""


def poster() -> Picture:
    """Seven networks of the family and two rivals by year and cost; a disc's area is the number of parameters."""
    style()
    fig, ax = plt.subplots(figsize=(8, 4.6))
    words = []
    points = {name: (FAMILY[key].year, FAMILY[key].params, FAMILY[key].macs) for key, name in POSTER.items()}
    seen: dict[int, int] = {}
    for name, (year, params, macs) in (RIVALS | points).items():
        place = year + 0.24 * seen.get(year, 0)
        seen[year] = seen.get(year, 0) + 1
        colour = INK_BOTH if name in RIVALS else ORANGE if "Res" in name else GREEN if name == "Xception" else BLUE
        ax.scatter(place, macs / 1e9, s=12 * params / 1e6, color=colour, alpha=0.45, edgecolor=colour)
        above = {"Inception-v4": -17, "Xception": -14}.get(name, 0)
        ax.annotate(
            f"{name}, {params / 1e6:.0f} M",
            (place, macs / 1e9),
            (10 + (params / 1e6) ** 0.5, above),
            textcoords="offset points",
            fontsize=9,
            va="center",
        )
        words.append(f"{name} ({year}): {params / 1e6:.0f} million parameters, {macs / 1e9:.1f} billion multiply-adds")
    ax.set(yscale="log", xlim=(2011.6, 2018.4), ylim=(0.45, 30), xlabel="published", xticks=range(2012, 2017))
    ax.set(ylabel="multiply-adds for one image, billions", yticks=[0.5, 1, 2, 5, 10, 20])
    ax.set_yticklabels(["0.5", "1", "2", "5", "10", "20"])
    return show(fig, f"Networks by year and cost; the larger the disc, the more parameters. {'; '.join(words)}.")
