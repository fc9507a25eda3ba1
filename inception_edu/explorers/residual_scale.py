"""The residual scale explorer: how far the values of a trunk spread while block after block is added to it."""

import math
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from ..course.records import load_record
from ..show.html import table
from ..show.palette import BLUE, VERMILLION
from .settings import Settings, choice, explorer, knob
from .svg import svg, text

if TYPE_CHECKING:
    from .panel import Panel

AFTER_SUM = ("nothing", "ReLU")
"""What may follow a sum."""

LIMIT = 1.2
"""The deviation that the task of chapter 08 allows."""


@dataclass(frozen=True)
class TrunkDeviation(Settings):
    """A trunk `x` of deviation 1 that becomes `x + scale * F(x)` in each of `blocks` blocks, before any training.

    `branch` is the standard deviation of what a branch F outputs, the same in each block, as batch norm in the
    branches makes it; `after` is what follows each sum.
    """

    scale: float = knob(1.0, "Residual scale", 0, 1, 0.005)
    blocks: int = knob(40, "Blocks", 1, 60)
    branch: float = knob(1.0, "Deviation of a branch", 0.1, 2, 0.1)
    after: str = choice("nothing", "After the sum", AFTER_SUM)

    @property
    def step(self) -> float:
        """The deviation of what every block adds."""
        return self.scale * self.branch

    @property
    def curve(self) -> tuple[float, ...]:
        """sqrt(1 + n (scale * branch)²) for n from 0 to `blocks`: the variances of independent terms add up."""
        return tuple(math.sqrt(1 + n * self.step**2) for n in range(self.blocks + 1))

    @property
    def measured(self) -> tuple[float, ...]:
        """The same from the recorded random networks; between two recorded steps the variance is interpolated."""
        runs = _recorded()[self.after]
        for (low, below), (high, above) in pairwise(runs):
            if low <= self.step <= high:
                share = (self.step**2 - low**2) / (high**2 - low**2)
                variances = [a * a + share * (b * b - a * a) for a, b in zip(below, above, strict=True)]
                return tuple(math.sqrt(variance) for variance in variances[: self.blocks + 1])
        raise AssertionError(f"the record ends at {runs[-1][0]}")

    def sentence(self) -> str:
        end = self.measured[-1]
        return (
            f"After {self.blocks} blocks that each add {self.step:.2f}, the standard deviation is {self.curve[-1]:.2f} "
            f"by the formula and {end:.2f} as measured, {'under' if end < LIMIT else 'not under'} the limit of {LIMIT}."
        )

    def versus(self, pinned: Self) -> str:
        times = self.measured[-1] / pinned.measured[-1]
        return f"Compared with the pinned setting, the measured deviation at the end is {times:.2f} times as large."

    def view(self) -> str:
        """The formula's curve and the measured dots, block by block, and a table of both at some depths."""
        depths = sorted({1, math.ceil(self.blocks / 4), math.ceil(self.blocks / 2), self.blocks})
        rows = [
            (name, *(f"{values[n]:.2f}" for n in depths))
            for name, values in (("by the formula", self.curve), ("measured", self.measured))
        ]
        return self._drawing() + table(("deviation after block", *map(str, depths)), rows)

    def _drawing(self) -> str:
        left, right, top, low = 52.0, 620.0, 28.0, 236.0
        curve, measured = self.curve, self.measured
        highest = 1.08 * max(*curve, *measured, LIMIT)

        def place(n: float, deviation: float) -> tuple[float, float]:
            return left + (right - left) * n / self.blocks, low - (low - top) * deviation / highest

        def dot(x: float, y: float) -> str:
            return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>'

        ticks = [(place(0, value)[1], value) for value in _ticks(highest)]
        limit = place(0, LIMIT)[1]
        line = "L".join("{:.1f} {:.1f}".format(*place(n, value)) for n, value in enumerate(curve))
        dots = "".join(dot(*place(n, value)) for n, value in enumerate(measured))
        parts = [
            f'<path d="M{left} {top}V{low}H{right}" stroke="currentColor" fill="none"/>',
            *(f'<path d="M{left - 4} {y:.1f}H{left}" stroke="currentColor"/>' for y, _ in ticks),
            *(text(left - 8, y + 4, f"{value:g}", size=11, anchor="end") for y, value in ticks),
            *(
                text(place(n, 0)[0], low + 16, f"{n:g}", size=11, anchor="middle")
                for n in (0, self.blocks / 2, self.blocks)
            ),
            text((left + right) / 2, low + 34, "blocks added", anchor="middle"),
            text(left - 44, top - 12, "standard deviation of the trunk"),
            f'<path d="M{left} {limit:.1f}H{right}" stroke="currentColor" stroke-dasharray="6 5"/>',
            text(right, limit - 5, f"limit {LIMIT}", size=11, anchor="end"),
            f'<path d="M{line}" stroke="{BLUE}" stroke-width="2.5" fill="none"/>',
            f'<g fill="{VERMILLION}">{dots}{dot(410, 16)}</g>',
            f'<path d="M300 16h26" stroke="{BLUE}" stroke-width="2.5"/>',
            *(text(332, 20, "formula"), text(420, 20, "measured")),
        ]
        return svg(640, 278, parts, f"A curve and dots over {self.blocks} blocks. {self.sentence()}")


@cache
def _recorded() -> dict[str, list[tuple[float, list[float]]]]:
    """For each of `AFTER_SUM`, the recorded steps in ascending order with the deviations after 0 to 60 blocks."""
    record = load_record("08_trunk_deviation")
    return {
        after: [(step, record["runs"][f"{after}/{step}"]) for step in sorted(record["scales"])] for after in AFTER_SUM
    }


def _ticks(highest: float) -> list[float]:
    """Four to eight round numbers from 0 up to `highest`."""
    step = next(s for s in (0.2, 0.5, 1, 2, 5) if highest / s <= 8)
    return [step * i for i in range(int(highest / step) + 1)]


def residual_scale_explorer() -> "Panel":
    """The explorer of chapter 08; presets are a plain sum and the three stages of the released Inception-ResNet-v2."""
    presets = {
        "added unscaled": TrunkDeviation(),
        "35x35 as released: 10 at 0.17": TrunkDeviation(0.17, 10, after="ReLU"),
        "17x17 as released: 20 at 0.10": TrunkDeviation(0.10, 20, after="ReLU"),
        "8x8 as released: 9 at 0.20": TrunkDeviation(0.20, 9, after="ReLU"),
        "the paper's upper end, 0.3": TrunkDeviation(0.3),
    }
    return explorer("How far does the trunk spread?", TrunkDeviation, presets)
