"""The small-kernel explorer: up to three convolutions in a row against the one large kernel that sees as far."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ..arithmetic import conv_macs, receptive_field
from ..show.palette import BLUE, ORANGE
from .settings import at_least_one
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View

KERNELS = (0, 1, 3, 5, 7, 9, 11)
"""The kernels that the panel offers, by position in its lists; 0 stands for no layer."""


@dataclass(frozen=True)
class KernelStack:
    """Convolutions one behind the other, stride 1 and "same" padding, and the one convolution that sees as far.

    `kernels` are the sides of the square kernels; a 0 is no layer. The first layer reads `in_channels`, the last
    puts out `out_channels`, and `middle` channels stand between any two. MACs count multiply-adds per position at
    batch 1, without biases; the same number is the number of weights.

    Raises ValueError for widths or a grid below 1, for an even or negative kernel and where no layer is left.
    """

    kernels: tuple[int, ...] = (3, 3)
    in_channels: int = 64
    middle: int = 64
    out_channels: int = 64
    grid: int = 28

    def __post_init__(self) -> None:
        at_least_one({name: getattr(self, name) for name in ("in_channels", "middle", "out_channels", "grid")})
        for kernel in self.kernels:
            if kernel < 0 or (kernel and kernel % 2 == 0):
                raise ValueError(f"a {kernel}x{kernel} kernel has no middle to centre on a position; take an odd one")
        if not self.layers:
            raise ValueError("no layer is left: choose a kernel for at least one")

    @property
    def layers(self) -> tuple[int, ...]:
        """The kernels that are there."""
        return tuple(kernel for kernel in self.kernels if kernel)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels before, between and behind the layers."""
        return (self.in_channels, *[self.middle] * (len(self.layers) - 1), self.out_channels)

    @property
    def steps(self) -> tuple[int, ...]:
        """MACs per position of each layer."""
        return tuple(conv_macs(a, b, k) for (a, b), k in zip(pairwise(self.widths), self.layers, strict=True))

    @property
    def fields(self) -> tuple[int, ...]:
        """How many input cells one value sees along one side, behind each layer."""
        seen, field = [], 1
        for kernel in self.layers:
            field, _ = receptive_field(field, 1, kernel)
            seen.append(field)
        return tuple(seen)

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


def verdict(stack: KernelStack) -> str:
    """The comparison in one sentence, with both costs per position."""
    name, large = ", ".join(_side(kernel) for kernel in stack.layers), _side(stack.field)
    if len(stack.layers) == 1:
        return f"one {large}: {stack.single:,} MACs per position, and nothing to compare it with"
    numbers = f"{name}: {stack.stacked:,} MACs per position, one {large} has {stack.single:,}"
    if stack.stacked == stack.single:
        return f"{numbers}: both cost the same"
    return f"{numbers}: the stack costs {stack.share:.1%} of it" + (", which is more" if stack.share > 1 else "")


def small_kernels_view(stack: KernelStack) -> str:
    """HTML: what one value sees through the layers, both costs as bars on one scale, and a table of the layers."""
    return _drawing(stack) + _table(stack)


def _side(kernel: int) -> str:
    return f"{kernel}x{kernel}"


def _drawing(stack: KernelStack) -> str:
    left, width, longest = 250, 370, max(stack.single, stack.stacked)
    height = 66 * len(stack.layers) + 50
    parts = _pyramid(stack, height)
    middle = max(height / 2, 80)
    parts.append(text(left, middle - 58, f"one {_side(stack.field)}: {stack.single:,} MACs per position", size=13))
    parts += bar(left, middle - 50, width * stack.single / longest, 30, BLUE, "")
    parts.append(text(left, middle + 18, f"the stack: {stack.stacked:,} MACs per position", size=13))
    x = float(left)
    for i, (macs, kernel) in enumerate(zip(stack.steps, stack.layers, strict=True)):
        length = width * macs / longest
        parts += bar(x, middle + 26, length, 30, ORANGE, _side(kernel) if length > 34 else "", hatched=i % 2 == 1)
        x += length
    said = f"One value of the last layer sees {_side(stack.field)} cells of the input. Two bars: {verdict(stack)}."
    return svg(640, max(height, 150), parts, said)


