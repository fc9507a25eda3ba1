"""The naive block explorer: three kernels and a pool side by side, and the channels in a row of such blocks."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import torch

from ..models.googlenet import naive_inception
from ..show.drawing import diagram
from ..show.palette import BRANCHES
from ..tracing import Node, trace
from .branches import branch_table, change
from .settings import Settings, explorer, knob
from .svg import bar, stacked, svg, text

if TYPE_CHECKING:
    from .panel import Panel

ROWS = ("1x1", "3x3", "5x5", "pool")


@dataclass(frozen=True)
class NaiveBlock(Settings):
    """The naive block of the GoogLeNet paper (Fig. 2a), and `blocks` of it with equal widths in a row."""

    in_channels: int = knob(192, "Input channels", 1, 1024)
    n1x1: int = knob(64, "#1x1", 1, 512)
    n3x3: int = knob(128, "#3x3", 1, 512)
    n5x5: int = knob(32, "#5x5", 1, 256)
    grid: int = knob(28, "Grid side", 1, 56)
    blocks: int = knob(4, "Blocks in a row", 1, 12)

    @cached_property
    def node(self) -> Node:
        """The first block as `trace` reads it, with biases; MACs are multiply-adds of its convolutions at batch 1."""
        with torch.device("meta"):
            block = naive_inception(self.in_channels, self.n1x1, self.n3x3, self.n5x5, batch_norm=False)
        return trace(block, (self.in_channels, self.grid, self.grid), name="naive block")

    @property
    def growth(self) -> int:
        """Channels that each block adds: its pool passes on all it reads, and the convolutions add theirs."""
        return self.n1x1 + self.n3x3 + self.n5x5

    @property
    def channels(self) -> list[int]:
        """Channels before the first block and after each."""
        return [self.in_channels + n * self.growth for n in range(self.blocks + 1)]

    @property
    def macs(self) -> list[int]:
        """MACs of each block: its convolutions read every channel before it, so the MACs grow with the channels."""
        each = self.node.macs // self.in_channels
        return [each * channels for channels in self.channels[:-1]]

    def blocks_to_pass(self, channels: int) -> int:
        """How many blocks it takes until there are more than `channels` channels."""
        return max(0, (channels - self.in_channels) // self.growth + 1)

    def sentence(self) -> str:
        blocks = "1 block" if self.blocks == 1 else f"{self.blocks} blocks"
        return (
            f"{self.channels[0]:,} to {self.channels[-1]:,} channels after {blocks}; "
            f"the last block costs {self.macs[-1]:,} MACs, all of them together {sum(self.macs):,}."
        )

    def versus(self, pinned: Self) -> str:
        return change(self.node, pinned.node, activations=False).replace("setting", "first block")

    def view(self) -> str:
        """The first block drawn, a table of its branches, and the channels after every block of the row."""
        return diagram(self.node, macs_share=True) + branch_table(self.node, ROWS, activations=False) + self._row()

    def _row(self) -> str:
        """A bar for the channels at each place, in pieces for what each branch of the block before it outputs."""
        left, top, step, scale = 110, 28, 24, 440 / max(self.channels)
        parts = [text(0, 14, "channels", size=12)]
        for place, (name, colour) in enumerate(BRANCHES.items()):
            words = "passed on by the pool" if name == "pool" else f"new, {name}"
            x = left + place * 85 + 80 * (place > 0)
            parts += [*bar(x, 4, 18, 12, colour, "", hatched=place % 2 == 1), text(x + 23, 14, words, size=12)]
        for n, channels in enumerate(self.channels):
            y = top + n * step
            parts.append(text(0, y + 14, f"after block {n}" if n else "before", size=12))
            made = (channels - self.growth, self.n1x1, self.n3x3, self.n5x5) if n else (channels,)
            colours = BRANCHES.values() if n else ("",)
            parts += stacked(left, y, scale, 18, [("", each, hue) for each, hue in zip(made, colours, strict=True)])
            parts.append(text(left + scale * channels + 6, y + 14, f"{channels:,}", size=12))
        words = ", ".join(f"{channels:,}" for channels in self.channels)
        return svg(640, top + step * len(self.channels) + 4, parts, f"Bars of channels, one for each place: {words}.")


def naive_block_explorer() -> "Panel":
    """The explorer of chapter 02; its presets are three of GoogLeNet's blocks without the 1x1s in front."""
    presets = {
        "3a, made naive": NaiveBlock(),
        "4a, made naive": NaiveBlock(480, 192, 208, 48, 14, 4),
        "5b, made naive": NaiveBlock(832, 384, 384, 128, 7, 2),
    }
    return explorer("A row of naive blocks", NaiveBlock, presets)
