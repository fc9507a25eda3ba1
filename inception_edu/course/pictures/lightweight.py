"""Chapter 09: what kernels look like, the line from one tower to one per channel, and accuracy against two prices."""

from collections.abc import Mapping
from statistics import fmean, stdev
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, PURPLE
from ..records import by_seed

CELL = 6.0


def _kernel(ax: Axes, x: float, y: float, side: int, depth: int, colour: str) -> None:
    """A kernel of `side` x `side` cells and as many channels as it is deep, drawn back to front."""
    for layer in range(depth - 1, -1, -1):
        left, low = x + 3 * layer, y + 3 * layer
        for row in range(side):
            for column in range(side):
                place = left + CELL * column, low + CELL * row
                cell = Rectangle(place, CELL, CELL, facecolor=colour, alpha=0.6, edgecolor=INK_BOTH, linewidth=0.6)
                ax.add_patch(cell)


def _maps(ax: Axes, x: float, y: float, count: int) -> None:
    """`count` feature maps, back to front, and how many there are."""
    for layer in range(count - 1, -1, -1):
        place = x + 4 * layer, y + 4 * layer
        ax.add_patch(Rectangle(place, 26, 26, facecolor=PURPLE, alpha=0.35, edgecolor=INK_BOTH, linewidth=0.6))
    ax.text(x + 13 + 2 * (count - 1), y - 9, f"{count} maps", ha="center", fontsize=10)


