"""Chapter 07: the figures of the Inception-v4 paper redrawn as they are printed, V3's blocks under V4's, side roads."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from ...bricks import Concat
from ...family import build
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BLUE_BOTH, GREEN, INK_BOTH, KINDS, ORANGE, VERMILLION
from ...tracing import Node, trace

Box = str
"""Kernel, then what it makes: "3x3 96", "3x3 96 /2 V", "max 3x3 /2 V"."""
Branch = Sequence[Box | tuple[Box, Box]]
"""Boxes from the input on; a pair is a fork whose ends are both joined."""
Stage = Sequence[Branch]
"""Branches side by side; where there are several, they are joined on channels."""

A: Stage = (["1x1 96"], ["1x1 64", "3x3 96"], ["1x1 64", "3x3 96", "3x3 96"], ["avg 3x3", "1x1 96"])
B: Stage = (
    ["1x1 384"],
    ["1x1 192", "1x7 224", "1x7 256"],
    ["1x1 192", "1x7 192", "7x1 224", "1x7 224", "7x1 256"],
    ["avg 3x3", "1x1 128"],
)
C: Stage = (
    ["1x1 256"],
    ["1x1 384", ("1x3 256", "3x1 256")],
    ["1x1 384", "1x3 448", "3x1 512", ("1x3 256", "3x1 256")],
    ["avg 3x3", "1x1 256"],
)
STEM: Sequence[Stage] = (
    (["3x3 32 /2 V", "3x3 32 V", "3x3 64"],),
    (["max 3x3 /2 V"], ["3x3 96 /2 V"]),
    (["1x1 64", "3x3 96 V"], ["1x1 64", "7x1 64", "1x7 64", "3x3 96 V"]),
    (["3x3 192 V"], ["max 3x3 /2 V"]),
)
REDUCTION_A: Stage = (["3x3 n /2 V"], ["1x1 k", "3x3 l", "3x3 m /2 V"], ["max 3x3 /2 V"])
REDUCTION_B: Stage = (
    ["1x1 192", "3x3 192 /2 V"],
    ["1x1 256", "1x7 256", "7x1 320", "3x3 320 /2 V"],
    ["max 3x3 /2 V"],
)
RELEASED: Mapping[str, tuple[Branch, Branch]] = {
    "block B, branch 2": (B[1], ["1x1 192", "1x7 224", "7x1 256"]),
    "block B, branch 3": (B[2], ["1x1 192", "7x1 192", "1x7 224", "7x1 224", "1x7 256"]),
    "block C, branch 3": (C[2], ["1x1 384", "3x1 448", "1x3 512", ("1x3 256", "3x1 256")]),
    "stem, branch 2": (STEM[2][1], ["1x1 64", "1x7 64", "7x1 64", "3x3 96 V"]),
}
"""The branches whose kernels the authors' code has otherwise: as printed, and as released."""
WIDTHS = dict(zip("klmn", (192, 224, 256, 384), strict=True))
"""V4's row of the paper's Table 1: the letters of reduction A."""


def _words(box: Box) -> str:
    """On two lines: what it is, and what it makes."""
    kernel, width, *marks = box.split()
    width = f"${width}$" if width in WIDTHS else width  # an italic l is no bar
    if kernel in ("max", "avg"):
        return "\n".join(filter(None, [f"{kernel} {width}", " ".join(marks)]))
    return "\n".join([kernel, " ".join([width, *marks])])


def _box(ax: Axes, x: float, y: float, width: float, words: str, kind: str) -> None:
    colour = KINDS[kind]
    ax.add_patch(Rectangle((x - width / 2, y), width, 0.62, facecolor=colour, alpha=0.4, edgecolor=INK_BOTH))
    ax.text(x, y + 0.31, words, ha="center", va="center", fontsize=10, linespacing=1.05)


def _line(ax: Axes, *points: tuple[float, float]) -> None:
    ax.plot(*zip(*points, strict=True), color=INK_BOTH, linewidth=0.9, solid_capstyle="round")


