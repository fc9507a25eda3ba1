"""The bottleneck explorer: one convolution against a 1x1, a convolution and a 1x1 with fewer channels between them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..arithmetic import conv_macs
from ..show.palette import BLUE, ORANGE
from .settings import at_least_one, centred
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View


@dataclass(frozen=True)
class BottleneckCost:
    """The cost of one k x k convolution and of its squeezed replacement, in MACs at batch 1.

    MACs count multiply-adds, not biases. Per position: for one place of the output grid. Per layer: times the `grid`
    x `grid` positions. Without biases the MACs per position are also the number of weights.

    Raises ValueError for a number below 1 or an even kernel, which "same" padding cannot centre.
    """

    in_channels: int = 256
    middle: int = 64
    out_channels: int = 256
    kernel: int = 3
    grid: int = 28

    def __post_init__(self) -> None:
        at_least_one(asdict(self))
        centred(self.kernel)

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
        """How many times as much the one convolution costs; below 1 the detour is the dearer way."""
        return self.direct / self.squeezed

    @property
    def positions(self) -> int:
        return self.grid * self.grid


def verdict(cost: BottleneckCost) -> str:
    """The comparison in one sentence, with both costs per position."""
    numbers = f"{cost.direct:,} against {cost.squeezed:,} multiply-adds per position"
    if cost.ratio > 1:
        return f"{numbers}: the detour is {cost.ratio:.2f} times cheaper"
    if cost.ratio == 1:
        return f"{numbers}: both cost the same"
    return f"{numbers}: the detour costs {1 / cost.ratio:.2f} times as much"


def bottleneck_view(cost: BottleneckCost) -> str:
    """HTML: both ways drawn, box height for channels and bar length for MACs, and a table of the costs."""
    return _drawing(cost) + _table(cost)


def _drawing(cost: BottleneckCost) -> str:
    """Two rows on one scale of MACs: the direct convolution, and the three layers end to end."""
    k = f"{cost.kernel}x{cost.kernel}"
    left, width, longest = 210, 400, max(cost.direct, cost.squeezed)
    parts = [
        *_hourglass([cost.in_channels, cost.out_channels], [k], 62),
        *_hourglass([cost.in_channels, cost.middle, cost.middle, cost.out_channels], ["1x1", k, "1x1"], 178),
    ]
    parts += bar(left, 44, width * cost.direct / longest, 36, BLUE, "")
    parts.append(text(left, 34, f"one {k}: {cost.direct:,} MACs per position", size=13))
    x = float(left)
    for macs, name, pattern in zip(cost.steps, ("1x1", k, "1x1"), (False, True, False), strict=True):
        length = width * macs / longest
        parts += bar(x, 160, length, 36, ORANGE, name if length > 32 else "", hatched=pattern)
        x += length
    parts.append(text(left, 150, f"1x1, {k}, 1x1: {cost.squeezed:,} MACs per position", size=13))
    return svg(640, 232, parts, f"Two bars on one scale. {verdict(cost)}.")


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


def _table(cost: BottleneckCost) -> str:
    k = f"{cost.kernel}x{cost.kernel}"
    names = ("squeeze, 1x1", f"convolution, {k}", "expand, 1x1")
    rows = [
        (f"one {k}", f"{cost.in_channels} to {cost.out_channels}", cost.direct),
        (names[0], f"{cost.in_channels} to {cost.middle}", cost.steps[0]),
        (names[1], f"{cost.middle} to {cost.middle}", cost.steps[1]),
        (names[2], f"{cost.middle} to {cost.out_channels}", cost.steps[2]),
        ("the three together", "", cost.squeezed),
    ]
    body = "".join(
        f"<tr><th scope='row'>{name}</th><td>{channels}</td><td>{macs:,}</td><td>{macs * cost.positions:,}</td></tr>"
        for name, channels, macs in rows
    )
    return (
        f"<table><thead><tr><th>layer</th><th>channels</th><th>MACs per position</th>"
        f"<th>MACs on {cost.grid}x{cost.grid}</th></tr></thead><tbody>{body}</tbody></table>"
        f"<p><b>{verdict(cost)}.</b></p>"
    )


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    cost = BottleneckCost(**settings)
    html = bottleneck_view(cost)
    if reference and reference != settings:
        other = BottleneckCost(**reference)
        times = cost.squeezed / other.squeezed
        html += f"<p>Against the pinned setting, the three layers cost {times:.2f} times as much.</p>"
    return View(html, verdict(cost))


def bottleneck_explorer() -> "Panel":
    """The explorer of chapter 03; presets are the widths that papers use."""
    from .panel import Control, Panel

    return Panel(
        "What does a bottleneck save?",
        {
            "in_channels": Control("Input channels", 1, 2048),
            "middle": Control("Middle channels", 1, 1024),
            "out_channels": Control("Output channels", 1, 2048),
            "kernel": Control("Kernel", 1, 7, 2),
            "grid": Control("Grid side", 1, 112),
        },
        {
            "256 through 64, the classic": vars(BottleneckCost()),
            "ResNet-50, last stage": vars(BottleneckCost(2048, 512, 2048, 3, 7)),
            "a 5x5 instead": vars(BottleneckCost(256, 64, 256, 5, 28)),
        },
        _view,
    )
