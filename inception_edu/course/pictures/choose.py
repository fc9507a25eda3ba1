"""Chapter 12: what accuracy costs in parameters, MACs and time, and new classes from few pictures."""

from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, CYCLE, GREEN, INK_BOTH, PURPLE, VERMILLION
from ..choices import CROWDED, Choice, choices
from ..records import by_seed, paired

PRICES = {
    "params": ("parameters", 1e6, " M"),
    "macs": ("MACs per image", 1e9, " G"),
    "milliseconds": ("time per image", 1, " ms"),
}
"""Field of a `Choice` -> what readers call it, its unit and the unit's sign."""
WAYS = {"frozen": ("frozen features", BLUE), "tuned": ("fine-tuned", GREEN), "scratch": ("from scratch", VERMILLION)}
"""Arm of the experiment with few pictures -> what readers call it, and its colour."""
GAPS = {("tuned", "frozen"): ("s", PURPLE), ("tuned", "scratch"): ("o", GREEN), ("frozen", "scratch"): ("o", BLUE)}
"""Two arms of it, the first minus the second -> mark and colour of the difference."""


def _colour(network: Choice) -> str:
    return BLUE if network.family else INK_BOTH


def against_macs() -> Picture:
    """Top-1 accuracy against MACs, a point for each network; a hollow one was measured on easier terms."""
    style()
    fig, ax = plt.subplots(figsize=(7, 4.6))
    for each in choices():
        x = each.macs / 1e9
        fill = "none" if each.easier_terms else _colour(each)
        ax.plot(x, each.top1, "o", color=_colour(each), markerfacecolor=fill, markersize=7)
        side, up = CROWDED.get(each.name, (1 if x < 2 else -1, 0))
        look: Any = {"ha": "left" if side > 0 else "right", "va": "center", "fontsize": 10}
        ax.annotate(each.title, (x, each.top1), (8 * side, up), textcoords="offset points", **look)
    ax.set_xscale("log")
    ax.set(xlim=(0.2, 25), ylim=(56, 82.5), xlabel="MACs per image, billions", ylabel="top-1 accuracy, %")
    ax.set_xticks([0.3, 1, 3, 10], ["0.3", "1", "3", "10"])
    ax.xaxis.set_minor_locator(NullLocator())
    words = [f"{each.title} {each.top1:.1f} % ({each.macs / 1e9:.2f})" for each in choices()]
    return show(fig, f"Top-1 accuracy against billions of MACs per image: {'; '.join(words)}.")


def ranks(followed: str) -> Picture:
    """The networks from the cheapest to the most expensive in each currency, the title `followed` drawn thick."""
    style()
    fig, ax = plt.subplots(figsize=(9, 4.8))
    words = []
    places = {price: sorted(choices(), key=lambda each: getattr(each, price)) for price in PRICES}
    for each in choices():
        thick = each.title == followed
        look: Any = {"va": "center", "fontsize": 10.5, "weight": "bold" if thick else "normal"}
        rows = [order.index(each) for order in places.values()]
        for column, (left, right) in enumerate(pairwise(rows)):
            width, alpha = (3, 1) if thick else (1.4, 0.5)
            ends = [column + 0.2, column + 0.8]
            ax.plot(ends, [left, right], color=_colour(each), linewidth=width, alpha=alpha)
        for column, (row, (price, (_, unit, sign))) in enumerate(zip(rows, PRICES.items(), strict=True)):
            ax.text(column, row, f"{getattr(each, price) / unit:.3g}{sign}", ha="center", **look)
        ax.text(-0.22, rows[0], f"{each.title}, {each.pixels}", ha="right", **look)
        ax.text(2.25, rows[-1], each.title, ha="left", **look)
        words.append(f"{each.title} {', '.join(str(row + 1) for row in rows)}")
    ax.set(xlim=(-1.2, 3.15), ylim=(len(choices()) - 0.4, -0.6), yticks=[])
    ax.set_xticks(range(len(PRICES)), [what for what, _, _ in PRICES.values()])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.grid(visible=False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    named = ", ".join(what for what, _, _ in PRICES.values())
    return show(fig, f"Rank from the cheapest (1) to the most expensive by {named}: {'; '.join(words)}.")


def few_pictures(record: Mapping[str, Any]) -> Picture:
    """Accuracy on five new classes by the number of pictures of each: frozen, fine-tuned and from scratch.

    Right, the differences between each two of them, with intervals of 95 %.
    """
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), width_ratios=(1.15, 1))
    counts, words, gaps = record["pictures"], [], []
    runs = {arm: [by_seed(dict(record), f"{arm}, {count}") for count in counts] for arm in WAYS}
    shifts = (0.88, 1, 1.14)
    for (arm, (name, colour)), shift in zip(WAYS.items(), shifts, strict=True):
        places = [shift * count for count in counts]
        means = [100 * fmean(each) for each in runs[arm]]
        for place, each in zip(places, runs[arm], strict=True):
            left.plot([place] * len(each), [100 * score for score in each], ".", color=colour, alpha=0.55, markersize=5)
        left.plot(places, means, color=colour, label=name)
        words.append(f"{name} {', '.join(f'{mean:.1f}' for mean in means)}")
    for ((arm, rival), (mark, colour)), shift in zip(GAPS.items(), shifts, strict=True):
        pairs = [paired(other, each) for other, each in zip(runs[rival], runs[arm], strict=True)]
        more, reach = [each.mean for each in pairs], [each.half for each in pairs]
        what = f"{WAYS[arm][0]} minus {WAYS[rival][0].removeprefix('from ').removesuffix(' features')}"
        look: Any = {"capsize": 3, "linewidth": 1.5, "markersize": 5, "label": what}
        right.errorbar([shift * count for count in counts], more, reach, fmt=mark, color=colour, **look)
        gaps.append(f"{what} {', '.join(f'{mean:+.1f}' for mean in more)}")
    for ax, title in ((left, "test accuracy, %"), (right, "differences, points")):
        ax.set_xscale("log")
        ax.set_xticks(counts, [str(count) for count in counts])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set(xlabel="pictures of each new class", title=title)
    right.axhline(0, color=INK_BOTH, linestyle="--", linewidth=1.2)
    right.set_ylim(top=31)  # room for the names
    left.legend(loc="lower right")
    right.legend(loc="upper right", fontsize=8.5)
    listed = ", ".join(map(str, counts))
    return show(
        fig,
        f"Mean test accuracy in % on five new classes at {listed} pictures of each: {'; '.join(words)}. Right, the "
        f"mean differences on the same pictures: {'; '.join(gaps)} points, with 95 % intervals.",
    )


