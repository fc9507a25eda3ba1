"""Chapter 01: a small network slid over an image, NIN in one row, two heads, and what a shift does to each."""

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from ...data.fashion import BLACK, CLASS_NAMES, WHITE, load_photo, to_pixels
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, CYCLE, GREEN, INK_BOTH, ORANGE, PURPLE, SKY_BLUE
from ..canvas import pictures
from ..records import by_seed

LAYERS = ((192, 8), (160, 7), (96, 5))
"""The layers of the small network: how many units it has, and how many circles are drawn for them."""


def _slide(ax: Axes, row: int, column: int, y: float, alpha: float) -> None:
    """The window around a pixel, the small network at height `y`, and the pixel of the maps that it computes."""
    window = Rectangle((column - 2, row - 2), 5, 5, fill=False, edgecolor=ORANGE, linewidth=3, alpha=alpha)
    ax.add_patch(window)
    before = [(column + 3.0, row + 0.5)]
    for place, (_, circles) in enumerate(LAYERS):
        x = 42.0 + 8 * place
        units = [(x, y + 1.7 * (number - (circles - 1) / 2)) for number in range(circles)]
        for start in before:
            for end in units:
                ax.plot(*zip(start, end, strict=True), color=INK_BOTH, linewidth=0.4, alpha=alpha, zorder=1)
        ax.plot(*zip(*units, strict=True), "o", color=ORANGE, markersize=5, alpha=alpha, zorder=2)
        before = units
    for step, unit in enumerate(reversed(before)):  # one map for each unit, and in each the same pixel
        pixel = 70 + 2.0 * step + column * 0.6, 12 - 2.0 * step + row * 0.6
        ax.plot((unit[0], pixel[0]), (unit[1], pixel[1] + 0.5), color=INK_BOTH, linewidth=0.4, alpha=alpha, zorder=1)
        ax.add_patch(Rectangle(pixel, 1.2, 1.2, facecolor=ORANGE, alpha=alpha, edgecolor="none", zorder=4))


def sliding_network() -> Picture:
    """NIN's first mlpconv: one small network of three layers, applied to the window around every pixel."""
    style()
    fig, ax = plt.subplots(figsize=(9, 3.6))
    photo = avg_pool2d(load_photo("astronaut"), 8)  # 3, 32, 32
    ax.imshow(photo.permute(1, 2, 0).numpy(), extent=(0, 32, 32, 0), interpolation="nearest")
    for step in range(5):
        ax.add_patch(
            Rectangle((70 + 2 * step, 12 - 2 * step), 19.2, 19.2, facecolor=GREEN, alpha=0.2, edgecolor=INK_BOTH)
        )
    _slide(ax, 8, 13, 8, 1.0)
    _slide(ax, 25, 20, 25, 0.5)
    for x, words in ((16, "3 x 32 x 32, window 3 x 5 x 5"), (83, "96 maps of 32 x 32")):
        ax.text(x, 36, words, ha="center", va="center", fontsize=9)
    for place, (units, _) in enumerate(LAYERS):
        ax.text(42 + 8 * place, 36, str(units), ha="center", va="center", fontsize=9)
    ax.text(50, -2.5, "the same small network", ha="center", va="center", fontsize=9)
    ax.set(xlim=(-1, 100), ylim=(38, -5), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        "A colour image of 32x32 pixels with two windows of 5x5. The pixels of each window go through the same small "
        "network with layers of 192, 160 and 96 units, and its 96 outputs are one pixel in each of 96 maps.",
    )


WINDOWS: dict[str, Sequence[tuple[int, int]]] = {
    "crossing": ((0, 1), (1, 0), (1, 1), (1, 2), (2, 1)),
    "row": ((1, 0), (1, 1), (1, 2)),
    "column": ((0, 1), (1, 1), (2, 1)),
    "dot": ((1, 1),),
}
"""The bright pixels, (row, column), of four windows of 3x3: the first is the second plus the third minus the last."""


def four_windows() -> Picture:
    """Pixel by pixel, a crossing is a row plus a column minus a dot."""
    style()
    fig, ax = plt.subplots(figsize=(6, 1.8))
    for place, ((name, bright), sign) in enumerate(zip(WINDOWS.items(), ("=", "+", "\N{MINUS SIGN}", ""), strict=True)):
        left = 5 * place
        for row in range(3):
            for column in range(3):
                face = "white" if (row, column) in bright else "black"
                ax.add_patch(Rectangle((left + column, row), 1, 1, facecolor=face, edgecolor=INK_BOTH, linewidth=1))
        ax.text(left + 1.5, 3.7, name, ha="center", va="center")
        ax.text(left + 4, 1.5, sign, ha="center", va="center", fontsize=18)
    ax.set(xlim=(-0.2, 18.2), ylim=(4.2, -0.2), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        "Four windows of 3x3 pixels as an equation: a crossing of bright pixels is a bright row plus a bright column "
        "minus a bright dot in the middle, the pixel that both share.",
    )


