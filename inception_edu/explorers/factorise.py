"""The factorising explorer: one n x n convolution, a 1 x n and an n x 1 in a row, or a stack of 3x3s."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, NamedTuple

from ..arithmetic import Pair, conv_params, pair, receptive_field
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import at_least_one, centred
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View


class Way(NamedTuple):
    """One way to look at n x n cells: its kernels (height, width) in order, and its number of weights, biases left out.

    The weights are also its MACs per position, conv multiply-adds at batch 1.
    """

    name: str
    kernels: tuple[Pair, ...]
    weights: int

    @property
    def field(self) -> Pair:
        """The receptive field (height, width) in cells of the grid, at stride 1."""
        sides = []
        for axis in (0, 1):
            field, jump = 1, 1
            for kernel in self.kernels:
                field, jump = receptive_field(field, jump, kernel[axis])
            sides.append(field)
        return sides[0], sides[1]


@dataclass(frozen=True)
class Factorisation:
    """Three ways from `in_channels` to `out_channels` that see n x n cells of a `grid` x `grid` map.

    `between` is the number of channels between the layers of the ways that have more than one.
    Raises ValueError for a number below 1, for an even n, which "same" padding cannot centre, and for n = 1.
    """

    n: int = 7
    in_channels: int = 192
    between: int = 192
    out_channels: int = 192
    grid: int = 17

    def __post_init__(self) -> None:
        at_least_one(asdict(self))
        if self.n == 1:
            raise ValueError("a 1x1 is already as small as a kernel can be; take n = 3 or more")
        centred(self.n)

    @property
    def ways(self) -> tuple[Way, Way, Way]:
        """The square kernel, the two thin ones, and the stack of 3x3s with the same receptive field."""
        n, depth = self.n, (self.n - 1) // 2
        return (
            self._way(f"one {n}x{n}", n),
            self._way(f"1x{n}, {n}x1", (1, n), (n, 1)),
            self._way("one 3x3" if depth == 1 else f"{depth} times 3x3", *[3] * depth),
        )

    def _way(self, name: str, *kernels: int | Pair) -> Way:
        channels = [self.in_channels, *[self.between] * (len(kernels) - 1), self.out_channels]
        steps = zip(channels[:-1], channels[1:], kernels, strict=True)
        return Way(name, tuple(map(pair, kernels)), sum(conv_params(*step) for step in steps))

    @property
    def exact_between(self) -> int:
        """The fewest channels between a 1 x n and an n x 1, without a ReLU there, that let them equal any n x n."""
        return self.n * min(self.in_channels, self.out_channels)

    @property
    def positions(self) -> int:
        return self.grid * self.grid


def verdict(setting: Factorisation) -> str:
    """The thin pair against the square in one sentence."""
    square, thin, _ = setting.ways
    share = thin.weights / square.weights
    if share == 1:
        return f"{thin.name} has as many weights as {square.name}"
    return f"{thin.name} has {share:.1%} of the weights and MACs of {square.name}"


def exactness(setting: Factorisation) -> str:
    """Whether the thin pair, without a ReLU between, could equal every square kernel, in one sentence."""
    square, _, _ = setting.ways
    needed, n = setting.exact_between, setting.n
    price = n * needed * (setting.in_channels + setting.out_channels) / square.weights
    could = "can" if setting.between >= needed else "cannot"
    return (
        f"With {setting.between} channels between and no ReLU there, the pair {could} equal every {n}x{n}; "
        f"that takes {needed} channels, at {price:.2f} times the square's cost"
    )


def factorise_view(setting: Factorisation) -> str:
    """HTML: the three ways drawn with bars on one scale of weights, a table of costs, and what the pair can equal."""
    return _drawing(setting) + _table(setting) + f"<p><b>{verdict(setting)}.</b> {exactness(setting)}.</p>"


def _drawing(setting: Factorisation) -> str:
    """A row for each way: its kernels as small grids of cells, and a bar for its weights."""
    longest = max(way.weights for way in setting.ways)
    row, left, width = 92, 250, 300
    parts: list[str] = []
    looks = zip(setting.ways, (BLUE, ORANGE, GREEN), (False, True, False), strict=True)
    for i, (way, colour, hatched) in enumerate(looks):
        top = i * row + 6
        x = 4.0
        cell = min(8.0, 72 / setting.n, 210 / (sum(w for _, w in way.kernels) + 2 * len(way.kernels)))
        for kernel in way.kernels:
            parts.append(_cells(x, top + 38, kernel, cell, colour))
            x += (kernel[1] + 2) * cell
        parts.append(text(left, top + 24, f"{way.name}: {way.weights:,} weights", size=13))
        parts += bar(left, top + 34, width * way.weights / longest, 26, colour, "", hatched=hatched)
    return svg(580, 3 * row, parts, f"Three ways and their weights on one scale. {verdict(setting)}.")


def _cells(x: float, middle: float, kernel: Pair, cell: float, colour: str) -> str:
    """A kernel as its cells, from `x` to the right, centred on the height `middle`."""
    height, width = kernel
    top = middle - height * cell / 2
    rows = "".join(f"M{x:.1f} {top + i * cell:.1f}h{width * cell:.1f}" for i in range(height + 1))
    columns = "".join(f"M{x + i * cell:.1f} {top:.1f}v{height * cell:.1f}" for i in range(width + 1))
    box = f'x="{x:.1f}" y="{top:.1f}" width="{width * cell:.1f}" height="{height * cell:.1f}"'
    return f'<rect {box} fill="{colour}" fill-opacity="0.45"/><path d="{rows}{columns}" stroke="currentColor"/>'


def _table(setting: Factorisation) -> str:
    square = setting.ways[0]
    heads = ("way", "layers", "sees", "weights", f"MACs on {setting.grid}x{setting.grid}", "against the square")
    rows = [
        (
            *(way.name, f"{len(way.kernels)}", "x".join(map(str, way.field)), f"{way.weights:,}"),
            *(f"{way.weights * setting.positions:,}", f"{way.weights / square.weights:.1%}"),
        )
        for way in setting.ways
    ]
    body = "".join(
        f"<tr><th scope='row'>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, *cells in rows
    )
    return f"<table><thead><tr>{''.join(f'<th>{h}</th>' for h in heads)}</tr></thead><tbody>{body}</tbody></table>"


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    setting = Factorisation(**settings)
    html = factorise_view(setting)
    if reference and dict(reference) != settings:
        times = setting.ways[1].weights / Factorisation(**reference).ways[1].weights
        html += f"<p>Against the pinned setting, the thin pair has {times:.2f} times the weights.</p>"
    return View(html, f"{verdict(setting)}. {exactness(setting)}")


def presets() -> dict[str, Factorisation]:
    """Pairs of Inception-v3's 17x17 blocks, the paper's 3x3, and the one sequential pair of Inception-v4's C block."""
    return {
        "Inception-v3, 6e: 192 channels, n = 7": Factorisation(),
        "Inception-v3, 6b: 128 between, n = 7": Factorisation(7, 128, 128, 192, 17),
        "the paper's 3x3, here on 17x17": Factorisation(3, 192, 192, 192, 17),
        "Inception-v4, C: 384 to 448 to 512, n = 3": Factorisation(3, 384, 448, 512, 8),
    }


def factorise_explorer() -> "Panel":
    """The explorer of chapter 06: what a 1 x n and an n x 1 cost, and what they cannot do."""
    from .panel import Control, Panel

    return Panel(
        "One square kernel, two thin ones, or a stack of 3x3s",
        {
            "n": Control("Kernel side n", 3, 11, 2),
            "in_channels": Control("Input channels", 1, 1024),
            "between": Control("Channels between", 1, 2048),
            "out_channels": Control("Output channels", 1, 1024),
            "grid": Control("Grid side", 1, 112),
        },
        {name: asdict(setting) for name, setting in presets().items()},
        _view,
    )
