"""The grid reduction explorer: three ways to halve a grid and double its channels, and what each costs and keeps."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

from ..arithmetic import conv_macs, conv_params, out_size
from ..show.html import table
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import Settings, explorer, knob
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel


class Reduction(NamedTuple):
    """One way: `weights`, `macs` (conv multiply-adds at batch 1), and `values`, the tensor sizes from start to end."""

    name: str
    weights: int
    macs: int
    values: tuple[int, ...]

    @property
    def narrowest(self) -> int:
        """The smallest tensor from start to end, in values; if it is not the last one, it is a bottleneck."""
        return min(self.values)


@dataclass(frozen=True)
class GridReduction(Settings):
    """From `channels` on `grid` x `grid` to `channels` + `new` on about half the grid, by 3x3 windows.

    What has stride 2 is unpadded, so that an odd grid g ends on (g - 1) / 2; convolutions of stride 1 keep the grid.
    """

    channels: int = knob(320, "Input channels", 1, 1280)
    new: int = knob(320, "New channels", 1, 1280)
    grid: int = knob(35, "Grid side", 3, 112)

    @property
    def small(self) -> int:
        """The side of the grid after the reduction."""
        return out_size(self.grid, 3, 2)

    @property
    def ways(self) -> tuple[Reduction, Reduction, Reduction]:
        """Pool first, convolve first, and both side by side."""
        c, new, wide, large, small = self.channels, self.new, self.channels + self.new, self.grid, self.small
        before, after, weights = c * large**2, wide * small**2, conv_params(c, wide, 3)
        pooled, convolved = (before, c * small**2, after), (before, wide * large**2, after)
        return (
            Reduction("pool, then convolve", weights, conv_macs(c, wide, 3, small, small), pooled),
            Reduction("convolve, then pool", weights, conv_macs(c, wide, 3, large, large), convolved),
            Reduction("both side by side", conv_params(c, new, 3), conv_macs(c, new, 3, small, small), (before, after)),
        )

    def sentence(self) -> str:
        pool, conv, both = (f"{way.macs / 1e6:,.1f} M" for way in self.ways)
        return f"{pool} MACs with the pool first, {conv} with the convolution first, {both} side by side."

    def versus(self, pinned: Self) -> str:
        times = self.ways[2].macs / pinned.ways[2].macs
        return f"Compared with the pinned setting, side by side costs {times:.2f} times as much."

    def view(self) -> str:
        """A row for each way, with its tensors as bars of values, and a table of costs."""
        most = max(max(way.values) for way in self.ways)
        parts: list[str] = []
        for i, (way, colour) in enumerate(zip(self.ways, (BLUE, GREEN, ORANGE), strict=True)):
            top = 6 + i * 110
            parts.append(text(4, top + 14, f"{way.name}: {way.macs:,} MACs", size=13))
            for j, values in enumerate(way.values):
                width, y = 330 * values / most, top + 22 + 24 * j
                parts += bar(4, y, width, 18, colour, "", hatched=values < way.values[-1])
                parts.append(text(12 + width, y + 14, f"{values:,} values"))
        heads = ("order", "weights", "MACs", "smallest tensor, in values", "times pool first")
        rows = [
            (
                *(way.name, way.weights, way.macs),
                f"{way.narrowest:,}{', a bottleneck' if way.narrowest < way.values[-1] else ''}",
                f"{way.macs / self.ways[0].macs:.2f}",
            )
            for way in self.ways
        ]
        sides = (
            f"<p>{self.channels} channels on {self.grid}x{self.grid} to {self.channels + self.new} on "
            f"{self.small}x{self.small}.</p>"
        )
        said = f"The tensors of three ways, from first to last. {self.sentence()}"
        return svg(560, 330, parts, said) + table(heads, rows) + sides


def reduction_presets() -> dict[str, GridReduction]:
    """The paper's example, and the sizes of Inception-v3's two reductions with one convolution each."""
    return {
        "the paper's example: 320 on 35x35": GridReduction(),
        "as 6a: 288 on 35x35, 480 new": GridReduction(288, 480, 35),
        "as 7a: 768 on 17x17, 512 new": GridReduction(768, 512, 17),
    }


def grid_reduction_explorer() -> "Panel":
    """The explorer of deeper/06_reductions: the pool first, the convolution first, or both at once."""
    return explorer("Three ways to halve a grid", GridReduction, reduction_presets())
