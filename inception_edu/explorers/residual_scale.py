"""The residual scale explorer: how far the values of a trunk spread while block after block is added to it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from ..course.records import load_record
from ..show.palette import BLUE, VERMILLION
from .svg import svg, text

if TYPE_CHECKING:
    from .panel import Panel, View

AFTER_SUM = ("nothing", "ReLU")
"""What may stand behind a sum; `TrunkDeviation.after` is a position in this list."""

LIMIT = 1.2
"""The deviation that the task of chapter 08 allows."""


@dataclass(frozen=True)
class TrunkDeviation:
    """A trunk `x` of deviation 1 that becomes `x + scale * F(x)` in each of `blocks` blocks, before any training.

    `branch` is the standard deviation of what a branch F puts out, the same in each block, as batch norm in the
    branches makes it. Raises ValueError for numbers outside 0 to 1 (scale), 1 to 60 (blocks), above 0 to 2
    (branch), and for a position that is not in `AFTER_SUM`.
    """

    scale: float = 1.0
    blocks: int = 40
    branch: float = 1.0
    after: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= 1:
            raise ValueError(f"scale is {self.scale:g}, and must be from 0 to 1: nobody adds a branch more than once")
        if self.blocks != int(self.blocks) or not 1 <= self.blocks <= 60:
            raise ValueError(f"blocks is {self.blocks:g}, and must be a whole number from 1 to 60")
        if not 0 < self.branch <= 2:
            raise ValueError(f"branch is {self.branch:g}, and must be above 0 and at most 2")
        if self.after not in range(len(AFTER_SUM)):
            raise ValueError(f"after is {self.after:g}, and must be 0 (nothing) or 1 (ReLU)")

    @property
    def step(self) -> float:
        """The deviation of what every block adds."""
        return self.scale * self.branch

    @property
    def curve(self) -> tuple[float, ...]:
        """sqrt(1 + n (scale * branch)²) for n from 0 to `blocks`: the variances of independent terms add up."""
        return tuple(math.sqrt(1 + n * self.step**2) for n in range(int(self.blocks) + 1))

    @property
    def measured(self) -> tuple[float, ...]:
        """The same from the recorded random networks; between two recorded steps the variance is interpolated."""
        runs = _recorded()[AFTER_SUM[int(self.after)]]
        for (low, below), (high, above) in pairwise(runs):
            if low <= self.step <= high:
                share = (self.step**2 - low**2) / (high**2 - low**2)
                both = zip(below, above, strict=True)
                variances = [a * a + share * (b * b - a * a) for a, b in both]
                return tuple(math.sqrt(variance) for variance in variances[: int(self.blocks) + 1])
        raise AssertionError(f"the record ends at {runs[-1][0]}")


@cache
def _recorded() -> dict[str, list[tuple[float, list[float]]]]:
    """For each of `AFTER_SUM`, the recorded steps in ascending order with the deviations behind 0 to 60 blocks."""
    record = load_record("08_trunk_deviation")
    return {
        after: [(step, record["runs"][f"{after}/{step}"]) for step in sorted(record["scales"])] for after in AFTER_SUM
    }


def deviation_sentence(trunk: TrunkDeviation) -> str:
    """The end of the trunk in one sentence, and whether it kept within the limit of the task."""
    end = trunk.measured[-1]
    kept = "under" if end < LIMIT else "not under"
    return (
        f"Behind {trunk.blocks:g} blocks that each add {trunk.step:.2f}, the deviation is {trunk.curve[-1]:.2f} by "
        f"the curve and {end:.2f} measured, {kept} {LIMIT}"
    )


def deviation_view(trunk: TrunkDeviation, reference: TrunkDeviation | None = None) -> str:
    """HTML: the curve and the measured dots, block by block, and a table of both at some depths."""
    html = _drawing(trunk) + _table(trunk) + f"<p><b>{deviation_sentence(trunk)}.</b></p>"
    if reference and reference != trunk:
        times = trunk.measured[-1] / reference.measured[-1]
        html += f"<p>Against the pinned setting, the measured deviation at the end is {times:.2f} times as large.</p>"
    return html


def _drawing(trunk: TrunkDeviation) -> str:
    left, right, top, low = 52.0, 620.0, 28.0, 236.0
    highest = 1.08 * max(*trunk.curve, *trunk.measured, LIMIT)

    def place(n: float, deviation: float) -> tuple[float, float]:
        return left + (right - left) * n / trunk.blocks, low - (low - top) * deviation / highest

    parts = [f'<path d="M{left} {top}V{low}H{right}" stroke="currentColor" fill="none"/>']
    for value in _ticks(highest):
        y = place(0, value)[1]
        parts.append(f'<path d="M{left - 4} {y:.1f}H{left}" stroke="currentColor"/>')
        parts.append(text(left - 8, y + 4, f"{value:g}", size=11, anchor="end"))
    for n in (0, trunk.blocks / 2, trunk.blocks):
        parts.append(text(place(n, 0)[0], low + 16, f"{n:g}", size=11, anchor="middle"))
    parts.append(text((left + right) / 2, low + 34, "blocks added", anchor="middle"))
    parts.append(text(left - 44, top - 12, "standard deviation of the trunk"))
    y = place(0, LIMIT)[1]
    parts.append(f'<path d="M{left} {y:.1f}H{right}" stroke="currentColor" stroke-dasharray="6 5"/>')
    parts.append(text(right, y - 5, f"limit {LIMIT}", size=11, anchor="end"))
    line = "L".join("{:.1f} {:.1f}".format(*place(n, value)) for n, value in enumerate(trunk.curve))
    parts.append(f'<path d="M{line}" stroke="{BLUE}" stroke-width="2.5" fill="none"/>')
    for n, value in enumerate(trunk.measured):
        x, y = place(n, value)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{VERMILLION}"/>')
    parts.append(f'<path d="M300 16h26" stroke="{BLUE}" stroke-width="2.5"/>' + text(332, 20, "curve"))
    parts.append(f'<circle cx="410" cy="16" r="3" fill="{VERMILLION}"/>' + text(420, 20, "measured"))
    return svg(640, 278, parts, f"A curve and dots over {trunk.blocks:g} blocks. {deviation_sentence(trunk)}.")


def _ticks(highest: float) -> list[float]:
    """Four to eight round numbers from 0 up to `highest`."""
    step = next(s for s in (0.2, 0.5, 1, 2, 5) if highest / s <= 8)
    return [step * i for i in range(int(highest / step) + 1)]


def _table(trunk: TrunkDeviation) -> str:
    depths = sorted({1, math.ceil(trunk.blocks / 4), math.ceil(trunk.blocks / 2), int(trunk.blocks)})
    heads = "".join(f"<th>{n}</th>" for n in depths)
    rows = "".join(
        f"<tr><th scope='row'>{name}</th>{''.join(f'<td>{values[n]:.2f}</td>' for n in depths)}</tr>"
        for name, values in (("by the curve", trunk.curve), ("measured", trunk.measured))
    )
    return f"<table><thead><tr><th>deviation behind block</th>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _view(*, reference: Mapping[str, float] | None = None, **settings: float) -> "View":
    from .panel import View

    trunk = _trunk(**settings)
    return View(deviation_view(trunk, _trunk(**reference) if reference else None), deviation_sentence(trunk))


def _trunk(scale: float, blocks: float, branch: float, after: float) -> TrunkDeviation:
    """A panel's numbers as a trunk; the browser may send whole numbers as 40.0."""
    whole = int(blocks) if blocks == int(blocks) else blocks
    return TrunkDeviation(scale, whole, branch, int(after))  # type: ignore[arg-type]


def residual_scale_explorer() -> "Panel":
    """The explorer of chapter 08; presets are a plain sum and the three stages of the released Inception-ResNet-v2."""
    from .panel import Control, Panel, choose

    return Panel(
        "How far does the trunk spread?",
        {
            "scale": Control("Residual scale", 0, 1, 0.005),
            "blocks": Control("Blocks", 1, 60),
            "branch": Control("Deviation of a branch", 0.1, 2, 0.1),
            "after": choose("Behind the sum", *AFTER_SUM),
        },
        {
            "added as it is": vars(TrunkDeviation()),
            "35x35 as released: 10 at 0.17": vars(TrunkDeviation(0.17, 10, after=1)),
            "17x17 as released: 20 at 0.10": vars(TrunkDeviation(0.10, 20, after=1)),
            "8x8 as released: 9 at 0.20": vars(TrunkDeviation(0.20, 9, after=1)),
            "the paper's upper end, 0.3": vars(TrunkDeviation(0.3)),
        },
        _view,
    )
