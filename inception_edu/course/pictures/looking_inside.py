"""Chapter 10: evidence over a canvas, the patches that excite channels, and images that a network asked for."""

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from torch import Tensor
from torch.nn import functional as F

from ...data.fashion import BLACK, CLASS_NAMES, STD, WHITE
from ...show.figures import Picture, show, style
from ...show.palette import BLUE_BOTH, INK_BOTH, ORANGE, SKY_BLUE, VERMILLION, YELLOW
from ...show.palette import BRANCHES as OF_BRANCH


def _grey(ax: Axes, image: Tensor) -> None:
    """A normalised image (H, W), a pixel that is not a number left open, without axes."""
    ax.imshow(image.numpy(), cmap="gray", vmin=BLACK, vmax=WHITE)
    ax.axis("off")


def _signed(values: Tensor, most: float) -> "np.ndarray[Any, Any]":
    """Values (H, W) as colours (H, W, 4): orange above 0, blue below, opaque in proportion to their size."""
    strength = (values / most).clamp(-1, 1).numpy().round(2)
    colours = np.where(strength[..., None] > 0, to_rgb(ORANGE), to_rgb(SKY_BLUE))
    return np.dstack([colours, 0.85 * abs(strength)])


START, JUMP = 6, 8
"""The small GoogLeNet's last grid: the pixel on which the first position of a side is centred, and the pixels from one
position to the next."""


