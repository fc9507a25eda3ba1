"""Chapter 11: windows on a series, hidden motifs and the kernels that fit them, a sentence's way through a network."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
from torch import Tensor

from ...data.text import LENGTH, tokens
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, GREEN, INK_BOTH, ORANGE, PURPLE, SKY_BLUE, VERMILLION
from ..records import by_seed
from ..scales import MOTIFS, hidden
from . import bars_by_seed
from .many_kernels_at_once import right_by_kind

LENGTHS = {9: BLUE, 19: GREEN, 39: ORANGE}
"""The colour of each length of a kernel, or of a motif; in text, of one word, three and five."""
ARMS = {
    "9": ("50 of length 9", LENGTHS[9]),
    "19": ("23 of length 19", LENGTHS[19]),
    "39": ("11 of length 39", LENGTHS[39]),
    "mixture": ("20 of 9, 6 of 19, 4 of 39", VERMILLION),
    "39, wide": ("30 of length 39, 2.6 times the cost", LENGTHS[39]),
}
"""Arm of the experiment with motifs -> what a reader calls it, and the colour of its length or of several.

The last one costs more than the others.
"""
BAG, NETWORK = SKY_BLUE, VERMILLION


def _windows(ax: Axes, centre: float, top: float, step: float, widths: Mapping[str, tuple[int, str]]) -> None:
    """Bars as wide as windows around `centre`, one below the other, each with its name at its right end."""
    for row, (name, (width, colour)) in enumerate(widths.items()):
        y = top - step * row
        ax.add_patch(Rectangle((centre - width / 2, y), width, 0.55 * step, facecolor=colour, alpha=0.8))
        ax.text(centre + width / 2 + 0.015 * ax.get_xlim()[1], y + 0.27 * step, name, va="center", fontsize=9)


def fields(sentence: str) -> Picture:
    """What the branches of a block see around one step of a series, and around one word of a sentence."""
    steps = torch.arange(98)
    series = torch.sin(steps / 12) + 0.25 * torch.sin(steps / 2.3)
    for at in (20, 48, 79):
        series[at - 2 : at + 3] += torch.tensor([0.5, -0.9, 2.2, -1.1, 0.4])
    style()
    fig, (above, below) = plt.subplots(2, 1, figsize=(9, 4.6), height_ratios=(1.15, 1))
    above.plot(steps, series, color=INK_BOTH, linewidth=1.3)
    above.set(xlim=(0, 98), ylim=(-5.4, 3.4), title="a series: one value per step", xlabel="step", yticks=[])
    lengths = {f"{length} steps": (length, colour) for length, colour in reversed(LENGTHS.items())}
    _windows(above, 48, -2.7, 0.85, lengths | {"pool, 3": (3, PURPLE)})
    words = tokens(sentence)
    below.set(xlim=(0, len(words)), ylim=(-4.1, 1), title="a sentence: one vector per word")
    for place, word in enumerate(words):
        below.add_patch(Rectangle((place + 0.03, 0), 0.94, 0.8, facecolor="none", edgecolor=INK_BOTH, linewidth=0.8))
        below.text(place + 0.5, 0.4, word, ha="center", va="center", fontsize=7)
    middle = len(words) // 2
    branches = {
        "5 words": (5, LENGTHS[39]),
        "3 words": (3, LENGTHS[19]),
        "1 word": (1, LENGTHS[9]),
        "pool, 3": (3, PURPLE),
    }
    _windows(below, middle + 0.5, -1.0, 1.0, branches)
    for ax in (above, below):
        ax.grid(visible=False)
    for side in ("left", "bottom"):
        below.spines[side].set_visible(False)
    above.spines["left"].set_visible(False)
    below.set(xticks=[], yticks=[])
    return show(
        fig,
        "Above, a series of 98 steps, a slow swing with three short spikes; under it windows of 39, 19, 9 and 3 steps, "
        f"all centred on the middle spike. Below, a sentence of {len(words)} words in boxes; under it windows of 5, 3, "
        f"1 and 3 words, centred on “{words[middle]}”.",
    )


def _answers(series: Tensor, kernel: Tensor) -> Tensor:
    """What a kernel (k,), scaled to length 1, answers along a series (1, steps): to noise of spread 1 with spread 1."""
    kernel = kernel / kernel.norm()
    return F.conv1d(series[None], kernel[None, None])[0, 0]


def _shape(ax: Axes, first: int, values: Tensor) -> None:
    """A motif or a kernel that begins at a step, as bars in the colour of its length."""
    ax.bar(range(first, first + len(values)), values.tolist(), width=1, color=LENGTHS[len(values)])
    ax.hlines(0, first - 0.5, first + len(values) - 0.5, color=plt.rcParams["text.color"], linewidth=0.8)


def motifs() -> Picture:
    """A short motif and a long one hidden in noise, kernels of 9 and of 39 that fit them, and what these answer."""
    data = hidden(MOTIFS, 192, 24, seed=50)
    style()
    heights = (0.45, 1, 0.45, 1, 0.45, 1)
    fig, axes = plt.subplots(6, 2, figsize=(9, 5.6), sharex=True, sharey="row", height_ratios=heights)
    line = {"color": plt.rcParams["text.color"], "linewidth": 0.8}
    peaks: list[float] = []
    for column, label, name in zip(axes.T, (3, 21), ("a short motif", "a long motif"), strict=True):
        series, motif = data.images[label], MOTIFS[label]
        at, size = int(_answers(series, motif).argmax()), len(motif)
        column[0].set_title(f"{name}: {size} steps")
        _shape(column[0], at, motif)
        column[1].plot(series[0], **line)
        # Of a long motif a kernel of 9 fits the middle; of a short one a kernel of 39 fits all, with zeros around it.
        kernels = (motif[15:24], motif) if size > 9 else (motif, F.pad(motif, (15, 15)))
        for above, below, kernel in zip(column[2::2], column[3::2], kernels, strict=True):
            half = len(kernel) // 2
            _shape(above, at + size // 2 - half, kernel / kernel.norm())
            answers = _answers(F.pad(series, (half, half)), kernel)
            step, peak = int(answers.argmax()), float(answers.max())
            peaks.append(peak)
            below.plot(answers, **line)
            below.plot(step, peak, "o", color=LENGTHS[len(kernel)], markersize=6)
            below.text(step + 4, peak, f"{peak:.1f}", va="center", fontsize=9)
        for ax in column[1::2]:
            ax.axvspan(at - 0.5, at + size - 0.5, color=LENGTHS[size], alpha=0.2, linewidth=0)
        column[-1].set(xlabel="step", xlim=(0, 191))
    rows = ("motif", "noise + motif", "kernel of 9", "its answer", "kernel of 39", "its answer")
    for pair, row, height in zip(axes, rows, heights, strict=True):
        pair[0].set_ylabel(row, rotation=0, ha="right", va="center")
        pair[0].yaxis.set_label_coords(-0.07, 0.5)
        for ax in pair if height < 1 else ():
            ax.grid(visible=False)
            ax.tick_params(bottom=False, left=False, labelleft=False)
            ax.spines[["left", "bottom"]].set_visible(False)
        if height == 1:
            pair[0].set(yticks=(0, 5), ylim=(-4.5, 7.8))
    axes[0, 0].set_ylim(-3, 3)
    return show(
        fig,
        "Two noisy series of 192 steps, above each the motif that it hides, whose place is shaded. Below, kernels that "
        "fit, and their answers, in standard deviations of their answers to noise. Left, a strong motif of 9 steps: "
        f"kernels of 9 and of 39 both have one clear peak at its middle, {peaks[0]:.1f} and {peaks[1]:.1f}. Right, a "
        "faint motif of 39 steps: the answer of a kernel of 9 that fits its middle is largest elsewhere, "
        f"{peaks[2]:.1f}; a kernel of 39 has one peak at the middle, {peaks[3]:.1f}.",
    )


def motifs_found(record: Mapping[str, Any]) -> Picture:
    """How many short and long motifs each of `ARMS` classifies correctly: the one that costs more is set apart."""
    names, colours = zip(*ARMS.values(), strict=True)
    arms = dict(zip(ARMS, names, strict=True))
    return right_by_kind(record, arms, "motifs", ("short", "long"), colours, names[-1:], means=True)


def reading(sentence: str) -> Picture:
    """The way of a sentence through the text network, and how many words one value reads after each block.

    Raises ValueError for more words than a row has places.
    """
    words = tokens(sentence)
    if len(words) > LENGTH:
        raise ValueError(f"{len(words)} words do not fit a row of {LENGTH} places: take {LENGTH} or fewer")
    centre, window = len(words) // 2, LENGTHS[39]
    stages = (
        (64, 9, "embedding: 64 x 24", "64 values per word"),
        (80, 5, "block 1: 80 x 24", "a value reads up to 5 words"),
        (80, 1, "block 2: 80 x 24", "a value reads up to 9 words"),
    )
    style()
    fig, ax = plt.subplots(figsize=(9, 4.6))
    for place, word in enumerate(words):
        ax.text(place + 0.3, 6, word, rotation=55, ha="left", va="bottom", fontsize=9, rotation_mode="anchor")
    ax.text((len(words) + LENGTH) / 2, 6, "empty places", ha="center", va="bottom", fontsize=9)
    top = 0
    above: tuple[int, int, int] | None = None
    for channels, seen, name, what in stages:
        bottom, start = top - channels, centre - seen // 2
        if above:  # from the windows in the last map to what they become here
            low, first, width = above
            corners = [(first, low), (first + width, low), (start + seen, top), (start, top)]
            ax.add_patch(Polygon(corners, facecolor=window, alpha=0.25, edgecolor="none"))
        for at, width, line in ((0, len(words), "-"), (len(words), LENGTH - len(words), ":")):
            frame = Rectangle((at, bottom), width, channels, fill=False, edgecolor=INK_BOTH, linestyle=line)
            ax.add_patch(frame)
        ax.add_patch(Rectangle((start, bottom), seen, channels, facecolor=window, alpha=0.7))
        ax.text(-0.7, (top + bottom) / 2 + 3, name, ha="right", va="bottom", weight="bold", fontsize=10)
        ax.text(-0.7, (top + bottom) / 2 - 3, what, ha="right", va="top", fontsize=9)
        above = bottom, start, seen
        top = bottom - 28
    middle = bottom + channels // 2
    for x, height, name in ((LENGTH + 2.5, 80, "the strongest\nof each row: 80"), (LENGTH + 6.5, 10, "scores: 10")):
        ax.annotate("", (x - 0.3, middle), (x - 2.2, middle), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        ax.add_patch(Rectangle((x, middle - height / 2), 0.9, height, facecolor=VERMILLION, alpha=0.5))
        ax.text(x + 0.45, middle + height / 2 + 5, name, ha="center", va="bottom", fontsize=9)
    ax.set(xlim=(-10.5, LENGTH + 9), ylim=(bottom - 3, 48))
    ax.axis("off")
    return show(
        fig,
        f"A sentence of {len(words)} words and {LENGTH - len(words)} empty places, above three maps of {LENGTH} "
        "columns: the embedding with 64 rows, then 80 rows after each of two blocks. One column after block 2 reads 5 "
        f"columns after block 1, and these read 9 words, around “{words[centre]}”. The strongest value of each row "
        "gives a column of 80, and that gives 10 scores.",
    )


TEXT_ARMS = {
    "words": "bag, all words",
    "known words": "bag, words seen twice or more",
    "network": "network, words seen twice or more",
}
"""Arms of the experiment with texts -> what a reader calls them."""


def text_scores(record: Mapping[str, Any]) -> Picture:
    """How many definitions each of `TEXT_ARMS` classifies correctly after 1,000 and 3,000 texts: means and seeds."""
    panels = {
        f"{size:,} texts": {words: by_seed(dict(record), f"{arm}@{size}") for arm, words in TEXT_ARMS.items()}
        for size in (1000, 3000)
    }
    colours = [NETWORK if name.startswith("network") else BAG for name in TEXT_ARMS.values()]
    fig, _, words = bars_by_seed(panels, [f"after {title}" for title in panels], colours, means=True)
    return show(fig, f"Definitions of the test set classified correctly: {words}.")


def learning_curves(record: Mapping[str, Any], arms: Mapping[str, tuple[str, str]]) -> Picture:
    """Test accuracy against the number of training texts; a dot for each seed.

    `arms` are the names in the record -> the name for readers and a colour.
    """
    sizes = (100, 300, 1000, 3000)
    style()
    fig, ax = plt.subplots(figsize=(7, 3.8))
    told = []
    for arm, (name, colour) in arms.items():
        seeds = [by_seed(dict(record), f"{arm}@{size}") for size in sizes]
        means = [100 * sum(each) / len(each) for each in seeds]
        ax.plot(sizes, means, color=colour, label=name)
        for size, each in zip(sizes, seeds, strict=True):
            ax.plot([size] * len(each), [100 * share for share in each], ".", color=colour, markersize=5, alpha=0.5)
        told.append(f"{name} from {means[0]:.0f} to {means[-1]:.0f}")
    ax.set(xscale="log", xticks=sizes, xticklabels=[f"{size:,}" for size in sizes])
    ax.set(xlabel="training texts", ylabel="test texts right (%)")
    ax.minorticks_off()
    ax.legend()
    return show(fig, f"Test accuracy in percent from 100 to 3,000 training texts: {'; '.join(told)}.")
