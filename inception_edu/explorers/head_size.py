"""The head explorer: what it costs to read the last maps of a network cell by cell, or only their means."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ..arithmetic import linear_macs, linear_params
from ..family import FAMILY
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import at_least_one
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View

TRUNK = FAMILY["googlenet"].params - linear_params(1024, 1000)
"""Parameters of GoogLeNet as in the paper without its one linear layer: all 57 of its convolutions."""


@dataclass(frozen=True)
class HeadSize:
    """Two heads behind `channels` maps of `grid` x `grid`: flattened into linear layers, or averaged and one of them.

    The flattened head has up to two hidden layers; a width of 0 leaves one out. Parameters count the biases; MACs
    are the multiply-adds of the linear layers at batch 1.

    Raises ValueError for a grid, channels or classes below 1, a width below 0, and a second hidden layer without a
    first.
    """

    grid: int = 7
    channels: int = 1024
    hidden_1: int = 0
    hidden_2: int = 0
    classes: int = 1000

    def __post_init__(self) -> None:
        at_least_one({"grid": self.grid, "channels": self.channels, "classes": self.classes})
        if min(self.hidden_1, self.hidden_2) < 0:
            raise ValueError(f"a hidden layer of {min(self.hidden_1, self.hidden_2)} units cannot be: 0 leaves it out")
        if self.hidden_2 and not self.hidden_1:
            raise ValueError(
                f"a second hidden layer of {self.hidden_2} units stands behind a first, and the first has width 0"
            )

    @property
    def layers(self) -> list[tuple[int, int]]:
        """(units in, units out) of each linear layer of the flattened head."""
        flat = self.grid**2 * self.channels
        return list(pairwise([flat, *filter(None, (self.hidden_1, self.hidden_2)), self.classes]))

    @property
    def fc_params(self) -> int:
        """Parameters of the flattened head."""
        return sum(linear_params(*layer) for layer in self.layers)

    @property
    def fc_macs(self) -> int:
        """MACs of the flattened head."""
        return sum(linear_macs(*layer) for layer in self.layers)

    @property
    def gap_params(self) -> int:
        """Parameters of the averaged head; the mean itself has none, so the grid does not matter."""
        return linear_params(self.channels, self.classes)

    @property
    def gap_macs(self) -> int:
        """MACs of the averaged head; taking a mean multiplies no weights."""
        return linear_macs(self.channels, self.classes)


def verdict(size: HeadSize) -> str:
    """Both heads and GoogLeNet's trunk in one sentence."""
    times = size.fc_params / TRUNK
    trunk = f"{times:.3g} times" if times >= 1 else f"{times:.1%} of"
    return (
        f"{size.fc_params:,} parameters flattened, {size.gap_params:,} averaged; the flattened head is {trunk} "
        f"GoogLeNet's whole trunk of {TRUNK:,}"
    )


def head_view(size: HeadSize) -> str:
    """HTML: both heads and GoogLeNet's trunk as bars on one scale, and a table of their layers."""
    return _drawing(size) + _table(size) + f"<p><b>{verdict(size)}.</b></p>"


def _drawing(size: HeadSize) -> str:
    width, longest = 600, max(size.fc_params, size.gap_params, TRUNK)
    fc = [linear_params(*layer) for layer in size.layers]
    rows = (
        (f"flattened: {size.fc_params:,} parameters", fc, ORANGE, False),
        (f"averaged: {size.gap_params:,}", [size.gap_params], BLUE, True),
        (f"for comparison, all convolutions of GoogLeNet: {TRUNK:,}", [TRUNK], GREEN, False),
    )
    parts = []
    for row, (words, lengths, colour, hatched) in enumerate(rows):
        x, y = 4.0, 8.0 + 52 * row
        parts.append(text(x, y + 10, words, size=13))
        for i, length in enumerate(lengths):
            wide = width * length / longest
            name = f"linear {i + 1}" if len(lengths) > 1 and wide > 60 else ""
            parts += bar(x, y + 17, wide, 22, colour, name, hatched=hatched)
            x += wide
    return svg(612, 166, parts, f"Three bars on one scale. {verdict(size)}.")


def _table(size: HeadSize) -> str:
    maps = f"{size.channels:,} maps of {size.grid}x{size.grid}"
    rows = [
        (f"flattened, linear {i}", f"{ins:,} to {outs:,}", linear_params(ins, outs), linear_macs(ins, outs))
        for i, (ins, outs) in enumerate(size.layers, 1)
    ]
    if len(rows) > 1:
        rows.append(("flattened, all", maps, size.fc_params, size.fc_macs))
    rows += [
        ("averaged, the mean", f"{maps} to {size.channels:,}", 0, 0),
        ("averaged, linear", f"{size.channels:,} to {size.classes:,}", size.gap_params, size.gap_macs),
    ]
    body = "".join(
        f"<tr><th scope='row'>{name}</th><td>{units}</td><td>{params:,}</td><td>{macs:,}</td>"
        f"<td>{4 * params / 1e6:,.1f}</td></tr>"
        for name, units, params, macs in rows
    )
    heads = "".join(f"<th>{head}</th>" for head in ("layer", "reads, puts out", "parameters", "MACs", "float32, MB"))
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    size = HeadSize(**settings)
    html = head_view(size)
    if reference and reference != settings:
        times = size.fc_params / HeadSize(**reference).fc_params
        html += f"<p>Against the pinned setting, the flattened head has {times:.3g} times as many parameters.</p>"
    return View(html, verdict(size))


def head_size_explorer() -> "Panel":
    """The explorer of chapter 01; presets are the last maps and the heads of four networks."""
    from .panel import Control, Panel

    return Panel(
        "What does it cost to read the last maps?",
        {
            "grid": Control("Grid side", 1, 28),
            "channels": Control("Channels", 1, 2048),
            "hidden_1": Control("First hidden layer", 0, 4096),
            "hidden_2": Control("Second hidden layer", 0, 4096),
            "classes": Control("Classes", 1, 1000),
        },
        {
            "GoogLeNet, if it were flattened": vars(HeadSize()),
            "VGG-16": vars(HeadSize(7, 512, 4096, 4096)),
            "AlexNet": vars(HeadSize(6, 256, 4096, 4096)),
            "NIN, CIFAR-10, if it were flattened": vars(HeadSize(8, 192, classes=10)),
        },
        _view,
    )
