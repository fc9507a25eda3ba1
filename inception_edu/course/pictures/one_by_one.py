"""Chapter 03: two blocks at one scale, a 1x1 at one pixel, what the blocks cost, and what a squeeze loses."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BRANCHES, CYCLE, GREEN, INK_BOTH, ORANGE, VERMILLION
from ..records import by_seed

ROWS = (64, 128, 32, 192)
"""The room that each branch gets, in channels: as much as the widest of its boxes in either block."""
GAP = 34
HUES = tuple(BRANCHES[name] for name in ("1x1", "3x3", "5x5", "pool"))


def _outline(ax: Axes, x: float, y: float, width: float, height: float) -> None:
    """A thick line around a box, in the page's own text colour: a squeeze, or the 1x1 after a pool."""
    ink = plt.rcParams["text.color"]
    ax.add_patch(Rectangle((x, y), width, height, facecolor="none", edgecolor=ink, linewidth=1.6, zorder=3))


def _bar(ax: Axes, x: float, y: float, channels: int, colour: str, words: str, over: str = "") -> None:
    """A box of as many units in height as it has channels, centred on `y`; `over` is a line above it."""
    ax.add_patch(Rectangle((x, y - channels / 2), 46, channels, facecolor=colour, alpha=0.55, edgecolor=INK_BOTH))
    if channels > 60:  # room for the words inside
        ax.text(x + 23, y, words.replace(" ", "\n"), ha="center", va="center", fontsize=9)
        words = ""
    ax.text(x + 23, y - channels / 2 - 6, f"{over}\n{words}".strip(), ha="center", va="bottom", fontsize=9)


def _block(ax: Axes, title: str, branches: Sequence[Sequence[tuple[str, int]]]) -> None:
    """Input, branches and their stack, left to right; y grows downwards."""
    total = sum(row[-1][1] for row in branches)
    middle = (sum(ROWS) + GAP * 3) / 2
    _bar(ax, 0, middle, 192, INK_BOTH, "in 192")
    top, stack = 0.0, middle - total / 2
    for row, room, colour in zip(branches, ROWS, HUES, strict=True):
        y = top + room / 2
        ax.plot([46, 130], [middle, y], color=INK_BOTH, linewidth=0.8)
        end = 130.0
        for place, (words, channels) in enumerate(row):
            x = 130 + 125 * (place if len(row) == 2 else 1)
            new = len(row) == 2 and words.startswith("1x1")
            _bar(ax, x, y, channels, colour, words, over="squeeze" if new and place == 0 else "")
            if new:
                _outline(ax, x, y - channels / 2, 46, channels)
            ax.plot([end, x], [y, y], color=INK_BOTH, linewidth=0.8)
            end = x + 46
        out = row[-1][1]
        ax.add_patch(Rectangle((400, stack), 46, out, facecolor=colour, alpha=0.55, edgecolor=INK_BOTH))
        ax.plot([end, 400], [y, stack + out / 2], color=INK_BOTH, linewidth=0.8)
        stack, top = stack + out, top + room + GAP
    ax.text(423, middle - total / 2 - 4, f"{total} out", ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-10, 460), ylim=(sum(ROWS) + GAP * 3 + 10, -30), title=title)
    ax.axis("off")


