"""Chapter 13: what networks under the budget cost, and how many pictures they classify correctly."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from IPython.display import Markdown
from tabulate import tabulate

from ...show.figures import Picture, show, style
from ...show.palette import BLUE_BOTH, GREEN, INK_BOTH, ORANGE, PURPLE, VERMILLION
from ..challenge import BUDGET
from ..records import by_seed

ARMS = {
    "small GoogLeNet": BLUE_BOTH,
    "separable stem": PURPLE,
    "stand-in": VERMILLION,
    "separable": GREEN,
    "narrower": ORANGE,
}
"""Designs of the record that the map shows -> their colours. Two more reach the goals, and are left out."""

CHEAPER = 0.4
"""The share of the small GoogLeNet's MACs that the goal "cheaper" allows."""


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
    heads = ("design", "parameters", "MACs", "time, one picture", "time, 64 pictures", "validation accuracy")
    return Markdown(tabulate(rows, heads, "pipe", colalign=["left"] + ["right"] * 5, disable_numparse=True))


def _percent(record: Mapping[str, Any], name: str) -> list[float]:
    return [100 * share for share in by_seed(dict(record), name, "valid")]


def price_map(record: Mapping[str, Any], macs: int | None = None, share: float | None = None) -> Picture:
    """Validation accuracy against MACs: a dot for each seed, a bar at the mean, and the budget as a line.

    Shaded are the two goals, measured against the small GoogLeNet's mean: "cheaper", with at most `CHEAPER` of its MACs
    and at most a point lost, and "better", with a point gained. Whether a difference is shown is for its interval to
    say.
    `macs` and `share` (of 1) are those of the reader's network, which is a star; without both there is none.
    Raises ValueError for one without the other.
    """
    if (macs is None) != (share is None):
        raise ValueError("your network needs both its MACs and its share of correct pictures to have a place")
    style()
    fig, ax = plt.subplots(figsize=(7, 4))
    costs = {name: record["costs"][name]["macs"] / 1e6 for name in ARMS}
    shares = {name: _percent(record, name) for name in ARMS}
    # Runs of a design lie side by side, so that equal ones can be told apart.
    places = {
        name: [costs[name] + 0.07 * (i - (len(each) - 1) / 2) for i in range(len(each))]
        for name, each in shares.items()
    }
    words = []
    for name, colour in ARMS.items():
        mean = fmean(shares[name])
        ax.plot(places[name], shares[name], ".", color=colour, markersize=7)
        ax.plot([costs[name] - 0.25, costs[name] + 0.25], [mean, mean], color=colour, linewidth=3)
        above = name in ("narrower", "separable stem")  # their neighbour's name is below
        y, side = (max(shares[name]) + 0.15, "bottom") if above else (min(shares[name]) - 0.15, "top")
        at = "left" if name == "narrower" else "center"
        ax.text(costs[name] - 0.2 * (at == "left"), y, name.replace(" ", "\n"), color=colour, ha=at, va=side)
        words.append(f"{name} {mean:.1f} % at {costs[name]:.2f} million")
    low, high = (85, 90) if share is None else (min(85, 100 * share - 1), max(90, 100 * share + 1))
    budget, cheap = BUDGET.macs / 1e6, CHEAPER * costs["small GoogLeNet"]
    lowest, better = (fmean(shares["small GoogLeNet"]) + points for points in (-1, 1))
    for right, bottom in ((cheap, lowest), (budget, better)):
        ax.fill_between([0, right], bottom, 100, color=BLUE_BOTH, alpha=0.15, linewidth=0)
    ax.text(0.15, lowest + 0.1, "goal “cheaper”", color=INK_BOTH, va="bottom")
    ax.text(budget - 0.15, better + 0.1, "goal “better”", color=INK_BOTH, ha="right", va="bottom")
    ax.axvline(budget, color=INK_BOTH, linestyle="--", linewidth=1.2)
    ax.text(budget + 0.1, low, "budget", color=INK_BOTH, va="bottom")
    if macs is not None and share is not None:
        ax.plot(macs / 1e6, 100 * share, "*", color=INK_BOTH, markersize=15)
        ax.annotate("yours", (macs / 1e6, 100 * share), (0, 9), textcoords="offset points", ha="center")
        words.append(f"yours {100 * share:.1f} % at {macs / 1e6:.2f} million")
    ax.set(xlim=(0, 11.5), ylim=(low, high))
    ax.set(xlabel="multiply-adds per picture, millions", ylabel="validation accuracy (%)")
    return show(
        fig,
        f"Accuracy against multiply-adds, means over the seeds: {'; '.join(words)}. The goal “cheaper” is the corner "
        f"with at most {cheap:.2f} million and at least {lowest:.1f} %; the goal “better” is at least {better:.1f} %. "
        f"The budget is {budget:g} million.",
    )
