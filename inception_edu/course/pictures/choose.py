"""Chapter 12: what accuracy costs in parameters, MACs and time, and new classes from few pictures."""

from collections.abc import Mapping
from itertools import product
from math import atan, degrees
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator
from torch import Tensor
from torch.nn import functional as F

from ...data.fashion import BLACK, WHITE
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, CYCLE, GREEN, INK_BOTH, VERMILLION
from ..choices import Choice, choices
from ..records import by_seed, paired

RATE = 15
"""Milliseconds per billion MACs on the line that `time_against_macs` draws: about the least of the ten networks."""
UP = {"xception": -8, "inception_v4": 3}
"""Networks whose names `against_macs` moves upwards, and by how many points, so that no dot covers them."""
WAYS = {"frozen": ("frozen features", BLUE), "tuned": ("fine-tuned", GREEN), "scratch": ("from scratch", VERMILLION)}
"""Arm of the experiment with few pictures -> what readers call it, and its colour."""


def _dot(ax: Any, network: Choice, at: tuple[float, float], name: str, *, left: bool, **look: float) -> None:
    """One network, with its name to the left or right of its dot.

    `size` is the dot's diameter in points (7), `fill` how opaque it is inside (1), `up` how many points higher its name
    is (0).
    """
    size, opaque = look.get("size", 7), look.get("fill", 1)
    colour = BLUE if network.family else INK_BOTH
    fill = to_rgba(colour, opaque) if opaque else "none"
    ax.plot(*at, "o", color=colour, markerfacecolor=fill, markersize=size)
    away = size / 2 + 4
    offset: Any = {"xytext": (-away if left else away, look.get("up", 0)), "textcoords": "offset points"}
    ax.annotate(name, at, ha="right" if left else "left", va="center", fontsize=10, **offset)


def _key(ax: Any, *, hollow: bool) -> None:
    """What the looks of the dots mean, in the lower right corner."""
    ax.plot([], [], "o", color=BLUE, markersize=7, label="this course's family")
    if hollow:
        ax.plot([], [], "o", color=BLUE, markerfacecolor="none", markersize=7, label="measured on fewer images")
    ax.plot([], [], "o", color=INK_BOTH, markersize=7, label="made for small devices")
    ax.legend(loc="lower right", handletextpad=0.2)


def _diameter(params: float) -> float:
    """In points, of a dot whose area is in proportion to a number of parameters."""
    return float(3.4 * (params / 1e6) ** 0.5)


def against_macs() -> Picture:
    """Top-1 accuracy against MACs, a dot for each network with its parameters as the area.

    A hollow one was measured on easier terms.
    """
    style()
    fig, ax = plt.subplots(figsize=(7.4, 4.8))
    for each in choices():
        left = each.name in ("inception_v3", "inception_v4", "inception_resnet_v1")
        fill = 0 if each.easier_terms else 0.7
        look = {"size": _diameter(each.params), "up": UP.get(each.name, 0), "fill": fill}
        _dot(ax, each, (each.macs / 1e9, each.top1), each.title, left=left, **look)
    _key(ax, hollow=True)
    for millions, x in ((5, 4.2), (20, 6.4), (50, 10.6)):
        ax.plot(x, 65.2, "o", color=INK_BOTH, markerfacecolor="none", markersize=_diameter(1e6 * millions))
    ax.text(15, 65.2, "5, 20, 50 M parameters", va="center", fontsize=10)
    ax.set_xscale("log")
    ax.set(xlim=(0.2, 70), ylim=(56, 83), xlabel="MACs per image, billions", ylabel="top-1 accuracy, %")
    ax.set_xticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
    ax.xaxis.set_minor_locator(NullLocator())
    words = [f"{each.title} {each.top1:.1f} % ({each.macs / 1e9:.2f}, {each.params / 1e6:.1f})" for each in choices()]
    return show(
        fig,
        "Top-1 accuracy against billions of MACs per image; the area of a dot shows parameters. In brackets billions "
        f"of MACs and millions of parameters: {'; '.join(words)}.",
    )


