"""The factorising explorer: one n x n convolution, a 1 x n and an n x 1 in a row, or a stack of 3x3s."""

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple, Self

from ..arithmetic import Pair, conv_params, pair, receptive_field
from ..show.html import table
from ..show.palette import BLUE, GREEN, ORANGE
from .settings import Settings, explorer, knob, odd
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel


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
        height, width = (
            reduce(lambda field, side: receptive_field(field, 1, side)[0], sides, 1)
            for sides in zip(*self.kernels, strict=True)
        )
        return height, width


@dataclass(frozen=True)
class Factorisation(Settings):
    """Three ways from `in_channels` to `out_channels` that see n x n cells of a `grid` x `grid` map.

    `middle` is the number of channels between the layers of the ways that have more than one.
    """

    n: int = knob(7, "Kernel side n", 3, 11, 2)
    in_channels: int = knob(192, "Input channels", 1, 1024)
    middle: int = knob(192, "Middle channels", 1, 2048)
    out_channels: int = knob(192, "Output channels", 1, 1024)
    grid: int = knob(17, "Grid side", 1, 112)

    def __post_init__(self) -> None:
        super().__post_init__()
        odd(self.n)

    @property
    def ways(self) -> tuple[Way, Way, Way]:
        """The square kernel, the two thin ones, and the stack of 3x3s with the same receptive field."""
        n, depth = self.n, (self.n - 1) // 2
        return (
            self._way(f"one {n}x{n}", n),
            self._way(f"1x{n}, {n}x1", (1, n), (n, 1)),
            self._way(("one 3x3", "two 3x3s", "three 3x3s", "four 3x3s", "five 3x3s")[depth - 1], *[3] * depth),
        )

    def _way(self, name: str, *kernels: int | Pair) -> Way:
        channels = [self.in_channels, *[self.middle] * (len(kernels) - 1), self.out_channels]
        steps = zip(channels[:-1], channels[1:], kernels, strict=True)
        return Way(name, tuple(map(pair, kernels)), sum(conv_params(*step) for step in steps))

    @property
    def exact_middle(self) -> int:
        """The fewest middle channels with which a 1 x n and an n x 1, without a ReLU there, can equal any n x n."""
        return self.n * min(self.in_channels, self.out_channels)

    @property
    def positions(self) -> int:
        return self.grid * self.grid

    def savings(self) -> str:
        """The thin pair against the square in one sentence."""
        square, thin, _ = self.ways
        if thin.weights == square.weights:
            return f"{thin.name} has as many weights as {square.name}."
        return f"{thin.name} has {thin.weights / square.weights:.1%} of the weights and MACs of {square.name}."

    def exactness(self) -> str:
        """Whether the thin pair, without a ReLU between, could equal every square kernel, in one sentence."""
        needed, n = self.exact_middle, self.n
        price = n * needed * (self.in_channels + self.out_channels) / self.ways[0].weights
        could = "can" if self.middle >= needed else "cannot"
        return (
            f"With {self.middle:,} middle channels and no ReLU, the pair {could} replace every {n}x{n} exactly; that "
            f"takes {needed:,} middle channels and costs {price:.2f} times as much as the square."
        )

    def sentence(self) -> str:
        return f"{self.savings()} {self.exactness()}"

    def versus(self, pinned: Self) -> str:
        times = self.ways[1].weights / pinned.ways[1].weights
        return f"Compared with the pinned setting, the thin pair has {times:.2f} times the weights."

    def view(self) -> str:
        """A row for each way, its kernels as small grids of cells and a bar for its weights; a table of costs."""
        ways, square = self.ways, self.ways[0].weights
        longest = max(way.weights for way in ways)
        row, left, width = 92, 250, 300
        parts: list[str] = []
        for i, (way, colour) in enumerate(zip(ways, (BLUE, ORANGE, GREEN), strict=True)):
            top, x = i * row + 6, 4.0
            cell = min(8.0, 72 / self.n, 210 / (sum(w for _, w in way.kernels) + 2 * len(way.kernels)))
            for kernel in way.kernels:
                parts.append(_cells(x, top + 38, kernel, cell, colour))
                x += (kernel[1] + 2) * cell
            parts.append(text(left, top + 24, f"{way.name}: {way.weights:,} weights", size=13))
            parts += bar(left, top + 34, width * way.weights / longest, 26, colour, "", hatched=i == 1)
        heads = ("kernels", "layers", "sees", "weights", f"MACs on {self.grid}x{self.grid}", "share of the square's")
        rows = [
            (
                *(way.name, len(way.kernels), "x".join(map(str, way.field)), way.weights),
                *(way.weights * self.positions, f"{way.weights / square:.1%}"),
            )
            for way in ways
        ]
        said = f"Three ways and their weights on one scale. {self.savings()}"
        return svg(580, 3 * row, parts, said) + table(heads, rows)


def _cells(x: float, middle: float, kernel: Pair, cell: float, colour: str) -> str:
    """A kernel as its cells, from `x` to the right, centred on the height `middle`."""
    height, width = kernel
    top = middle - height * cell / 2
    rows = "".join(f"M{x:.1f} {top + i * cell:.1f}h{width * cell:.1f}" for i in range(height + 1))
    columns = "".join(f"M{x + i * cell:.1f} {top:.1f}v{height * cell:.1f}" for i in range(width + 1))
    box = f'x="{x:.1f}" y="{top:.1f}" width="{width * cell:.1f}" height="{height * cell:.1f}"'
    return f'<rect {box} fill="{colour}" fill-opacity="0.45"/><path d="{rows}{columns}" stroke="currentColor"/>'


def presets() -> dict[str, Factorisation]:
    """Pairs of Inception-v3's 17x17 blocks, the paper's 3x3, and the one sequential pair of Inception-v4's C block."""
    return {
        "Inception-v3, 6e: 192 channels, n = 7": Factorisation(),
        "Inception-v3, 6b: 128 middle channels, n = 7": Factorisation(7, 128, 128, 192, 17),
        "the paper's 3x3, here on 17x17": Factorisation(3, 192, 192, 192, 17),
        "Inception-v4, C: 384 to 448 to 512, n = 3": Factorisation(3, 384, 448, 512, 8),
    }


def factorise_explorer() -> "Panel":
    """The explorer of chapter 06: what a 1 x n and an n x 1 cost, and what they cannot do."""
    return explorer("One square kernel, two thin ones, or a stack of 3x3s", Factorisation, presets())
