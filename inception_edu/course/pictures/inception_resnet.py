"""Chapter 08: join and add, whole networks by stage, gradients along a trunk, losses and ends, a block inserted."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean, median
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from torch import nn

from ...bricks import Residual
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BLUE_BOTH, GREEN, INK_BOTH, KINDS, ORANGE, PURPLE, VERMILLION
from ...tracing import Node
from ..records import by_seed

ARMS = {
    "sum with norm": BLUE,
    "plain with norm": VERMILLION,
    "sum without norm": GREEN,
    "plain without norm": PURPLE,
}
"""The arms of 08_sums, in the order and the colours that `loss_curves` gives them."""
PARTS = {"block35": ("A", GREEN), "block17": ("B", BLUE), "block8": ("C", PURPLE)}
V4_PARTS = {"inception_a": ("A", GREEN), "inception_b": ("B", BLUE), "inception_c": ("C", PURPLE)}


def join_and_add() -> Picture:
    """Three blocks that join their branches, and three that add the result to their input: the shortcut."""
    style()
    fig, axes = plt.subplots(2, 1, figsize=(9, 4.4))
    wide, blocks = 3.4, 3

    def box(ax: Axes, x: float, y: float, width: float, height: float, kind: str, words: str = "") -> None:
        corner = (x, y - height / 2)
        ax.add_patch(Rectangle(corner, width, height, facecolor=KINDS[kind], alpha=0.4, edgecolor=INK_BOTH))
        ax.text(x + width / 2, y, words, ha="center", va="center", fontsize=9, rotation=90 * (height > width))

    def line(ax: Axes, *points: tuple[float, float]) -> None:
        ax.plot(*zip(*points, strict=True), color=INK_BOTH, linewidth=1, zorder=1)

    joining, adding = axes
    for start in (wide * block for block in range(blocks)):
        line(joining, (start, 0), (start + 0.3, 0))
        line(joining, (start + 0.3, -0.7), (start + 0.3, 0.7))
        for y in (-0.7, 0, 0.7):
            line(joining, (start + 0.3, y), (start + 0.6, y))
            line(joining, (start + 2.0, y), (start + 2.3, y))
            box(joining, start + 0.6, y, 1.4, 0.46, "conv", "layers")
        box(joining, start + 2.3, 0, 0.4, 1.9, "concat", "join")
        line(joining, (start + 2.7, 0), (start + wide, 0))
        line(adding, (start + 0.2, 0.8), (start + 0.2, -0.75))
        for y in (-0.05, -0.75):
            line(adding, (start + 0.2, y), (start + 0.4, y))
            line(adding, (start + 1.2, y), (start + 1.35, y))
            box(adding, start + 0.4, y, 0.8, 0.46, "conv", "layers")
        box(adding, start + 1.35, -0.4, 0.27, 1.2, "concat", "join")
        line(adding, (start + 1.62, -0.4), (start + 1.77, -0.4))
        box(adding, start + 1.77, -0.4, 0.5, 0.46, "conv", "1x1")
        line(adding, (start + 2.27, -0.4), (start + 2.85, -0.4), (start + 2.85, 0.8))
        adding.text(start + 2.56, -0.33, "F(x)", fontsize=9, ha="center", va="bottom", style="italic")
        adding.text(start + 2.92, 0.12, "\N{MULTIPLICATION SIGN} s", fontsize=9, va="center", style="italic")
        adding.plot(start + 2.85, 0.8, "o", markersize=17, color=KINDS["sum"], markeredgecolor=INK_BOTH, zorder=5)
        adding.text(start + 2.85, 0.79, "+", color="black", ha="center", va="center", fontsize=13, zorder=6)
        adding.text(start + 3.08, 0.92, "ReLU", fontsize=8, va="bottom")
    adding.plot([-0.3, wide * blocks + 0.4], [0.8, 0.8], color=BLUE, linewidth=4, zorder=1, alpha=0.8)
    adding.text(-0.3, 0.95, "trunk x", va="bottom")
    adding.text(1.5, 0.95, "the shortcut", va="bottom", ha="center")
    for ax, title in ((joining, "Three blocks that join"), (adding, "Three blocks that add")):
        ax.set(xlim=(-0.4, wide * blocks + 0.5), ylim=(-1.2, 1.4), title=title)
        ax.axis("off")
    return show(
        fig,
        f"Above, {blocks} blocks in a row whose three branches are joined: every path goes through layers in every "
        f"block. Below, {blocks} blocks in a row that join two branches, bring them to the width of the trunk x with "
        "a 1x1, multiply them by s and add them to the trunk: the shortcut leads straight from the first input to "
        "the last output, through a plus sign and a ReLU in each block.",
    )


def along_the_trunk(record: dict[str, Any]) -> Picture:
    """The size of the loss's gradient before each of the 16 blocks and after the last, before any training."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.7), sharey=True)
    words = []
    for arm, colour in ARMS.items():
        ax = axes[int("without norm" in arm)]
        runs: list[Any] = by_seed(record, arm, "gradients")
        for sizes in runs:
            ax.plot(sizes, color=colour, linewidth=1, alpha=0.7)
        times = sorted(sizes[0] / sizes[-1] for sizes in runs)
        change = " to ".join(f"{each:.2f}" if each < 10 else f"{each:.0f}" for each in (times[0], times[-1])) + " times"
        edge, place = (max, 8) if arm in ("plain with norm", "sum without norm") else (min, -9)
        words.append(f"{arm}, {change}")
        name = f"{arm.split()[0]}: {change}"
        ax.annotate(name, (0, edge(run[0] for run in runs)), (0, place), textcoords="offset points", va="center")
    default = record["runs"]["plain without norm, default start 0.1/0"]["gradients"]
    axes[1].plot(default, color=ARMS["plain without norm"], linestyle="--")
    axes[1].text(13, 8e-5, f"plain, PyTorch's default\nstart: down to {default[0]:.0e}", ha="right", va="center")
    last = len(default) - 1
    for ax, title in zip(axes, ("with norm", "without norm"), strict=True):
        ax.set(
            yscale="log", ylim=(3e-5, 30), xticks=range(0, last + 1, 4), xlabel="after this many blocks", title=title
        )
        ax.annotate("", (10, 4), (16, 4), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        ax.text(13, 4.6, "backward pass", ha="center", va="bottom", fontsize=9)
    axes[0].set_ylabel("size of the gradient")
    return show(
        fig,
        f"Gradients along a trunk of {last} blocks, logarithmic, ten networks of each kind. Before the first block "
        f"they are as many times as large as after the last: {'; '.join(words)}. One more plain network without norm, "
        f"from PyTorch's default start, falls to {default[0]:.1e}.",
    )


def first_passes(losses: Mapping[str, Sequence[float]]) -> Picture:
    """The mean training loss of each pass of runs named as in `ARMS`."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.2))
    words = []
    for name, run in losses.items():
        ax.plot(range(1, len(run) + 1), run, color=ARMS[name], marker="o", markersize=4, label=name)
        words.append(f"{name} from {run[0]:.2f} to {run[-1]:.2f}")
    ax.set(xlabel="pass over the training images", ylabel="training loss (nats)", ylim=(0, None))
    ax.legend()
    return show(fig, f"Training loss, mean of each pass: {'; '.join(words)}.")


def where_they_end(record: dict[str, Any]) -> Picture:
    """The share of the test images that each recorded network of `ARMS` has right after training: a dot per seed."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3))
    words, names = [], []
    for row, (arm, colour) in enumerate(ARMS.items()):
        right = [100 * share for share in by_seed(record, arm)]
        ax.plot(right, [row] * len(right), "o", color=colour, alpha=0.7)
        ax.text(93, row, f"median {median(right):.1f}\nmean {fmean(right):.1f}", va="center", fontsize=9)
        names.append(f"{arm}\n(rate {record['rates'][arm]})")
        words.append(f"{arm} {min(right):.0f} to {max(right):.0f}, median {median(right):.1f}, mean {fmean(right):.1f}")
    ax.axvline(10, color=INK_BOTH, linewidth=1, linestyle="--", zorder=0)
    ax.text(11, 0.5, "guessing", va="center", fontsize=9)
    ax.set_yticks(range(len(ARMS)), names)
    ax.set(xlabel="test images right (%)", xlim=(5, 92), xticks=range(20, 81, 20), ylim=(len(ARMS) - 0.5, -0.5))
    return show(fig, f"Percent of the test images right after training, ten seeds of each kind: {'; '.join(words)}.")


def inserted(percentages: Mapping[str, Sequence[float]], without: float) -> Picture:
    """The percentage right after a new block was inserted, a column of dots for each kind of block, and their mean."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.4))
    words = []
    for place, (name, seeds) in enumerate(percentages.items()):
        colour = VERMILLION if name == "no sum" else BLUE
        ax.plot([place] * len(seeds), seeds, "o", color=colour, alpha=0.7)
        ax.annotate(f"{fmean(seeds):.0f}", (place, min(seeds)), (0, -17), textcoords="offset points", ha="center")
        words.append(f"{name}, mean {fmean(seeds):.1f}")
    last = len(percentages) - 1
    for level, what in ((without, "without a new block"), (10, "guessing")):
        ax.axhline(level, color=INK_BOTH, linewidth=1, linestyle="--", zorder=0)
        ax.text((last - 0.5) * (level > 10), level + 2, what, ha="center", fontsize=9)
    ax.set_xticks(range(last + 1), list(percentages))
    ax.set(ylabel="test images right (%)", ylim=(0, 108), xlim=(-0.5, last + 0.5))
    return show(
        fig,
        f"Percent of the test images right after a block was inserted, a dot for each seed. {'; '.join(words)}. "
        f"Without a new block {without:.1f}.",
    )


def _parts(node: Node, kinds: Mapping[str, tuple[str, str]]) -> list[tuple[str, str, list[Node]]]:
    """(name, colour, blocks), from the image to the classes; reductions and what follows the blocks have no name."""

    def kind(child: Node) -> tuple[str, str]:
        if child.name.startswith(("reduction", "conv_7b", "classifier")):
            return "", INK_BOTH
        return kinds.get(child.name.rpartition("_")[0], ("stem", ORANGE))

    return [(*key, list(group)) for key, group in groupby(node.children, kind)]


def _expansion(block: Node) -> int:
    """The MACs of the last 1x1 of a residual block, which makes its branches as wide as the trunk."""
    bodies = [part.children[0] for part in block.walk() if isinstance(part.module, Residual)]
    return sum(body.children[-1].macs for body in bodies if isinstance(body.module, nn.Sequential))


def stages(nodes: Mapping[str, Node]) -> Picture:
    """A bar of MACs for each traced network: stem, blocks A, B and C with their last 1x1s dark, and the rest grey."""
    style()
    fig, ax = plt.subplots(figsize=(8.4, 1.3 + 0.7 * len(nodes)))
    words = []
    for row, (name, node) in enumerate(nodes.items()):
        start, told, expansions = 0.0, [], 0.0
        for part, colour, blocks in _parts(node, V4_PARTS if "V4" in name else PARTS):
            sizes = [block.macs / 1e9 for block in blocks]
            middle = start + sum(sizes) / 2
            for size, block in zip(sizes, blocks, strict=True):
                ax.barh(row, size, 0.55, start, color=colour, alpha=0.45, edgecolor="white", linewidth=0.4)
                start += size
                if dark := _expansion(block) / 1e9:
                    ax.barh(row, dark, 0.55, start - dark, color=colour)
                    expansions += dark
            label = part if part == "stem" else f"{len(blocks)} {part}"
            if part:
                ax.text(middle, row - 0.4, label, ha="center", va="center", fontsize=10)
                told.append(f"{label} {sum(sizes):.1f}")
        share = f"; the last 1x1s of the blocks are {expansions / start:.1%} of all" if expansions else ""
        ax.text(start + 0.1, row, f"{node.params / 1e6:.1f} M\nparameters", va="center", fontsize=9)
        words.append(f"{name} {start:.1f}: {', '.join(told)}{share}")
    ax.set_yticks(range(len(nodes)), list(nodes))
    ax.set(xlabel="billion multiply-adds, from the image (left) to the classes", xlim=(0, 15))
    ax.set_ylim(len(nodes) - 0.6, -0.65)
    ax.grid(visible=False, axis="y")
    names = {1: "dark: last 1x1 of each block", 0.45: "reductions and head"}
    ax.legend(
        [Patch(color=BLUE if alpha == 1 else INK_BOTH, alpha=alpha) for alpha in names],
        list(names.values()),
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=2,
        fontsize=9,
    )
    return show(fig, f"A bar of billion multiply-adds for each network. {'. '.join(words)}.")


def growth(panels: Mapping[str, Mapping[float, Sequence[float]]]) -> Picture:
    """Panel -> scale -> the trunk's deviation after 0, 1, 2, ... blocks.

    The formula is dotted in the first panel. The others, where it does not hold, have a logarithmic axis.
    """
    style()
    fig, axes = plt.subplots(1, len(panels), figsize=(9, 3.3), squeeze=False)
    words = []
    for column, (ax, (title, curves)) in enumerate(zip(axes[0], panels.items(), strict=True)):
        for (scale, curve), colour in zip(curves.items(), (VERMILLION, GREEN, BLUE_BOTH), strict=True):
            ax.plot(curve, color=colour)
            formula = [(1 + blocks * scale**2) ** 0.5 for blocks in range(len(curve))]
            if not column:
                ax.plot(formula, ":", color=INK_BOTH)
            ax.annotate(f"s = {scale:g}", (len(curve) - 1, curve[-1]), (5, 0), textcoords="offset points", va="center")
            words.append(f"{title}, s = {scale:g}: {curve[-1]:.2g}")
        ax.set(title=title, xlabel="after this many blocks", xlim=(0, 1.25 * (len(curve) - 1)))
        ax.set_yscale("log" if column else "linear")
    axes[0][0].set(ylabel="standard deviation of the trunk", ylim=(0, None))
    return show(fig, f"The deviation of a trunk after {len(curve) - 1} blocks. {'; '.join(words)}.")


def errors_by_step(steps: Mapping[str, tuple[float | None, float]]) -> Picture:
    """Step -> (top-1 error or None, top-5 error) in percent, as two falling lines."""
    style()
    fig, ax = plt.subplots(figsize=(8, 3.3))
    for place, (name, colour) in enumerate((("top-1", VERMILLION), ("top-5", BLUE_BOTH))):
        line = [(x, pair[place]) for x, pair in enumerate(steps.values()) if pair[place] is not None]
        ax.plot(*zip(*line, strict=True), "o-", color=colour)
        for x, error in line:
            ax.annotate(f"{error:g}", (x, error), (0, 7), textcoords="offset points", ha="center")
        ax.annotate(name, line[0], (-12, 0), textcoords="offset points", ha="right", va="center", color=colour)
    ax.set_xticks(range(len(steps)), list(steps))
    ax.set(ylabel="error (%)", ylim=(0, 23), xlim=(-0.6, len(steps) - 0.6))
    ax.grid(visible=False, axis="x")
    told = [
        f"{step.replace(chr(10), ' ')}: {f'{one} and ' if one else ''}{five}" for step, (one, five) in steps.items()
    ]
    return show(fig, f"Errors in percent, top-1 and top-5, from one crop to the ensemble. {'; '.join(told)}.")


def macs_at_two_sizes(networks: Mapping[str, tuple[float, Mapping[int, float]]], own: Mapping[str, int]) -> Picture:
    """Network -> (millions of parameters, image side -> billion MACs); the side it was trained on, `own`, is filled."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    words = []
    for name, (params, sizes) in networks.items():
        colour = VERMILLION if "Inception" in name else BLUE_BOTH
        ax.plot([params] * len(sizes), list(sizes.values()), color=colour, alpha=0.5)
        for side, macs in sizes.items():
            face = colour if side == own[name] else "none"
            ax.plot(params, macs, "o", color=colour, markersize=8, markerfacecolor=face)
            right = "Inception" not in name
            ax.annotate(
                f"{side}",
                (params, macs),
                (7 if right else -7, 0),
                textcoords="offset points",
                fontsize=9,
                va="center",
                ha="left" if right else "right",
            )
        at, up = (max(sizes.values()), 9) if right else (min(sizes.values()), -20)
        ax.annotate(name, (params, at), (0, up), textcoords="offset points", ha="center", color=colour)
        words.append(f"{name} {params:.1f}, {' and '.join(f'{macs:.1f} at {side}' for side, macs in sizes.items())}")
    ax.set(xlabel="parameters (millions)", ylabel="billion MACs", xlim=(15, 70), ylim=(0, 25))
    return show(fig, f"Millions of parameters across, billion MACs up for images of two sides. {'; '.join(words)}.")
