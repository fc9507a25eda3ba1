"""Chapter 09: kernels and their patterns, towers, where the time goes, and accuracy against two prices."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from random import Random
from statistics import fmean, stdev
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter
from torch import Tensor, nn

from ...running import milliseconds_by_kind, predict
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BLUE_BOTH, GREEN, INK_BOTH, INK_LIGHT, ORANGE, PURPLE
from ..records import by_seed

CELL = 6.0
EDGE = "white"
"""Between the cells of a drawing: cells are solid, so that what is in front hides what is not."""


def _kernel(ax: Axes, x: float, y: float, side: int, depth: int, colour: str) -> None:
    """A kernel of `side` x `side` cells and as many channels as it is deep, drawn back to front."""
    for layer in range(depth - 1, -1, -1):
        left, low = x + 5 * layer, y + 5 * layer
        for row in range(side):
            for column in range(side):
                place = left + CELL * column, low + CELL * row
                ax.add_patch(Rectangle(place, CELL, CELL, facecolor=colour, edgecolor=EDGE, linewidth=0.6))


def _maps(ax: Axes, x: float, y: float, count: int) -> None:
    """`count` feature maps, back to front, and how many there are."""
    for layer in range(count - 1, -1, -1):
        place = x + 5 * layer, y + 5 * layer
        ax.add_patch(Rectangle(place, 24, 24, facecolor=PURPLE, edgecolor=EDGE, linewidth=0.8))
    ax.text(x + 12 + 2.5 * (count - 1), y - 11, f"{count} maps", ha="center", fontsize=10)


def kernels() -> Picture:
    """The kernels of a 3x3 from 4 channels to 5 and the maps around them: ordinary, depthwise, pointwise."""
    style()
    fig, ax = plt.subplots(figsize=(9, 3.1))

    def row(y: float, start: float, count: int, side: int, depth: int, colour: str, step: float, words: str) -> float:
        """Kernels between two arrows; returns where the second arrow ends."""
        first = start + 22
        ax.annotate("", (first - 4, y + 20), (start, y + 20), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        for number in range(count):
            _kernel(ax, first + step * number, y + (8 if depth == 1 else 3), side, depth, colour)
        end = first + step * count
        ax.annotate("", (end + 16, y + 20), (end - 2, y + 20), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        ax.text((first + end) / 2 - 3, y - 11, words, ha="center", fontsize=10)
        return end + 20

    top, low = 80, 10
    _maps(ax, 0, top, 4)
    _maps(ax, row(top, 44, 5, 3, 4, BLUE, 42, "ordinary: 5 kernels of 3x3x4, 180 weights"), top, 5)
    _maps(ax, 0, low, 4)
    between = row(low, 44, 4, 3, 1, GREEN, 26, "depthwise: 4 of 3x3, 36 weights")
    _maps(ax, between, low, 4)
    _maps(ax, row(low, between + 44, 5, 1, 4, ORANGE, 28, "pointwise: 5 of 1x1x4, 20 weights"), low, 5)
    ax.set(xlim=(-2, 464), ylim=(-4, 126), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        "Two ways from 4 maps to 5. Above, ordinary: five kernels of 3x3, four channels deep, 180 weights. Below, "
        "first depthwise: four kernels of 3x3, one for each channel, 36 weights, make 4 maps; then pointwise: five "
        "kernels of 1x1, four channels deep, 20 weights, make 5.",
    )


def patterns() -> Picture:
    """The 3x3s from 4 channels to 5 of an ordinary convolution, and those that both separable steps amount to."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(8.6, 3.7))
    random = Random(1)
    choices = random.sample(list(combinations(range(9), 4)), 24)

    def kernel(ax: Axes, channel: int, y: float, cells: tuple[int, ...], colour: str, strength: float) -> None:
        x = 46 * channel
        for cell in cells:
            place = x + 8 * (cell % 3), y - 8 * (cell // 3)
            ax.add_patch(Rectangle(place, 8, -8, facecolor=colour, alpha=strength, edgecolor="none"))
        ax.add_patch(Rectangle((x, y), 24, -24, facecolor="none", edgecolor=INK_BOTH, linewidth=0.6))

    for channel in range(4):
        kernel(axes[1], channel, 36, choices[channel], GREEN, 1)
        for output in range(5):
            strength = random.choice((0.4, 0.7, 1))
            kernel(axes[0], channel, -28 * output, choices[4 + 5 * channel + output], BLUE, strength)
            kernel(axes[1], channel, -28 * output, choices[channel], BLUE, strength)
    for ax, title in zip(axes, ("ordinary: 20 patterns", "separable: 4 patterns, 20 factors"), strict=True):
        for channel in range(4):
            ax.text(46 * channel + 12, -150, f"channel {channel + 1}", ha="center", fontsize=9)
        for output in range(5):
            ax.text(-6, -28 * output - 12, f"output {output + 1}", ha="right", va="center", fontsize=9)
        ax.set(xlim=(-44, 166), ylim=(-152, 40), aspect="equal")
        ax.set_title(title, fontsize=10.5)
        ax.axis("off")
    axes[1].text(-6, 24, "depthwise", ha="right", va="center", fontsize=9)
    return show(
        fig,
        "Two tables of 3x3 kernels: five rows, one per output, and four columns, one per input channel. Ordinary: 20 "
        "different patterns. Separable: above the table are four depthwise patterns; each kernel is its column's "
        "pattern, stronger or weaker.",
    )


def line() -> Picture:
    """One 1x1, then one, three or as many 3x3s side by side as there are channels: Chollet's line."""
    style()
    fig, axes = plt.subplots(1, 3, figsize=(9.4, 4.1))
    panels = (
        (1, "one tower", "ordinary 3x3", (33, 61)),
        (3, "three towers", "Inception, simplified", (33, 97)),
        (12, "twelve towers", "depthwise separable", (-3, 61)),
    )
    arrow = {"arrowstyle": "-|>", "color": INK_BOTH, "linewidth": 0.8, "mutation_scale": 7, "shrinkA": 0, "shrinkB": 0}
    for ax, (towers, title, name, (low, high)) in zip(axes, panels, strict=True):
        share = 12 // towers

        def channels(y: float, gap: float, share: int = share, ax: Axes = ax) -> None:
            for channel in range(12):
                inset = gap if channel % share == 0 else 0.5, gap if channel % share == share - 1 else 0.5
                place = 10 * channel + inset[0], y
                ax.add_patch(Rectangle(place, 10 - sum(inset), 6, facecolor=PURPLE, edgecolor="none"))

        def down(xs: list[float], start: float, end: float, ax: Axes = ax) -> None:
            for x in xs:
                ax.annotate("", (x, end), (x, start), arrowprops=arrow)

        centres = [10 * share * (tower + 0.5) for tower in range(towers)]
        channels(116, 0.5)
        down([60], 115, 98)
        ax.add_patch(Rectangle((0, 83), 120, 14, facecolor=ORANGE, edgecolor="none"))
        channels(72, 1.5)
        down(centres, 71, 60)
        for tower in range(towers):
            ax.add_patch(Rectangle((10 * share * tower + 1, 33), 10 * share - 2, 26, facecolor=GREEN, edgecolor="none"))
            turned: dict[str, Any] = {"fontsize": 7.5, "rotation": 90} if towers == 12 else {"fontsize": 10}
            ax.text(centres[tower], 46, "3x3", ha="center", va="center_baseline", color=INK_LIGHT, **turned)
        channels(22, 0.5)
        down([60], 21, 12)
        ax.add_patch(Rectangle((0, -3), 120, 14, facecolor=ORANGE, alpha=0.45, edgecolor="none"))
        for y, words in ((90, "1x1"), (4, "the next 1x1")):
            ax.text(60, y, words, ha="center", va="center", fontsize=10, color=INK_LIGHT if y == 90 else None)
        ax.plot([123, 127, 127, 123], [high, high, low, low], color=INK_BOTH, linewidth=1)
        ax.text(130, (low + high) / 2, name, rotation=270, ha="left", va="center", fontsize=10.5)
        ax.text(60, 126, "12 channels", ha="center", fontsize=10)
        ax.text(60, -15, f"weights of the 3x3{'s' * (towers > 1)}: {9 * 12 * share:,}", ha="center", fontsize=10)
        ax.set(xlim=(-2, 141), ylim=(-18, 133))
        ax.set_title(title, fontsize=10.5)
        ax.axis("off")
    return show(
        fig,
        "Three blocks, read from top to bottom: 12 channels, a 1x1 over all of them, 3x3s on shares of its channels, "
        "and the next 1x1. With one tower the 3x3 reads all channels and has 1,296 weights: an ordinary convolution. "
        "With three each reads four channels, 432 weights: 1x1 and 3x3s are an Inception block. With twelve each reads "
        "one, 108 weights: 3x3s and the next 1x1 are a depthwise separable convolution.",
    )


SHORT = {
    "plain": "plain",
    "half as wide": "half as wide",
    "reductions": "1x1s in front",
    "separable, nothing between": "separable",
    "fewer blocks": "two blocks",
}
LEFT, RIGHT = ((-7, 5), "right"), ((8, -3), "left")
"""Where a version's name is: its offset, and which end of the words is there."""
PLACES: tuple[dict[str, Any], ...] = (
    {"half as wide": ((-8, -10), "right"), "fewer blocks": RIGHT},
    {"half as wide": RIGHT},
)


def front(record: Mapping[str, Any], times: Mapping[str, Any]) -> Picture:
    """Mean test accuracy of five versions against their MACs and against their time per image, with the front drawn.

    The front joins the versions that no other beats in both; their dots are filled. Bars are one standard deviation of
    the seeds.
    """
    runs = {arm: [100 * share for share in by_seed(dict(record), arm)] for arm in SHORT}
    means, spreads = ({arm: of(each) for arm, each in runs.items()} for of in (fmean, stdev))
    prices = (
        ("by work", "million multiply-adds", {arm: record["arms"][arm]["macs"] / 1e6 for arm in SHORT}, (1, 2, 3, 5)),
        ("by time", "milliseconds per image", times["runs"]["milliseconds/plain/64"], (0.07, 0.1, 0.15, 0.2)),
    )
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9.8, 3.8), sharey=True, layout="constrained")
    told = []
    for ax, (title, label, price, ticks), places in zip(axes, prices, PLACES, strict=True):
        best = [a for a in SHORT if not any(price[b] <= price[a] and means[b] > means[a] for b in SHORT)]
        best.sort(key=price.__getitem__)
        ax.plot([price[arm] for arm in best], [means[arm] for arm in best], color=INK_BOTH, linewidth=1)
        for arm, name in SHORT.items():
            fill = BLUE if arm in best else "none"
            dot: dict[str, Any] = {"fmt": "o", "color": BLUE, "markerfacecolor": fill, "markersize": 7, "elinewidth": 1}
            ax.errorbar(price[arm], means[arm], spreads[arm], **dot)
            step, side = places.get(arm, LEFT)
            words: dict[str, Any] = {"textcoords": "offset points", "ha": side, "fontsize": 9.5}
            ax.annotate(name, (price[arm], means[arm]), step, **words)
        ax.set(xscale="log", xlabel=f"{label} (logarithmic)")
        ax.set_title(title, fontsize=10.5)
        ax.set_xticks(ticks)
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.margins(x=0.3, y=0.12)
        told.append(f"by {label} the front is {', '.join(SHORT[arm] for arm in best)}")
    axes[0].set_ylabel("test accuracy, %")
    points = ", ".join(f"{SHORT[arm]} {means[arm]:.1f} %" for arm in SHORT)
    return show(
        fig, f"Five versions of a network, accuracy against two prices: {points}. From cheap: {'; '.join(told)}."
    )


