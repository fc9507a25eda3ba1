"""Chapter 02: windows on a photograph, dense parts of a sparse structure, a row of naive blocks, hidden patterns."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from ...data.fashion import LabelledImages, load_photo
from ...show.figures import Picture, show, style
from ...show.palette import BRANCHES, CYCLE, GREEN, INK_BOTH, SKY_BLUE, VERMILLION
from ...tracing import Node
from ..records import by_seed
from ..scales import STAMPS, hidden
from . import bars_by_seed

WIDE = "9x9, wide"
"""The arm that costs more than the others."""
ARMS = {"3x3": GREEN, "7x7": SKY_BLUE, "9x9": SKY_BLUE, "3x3 and 9x9": VERMILLION, WIDE: SKY_BLUE}
"""Arm of the experiment with hidden patterns -> its colour: small windows, large ones, or both."""


def windows() -> Picture:
    """A cat's face, and what GoogLeNet's first block sees of it through windows of 1x1, 3x3 and 5x5 at two places.

    The block reads a map shrunk eightfold, so its windows span 8, 24 and 40 pixels of the photograph.
    """
    face = load_photo("cat").mean(0)[64:, :192].numpy()  # 192, 192
    grey = {"cmap": "gray", "vmin": face.min(), "vmax": face.max()}
    style()
    fig, axes = plt.subplot_mosaic(
        [["face", "eye 1x1", "eye 3x3", "eye 5x5"], ["face", "whiskers 1x1", "whiskers 3x3", "whiskers 5x5"]],
        figsize=(9.6, 4.1),
        width_ratios=(2.2, 1, 1, 1),
    )
    axes["face"].imshow(face, **grey)
    for (place, (x, y)), title in product((("eye", (84, 34)), ("whiskers", (31, 120))), ("1x1", "3x3", "5x5")):
        colour, span = BRANCHES[title], 8 * int(title[0])
        left, top = x - span // 2, y - span // 2
        for edge, linewidth in (("black", 3.6), (colour, 2)):  # a dark rim, so that it shows on bright fur
            frame = Rectangle((left - 0.5, top - 0.5), span, span, fill=False, edgecolor=edge, linewidth=linewidth)
            axes["face"].add_patch(frame)
        ax = axes[f"{place} {title}"]
        ax.imshow(face[top : top + span, left : left + span], **grey)
        ax.set(xticks=[], yticks=[])
        ax.grid(visible=False)
        ax.spines[:].set(visible=True, color=colour, linewidth=2.4)
        if place == "eye":
            ax.set_title(f"{title}: {span} pixels", fontsize=10)
    axes["face"].axis("off")
    return show(
        fig,
        "A cat's face with frames of 8, 24 and 40 pixels around one point of an eye, and around one of the whiskers; "
        "and what is in each frame. At the eye: a corner of the pupil in 8 pixels, the pupil in 24, most of the eye "
        "in 40. At the whiskers: one whisker in 8 and in 24 pixels, two in 40.",
    )


def over_the_row(row: Tensor, stack: Tensor) -> Picture:
    """Windows of 1, 3 and 5 at the first number of a row (1, L), and what they and a pool make of it: `stack` (4, L).

    The weights of the windows are all 1.
    """
    numbers, length = row[0].tolist(), row.shape[1]
    padded = [0, 0, *numbers, 0, 0]
    sums = [" + ".join(f"{value:g}" for value in padded[2 - side : 3 + side]) for side in (0, 1, 2)]
    makes = (*sums, "the largest of " + " and ".join(f"{value:g}" for value in numbers[:2]))
    names = {"1x1": "window of 1", "3x3": "window of 3", "5x5": "window of 5", "pool": "pool over 3"}
    style()
    fig, ax = plt.subplots(figsize=(8.4, 3.1))
    for place, value in enumerate(padded, -2):
        inside = 0 <= place < length
        dashes = "-" if inside else ":"
        ax.add_patch(Rectangle((place, 0), 1, 1, fill=False, edgecolor=INK_BOTH, linewidth=1, linestyle=dashes))
        ax.text(place + 0.5, 0.5, f"{value:g}", ha="center", va="center", alpha=1 if inside else 0.6)
    for side, name in enumerate(("1x1", "3x3", "5x5")):
        low, width = -0.06 - 0.09 * side, 2 * side + 1 - 0.1 * (2 - side)
        corner = 0.5 - width / 2, low
        ax.add_patch(Rectangle(corner, width, 1 - 2 * low, fill=False, edgecolor=BRANCHES[name], linewidth=2.2))
    ax.text(length + 2.3, 0.5, "the six numbers, and padding", va="center")
    for line, (branch, values, sum_) in enumerate(zip(names, stack.tolist(), makes, strict=True)):
        y, colour = 1.75 + 1.05 * line, BRANCHES[branch]
        for place, value in enumerate(values):
            fill = colour if place == 0 else "none"
            ax.add_patch(Rectangle((place, y), 1, 0.9, facecolor=fill, alpha=0.35))
            ax.add_patch(Rectangle((place, y), 1, 0.9, fill=False, edgecolor=INK_BOTH, linewidth=1))
            ax.text(place + 0.5, y + 0.45, f"{value:g}", ha="center", va="center")
        ax.text(-0.25, y + 0.45, names[branch], ha="right", va="center", weight="bold")
        ax.text(length + 0.3, y + 0.45, f"{sum_} = {values[0]:g}" if "+" in sum_ else sum_, va="center")
    ax.set(xlim=(-2.6, length + 6), ylim=(6, -0.4))
    ax.axis("off")
    answers = "; ".join(
        f"{words} makes {', '.join(f'{value:g}' for value in values)}, of which the first is {sum_}"
        for words, values, sum_ in zip(names.values(), stack.tolist(), makes, strict=True)
    )
    return show(
        fig,
        f"A row of numbers, {', '.join(f'{value:g}' for value in numbers)}, with two zeros of padding at each end, and "
        f"frames of 1, 3 and 5 around its first number. Below it, four rows: {answers}.",
    )


def dense_parts() -> Picture:
    """A sparse table of connections, the same sorted into dense blocks, and where such groups lie in two maps.

    Only the maps have the colours of the windows: the groups of the tables are of other sizes.
    """
    sizes = (*[2] * 9, *[4] * 3, 6, 8)
    total = sum(sizes)
    table, corner = torch.zeros(total, total), 0
    for size in sizes:
        table[corner : corner + size, corner : corner + size] = 1
        corner += size
    chance = torch.Generator().manual_seed(0)
    mixed_up = table[torch.randperm(total, generator=chance)][:, torch.randperm(total, generator=chance)]
    style()
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.5))
    for ax, each, title in zip(axes[:2], (mixed_up, table), ("scattered", "the same, sorted"), strict=True):
        for row, column in each.nonzero().tolist():
            ax.add_patch(Rectangle((column, row), 0.85, 0.85, facecolor=INK_BOTH))
        ax.set(xlim=(-0.5, total + 0.5), ylim=(total + 0.5, -0.5), aspect="equal", title=title, xticks=[], yticks=[])
        ax.set(xlabel="units of one layer", ylabel="units of the next")
        ax.grid(False)
    for top, left in ((0, 0), (12, 4)):  # two maps, and in each the same pixels
        axes[2].add_patch(Rectangle((left, top), 15, 11, fill=False, edgecolor=INK_BOTH, linewidth=1.2))
        for side, corners in ((1, ((1, 1), (1, 9), (6, 4), (7, 1), (7, 9))), (3, ((2, 4), (10, 1))), (5, ((9, 5),))):
            for x, y in corners:
                for place in range(side * side):
                    cell = left + x + place % side, top + y + place // side
                    axes[2].add_patch(Rectangle(cell, 0.85, 0.85, facecolor=BRANCHES[f"{side}x{side}"]))
    for at, name in ((3.0, "1x1"), (9.5, "3x3"), (16.0, "5x5")):
        axes[2].text(at, 24.7, name, color=BRANCHES[name], ha="center", weight="bold")
    axes[2].set(xlim=(-1, 20), ylim=(25, -1), aspect="equal", title="groups in two maps")
    axes[2].axis("off")
    share = table.mean().item()
    return show(
        fig,
        "Two square tables and two maps. In the tables a dot is a connection between a unit of one layer and a unit of "
        f"the next, {share:.0%} of all. First, the dots are scattered. Then the same dots after sorting rows and "
        "columns: fourteen dense blocks along the diagonal, nine of two units, three of four, and two large ones. In "
        "the maps, five groups have one position, which a 1x1 reads, two have a patch of 3x3, and one has a patch of "
        "5x5, at the same place in both.",
    )


def growth(blocks: Sequence[Node]) -> Picture:
    """Channels after each block of a row, and what each block costs, branch by branch.

    A block is traced, and its branches are a 1x1, a 3x3, a 5x5 and the pool, in this order.
    """
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.6, 0.5 * len(blocks) + 1.1), sharey=True)
    words = []
    for row, block in enumerate(blocks, 1):
        one, three, five, pool = block.children
        branches = dict(zip(BRANCHES, (pool, one, three, five), strict=True))
        at, spent = 0, 0.0
        for name, branch in branches.items():
            label = name if row == 1 else None
            left.barh(row, branch.output.channels, left=at, color=BRANCHES[name], alpha=0.75, label=label)
            right.barh(row, branch.macs / 1e6, left=spent, color=BRANCHES[name], alpha=0.75)
            at, spent = at + branch.output.channels, spent + branch.macs / 1e6
        left.annotate(f"{at:,}", (at, row), (4, 0), textcoords="offset points", va="center", fontsize=9)
        right.annotate(f"{spent:,.0f}", (spent, row), (4, 0), textcoords="offset points", va="center", fontsize=9)
        words.append(f"block {row} {at:,} channels and {spent:,.0f} million MACs")
    left.set(title="channels after the block", xlabel="channels", yticks=range(1, len(blocks) + 1))
    left.set_yticklabels([f"block {row}" for row in range(1, len(blocks) + 1)])
    left.invert_yaxis()
    right.set(title="cost of the block", xlabel="million MACs")
    for ax in (left, right):
        ax.grid(visible=False, axis="y")
        ax.margins(x=0.14)
        ax.xaxis.set_major_locator(MaxNLocator(5))
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)
    return show(fig, f"Bars for blocks in a row: {'; '.join(words)}. The pool's part of the channels grows.")


def patterns() -> Picture:
    """A small and a large pattern of the made task, each as it is and hidden in noise."""
    style()
    fig, axes = plt.subplots(1, 4, figsize=(9, 2.5))
    for ax, (label, name) in zip(axes[::2], ((3, "a small one"), (17, "a large one")), strict=True):
        alone, side = torch.zeros(28, 28), STAMPS[label].shape[0]
        alone[9 : 9 + side, 9 : 9 + side] = STAMPS[label]
        ax.imshow(alone.numpy(), cmap="gray", vmin=-4, vmax=4)
        ax.set_title(name, fontsize=10)
    pictures = hidden(STAMPS, 28, 20, seed=5)
    for ax, label in zip(axes[1::2], (3, 17), strict=True):
        image, side = pictures.images[label, 0], STAMPS[label].shape[0]
        fits = F.conv2d(image[None, None], STAMPS[label][None, None])[0, 0]  # largest where the pattern is
        row, column = divmod(int(fits.argmax()), fits.shape[1])
        ax.imshow(image.numpy(), cmap="gray", vmin=-4, vmax=4)
        place = column - 0.5, row - 0.5
        colour = ARMS[f"{side}x{side}"]
        ax.add_patch(Rectangle(place, side, side, fill=False, edgecolor=colour, linewidth=2))
        ax.set_title("hidden in noise", fontsize=10)
    for ax in axes:
        ax.axis("off")
    return show(
        fig,
        "Four squares of 28x28 pixels. A pattern of 3x3 strong black and white pixels; a picture of noise that has it, "
        "in a frame. A pattern of 9x9 faint pixels; a picture of noise that has it, in a frame, where no eye sees it.",
    )


def right_by_kind(
    record: Mapping[str, Any],
    arms: Mapping[str, str],
    things: str = "patterns",
    kinds: Sequence[str] = ("small", "large"),
    colours: Sequence[str] = CYCLE,
    apart: Sequence[str] = (),
    *,
    means: bool = False,
) -> Picture:
    """How many small and how many large patterns each arm gets right: a bar for the mean, a dot for each seed.

    `arms` are the names in the record -> the names for readers, top to bottom. `things` and `kinds` are what readers
    call the patterns, and the small and the large ones. `colours` are those of the arms; `apart` are the names for
    readers of those that are set apart. With `means` each mean is printed in its bar.
    """
    panels = {
        f"{name} {things}": {words: by_seed(dict(record), arm, kind) for arm, words in arms.items()}
        for name, kind in zip(kinds, ("small", "large"), strict=True)
    }
    fig, (_, large), words = bars_by_seed(
        panels, [f"of the {name} ones" for name in kinds], colours, apart, means=means
    )
    large.axvline(25, color=INK_BOTH, linestyle="--", linewidth=1.2)
    large.text(26.5, -0.45, "a guess among four", fontsize=9, va="bottom")
    return show(
        fig,
        f"Shares of hidden {things} classified correctly: {words}. A guess among four {kinds[1]} ones is 25 %.",
    )


def patterns_found(record: Mapping[str, Any], arms: Sequence[str] = tuple(ARMS)) -> Picture:
    """How many small and large patterns each arm of the record classifies correctly, named by its kernels.

    The one that costs more is set apart, and its name says how many times as much.
    """
    names, first = {}, record["arms"]["3x3"]["macs"]
    for arm in arms:
        kernels, macs = record["arms"][arm]["channels"], record["arms"][arm]["macs"]
        names[arm] = ", ".join(f"{count} of {size}x{size}" for size, count in kernels.items())
        if arm == WIDE:
            names[arm] += f", {macs / first:.1f} times the cost"
    colours, apart = [ARMS[arm] for arm in arms], [name for arm, name in names.items() if arm == WIDE]
    return right_by_kind(record, names, colours=colours, apart=apart, means=True)


def what_each_branch_sees(maps: Tensor) -> Picture:
    """The maps (1, 4, H, W) of a block with one channel in each branch, set up as chapter 02 does it."""
    names = ("1x1: a copy", "3x3, ReLU: fine detail", "5x5, ReLU: coarser detail", "pool: the largest of nine")
    style()
    fig, axes = plt.subplots(2, 2, figsize=(8, 5.4))
    for ax, each, name in zip(axes.flat, maps[0], names, strict=True):
        brightest = each[each > 0].quantile(0.95).item()  # so that faint edges show
        ax.imshow(each.numpy(), cmap="gray", vmin=0, vmax=brightest)
        ax.set_title(name, fontsize=10)
        ax.axis("off")
    return show(
        fig,
        "The canvas of garments four times. From the 1x1 a copy; from the 3x3 thin outlines; from the 5x5 broader "
        "outlines and seams; from the pool the garments with their light parts made larger.",
    )


def row_of_pictures(
    data: LabelledImages, words: str = "Clothes, small or large, each somewhere on a black square"
) -> Picture:
    """A few images (N, 1, H, W) in a row, with the names of their classes; `words` say what they are."""
    style()
    names = [data.class_names[label] for label in data.labels.tolist()]
    fig, axes = plt.subplots(1, len(names), figsize=(1.2 * len(names), 1.6))
    for ax, image, name in zip(axes, data.images, names, strict=True):
        ax.imshow(image[0].numpy(), cmap="gray")
        ax.set_title(name, fontsize=10)
        ax.axis("off")
    return show(fig, f"{words}: {', '.join(names)}.")