def _branch(ax: Axes, branch: Branch, x: float, top: float, bottom: float) -> None:
    """The boxes of a branch in a column, with lines from `top` through them to `bottom`."""
    y = top
    for place, box in enumerate(branch):
        row = top + 0.25 + place
        pair = box if isinstance(box, tuple) else (box,)
        if len(pair) == 2:
            _line(ax, (x, y), (x, row - 0.15))
            _line(ax, (x - 0.23, row - 0.15), (x + 0.23, row - 0.15))
        for each, words in enumerate(pair):
            at = x if len(pair) == 1 else x - 0.23 + 0.46 * each
            _line(ax, (at, y if len(pair) == 1 else row - 0.15), (at, row))
            kind = "pool" if words.startswith(("max", "avg")) else "conv"
            _box(ax, at, row, 0.84 if len(pair) == 1 else 0.43, _words(words), kind)
            if place == len(branch) - 1:
                _line(ax, (at, row + 0.62), (at, bottom))
        y = row + 0.62


def _stage(ax: Axes, stage: Stage, top: float, joined: str) -> float:
    """One stage under the input line at `top`; returns where the next may begin. Lengths are in rows; y grows down."""
    rows = max(len(branch) for branch in stage)
    bottom = top + rows + 0.3 * (len(stage) > 1)
    columns = [place - (len(stage) - 1) / 2 for place in range(len(stage))]
    if len(stage) > 1:
        _line(ax, (columns[0], top), (columns[-1], top))
    for x, branch in zip(columns, stage, strict=True):
        _branch(ax, branch, x, top, bottom)
    if len(stage) == 1:
        return bottom
    ax.add_patch(
        Rectangle(
            (columns[0] - 0.42, bottom),
            len(stage) - 0.16,
            0.42,
            facecolor=KINDS["concat"],
            alpha=0.4,
            edgecolor=INK_BOTH,
        )
    )
    ax.text(0, bottom + 0.21, joined, ha="center", va="center", fontsize=9.5)
    return bottom + 0.42


def _panel(ax: Axes, title: str, given: str, stages: Sequence[Stage], joined: Sequence[str]) -> None:
    ax.text(0, -0.3, given, ha="center", va="bottom", fontsize=9.5)
    _line(ax, (0, -0.25), (0, 0))
    y = 0.0
    for number, (stage, words) in enumerate(zip(stages, joined, strict=True)):
        if number:
            _line(ax, (0, y), (0, y + 0.25))
            y += 0.25
        y = _stage(ax, stage, y, words)
    wide = max(len(stage) for stage in stages)
    ax.set(xlim=(-wide / 2 - 0.05, wide / 2 + 0.05), title=title)
    ax.axis("off")


def _spoken(stage: Stage) -> str:
    return "; ".join(
        " then ".join(" beside ".join(box) if isinstance(box, tuple) else box for box in branch) for branch in stage
    )


def blocks_as_printed() -> Picture:
    """Blocks A, B and C of Figs. 4, 5 and 6, box by box as the paper prints them."""
    style()
    fig, axes = plt.subplots(1, 3, figsize=(11, 4.9))
    panels = (
        ("block A, four times", 384, 35, A),
        ("block B, seven times", 1024, 17, B),
        ("block C, three times", 1536, 8, C),
    )
    for ax, (title, channels, grid, stage) in zip(axes, panels, strict=True):
        where = f"{channels} channels on {grid}x{grid}"
        _panel(ax, title, where, [stage], [f"joined: {where}"])
        ax.set_ylim(6.0, -0.7)
    return show(
        fig,
        "The three blocks of Inception-v4 as printed, four branches each, separated here by semicolons. "
        f"A: {_spoken(A)}. B: {_spoken(B)}. C: {_spoken(C)}. The branches of a block are joined on channels.",
    )


def printed_and_released() -> Picture:
    """The branches of `RELEASED`, each as printed beside the authors' code; the boxes that differ have a thick edge."""
    style()
    fig, axes = plt.subplots(1, len(RELEASED), figsize=(10, 4.5))
    for ax, (title, pair) in zip(axes, RELEASED.items(), strict=True):
        for x, (branch, words) in enumerate(zip(pair, ("printed", "released"), strict=True)):
            ax.text(x, -0.1, words, ha="center", va="bottom", fontsize=10)
            _branch(ax, branch, x, 0, len(branch) + 0.1)
            for y in [y for y, boxes in enumerate(zip(*pair, strict=True)) if len(set(boxes)) > 1]:
                edge = Rectangle((x - 0.42, y + 0.25), 0.84, 0.62, fill=False, edgecolor=VERMILLION, linewidth=3)
                ax.add_patch(edge)
        ax.set(xlim=(-0.5, 1.5), ylim=(5.2, -0.5), title=title)
        ax.axis("off")
    spoken = [f"{title}: {_spoken([a])} as printed, {_spoken([b])} as released" for title, (a, b) in RELEASED.items()]
    return show(
        fig, f"Four branches as printed and as released; the boxes that differ are marked. {'; '.join(spoken)}."
    )


