"""The small-kernel explorer: up to three convolutions in a row against the one large kernel that sees as far."""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Self

from ..arithmetic import conv_macs, receptive_field
from ..show.html import table
from ..show.palette import BLUE, ORANGE
from .settings import Settings, choice, explorer, knob
from .svg import bar, stacked, svg, text

if TYPE_CHECKING:
    from .panel import Panel

KERNELS = {"none": 0, **{f"{side}x{side}": side for side in (1, 3, 5, 7, 9, 11)}}
"""The kernels to choose from, and their sides; 0 stands for no layer."""


@dataclass(frozen=True)
class KernelStack(Settings):
    """Convolutions in a row, stride 1 and "same" padding, and the one convolution that sees as far.

    `layer_1` to `layer_3` are names of `KERNELS`. The first layer reads `in_channels`, the last outputs `out_channels`,
    and there are `middle` channels between any two. MACs count multiply-adds per position at batch 1, without biases;
    the same number is the number of weights. Raises ValueError where no layer is left.
    """

    layer_1: str = choice("3x3", "Kernel of layer 1", KERNELS)
    layer_2: str = choice("3x3", "Kernel of layer 2", KERNELS)
    layer_3: str = choice("none", "Kernel of layer 3", KERNELS)
    in_channels: int = knob(64, "Input channels", 1, 512)
    middle: int = knob(64, "Middle channels", 1, 512)
    out_channels: int = knob(64, "Output channels", 1, 512)
    grid: int = knob(28, "Grid side", 1, 112)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.layers:
            raise ValueError("all three layers are set to none: choose a kernel for at least one")

    @property
    def layers(self) -> tuple[int, ...]:
        """The sides of the kernels that are not "none"."""
        return tuple(filter(None, (KERNELS[name] for name in (self.layer_1, self.layer_2, self.layer_3))))

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels before, between and after the layers."""
        return (self.in_channels, *[self.middle] * (len(self.layers) - 1), self.out_channels)

    @property
    def steps(self) -> tuple[int, ...]:
        """MACs per position of each layer."""
        return tuple(conv_macs(a, b, k) for (a, b), k in zip(pairwise(self.widths), self.layers, strict=True))

    @property
    def fields(self) -> tuple[int, ...]:
        """How many input cells one value sees along one side, after each layer."""
        return tuple(accumulate(self.layers, lambda field, side: receptive_field(field, 1, side)[0], initial=1))[1:]

    @property
    def field(self) -> int:
        """The receptive field of the whole stack, along one side."""
        return self.fields[-1]

    @property
    def stacked(self) -> int:
        """MACs per position of all layers."""
        return sum(self.steps)

    @property
    def single(self) -> int:
        """MACs per position of one convolution with the same receptive field, straight from in to out channels."""
        return conv_macs(self.in_channels, self.out_channels, self.field)

    @property
    def share(self) -> float:
        """The stack's cost as a share of the one large convolution's."""
        return self.stacked / self.single

    def savings(self) -> str:
        """The comparison, with both costs per position."""
        name, large = ", ".join(map(_square, self.layers)), _square(self.field)
        if len(self.layers) == 1:
            return f"one {large} costs {self.single:,} MACs per position, and there is no stack to compare it with."
        numbers = f"{name} cost {self.stacked:,} MACs per position, one {large} costs {self.single:,}"
        if self.share == 1:
            return f"{numbers}: the same."
        return f"{numbers}. The stack costs {self.share:.1%} as much."

    def sentence(self) -> str:
        return f"Sees {_square(self.field)}; {self.savings()}"

    def versus(self, pinned: Self) -> str:
        return (
            f"Compared with the pinned setting: {self.stacked / pinned.stacked:.2f} times the MACs per position, and a "
            f"receptive field of {self.field} instead of {pinned.field}."
        )

    def view(self) -> str:
        """What one value sees through the layers, both costs as bars on one scale, and a table of the layers."""
        return self._drawing() + self._table()

    def _drawing(self) -> str:
        left, scale = 250, 370 / max(self.single, self.stacked)
        height = 66 * len(self.layers) + 50
        middle = max(height / 2, 80)
        pieces = zip(map(_square, self.layers), self.steps, [ORANGE] * 3, strict=False)
        parts = [
            *self._pyramid(height),
            text(left, middle - 58, f"one {_square(self.field)}: {self.single:,} MACs per position", size=13),
            *bar(left, middle - 50, scale * self.single, 30, BLUE, ""),
            text(left, middle + 18, f"the stack: {self.stacked:,} MACs per position", size=13),
            *stacked(left, middle + 26, scale, 30, pieces),
        ]
        said = f"One value of the last layer sees {_square(self.field)} cells of the input. Two bars: {self.savings()}"
        return svg(640, max(height, 150), parts, said)

    def _pyramid(self, height: float) -> list[str]:
        """One side of the grids: a cell of the last layer on top, below it the cells that it depends on."""
        cells = list(accumulate((side - 1 for side in reversed(self.layers)), initial=1))
        size, centre = min(16.0, 190 / cells[-1]), 110.0
        parts = []
        for i, count in enumerate(cells):
            start, top = centre - count * size / 2, 18 + 66 * i
            lines = "".join(f"M{start + n * size:.1f} {top}v16" for n in range(count + 1))
            parts.append(
                f'<rect x="{start:.1f}" y="{top}" width="{count * size:.1f}" height="16" '
                f'fill="{ORANGE if i else BLUE}" fill-opacity="0.45" stroke="currentColor"/>'
                f'<path d="{lines}" stroke="currentColor" stroke-width="0.6"/>'
            )
            if i + 1 < len(cells):
                wide = cells[i + 1] * size / 2
                fan = f"M{start:.1f} {top + 16}L{centre - wide:.1f} {top + 66}"
                fan += f"M{start + count * size:.1f} {top + 16}L{centre + wide:.1f} {top + 66}"
                parts.append(f'<path d="{fan}" stroke="currentColor" stroke-opacity="0.6" fill="none"/>')
                parts.append(text(centre, top + 45, _square(self.layers[-1 - i]), size=12, anchor="middle"))
        parts.append(text(centre, height - 3, f"sees {cells[-1]} cells", size=11, anchor="middle"))
        return parts

    def _table(self) -> str:
        ends = f"{self.in_channels} to {self.out_channels}"
        layers = zip(self.layers, pairwise(self.widths), self.steps, self.fields, strict=True)
        rows = [
            *((f"layer {i}, {_square(k)}", f"{a} to {b}", n, f) for i, (k, (a, b), n, f) in enumerate(layers, 1)),
            ("the stack", ends, self.stacked, self.field),
            (f"one {_square(self.field)}", ends, self.single, self.field),
        ]
        heads = ("layer", "channels", "weights", f"MACs on {_square(self.grid)}", "receptive field")
        return table(heads, [(*row, n, n * self.grid**2, _square(field)) for *row, n, field in rows], total=-2)


def _square(side: int) -> str:
    return f"{side}x{side}"


def presets() -> dict[str, KernelStack]:
    """The stacks that papers use in place of a large kernel, and the kernels that they replace."""
    return {
        "two 3x3 for one 5x5": KernelStack(),
        "GoogLeNet 3a, its 5x5": KernelStack("5x5", "none", "none", 16, 16, 32),
        "GoogLeNet 3a, two 3x3 instead": KernelStack("3x3", "3x3", "none", 16, 32, 32),
        "BN-Inception 3a": KernelStack("3x3", "3x3", "none", 64, 96, 96),
        "three 3x3 for one 7x7": KernelStack("3x3", "3x3", "3x3"),
        "one 11x11": KernelStack("11x11", "none"),
    }


def small_kernels_explorer() -> "Panel":
    """The explorer of deeper/06_stem; the kernels are lists to choose from."""
    return explorer("Small kernels against a large one", KernelStack, presets())
