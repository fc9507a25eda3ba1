"""Chapter 00: the family on one poster, and what chance does to a comparison."""

from collections.abc import Mapping, Sequence
from math import pi
from textwrap import fill

import matplotlib.pyplot as plt

from ...family import FAMILY
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, CYCLE, GREEN, INK_BOTH, ORANGE
from ..canvas import pictures
from ..records import paired
from . import name_ends
from .many_kernels_at_once import row_of_pictures

POSTER = {
    "nin_imagenet": "Network in Network (ImageNet)",
    "googlenet": "GoogLeNet (V1)",
    "bn_inception": "BN-Inception (V2)",
    "inception_v3": "Inception-v3",
    "inception_v4": "Inception-v4",
    "inception_resnet_v2": "Inception-ResNet-v2",
    "xception": "Xception",
}
RIVALS = {"AlexNet": (2012, 61_100_840, 714_188_480), "VGG-16": (2014, 138_357_544, 15_470_264_320)}
"""torchvision's AlexNet and VGG-16: year, parameters and multiply-adds at 224 pixels."""


def poster() -> Picture:
    """Seven networks of the family and two rivals by year and cost; a disc's area is the number of parameters.

    The years are columns, as wide as they have networks: where a disc is within its column says nothing.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 4.6))
    points = RIVALS | {name: (FAMILY[key].year, FAMILY[key].params, FAMILY[key].macs) for key, name in POSTER.items()}
    words: list[str] = []
    columns: dict[int, list[int]] = {}
    for place, (name, (year, params, macs)) in enumerate(sorted(points.items(), key=lambda point: point[1][0])):
        columns.setdefault(year, []).append(place)
        colour = INK_BOTH if name in (*RIVALS, POSTER["nin_imagenet"]) else BLUE
        ax.scatter(place, macs / 1e9, s=12 * params / 1e6, color=colour, alpha=0.55, edgecolor=colour)
        radius = (12 * params / 1e6 / pi) ** 0.5
        ax.annotate(
            f"{fill(name, 12)}\n{params / 1e6:.0f} M",
            (place, macs / 1e9),
            (0, -radius - 6),
            textcoords="offset points",
            fontsize=9,
            ha="center",
            va="top",
        )
        words.append(f"{name} ({year}): {params / 1e6:.0f} million parameters, {macs / 1e9:.1f} billion multiply-adds")
    for number, places in enumerate(columns.values()):
        if number % 2:
            ax.axvspan(places[0] - 0.5, places[-1] + 0.5, color=INK_BOTH, alpha=0.1, linewidth=0)
    for name, colour in (("the Inception family", BLUE), ("other networks", INK_BOTH)):
        ax.scatter([], [], s=60, color=colour, alpha=0.55, edgecolor=colour, label=name)
    ax.legend(loc="lower right", frameon=False)
    ax.set(yscale="log", xlim=(-0.5, len(points) - 0.5), ylim=(0.25, 32), xlabel="year of publication")
    ax.set_xticks([(places[0] + places[-1]) / 2 for places in columns.values()], [str(year) for year in columns])
    ax.grid(visible=False, axis="x")
    ax.set(ylabel="multiply-adds for one image, billions", yticks=[0.5, 1, 2, 5, 10, 20])
    ax.set_yticklabels(["0.5", "1", "2", "5", "10", "20"])
    return show(fig, f"Networks by year and cost; the larger the disc, the more parameters. {'; '.join(words)}.")


def ten_classes() -> Picture:
    """A picture of each class of Fashion-MNIST."""
    return row_of_pictures(pictures(), "A picture of each class of Fashion-MNIST")


def three_and_ten(comparisons: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Picture:
    """Differences seed by seed, name -> (first, second), with the 95 % intervals of three pairs and of all."""
    style()
    fig, ax = plt.subplots(figsize=(8, 3))
    words = []
    for row, (name, (first, second)) in enumerate(comparisons.items()):
        differences = [100 * (b - a) for a, b in zip(first, second, strict=True)]
        ax.plot(differences, [-row] * len(differences), "o", color=BLUE, alpha=0.9, label="" if row else "one seed")
        parts = []
        for count, lower, colour in ((3, 0.22, ORANGE), (len(differences), 0.4, GREEN)):
            p = paired(first[:count], second[:count])
            label = "" if row else f"{'first 3' if count == 3 else 'all'} seeds, 95 % interval"
            ax.errorbar(p.mean, -row - lower, xerr=p.half, fmt="s", color=colour, capsize=4, label=label)
            parts.append(f"{count} seeds {p.low:+.2f} to {p.high:+.2f}")
        words.append(f"{name}: dots from {min(differences):+.2f} to {max(differences):+.2f}; {', '.join(parts)}")
    ax.axvline(0, color=INK_BOTH, linewidth=1, alpha=0.6)
    ax.set(yticks=[-row for row in range(len(comparisons))], yticklabels=list(comparisons))
    ax.set(xlabel="difference in test accuracy (points)", ylim=(0.3 - len(comparisons), 0.35))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, 1.2), ncols=3)
    return show(fig, f"Differences and the intervals of their means, in points. {'. '.join(words)}.")


def power(shares: Mapping[float, Mapping[int, float]]) -> Picture:
    """Differences found, difference in standard deviations -> number of pairs -> share of the experiments."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    words, ends = [], {}
    names = {2: "twice the spread", 1: "the spread", 0.5: "half the spread", 0: "no difference"}
    for (effect, by_pairs), colour in zip(shares.items(), (*CYCLE[:3], INK_BOTH), strict=False):
        pairs, percent = list(by_pairs), [100 * share for share in by_pairs.values()]
        ax.plot(pairs, percent, "o-", color=colour, markersize=4)
        ends[names[effect]] = percent[-1], colour
        words.append(f"{names[effect]}: {by_pairs[3]:.0%} with 3 pairs, {by_pairs[10]:.0%} with 10")
    ax.set(xlabel="pairs of runs", ylabel="differences found (%)", ylim=(0, 104), xticks=(2, 3, 5, 10, 16))
    name_ends(ax, 16.2, ends)
    return show(fig, f"The share of experiments that find a difference rises with their pairs. {'; '.join(words)}.")