def _cells(ax: Axes, map_: Tensor, most: float) -> None:
    """A class map (h, w) over its picture: each pixel in the colour of the nearest position."""
    pixels = (torch.arange(28) - START + JUMP // 2) // JUMP
    rows, columns = (pixels.clamp(0, side - 1) for side in map_.shape)
    colours = _signed(map_[rows][:, columns], most)
    colours[..., 3] *= 0.7  # so that the picture shows through
    ax.imshow(colours)


def over_pictures(images: Tensor, maps: Tensor, names: Sequence[str]) -> Picture:
    """Images (N, 1, 28, 28), each under its class map (N, 3, 3), whose values are written on it; one scale for all."""
    style()
    fig, axes = plt.subplots(1, len(images), figsize=(3.5 * len(images), 3.5), squeeze=False)
    words = []
    for ax, image, map_, name in zip(axes[0], images, maps, names, strict=True):
        _grey(ax, image[0])
        _cells(ax, map_, maps.abs().max().item())
        for row, line in enumerate(map_.tolist()):
            for column, value in enumerate(line):
                ax.text(
                    START + JUMP * column, START + JUMP * row, f"{value:.1f}".replace("-", "\N{MINUS SIGN}"),
                    ha="center", va="center", color="white", fontsize=11,
                    bbox={"facecolor": "black", "alpha": 0.65, "edgecolor": "none", "pad": 2},
                )  # fmt: skip
        ax.set_title(f"{name}: mean {map_.mean():.1f}", loc="center", fontsize=10, fontweight="normal")
        rows = " / ".join(", ".join(f"{value:.1f}" for value in line) for line in map_.tolist())
        words.append(f"{name}: {rows}, mean {map_.mean():.1f}")
    return show(fig, f"Class maps over their pictures, row by row. {'; '.join(words)}.")


def swap(maps: Tensor, weight: Tensor, bias: float) -> Picture:
    """Maps (C, P), a mean over positions and a weighted sum over channels, in either order: the same number."""
    style()
    fig, ax = plt.subplots(figsize=(8.2, 3.9))
    ax.set(xlim=(0, 15.6), ylim=(6.9, 0), aspect="equal")
    ax.axis("off")

    def table(values: Tensor, left: float, top: float, name: str, signed: bool = False) -> None:
        most = values.abs().max().item()
        for row, line in enumerate(values.tolist()):
            for column, value in enumerate(line):
                colour = (ORANGE if value > 0 else SKY_BLUE) if signed else INK_BOTH
                ax.add_patch(
                    Rectangle(
                        (left + column, top + row), 1, 1, facecolor=colour, alpha=0.15 + 0.4 * abs(value) / most, lw=0
                    )
                )
                ax.text(
                    left + column + 0.5,
                    top + row + 0.5,
                    f"{value:g}".replace("-", "\N{MINUS SIGN}"),
                    ha="center",
                    va="center",
                )
        ax.text(left + values.shape[1] / 2, top - 0.3, name, ha="center", fontsize=9.5)

    def arrow(start: tuple[float, float], end: tuple[float, float], name: str, above: bool, right: float = 0) -> None:
        ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": INK_BOTH, "lw": 1.5})
        x, y = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + (-0.55 if above else 0.5)
        ax.text(x + right, y, name, ha="center", va="bottom" if above else "top", fontsize=9.5)

    per_position = (weight @ maps + bias)[None]
    means = maps.mean(1, keepdim=True)
    layer = f"weights {', '.join(f'{value:g}' for value in weight.tolist())}; bias {bias:g}".replace(
        "-", "\N{MINUS SIGN}"
    )
    table(maps, 0.6, 2.6, "two maps")
    table(means, 7.4, 0.8, "two means")
    table(per_position, 6.6, 5.4, "the class map", signed=True)
    table(per_position.mean(1, keepdim=True), 14, 3.1, "the logit", signed=True)
    arrow((3.8, 3.2), (7.2, 1.9), "mean", above=True)
    arrow((3.8, 4.1), (6.4, 5.8), f"{layer},\nat each position", above=False, right=-1.6)
    arrow((8.6, 1.9), (13.8, 3.4), layer, above=True)
    arrow((9.8, 5.8), (13.8, 3.9), "mean", above=False)
    numbers = ", ".join(f"{value:g}" for value in per_position[0].tolist())
    return show(
        fig,
        f"Two ways from two maps of {maps.shape[1]} positions to one logit. Above, the mean of each map is first and "
        f"the weighted sum second. Below, the weighted sum is first and gives the class map {numbers}; then its mean. "
        f"Both end at {per_position.mean():g}.",
    )


def over_canvas(canvas: Tensor, maps: Mapping[str, Tensor]) -> Picture:
    """The canvas (1, 1, H, W) under each of the `maps` (h, w), on one scale: orange for a class, blue against it."""
    style()
    most = max(map_.abs().max().item() for map_ in maps.values())
    columns = min(3, 1 + len(maps))
    rows = ceil((1 + len(maps)) / columns)
    fig, axes = plt.subplots(
        rows,
        columns,
        figsize=(9.5, 8.2 / columns * rows * canvas.shape[2] / canvas.shape[3] + 0.35 * rows),
        squeeze=False,
    )
    for ax in axes.flat[1 + len(maps) :]:
        ax.remove()
    _grey(axes[0, 0], canvas[0, 0])
    axes[0, 0].set_title("the canvas", loc="center", fontsize=10, fontweight="normal")
    scale = ListedColormap(_signed(torch.linspace(-1, 1, 100)[None], 1)[0])
    bar = fig.colorbar(ScalarMappable(Normalize(-most, most), scale), ax=axes, shrink=0.8, aspect=15 * rows)
    bar.set_label("evidence beyond\nan empty canvas", fontsize=9)
    bar.outline.set_visible(False)
    bar.ax.set_facecolor("black")  # as the canvas is
    words = []
    for ax, (name, map_) in zip(axes.flat[1:], maps.items(), strict=False):
        _grey(ax, canvas[0, 0])
        fine = F.interpolate(map_[None, None], scale_factor=JUMP, mode="bilinear", align_corners=False)[0, 0]
        edge = START - JUMP / 2
        ax.imshow(_signed(fine, most), extent=(edge, edge + fine.shape[1], edge + fine.shape[0], edge))
        ax.set(xlim=(-0.5, canvas.shape[3] - 0.5), ylim=(canvas.shape[2] - 0.5, -0.5))
        ax.set_title(f"{name}, up to {map_.max().item():.1f}", loc="center", fontsize=10, fontweight="normal")
        row, column = divmod(int(map_.argmax()), map_.shape[1])
        words.append(f"{name} ({map_.max().item():.1f}) at row {START + JUMP * row}, column {START + JUMP * column}")
    return show(
        fig,
        f"A canvas of garments, and over it the evidence for {len(maps)} of the classes, orange where the "
        f"evidence is above that of an empty canvas and blue where it is below. Highest: {'; '.join(words)}.",
    )


BRANCHES = {"one": "1x1", "three": "3x3", "five": "5x5", "pool": "pool"}


def patch_rows(rows: Mapping[tuple[str, int], Tensor]) -> Picture:
    """A row of patches (count, side, side) for each (branch, channel), all on one scale."""
    style()
    longest, pixels = max(map(len, rows.values())), max(patches.shape[1] for patches in rows.values())
    fig, axes = plt.subplots(len(rows), longest, figsize=(0.85 * longest + 1.6, 0.88 * len(rows)))
    for line, ((branch, channel), patches) in zip(axes, rows.items(), strict=True):
        side = patches.shape[1]
        low, high = (side - pixels) / 2 - 0.5, (side + pixels) / 2 - 0.5
        for ax, patch in zip(line, patches, strict=True):
            _grey(ax, patch)
            ax.set(xlim=(low, high), ylim=(high, low))
        line[0].text(
            -0.25, 0.5, f"{BRANCHES[branch]}, channel {channel}\nsees {side}x{side}", ha="right", va="center",
            transform=line[0].transAxes, fontsize=9,
        )  # fmt: skip
    channels = "; ".join(f"{BRANCHES[branch]} channel {channel}" for branch, channel in rows)
    return show(fig, f"Rows of {longest} small patches of test images that excite a channel of block 3a: {channels}.")


def changed_by_hiding(pictures: Mapping[str, tuple[Tensor, Tensor, Tensor]], side: int) -> Picture:
    """Where a covered square changes the answer: class -> its picture (H, W), which squares do (h, w), its map (n, n).

    A dot is at the centre of each square of `side` pixels that changes the answer, and the first of them is drawn. The
    class maps are drawn under them on one scale, and the highest position of each has a frame.
    """
    style()
    fig, axes = plt.subplots(1, len(pictures), figsize=(3.5 * len(pictures), 4.3))
    most = max(map_.abs().max().item() for _, _, map_ in pictures.values())
    words = []
    for ax, (name, (image, changed, map_)) in zip(axes, pictures.items(), strict=True):
        _grey(ax, image)
        _cells(ax, map_, most)
        row, column = divmod(int(map_.argmax()), map_.shape[1])
        highest = START + JUMP * row, START + JUMP * column
        corner = highest[1] - JUMP / 2 - 0.5, highest[0] - JUMP / 2 - 0.5  # pixels reach half a pixel to each side
        ax.add_patch(Rectangle(corner, JUMP, JUMP, fill=False, edgecolor=YELLOW, lw=2, ls="--"))
        places = changed.nonzero()
        rows, columns = (places + (side - 1) / 2).T.tolist()
        top, left = places[0].tolist()
        for colour, width in (("black", 3.5), ("white", 1.5)):  # a white line with black edges
            ax.add_patch(
                Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, lw=width, zorder=3)
            )
        ax.plot(columns, rows, "o", color="white", markeredgecolor="black", markersize=5, zorder=4)
        ax.set_title(f"{name}: {len(places)} of {changed.numel()}", loc="center", fontsize=10, fontweight="normal")
        words.append(
            f"{name}: {len(places)} of {changed.numel()} squares, centred at rows {min(rows):g} to {max(rows):g} and "
            f"columns {min(columns):g} to {max(columns):g}; the map is highest around row {highest[0]}, column "
            f"{highest[1]}"
        )
    dot = Line2D([], [], marker="o", ls="", color="white", markeredgecolor="black", markersize=5)
    outline = [withStroke(linewidth=3.5, foreground="black")]  # a white edge shows on a white page, too
    square = Patch(facecolor="#735000", edgecolor="white", lw=1.5, path_effects=outline)
    peak = Patch(facecolor="#735000", edgecolor=YELLOW, lw=2, ls="--")  # half of ORANGE: as over a dark picture
    names = ("centre of a square that changes the answer", "one such square", "highest position of the class map")
    fig.legend([dot, square, peak], names, loc="outside lower center", fontsize=9, handlelength=1.6, handleheight=1.6)
    return show(
        fig,
        f"Centres of the squares of {side} pixels that change the answer when they are covered. {'; '.join(words)}.",
    )


