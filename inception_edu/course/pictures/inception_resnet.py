"""Chapter 08: join and add, gradients along a trunk, the first losses, and the stages of whole networks."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, KINDS, ORANGE, PURPLE, VERMILLION
from ...tracing import Node

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
    """Three blocks that join their branches, and three that add them to what they have read: the straight path."""
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
        line(adding, (start + 0.3, 0.8), (start + 0.3, -0.75))
        for y in (-0.05, -0.75):
            line(adding, (start + 0.3, y), (start + 0.5, y))
            line(adding, (start + 1.4, y), (start + 1.6, y))
            box(adding, start + 0.5, y, 0.9, 0.46, "conv", "layers")
        box(adding, start + 1.6, -0.4, 0.3, 1.2, "concat", "join")
        line(adding, (start + 1.9, -0.4), (start + 2.1, -0.4))
        line(adding, (start + 2.7, -0.4), (start + 2.9, -0.4), (start + 2.9, 0.8))
        box(adding, start + 2.1, -0.4, 0.6, 0.46, "conv", "1x1")
        adding.plot(start + 2.9, 0.8, "o", markersize=17, color=KINDS["sum"], markeredgecolor=INK_BOTH, zorder=5)
        adding.text(start + 2.9, 0.79, "+", color="black", ha="center", va="center", fontsize=13, zorder=6)
    adding.plot([-0.3, wide * blocks + 0.1], [0.8, 0.8], color=BLUE, linewidth=4, zorder=1, alpha=0.8)
    adding.text(0.45, 1.0, "the straight path", color=BLUE, va="bottom")
    for ax, title in ((joining, "Three blocks that join"), (adding, "Three blocks that add")):
        ax.set(xlim=(-0.4, wide * blocks + 0.2), ylim=(-1.2, 1.4), title=title)
        ax.axis("off")
    return show(
        fig,
        f"Above, {blocks} blocks in a row whose three branches are joined: every path goes through layers in every "
        f"block. Below, {blocks} blocks in a row that join two branches, bring them to the width of the input with a "
        "1x1 and add them to it: a straight path leads from the first input through the plus signs to the last output "
        "and passes no layer.",
    )


def along_the_trunk(record: Mapping[str, Any]) -> Picture:
    """The size of the loss's gradient before each of the 16 blocks and after the last, before any training (seed 0)."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.7))
    names = {arm: (arm.split()[0], colour, f"{arm}/0") for arm, colour in ARMS.items()}
    names["plain without norm, PyTorch's start"] = (
        "plain, PyTorch's start",
        ORANGE,
        "plain without norm, default start 0.1/0",
    )
    above = {"plain with norm": 8, "sum with norm": 8, "sum without norm": 9, "plain without norm": -9}
    words = []
    for arm, (name, colour, run) in names.items():
        ax = axes[int("without norm" in arm)]
        sizes = record["runs"][run]["gradients"]
        ax.plot(range(len(sizes)), sizes, color=colour, marker="o", markersize=3)
        # Above the line where it begins, or below it; to the right of the one that falls steeply.
        place = (0, sizes[0], above[arm]) if arm in above else (6.5, sizes[5], -4)
        ax.annotate(name, place[:2], (0, place[2]), textcoords="offset points", va="center", color=colour)
        words.append(f"{arm} from {sizes[-1]:.2g} after the last block to {sizes[0]:.2g} before the first")
    last = len(sizes) - 1
    for ax, title in zip(axes, ("with norm", "without norm"), strict=True):
        ax.set(yscale="log", xticks=range(0, last + 1, 4), xlabel="blocks passed", title=title)
        ax.margins(y=0.12)
    axes[0].set_ylabel("size of the gradient")
    return show(
        fig,
        f"Gradients along a trunk of {last} blocks, logarithmic, from the block nearest to the image, left, to the one "
        f"nearest to the loss, right: {'; '.join(words)}.",
    )


def first_steps(losses: Mapping[str, Sequence[float]]) -> Picture:
    """The training losses of the first steps of runs named as in `ARMS`, and their means over ten steps."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.2))
    words = []
    for name, run in losses.items():
        means = [fmean(run[i : i + 10]) for i in range(0, len(run), 10)]
        ax.plot(range(1, len(run) + 1), run, color=ARMS[name], linewidth=0.6, alpha=0.5)
        ax.plot([10 * i + 5.5 for i in range(len(means))], means, color=ARMS[name], label=name)
        words.append(f"{name} from {means[0]:.2f} to {means[-1]:.2f}")
    ax.set(xlabel="step", ylabel="training loss (nats)", ylim=(0, None))
    ax.legend()
    return show(fig, f"Training loss, mean of ten steps: {'; '.join(words)}.")


def _parts(node: Node, kinds: Mapping[str, tuple[str, str]]) -> list[tuple[str, str, list[float]]]:
    """(name, colour, the MACs of each block in billions), from the image to the classes."""

    def kind(child: Node) -> tuple[str, str]:
        if child.name.startswith("reduction"):
            return "", INK_BOTH
        return kinds.get(child.name.rpartition("_")[0], ("stem", ORANGE))

    return [(*key, [child.macs / 1e9 for child in group]) for key, group in groupby(node.children, kind)]


def stages(nodes: Mapping[str, Node]) -> Picture:
    """A bar for each traced network, as long as it has MACs: stem, blocks A, B and C, and in grey what halves grids."""
    style()
    fig, ax = plt.subplots(figsize=(8.4, 1.1 + 0.7 * len(nodes)))
    words = []
    for row, (name, node) in enumerate(nodes.items()):
        start, told = 0.0, []
        for part, colour, macs in _parts(node, V4_PARTS if "V4" in name else PARTS):
            middle = start + sum(macs) / 2
            for each in macs:
                ax.barh(row, each, 0.55, start, color=colour, alpha=0.6, edgecolor="white", linewidth=0.4)
                start += each
            label = part if part == "stem" else f"{len(macs)} {part}"
            if part and sum(macs) > 0.3:
                ax.text(middle, row, label, ha="center", va="center", fontsize=10)
                told.append(f"{label} {sum(macs):.1f}")
        ax.text(start + 0.1, row, f"{node.params / 1e6:.1f} M\nparameters", va="center", fontsize=9)
        words.append(f"{name} {start:.1f}: {', '.join(told)}")
    ax.set_yticks(range(len(nodes)), list(nodes))
    ax.set(xlabel="billion multiply-adds, from the image (left) to the classes", xlim=(0, 15))
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    return show(fig, f"A bar of billion multiply-adds for each network. {'. '.join(words)}.")