REST = "all other layers"
PARTS = {"3x3 and 5x5": BLUE, "depthwise": GREEN, "1x1": ORANGE, REST: INK_BOTH}


def _part(module: nn.Module) -> str | None:
    if not isinstance(module, nn.Conv2d):
        return None
    if module.groups > 1:
        return "depthwise"
    return "1x1" if module.kernel_size == (1, 1) else "3x3 and 5x5"


def by_part(nets: Mapping[str, nn.Module], image: Tensor) -> dict[str, dict[str, tuple[float, float]]]:
    """For each network and kind of layer, by `PARTS`: million MACs and milliseconds for one image (1, C, H, W)."""
    found = {}
    for (name, net), times in zip(nets.items(), milliseconds_by_kind(_part, list(nets.values()), image), strict=True):
        macs = dict.fromkeys(PARTS, 0)

        def count(layer: nn.Module, _: object, output: Tensor, macs: dict[str, int] = macs) -> None:
            assert isinstance(layer, nn.Conv2d | nn.Linear)
            macs[_part(layer) or REST] += output.numel() * layer.weight[0].numel()

        with ExitStack() as hooks:
            for layer in net.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    hooks.callback(layer.register_forward_hook(count).remove)
            predict(net, image)
        found[name] = {part: (macs[part] / 1e6, times.get(None if part == REST else part, 0.0)) for part in PARTS}
    return found


