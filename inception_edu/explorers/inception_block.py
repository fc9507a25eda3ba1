"""The Inception block explorer: six widths of GoogLeNet's block, and what every branch of it costs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from ..models.googlenet import TABLE_1, inception
from ..show.drawing import diagram
from ..tracing import Node, trace
from .branches import branch_table
from .settings import at_least_one

if TYPE_CHECKING:
    from .panel import Panel, View

BRANCHES = ("1x1", "1x1, 3x3", "1x1, 5x5", "pool, 1x1")


@dataclass(frozen=True)
class InceptionBlock:
    """GoogLeNet's block with reductions: input channels, the six widths of a row of Table 1, and the side of its grid.

    Raises ValueError for a number below 1.
    """

    in_channels: int = 192
    n1x1: int = 64
    n3x3_reduce: int = 96
    n3x3: int = 128
    n5x5_reduce: int = 16
    n5x5: int = 32
    pool_proj: int = 32
    grid: int = 28

    def __post_init__(self) -> None:
        at_least_one(asdict(self), in_words=False)

    @cached_property
    def node(self) -> Node:
        """The block as `trace` reads it: with biases and without batch norm, as in the paper.

        MACs are multiply-adds of its convolutions at batch 1.
        """
        row = (self.n1x1, self.n3x3_reduce, self.n3x3, self.n5x5_reduce, self.n5x5, self.pool_proj)
        with torch.device("meta"):
            block = inception(self.in_channels, row, batch_norm=False)
        return trace(block, (self.in_channels, self.grid, self.grid), name="Inception block")


def presets() -> dict[str, InceptionBlock]:
    """The nine blocks of GoogLeNet's Table 1."""
    grids, channels, blocks = {"3": 28, "4": 14, "5": 7}, 192, {}
    for name, row in TABLE_1.items():
        blocks[name.removeprefix("inception_")] = InceptionBlock(channels, *row, grids[name[-2]])
        channels = row[0] + row[2] + row[4] + row[5]
    return blocks


def block_sentence(block: InceptionBlock) -> str:
    """The totals in one sentence."""
    node = block.node
    return (
        f"{block.in_channels} channels in, {node.output.channels} out on {block.grid}x{block.grid}: "
        f"{node.params:,} parameters, {node.macs:,} MACs"
    )


def block_view(block: InceptionBlock, reference: InceptionBlock | None = None) -> str:
    """HTML: the block's drawing, a table of its branches, and the change against `reference` where there is one."""
    return diagram(block.node, macs_share=True)._repr_html_() + branch_table(
        block.node, BRANCHES, reference.node if reference else None, whole="all four"
    )


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    block = InceptionBlock(**settings)
    return View(block_view(block, InceptionBlock(**reference) if reference else None), block_sentence(block))


def inception_block_explorer() -> "Panel":
    """The explorer of chapter 04; its presets are the blocks of GoogLeNet, and a pinned setting is the reference."""
    from .panel import Control, Panel

    return Panel(
        "One Inception block, six widths",
        {
            "in_channels": Control("Input channels", 1, 1024),
            "n1x1": Control("#1x1", 1, 512),
            "n3x3_reduce": Control("#3x3 reduce", 1, 512),
            "n3x3": Control("#3x3", 1, 512),
            "n5x5_reduce": Control("#5x5 reduce", 1, 256),
            "n5x5": Control("#5x5", 1, 256),
            "pool_proj": Control("Pool projection", 1, 256),
            "grid": Control("Grid side", 1, 56),
        },
        {name: asdict(block) for name, block in presets().items()},
        _view,
    )
