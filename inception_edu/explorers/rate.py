"""The rate explorer: recorded runs of one network with and without batch norm, each at a learning rate of its own."""

import re
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple

from ..course.records import load_record
from ..show.html import table
from ..show.palette import BLUE, VERMILLION
from .settings import Settings, choice, explorer
from .svg import svg, text

if TYPE_CHECKING:
    from .panel import Panel

RATES = ("0.001", "0.003", "0.01", "0.03", "0.1", "0.3", "1", "3")
"""Those of the record."""

ARMS = {"with": "with batch norm", "without": "without batch norm"}
HIGHEST = 2.9
"""Where the axis of the loss ends, in nats."""


class Ends(NamedTuple):
    """How the runs of an arm at a rate ended."""

    learned: list[dict[str, Any]]
    """The runs that learned, each with its `test` accuracy, a share of 1, and its `losses`, pass by pass."""
    stuck: list[dict[str, Any]]
    """The runs that are still guessing."""
    steps: list[int]
    """For each run that overflowed, the step at which its loss was no longer a number."""

    @property
    def total(self) -> int:
        return len(self.learned) + len(self.stuck) + len(self.steps)

    @property
    def losses(self) -> list[float]:
        """The mean loss of the runs that learned, pass by pass; empty where none did."""
        return [fmean(each) for each in zip(*(run["losses"] for run in self.learned), strict=True)]

    @property
    def words(self) -> str:
        parts = [f"{len(self.learned)} of {self.total} runs learn"]
        if self.learned:
            parts[0] += f" ({fmean(run['test'] for run in self.learned):.1%} correct)"
        if self.stuck:
            parts.append(f"{len(self.stuck)} still guessing after ten passes")
        if self.steps:
            parts.append(f"{len(self.steps)} overflowed, the first at step {min(self.steps)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Rates(Settings):
    """A learning rate for the network with batch norm and one for the network without, each one of `RATES`."""

    normed: str = choice("0.001", "Rate with batch norm", RATES)
    plain: str = choice("0.001", "Rate without batch norm", RATES)

    @property
    def ends(self) -> dict[str, Ends]:
        return {"with": _recorded()["with", self.normed], "without": _recorded()["without", self.plain]}

    @property
    def caught_up(self) -> int | None:
        """The first pass in which the loss with batch norm is as low as the other's at the end; None where it never is.

        It is None, too, where no run without batch norm learned.
        """
        end = self.ends["without"].losses[-1:]
        return next((n for n, loss in enumerate(self.ends["with"].losses, 1) if end and loss <= end[0]), None)

    def sentence(self) -> str:
        ends = self.ends
        words = (
            f"With batch norm at {self.normed}: {ends['with'].words}. Without at {self.plain}: {ends['without'].words}."
        )
        if self.caught_up:
            words += f" With batch norm, pass {self.caught_up} already reaches the loss that runs without it end at."
        return words

    def view(self) -> str:
        """The loss of every run, pass by pass, and how the runs ended."""
        rows = []
        for arm, name in ARMS.items():
            ends = self.ends[arm]
            tests = [run["test"] for run in ends.learned]
            span = f"{100 * min(tests):.1f} to {100 * max(tests):.1f}" if tests else "none"
            dead = ", ".join(map(str, sorted(ends.steps))) or "none"
            rows.append((name, f"{len(ends.learned)}", f"{len(ends.stuck)}", dead, span))
        heads = ("", "learned", "still guessing", "overflowed at step", "test accuracy of those that learned, %")
        return self._drawing() + table(heads, rows)

    def _drawing(self) -> str:
        left, right, top, low = 44.0, 620.0, 28.0, 232.0

        def place(number: float, loss: float) -> str:
            x = left + (right - left) * (number - 1) / 9
            return f"{x:.1f} {low - (low - top) * min(loss, HIGHEST) / HIGHEST:.1f}"

        def line(losses: list[float], look: str) -> str:
            points = "L".join(place(number, loss) for number, loss in enumerate(losses, 1))
            return f'<path d="M{points}" fill="none" {look}/>'

        parts = [f'<path d="M{left} {top}V{low}H{right}" stroke="currentColor" fill="none"/>']
        for loss in (0, 1, 2):
            x, y = map(float, place(1, loss).split())
            parts += [
                f'<path d="M{x - 4:.1f} {y:.1f}h4" stroke="currentColor"/>',
                text(x - 8, y + 4, f"{loss}", size=11, anchor="end"),
            ]
        for number in (1, 4, 7, 10):
            parts.append(text(float(place(number, 0).split()[0]), low + 16, f"{number}", size=11, anchor="middle"))
        parts += [
            text((left + right) / 2, low + 34, "pass over the training images", anchor="middle"),
            text(4, 14, "training loss (nats)"),
            f'<path d="M{place(1, 2.303)}L{place(10, 2.303)}" stroke="currentColor" stroke-dasharray="6 5"/>',
            text(right, float(place(1, 2.303).split()[1]) - 5, "guessing", size=11, anchor="end"),
        ]
        for number, (arm, colour) in enumerate((("with", BLUE), ("without", VERMILLION))):
            dashes = "" if arm == "with" else ' stroke-dasharray="7 4"'
            ends = self.ends[arm]
            for run in (*ends.learned, *ends.stuck):
                parts.append(line(run["losses"], f'stroke="{colour}" stroke-opacity="0.4"{dashes}'))
            if ends.losses:
                parts.append(line(ends.losses, f'stroke="{colour}" stroke-width="2.5"{dashes}'))
            x = 260 + 190 * number
            parts.append(f'<path d="M{x} 10h30" stroke="{colour}" stroke-width="2.5"{dashes}/>')
            parts.append(text(x + 36, 14, ARMS[arm]))
        return svg(640, 276, parts, f"Loss curves over ten passes. {self.sentence()}")


@cache
def _recorded() -> dict[tuple[str, str], Ends]:
    """For each arm and rate, how its recorded runs ended."""
    record = load_record("05_norm_and_rate")
    found = {(arm, rate): Ends([], [], []) for arm in ARMS for rate in RATES}
    for key, run in record["runs"].items():
        arm, rate = key.rpartition("/")[0].split()
        ends = found[arm, rate]
        if died := re.search(r"step (\d+) of epoch (\d+)", run["end"]):
            ends.steps.append(int(died[1]) + (int(died[2]) - 1) * record["steps_per_epoch"])
        else:
            (ends.learned if run["end"] == "learned" else ends.stuck).append(run)
    return found


def rate_explorer() -> "Panel":
    """The explorer of chapter 05; its presets are pairs of rates."""
    presets = {
        "both at 0.001": Rates(),
        "both at 0.03": Rates("0.03", "0.03"),
        "both at 0.1": Rates("0.1", "0.1"),
    }
    return explorer("A rate for each network", Rates, presets)
