"""Chapter 04: where GoogLeNet's parameters and multiply-adds are, its first gradient, and exits before its end."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import matplotlib.pyplot as plt

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, VERMILLION
from ...tracing import Node
from . import loss_curves


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
        ax.set(title=f"{title}, % of the network", xticks=[], xlim=(0, 1.1 * max(shares)))
        ax.grid(visible=False)
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
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
    """Along GoogLeNet before the first step, by start: how images differ, and the gradient. Medians of the seeds.

    Above is the root mean square of what is left of a part's outputs without their mean over the images, which heads do
    not change; below is that of the gradient of its weights.
    """
    style()
    fig, (above, below) = plt.subplots(2, figsize=(7.6, 5.6), sharex=True, layout="constrained")
    said: dict[str, list[str]] = {"differs": [], "gradient": []}
    for arm, (name, colour, line) in STARTS.items():
        runs = [run["blocks"] for key, run in record["runs"].items() if key.startswith(f"full/{arm}/")]
        parts = list(runs[0])
        for ax, what, named_at in ((above, "differs", len(parts) - 1), (below, "gradient", 0)):
            if ax is above and "heads" in arm:
                continue
            sizes = [median(run[part][what] for run in runs) for part in parts]
            ax.plot(range(len(parts)), sizes, line, color=colour, marker="o", markersize=3)
            step, side = (6, "left") if named_at else (-6, "right")
            ax.annotate(
                name.replace(", ", ",\n"),
                (named_at, sizes[named_at]),
                (step, 0),
                textcoords="offset points",
                ha=side,
                va="center",
            )
            said[what].append(f"{name} {sizes[0]:.0e} at the first layer and {sizes[-1]:.0e} at the last")
    for tap in (parts.index("inception_4a"), parts.index("inception_4d")):
        for ax in (above, below):
            ax.axvline(tap, color=INK_BOTH, linestyle=":", linewidth=1)
        above.annotate("head", (tap, 0.03), (3, 0), xycoords=("data", "axes fraction"), textcoords="offset points")
    short = [
        part.replace("inception_", "").replace("conv_", "conv\n").replace("classifier", "linear") for part in parts
    ]
    below.set_xticks(range(len(parts)), short, fontsize=8)
    below.set(xlim=(-2.3, len(short) + 0.8), xlabel="part of GoogLeNet")
    above.set(yscale="log", ylabel="size of the differences")
    above.set_title("forward: what is left of the differences between images")
    below.set(yscale="log", ylabel="size of a weight's gradient", title="backward: what is left of the gradient")
    return show(
        fig,
        "Along GoogLeNet before the first step, log scales. Size of the differences between images: "
        f"{'; '.join(said['differs'])}. Size of a weight's gradient: {'; '.join(said['gradient'])}.",
    )


def first_steps(record: Mapping[str, Any], rate: float) -> Picture:
    """The validation loss of a small GoogLeNet from each start, pass by pass, at one of the record's rates."""
    return loss_curves(
        record,
        {f"{arm}/{rate}": name for arm, (name, _, _) in STARTS.items()},
        y="validation loss (nats)",
        colours=[colour for _, colour, _ in STARTS.values()],
        dashed=[f"{arm}/{rate}" for arm, (_, _, line) in STARTS.items() if line == "--"],
    )


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
