"""The head explorer: what it costs to read the last maps of a network cell by cell, or only their means."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from ..arithmetic import linear_macs, linear_params
from ..family import FAMILY
from ..show.html import table
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import Settings, explorer, knob
from .svg import bar, stacked, svg, text

if TYPE_CHECKING:
    from .panel import Panel

TRUNK = FAMILY["googlenet"].params - linear_params(1024, 1000)
"""Parameters of GoogLeNet as in the paper without its one linear layer: all 57 of its convolutions."""


@dataclass(frozen=True)
class HeadSize(Settings):
    """Two heads after `channels` maps of `grid` x `grid`: flattened into linear layers, or averaged and one of them.

    The flattened head has up to two hidden layers; a width of 0 leaves one out. Parameters count the biases; MACs
    are the multiply-adds of the linear layers at batch 1. Raises ValueError for a second hidden layer without a first.
    """

    grid: int = knob(7, "Grid side", 1, 28)
    channels: int = knob(1024, "Channels", 1, 2048)
    hidden_1: int = knob(0, "First hidden layer", 0, 4096)
    hidden_2: int = knob(0, "Second hidden layer", 0, 4096)
    classes: int = knob(1000, "Classes", 1, 1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hidden_2 and not self.hidden_1:
            raise ValueError(f"a second hidden layer of {self.hidden_2} units needs a first, and the first has width 0")

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

    def sentence(self) -> str:
        times = self.fc_params / TRUNK
        trunk = f"{times:.3g} times" if times >= 1 else f"{times:.1%} of"
        return (
            f"{self.fc_params:,} parameters flattened, {self.gap_params:,} averaged. All convolutions of GoogLeNet "
            f"have {TRUNK:,}; the flattened head has {trunk} that."
        )

    def versus(self, pinned: Self) -> str:
        times = self.fc_params / pinned.fc_params
        return f"Compared with the pinned setting, the flattened head has {times:.3g} times as many parameters."

    def view(self) -> str:
        """Both heads and GoogLeNet's trunk as bars on one scale, and a table of their layers."""
        return self._drawing() + self._table()

    def _drawing(self) -> str:
        scale = 600 / max(self.fc_params, self.gap_params, TRUNK)
        fc = [linear_params(*layer) for layer in self.layers]
        names = [f"linear {i}" if len(fc) > 1 else "" for i in range(1, len(fc) + 1)]
        parts = [
            text(4, 18, f"flattened: {self.fc_params:,} parameters", size=13),
            *stacked(4, 25, scale, 22, zip(names, fc, [ORANGE] * len(fc), strict=True)),
            text(4, 70, f"averaged: {self.gap_params:,}", size=13),
            *bar(4, 77, scale * self.gap_params, 22, BLUE, "", hatched=True),
            text(4, 122, f"for comparison, all convolutions of GoogLeNet: {TRUNK:,}", size=13),
            *bar(4, 129, scale * TRUNK, 22, GREEN, ""),
        ]
        return svg(612, 166, parts, f"Three bars on one scale. {self.sentence()}")

    def _table(self) -> str:
        maps = f"{self.channels:,} maps of {self.grid}x{self.grid}"
        rows = [
            (f"flattened, linear {i}", f"{ins:,} to {outs:,}", linear_params(ins, outs), linear_macs(ins, outs))
            for i, (ins, outs) in enumerate(self.layers, 1)
        ]
        if len(rows) > 1:
            rows.append(("flattened, all", maps, self.fc_params, self.fc_macs))
        rows += [
            ("averaged, the mean", f"{maps} to {self.channels:,}", 0, 0),
            ("averaged, linear", f"{self.channels:,} to {self.classes:,}", self.gap_params, self.gap_macs),
        ]
        heads = ("layer", "reads, outputs", "parameters", "MACs", "float32, MB")
        return table(heads, [(*row, f"{4 * row[2] / 1e6:,.1f}") for row in rows])


def head_size_explorer() -> "Panel":
    """The explorer of chapter 01; presets are the last maps and the heads of four networks."""
    presets = {
        "GoogLeNet, if it were flattened": HeadSize(),
        "VGG-16": HeadSize(7, 512, 4096, 4096),
        "AlexNet": HeadSize(6, 256, 4096, 4096),
        "NIN, CIFAR-10, if it were flattened": HeadSize(8, 192, classes=10),
    }
    return explorer("What does it cost to read the last maps?", HeadSize, presets)
