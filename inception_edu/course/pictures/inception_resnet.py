"""Chapter 08: gradients along a trunk, the first losses, and Inception-ResNet-v2 as drawn and as released."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, PURPLE, VERMILLION
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


def along_the_trunk(record: Mapping[str, Any]) -> Picture:
    """The size of the loss's gradient before each of the 16 blocks and after the last, before any training (seed 0)."""
    style()
    fig, ax = plt.subplots(figsize=(7.4, 3.8))
    names = {arm: (arm, colour, f"{arm}/0") for arm, colour in ARMS.items()}
    names["default"] = ("plain without norm, PyTorch's start", ORANGE, "plain without norm, default start 0.1/0")
    words = []
    for arm, (name, colour, run) in names.items():
        sizes = record["runs"][run]["gradients"]
        ax.plot(range(len(sizes)), sizes, "-" if "with norm" in arm else "--", color=colour, marker="o", markersize=3)
        drop = {"sum with norm": 9, "plain without norm": -9}.get(arm, 0)
        ax.annotate(name, (0, sizes[0]), (-6, drop), textcoords="offset points", ha="right", va="center", color=colour)
        words.append(f"{name} from {sizes[-1]:.2g} after the last block to {sizes[0]:.2g} before the first")
    last = len(sizes) - 1
    ax.set_xticks(range(0, last + 1, 4))
    ax.set(yscale="log", xlim=(-12, last + 0.5), ylabel="size of the gradient")
    ax.set_xlabel(f"blocks passed (0: nearest to the image, {last}: nearest to the loss)")
    return show(fig, f"Gradients along a trunk of {last} blocks, logarithmic: {'; '.join(words)}.")


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


def drawn_and_released(nodes: Mapping[str, Node]) -> Picture:
    """A bar for each traced network, as long as it has MACs: stem, blocks A, B and C, and in grey what halves grids."""
    style()
    fig, ax = plt.subplots(figsize=(8.4, 3.2))
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
    return show(fig, f"Three bars of billion multiply-adds. {'. '.join(words)}.")
