"""Chapter 12: what accuracy costs in parameters, MACs and time, and new classes from few pictures."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, INK_BOTH, VERMILLION
from ..choices import CROWDED, choices
from ..records import by_seed
from . import name_ends

PRICES = {
    "params": ("parameters, millions", 1e6, (1, 2, 5, 10, 20, 50)),
    "macs": ("MACs per image, billions", 1e9, (0.3, 1, 3, 10)),
    "milliseconds": ("milliseconds per image", 1, (10, 30, 100, 300)),
}
"""Field of a `Choice` -> its axis's name, its unit and its ticks."""


def _panel(ax: Axes, price: str) -> None:
    label, unit, ticks = PRICES[price]
    ax.set_xscale("log")
    values = {each.name: getattr(each, price) / unit for each in choices()}
    middle = (min(values.values()) * max(values.values())) ** 0.5
    for each in choices():
        x, colour = values[each.name], BLUE if each.family else INK_BOTH
        ax.plot(x, each.top1, "o", color=colour, markerfacecolor="none" if each.easier_terms else colour, markersize=6)
        side, up = CROWDED.get(each.name, (1 if x < middle else -1, 0))
        look: Any = {"ha": "left" if side > 0 else "right", "va": "center", "fontsize": 8.5}
        ax.annotate(each.title, (x, each.top1), (7 * side, up), textcoords="offset points", **look)
    low, high = min(values.values()), max(values.values())
    ax.set(xlim=(low / 1.4, high * 2), ylim=(56, 82.5), xlabel=label)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def prices(*which: str) -> Picture:
    """Top-1 accuracy against one price or several ("params", "macs", "milliseconds"), a panel each, the same points."""
    style()
    fig, axes = plt.subplots(1, len(which), figsize=(4.2 * len(which) + 1.4, 4.4), sharey=True, squeeze=False)
    for ax, price in zip(axes[0], which, strict=True):
        _panel(ax, price)
    axes[0][0].set_ylabel("top-1 accuracy, %")
    words = [
        f"{each.title} {each.top1:.1f} % ("
        + ", ".join(f"{getattr(each, price) / PRICES[price][1]:.3g}" for price in which)
        + ")"
        for each in choices()
    ]
    named = ", then ".join(PRICES[price][0] for price in which)
    return show(fig, f"Top-1 accuracy against {named}: {'; '.join(words)}.")


def few_pictures(record: Mapping[str, Any]) -> Picture:
    """Accuracy on five new classes by the number of pictures of each: frozen features, and training from scratch."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    counts, words, ends = record["pictures"], [], {}
    for arm, name, colour in (("frozen", "frozen features", BLUE), ("scratch", "from scratch", VERMILLION)):
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
