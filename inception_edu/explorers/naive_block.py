"""The naive block explorer: three kernels and a pool side by side, and the channels in a row of such blocks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING

import torch

from ..models.googlenet import naive_inception
from ..show.drawing import diagram
from ..show.palette import BLUE, ORANGE
from ..tracing import Node, trace
from .branches import branch_table
from .settings import at_least_one
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View

BRANCHES = ("1x1", "3x3", "5x5", "pool")


@dataclass(frozen=True)
class NaiveBlock:
    """The naive block of the GoogLeNet paper (Fig. 2a), and `blocks` of it with equal widths one behind another.

    Raises ValueError for a number below 1.
    """

    in_channels: int = 192
    n1x1: int = 64
    n3x3: int = 128
    n5x5: int = 32
    grid: int = 28
    blocks: int = 4

    def __post_init__(self) -> None:
        at_least_one(asdict(self), in_words=False)

    @cached_property
    def node(self) -> Node:
        """The first block as `trace` reads it, with biases; MACs are multiply-adds of its convolutions at batch 1."""
        with torch.device("meta"):
            block = naive_inception(self.in_channels, self.n1x1, self.n3x3, self.n5x5, batch_norm=False)
        return trace(block, (self.in_channels, self.grid, self.grid), name="naive block")

    @property
    def growth(self) -> int:
        """Channels that each block adds: its pool hands on all that came in, and the convolutions put theirs on top."""
        return self.n1x1 + self.n3x3 + self.n5x5

    @property
    def channels(self) -> list[int]:
        """Channels in front of the first block and behind each."""
        return [self.in_channels + n * self.growth for n in range(self.blocks + 1)]

    @property
    def macs(self) -> list[int]:
        """MACs of each block: its convolutions read every channel in front of it, so they grow in step."""
        each = self.node.macs // self.in_channels
        return [each * channels for channels in self.channels[:-1]]

    def blocks_to_pass(self, channels: int) -> int:
        """How many blocks it takes until there are more than `channels` channels."""
        return next(n for n in count() if self.in_channels + n * self.growth > channels)


def naive_sentence(block: NaiveBlock) -> str:
    """Channels and MACs of the row in one sentence."""
    row = " to ".join(f"{c:,}" for c in (block.channels[0], block.channels[-1]))
    blocks = "1 block" if block.blocks == 1 else f"{block.blocks} blocks"
    return (
        f"{row} channels after {blocks}; the last block costs {block.macs[-1]:,} MACs, all together {sum(block.macs):,}"
    )


def naive_view(block: NaiveBlock, reference: NaiveBlock | None = None) -> str:
    """HTML: the first block drawn, a table of its branches, and the channels behind every block of the row."""
    table = branch_table(block.node, BRANCHES, reference.node if reference else None)
    drawing: str = diagram(block.node, macs_share=True)._repr_html_()
    return drawing + table + _row(block) + f"<p><b>{naive_sentence(block)}.</b></p>"


def _row(block: NaiveBlock) -> str:
    """A bar for the channels behind each block, what came in and what was added told apart by hatching."""
    left, top, step, longest = 110, 22, 24, max(block.channels)
    parts = [text(left, 14, "channels", size=12)]
    for n, channels in enumerate(block.channels):
        y = top + n * step
        parts.append(text(0, y + 14, "in front" if n == 0 else f"behind block {n}", size=12))
        old = 440 * (channels if n == 0 else channels - block.growth) / longest
        parts += bar(left, y, old, 18, BLUE, "")
        if n:
            parts += bar(left + old, y, 440 * block.growth / longest, 18, ORANGE, "", hatched=True)
        parts.append(text(left + 440 * channels / longest + 6, y + 14, f"{channels:,}", size=12))
    words = ", ".join(f"{channels:,}" for channels in block.channels)
    return svg(640, top + step * len(block.channels) + 4, parts, f"Bars of channels, one for each place: {words}.")


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    block = NaiveBlock(**settings)
    return View(naive_view(block, NaiveBlock(**reference) if reference else None), naive_sentence(block))


def naive_block_explorer() -> "Panel":
    """The explorer of chapter 02; its presets are three of GoogLeNet's blocks without their 1x1s in front."""
    from .panel import Control, Panel

    return Panel(
        "A row of naive blocks",
        {
            "in_channels": Control("Input channels", 1, 1024),
            "n1x1": Control("#1x1", 1, 512),
            "n3x3": Control("#3x3", 1, 512),
            "n5x5": Control("#5x5", 1, 256),
            "grid": Control("Grid side", 1, 56),
            "blocks": Control("Blocks in a row", 1, 12),
        },
        {
            "3a, made naive": asdict(NaiveBlock()),
            "4a, made naive": asdict(NaiveBlock(480, 192, 208, 48, 14, 4)),
            "5b, made naive": asdict(NaiveBlock(832, 384, 384, 128, 7, 2)),
        },
        _view,
    )