def _image(ax: Axes, pixels: Tensor, **options: Any) -> None:
    """Draws pixels (H, W) in grey, in a thin frame that can be seen on a light page and on a dark one."""
    ax.imshow(pixels.numpy(), cmap="gray", **options)
    _frame(ax)


def _frame(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    ax.spines[:].set(visible=True, color=INK_BOTH, linewidth=0.6)


def strokes(drawing: Tensor, rows: Tensor, columns: Tensor, answer: Tensor) -> Picture:
    """Four maps (H, W) or (1, H, W): a drawing, what two filters find in it, and what the block answers."""
    style()
    fig, axes = plt.subplots(1, 4, figsize=(9.5, 2.1))
    titles = ("the drawing", "filter: rows", "filter: columns", "mlpconv")
    for ax, title, each in zip(axes, titles, (drawing, rows, columns, answer), strict=True):
        _image(ax, each.detach().squeeze(), vmin=0, vmax=1)
        ax.set_title(title)
    return show(
        fig,
        "A drawing of two horizontal lines, two vertical lines and a dot. One filter finds the horizontal lines, the "
        "other the vertical ones, and both fire where the lines cross. The mlpconv finds all lines, has gaps at the "
        "four crossings, and ignores the dot.",
    )


STRIP = (
    (3, 32, 3, "mlpconv, 5x5\nmax pool, dropout"),
    (96, 16, 6, "mlpconv, 5x5\nmax pool, dropout"),
    (192, 8, 9, "mlpconv, 3x3"),
    (10, 8, 4, "mean\nof each map"),
)
"""NIN for CIFAR-10: maps, the side of each, how many of them are drawn, and what comes next."""


def nin_strip() -> Picture:
    """NIN from the image to the ten scores: what each mlpconv receives, with the sides of the maps at one scale."""
    style()
    fig, ax = plt.subplots(figsize=(9.5, 2.2))
    photo = avg_pool2d(load_photo("astronaut"), 8).permute(1, 2, 0).numpy()  # 32, 32, 3
    left, middle = 0.0, 16.0
    for maps, side, sheets, words in STRIP:
        size = 0.75 * side
        back = left + sheets - 1.0
        for sheet in range(sheets - 1, -1, -1):
            x, y = left + sheet, middle - size / 2 + (sheets - 1) / 2 - sheet
            if maps == 3 and sheet == 0:
                ax.imshow(photo, extent=(x, x + size, y + size, y), interpolation="nearest", zorder=3)
            else:
                ax.add_patch(Rectangle((x, y), size, size, facecolor=GREEN, edgecolor="white", linewidth=0.8))
        ax.text((left + back + size) / 2, 33, f"{maps} x {side} x {side}", ha="center", va="center", fontsize=9)
        start, left = back + size + 2, back + size + 21
        ax.annotate("", (left - 2, middle), (start, middle), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
        ax.text((start + left - 2) / 2, middle - 1.5, words, ha="center", va="bottom", fontsize=8.5)
    ax.plot([left + 1] * 10, [middle + 2.4 * (number - 4.5) for number in range(10)], "o", color=ORANGE, markersize=5)
    ax.text(left + 1, 33, "10 scores", ha="center", va="center", fontsize=9)
    ax.set(xlim=(-1, left + 7), ylim=(35, -1), aspect="equal")
    ax.axis("off")
    shapes = ", ".join(f"{maps} maps of {side}x{side}" for maps, side, *_ in STRIP[1:])
    return show(fig, f"NIN for CIFAR-10 from left to right: an image of 3x32x32, {shapes}, and 10 scores.")


CLASSES = 3, 20.0
"""How many classes, and the x at which their circles are drawn."""


def _maps(ax: Axes) -> list[list[tuple[float, float]]]:
    """Three maps of 4x4 cells, one below the other; returns the centres of their cells."""
    centres = []
    for number, colour in enumerate((BLUE, GREEN, PURPLE)):
        top = 6.0 * number
        cells = [(column, top + row) for row in range(4) for column in range(4)]
        for cell in cells:
            ax.add_patch(Rectangle(cell, 1, 1, facecolor=colour, alpha=0.45, edgecolor=INK_BOTH, linewidth=0.6))
        centres.append([(x + 0.5, y + 0.5) for x, y in cells])
    return centres


def two_heads() -> Picture:
    """A fully connected head beside global average pooling, on three maps of 4x4 and three classes."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9.5, 4))
    classes, right = CLASSES
    outputs = [(right, 6.0 * number + 2) for number in range(classes)]
    lines = 0
    for ax, head in zip(axes, ("fully connected", "global average pooling"), strict=True):
        for cells, colour, output in zip(_maps(ax), (BLUE, GREEN, PURPLE), outputs, strict=True):
            if head == "fully connected":
                for cell in cells:
                    for end in outputs:
                        ax.plot(*zip(cell, end, strict=True), color=colour, linewidth=0.35, alpha=0.8)
                        lines += 1
            else:
                ax.plot((4.4, right), (output[1], output[1]), color=colour, linewidth=2)
                ax.text(12, output[1] - 0.5, "mean", ha="center", va="bottom", fontsize=10)
        for number, output in enumerate(outputs, 1):
            ax.plot(*output, "o", color=INK_BOTH, markersize=11)
            ax.text(output[0] + 1.2, output[1], f"class {number}", va="center", fontsize=10)
        ax.set(xlim=(-1, 26), ylim=(17.5, -1), title=head)
        ax.axis("off")
    axes[0].text(10, 17, f"{lines} weights", ha="center", va="center", fontsize=10)
    axes[1].text(10, 17, "no weights", ha="center", va="center", fontsize=10)
    return show(
        fig,
        f"Three maps of 4x4 cells and three classes. Fully connected: a line from each of 48 cells to each class, "
        f"{lines} weights. Global average pooling: one line from each map to its class, the mean, without weights.",
    )


def parameters(networks: Mapping[str, Mapping[str, int]]) -> Picture:
    """Parameters, network -> kind of layer -> count, as a bar for each network."""
    style()
    kinds = dict.fromkeys(kind for parts in networks.values() for kind in parts)
    colours = dict(zip(kinds, (BLUE, PURPLE, SKY_BLUE), strict=False))
    fig, ax = plt.subplots(figsize=(8, 0.9 + 0.5 * len(networks)))
    words = []
    for row, (name, parts) in enumerate(networks.items()):
        start = 0.0
        for kind, count in parts.items():
            ax.barh(row, count / 1e6, 0.6, start, color=colours[kind])
            start += count / 1e6
        ax.annotate(f"{start:.1f}", (start, row), (5, 0), textcoords="offset points", va="center")
        words.append(f"{name}, {', '.join(f'{kind} {count / 1e6:.1f}' for kind, count in parts.items())}")
    for kind, colour in colours.items():
        ax.barh(0, 0, color=colour, label=kind)
    ax.set(yticks=range(len(networks)), yticklabels=list(networks), xlabel="parameters, millions")
    ax.invert_yaxis()
    ax.margins(x=0.09)
    ax.grid(visible=False, axis="y")
    ax.legend(loc="lower right", frameon=False)
    return show(fig, f"Millions of parameters: {'; '.join(words)}.")


def accuracy_over_shift(record: dict[str, Any], arms: Mapping[str, str], *, alone: str) -> Picture:
    """Test accuracy over how far the images are moved: means of all seeds, with a band from the worst to the best.

    `arms` are the names in the record -> the names for readers; an arm "... moved" gets a dashed line. The arm `alone`
    is drawn once more, alone and at its own scale, with a vertical line at every whole stride of four pixels.
    """
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.6))
    words = []
    for (arm, name), colour in zip(arms.items(), CYCLE, strict=False):
        places: Sequence[Any] = list(zip(*by_seed(record, arm, "shifts"), strict=True))
        mean, low, high = ([100 * choose(place) for place in places] for choose in (fmean, min, max))
        pixels = range(len(mean))
        for ax in (left, right) if arm == alone else (left,):
            ax.plot(pixels, mean, "--o" if arm.endswith("moved") else "-o", color=colour, markersize=4, label=name)
            ax.fill_between(pixels, low, high, color=colour, alpha=0.2, linewidth=0)
        words.append(f"{name}: {', '.join(f'{share:.1f}' for share in mean)} %")
    left.axhline(10, color=INK_BOTH, linewidth=1, linestyle=":")
    left.text(0, 11, "guessing", fontsize=9, color=INK_BOTH)
    left.set(ylim=(0, 100))
    left.legend(loc=(0.42, 0.36), fontsize=9, handlelength=3.4)
    for stride in range(0, len(pixels), 4):
        right.axvline(stride, color=INK_BOTH, linewidth=1.2, zorder=0)
    right.annotate("near the border", (7.9, 0.94), xycoords=("data", "axes fraction"), ha="right", fontsize=9)
    right.set(title=f"{arms[alone]}, alone")
    for ax in (left, right):
        ax.set(xlabel="moved to the right (pixels)", ylabel="test accuracy (%)", xticks=pixels)
        ax.grid(visible=False, axis="x")
    return show(fig, f"Mean test accuracy when images move by 0 to {len(mean) - 1} pixels. {'; '.join(words)}.")


def changes_over_moves(lines: Mapping[str, Sequence[float]]) -> Picture:
    """The largest change of a score when images move by 0, 1, 2 ... pixels, with a line at every four pixels."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3))
    words = []
    for (name, changes), colour, marker in zip(lines.items(), CYCLE, ("-o", "--s"), strict=False):
        pixels = range(len(changes))
        ax.plot(pixels, changes, marker, color=colour, markersize=5, label=name)
        words.append(f"{name}: {', '.join(f'{change:.2f}' for change in changes)}")
    for stride in range(0, len(pixels), 4):
        ax.axvline(stride, color=INK_BOTH, linewidth=1.2, zorder=0)
    ax.set(xlabel="moved to the right (pixels)", ylabel="largest change of a score", xticks=pixels)
    ax.grid(visible=False, axis="x")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return show(
        fig, f"Largest change of a score when images move by 0 to {len(pixels) - 1} pixels. {'; '.join(words)}."
    )


def moved_and_pooled() -> Picture:
    """A boot in a black 48x48 image, moved by 0, 2 and 4 pixels, and its maps after two max pools of stride 2."""
    style()
    fig, axes = plt.subplots(2, 3, figsize=(6.6, 4.6))
    boot = (pictures().images[CLASS_NAMES.index("ankle boot")] - BLACK) / (WHITE - BLACK)  # 1, 28, 28
    words = []
    for (above, below), right in zip(axes.T, (0, 2, 4), strict=True):
        image = pad(boot, (10 + right, 10 - right, 10, 10))  # 1, 48, 48
        cells = max_pool2d(max_pool2d(image, 2), 2)  # 1, 12, 12
        mean = cells.mean().item()
        words.append(f"moved by {right}, {mean:.3f}")
        _image(above, image[0])
        for line in range(4, 48, 4):
            above.axvline(line - 0.5, color=INK_BOTH, linewidth=0.5)
            above.axhline(line - 0.5, color=INK_BOTH, linewidth=0.5)
        above.set_title(f"moved by {right} pixels")
        _image(below, cells[0])
        below.set_xlabel(f"mean {mean:.3f}")
    return show(fig, f"A boot in a black image at three places, and its 12x12 maps. Means: {'; '.join(words)}.")


JUMP, FIRST = 8, 6
"""Cell k of the small GoogLeNet's last maps looks at pixels around number JUMP * k + FIRST."""


def evidence(canvas: Tensor, maps: Mapping[str, Tensor]) -> Picture:
    """A canvas (1, 1, H, W), and under its outlines the map (h, w) of each class named, orange for, purple against."""
    style()
    fig, axes = plt.subplots(1, 1 + len(maps), figsize=(10, 2.6))
    pixels = to_pixels(canvas)[0, 0].numpy()
    limit = ceil(max(each.abs().max().item() for each in maps.values()))  # whole, so that rounding cannot move it
    words = []
    for ax, (name, each) in zip(axes, {"the canvas": None, **maps}.items(), strict=True):
        ax.set(title=name, xlim=(-0.5, pixels.shape[1] - 0.5), ylim=(pixels.shape[0] - 0.5, -0.5))
        _frame(ax)
        if each is None:
            ax.imshow(pixels, cmap="gray")
        else:
            height, width = each.shape
            left = FIRST - JUMP / 2
            place = (left, left + JUMP * width, left + JUMP * height, left)
            heat = ax.imshow(each.numpy(), cmap="PuOr_r", vmin=-limit, vmax=limit, extent=place)
            ax.contour(pixels, levels=[30], colors="black", linewidths=0.7)
            row, column = divmod(int(each.argmax()), width)
            words.append(f"for {name} around row {JUMP * row + FIRST}, column {JUMP * column + FIRST}")
    fig.colorbar(heat, ax=axes, label="score", shrink=0.8)
    return show(fig, f"A canvas with garments, and maps of it. The evidence is strongest {'; '.join(words)}.")
