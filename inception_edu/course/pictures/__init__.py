"""The drawings of the chapters that take more lines than the idea they show: one module per chapter.

Each function returns a `Picture` with its description. What several chapters draw is here.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate, cycle
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import ConnectionPatch, Rectangle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter
from torch import Tensor

from ...arithmetic import Pair
from ...data.fashion import to_pixels
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BLUE_BOTH, CYCLE, GREEN, INK_BOTH, ORANGE
from ..canvas import HEIGHT, SIDE, WIDTH, Found
from ..records import paired


def draw_canvas(canvas: Tensor, found: Sequence[Found] = ()) -> Picture:
    """The canvas with a frame and a name around each garment found."""
    style()
    fig, ax = plt.subplots(figsize=(7, 4.4))
    ax.imshow(to_pixels(canvas)[0, 0].numpy(), cmap="gray", vmin=0, vmax=255)
    for number, each in enumerate(found):
        colour = CYCLE[number % len(CYCLE)]
        ax.add_patch(
            Rectangle((each.left - 0.5, each.top - 0.5), SIDE, SIDE, fill=False, edgecolor=colour, linewidth=2)
        )
        words, place = f"{each.name} {each.probability:.0%}", (each.left + 0.5, each.top - 1)
        if each.top < 8:  # no room above
            place = each.left + 0.5, each.top + SIDE + 6
        ax.text(*place, words, color="white", fontsize=9, va="bottom")
    ax.axis("off")
    names = ", ".join(f"{each.name} ({each.probability:.0%})" for each in found) or "nothing"
    return show(
        fig, f"A black canvas of {WIDTH}x{HEIGHT} pixels with garments. The network finds, left to right: {names}."
    )


def two_kernels(first: Pair, second: Pair) -> Picture:
    """What one value sees after two convolutions of odd kernels, (height, width), as three maps of cells."""
    style()
    seen = first[0] + second[0] - 1, first[1] + second[1] - 1
    high, wide = (max(5, length + 2) for length in seen)
    names = ["x".join(map(str, kernel)) for kernel in (first, second, seen)]
    order = ("first ", "second ") if first == second else ("", "")
    titles = (
        f"the input: {names[2]} cells are seen",
        f"after the {order[0]}{names[0]}: {second[0] * second[1]} values are read",
        f"after the {order[1]}{names[1]}: one value",
    )
    fig, axes = plt.subplots(1, 3, figsize=(9, 0.5 + 2.8 * high / wide))
    for ax, title in zip(axes, titles, strict=True):
        for n in range(max(high, wide) + 1):
            if n <= wide:
                ax.plot([n, n], [0, high], color=INK_BOTH, linewidth=0.5)
            if n <= high:
                ax.plot([0, wide], [n, n], color=INK_BOTH, linewidth=0.5)
        ax.set(xlim=(-0.3, wide + 0.3), ylim=(high + 0.3, -0.3), aspect="equal")
        ax.set_title(title, fontsize=10, fontweight="normal", loc="center")
        ax.axis("off")
    last = high // 2, wide // 2
    # One of the values that the last one reads.
    one = last[0] - min(1, second[0] // 2), last[1] - min(1, second[1] // 2)
    for ax, (row, column), (height, width), colour, alpha in (
        (axes[0], last, seen, GREEN, 0.3),
        (axes[0], one, first, ORANGE, 0.8),
        (axes[1], last, second, GREEN, 0.6),
        (axes[1], one, (1, 1), ORANGE, 0.9),
        (axes[2], last, (1, 1), BLUE, 0.9),
    ):
        corner = column - width // 2, row - height // 2
        ax.add_patch(Rectangle(corner, width, height, facecolor=colour, alpha=alpha, edgecolor="none"))
    for left, right, (row, column), (height, width), colour in (
        (axes[0], axes[1], one, first, ORANGE),
        (axes[1], axes[2], last, second, GREEN),
    ):
        for below in (0, 1):  # from the right corners of what is read to the left corners of what reads it
            start = column + width // 2 + 1, row + (height // 2 + 1 if below else -(height // 2))
            link = ConnectionPatch(
                start, (column, row + below), "data", "data", axesA=left, axesB=right, color=colour, linewidth=1
            )
            fig.add_artist(link)
    return show(
        fig,
        f"Three maps of {high}x{wide} cells. One value of the last map reads {names[1]} values of the middle map. "
        f"Each of those reads {names[0]} cells of the input. Together they see {names[2]} cells.",
    )


def loss_curves(
    record: Mapping[str, Any],
    arms: Mapping[str, str],
    *,
    what: str = "losses",
    x: str = "pass over the training images",
    y: str = "training loss (nats)",
    colours: Sequence[str] = CYCLE,
    level_of: str | None = None,
    dashed: Sequence[str] = (),
    scale: str = "linear",
) -> Picture:
    """The losses of a recorded experiment's arms, pass by pass: every seed thin, their mean thick, named at its end.

    `arms` are the names in the record -> the names for readers; runs of an arm are "arm/0", "arm/1" and so on.
    `colours` are those of the arms, in their order, from the start again after the last; `dashed` are the arms whose
    mean is a dashed line. A dotted line is drawn where the mean of the arm `level_of` ends. `scale` is the y axis's:
    "linear" or "log".
    """
    style()
    fig, ax = plt.subplots(figsize=(7, 3.4))
    words, ends = [], {}
    for (arm, name), colour in zip(arms.items(), cycle(colours), strict=False):
        runs = [run[what] for key, run in record["runs"].items() if key.rpartition("/")[0] == arm]
        mean = [fmean(at) for at in zip(*runs, strict=True)]
        passes = range(1, len(mean) + 1)
        for run in runs:
            ax.plot(passes, run, color=colour, linewidth=0.6, alpha=0.35)
        ax.plot(passes, mean, "--" if arm in dashed else "-", color=colour, linewidth=2)
        ends[name] = mean[-1], colour
        if arm == level_of:
            ax.plot([passes[0], passes[-1]], [mean[-1]] * 2, ":", color=INK_BOTH, linewidth=1)
        words.append(f"{name} from {mean[0]:.2f} to {mean[-1]:.2f}, {len(runs)} seeds")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel=x, ylabel=y, yscale=scale)
    if scale == "log":
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        ax.yaxis.set_minor_locator(NullLocator())
    name_ends(ax, passes[-1], ends)
    return show(fig, f"Mean {y.partition(' (')[0]} over {len(mean)} passes: {'; '.join(words)}.")


def name_ends(ax: Axes, x: float, ends: Mapping[str, tuple[float, str]]) -> None:
    """Writes the name of each line, name -> (height, colour), right of its end at `x`, one above the other."""
    scale = ax.yaxis.get_transform()
    low, high = scale.transform(ax.get_ylim())
    line = (high - low) * 0.07
    place = low - line
    for name, (height, colour) in sorted(ends.items(), key=lambda end: end[1][0]):
        place = max(scale.transform(height), place + line)
        ax.annotate(
            name,
            (x, scale.inverted().transform(place)),
            (6, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,  # the upper ones of several that end at the top are above the axes
        )


def bars_by_seed(
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    of_what: Sequence[str],
    colours: Sequence[str] = CYCLE,
    apart: Sequence[str] = (),
    *,
    means: bool = False,
) -> tuple[Figure, list[Axes], str]:
    """Panels side by side with a bar for the mean of each arm and a dot for each seed; and their means in words.

    `panels` is title -> arm -> shares of 1, the same arms in each, top to bottom. `of_what` is what the words say after
    the percentages of each panel. `colours` are those of the arms, from the start again after the last. The arms
    `apart` are hatched and have a gap above them, because they do not compare like the others. With `means` the mean is
    printed in each bar, in percent.
    """
    style()
    names = list(next(iter(panels.values())))
    gaps = accumulate(0.5 * (name in apart) for name in names)
    places = [row + gap for row, gap in enumerate(gaps)]
    fig, row = plt.subplots(1, len(panels), figsize=(9, 0.5 * len(names) + 1.2), sharey=True)
    told: dict[str, list[str]] = {name: [] for name in names}
    for ax, (title, arms), what in zip(row, panels.items(), of_what, strict=True):
        for place, (name, shares), colour in zip(places, arms.items(), cycle(colours), strict=False):
            seeds = [100 * share for share in shares]
            hatch = "//" if name in apart else None
            ax.barh(place, fmean(seeds), color=colour, alpha=0.35, height=0.6, hatch=hatch)
            ax.plot(seeds, [place + (n - 4.5) / 25 for n in range(len(seeds))], ".", color=colour, markersize=5)
            if means:
                ax.text(2, place, f"{fmean(seeds):.0f}", va="center", fontsize=9)
            told[name].append(f"{fmean(seeds):.0f} % {what}")
        ax.set(title=title, xlabel="% right", xlim=(0, 104), yticks=places)
        ax.set_yticklabels(names)
        ax.grid(visible=False, axis="y")
    row[0].set_ylim(places[-1] + 0.5, -0.9)
    return fig, list(row), "; ".join(f"{name}, {' and '.join(each)}" for name, each in told.items())


def dots_by_seed(arms: Mapping[str, Sequence[float]], colours: Sequence[str] = CYCLE) -> Picture:
    """Test accuracy, name -> shares of 1 by seed: a row of dots for each arm with a line at their mean, top to bottom.

    `colours` are those of the arms, from the start again after the last.
    """
    style()
    fig, ax = plt.subplots(figsize=(7, 0.9 + 0.5 * len(arms)))
    words = []
    for row, ((name, shares), colour) in enumerate(zip(arms.items(), cycle(colours), strict=False)):
        percent = [100 * share for share in shares]
        mean = fmean(percent)
        ax.plot(percent, [row] * len(percent), "o", color=colour, alpha=0.85)
        ax.plot([mean, mean], [row - 0.3, row + 0.3], color=INK_BOTH)
        ax.annotate(f"{mean:.1f}", (max(percent), row), (9, 0), textcoords="offset points", va="center")
        words.append(f"{name}, {min(percent):.1f} to {max(percent):.1f}, mean {mean:.1f}")
    ax.set(xlabel="test images classified correctly (%)", ylim=(len(arms) - 0.5, -0.5))
    ax.set_yticks(range(len(arms)), list(arms))
    ax.margins(x=0.15)
    ax.grid(visible=False, axis="y")
    return show(fig, f"Percent of the test images right, a dot for each seed: {'; '.join(words)}.")


def differences_by_seed(
    comparisons: Mapping[str, tuple[Sequence[float], Sequence[float]]], of: str = "test"
) -> Picture:
    """Differences in points, name -> shares (first, second), with the 95 % intervals of three pairs and of all.

    `of` says which accuracy it is.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 3))
    words = []
    for row, (name, (first, second)) in enumerate(comparisons.items()):
        differences = [100 * (b - a) for a, b in zip(first, second, strict=True)]
        heights = [
            0.12 - row - 0.22 * place / len(differences) for place in range(len(differences))
        ]  # to tell equals apart
        for part, colour, label in (
            (slice(3), ORANGE, "the first 3 seeds"),
            (slice(3, None), BLUE_BOTH, "the other seeds"),
        ):
            ax.plot(differences[part], heights[part], "o", color=colour, label="" if row else label)
        parts = []
        for count, lower, colour in ((3, 0.22, ORANGE), (len(differences), 0.4, GREEN)):
            p = paired(first[:count], second[:count])
            label = "" if row else f"95 % interval of {'the first 3' if count == 3 else 'all'}"
            ax.errorbar(p.mean, -row - lower, xerr=p.half, fmt="s", color=colour, capsize=4, label=label)
            parts.append(f"{count} seeds {p.low:+.2f} to {p.high:+.2f}")
        said = name.replace("\n", " ")
        words.append(f"{said}: dots from {min(differences):+.2f} to {max(differences):+.2f}; {', '.join(parts)}")
    ax.axvline(0, color=INK_BOTH, linewidth=1, alpha=0.6)
    ax.set(yticks=[-row for row in range(len(comparisons))], yticklabels=list(comparisons))
    ax.set(xlabel=f"difference in {of} accuracy (points)", ylim=(0.3 - len(comparisons), 0.35))
    ax.grid(axis="y", visible=False)
    ax.legend(loc="upper center", bbox_to_anchor=(0.45, 1.28), ncols=2)
    return show(fig, f"Differences and the intervals of their means, in points. {'. '.join(words)}.")
