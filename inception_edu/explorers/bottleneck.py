"""The bottleneck explorer: one convolution against a 1x1, a convolution and a 1x1 with fewer channels between them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..arithmetic import conv_macs
from ..show.html import table
from ..show.palette import BLUE, ORANGE
from .settings import Settings, explorer, knob, odd
from .svg import bar, stacked, svg, text

if TYPE_CHECKING:
    from .panel import Panel


@dataclass(frozen=True)
class BottleneckCost(Settings):
    """The cost of one k x k convolution and of its squeezed replacement, in MACs at batch 1.

    MACs count multiply-adds, not biases. Per position: for one place of the output grid. Per layer: times the `grid`
    x `grid` positions. Without biases the MACs per position are also the number of weights.
    """

    in_channels: int = knob(256, "Input channels", 1, 2048)
    middle: int = knob(64, "Middle channels", 1, 1024)
    out_channels: int = knob(256, "Output channels", 1, 2048)
    kernel: int = knob(3, "Kernel", 1, 7, 2)
    grid: int = knob(28, "Grid side", 1, 112)

    def __post_init__(self) -> None:
        super().__post_init__()
        odd(self.kernel)

    @property
    def direct(self) -> int:
        """MACs per position of the one convolution."""
        return conv_macs(self.in_channels, self.out_channels, self.kernel)

    @property
    def steps(self) -> tuple[int, int, int]:
        """MACs per position of the squeeze, the convolution in the middle, and the expansion."""
        return (
            conv_macs(self.in_channels, self.middle, 1),
            conv_macs(self.middle, self.middle, self.kernel),
            conv_macs(self.middle, self.out_channels, 1),
        )

    @property
    def squeezed(self) -> int:
        """MACs per position of the three layers together."""
        return sum(self.steps)

    @property
    def ratio(self) -> float:
        """How many times as much the one convolution costs; below 1 the bottleneck costs more."""
        return self.direct / self.squeezed

    def sentence(self) -> str:
        numbers = f"{self.direct:,} against {self.squeezed:,} multiply-adds per position"
        if self.ratio == 1:
            return f"{numbers}: both cost the same."
        if self.ratio > 1:
            return f"{numbers}: the plain convolution costs {self.ratio:.2f} times as much."
        return f"{numbers}: the bottleneck costs {1 / self.ratio:.2f} times as much."

    def versus(self, pinned: Self) -> str:
        times = self.squeezed / pinned.squeezed
        return f"Compared with the pinned setting, the three layers cost {times:.2f} times as much."

    def view(self) -> str:
        """Two rows on one scale of MACs, the direct convolution and the three layers end to end; a table of costs."""
        k, middle = f"{self.kernel}x{self.kernel}", self.middle
        left, width, longest = 210, 400, max(self.direct, self.squeezed)
        parts = [
            *_hourglass([self.in_channels, self.out_channels], [k], 62),
            *_hourglass([self.in_channels, middle, middle, self.out_channels], ["1x1", k, "1x1"], 178),
            text(left, 34, f"one {k}: {self.direct:,} MACs per position", size=13),
            *bar(left, 44, width * self.direct / longest, 36, BLUE, ""),
            text(left, 150, f"1x1, {k}, 1x1: {self.squeezed:,} MACs per position", size=13),
            *stacked(left, 160, width / longest, 36, zip(("1x1", k, "1x1"), self.steps, [ORANGE] * 3, strict=True)),
        ]
        rows = [
            (f"one {k}", f"{self.in_channels} to {self.out_channels}", self.direct),
            ("squeeze, 1x1", f"{self.in_channels} to {middle}", self.steps[0]),
            (f"convolution, {k}", f"{middle} to {middle}", self.steps[1]),
            ("expand, 1x1", f"{middle} to {self.out_channels}", self.steps[2]),
            ("all three", "", self.squeezed),
        ]
        heads = ("layer", "channels", "MACs per position", f"MACs on {self.grid}x{self.grid}")
        return svg(640, 232, parts, f"Two bars on one scale. {self.sentence()}") + table(
            heads, [(*row, row[-1] * self.grid**2) for row in rows], total=-1
        )


def _hourglass(channels: list[int], kernels: list[str], middle: float) -> list[str]:
    """Tensors as upright bars whose height grows with their channels, the kernels between them."""
    tallest, step = 80, 190 / (len(channels) - 1 + 0.6)
    most = max(*channels, 256)
    parts = []
    for i, count in enumerate(channels):
        height = max(3, tallest * count / most)
        x = 6 + i * step
        parts += bar(x, middle - height / 2, 9, height, "", "")
        parts.append(text(x + 4.5, middle + tallest / 2 + 14, str(count), size=11, anchor="middle"))
        if i < len(kernels):
            parts.append(text(x + 4.5 + step / 2, middle + 4, kernels[i], size=11, anchor="middle"))
    return parts


def bottleneck_explorer() -> "Panel":
    """The explorer of chapter 03; presets are the widths that papers use."""
    presets = {
        "256 through 64, the classic": BottleneckCost(),
        "ResNet-50, last stage": BottleneckCost(2048, 512, 2048, 3, 7),
        "a 5x5 instead": BottleneckCost(256, 64, 256, 5, 28),
    }
    return explorer("What does a bottleneck save?", BottleneckCost, presets)