def wishes(rows: Mapping[str, Sequence[tuple[str, Tensor, float]]]) -> Picture:
    """A row for each network: (class, image (1, 1, H, W) made for it, the network's own probability) side by side."""
    style()
    columns = max(map(len, rows.values()))
    wide = min(1.75, 9.2 / columns)
    fig, axes = plt.subplots(len(rows), columns, figsize=(wide * columns + 0.8, (wide + 0.45) * len(rows)))
    for line, (network, made) in zip(axes, rows.items(), strict=True):
        for ax, (name, image, probability) in zip(line, made, strict=True):
            _grey(ax, image[0, 0])
            ax.set_title(f"{name}\n{probability:.0%}", loc="center", fontsize=9.5, fontweight="normal")
        line[0].text(-0.08, 0.5, network, rotation=90, ha="right", va="center", transform=line[0].transAxes)
    words = [
        f"{network}: " + ", ".join(f"{name} {probability:.0%}" for name, _, probability in made)
        for network, made in rows.items()
    ]
    return show(
        fig, f"Images made by gradient ascent for {columns} classes, one row for each network. {'; '.join(words)}."
    )


def fooled(images: Tensor, moved: Tensor, before: Tensor, after: Tensor) -> Picture:
    """Images (N, 1, H, W), what was added to them, and the sums, with the answers (N,) `before` and `after`, as labels.

    A change of half the largest one or more has its full colour, so that the many small changes are seen.
    """
    style()
    said, now = ([CLASS_NAMES[label] for label in labels] for labels in (before, after))
    change = (moved - images)[:, 0]
    largest = 100 * STD * change.abs().max().item()
    fig, axes = plt.subplots(3, len(images), figsize=(0.98 * len(images) + 0.4, 3.5))
    for column, (top, middle, bottom) in enumerate(axes.T):
        _grey(top, images[column, 0])
        top.set_title(said[column], loc="center", fontsize=9.5, fontweight="normal")
        middle.imshow(np.zeros((*change[column].shape, 3)))  # black, as the other rows are
        middle.imshow(_signed(change[column], change.abs().max().item() / 2))
        middle.axis("off")
        _grey(bottom, moved[column, 0])
        wrong = {"color": VERMILLION, "fontweight": "bold"} if said[column] != now[column] else {}
        bottom.set_title(now[column], loc="center", fontsize=9.5, **({"fontweight": "normal"} | wrong))
    for line, words in zip(axes, ("image", f"change,\nat most {largest:.0f} %\nof white", "sum"), strict=True):
        line[0].text(
            -0.08, 0.5, words, rotation=90, ha="right", va="center", multialignment="center",
            transform=line[0].transAxes, fontsize=9,
        )  # fmt: skip
    pairs = "; ".join(f"{a} becomes {b}" for a, b in zip(said, now, strict=True))
    return show(
        fig,
        f"{len(images)} garments above, below them what was added, orange for lighter and blue for darker, at most "
        f"{largest:.0f} % of white, and the sums, which look the same. The network's answers: {pairs}.",
    )


