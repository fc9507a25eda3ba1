"""Chapter 06: V3 as a whole, ways to halve a grid, kernels and their rank-1 parts."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from torch import Tensor

from ...arithmetic import Pair, conv_macs, pair
from ...bricks import Concat, ConvUnit
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, PURPLE, SKY_BLUE, VERMILLION
from ...tracing import Node
from ..records import by_seed, paired

# ---- V3 as a whole ----------------------------------------------------------------------------


class _Window(NamedTuple):
    """A convolution or a pool on a way: the shape of its kernel, and its stride."""

    kernel: Pair
    stride: int
    pool: bool = False

    def __str__(self) -> str:
        name = "pool" if self.pool else "x".join(map(str, self.kernel))
        return name if self.stride == 1 else f"{name}/{self.stride}"


def _way(node: Node) -> list[list[_Window]]:
    """The windows on the way through a node, step by step; two in one step are a fork."""
    if isinstance(node.module, ConvUnit):
        conv = node.module.conv
        return [[_Window(pair(conv.kernel_size), pair(conv.stride)[0])]]
    if isinstance(node.module, Concat):
        return [[window for child in node.children for (window,) in _way(child)]]
    if node.children:
        return [step for child in node.children for step in _way(child)]
    pool: Any = node.module
    return [[_Window(pair(pool.kernel_size), pair(pool.stride)[0], pool=True)]]


CELL, DEEP = 2.2, 60.0
"""Units: the side of one cell of a kernel; the height of a block, which its longest branch needs."""


def _kernel(ax: Axes, x: float, y: float, window: _Window, colour: str) -> None:
    """A kernel as its cells, centred, a pool as empty cells; a stride above 1 is written next to it."""
    height, width = window.kernel
    left, top = x - width * CELL / 2, y - height * CELL / 2
    for row in range(height):
        for column in range(width):
            spot = (left + column * CELL, top + row * CELL)
            if not window.pool:
                ax.add_patch(Rectangle(spot, CELL, CELL, facecolor=colour, alpha=0.6))
            ax.add_patch(Rectangle(spot, CELL, CELL, facecolor="none", edgecolor=INK_BOTH, linewidth=0.5))
    if window.stride > 1:
        ax.text(left + width * CELL + 0.8, y, f"/{window.stride}", va="center", fontsize=10)


def _block(ax: Axes, start: float, node: Node, title: str, colour: str) -> float:
    """A block's branches side by side, from the bar of its input on top to the bar of the stack; returns its right end.

    It begins at `start`; all kernels have one scale.
    """
    x = start + CELL
    line: dict[str, Any] = {"color": INK_BOTH, "linewidth": 0.8, "zorder": 0}
    for steps in map(_way, node.children):
        shapes = [[window.kernel for window in step] for step in steps]
        room = 3 if steps[-1][0].stride > 1 else 1.5  # for a stride that is written there
        wide = max(sum(width for _, width in step) + 2 * (len(step) - 1) for step in shapes) + room
        tall = [max(height for height, _ in step) * CELL for step in shapes]
        rail = x + wide * CELL / 2
        y, end = (DEEP - sum(tall) - 4 * (len(tall) - 1)) / 2, [rail]
        for step, height in zip(steps, tall, strict=True):
            if len(step) == 2:  # a fork, and nothing comes after it
                end = [rail - 2.2 * CELL, rail + 2.2 * CELL]
                for side in end:
                    ax.plot([rail, side, side], [y - 3, y, y + height], **line)
                ax.plot([rail, rail], [0, y - 3], **line)
            for place, window in zip(end, step, strict=True):
                _kernel(ax, place, y + height / 2, window, colour)
            y += height + 4
        for place in end:
            arrow = {"arrowstyle": "-|>", "color": INK_BOTH, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (place, DEEP), (place, y - 4 if len(end) == 2 else 0), arrowprops=arrow, zorder=0)
        x += wide * CELL
    x += CELL
    for y in (-3.0, DEEP):
        ax.add_patch(Rectangle((start, y), x - start, 3, facecolor=INK_BOTH, alpha=0.5, edgecolor="none"))
    ax.text((start + x) / 2, -7, title, ha="center", va="bottom", fontsize=11)
    return x


def whole(node: Node) -> Picture:
    """A traced Inception V3: the chain of its parts over its grids, and one block of each kind with its kernels."""
    style()
    kinds = {"5": ("A", BLUE), "6": ("B", GREEN), "7": ("C", ORANGE)}
    fig = plt.figure(figsize=(10, 5.6))
    rows = fig.add_gridspec(2, 1, height_ratios=[1, 1.25], hspace=0)
    ax = fig.add_subplot(rows[0])
    x = 0.0
    spans: dict[tuple[int, bool], list[float]] = {}
    channels: dict[tuple[int, bool], int] = {}
    drawn: list[str] = []
    for part in node.children[:-1]:
        side, mixed = part.output.height, part.name.startswith("mixed")
        letter, colour = kinds[part.name[6]] if mixed else ("", INK_BOTH)
        if part.name in ("mixed_6a", "mixed_7a"):
            letter, colour = "R", PURPLE
        width, height = 20 if mixed else 9, 9 * side**0.5
        ax.add_patch(Rectangle((x, -height / 2), width, height, facecolor=colour, alpha=0.5, edgecolor=INK_BOTH))
        ax.text(x + width / 2, 0, letter, ha="center", va="center", fontsize=11)
        spans.setdefault((side, mixed), [x, x])[1] = x + width
        channels[side, mixed] = part.output.channels
        drawn.append(letter or "stem")
        x += width + 4
    arrow = {"arrowstyle": "-|>", "color": INK_BOTH, "shrinkA": 0, "shrinkB": 0}
    side = node.input.height
    ax.annotate(f"an image,\n{side}x{side}", (0, 0), (-16, 0), arrowprops=arrow, ha="right", va="center", fontsize=10)
    words = f"mean, linear:\n{node.output.channels:,} classes"
    ax.annotate("", (x + 10, 0), (x - 4, 0), arrowprops=arrow)
    ax.text(x + 12, 0, words, va="center", fontsize=10)
    for (side, mixed), (left, right) in spans.items():
        low = -9 * side**0.5 / 2 - 6
        label = f"{side}x{side},\n{channels[side, mixed]:,} channels" if mixed else f"{side}"
        ax.text((left + right) / 2, low, label, ha="center", va="top", fontsize=10)
    ax.set(xlim=(-60, x + 74), ylim=(-76, 58))
    ax.axis("off")
    shown = {"mixed_5b": "A", "mixed_6a": "R", "mixed_6b": "B", "mixed_7a": "R", "mixed_7b": "C"}
    ax = fig.add_subplot(rows[1])
    said, end = [], 0.0
    for name, letter in shown.items():
        block = node[name]
        before, after = block.input.height, block.output.height
        title = f"{letter} on {before}x{before}" if before == after else f"{letter}, {before} to {after}"
        colour = PURPLE if letter == "R" else kinds[name[6]][1]
        end = _block(ax, end, block, title, colour) + 12
        said.append(f"{title}: {' | '.join(_words(child) for child in block.children)}")
    ax.set(xlim=(0, end - 12), ylim=(DEEP + 4, -16), aspect="equal")
    ax.axis("off")
    grids = [f"{side} with {channels[side, mixed]:,} channels" if mixed else str(side) for side, mixed in spans]
    return show(
        fig,
        f"Inception V3 as a chain over its grids {', '.join(grids)}: {' '.join(drawn)}, mean, linear. "
        f"R halves the grid. Below, one block of each kind, its branches side by side: {'; '.join(said)}.",
    )


def _words(node: Node) -> str:
    return " ".join(" beside ".join(map(str, step)) for step in _way(node))


# ---- halving a grid ---------------------------------------------------------------------------


def three_ways() -> Picture:
    """From 320 channels on 35x35 to 640 on 17x17: pool first, convolve first, or both side by side."""
    style()
    small, large, wide = (320, 17), (320, 35), (640, 35)
    costs = [conv_macs(320, 640, 3, 17, 17), conv_macs(320, 640, 3, 35, 35), conv_macs(320, 320, 3, 17, 17)]
    ways = (
        ("pool first", [("pool", small), ("3x3", (640, 17))]),
        ("convolve first", [("3x3", wide), ("pool", (640, 17))]),
    )
    fig, axes = plt.subplots(3, 1, figsize=(8, 5.6))
    said = []
    for ax, (title, steps), cost in zip(axes, ways, costs, strict=False):
        _tensor(ax, 0, 0, *large)
        at, last = 0.0, large
        for number, (layer, shape) in enumerate(steps, 1):
            squeezed = number == 1 and shape == small
            _arrow(ax, at + last[0] / 8, number * 130, 0, 0, layer)
            _tensor(ax, number * 130, 0, *shape, colour=VERMILLION if squeezed else BLUE)
            at, last = number * 130.0, shape
        said.append(f"{title} {cost / 1e6:,.0f} million MACs")
        ax.set_title(f"{title}: {cost / 1e6:,.0f} M MACs", fontsize=10)
    ax = axes[2]
    _tensor(ax, 0, 0, *large)
    for y, layer, colour, fate in ((26, "3x3, stride 2", BLUE, "new"), (-26, "pool", INK_BOTH, "kept")):
        _arrow(ax, 40, 130, y / 4, y, layer)
        _tensor(ax, 130, y, 320, 17, colour=colour, fate=f" {fate}")
        _arrow(ax, 170, 260, y, y / 4, "")
    _tensor(ax, 260, 0, 640, 17)
    said.append(f"side by side, 320 channels new and 320 kept, {costs[2] / 1e6:,.0f} million")
    ax.set_title(f"side by side, then stacked: {costs[2] / 1e6:,.0f} M MACs", fontsize=10)
    for ax in axes:
        ax.set(xlim=(-10, 350), ylim=(-52, 52))
        ax.axis("off")
    return show(
        fig,
        "Three ways from 320 channels on 35x35 to 640 on 17x17, boxes as wide as they have channels and as high as "
        f"their grid: {'; '.join(said)}. Pool first passes through a narrow tensor of 320 channels on 17x17.",
    )


def _tensor(ax: Axes, x: float, y: float, channels: int, side: int, colour: str = BLUE, fate: str = "") -> None:
    """A box as wide as it has channels and as high as its grid, with both written in it, and what its channels are."""
    width, height = channels / 8, side * 2
    box = Rectangle((x, y - height / 2), width, height, facecolor=colour, alpha=0.45, edgecolor=INK_BOTH)
    ax.add_patch(box)
    ax.text(x + width / 2, y, f"{channels}{fate}\n{side}x{side}", ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: float, end: float, low: float, high: float, words: str) -> None:
    arrow = {"arrowstyle": "->", "color": INK_BOTH, "shrinkA": 4, "shrinkB": 4}
    ax.annotate("", (end, high), (start, low), arrowprops=arrow)
    above = (low + high) / 2 + 3 + abs(high - low) / 5  # a slanted arrow must not cross its words
    ax.text((start + end) / 2, above, words, ha="center", va="bottom", fontsize=9)


# ---- kernels and their rank-1 parts -----------------------------------------------------------


def rank_one_part(kernels: Tensor) -> Tensor:
    """The nearest column times row of each kernel (..., n, n), in the same shape."""
    u, s, v = torch.linalg.svd(kernels, full_matrices=False)
    return u[..., :1] * s[..., None, :1] @ v[..., :1, :]


def kernel_and_part(kernel: Tensor) -> Picture:
    """A kernel (n, n), its nearest column times row, and what is left, in thousandths, on one scale of colours."""
    style()
    part = rank_one_part(kernel)
    left = kernel - part
    share = (part.square().sum() / kernel.square().sum()).item()
    most = kernel.abs().max().item()
    fig, axes = plt.subplots(1, 3, figsize=(8, 2.9))
    titles = ("a kernel, in thousandths", f"its rank-1 part: {share:.0%}", f"what is left: {1 - share:.0%}")
    for ax, values, title in zip(axes, (kernel, part, left), titles, strict=True):
        for row, line in enumerate(values.tolist()):
            for column, value in enumerate(line):
                face = (*to_rgb(VERMILLION if value > 0 else BLUE), min(1.0, abs(value) / most))
                ax.add_patch(Rectangle((column, row), 1, 1, facecolor=face, edgecolor=INK_BOTH, linewidth=0.5))
                ax.text(column + 0.5, row + 0.5, f"{round(1000 * value)}", ha="center", va="center", fontsize=8)
        ax.set(xlim=(-0.1, len(values) + 0.1), ylim=(len(values) + 0.1, -0.1), aspect="equal")
        ax.set_title(title, fontsize=10, fontweight="normal", loc="center")
        ax.axis("off")
    return show(
        fig,
        f"A trained kernel of {len(kernel)}x{len(kernel)} cells, in thousandths, its nearest product of a column and a "
        f"row, with {share:.0%} of the energy, and the rest, with {1 - share:.0%}. Blue is negative, orange positive.",
    )


def cut_and_trained(record: Mapping[str, Any], yours: float) -> Picture:
    """Test accuracy of pairs cut from trained squares and of pairs trained as pairs, over the shares; a mark a seed.

    Of the record of experiments/strokes.py. A star is the reader's own network, cut to the fewest middle channels:
    `yours` is its share of right answers then.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 4.2))
    names = sorted(arm.split()[1] for arm in record["arms"] if arm != "squares")
    squares = by_seed(dict(record), "squares")
    sizes = {arm: f"{facts['params']:,} parameters" for arm, facts in record["arms"].items()}
    level = 100 * fmean(squares)
    ax.axhline(level, color=INK_BOTH, linestyle=":", linewidth=1.5, label=f"squares: {level:.1f}, {sizes['squares']}")
    told = [f"squares {level:.1f}%, {sizes['squares']}"]
    lost = [paired(squares, by_seed(dict(record), f"pairs {name}")) for name in names]
    losses = [f"({each.mean:.1f} ± {each.half:.1f})".replace("-", "\N{MINUS SIGN}") for each in lost]
    arms = (
        ("trained as pairs (minus squares, 95 % interval)", "pairs {}", "test", BLUE, "o", (0, 14), losses),
        ("cut from trained squares", "squares", "cut {}", VERMILLION, "s", (32, -14), [""] * len(names)),
    )
    for label, arm, what, colour, mark, shift, notes in arms:
        means = []
        for place, (name, note) in enumerate(zip(names, notes, strict=True)):
            runs = [100 * share for share in by_seed(dict(record), arm.format(name), what.format(name))]
            means.append(fmean(runs))
            spots = [place + 0.016 * (i - (len(runs) - 1) / 2) for i in range(len(runs))]
            ax.plot(spots, runs, mark, color=colour, markersize=4, alpha=0.5)
            ax.annotate(
                f"{means[-1]:.1f} {note}",
                (place, means[-1]),
                shift,
                textcoords="offset points",
                fontsize=9,
                ha="center",
            )
        ax.plot(range(len(names)), means, "-", color=colour, label=label)
        each = [f"{m:.1f}% at {name} {note}".rstrip() for m, name, note in zip(means, names, notes, strict=True)]
        told.append(f"{label.split(' (')[0]} {', '.join(each)}")
    ax.plot(0, 100 * yours, "*", color=VERMILLION, markeredgecolor=INK_BOTH, markersize=13, label="your network, cut")
    ax.annotate(f"{100 * yours:.1f}", (0, 100 * yours), (12, -3), textcoords="offset points", fontsize=9)
    told.append(f"yours, cut, {100 * yours:.1f}% at {names[0]}")
    ticks = [f"{name}\n{sizes[f'pairs {name}']}" for name in names]
    ax.set_xlabel("middle channels / output channels (parameters as trained, with norms)")
    ax.set(ylabel="test images right, %", ylim=(10, 102), xlim=(-0.4, len(names) - 0.6))
    ax.set(xticks=range(len(names)), xticklabels=ticks)
    ax.legend(loc="lower right")
    return show(fig, f"Mean share of test images classified correctly, ten seeds: {'; '.join(told)}.")


