"""Chapter 04: where GoogLeNet's parameters and multiply-adds are, its first gradient, and exits before its end."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import matplotlib.pyplot as plt

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, VERMILLION
from ...tracing import Node


def twin_bars(node: Node) -> Picture:
    """Parameters to the left and MACs to the right, part by part, of a traced GoogLeNet."""
    parts = {"stem": [child for child in node.children if child.name.startswith(("conv", "pool_1", "pool_2", "lrn"))]}
    parts |= {child.name.split("_")[1]: [child] for child in node.children if child.name.startswith("inception")}
    parts["linear"] = [node.children[-1]]
    params = [100 * sum(child.params for child in part) / node.params for part in parts.values()]
    macs = [100 * sum(child.macs for child in part) / node.macs for part in parts.values()]
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True, layout="constrained")
    for ax, shares, colour, title in ((left, params, BLUE, "parameters"), (right, macs, ORANGE, "multiply-adds")):
        ax.barh(list(parts), shares, color=colour)
        for row, share in enumerate(shares):
            step, side = (-3, "right") if ax is left else (3, "left")
            ax.annotate(
                f"{share:.0f}" if share >= 0.5 else "<1",
                (share, row),
                (step, 0),
                textcoords="offset points",
                va="center",
                ha=side,
            )
        ax.set(title=title, xlabel="% of the network")
    left.invert_xaxis()
    left.invert_yaxis()
    left.yaxis.tick_right()
    rows = "; ".join(f"{name} {p:.0f} and {m:.0f}" for name, p, m in zip(parts, params, macs, strict=True))
    return show(fig, f"Twin bars along GoogLeNet, percent of all parameters and of all multiply-adds: {rows}.")


STARTS = {
    "he": ("He", GREEN, "-"),
    "caffe": ("Caffe", ORANGE, "-"),
    "torch, heads": ("PyTorch, with heads", VERMILLION, "--"),
    "torch": ("PyTorch", VERMILLION, "-"),
}


def first_gradients(record: Mapping[str, Any]) -> Picture:
    """The typical gradient at each part of the full GoogLeNet before the first step, by start: medians of the seeds."""
    style()
    fig, ax = plt.subplots(figsize=(7.6, 3.8))
    words = []
    for arm, (name, colour, line) in STARTS.items():
        runs = [run["blocks"] for key, run in record["runs"].items() if key.startswith(f"full/{arm}/")]
        sizes = {block: median(run[block]["gradient"] for run in runs) for block in runs[0]}
        places = range(len(sizes))
        ax.plot(places, list(sizes.values()), line, color=colour, marker="o", markersize=3)
        drop = {"torch": -8, "torch, heads": 8}.get(arm, 0)
        ax.annotate(name, (0, sizes["conv_1"]), (-6, drop), textcoords="offset points", ha="right", va="center")
        words.append(f"{name} {sizes['conv_1']:.0e} at the first layer and {sizes['classifier']:.0e} at the last")
    short = [block.replace("inception_", "").replace("classifier", "linear") for block in sizes]
    ax.set_xticks(places, short, fontsize=8)
    ax.set(
        yscale="log", xlim=(-3.6, len(short) - 0.7), ylabel="size of a weight's gradient", xlabel="part of GoogLeNet"
    )
    return show(fig, f"Gradient sizes along GoogLeNet before the first step, log scale: {'; '.join(words)}.")


def early_exits(curves: Mapping[str, Sequence[tuple[float, ...]]], whole: float) -> Picture:
    """Percent right against mean cost in percent of the whole network's: way -> points (cost, right, ...)."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    words = []
    for (name, points), colour, line in zip(curves.items(), (ORANGE, BLUE), ("--", "-"), strict=True):
        costs, right = [point[0] for point in points], [point[1] for point in points]
        ax.plot(costs, right, line, color=colour, label=name)
        words.append(f"{name} from {right[0]:.0f} % right for {costs[0]:.0f} % of the work")
    ax.plot(100, whole, "o", color=INK_BOTH)
    ax.annotate("whole network", (100, whole), (-6, 8), textcoords="offset points", ha="right", va="bottom")
    ax.set(xlabel="mean multiply-adds, % of the whole network", ylabel="test images right (%)", xlim=(0, 108))
    ax.margins(y=0.12)
    ax.legend(loc="lower right")
    return show(fig, f"Accuracy rises with the mean work, up to {whole:.0f} % for all of it: {'; '.join(words)}.")
