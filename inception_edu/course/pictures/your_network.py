"""Chapter 13: what networks under the budget cost, and how many pictures they classify correctly."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, PURPLE, VERMILLION
from ..challenge import BUDGET
from ..records import by_seed

ARMS = {
    "small GoogLeNet": ("small\nGoogLeNet", BLUE),
    "stand-in": ("stand-in", VERMILLION),
    "lighter": ("separable", GREEN),
    "half": ("separable,\nnarrower", PURPLE),
    "narrow": ("narrower", ORANGE),
}
"""Arm of the record -> what readers call it, and its colour."""


def price_map(record: Mapping[str, Any], macs: int | None = None, share: float | None = None) -> Picture:
    """Validation accuracy against MACs: a dot for each seed, a bar at the mean, and the budget as a line.

    Shaded is the goal "cheaper": at most half of the small GoogLeNet's MACs, and at most a point lost.
    `macs` and `share` (of 1) are those of the reader's network, which is a star; without both there is none.
    Raises ValueError for one without the other.
    """
    if (macs is None) != (share is None):
        raise ValueError("your network needs both its MACs and its share of correct pictures to have a place")
    style()
    fig, ax = plt.subplots(figsize=(7, 3.8))
    words = []
    for arm, (name, colour) in ARMS.items():
        x = record["costs"][arm]["macs"] / 1e6
        shares = [100 * share for share in by_seed(dict(record), arm, "valid")]
        mean = fmean(shares)
        ax.plot([x] * len(shares), shares, ".", color=colour, alpha=0.6, markersize=7)
        ax.plot([x - 0.22, x + 0.22], [mean, mean], color=colour, linewidth=3)
        above = arm == "narrow"  # its neighbour's name is below
        y, side = (max(shares) + 0.2, "bottom") if above else (min(shares) - 0.2, "top")
        ax.text(x, y, name, color=colour, ha="center", va=side)
        words.append(f"{' '.join(name.split())} {mean:.1f} % at {x:.2f} million")
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, 83), max(high, 90))  # room for the reader's, and a point is seen to be small
    half = record["costs"]["small GoogLeNet"]["macs"] / 2e6
    lowest = 100 * fmean(by_seed(dict(record), "small GoogLeNet", "valid")) - 1
    ax.fill_between([0, half], lowest, 100, color=BLUE, alpha=0.12, linewidth=0)
    ax.text(0.15, ax.get_ylim()[1] - 0.3, "the goal “cheaper”", color=BLUE, va="top")
    budget = BUDGET.macs / 1e6
    ax.axvline(budget, color=INK_BOTH, linestyle="--", linewidth=1.2)
    ax.text(budget + 0.1, ax.get_ylim()[0], "budget", color=INK_BOTH, va="bottom")
    if macs is not None and share is not None:
        ax.set_ylim(min(ax.get_ylim()[0], 100 * share - 1), ax.get_ylim()[1])
        ax.plot(macs / 1e6, 100 * share, "*", color=INK_BOTH, fillstyle="none", markersize=15)
        ax.annotate("yours", (macs / 1e6, 100 * share), (0, 9), textcoords="offset points", ha="center")
        words.append(f"yours {100 * share:.1f} % at {macs / 1e6:.2f} million")
    ax.set(xlim=(0, 11.5), xlabel="MACs per picture, millions", ylabel="validation pictures right (%)")
    return show(
        fig,
        f"Accuracy against multiply-adds, means over the seeds: {'; '.join(words)}. The goal “cheaper” is the "
        f"corner with at most {half:.2f} million and at least {lowest:.1f} %. The budget is {budget:g} million.",
    )