def _pyramid(stack: KernelStack, height: float) -> list[str]:
    """One side of the grids: a cell of the last layer on top, below it the cells that it depends on."""
    cells = [1]
    for kernel in reversed(stack.layers):
        cells.append(cells[-1] + kernel - 1)
    size, centre = min(16.0, 190 / cells[-1]), 110.0
    parts = []
    tops = [18 + 66 * i for i in range(len(cells))]
    for i, (count, top) in enumerate(zip(cells, tops, strict=True)):
        start = centre - count * size / 2
        lines = "".join(f"M{start + n * size:.1f} {top}v16" for n in range(count + 1))
        parts.append(
            f'<rect x="{start:.1f}" y="{top}" width="{count * size:.1f}" height="16" fill="{ORANGE if i else BLUE}" '
            f'fill-opacity="0.45" stroke="currentColor"/><path d="{lines}" stroke="currentColor" stroke-width="0.6"/>'
        )
        if i + 1 < len(cells):
            wide, below = cells[i + 1] * size / 2, tops[i + 1]
            fan = f"M{start:.1f} {top + 16}L{centre - wide:.1f} {below}"
            fan += f"M{start + count * size:.1f} {top + 16}L{centre + wide:.1f} {below}"
            parts.append(f'<path d="{fan}" stroke="currentColor" stroke-opacity="0.6" fill="none"/>')
            parts.append(text(centre, top + 45, _side(stack.layers[-1 - i]), size=12, anchor="middle"))
    parts.append(text(centre, height - 3, f"sees {cells[-1]} cells", size=11, anchor="middle"))
    return parts


def _table(stack: KernelStack) -> str:
    positions = stack.grid * stack.grid
    rows = [
        (f"layer {i}, {_side(kernel)}", f"{a} to {b}", macs, field)
        for i, (kernel, (a, b), macs, field) in enumerate(
            zip(stack.layers, pairwise(stack.widths), stack.steps, stack.fields, strict=True), 1
        )
    ]
    mark = " class='ie-total'"
    ends = f"{stack.in_channels} to {stack.out_channels}"
    rows += [("the stack", ends, stack.stacked, stack.field)]
    rows += [(f"one {_side(stack.field)}", ends, stack.single, stack.field)]
    body = "".join(
        f"<tr{mark if name == 'the stack' else ''}><th scope='row'>{name}</th><td>{channels}</td>"
        f"<td>{macs:,}</td><td>{macs * positions:,}</td><td>{_side(field)}</td></tr>"
        for name, channels, macs, field in rows
    )
    return (
        f"<table><thead><tr><th>layer</th><th>channels</th><th>weights</th><th>MACs on {_side(stack.grid)}</th>"
        f"<th>receptive field</th></tr></thead><tbody>{body}</tbody></table><p><b>{verdict(stack)}.</b></p>"
    )


def _stack(settings: Mapping[str, int]) -> KernelStack:
    """The stack of a panel's values, whose kernels are positions in `KERNELS`."""
    kernels = tuple(KERNELS[settings[f"layer_{i}"]] for i in (1, 2, 3))
    return KernelStack(kernels, *(settings[name] for name in ("in_channels", "middle", "out_channels", "grid")))


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    stack = _stack(settings)
    html = small_kernels_view(stack)
    if reference and reference != settings:
        other = _stack(reference)
        times = stack.stacked / other.stacked
        html += (
            f"<p>Against the pinned setting: {times:.2f} times its MACs per position, and a receptive field of "
            f"{stack.field} where it has {other.field}.</p>"
        )
    return View(html, f"sees {_side(stack.field)}; {verdict(stack)}")


def _setting(stack: KernelStack) -> dict[str, int]:
    """A stack as a panel's values."""
    kernels = (*stack.kernels, 0, 0)[:3]
    places = {f"layer_{i}": KERNELS.index(kernel) for i, kernel in enumerate(kernels, 1)}
    return {**places, **{name: getattr(stack, name) for name in ("in_channels", "middle", "out_channels", "grid")}}


def presets() -> dict[str, KernelStack]:
    """What papers put in place of a large kernel, and what they put it in place of."""
    return {
        "two 3x3 for one 5x5": KernelStack(),
        "GoogLeNet 3a, its 5x5": KernelStack((5,), 16, 16, 32),
        "GoogLeNet 3a, two 3x3 instead": KernelStack((3, 3), 16, 32, 32),
        "BN-Inception 3a": KernelStack((3, 3), 64, 96, 96),
        "three 3x3 for one 7x7": KernelStack((3, 3, 3)),
        "one 11x11": KernelStack((11,)),
    }


def small_kernels_explorer() -> "Panel":
    """The explorer of chapter 05; the kernels are lists to choose from."""
    from .panel import Control, Panel, choose

    names = ("none", *(_side(kernel) for kernel in KERNELS[1:]))
    return Panel(
        "Small kernels against a large one",
        {
            **{f"layer_{i}": choose(f"Kernel of layer {i}", *names) for i in (1, 2, 3)},
            "in_channels": Control("Input channels", 1, 512),
            "middle": Control("Channels between", 1, 512),
            "out_channels": Control("Output channels", 1, 512),
            "grid": Control("Grid side", 1, 112),
        },
        {name: _setting(stack) for name, stack in presets().items()},
        _view,
    )
