"""The separable explorer: one convolution against a depthwise one and a 1x1, and the limit of what that saves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..arithmetic import conv_macs
from ..show.html import table
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import Settings, explorer, knob, odd
from .svg import bar, stacked, svg, text

if TYPE_CHECKING:
    from .panel import Panel


@dataclass(frozen=True)
class SeparableCost(Settings):
    """The cost of one k x k convolution and of its depthwise separable replacement.

    MACs are multiply-adds of convolutions at batch 1, biases not counted. Per position: for one place of the output
    grid, and without biases also the number of weights. Per layer: times the `grid` x `grid` positions.
    """

    in_channels: int = knob(512, "Input channels", 1, 2048)
    out_channels: int = knob(512, "Output channels", 1, 2048)
    kernel: int = knob(3, "Kernel", 1, 9, 2)
    grid: int = knob(14, "Grid side", 1, 224)

    def __post_init__(self) -> None:
        super().__post_init__()
        odd(self.kernel)

    @property
    def ordinary(self) -> int:
        """MACs per position of the ordinary convolution."""
        return conv_macs(self.in_channels, self.out_channels, self.kernel)

    @property
    def depthwise(self) -> int:
        """MACs per position of the depthwise half: each channel on its own."""
        return conv_macs(self.in_channels, self.in_channels, self.kernel, groups=self.in_channels)

    @property
    def pointwise(self) -> int:
        """MACs per position of the 1x1 that mixes the channels."""
        return conv_macs(self.in_channels, self.out_channels, 1)

    @property
    def separable(self) -> int:
        """MACs per position of both halves."""
        return self.depthwise + self.pointwise

    @property
    def share(self) -> float:
        """Separable MACs as a share of the ordinary ones: 1/N + 1/k², with N output channels."""
        return self.separable / self.ordinary

    @property
    def positions(self) -> int:
        return self.grid * self.grid

    @property
    def maps_bytes(self) -> tuple[int, int]:
        """Bytes of float32 that the ordinary convolution and the separable one output, the map between included."""
        return 4 * self.positions * self.out_channels, 4 * self.positions * (self.in_channels + self.out_channels)

    def sentence(self) -> str:
        numbers = f"{self.ordinary:,} against {self.separable:,} multiply-adds per position"
        if self.share == 1:
            return f"{numbers}: both cost the same."
        if self.share < 1:
            return f"{numbers}: the ordinary convolution costs {1 / self.share:.2f} times as much."
        return f"{numbers}: the separable one costs {self.share:.2f} times as much."

    def versus(self, pinned: Self) -> str:
        times = self.separable * self.positions / (pinned.separable * pinned.positions)
        return (
            f"Compared with the pinned setting: {times:.2f} times the MACs of the separable layer, "
            f"and a share of {self.share:.4f} instead of {pinned.share:.4f}."
        )

    def view(self) -> str:
        """Both ways as bars on one scale, the share in two terms, and a table of costs and maps."""
        return self._drawing() + self._formula() + self._table()

    def _drawing(self) -> str:
        k, scale = f"{self.kernel}x{self.kernel}", 560 / max(self.ordinary, self.separable)
        parts = [
            text(10, 16, f"one {k}: {self.ordinary:,} MACs per position", size=13),
            *bar(10, 24, scale * self.ordinary, 34, BLUE, ""),
            text(10, 84, f"depthwise {k}, then 1x1: {self.separable:,} MACs per position", size=13),
            *stacked(10, 92, scale, 34, [("depthwise", self.depthwise, GREEN), ("1x1", self.pointwise, ORANGE)]),
        ]
        return svg(580, 134, parts, f"Two bars on one scale. {self.sentence()}")

    def _formula(self) -> str:
        n, k = self.out_channels, self.kernel
        limit = f"never less than 1/{k * k}, however many channels" if k > 1 else "a 1x1 is pointwise already"
        return (
            f"<p>Separable / ordinary = 1/N + 1/k² = 1/{n} + 1/{k * k} = {1 / n:.4f} + {1 / k**2:.4f} = "
            f"<b>{self.share:.4f}</b>: {limit}.</p>"
        )

    def _table(self) -> str:
        k, c, n = f"{self.kernel}x{self.kernel}", self.in_channels, self.out_channels
        maps, both_maps = self.maps_bytes
        rows = [
            (f"one {k}", f"{c} to {n}", self.ordinary, maps),
            (f"depthwise {k}", f"{c} to {c}", self.depthwise, both_maps - maps),
            ("1x1", f"{c} to {n}", self.pointwise, maps),
            ("both halves", "", self.separable, both_maps),
        ]
        on_grid = f"MACs on {self.grid}x{self.grid}"
        heads = ("layer", "channels", "weights = MACs per position", on_grid, "output maps, kB")
        cells = [(*row, macs, macs * self.positions, f"{size / 1000:,.0f}") for *row, macs, size in rows]
        return table(heads, cells, total=-1)


def separable_explorer() -> "Panel":
    """The explorer of chapter 09; its presets are layers of the papers."""
    presets = {
        "MobileNet, 14x14": SeparableCost(),
        "Xception, middle flow": SeparableCost(728, 728, 3, 19),
        "GoogLeNet 3a, its 5x5": SeparableCost(16, 32, 5, 28),
        "Xception, first separable": SeparableCost(64, 128, 3, 147),
    }
    return explorer("What does a separable convolution save?", SeparableCost, presets)