def parts(nets: Mapping[str, Mapping[str, tuple[float, float]]]) -> Picture:
    """The multiply-adds and the time of each network as stacked bars, one colour for each kind of layer."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9, 2.4), sharey=True)
    told = []
    for which, (ax, label) in enumerate(zip(axes, ("million multiply-adds", "milliseconds"), strict=True)):
        most = max(sum(pair[which] for pair in each.values()) for each in nets.values())
        for row, (name, each) in enumerate(nets.items()):
            end = 0.0
            for part, colour in PARTS.items():
                size = each[part][which]
                ax.barh(row, size, 0.6, left=end, color=colour, label=part if row == 0 else None)
                if size > 0.07 * most:
                    ink = "white" if colour in (BLUE, INK_BOTH) else INK_LIGHT
                    ax.text(end + size / 2, row, f"{size:.2f}", ha="center", va="center", fontsize=9, color=ink)
                end += size
            sizes = ", ".join(f"{part} {each[part][which]:.2f}" for part in PARTS)
            told.append(f"{label} of {name}: {sizes}")
        ax.set_xlabel(label)
        ax.grid(False, axis="y")
    axes[0].set_yticks(range(len(nets)), list(nets))
    axes[0].invert_yaxis()
    fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return show(fig, f"Stacked bars by kind of layer. {'; '.join(told)}.")


def roofline(ceiling: float, slope: float, layers: Mapping[str, tuple[float, float]]) -> Picture:
    """The roof of a machine on logarithmic axes, and three layers: name -> (MACs per byte, billion MACs per second).

    `ceiling` is in billion MACs per second, `slope` in billion bytes per second.
    """
    style()
    fig, ax = plt.subplots(figsize=(7.4, 3.6))
    ridge = ceiling / slope
    reach = 0.2, 300.0
    top = 1.5 * max(ceiling, *(pace for _, pace in layers.values()))
    ax.plot((reach[0], ridge, reach[1]), (slope * reach[0], ceiling, ceiling), color=INK_BOTH)
    ax.plot((ridge, ridge), (ceiling, 1.3 * top), ":", color=INK_BOTH, linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="MACs per byte", ylabel="billion MACs per second", xlim=reach)
    ax.set_ylim(min(slope * reach[0], *(pace for _, pace in layers.values())) / 1.5, 1.3 * top)
    ax.text(ridge / 1.08, top, "waits for bytes", ha="right", va="center", fontsize=9.5)
    ax.text(ridge * 1.08, top, "limited by multiplying", ha="left", va="center", fontsize=9.5)
    for (name, place), (colour, mark) in zip(
        layers.items(), ((BLUE_BOTH, "s"), (ORANGE, "o"), (GREEN, "^")), strict=True
    ):
        ax.plot(*place, mark, color=colour, markersize=8)
        ax.annotate(name, place, (0, -9), textcoords="offset points", ha="center", va="top", fontsize=9.5)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axis.set_minor_formatter(NullFormatter())
    told = "; ".join(f"{name} at {x:.1f} MACs per byte, {y:.0f} billion a second" for name, (x, y) in layers.items())
    return show(
        fig,
        "Billion MACs per second against MACs per byte, both on logarithmic axes: a slope, where a layer waits for "
        f"bytes, that ends in a level ceiling, where multiplying limits it. Three layers: {told}.",
    )


def along(nets: Mapping[str, Sequence[float]]) -> Picture:
    """Megabytes that each convolution reads and writes, in the order in which they run: a line for each network."""
    style()
    fig, ax = plt.subplots(figsize=(8, 3))
    told = []
    for (name, sizes), colour in zip(nets.items(), (BLUE_BOTH, ORANGE), strict=True):
        ax.step(range(1, len(sizes) + 1), sizes, where="mid", color=colour, linewidth=1.8, label=name)
        most = max(sizes)
        told.append(f"{name}, {len(sizes)} convolutions, most {most:.1f} MB at number {sizes.index(most) + 1}")
    ax.set(xlabel="convolution, in order", ylabel="input + output, MB", ylim=(0, None))
    ax.legend()
    return show(fig, f"Megabytes of input and output of each convolution: {'; '.join(told)}.")
