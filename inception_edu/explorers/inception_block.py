"""The Inception block explorer: six widths of GoogLeNet's block, and what each of its branches costs."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import torch

from ..models.googlenet import TABLE_1, inception
from ..show.drawing import diagram
from ..tracing import Node, trace
from .branches import branch_table, change
from .settings import Settings, explorer, knob

if TYPE_CHECKING:
    from .panel import Panel

BRANCHES = ("1x1", "1x1, 3x3", "1x1, 5x5", "pool, 1x1")


@dataclass(frozen=True)
class InceptionBlock(Settings):
    """GoogLeNet's block with reductions: input channels, the six widths of a row of Table 1, and its grid."""

    in_channels: int = knob(192, "Input channels", 1, 1024)
    n1x1: int = knob(64, "#1x1", 1, 512)
    n3x3_reduce: int = knob(96, "#3x3 reduce", 1, 512)
    n3x3: int = knob(128, "#3x3", 1, 512)
    n5x5_reduce: int = knob(16, "#5x5 reduce", 1, 256)
    n5x5: int = knob(32, "#5x5", 1, 256)
    pool_proj: int = knob(32, "Pool projection", 1, 256)
    grid: int = knob(28, "Grid side", 1, 56)

    @cached_property
    def node(self) -> Node:
        """The block as `trace` reads it: with biases and without batch norm, as in the paper.

        MACs are multiply-adds of its convolutions at batch 1.
        """
        row = (self.n1x1, self.n3x3_reduce, self.n3x3, self.n5x5_reduce, self.n5x5, self.pool_proj)
        with torch.device("meta"):
            block = inception(self.in_channels, row, batch_norm=False)
        return trace(block, (self.in_channels, self.grid, self.grid), name="Inception block")

    def sentence(self) -> str:
        return (
            f"{self.in_channels} channels in, {self.node.output.channels} out on {self.grid}x{self.grid}: "
            f"{self.node.params:,} parameters, {self.node.macs:,} MACs."
        )

    def versus(self, pinned: Self) -> str:
        return change(self.node, pinned.node)

    def view(self) -> str:
        """The block's drawing and a table of its branches."""
        return diagram(self.node, macs_share=True) + branch_table(self.node, BRANCHES, whole="all four")


def presets() -> dict[str, InceptionBlock]:
    """The nine blocks of GoogLeNet's Table 1."""
    grids, channels, blocks = {"3": 28, "4": 14, "5": 7}, 192, {}
    for name, row in TABLE_1.items():
        blocks[name.removeprefix("inception_")] = InceptionBlock(channels, *row, grids[name[-2]])
        channels = row[0] + row[2] + row[4] + row[5]
    return blocks


def inception_block_explorer() -> "Panel":
    """The explorer of chapter 04; its presets are the blocks of GoogLeNet, and a pinned setting is the reference."""
    return explorer("One Inception block, six widths", InceptionBlock, presets())