def grids_as_printed() -> Picture:
    """The stem and both reductions of Figs. 3, 7 and 8, box by box as the paper prints them."""
    style()
    fig, axes = plt.subplots(1, 4, figsize=(11.6, 5.3), width_ratios=(2.4, 2.4, 3, 3))
    joined = "", *(f"joined: {width} channels on {side}x{side}" for width, side in ((160, 73), (192, 71), (384, 35)))
    _panel(axes[0], "stem", "3 channels on 299x299", STEM[:2], joined[:2])
    _panel(axes[1], "stem, continued", "160 channels on 73x73", STEM[2:], joined[2:])
    _panel(axes[2], "reduction A", "384 channels on 35x35", [REDUCTION_A], ["joined: 1024 channels on 17x17"])
    _panel(axes[3], "reduction B", "1024 channels on 17x17", [REDUCTION_B], ["joined: 1536 channels on 8x8"])
    first, second = (", ".join(f"${letter}$ = {WIDTHS[letter]}" for letter in pair) for pair in ("kl", "mn"))
    axes[2].text(0, 4.0, f"V4 has {first},\n{second}", ha="center", va="top", fontsize=10)
    for ax in axes:
        ax.set_ylim(7.2, -0.7)
    stem = ". ".join(_spoken(stage) for stage in STEM)
    return show(
        fig,
        "The parts of Inception-v4 that make the grid smaller, as printed; branches separated by semicolons. "
        f"Stem, in four stages: {stem}. Reduction A: {_spoken(REDUCTION_A)}; "
        f"V4 has {first}, {second}. Reduction B: {_spoken(REDUCTION_B)}. "
        "/2 is stride 2, V is no padding.",
    )


def v3_and_v4() -> Picture:
    """V3's and V4's blocks in a row, as high as they have output channels; equal names are equal blocks."""
    with torch.device("meta"):
        nodes = [trace(build(name), (3, 299, 299)) for name in ("inception_v3", "inception_v4")]
    style()
    fig, axes = plt.subplots(len(nodes), 1, figsize=(9.5, 4.4), sharex=True, sharey=True)
    fills = {side: to_rgba(colour, 0.5) for side, colour in ((35, BLUE), (17, GREEN), (8, ORANGE))}
    shrinking = to_rgba(INK_BOTH, 0.4)
    described = []
    for ax, title, node, names, reductions in zip(
        axes,
        ("Inception V3", "Inception V4"),
        nodes,
        (("A1", "A2", "A3", "B1", "B2", "B3", "C1", "C2"), "ABC"),
        (("", ""), ("reduction A", "reduction B")),
        strict=True,
    ):
        named: dict[tuple[int, int], str] = {}
        shrink = iter(reductions)
        spoken, x = [], 0.0
        for part in node.children:
            if not isinstance(part.form, Concat) or part.input.height not in fills:
                continue
            side, channels, same = (
                part.output.height,
                part.output.channels,
                part.input.shape[1:] == part.output.shape[1:],
            )
            kind = (side, part.params)
            if same and kind not in named:
                named[kind] = names[len(named)]
            name = named[kind] if same else next(shrink)
            fill = fills[side] if same else shrinking
            ax.add_patch(Rectangle((x, 0), 0.86, channels, facecolor=fill, edgecolor=INK_BOTH))
            look = {"fontsize": 11} if same else {"fontsize": 9, "rotation": 90}
            ax.text(x + 0.43, channels / 2, name, ha="center", va="center", **look)
            spoken.append(f"{name or 'a reduction'} {channels} channels on {side}x{side}")
            x += 1
        ax.set(ylabel="channels out", ylim=(0, 2300), title=f"{title}: {len(named)} different blocks")
        ax.set(xticks=[])
        ax.grid(visible=False)
        described.append(f"{title}: {', '.join(spoken)}")
    handles = [Rectangle((0, 0), 1, 1, facecolor=fill, edgecolor=INK_BOTH) for fill in (*fills.values(), shrinking)]
    labels = [*(f"on {side}x{side}" for side in fills), "makes the grid smaller"]
    axes[0].legend(handles, labels, loc="upper left", fontsize=8, ncols=2)
    axes[-1].set_xlim(-0.2, 17.2)
    return show(fig, f"Blocks in a row; blocks of one name are equal. {'. '.join(described)}.")


