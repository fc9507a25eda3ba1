"""The price explorer: three budgets and a wish, and which networks are left."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ..course.choices import CROWDED, Choice, choices
from ..show.html import table
from ..show.palette import BLUE
from .settings import Settings, explorer, knob
from .svg import svg, text

if TYPE_CHECKING:
    from .panel import Panel

LOW, HIGH = 55.0, 83.0
"""The ends of the picture's axis of accuracies, in %."""


@dataclass(frozen=True)
class Price(Settings):
    """The most that a network may cost, each price on its own, and the accuracy that it must reach."""

    params: float = knob(60.0, "Parameters, millions at most", 1, 60, 0.5)
    macs: float = knob(14.0, "MACs, billions at most", 0.2, 14, 0.1)
    milliseconds: int = knob(250, "Milliseconds at most", 5, 250)
    top1: float = knob(55.0, "Top-1 accuracy in %, at least", 55, 81, 0.5)

    @property
    def left(self) -> tuple[Choice, ...]:
        """The networks within all four bounds, the most accurate first."""
        return tuple(each for each in choices()[::-1] if not self.faults(each))

    def faults(self, network: Choice) -> str:
        """What rules a network out, in words; empty if nothing does. Figures count as they are shown, rounded."""
        wrong = {
            "too many parameters": network.params > 1e6 * self.params,
            "too many MACs": round(network.macs / 1e9, 2) > self.macs,
            "too slow": round(network.milliseconds) > self.milliseconds,
            "not accurate enough": round(network.top1, 1) < self.top1,
        }
        return ", ".join(words for words, is_so in wrong.items() if is_so)

    def sentence(self) -> str:
        left = self.left
        most = f"{self.params:g} M parameters, {self.macs:g} G MACs and {self.milliseconds:g} ms"
        budget = f"Budget: at most {most}, at least {self.top1:g} %."
        if not left:
            return f"{budget} None of the {len(choices())} networks is left: raise a budget, or ask for less accuracy."
        best, quickest = left[0], min(left, key=lambda each: each.milliseconds)
        said = f"{len(left)} of {len(choices())} networks left. The most accurate is {best.title} ({best.top1:.1f} %)"
        return f"{budget} {said}, the fastest {quickest.title} ({quickest.milliseconds:.0f} ms)."

    def versus(self, pinned: Self) -> str:
        def names(networks: set[Choice]) -> str:
            return ", ".join(sorted(each.title for each in networks)) or "none"

        now, then = set(self.left), set(pinned.left)
        return f"Compared with the pinned budget: gained {names(now - then)}; lost {names(then - now)}."

    def view(self) -> str:
        """Accuracy against time, with the networks left as filled dots; then a row for each, with what rules it out."""
        rows = [
            (
                *(each.title, each.params, f"{each.macs / 1e9:.2f} G", f"{each.milliseconds:.0f}", f"{each.top1:.1f}"),
                self.faults(each) or "left",
            )
            for each in choices()[::-1]
        ]
        heads = ("network", "parameters", "MACs", "ms", "top-1, %", "")
        return self._picture() + table(heads, rows, left={5})

    def _picture(self) -> str:
        left, bottom, width, height = 46, 352, 560, 330

        def x(milliseconds: float) -> float:
            return left + width * (math.log10(milliseconds) - 0.7) / 1.9

        def y(top1: float) -> float:
            return bottom - height * (top1 - LOW) / (HIGH - LOW)

        parts = [f'<path d="M{left} {bottom - height}V{bottom}H{left + width}" stroke="currentColor" fill="none"/>']
        parts += [text(x(ms), bottom + 16, str(ms), size=11, anchor="middle") for ms in (5, 10, 20, 50, 100, 200)]
        parts += [text(left - 6, y(top1) + 4, str(top1), size=11, anchor="end") for top1 in (60, 70, 80)]
        parts.append(text(left + width / 2, bottom + 32, "milliseconds per image, one thread", anchor="middle"))
        parts.append(text(left + 6, bottom - height - 8, "top-1 accuracy, %"))
        lines = f"M{x(self.milliseconds):.1f} {bottom - height}V{bottom}M{left} {y(self.top1):.1f}H{left + width}"
        parts.append(f'<path d="{lines}" stroke="currentColor" stroke-dasharray="5 4" fill="none" opacity="0.6"/>')
        for each in choices():
            fill = "none" if self.faults(each) else BLUE if each.family else "currentColor"
            across, down = x(each.milliseconds), y(each.top1)
            parts.append(f'<circle cx="{across:.1f}" cy="{down:.1f}" r="6" fill="{fill}" stroke="currentColor"/>')
            side, up = CROWDED.get(each.name, (1 if each.milliseconds < 30 else -1, 0))
            anchor = "start" if side > 0 else "end"
            parts.append(text(across + 11 * side, down + 4 - up, each.title, size=11, anchor=anchor))
        said = f"Accuracy against time; the dots of the networks left are filled. {self.sentence()}"
        return svg(left + width + 10, bottom + 40, parts, said)


def price_explorer() -> "Panel":
    """The explorer of chapter 12."""
    presets = {
        "no budget": Price(),
        "a phone": Price(5.0, 0.5, 15, 55.0),
        "a laptop": Price(30.0, 7.0, 120, 75.0),
        "at least 79 %": Price(top1=79.0),
    }
    return explorer("Pick a budget, see what is left", Price, presets)
