"""The grid reduction explorer: three ways to halve a grid and double its channels, and what each costs and keeps."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..arithmetic import conv_macs, conv_params, out_size
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import at_least_one
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View


class Reduction(NamedTuple):
    """One way: `weights`, `macs` (conv multiply-adds at batch 1), and `values`, the tensor sizes from start to end."""

    name: str
    weights: int
    macs: int
    values: tuple[int, ...]

    @property
    def narrowest(self) -> int:
        """The smallest tensor on the way, in values; where it is not the last one, it is a bottleneck."""
        return min(self.values)


@dataclass(frozen=True)
class GridReduction:
    """From `channels` on `grid` x `grid` to `channels` + `new` on about half the grid, by 3x3 windows.

    What has stride 2 is unpadded, so that an odd grid g ends on (g - 1) / 2; convolutions of stride 1 keep the grid.
    Raises ValueError for a number below 1 and for a grid that the window does not fit into.
    """

    channels: int = 320
    new: int = 320
    grid: int = 35

    def __post_init__(self) -> None:
        at_least_one(asdict(self), in_words=False)
        if self.grid < 3:
            raise ValueError(f"grid is {self.grid}, and a 3x3 window needs at least 3")

    @property
    def small(self) -> int:
        """The side of the grid behind the reduction."""
        return out_size(self.grid, 3, 2)

    @property
    def ways(self) -> tuple[Reduction, Reduction, Reduction]:
        """Pool first, convolve first, and both side by side."""
        c, new, large, small = self.channels, self.new, self.grid, self.small
        wide = c + new
        before, after = c * large**2, wide * small**2
        all_new = conv_params(c, wide, 3)
        return (
            Reduction(
                "pool, then convolve", all_new, conv_macs(c, wide, 3, small, small), (before, c * small**2, after)
            ),
            Reduction(
                "convolve, then pool", all_new, conv_macs(c, wide, 3, large, large), (before, wide * large**2, after)
            ),
            Reduction("both side by side", conv_params(c, new, 3), conv_macs(c, new, 3, small, small), (before, after)),
        )


def reduction_verdict(setting: GridReduction) -> str:
    """The three costs in one sentence."""
    pool, conv, both = (way.macs / 1e6 for way in setting.ways)
    return (
        f"{pool:,.1f} M MACs with the pool first, {conv:,.1f} M with the convolution first, {both:,.1f} M side by side"
    )


def grid_reduction_view(setting: GridReduction) -> str:
    """HTML: a row for each way, with its tensors as bars of values, and a table of costs."""
    most = max(max(way.values) for way in setting.ways)
    parts: list[str] = []
    for i, (way, colour) in enumerate(zip(setting.ways, (BLUE, GREEN, ORANGE), strict=True)):
        top = 6 + i * 110
        parts.append(text(4, top + 14, f"{way.name}: {way.macs:,} MACs", size=13))
        for j, values in enumerate(way.values):
            width = 330 * values / most
            parts += bar(4, top + 22 + 24 * j, width, 18, colour, "", hatched=values < way.values[-1])
            parts.append(text(12 + width, top + 36 + 24 * j, f"{values:,} values"))
    drawing = svg(560, 330, parts, f"The tensors of three ways, from first to last. {reduction_verdict(setting)}.")
    heads = ("way", "weights", "MACs", "narrowest tensor", "against pool first")
    first = setting.ways[0].macs
    rows = "".join(
        f"<tr><th scope='row'>{way.name}</th><td>{way.weights:,}</td><td>{way.macs:,}</td>"
        f"<td>{way.narrowest:,}{', a bottleneck' if way.narrowest < way.values[-1] else ''}</td>"
        f"<td>{way.macs / first:.2f}</td></tr>"
        for way in setting.ways
    )
    sides = f"<p>{setting.channels} channels on {setting.grid}x{setting.grid} to {setting.channels + setting.new} on "
    head = "".join(f"<th>{name}</th>" for name in heads)
    return (
        f"{drawing}<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f"{sides}{setting.small}x{setting.small}: <b>{reduction_verdict(setting)}.</b></p>"
    )


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    setting = GridReduction(**settings)
    html = grid_reduction_view(setting)
    if reference and dict(reference) != settings:
        times = setting.ways[2].macs / GridReduction(**reference).ways[2].macs
        html += f"<p>Against the pinned setting, side by side costs {times:.2f} times as much.</p>"
    return View(html, reduction_verdict(setting))


def reduction_presets() -> dict[str, GridReduction]:
    """The paper's example, and the sizes of Inception-v3's two reductions with one convolution each."""
    return {
        "the paper's example: 320 on 35x35": GridReduction(),
        "as 6a: 288 on 35x35, 480 new": GridReduction(288, 480, 35),
        "as 7a: 768 on 17x17, 512 new": GridReduction(768, 512, 17),
    }


def grid_reduction_explorer() -> "Panel":
    """The second explorer of chapter 06: the pool first, the convolution first, or both at once."""
    from .panel import Control, Panel

    return Panel(
        "Three ways to halve a grid",
        {
            "channels": Control("Input channels", 1, 1280),
            "new": Control("New channels", 1, 1280),
            "grid": Control("Grid side", 3, 112),
        },
        {name: asdict(setting) for name, setting in reduction_presets().items()},
        _view,
    )