def rank_one_shares(shares: Mapping[str, Mapping[str, float]]) -> Picture:
    """Layer -> (kind of kernel -> mean share of the energy in one column times row), a row of dots for each layer."""
    style()
    marks = {"random": ("o", INK_BOTH), "shuffled": ("X", ORANGE), "trained": ("s", BLUE)}
    fig, ax = plt.subplots(figsize=(7.4, 3.4))
    for row, found in enumerate(shares.values()):
        ax.plot([min(found.values()), max(found.values())], [row, row], color=INK_BOTH, linewidth=0.8)
        for kind, (mark, colour) in marks.items():
            ax.plot(found[kind], row, mark, color=colour, markersize=7, label=None if row else kind)
    ax.set(yticks=range(len(shares)), yticklabels=list(shares), xlabel="share of the energy in one column times row")
    ax.set_xlim(0.5, 0.9)
    ax.invert_yaxis()
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
    told = "; ".join(
        f"{name}: {', '.join(f'{kind} {found[kind]:.2f}' for kind in marks)}" for name, found in shares.items()
    )
    return show(fig, f"Three marks for each layer of the small network, mean shares of the energy. {told}.")


# ---- the deeper notebooks ---------------------------------------------------------------------


def layer_as_matrix(channels: int, out: int, n: int, middle: int) -> Picture:
    """A layer of nxn kernels as one matrix, and the tall and the flat one that a pair multiplies, all on one scale."""
    style()
    rows, columns = out * n, channels * n
    fig, ax = plt.subplots(figsize=(7.4, 3.9))
    parts = (
        ("the layer", 0, columns, rows, BLUE),
        (f"the 1x{n}s", columns + 16, middle, rows, ORANGE),
        (f"the {n}x1s", columns + middle + 36, columns, middle, GREEN),
    )
    for title, left, width, height, colour in parts:
        ax.add_patch(Rectangle((left, 0), width, height, facecolor=colour, alpha=0.45, edgecolor="none"))
        ax.add_patch(Rectangle((left, 0), width, height, facecolor="none", edgecolor=INK_BOTH))
        for y in range(n, height if height == rows else 0, n):
            ax.plot([left, left + width], [y, y], color=INK_BOTH, linewidth=0.6)
        for x in range(n, width if width == columns else 0, n):
            ax.plot([left + x, left + x], [0, height], color=INK_BOTH, linewidth=0.6)
        ax.text(left + width / 2, -1, f"{title}:\n{height}x{width}", ha="center", va="bottom", fontsize=10)
    for x, sign in ((columns + 8, "≈"), (columns + middle + 26, "\N{MULTIPLICATION SIGN}")):
        ax.text(x, 6, sign, ha="center", va="center", fontsize=14)
    ax.text(-1, rows / 2, f"{out} output channels,\n{n} places across", ha="right", va="center", fontsize=9)
    ax.text(columns / 2, rows + 1, f"{channels} input channels,\n{n} places down", ha="center", va="top", fontsize=9)
    ax.text(columns + middle + 35, middle + 1, f"{middle} middle channels", ha="left", va="top", fontsize=9)
    ax.set(xlim=(-24, 2 * columns + middle + 38), ylim=(rows + 7, -7), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        f"A layer of {n}x{n} kernels, {channels} channels in and {out} out, as a matrix of {rows} rows and {columns} "
        f"columns. Next to it the product of a tall matrix, {rows}x{middle}, and a flat one, {middle}x{columns}.",
    )


