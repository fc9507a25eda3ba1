"""Chapter 00: what the family costs and buys, a first loss curve, and what chance does to a comparison."""

from collections.abc import Mapping, Sequence
from math import log, pi
from statistics import fmean

import matplotlib.pyplot as plt
from matplotlib.ticker import NullLocator

from ...family import FAMILY
from ...show.drawing import Diagram, diagram
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BLUE_BOTH, CYCLE, INK_BOTH, VERMILLION
from ...tracing import trace
from ..canvas import SIDE, network, pictures
from ..choices import choices
from . import name_ends
from .many_kernels_at_once import row_of_pictures

RIVALS = {
    "AlexNet": (2012, 61_100_840, 714_188_480, 56.522),
    "VGG-16": (2014, 138_357_544, 15_470_264_320, 71.592),
    "ResNet-50": (2015, 25_557_032, 4_089_184_256, 76.130),
}
"""torchvision's, with their first weights: year, parameters, multiply-adds and top-1 accuracy in %, one crop of 224."""

NIN = "NIN for ImageNet"
"""The paper, of 2013, has no network for ImageNet; its author published one later."""

PLACES = {
    "AlexNet": (0, -1),
    "VGG-16": (0, -1),
    "BN-Inception": (-1, 0),
    "ResNet-50": (0, -1),
    "Inception-v3": (-1, 1),
    "Xception": (1, -1),
    "Inception-v4": (-1, 1),
}
"""Where the poster writes a name, from its disc: left (-1) to right (1), below (-1) to above (1); right without it."""


def first_block() -> Diagram:
    """The first Inception block of the network on the canvas."""
    return diagram(trace(network(), (1, SIDE, SIDE))["inception_3a"], macs_share=True)


def poster() -> Picture:
    """Top-1 accuracy against multiply-adds, ten networks; a disc's area is the number of parameters.

    The accuracies are those of released weights, one crop, as `choices` has them.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 4.8))
    left_out = ("squeezenet1_1", "mobilenet_v2", "inception_resnet_v1")
    points = RIVALS | {
        each.title.replace("Network in Network", NIN): (FAMILY[each.name].year, each.params, each.macs, each.top1)
        for each in choices()
        if each.name not in left_out
    }
    words: list[str] = []
    for name, (year, params, macs, top1) in sorted(points.items(), key=lambda point: (point[1][0], point[1][2])):
        colour = INK_BOTH if name in (*RIVALS, NIN) else BLUE
        size = 12 * params / 1e6
        ax.scatter(macs / 1e9, top1, s=size, color=colour, edgecolor="white", linewidth=1, zorder=3 - size / 1e4)
        across, up = PLACES.get(name, (1, 0))
        far, slant = (size / pi) ** 0.5 + 5, 0.7 if across and up else 1
        ax.annotate(
            f"{name}, {year}\n{params / 1e6:.0f} M, {top1:.1f} %",
            (macs / 1e9, top1),
            (far * across * slant, far * up * slant),
            textcoords="offset points",
            fontsize=9,
            ha=("right", "center", "left")[across + 1],
            va=("top", "center", "bottom")[up + 1],
        )
        words.append(f"{name} ({year}): {params / 1e6:.0f} M, {macs / 1e9:.1f} G, {top1:.1f} %")
    for name, colour in (("the Inception family", BLUE), ("other networks", INK_BOTH)):
        ax.scatter([], [], s=60, color=colour, label=name)
    ax.legend(loc="lower right", frameon=False)
    ax.set(xscale="log", xlim=(0.45, 48), ylim=(51, 86))
    ax.grid(visible=False)
    ax.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set(xlabel="multiply-adds for one image, billions (log scale)", ylabel="photographs classified correctly, %")
    return show(
        fig,
        "What networks cost and what they buy; the larger the disc, the more parameters. Millions of parameters, "
        f"billions of multiply-adds and the share of photographs classified correctly: {'; '.join(words)}.",
    )


def ten_classes() -> Picture:
    """A picture of each class of Fashion-MNIST."""
    return row_of_pictures(pictures(), "A picture of each class of Fashion-MNIST")


def loss_by_step(losses: Sequence[float], *, classes: int = 10, window: int = 25) -> Picture:
    """The loss of every batch as a dot, the mean of `window` around it as a line, and that of equal probabilities."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3))
    steps, half = range(1, len(losses) + 1), window // 2
    means = [fmean(losses[max(0, step - 1 - half) : step + half]) for step in steps]
    ax.axhline(log(classes), color=INK_BOTH, linestyle="--", linewidth=1, label=f"{classes} equal probabilities")
    ax.plot(steps, losses, ".", color=BLUE_BOTH, markersize=5, label="one batch")
    ax.plot(steps, means, color=VERMILLION, linewidth=2, label=f"mean of {window} batches")
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.93), frameon=False)
    ax.set(xlabel="step", ylabel="training loss (nats)", ylim=(0, None))
    return show(
        fig,
        f"The loss over {len(losses)} steps, from {losses[0]:.2f} down to about {means[-1]:.2f}; "
        f"{classes} equal probabilities have {log(classes):.2f}.",
    )


def accuracy_by_seed(percents: Sequence[float]) -> Picture:
    """Accuracies in % of one network with the seeds 0, 1, 2 ..., a dot and a row each."""
    style()
    fig, ax = plt.subplots(figsize=(7, 0.8 + 0.35 * len(percents)))
    ax.plot(percents, range(len(percents)), "o", color=BLUE_BOTH, markersize=8)
    for seed, percent in enumerate(percents):
        ax.annotate(f"{percent:.1f}", (percent, seed), (9, 0), textcoords="offset points", va="center")
    ax.set(yticks=range(len(percents)), yticklabels=[f"seed {seed}" for seed in range(len(percents))])
    ax.set(xlabel="test pictures classified correctly, %", ylim=(len(percents) - 0.5, -0.5))
    ax.margins(x=0.12)
    ax.grid(axis="y", visible=False)
    words = ", ".join(f"seed {seed} {percent:.1f}" for seed, percent in enumerate(percents))
    return show(fig, f"One network, trained with {len(percents)} seeds: accuracy on the test pictures in %: {words}.")


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
    ax.set(xlabel="pairs of runs", ylabel="experiments that find it (%)", ylim=(0, 104), xticks=(2, 3, 5, 10, 16))
    name_ends(ax, 16.2, ends)
    return show(fig, f"The share of experiments that find a difference rises with their pairs. {'; '.join(words)}.")


def luck(lead: Mapping[int, Mapping[int, float]]) -> Picture:
    """How far the best of several equals is above their average, images -> number of settings -> points."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.2))
    words, ends = [], {}
    for (images, by_settings), colour in zip(lead.items(), CYCLE, strict=False):
        settings, points = list(by_settings), list(by_settings.values())
        ax.plot(settings, points, "o-", color=colour, markersize=4)
        ends[f"{images:,} images"] = points[-1], colour
        told = ", ".join(f"{point:.1f} of {number}" for number, point in by_settings.items())
        words.append(f"on {images:,} images {told}")
    ax.set(xscale="log", xlabel="settings tried (log scale)", ylabel="lead of the winner (points)")
    ax.set_xticks(settings, [str(number) for number in settings])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_ylim(bottom=0)
    name_ends(ax, settings[-1], ends)
    return show(fig, f"The lead of the best of several equals, in points: {'; '.join(words)}.")