def two_blocks() -> Picture:
    """The naive block and block 3a of GoogLeNet at one scale: a box is as high as it has channels."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 5.2))
    _block(axes[0], "naive", [[("1x1 64", 64)], [("3x3 128", 128)], [("5x5 32", 32)], [("pool 192", 192)]])
    reduced = [[("1x1 64", 64)], [("1x1 96", 96), ("3x3 128", 128)], [("1x1 16", 16), ("5x5 32", 32)]]
    _block(axes[1], "with 1x1s", [*reduced, [("pool 192", 192), ("1x1 32", 32)]])
    return show(
        fig,
        "Two blocks of four branches, boxes as high as they have channels. Naive: 1x1 to 64, 3x3 to 128, 5x5 to 32 and "
        "a pool of 192, stacked to 416. With 1x1s, three boxes are new and outlined: a squeeze to 96 "
        "before the 3x3, a squeeze to 16 before the 5x5 and a 1x1 to 32 after the pool; the stack has 256.",
    )


def one_pixel(matrix: Sequence[Sequence[int]], pixel: Sequence[int]) -> Picture:
    """A pixel's column of channels, the matrix of a 1x1 convolution, and the shorter column that comes out."""
    out = [sum(weight * value for weight, value in zip(row, pixel, strict=True)) for row in matrix]
    style()
    fig, ax = plt.subplots(figsize=(7.6, 2.8))

    def sheets(x: float, y: float, colour: str, values: Sequence[int]) -> None:
        for step in range(len(values) - 1, -1, -1):
            corner = (x + 8 * step, y + 8 * step)
            ax.add_patch(Rectangle(corner, 60, 60, facecolor=colour, alpha=0.25, edgecolor=INK_BOTH))
            corner = (corner[0] + 24, corner[1] + 24)
            ax.add_patch(Rectangle(corner, 8, 8, facecolor=ORANGE, edgecolor=INK_BOTH))

    def numbers(x: float, rows: Sequence[Sequence[int]], colour: str) -> None:
        for down, row in enumerate(rows):
            for across, value in enumerate(row):
                place = (x + 15 * across, 38 + 7.5 * len(rows) - 15 * (down + 1))
                ax.add_patch(Rectangle(place, 15, 15, facecolor=colour, alpha=0.55, edgecolor=INK_BOTH))
                middle = (place[0] + 7.5, place[1] + 7.5)
                ax.text(*middle, f"{value}".replace("-", "\N{MINUS SIGN}"), ha="center", va="center", fontsize=10)

    sheets(0, 0, BLUE, pixel)
    numbers(130, matrix, "none")
    numbers(197, [[value] for value in pixel], ORANGE)
    numbers(244, [[value] for value in out], ORANGE)
    sheets(300, 4, GREEN, out)
    ax.text(186, 38, "·", ha="center", va="center", fontsize=16)
    ax.text(228, 38, "=", ha="center", va="center", fontsize=14)
    ends = ((38, f"{len(pixel)} channels"), (334, f"{len(out)} channels"))
    for x, words in (*ends, (152, f"{len(out)}x{len(pixel)} weights"), (204, "one pixel"), (252, "out")):
        ax.text(x, -10, words, ha="center", va="top", fontsize=9)
    ax.set(xlim=(-5, 375), ylim=(-24, 82), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        f"One pixel of {len(pixel)} channels is a column of numbers: {', '.join(map(str, pixel))}. A matrix of "
        f"{len(out)} rows and {len(pixel)} columns turns it into a column of {len(out)}: {', '.join(map(str, out))}. "
        f"The same matrix is used at every pixel, so {len(pixel)} channels become {len(out)}.",
    )


def in_a_row(naive: Sequence[int], ours: Sequence[int]) -> Picture:
    """How many channels there are before, between and after two blocks in a row, naive and with 1x1s."""
    style()
    fig, ax = plt.subplots(figsize=(7.6, 2.6))
    for place, (before, now) in enumerate(zip(naive, ours, strict=True)):
        for shift, channels, colour, name in ((-0.19, before, INK_BOTH, "naive"), (0.19, now, BLUE, "with 1x1s")):
            ax.bar(place + shift, channels, 0.36, color=colour, alpha=0.6, label="" if place else name)
            ax.text(place + shift, channels + 12, f"{channels}", ha="center", va="bottom", fontsize=9)
    ax.set(xticks=range(3), xticklabels=("into 3a", "into 3b", "out of 3b"), ylabel="channels", ylim=(0, 950))
    ax.grid(axis="x", visible=False)
    ax.legend(loc="upper left")
    rows = " and ".join(f"{', '.join(map(str, row))} {name}" for row, name in ((naive, "naive"), (ours, "with 1x1s")))
    return show(fig, f"Channels before, between and after two blocks in a row: {rows}.")