ATTACKED = {
    "ordinary": ("small_googlenet", VERMILLION),
    "control, not attacked": ("clean", ORANGE),
    "robust": ("robust_googlenet", BLUE_BOTH),
}


def under_attack(record: Mapping[str, Any], side: int = 28) -> Picture:
    """Accuracy against the size of the disturbance for the networks of a record like 10_robust, 50 steps each."""
    style()
    fig, ax = plt.subplots(figsize=(6.6, 3.4))
    words = []
    for name, (key, colour) in ATTACKED.items():
        run = record["runs"][key]
        found = {0.0: run["0"]} | {float(at.split("/")[0]): v for at, v in run.items() if at.endswith("/50")}
        sizes = [100 * STD * radius / side for radius in found]
        shares = [100 * share for share in found.values()]
        ax.plot(sizes, shares, "o-", color=colour, label=name)
        words.append(f"{name} {', '.join(f'{share:.1f}' for share in shares)}")
    ax.set(xlabel="size of the disturbance (% of full white, root mean square)", ylabel="correct (%)", ylim=(-3, 100))
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.78))
    at = ", ".join(f"{size:.1f}" for size in sizes)
    return show(fig, f"Percent correct under attacks of size {at} % of white: {'; '.join(words)}.")


def read_by(squares: Mapping[str, tuple[Tensor, int, int]]) -> Picture:
    """What positions of the last grid read: name -> a square (28, 28), and the position's row and column.

    In each square the largest value is white, and the pixels nearest to the position have a frame.
    """
    style()
    fig, axes = plt.subplots(1, len(squares), figsize=(2.6 * len(squares), 3.0))
    edges, words = (0, START + JUMP // 2, START + JUMP + JUMP // 2, 28), []
    for ax, (name, (square, row, column)) in zip(axes, squares.items(), strict=True):
        ax.imshow((square / square.max()).numpy().round(2), cmap="gray", vmin=0, vmax=1)
        top, bottom, left, right = edges[row], edges[row + 1], edges[column], edges[column + 1]
        ax.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5), right - left, bottom - top,
                fill=False, edgecolor=YELLOW, lw=2, ls="--", clip_on=False,
            )
        )  # fmt: skip
        ax.set_title(name, loc="center", fontsize=10, fontweight="normal")
        ax.axis("off")
        own, upper = (part.sum() / square.sum() for part in (square[top:bottom, left:right], square[:14]))
        y, x = divmod(int(square.argmax()), 28)
        words.append(
            f"{name}: {own:.0%} of the sum in its own part, {upper:.0%} in the upper half, brightest at row {y}, "
            f"column {x}"
        )
    frame = Patch(facecolor="black", edgecolor=YELLOW, lw=2, ls="--")
    name = "the position's own part of the picture"
    fig.legend([frame], [name], loc="outside lower center", fontsize=9, handlelength=1.6, handleheight=1.6)
    return show(fig, f"Squares of pixels, bright where a pixel moves the evidence of one position. {'; '.join(words)}.")


