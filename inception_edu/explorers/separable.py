"""The separable explorer: one convolution against a depthwise one and a 1x1, and the limit of what that saves."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..arithmetic import conv_macs
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import at_least_one, centred
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View


@dataclass(frozen=True)
class SeparableCost:
    """The cost of one k x k convolution and of its depthwise separable replacement.

    MACs are multiply-adds of convolutions at batch 1, biases not counted. Per position: for one place of the output
    grid, and without biases also the number of weights. Per layer: times the `grid` x `grid` positions.

    Raises ValueError for a number below 1 or an even kernel, which "same" padding cannot centre.
    """

    in_channels: int = 512
    out_channels: int = 512
    kernel: int = 3
    grid: int = 14

    def __post_init__(self) -> None:
        at_least_one(asdict(self))
        centred(self.kernel)

    @property
    def standard(self) -> int:
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
        """Separable MACs as a share of the standard ones: 1/N + 1/k², with N output channels."""
        return self.separable / self.standard

    @property
    def positions(self) -> int:
        return self.grid * self.grid

    @property
    def maps_bytes(self) -> tuple[int, int]:
        """Bytes of float32 that the ordinary convolution and the separable one put out, the map between included."""
        return 4 * self.positions * self.out_channels, 4 * self.positions * (self.in_channels + self.out_channels)


def separable_sentence(cost: SeparableCost) -> str:
    """The comparison in one sentence, with both costs per position."""
    numbers = f"{cost.standard:,} against {cost.separable:,} multiply-adds per position"
    if cost.share < 1:
        return f"{numbers}: the separable way is {1 / cost.share:.2f} times cheaper"
    if cost.share == 1:
        return f"{numbers}: both cost the same"
    return f"{numbers}: the separable way costs {cost.share:.2f} times as much"


def separable_view(cost: SeparableCost) -> str:
    """HTML: both ways as bars on one scale, the share in two terms, and a table of costs and maps."""
    return _drawing(cost) + _formula(cost) + _table(cost)


def _drawing(cost: SeparableCost) -> str:
    k, width, left = f"{cost.kernel}x{cost.kernel}", 560, 10
    longest = max(cost.standard, cost.separable)
    parts = [text(left, 16, f"one {k}: {cost.standard:,} MACs per position", size=13)]
    parts += bar(left, 24, width * cost.standard / longest, 34, BLUE, "")
    parts.append(text(left, 84, f"depthwise {k}, then 1x1: {cost.separable:,} MACs per position", size=13))
    x = float(left)
    for macs, name, colour in ((cost.depthwise, "depthwise", GREEN), (cost.pointwise, "1x1", ORANGE)):
        length = width * macs / longest
        parts += bar(x, 92, length, 34, colour, name if length > 9 * len(name) else "", hatched=name == "1x1")
        x += length
    return svg(width + 20, 134, parts, f"Two bars on one scale. {separable_sentence(cost)}.")


def _formula(cost: SeparableCost) -> str:
    n, k = cost.out_channels, cost.kernel
    cheapest = f"never less than 1/{k * k}, however many channels" if k > 1 else "and 1/k² alone is the whole cost"
    return (
        f"<p>Separable / standard = 1/N + 1/k² = 1/{n} + 1/{k * k} = {1 / n:.4f} + {1 / k**2:.4f} = "
        f"<b>{cost.share:.4f}</b>: {cheapest}.</p>"
    )


def _table(cost: SeparableCost) -> str:
    k = f"{cost.kernel}x{cost.kernel}"
    wide, narrow = cost.in_channels, cost.out_channels
    standard_maps, separable_maps = cost.maps_bytes
    rows = [
        (f"one {k}", f"{wide} to {narrow}", cost.standard, standard_maps),
        (f"depthwise {k}", f"{wide} to {wide}", cost.depthwise, separable_maps - standard_maps),
        ("1x1", f"{wide} to {narrow}", cost.pointwise, standard_maps),
        ("both halves", "", cost.separable, separable_maps),
    ]
    body = "".join(
        f"<tr class='{'ie-total' if name == 'both halves' else 'ie-part'}'><th scope='row'>{name}</th>"
        f"<td>{channels}</td><td>{macs:,}</td><td>{macs * cost.positions:,}</td><td>{size / 1000:,.0f}</td></tr>"
        for name, channels, macs, size in rows
    )
    heads = ("layer", "channels", "weights = MACs per position", f"MACs on {cost.grid}x{cost.grid}", "maps out, kB")
    return (
        f"<table><thead><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr></thead><tbody>{body}</tbody></table>"
        f"<p><b>{separable_sentence(cost)}.</b></p>"
    )


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    cost = SeparableCost(**settings)
    html = separable_view(cost)
    if reference and reference != settings:
        other = SeparableCost(**reference)
        times = cost.separable * cost.positions / (other.separable * other.positions)
        html += (
            f"<p>Against the pinned setting: {times:.2f} times the MACs of the separable layer, "
            f"and a share of {cost.share:.4f} instead of {other.share:.4f}.</p>"
        )
    return View(html, separable_sentence(cost))


def separable_explorer() -> "Panel":
    """The explorer of chapter 09; its presets are layers of the papers."""
    from .panel import Control, Panel

    return Panel(
        "What does a separable convolution save?",
        {
            "in_channels": Control("Input channels", 1, 2048),
            "out_channels": Control("Output channels", 1, 2048),
            "kernel": Control("Kernel", 1, 9, 2),
            "grid": Control("Grid side", 1, 224),
        },
        {
            "MobileNet, 14x14": asdict(SeparableCost()),
            "Xception, middle flow": asdict(SeparableCost(728, 728, 3, 19)),
            "GoogLeNet 3a, its 5x5": asdict(SeparableCost(16, 32, 5, 28)),
            "Xception, first separable": asdict(SeparableCost(64, 128, 3, 147)),
        },
        _view,
    )