def time_against_macs() -> Picture:
    """Milliseconds against MACs, both on log scales, with the line on which a billion MACs take `RATE` milliseconds."""
    style()
    fig, ax = plt.subplots(figsize=(7.4, 4.6))
    ends = (0.07, 35)
    ax.plot(ends, [RATE * end for end in ends], color=INK_BOTH, linestyle="--", linewidth=1.2)
    for each in choices():
        said = f"{each.title}, {each.rate:.0f}"
        _dot(ax, each, (each.macs / 1e9, each.milliseconds), said, left=each.name != "inception_v4")
    _key(ax, hollow=False)
    ax.set(xscale="log", yscale="log", xlim=ends, ylim=(4, 320))
    ax.set(xlabel="MACs per image, billions", ylabel="milliseconds per image")
    ax.set_xticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
    ax.set_yticks([5, 10, 20, 50, 100, 200], ["5", "10", "20", "50", "100", "200"])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_minor_locator(NullLocator())
    along: Any = {
        "rotation": degrees(atan(0.87 * RATE)),  # along the line, from a little below it
        "rotation_mode": "anchor",
        "transform_rotates_text": True,
        "va": "top",
    }
    ax.text(1.8, 0.87 * RATE * 1.8, f"{RATE} ms per billion MACs", fontsize=9.5, **along)
    words = [f"{each.title} {each.rate:.0f}" for each in sorted(choices(), key=lambda each: -each.rate)]
    return show(
        fig,
        "Milliseconds against billions of MACs per image, on log scales. Milliseconds per billion MACs, the most "
        f"first: {', '.join(words)}. A dashed line shows {RATE}.",
    )


def few_pictures(record: Mapping[str, Any]) -> Picture:
    """Accuracy on five new classes by the number of pictures of each: frozen, fine-tuned and from scratch.

    Dots are single runs, shifted sideways. Where there are ten pictures the means of the first two have their
    difference between them. Right, how far both are ahead of the third. Intervals are of 95 %.
    """
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9, 3.7), width_ratios=(1.15, 1))
    counts, words, gaps = record["pictures"], [], []
    runs = {arm: [by_seed(dict(record), f"{arm}, {count}") for count in counts] for arm in WAYS}
    shifts = (0.88, 1, 1.14)
    means = {arm: [100 * fmean(each) for each in runs[arm]] for arm in WAYS}
    for (arm, (name, colour)), shift in zip(WAYS.items(), shifts, strict=True):
        for count, each in zip(counts, runs[arm], strict=True):
            look: Any = {"color": colour, "alpha": 0.55, "markersize": 5}
            left.plot([shift * count] * len(each), [100 * score for score in each], ".", **look)
        left.plot(counts, means[arm], color=colour, label=name)
        words.append(f"{name} {', '.join(f'{mean:.1f}' for mean in means[arm])}")
    ten = counts.index(10)
    lead = paired(runs["frozen"][ten], runs["tuned"][ten])
    ends = means["frozen"][ten], means["tuned"][ten]
    left.plot([10, 10], ends, color=INK_BOTH, linewidth=2.5, marker="_", markersize=9)
    bounds = f"({lead.mean - lead.half:+.1f} to {lead.mean + lead.half:+.1f})"
    left.text(10.8, ends[0] - 1.5, f"fine-tuned minus frozen:\n{lead.mean:+.1f} points {bounds}", fontsize=9, va="top")
    for arm, shift, side in (("frozen", shifts[0], -1), ("tuned", shifts[1], 1)):
        name, colour = WAYS[arm]
        pairs = [paired(other, each) for other, each in zip(runs["scratch"], runs[arm], strict=True)]
        places = [shift * count for count in counts]
        look = {"capsize": 4, "linewidth": 1.5, "markersize": 4, "fmt": "o", "color": colour}
        right.errorbar(places, [gap.mean for gap in pairs], [gap.half for gap in pairs], **look)
        for place, gap in zip(places, pairs, strict=True):
            at = (place, gap.mean + side * gap.half)
            put: Any = {"ha": "center", "va": "bottom" if side > 0 else "top", "fontsize": 9}
            said = f"{gap.mean:+.1f}".replace("-", "\N{MINUS SIGN}")
            right.annotate(said, at, (0, 4 * side), textcoords="offset points", color=colour, **put)
        gaps.append(f"{name} {', '.join(f'{gap.mean:+.1f} ± {gap.half:.1f}' for gap in pairs)}")
    for ax, title in ((left, "test accuracy, %"), (right, "ahead of from scratch, points")):
        ax.set_xscale("log")
        ax.set_xticks(counts, [str(count) for count in counts])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set(xlabel="pictures of each new class", title=title)
    right.axhline(0, color=WAYS["scratch"][1], linewidth=1.5)
    right.set_ylim(-18, 19)  # room for the numbers
    left.legend(loc="lower right")
    listed = ", ".join(map(str, counts))
    return show(
        fig,
        f"Mean test accuracy in % on five new classes at {listed} pictures of each: {'; '.join(words)}. At 10 "
        f"pictures, fine-tuned minus frozen features: {lead.mean:+.1f} ± {lead.half:.1f} points. Right, points "
        f"ahead of from scratch on the same pictures, with 95 % intervals: {'; '.join(gaps)}.",
    )