def times(recorded: Mapping[str, Sequence[float]], live: Mapping[str, float]) -> Picture:
    """Kernel side -> time of the square over that of the pair: a dot for each recorded run, a star for this one."""
    style()
    fig, ax = plt.subplots(figsize=(8, 2.1))
    ax.axvline(1, color=INK_BOTH, linewidth=1, linestyle=":")
    for row, (side, found) in enumerate(recorded.items()):
        dots, star, line = ("recorded", "your run", "ratio of MACs") if row == 0 else (None, None, None)
        ax.plot(found, [row + 0.05 * (i % 5) for i in range(len(found))], "o", color=SKY_BLUE, alpha=0.9, label=dots)
        ax.plot(live[side], row + 0.1, "*", markersize=14, color=ORANGE, label=star)
        ax.plot([int(side) / 2] * 2, [row - 0.25, row + 0.45], "--", color=INK_BOTH, label=line)
    ax.set(yticks=range(len(recorded)), yticklabels=[f"{n}x{n}" for n in recorded], xlim=(0, None), ylim=(1.6, -0.4))
    ax.set_xlabel("time of the square / time of the pair")
    ax.grid(visible=False, axis="y")
    ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    rows = "; ".join(f"{n}x{n} from {min(x):.1f} to {max(x):.1f}, MACs {int(n) / 2}" for n, x in recorded.items())
    return show(
        fig,
        "Recorded speed-ups as dots, this run as a star, a dashed line at the ratio of MACs, a dotted one where both "
        f"take the same time: {rows}.",
    )