def three_ways() -> Picture:
    """Which layers stay, which go on learning and which begin at random, in each of the three ways."""
    style()
    fig, ax = plt.subplots(figsize=(8, 2.3))
    parts = [("stem", 1.3), ("block 3a", 1.3), ("block 4a", 1.3), ("block 5a", 1.3), ("new last layer", 1.7)]
    stays, learns, new = (
        ("stays as it was", INK_BOTH),
        ("old weights, goes on learning", GREEN),
        ("random start", VERMILLION),
    )
    rows = {"frozen features": [stays] * 4 + [new], "fine-tuned": [learns] * 4 + [new], "from scratch": [new] * 5}
    for row, (way, looks) in enumerate(rows.items()):
        x = 0.0
        for (part, width), (_, colour) in zip(parts, looks, strict=True):
            hatch = "//" if colour == INK_BOTH else None
            ax.add_patch(Rectangle((x, row), width, 0.68, facecolor=colour, alpha=0.3, hatch=hatch))
            ax.text(x + width / 2, row + 0.34, part, ha="center", va="center", fontsize=9.5)
            x += width + 0.12
        ax.text(-0.15, row + 0.34, way, ha="right", va="center", fontsize=10.5, weight="bold")
    for column, (name, colour) in enumerate((stays, learns, new)):
        at = (0, 1.9, 5.3)[column]
        hatch = "//" if colour == INK_BOTH else None
        ax.add_patch(Rectangle((at, 3.15), 0.3, 0.32, facecolor=colour, alpha=0.3, hatch=hatch))
        ax.text(at + 0.4, 3.31, name, va="center", fontsize=9.5)
    ax.set(xlim=(-1.9, 7.7), ylim=(3.6, -0.1))
    ax.axis("off")
    return show(
        fig,
        "The small network three times, its stem, three blocks and a new last layer in a row. Frozen features: all but "
        "the last layer stay as they were. Fine-tuned: they go on learning from their old weights. From scratch: they "
        "begin at random. The last layer begins at random each time.",
    )


def bridge(theirs: str, mine: str) -> Picture:
    """How a name of a released file becomes a name of the reader's class, piece by piece: both with "|" between pieces.

    Raises ValueError if the two have not as many pieces.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 1.7))
    x = 0.0
    for number, (above, below) in enumerate(zip(theirs.split("|"), mine.split("|"), strict=True)):
        width = 0.17 * max(len(above), len(below)) + 0.2
        colour = INK_BOTH if above == below else CYCLE[number % len(CYCLE)]
        for y, text in ((0, above), (1.5, below)):
            ax.add_patch(Rectangle((x, y), width, 0.7, facecolor=colour, alpha=0.15 if above == below else 0.3))
            ax.text(x + width / 2, y + 0.36, text, ha="center", va="center", family="monospace", fontsize=11)
        if above != below:
            ax.annotate(
                "", (x + width / 2, 1.46), (x + width / 2, 0.74), arrowprops={"arrowstyle": "->", "color": colour}
            )
        x += width + 0.08
    ax.text(-0.15, 0.36, "in the file", ha="right", va="center")
    ax.text(-0.15, 1.86, "in your class", ha="right", va="center")
    ax.set(xlim=(-2.2, x), ylim=(2.3, -0.1))
    ax.axis("off")
    changed = [f"“{a}” becomes “{b}”" for a, b in zip(theirs.split("|"), mine.split("|"), strict=True) if a != b]
    both = f"{theirs.replace('|', '')} above {mine.replace('|', '')}"
    return show(fig, f"A name of the file and its name in your class, {both}, piece by piece: {', '.join(changed)}.")