def error_against_passes(errors: Mapping[tuple[int, int], float]) -> Picture:
    """(networks, crops) -> top-5 error in %, against the passes that an image takes: a line per number of networks."""
    style()
    fig, ax = plt.subplots(figsize=(7.4, 3.6))
    words = []
    for networks, colour, up in ((1, BLUE, 10), (7, VERMILLION, -16)):
        each = {crops: error for (count, crops), error in errors.items() if count == networks}
        name = {1: "one network", 7: "seven networks"}[networks]
        ax.plot([networks * crops for crops in each], list(each.values()), "o-", color=colour, label=name)
        for crops, error in each.items():
            said = f"{crops} crop{'s' * (crops > 1)}: {error:.2f}"
            put: Any = {"textcoords": "offset points", "ha": "center", "fontsize": 9.5}
            ax.annotate(said, (networks * crops, error), (14 if networks == 1 else -4, up), **put)
        words.append(f"{name}: {', '.join(f'{networks * crops} {error:.2f}' for crops, error in each.items())}")
    ax.set(xscale="log", xlim=(0.7, 2200), ylim=(5.8, 11), xlabel="passes per image", ylabel="top-5 error, %")
    ax.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1,000"])
    ax.legend(loc="upper right")
    return show(fig, f"GoogLeNet's top-5 error in % against passes per image, on a log scale. {'; '.join(words)}.")


def garments(rows: Mapping[str, Tensor]) -> Picture:
    """Rows of as many pictures (N, 1, H, W) each, named on the left."""
    style()
    bands = [torch.cat([F.pad(image[0], (1, 1, 1, 1), value=WHITE) for image in images], 1) for images in rows.values()]
    fig, ax = plt.subplots(figsize=(7.4, 7.4 * 0.8 * sum(map(len, bands)) / bands[0].shape[1]))
    ax.imshow(torch.cat(bands).numpy(), cmap="gray", vmin=BLACK, vmax=WHITE)
    high = len(bands[0])
    ax.set_yticks([high * (row + 0.5) for row in range(len(rows))], list(rows))
    ax.set_xticks([])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    return show(fig, f"Rows of the same {len(next(iter(rows.values())))} pictures: {'; '.join(rows)}.")


def merged(kernels: Mapping[str, Tensor]) -> Picture:
    """3x3 kernels side by side, the last of which is the sum of the others, with their values."""
    style()
    fig, axes = plt.subplots(1, len(kernels), figsize=(8, 2.3))
    most = max(kernel.abs().max().item() for kernel in kernels.values())
    for place, (ax, (name, kernel)) in enumerate(zip(axes, kernels.items(), strict=True)):
        for y, x in product(range(3), range(3)):
            value = kernel[y, x].item()
            colour = BLUE if value > 0 else VERMILLION
            ax.add_patch(Rectangle((x, y), 1, 1, facecolor=colour, alpha=0.6 * abs(value) / most))
            ax.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=INK_BOTH, linewidth=0.8))
            said = f"{round(value, 3) + 0.0:.3f}".replace("-", "\N{MINUS SIGN}") if value else "0"
            ax.text(x + 0.5, y + 0.5, said, ha="center", va="center", fontsize=9)
        ax.set(xlim=(-0.75, 3.05), ylim=(3.05, -0.6), aspect="equal")
        ax.text(1.5, -0.3, name, ha="center", va="center", weight="bold")
        ax.text(-0.42, 1.5, ("", *"+" * (len(kernels) - 2), "=")[place], ha="center", va="center", fontsize=15)
        ax.axis("off")
    listed = "; ".join(f"{name} {[round(v, 3) + 0.0 for v in k.flatten().tolist()]}" for name, k in kernels.items())
    return show(fig, f"3x3 kernels, row by row, of which the last is the sum of the others: {listed}.")