def without_branches(kept: Mapping[str, Mapping[str, tuple[int, float, float]]], whole: float) -> Picture:
    """What silencing costs: block -> branch -> channels, and the share right without this branch and with it alone.

    A row of bars for each of the two, a column for each block; `whole` is the share right with all branches.
    """
    style()
    fig, axes = plt.subplots(2, len(kept), figsize=(9, 4.6), sharey=True)
    words = []
    for column, (block, branches) in enumerate(kept.items()):
        names = [f"{name}\n{channels}" for name, (channels, *_) in branches.items()]
        for row in range(2):
            ax, shares = axes[row, column], [100 * found[1 + row] for found in branches.values()]
            ax.bar(names, shares, color=[OF_BRANCH[name] for name in branches], alpha=0.55, width=0.7)
            ax.axhline(100 * whole, color=INK_BOTH, ls="--", lw=1)
            for place, share in enumerate(shares):
                ax.text(place, 3, f"{share:.0f}", ha="center", fontsize=9)
            ax.set(ylim=(0, 100))
            ax.grid(visible=False, axis="x")
        axes[0, column].set_title(f"block {block}", loc="center", fontsize=10, fontweight="normal")
        told = ", ".join(f"{name} {100 * out:.0f} and {100 * alone:.0f}" for name, (_, out, alone) in branches.items())
        words.append(f"block {block}: {told}")
    for ax, what in zip(axes[:, 0], ("without it", "with it alone"), strict=True):
        ax.set_ylabel(f"right {what} (%)", fontsize=9)
    fig.supxlabel("branch, and its output channels", fontsize=9)
    return show(
        fig,
        f"Percent of images right without a branch, and with it alone; {100 * whole:.0f} with all. {'; '.join(words)}.",
    )


def roc_curves(curves: Mapping[str, tuple[Tensor, Tensor]]) -> Picture:
    """ROC curves: name -> shares of different pairs and of same pairs let in, threshold by threshold."""
    style()
    fig, ax = plt.subplots(figsize=(5, 3.4))
    words = []
    for (name, (false, true)), colour, line in zip(curves.items(), (BLUE_BOTH, VERMILLION), ("-", "--"), strict=True):
        ax.plot(100 * false, 100 * true, line, color=colour, label=name)
        words.append(f"{name} {100 * float(true[false <= 0.1].max()):.0f} %")
    ax.set(xlabel="different pairs let in (%)", ylabel="same pairs let in (%)")
    ax.legend()
    return show(fig, f"ROC curves. Same pairs let in when 10 % of the different ones are: {', '.join(words)}.")
