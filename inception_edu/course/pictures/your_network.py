"""Chapter 13: what networks under the budget cost, and how many pictures they classify correctly."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from IPython.display import Markdown
from tabulate import tabulate

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, PURPLE, VERMILLION
from ..challenge import BUDGET
from ..records import by_seed

ARMS = {
    "small GoogLeNet": BLUE,
    "stand-in": VERMILLION,
    "separable": GREEN,
    "both changes": PURPLE,
    "narrower": ORANGE,
}
"""Design of the record -> its colour."""


def prices(record: Mapping[str, Any], names: Sequence[str], one: Sequence[float], many: Sequence[float]) -> Markdown:
    """A table of designs of the record by `names`: both costs, both times, and the mean of the validation accuracies.

    `one` and `many` are milliseconds for one picture and for a batch of 64, in the order of `names`; the table has them
    as multiples of the stand-in's. Raises ValueError for another number of times than of names, or if the stand-in is
    not among them, KeyError for a name that is not in the record.
    """
    timed = list(zip(names, one, many, strict=True))
    at = list(names).index("stand-in")
    rows = []
    for name, alone, batch in timed:
        cost = record["costs"][name]
        times = f"{alone / one[at]:.2f}", f"{batch / many[at]:.2f}"
        rows.append(
            (name, f"{cost['params']:,}", f"{cost['macs']:,}", *times, f"{fmean(_percent(record, name)):.1f} %")
        )
    heads = ("design", "parameters", "MACs", "time, one picture", "time, 64 pictures", "validation right")
    return Markdown(tabulate(rows, heads, "pipe", colalign=["left"] + ["right"] * 5, disable_numparse=True))


def _percent(record: Mapping[str, Any], name: str) -> list[float]:
    return [100 * share for share in by_seed(dict(record), name, "valid")]


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
    for name, colour in ARMS.items():
        x = record["costs"][name]["macs"] / 1e6
        shares = _percent(record, name)
        mean = fmean(shares)
        ax.plot([x] * len(shares), shares, ".", color=colour, alpha=0.6, markersize=7)
        ax.plot([x - 0.22, x + 0.22], [mean, mean], color=colour, linewidth=3)
        above = name == "narrower"  # its neighbour's name is below
        y, side = (max(shares) + 0.2, "bottom") if above else (min(shares) - 0.2, "top")
        ax.text(x, y, name.replace(" ", "\n"), color=colour, ha="center", va=side)
        words.append(f"{name} {mean:.1f} % at {x:.2f} million")
    low, high = ax.get_ylim()
    low, high = min(low, 83), max(high, 90)  # room for the reader's, and a point is seen to be small
    ax.set_ylim(low if share is None else min(low, 100 * share - 1), high)
    half = record["costs"]["small GoogLeNet"]["macs"] / 2e6
    lowest = fmean(_percent(record, "small GoogLeNet")) - 1
    ax.fill_between([0, half], lowest, 100, color=BLUE, alpha=0.12, linewidth=0)
    ax.text(0.15, ax.get_ylim()[1] - 0.3, "the goal “cheaper”", color=BLUE, va="top")
    budget = BUDGET.macs / 1e6
    ax.axvline(budget, color=INK_BOTH, linestyle="--", linewidth=1.2)
    ax.text(budget + 0.1, ax.get_ylim()[0], "budget", color=INK_BOTH, va="bottom")
    if macs is not None and share is not None:
        ax.plot(macs / 1e6, 100 * share, "*", color=INK_BOTH, markersize=15)
        ax.annotate("yours", (macs / 1e6, 100 * share), (0, 9), textcoords="offset points", ha="center")
        words.append(f"yours {100 * share:.1f} % at {macs / 1e6:.2f} million")
    ax.set(xlim=(0, 11.5), xlabel="multiply-adds per picture, millions", ylabel="validation pictures right (%)")
    return show(
        fig,
        f"Accuracy against multiply-adds, means over the seeds: {'; '.join(words)}. The goal “cheaper” is the "
        f"corner with at most {half:.2f} million and at least {lowest:.1f} %. The budget is {budget:g} million.",
    )