def calibration(record: Mapping[str, Any]) -> Picture:
    """The share that is right against the confidence, hard and smoothed targets, for either length of training."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(8, 3.7), sharey=True)
    for ax, passes in zip(axes, (8, 40), strict=True):
        ax.plot([0.2, 1], [0.2, 1], ":", color=INK_BOTH)
        for target, mark, colour in (("hard", "o-", BLUE), ("smoothed", "s-", ORANGE)):
            bins = torch.tensor(by_seed(dict(record), f"{target}, {passes} passes", "bins"))  # seed, bin, 3 values
            count = bins[:, :, 0].sum(0)
            means = (bins[:, :, 1:] * bins[:, :, :1]).sum(0) / count[:, None].clamp(min=1e-9)
            ax.plot(*means[count > 0.1].T, mark, color=colour, label=target)  # bins with 1 % of the images or more
        ax.text(0.36, 0.76, "too modest", ha="center", fontsize=9)
        ax.text(0.78, 0.36, "too sure", ha="center", fontsize=9)
        ax.set(title=f"{passes} passes", xlabel="confidence", aspect="equal", xlim=(0.2, 1), ylim=(0.2, 1))
    axes[0].set_ylabel("share that is right")
    axes[0].legend()
    return show(
        fig,
        "Share that is right against confidence. After 8 passes hard targets follow the diagonal and smoothed ones lie "
        "above it. After 40 passes hard targets lie below the diagonal and smoothed ones near it.",
    )


def rmsprop_steps() -> Picture:
    """The step of RMSProp over the learning rate, for a gradient that stays the same, with three kinds of epsilon."""
    style()
    gradient = torch.logspace(-3, 2, 100)
    fig, ax = plt.subplots(figsize=(6.4, 3.2))
    ax.loglog(gradient, gradient, ":", color=INK_BOTH, label="plain gradient descent")
    ax.loglog(gradient, gradient / (gradient + 1e-8), color=ORANGE, label="ε = 1e-8")
    ax.loglog(gradient, gradient / (gradient + 1), color=BLUE, label="ε = 1, torch: outside the root")
    ax.loglog(gradient, gradient / (gradient**2 + 1).sqrt(), "--", color=GREEN, label="ε = 1, TensorFlow: inside")
    ax.set(xlabel="gradient", ylabel="step / learning rate", ylim=(5e-4, 10))
    ax.legend()
    return show(
        fig,
        "Step over learning rate against the gradient. With a tiny epsilon the step is 1 everywhere. With an epsilon "
        "of 1 it follows plain gradient descent up to about 1 and then bends over to 1, lower outside the root.",
    )


def clipped_and_free(record: Mapping[str, Any]) -> Picture:
    """Left the test accuracy of every run over the rates, right the training loss of each at the highest rate."""
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    rates, level = record["rates"], record["level"]
    for arm, mark, colour, side in (("free", "o", ORANGE, -0.13), ("clipped", "s", BLUE, 0.13)):
        for place, rate in enumerate(rates):
            scores = [100 * score for score in by_seed(dict(record), f"{arm} {rate}")]
            spots = [place + side + 0.012 * (i - 4.5) for i in range(len(scores))]
            left.plot(spots, scores, mark, color=colour, alpha=0.7, label=None if place else arm)
        for seed in range(10):
            losses = record["runs"][f"{arm} {rates[-1]}/{seed}"].get("losses", [])
            right.plot(range(1, len(losses) + 1), losses, color=colour, linewidth=1, alpha=0.7)
    left.axhline(100 * level, linestyle=":", color=INK_BOTH)
    left.text(-0.3, 100 * level - 1, f"survives: {level:.0%} or more", va="top", fontsize=9)
    right.axhline(math.log(10), linestyle=":", color=INK_BOTH)
    right.text(12.3, math.log(10) + 0.06, "guessing", ha="right", va="bottom", fontsize=9)
    left.set(xticks=range(len(rates)), xticklabels=rates, xlabel="learning rate", ylabel="test accuracy, %")
    left.legend()
    right.set(xlabel="pass", ylabel="training loss, a line for each run", title=f"learning rate {rates[-1]}")
    alive = {
        arm: [sum(score >= level for score in by_seed(dict(record), f"{arm} {rate}")) for rate in rates]
        for arm in ("free", "clipped")
    }
    return show(
        fig,
        f"Left: test accuracy of ten runs at the rates {rates}; above {level:.0%} are {alive['free']} of the free and "
        f"{alive['clipped']} of the clipped. Right: the training losses of the twenty runs at the highest rate.",
    )


def account(rows: Mapping[str, tuple[float, float]]) -> Picture:
    """Steps of a table: name -> (error in percent, billions of MACs). Hatched: at the cost of the row above."""
    style()
    fig, ax = plt.subplots(figsize=(7.8, 3.6))
    before, cost = next(iter(rows.values()))
    said: list[str] = []
    told: set[str] = set()
    for row, (name, (error, macs)) in enumerate(rows.items()):
        free = macs == cost
        face, label = (ORANGE, "at the same cost") if free else (BLUE, "at a higher cost")
        look: dict[str, Any] = {"color": face, "alpha": 0.6, "edgecolor": INK_BOTH, "hatch": "//" * free}
        ax.barh(row, before - error, left=error, label=label if row and label not in told else None, **look)
        told |= {label} if row else set()
        ax.plot([error, error], [row - 0.4, row + (1.4 if row + 1 < len(rows) else 0.4)], color=INK_BOTH, lw=0.8)
        ax.text(error - 0.1, row, f"{error}", ha="right", va="center")
        ax.text(before + 0.1, row, f"{macs} G MACs", ha="left", va="center", fontsize=9)
        said.append(f"{name} {error} at {macs} billion MACs")
        before, cost = error, macs
    ax.set(yticks=range(len(rows)), yticklabels=list(rows), xlim=(20, 31), xlabel="top-1 error of the paper, %")
    ax.invert_yaxis()
    ax.legend(loc="lower right")
    return show(fig, f"Steps down in top-1 error, in per cent: {'; '.join(said)}.")