def corner() -> Picture:
    """A 3x3 average pool at the corner of a map of ones: its window with the padding, and both ways to average."""
    style()
    fig, ax = plt.subplots(figsize=(5.4, 2.6))
    for row in range(5):
        for column in range(5):
            inside = 0 < row < 4 and 0 < column < 4
            look = {"facecolor": to_rgba(BLUE, 0.3)} if inside else {"fill": False, "linestyle": ":"}
            ax.add_patch(Rectangle((column, -row), 1, 1, edgecolor=INK_BOTH, **look))
            ax.text(column + 0.5, 0.5 - row, f"{int(inside)}", ha="center", va="center", fontsize=11)
    ax.add_patch(Rectangle((0, -2), 3, 3, fill=False, edgecolor=ORANGE, linewidth=3))
    ax.text(6, -0.4, "zeros counted (PyTorch):\n4 / 9 = 0.44", va="center", fontsize=11)
    ax.text(6, -2.3, "zeros left out (TensorFlow):\n4 / 4 = 1", va="center", fontsize=11)
    ax.set(xlim=(-0.2, 12.6), ylim=(-4.2, 1.2), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        "A map of 3x3 ones with a border of zeros. The 3x3 window at its corner holds four ones and five zeros. With "
        "the zeros counted, as in PyTorch, their average is 4/9 = 0.44; left out, as in TensorFlow, it is 4/4 = 1.",
    )


def shares(node: Node) -> Picture:
    """Where V4's parameters, MACs and written values are: three bars of 100 %, in stages."""
    starts = {"stem": ("conv", "mixed"), "A": ("inception_a",), "reduction A": ("reduction_a",)}
    starts |= {"B": ("inception_b",), "reduction B": ("reduction_b",), "C": ("inception_c",)}
    starts |= {"classifier": ("classifier",)}
    whole = {"parameters": node.params, "MACs": node.macs, "values written": node.activations}
    style()
    fig, ax = plt.subplots(figsize=(8, 2.6))
    left, spoken = [0.0] * 3, []
    looks = zip(
        (VERMILLION, BLUE, INK_BOTH, GREEN, INK_BOTH, ORANGE, INK_BOTH),
        (0.6, 0.6, 0.2, 0.6, 0.35, 0.6, 0.5),
        strict=True,
    )
    for (stage, first), (colour, alpha) in zip(starts.items(), looks, strict=True):
        parts = [part for part in node.children if part.name.startswith(first)]
        sums = (sum(p.params for p in parts), sum(p.macs for p in parts), sum(p.activations for p in parts))
        percent = [100 * s / total for s, total in zip(sums, whole.values(), strict=True)]
        ax.barh(range(3), percent, left=left, label=stage, color=colour, alpha=alpha, edgecolor=INK_BOTH)
        for row, share in enumerate(percent):
            if share > 9 or (share > 7 and len(stage) < 5):
                ax.text(left[row] + share / 2, row, f"{stage}\n{share:.0f}", ha="center", va="center", fontsize=8)
        left = [a + b for a, b in zip(left, percent, strict=True)]
        spoken.append(f"{stage} {', '.join(f'{share:.0f}' for share in percent)}")
    ax.set(yticks=range(3), yticklabels=list(whole), xlabel="% of the network", xlim=(0, 100))
    ax.invert_yaxis()
    ax.grid(visible=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=7, fontsize=8, columnspacing=1, handlelength=1.2)
    return show(fig, f"Percent of V4's parameters, MACs and values written: {'; '.join(spoken)}.")