def price() -> Picture:
    """The multiply-adds of both blocks, branch by branch, end to end."""
    at = 28 * 28
    naive = {"1x1": at * 192 * 64, "3x3": at * 9 * 192 * 128, "5x5": at * 25 * 192 * 32, "pool": 0}
    reduced = {
        "1x1": naive["1x1"],
        "3x3": at * (192 * 96 + 9 * 96 * 128),
        "5x5": at * (192 * 16 + 25 * 16 * 32),
        "pool": at * 192 * 32,
    }
    style()
    fig, ax = plt.subplots(figsize=(8, 2.6))
    for row, costs in ((1, naive), (0, reduced)):
        start = 0.0
        for (name, macs), colour in zip(costs.items(), HUES, strict=True):
            width, label = macs / 1e6, f"{name} branch" if row == 0 else None
            ax.barh(row, width, left=start, color=colour, alpha=0.6, edgecolor=INK_BOTH, label=label)
            if width:
                size = 9 if width > 15 else 8
                ax.text(start + width / 2, row, f"{width:.0f}", ha="center", va="center", fontsize=size)
            start += width
        ax.text(start + 4, row, f"{start:.0f} in all", va="center", fontsize=10)
    ax.set(yticks=(0, 1), yticklabels=("with 1x1s", "naive"), xlabel="million multiply-adds", xlim=(0, 350))
    ax.grid(axis="y", visible=False)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside upper left", ncols=4, fontsize=9)
    rows = (f"{name} {a / 1e6:.0f} and {reduced[name] / 1e6:.0f}" for name, a in naive.items())
    return show(fig, f"Million multiply-adds of each branch, naive and with 1x1s: {', '.join(rows)}.")


def _layers(ax: Axes, row: int, layers: Sequence[int], squeezes: Sequence[int]) -> None:
    """A network as a row of boxes, as high as they have channels; each squeeze is outlined, before its layer."""
    places = sorted([*range(len(layers)), *(place + 0.5 for place in range(len(squeezes)))])
    for left, right in pairwise(places):
        ax.plot([left + 0.14, right - 0.14], [row, row], color=INK_BOTH, linewidth=0.8)
    for shift, boxes in ((0, layers), (0.5, squeezes)):
        for place, channels in enumerate(boxes):
            height = channels / 140
            x, y = place + shift - 0.14, row - height / 2
            ax.add_patch(Rectangle((x, y), 0.28, height, facecolor=GREEN, alpha=0.55, edgecolor=INK_BOTH))
            if shift:
                _outline(ax, x, y, 0.28, height)
            ax.text(x + 0.14, y - 0.04, str(channels), ha="center", va="bottom", fontsize=8)


def squeeze(record: Mapping[str, Any]) -> Picture:
    """Each version of the recorded squeeze: layers, MACs, and the test accuracy of each seed with their mean."""
    full = (24, 48, 64, 96)
    versions = {
        "full": (full, ()),
        "squeeze": (full, tuple(channels // 4 for channels in full[:-1])),
        "narrow": ((24, *record["narrow"].values()), ()),
    }
    style()
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), sharey=True, width_ratios=(5, 3, 5))
    strip, price, right = axes
    words = []
    for row, (arm, (layers, squeezes)) in enumerate(versions.items()):
        _layers(strip, row, layers, squeezes)
        macs, seeds = record["arms"][arm]["macs"] / 1e6, [100 * share for share in by_seed(dict(record), arm)]
        mean = fmean(seeds)
        price.barh(row, macs, height=0.5, color=BLUE, alpha=0.5)
        price.text(macs + 0.2, row, f"{macs:.1f}", va="center", fontsize=9)
        right.plot(seeds, [row + (n - (len(seeds) - 1) / 2) / 20 for n in range(len(seeds))], "o", color=BLUE, ms=4)
        right.plot([mean, mean], [row - 0.34, row + 0.34], color=VERMILLION)
        right.text(88.85, row, f"mean {mean:.1f}", va="center", fontsize=9)
        between = f" with squeezes to {', '.join(map(str, squeezes))}" if squeezes else ""
        ends = f"{min(seeds):.1f} to {max(seeds):.1f} %"
        words.append(
            f"{arm} {macs:.1f} million, {ends}, mean {mean:.1f} %, layers of {', '.join(map(str, layers))}{between}"
        )
    strip.set(xlabel="channels after each layer", xticks=(), yticks=range(len(words)), yticklabels=list(versions))
    strip.set(xlim=(-0.3, 3.3), ylim=(2.5, -0.62))
    strip.spines[:].set_visible(False)
    price.set(xlabel="million MACs", xlim=(0, 8))
    right.set(xlabel="test images classified correctly (%)", xlim=(87.3, 89.3), xticks=(87.5, 88, 88.5))
    for ax in axes:
        ax.tick_params(left=False)
        ax.grid(axis="y", visible=False)
    return show(fig, f"Layers, MACs and test accuracy of every seed: {'; '.join(words)}.")