def control(record: Mapping[str, Any]) -> Picture:
    """Accuracy at ten pictures of each new class, a line per draw: the three ways, and untrained features."""
    style()
    fig, ax = plt.subplots(figsize=(7.4, 3.4))
    arms = {"random": ("untrained features,\nfrozen", INK_BOTH)}
    arms |= {
        arm: (f"trained features,\n{name.removesuffix(' features')}", colour) for arm, (name, colour) in WAYS.items()
    }
    arms["scratch"] = WAYS["scratch"]
    order = ("random", "frozen", "scratch", "tuned")
    runs = [[100 * score for score in by_seed(dict(record), f"{arm}, 10")] for arm in order]
    for draw in zip(*runs, strict=True):
        ax.plot(range(4), draw, color=INK_BOTH, linewidth=1, alpha=0.6)
    words = []
    for place, (arm, scores) in enumerate(zip(order, runs, strict=True)):
        name, colour = arms[arm]
        ax.plot([place] * len(scores), scores, "o", color=colour, markersize=6)
        ax.text(place + 0.1, fmean(scores), f"{fmean(scores):.1f}", va="center", fontsize=10.5, weight="bold")
        words.append(f"{' '.join(name.split())} {min(scores):.1f} to {max(scores):.1f}, mean {fmean(scores):.1f}")
    ax.set_xticks(range(4), [arms[arm][0] for arm in order])
    ax.set(xlim=(-0.4, 3.5), ylim=(60, 92), ylabel="test accuracy, %")
    rises = sum(after > before for before, after in zip(*runs[:2], strict=True))
    return show(
        fig,
        "Test accuracy in % on five new classes at ten pictures of each, a line per draw, with the mean of each way: "
        f"{'; '.join(words)}. From untrained to trained frozen features {rises} of {len(runs[0])} lines rise.",
    )


def three_ways() -> Picture:
    """Which layers stay, which go on learning and which begin at random, in each of the three ways."""
    style()
    fig, ax = plt.subplots(figsize=(8, 2.3))
    parts = [("stem", 1.3), ("block 3a", 1.3), ("block 4a", 1.3), ("block 5a", 1.3), ("new last layer", 1.7)]
    stays, learns, new = (
        ("stays as it was", BLUE),
        ("old weights, goes on learning", GREEN),
        ("random start", VERMILLION),
    )
    rows = {"frozen features": [stays] * 4 + [new], "fine-tuned": [learns] * 4 + [new], "from scratch": [new] * 5}
    for row, (way, looks) in enumerate(rows.items()):
        x = 0.0
        for (part, width), (_, colour) in zip(parts, looks, strict=True):
            hatch = "//" if colour == BLUE else None
            ax.add_patch(Rectangle((x, row), width, 0.68, facecolor=colour, alpha=0.3, hatch=hatch))
            ax.text(x + width / 2, row + 0.34, part, ha="center", va="center", fontsize=9.5)
            x += width + 0.12
        ax.text(-0.15, row + 0.34, way, ha="right", va="center", fontsize=10.5, weight="bold")
    for column, (name, colour) in enumerate((stays, learns, new)):
        at = (0, 1.9, 5.3)[column]
        hatch = "//" if colour == BLUE else None
        ax.add_patch(Rectangle((at, 3.15), 0.3, 0.32, facecolor=colour, alpha=0.3, hatch=hatch))
        ax.text(at + 0.4, 3.31, name, va="center", fontsize=9.5)
    ax.set(xlim=(-1.9, 7.7), ylim=(3.6, -0.1))
    ax.axis("off")
    return show(
        fig,
        "The small network three times, its stem, three blocks and a new last layer in a row. Frozen features: all but "
        "the last layer stay as they were. Fine-tuned: they go on learning from their old weights. From scratch: they "
        "begin at random. The last layer begins at random each time.",
    )


def bridge(theirs: str, mine: str) -> Picture:
    """How a name of a released file becomes a name of the reader's class, piece by piece: both with "|" between pieces.

    Raises ValueError if the two have not as many pieces.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 1.7))
    x = 0.0
    for number, (above, below) in enumerate(zip(theirs.split("|"), mine.split("|"), strict=True)):
        width = 0.17 * max(len(above), len(below)) + 0.2
        colour = INK_BOTH if above == below else CYCLE[number % len(CYCLE)]
        for y, text in ((0, above), (1.5, below or '""')):
            ax.add_patch(Rectangle((x, y), width, 0.7, facecolor=colour, alpha=0.15 if above == below else 0.3))
            ax.text(x + width / 2, y + 0.36, text, ha="center", va="center", family="monospace", fontsize=11)
        if above != below:
            ax.annotate(
                "", (x + width / 2, 1.46), (x + width / 2, 0.74), arrowprops={"arrowstyle": "->", "color": colour}
            )
        x += width + 0.08
    ax.text(-0.15, 0.36, "in the file", ha="right", va="center")
    ax.text(-0.15, 1.86, "in your class", ha="right", va="center")
    ax.set(xlim=(-2.2, x), ylim=(2.3, -0.1))
    ax.axis("off")
    changed = [f"“{a}” becomes “{b}”" for a, b in zip(theirs.split("|"), mine.split("|"), strict=True) if a != b]
    both = f"{theirs.replace('|', '')} above {mine.replace('|', '')}"
    return show(fig, f"A name of the file and its name in your class, {both}, piece by piece: {', '.join(changed)}.")