def relative_times(runs: Iterable[Mapping[str, Mapping[str, float]]], macs: Mapping[str, float]) -> Picture:
    """Recorded times, run -> batch -> network -> ms, each divided by the first network's in the same run.

    `macs` is network -> MACs; a hollow diamond shows where the time would be if it went with them.
    """
    recorded = list(runs)
    batches = list(recorded[0])
    style()
    fig, axes = plt.subplots(1, len(batches), figsize=(8.5, 2.8), sharey=True)
    spoken = []
    for ax, batch in zip(axes, reversed(batches), strict=True):
        first, *_ = arms = list(recorded[0][batch])
        for row, arm in enumerate(arms):
            ratios = sorted(run[batch][arm] / run[batch][first] for run in recorded)
            middle = median(ratios)
            ax.plot(ratios, [row] * len(ratios), "o", color=BLUE_BOTH, alpha=0.7)
            ax.plot([middle] * 2, [row - 0.25, row + 0.25], color=BLUE_BOTH, linewidth=2)
            ax.plot(macs[arm] / macs[first], row, "D", markerfacecolor="none", markeredgecolor=INK_BOTH, markersize=9)
            ax.text(middle, row - 0.3, f"{middle:.1f}", ha="center", va="bottom", fontsize=9)
            spoken.append(f"{arm}, {batch}: {ratios[0]:.1f} to {ratios[-1]:.1f}, median {middle:.1f}")
        ax.set(title=batch, xlabel=f"time, in multiples of {first}'s", yticks=range(len(arms)), yticklabels=arms)
        ax.set(xlim=(0, 1.1 * max(max(line.get_xdata()) for line in ax.lines)), ylim=(len(arms) - 0.6, -0.9))
        ax.grid(visible=False, axis="y")
    handles = [
        Line2D([], [], marker="o", color=BLUE_BOTH, linestyle="", label="one process"),
        Line2D([], [], marker="|", color=BLUE_BOTH, linestyle="", markersize=11, markeredgewidth=2, label="median"),
        Line2D([], [], marker="D", color=INK_BOTH, linestyle="", markerfacecolor="none", label="if time = MACs"),
    ]
    fig.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3, fontsize=9)
    return show(fig, f"Time of a forward pass, in multiples of the first network's. {'; '.join(spoken)}.")


def routes(depths: Mapping[str, tuple[int, int]]) -> Picture:
    """Network -> (layers on its shortest route, layers on its longest): a bar from one to the other."""
    style()
    fig, ax = plt.subplots(figsize=(7, 0.6 + 0.5 * len(depths)))
    for row, (shortest, longest) in enumerate(depths.values()):
        ax.barh(row, longest - shortest, 0.5, shortest, color=BLUE_BOTH, alpha=0.6)
        ax.text(shortest - 2, row, f"{shortest}", ha="right", va="center", fontsize=10)
        ax.text(longest + 2, row, f"{longest}", va="center", fontsize=10)
    ax.set(xlabel="layers with weights", yticks=range(len(depths)), yticklabels=list(depths))
    ax.set(xlim=(-6, 1.1 * max(longest for _, longest in depths.values())), ylim=(len(depths) - 0.5, -0.5))
    ax.grid(visible=False, axis="y")
    spoken = "; ".join(f"{name} {shortest} to {longest}" for name, (shortest, longest) in depths.items())
    return show(fig, f"Layers with weights, from the shortest route to the longest: {spoken}.")


def same_width(found: Iterable[tuple[int, int]], true: tuple[int, int]) -> Picture:
    """Settings as dots at (parameters, MACs), near the parameters of `true`; those with exactly these are named."""
    every = list(found)
    twins = sorted({each for each in every if each[0] == true[0]})
    near = [each for each in every if abs(each[0] / true[0] - 1) < 0.03]
    style()
    fig, ax = plt.subplots(figsize=(7, 3.6))
    params, macs = zip(*near, strict=True)
    ax.axvline(true[0] / 1e6, color=INK_BOTH, linewidth=1)
    ax.plot([n / 1e6 for n in params], [n / 1e9 for n in macs], "o", color=BLUE_BOTH, markersize=3, alpha=0.6)
    for twin in twins:
        at, name = (twin[0] / 1e6, twin[1] / 1e9), "V4" if twin == true else "the twin"
        ax.plot(*at, "o", color=VERMILLION, markersize=8)
        arrow = {"arrowstyle": "-", "color": INK_BOTH, "shrinkB": 5}
        ax.annotate(name, at, (1.035 * true[0] / 1e6, at[1]), va="center", arrowprops=arrow, annotation_clip=False)
    ax.set(xlabel="parameters (millions)", ylabel="billion MACs")
    ax.set_xlim(0.97 * true[0] / 1e6, 1.03 * true[0] / 1e6)
    return show(
        fig,
        f"{len(every):,} settings of one output width as dots, parameters across and MACs up. {len(twins)} have "
        f"{true[0]:,} parameters: {' and '.join(f'{twin[1] / 1e9:.2f} billion MACs' for twin in twins)}.",
    )