def accuracy_by_rank(curves: Mapping[str, Mapping[int, float]]) -> Picture:
    """Accuracy against the share of a block's directions kept: block -> {directions kept: percent right}."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    words = []
    for (block, curve), colour, marker in zip(curves.items(), CYCLE, "os^", strict=False):
        name, channels = block.removeprefix("inception_"), max(curve)
        shares = [100 * rank / channels for rank in curve]
        ax.plot(shares, list(curve.values()), marker + "-", color=colour, label=f"{name}, {channels} channels")
        words.append(f"{name}: {', '.join(f'{rank} of {channels} {right:.0f} %' for rank, right in curve.items())}")
    ax.axhline(10, color=INK_BOTH, linewidth=1, alpha=0.6)
    ax.text(100, 11, "guessing", ha="right", va="bottom", fontsize=9)
    ax.set(xlabel="directions kept (%)", ylabel="test images right (%)", ylim=(0, 100))
    ax.legend(loc="center right")
    return show(fig, f"Accuracy with only the strongest directions of a block. {'; '.join(words)}.")


def time_ratios(ratios: Sequence[float], macs_ratio: float) -> Picture:
    """How much faster the bottleneck was in each recorded process, and a line where its MACs would put it."""
    style()
    fig, ax = plt.subplots(figsize=(7, 1.9))
    ax.plot(ratios, [0.04 * (place % 5) for place in range(len(ratios))], "o", color=BLUE, alpha=0.9)
    ax.axvline(macs_ratio, linestyle="--", color=INK_BOTH)
    ax.annotate(f"MACs: {macs_ratio:.2f}", (macs_ratio, 0.24), (-5, 0), textcoords="offset points", ha="right")
    ax.set(xlabel="time of the plain 3x3 / time of the bottleneck", yticks=[], ylim=(-0.06, 0.3), xlim=(0, 9))
    ax.grid(axis="y", visible=False)
    return show(
        fig,
        f"{len(ratios)} dots for how many times faster the bottleneck ran: {min(ratios):.1f} to {max(ratios):.1f}, "
        f"median {median(ratios):.1f}. All lie left of a dashed line at {macs_ratio:.2f}, the ratio of the MACs.",
    )


def savings(channels: int, kernels: Mapping[str, int]) -> Picture:
    """How many times cheaper than a plain convolution a bottleneck is, against its middle width."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    words, middles = [], range(16, channels + 1)
    for name, kernel in kernels.items():
        area = kernel**2
        curve = [area * channels**2 / (2 * channels * m + area * m * m) for m in middles]
        last = max(m for m, saving in zip(middles, curve, strict=True) if saving > 1)
        ax.plot(middles, curve, color=BRANCHES[name], label=f"{name}, up to {last} channels")
        words.append(f"{name}: {curve[64 - 16]:.2f} at 64 channels, above 1 up to {last}")
    at_64 = 9 * channels**2 / (2 * channels * 64 + 9 * 64**2)
    ax.plot(64, at_64, "o", color=INK_BOTH)
    ax.annotate(f"ResNet's 3x3: {at_64:.2f} times", (64, at_64), (10, 8), textcoords="offset points")
    ax.axhline(1, color=INK_BOTH, linewidth=1, alpha=0.6)
    ax.annotate("costs more than plain", (16, 1), (0, -12), textcoords="offset points", fontsize=9)
    ax.set(yscale="log", xlabel="channels in the middle", ylabel="times cheaper than plain", xlim=(0, channels + 8))
    ax.set_yticks([0.5, 1, 2, 5, 10, 20, 50, 100], ["0.5", "1", "2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.legend(title="kernel, and where it pays")
    return show(fig, f"What a bottleneck on {channels} channels saves falls as its middle widens. {'; '.join(words)}.")
