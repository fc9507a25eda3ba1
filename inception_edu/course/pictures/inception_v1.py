"""Chapter 04: GoogLeNet's parameters, multiply-adds and heads, its first gradient, early exits, LRN and Table 1."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import matplotlib.pyplot as plt
from torch import Tensor
from torch.nn import functional as F

from ...family import build
from ...network import InceptionNet
from ...show.drawing import Diagram, diagram
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


def two_heads() -> Diagram:
    """Stages 4 and 5 of GoogLeNet with the auxiliary heads, from (480, 28, 28) to 1000 classes."""
    net = build("googlenet", aux=True)
    parts = list(net.features.named_children())
    start = [name for name, _ in parts].index("pool_3")
    heads = dict(net.aux_heads.items())
    return diagram(InceptionNet(dict(parts[start:]), net.classifier, heads, name="stages 4 and 5"), (480, 28, 28))


STARTS = {
    "he": ("He", GREEN, "-"),
    "caffe": ("Caffe", ORANGE, "-"),
    "torch, heads": ("PyTorch, with heads", VERMILLION, "--"),
    "torch": ("PyTorch", VERMILLION, "-"),
}


def first_gradients(record: Mapping[str, Any]) -> Picture:
    """Along GoogLeNet before the first step, from He's and PyTorch's start: what differs between images, and gradients.

    Above is the root mean square of a part's output without its mean over the images, as a share of that of the output;
    heads do not change it. Below is the root mean square of the gradient of its weights. Medians of the seeds.
    """
    style()
    fig, (above, below) = plt.subplots(2, figsize=(7.6, 5.6), sharex=True, layout="constrained")
    said: dict[str, list[str]] = {"share": [], "gradient": []}
    lines: dict[tuple[str, str], list[float]] = {}
    for arm, (name, colour, line) in STARTS.items():
        if arm == "caffe":
            continue
        runs = [run["blocks"] for key, run in record["runs"].items() if key.startswith(f"full/{arm}/")]
        parts = list(runs[0])
        lines[arm, "gradient"] = [median(run[part]["gradient"] for run in runs) for part in parts]
        if "heads" not in arm:
            shares = ([run[part]["differs"] / run[part]["signal"] for run in runs] for part in parts)
            lines[arm, "share"] = [median(share) for share in shares]
        for ax, what, named_at in ((above, "share", len(parts) - 1), (below, "gradient", 0)):
            if (arm, what) not in lines:
                continue
            sizes = lines[arm, what]
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
            said[what].append(f"{name} {sizes[0]:.2g} at the first layer and {sizes[-1]:.2g} at the last")
    without, heads = lines["torch", "gradient"], lines["torch, heads", "gradient"]
    gains = {at: heads[at] / without[at] for at in (0, parts.index("inception_4b"))}
    for at, gain in gains.items():
        place = (0, -12) if at else (6, 0)
        height = without[at] if at else (heads[at] * without[at]) ** 0.5
        below.annotate(f"{gain:.0f} times", (at, height), place, textcoords="offset points", va="center")
    below.annotate("", (0, heads[0]), (0, without[0]), arrowprops={"arrowstyle": "<->", "color": INK_BOTH})
    for tap in (parts.index("inception_4a"), parts.index("inception_4d")):
        for ax in (above, below):
            ax.axvline(tap, color=INK_BOTH, linestyle=":", linewidth=1)
        above.annotate("head", (tap, 0.03), (3, 0), xycoords=("data", "axes fraction"), textcoords="offset points")
    short = [
        part.replace("inception_", "").replace("conv_", "conv\n").replace("classifier", "linear") for part in parts
    ]
    below.set_xticks(range(len(parts)), short, fontsize=8)
    below.set(xlim=(-2.3, len(short) + 0.8), xlabel="part of GoogLeNet")
    above.set(
        yscale="log", ylabel="share of the output", title="forward: how much of the output differs between images"
    )
    below.set(yscale="log", ylabel="size of a weight's gradient", title="backward: what is left of the gradient")
    first, later = gains.values()
    return show(
        fig,
        "Along GoogLeNet before the first step, log scales. Share of the output that differs between images: "
        f"{'; '.join(said['share'])}. Size of a weight's gradient: {'; '.join(said['gradient'])}. With heads it is "
        f"{first:.0f} times as large at the first layer, and {later:.0f} times at block 4b.",
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


def early_exits(
    curves: Mapping[str, Sequence[tuple[float, ...]]], whole: float, chosen: Sequence[tuple[float, float]]
) -> Picture:
    """Percent right against mean cost in percent of the whole network's: way -> points (cost, right, ...).

    `chosen` has one point (cost, right) for each way, which gets a circle.
    """
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    words = []
    for (name, points), at, colour, line in zip(curves.items(), chosen, (ORANGE, BLUE), ("--", "-"), strict=True):
        costs, right = [point[0] for point in points], [point[1] for point in points]
        ax.plot(costs, right, line, color=colour, label=name)
        ax.plot(*at, "o", color=colour, markerfacecolor="none", markersize=10, markeredgewidth=2)
        words.append(
            f"{name} from {right[0]:.0f} % right for {costs[0]:.0f} % of the work, "
            f"chosen {at[1]:.1f} % right for {at[0]:.0f} %"
        )
    ax.plot(100, whole, "o", color=INK_BOTH)
    ax.annotate("whole network", (100, whole), (-6, 8), textcoords="offset points", ha="right", va="bottom")
    ax.set(xlabel="mean multiply-adds, % of the whole network", ylabel="test images right (%)", xlim=(0, 108))
    ax.margins(y=0.12)
    ax.legend(loc="lower center")
    return show(fig, f"Accuracy rises with the mean work, up to {whole:.0f} % for all of it: {'; '.join(words)}.")


def damping(photo: Tensor, divisor: Tensor) -> Picture:
    """A photograph (3, H, W) from 0 to 1 and a map (h, w) of what local response normalisation divides by there."""
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 3), layout="constrained")
    left.imshow(F.avg_pool2d(photo, 2).permute(1, 2, 0).numpy())
    heat = right.imshow(divisor.numpy(), cmap="inferno", vmin=1)
    left.set_title("the photograph")
    right.set_title("largest divisor")
    for ax in (left, right):
        ax.axis("off")
    fig.colorbar(heat, ax=right, shrink=0.8)
    strong = (divisor > 1.2).double().mean()
    return show(
        fig,
        f"A photograph, and where the layer divides: by {divisor.max():.2f} at most, "
        f"by more than 1.2 at {100 * strong:.0f} % of the positions.",
    )


def printed_and_counted(off: Mapping[str, tuple[float, float]]) -> Picture:
    """How far a printed table is from the count, in percent: block -> (its weights, its multiply-adds)."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3))
    ax.axhspan(-2, 2, color=INK_BOTH, alpha=0.15, linewidth=0)
    ax.axhline(0, color=INK_BOTH, linewidth=1)
    for place, (name, colour, marker, shift) in enumerate((("weights", BLUE, "o", -0.1), ("MACs", ORANGE, "s", 0.1))):
        values = [both[place] for both in off.values()]
        ax.plot([x + shift for x in range(len(off))], values, marker, color=colour, label=name)
    ax.set_xticks(range(len(off)), list(off))
    ax.set(xlabel="block", ylabel="printed minus counted (%)", ylim=(-8, 8))
    ax.legend(loc="upper left")
    words = [f"{name} {weights:+.1f} and {macs:+.1f}" for name, (weights, macs) in off.items()]
    return show(
        fig, f"Printed minus counted, percent of weights and of multiply-adds: {', '.join(words)}. A band marks 2 %."
    )