def kernels() -> Picture:
    """The kernels of a 3x3 from 4 channels to 5 and the maps around them: standard, depthwise, pointwise."""
    style()
    fig, ax = plt.subplots(figsize=(9, 4.2))

    def row(y: float, start: float, count: int, side: int, depth: int, colour: str, step: float, words: str) -> float:
        """Kernels between two arrows; returns where the second arrow ends."""
        first = start + 22
        ax.annotate("", (first - 4, y + 20), (start, y + 20), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        for number in range(count):
            _kernel(ax, first + step * number, y + 8, side, depth, colour)
        end = first + step * count
        ax.annotate("", (end + 16, y + 20), (end - 2, y + 20), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        ax.text((first + end) / 2 - 3, y - 9, words, ha="center", fontsize=10)
        return end + 20

    top, low = 88, 10
    _maps(ax, 0, top, 4)
    _maps(ax, row(top, 44, 5, 3, 4, BLUE, 40, "standard: 5 kernels of 3x3x4, 180 weights"), top, 5)
    _maps(ax, 0, low, 4)
    between = row(low, 44, 4, 3, 1, GREEN, 26, "depthwise: 4 of 3x3, 36 weights")
    _maps(ax, between, low, 4)
    _maps(ax, row(low, between + 44, 5, 1, 4, ORANGE, 24, "pointwise: 5 of 1x1x4, 20 weights"), low, 5)
    ax.set(xlim=(-4, 440), ylim=(-8, 136), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        "Two ways from 4 maps to 5. Above, standard: five kernels of 3x3, four channels deep, 180 weights. Below, "
        "first depthwise: four kernels of 3x3, one for each channel, 36 weights, make 4 maps; then pointwise: five "
        "kernels of 1x1, four channels deep, 20 weights, make 5.",
    )


def line() -> Picture:
    """One 1x1, then one, three or as many 3x3s side by side as there are channels: Chollet's line."""
    style()
    fig, axes = plt.subplots(1, 3, figsize=(8.8, 2.9))
    titles = ("one tower: a full 3x3", "three towers: simplified Inception", "a tower per channel: separable")
    for ax, towers, title in zip(axes, (1, 3, 12), titles, strict=True):
        ax.add_patch(Rectangle((0, 3), 120, 10, facecolor=ORANGE, alpha=0.6, edgecolor=INK_BOTH))
        ax.text(60, 8, "1x1", ha="center", va="center", fontsize=9)
        width = 120 / towers
        for tower in range(towers):
            ax.plot([width * (tower + 0.5)] * 2, [13, 24], color=INK_BOTH, linewidth=0.8)
            place = (width * tower + 1, 24)
            ax.add_patch(Rectangle(place, width - 2, 22, facecolor=GREEN, alpha=0.6, edgecolor=INK_BOTH))
            if towers < 12:
                ax.text(width * (tower + 0.5), 35, "3x3", ha="center", va="center", fontsize=9)
        ax.add_patch(Rectangle((0, 50), 120, 9, facecolor=PURPLE, alpha=0.4, edgecolor=INK_BOTH))
        ax.text(60, 54.5, "joined", ha="center", va="center", fontsize=9)
        ax.set(xlim=(-3, 123), ylim=(0, 62))
        ax.set_title(title, fontsize=10)
        ax.axis("off")
    return show(
        fig,
        "Three blocks drawn upwards: a 1x1 over all channels, then 3x3s on shares of its channels, joined. With "
        "one tower the 3x3 reads all channels, with three each reads a third, with twelve each reads a single channel.",
    )


SHORT = {
    "plain": "plain",
    "half as wide": "half as wide",
    "a quarter as wide": "a quarter as wide",
    "reductions": "1x1s in front",
    "small kernels": "3x3s for 5x5s",
    "separable, nothing between": "separable",
    "separable, norm and ReLU between": "ReLU between",
    "fewer blocks": "two blocks",
    "all four": "all four",
}
PLACES = dict.fromkeys(
    ("separable, norm and ReLU between", "small kernels", "fewer blocks", "a quarter as wide"), ((5, -11), "left")
) | {"half as wide": ((-5, -20), "right"), "plain": ((0, 14), "center")}
"""Labels that do not lie left of and above their point: offsets, and which side of the words is there."""
NARROW = ("half as wide", "a quarter as wide")


def front(record: Mapping[str, Any], times: Mapping[str, Any]) -> Picture:
    """Mean test accuracy of every version against its MACs and against its time per image, with the front drawn.

    The front joins the versions that no other beats in both. Crosses are the plain network made narrower; bars are one
    standard deviation of the seeds.
    """
    runs = {arm: [100 * share for share in by_seed(dict(record), arm)] for arm in SHORT}
    means, spreads = ({arm: of(each) for arm, each in runs.items()} for of in (fmean, stdev))
    prices = (
        ("million multiply-adds", {arm: record["arms"][arm]["macs"] / 1e6 for arm in SHORT}),
        ("milliseconds per image, batches of 64", times["runs"]["milliseconds/plain/64"]),
    )
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9.8, 4.2), sharey=True, layout="constrained")
    told = []
    for ax, (label, price) in zip(axes, prices, strict=True):
        best = [a for a in SHORT if not any(price[b] <= price[a] and means[b] > means[a] for b in SHORT)]
        best.sort(key=price.__getitem__)
        ax.plot([price[arm] for arm in best], [means[arm] for arm in best], color=INK_BOTH, linewidth=1)
        for arm, name in SHORT.items():
            marker, colour = ("x", INK_BOTH) if arm in NARROW else ("o", BLUE)
            ax.errorbar(price[arm], means[arm], spreads[arm], fmt=marker, color=colour, elinewidth=0.8)
            step, side = PLACES.get(arm, ((-5, 5), "right"))
            place = {"xytext": step, "textcoords": "offset points", "fontsize": 9, "ha": side}
            ax.annotate(name, (price[arm], means[arm]), **place)
        ax.set(xscale="log", xlabel=label)
        ticks = [tick for tick in (0.06, 0.1, 0.2, 0.3, 0.5, 1, 2, 5) if 0.8 * min(price.values()) < tick]
        ax.set_xticks([tick for tick in ticks if tick < 1.3 * max(price.values())])
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(x=0.36, y=0.12)
        told.append(f"by {label} the front is {', '.join(SHORT[arm] for arm in best)}")
    axes[0].set_ylabel("test accuracy, %")
    points = ", ".join(f"{SHORT[arm]} {means[arm]:.1f} %" for arm in SHORT)
    return show(
        fig, f"Nine versions of a network, accuracy against two prices: {points}. From cheap: {'; '.join(told)}."
    )
