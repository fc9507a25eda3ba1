"""The reduction A explorer: the four widths k, l, m, n of the Inception-v4 paper's Table 1, and what they cost."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import torch

from ..models.inception_v4 import reduction_a
from ..show.drawing import diagram
from ..tracing import Node, trace
from .branches import branch_table, change
from .settings import Settings, explorer, knob

if TYPE_CHECKING:
    from .panel import Panel

BRANCHES = ("3x3 /2 to n", "1x1 k, 3x3 l, 3x3 /2 m", "max pool /2")


@dataclass(frozen=True)
class ReductionA(Settings):
    """Inception-v4's reduction A (Fig. 7): its input channels, the widths k, l, m, n, and the side of its grid."""

    in_channels: int = knob(384, "Input channels", 32, 512, 32)
    k: int = knob(192, "k, the 1x1", 32, 512, 32)
    l: int = knob(224, "l, the 3x3", 32, 512, 32)
    m: int = knob(256, "m, the 3x3 with stride 2", 32, 512, 32)
    n: int = knob(384, "n, the other 3x3 with stride 2", 32, 512, 32)
    grid: int = knob(35, "Grid side", 3, 71)

    @property
    def klmn(self) -> tuple[int, int, int, int]:
        return self.k, self.l, self.m, self.n

    @property
    def width(self) -> int:
        """Output channels: those of both strided convolutions, and the pool's, which are the input's."""
        return self.m + self.n + self.in_channels

    @cached_property
    def node(self) -> Node:
        """The block as `trace` reads it: batch norm after each convolution, no biases.

        MACs are multiply-adds of its convolutions at batch 1.
        """
        with torch.device("meta"):
            block = reduction_a(self.in_channels, self.klmn)
        return trace(block, (self.in_channels, self.grid, self.grid), name="reduction A")

    def sentence(self) -> str:
        node = self.node
        return (
            f"m + n + input = {self.m} + {self.n} + {self.in_channels} = {self.width} channels out on "
            f"{node.output.height}x{node.output.width}: {node.params:,} parameters, {node.macs:,} MACs."
        )

    def versus(self, pinned: Self) -> str:
        return change(self.node, pinned.node)

    def view(self) -> str:
        """The drawing and a table of its branches."""
        return diagram(self.node, macs_share=True) + branch_table(self.node, BRANCHES, whole="all three")


def presets() -> dict[str, ReductionA]:
    """The paper's Table 1, the released Inception-ResNet-v2, and Inception-v3, whose reduction has the same form."""
    return {
        "Inception-v4": ReductionA(),
        "Inception-ResNet-v1": ReductionA(256, 192, 192, 256, 384),
        "Inception-ResNet-v2, as drawn": ReductionA(384, 256, 256, 384, 384),
        "Inception-ResNet-v2, as released": ReductionA(320, 256, 256, 384, 384),
        "Inception-v3": ReductionA(288, 64, 96, 96, 384),
    }


def reduction_klmn_explorer() -> "Panel":
    """The explorer of chapter 07; its presets are the papers' settings, and k, l, m, n move in steps of 32."""
    return explorer("Reduction A: k, l, m, n", ReductionA, presets())
