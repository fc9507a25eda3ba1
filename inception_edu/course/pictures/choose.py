"""Chapter 12: what accuracy costs in parameters, MACs and time, and new classes from few pictures."""

from collections.abc import Mapping
from itertools import pairwise
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.ticker import NullLocator

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, VERMILLION
from ..choices import CROWDED, Choice, choices
from ..records import by_seed
from . import name_ends

PRICES = {
    "params": ("parameters", 1e6, " M"),
    "macs": ("MACs per image", 1e9, " G"),
    "milliseconds": ("time per image", 1, " ms"),
}
"""Field of a `Choice` -> what readers call it, its unit and the unit's sign."""


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
    """Accuracy on five new classes by the number of pictures of each: frozen, fine-tuned and from scratch."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    counts, words, ends = record["pictures"], [], {}
    ways = ("frozen", "frozen features", BLUE), ("tuned", "fine-tuned", GREEN), ("scratch", "from scratch", VERMILLION)
    for arm, name, colour in ways:
        runs = [[100 * score for score in by_seed(dict(record), f"{arm}, {count}")] for count in counts]
        means = [fmean(each) for each in runs]
        for count, each in zip(counts, runs, strict=True):
            ax.plot([count] * len(each), each, ".", color=colour, alpha=0.45, markersize=5)
        ax.plot(counts, means, color=colour)
        ends[name] = means[-1], colour
        words.append(f"{name} {', '.join(f'{mean:.1f}' for mean in means)}")
    ax.set_xscale("log")
    ax.set_xticks(counts, [str(count) for count in counts])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set(xlabel="pictures of each new class", ylabel="test accuracy, %")
    name_ends(ax, counts[-1], ends)
    listed = ", ".join(map(str, counts))
    return show(fig, f"Mean test accuracy in % on five new classes at {listed} pictures of each: {'; '.join(words)}.")
