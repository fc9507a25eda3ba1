"""The reduction A explorer: the four widths k, l, m, n of the Inception-v4 paper's Table 1, and what they cost."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from ..models.inception_v4 import reduction_a
from ..show.drawing import diagram
from ..tracing import Node, trace
from .branches import branch_table
from .settings import at_least_one

if TYPE_CHECKING:
    from .panel import Panel, View

BRANCHES = ("3x3 /2 to n", "1x1 k, 3x3 l, 3x3 /2 m", "max pool /2")


@dataclass(frozen=True)
class ReductionA:
    """Inception-v4's reduction A (Fig. 7): its input channels, the widths k, l, m, n, and the side of its grid.

    Raises ValueError for a width below 1 and for a grid below 3, which no 3x3 window fits.
    """

    in_channels: int = 384
    k: int = 192
    l: int = 224
    m: int = 256
    n: int = 384
    grid: int = 35

    def __post_init__(self) -> None:
        at_least_one(asdict(self))
        if self.grid < 3:
            raise ValueError(f"no 3x3 window fits a grid of {self.grid}x{self.grid} without padding; take 3 or more")

    @property
    def klmn(self) -> tuple[int, int, int, int]:
        return self.k, self.l, self.m, self.n

    @property
    def width(self) -> int:
        """Output channels: those of both strided convolutions, and the pool's, which are the input's."""
        return self.m + self.n + self.in_channels

    @property
    def node(self) -> Node:
        """The block as `trace` reads it: batch norm behind each convolution, no biases.

        MACs are multiply-adds of its convolutions at batch 1.
        """
        return _read(self)


@lru_cache(maxsize=16)
def _read(reduction: ReductionA) -> Node:
    """Kept, as a pinned setting is asked for again."""
    with torch.device("meta"):
        block = reduction_a(reduction.in_channels, reduction.klmn)
    return trace(block, (reduction.in_channels, reduction.grid, reduction.grid), name="reduction A")


def presets() -> dict[str, ReductionA]:
    """The paper's Table 1, the released Inception-ResNet-v2, and Inception-v3, whose reduction has the same form."""
    return {
        "Inception-v4": ReductionA(),
        "Inception-ResNet-v1": ReductionA(256, 192, 192, 256, 384),
        "Inception-ResNet-v2, as drawn": ReductionA(384, 256, 256, 384, 384),
        "Inception-ResNet-v2, as released": ReductionA(320, 256, 256, 384, 384),
        "Inception-v3": ReductionA(288, 64, 96, 96, 384),
    }


def reduction_sentence(reduction: ReductionA) -> str:
    """The totals in one sentence, with the sum that makes the width."""
    r, node = reduction, reduction.node
    return (
        f"m + n + input = {r.m} + {r.n} + {r.in_channels} = {r.width} channels out on "
        f"{node.output.height}x{node.output.width}: {node.params:,} parameters, {node.macs:,} MACs"
    )


def reduction_view(reduction: ReductionA, reference: ReductionA | None = None) -> str:
    """HTML: the drawing, the totals, a table of its branches, and the change against `reference` where there is one."""
    table = branch_table(reduction.node, BRANCHES, reference.node if reference else None, whole="all three")
    drawing = diagram(reduction.node, macs_share=True)._repr_html_()
    return f"{drawing}<p><b>{reduction_sentence(reduction)}.</b></p>{table}"


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    reduction = ReductionA(**settings)
    html = reduction_view(reduction, ReductionA(**reference) if reference else None)
    return View(html, reduction_sentence(reduction))


def reduction_klmn_explorer() -> "Panel":
    """The explorer of chapter 07; its presets are the papers' settings, and k, l, m, n move in steps of 32."""
    from .panel import Control, Panel

    return Panel(
        "Reduction A: k, l, m, n",
        {
            "in_channels": Control("Input channels", 32, 512, 32),
            "k": Control("k, the 1x1", 32, 512, 32),
            "l": Control("l, the 3x3", 32, 512, 32),
            "m": Control("m, the 3x3 with stride 2", 32, 512, 32),
            "n": Control("n, the other 3x3 with stride 2", 32, 512, 32),
            "grid": Control("Grid side", 1, 71),
        },
        {name: asdict(reduction) for name, reduction in presets().items()},
        _view,
    )
