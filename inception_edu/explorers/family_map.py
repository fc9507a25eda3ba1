"""The family map: every network by its weights and its cost, and three blocks to recognise from their drawings."""

import math
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Self

import torch

from ..family import FAMILY, Entry
from ..models.bn_inception import avg_pool
from ..models.bn_inception import inception as bn_block
from ..models.inception_resnet import block17
from ..models.inception_v3 import inception_b
from ..show.drawing import diagram
from ..show.palette import BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILLION
from ..tracing import Node, trace
from .settings import Settings, choice, explorer
from .svg import svg, text

if TYPE_CHECKING:
    from .panel import Panel

NAMES = tuple(FAMILY)
KINDS = {
    "GoogLeNet": "a 1x1, a 3x3, a 5x5 and a pool each have a branch",
    "BN-Inception": "two 3x3s take the place of GoogLeNet's 5x5",
    "Inception-v3": "kernels of a single row and a single column alternate",
    "Inception-ResNet": "the block's output is added to its input",
    "Xception": "each convolution reads one channel at a time",
}
"""The networks a block can be from, and the mark to know it by."""
MYSTERIES = {"A": "BN-Inception", "B": "Inception-v3", "C": "Inception-ResNet"}
HOMES = {
    "nin": ("o", ORANGE),
    "googlenet": ("s", BLUE),
    "bn_inception": ("s", SKY_BLUE),
    "inception_v3": ("s", GREEN),
    "inception_v4": ("s", VERMILLION),
    "inception_resnet": ("d", PURPLE),
    "xception": ("d", ORANGE),
    "lightweight": ("o", GREEN),
}


@cache
def mystery(letter: str) -> Node:
    """A block of the family under a name that says nothing; MACs are multiply-adds at batch 1 on its own grid."""
    with torch.device("meta"):
        made = {
            "A": (bn_block(320, (64, 64, 96, 64, 96, 64), pool=avg_pool()), (320, 28, 28)),
            "B": (inception_b(768, 160), (768, 17, 17)),
            "C": (block17(1088), (1088, 17, 17)),
        }
    block, shape = made[letter]
    return trace(block, shape, name=f"block {letter}")


@dataclass(frozen=True)
class FamilyMap(Settings):
    """A network to mark on the map, a mystery block, and the reader's answer: a name of `KINDS` or "not yet"."""

    network: str = choice("googlenet", "Network", NAMES)
    block: str = choice("A", "Mystery block", MYSTERIES)
    answer: str = choice("not yet", "Your answer", ("not yet", *KINDS))

    @property
    def entry(self) -> Entry:
        return FAMILY[self.network]

    @property
    def right(self) -> bool | None:
        """Whether the answer names the block's network; None without an answer."""
        return None if self.answer == "not yet" else self.answer == MYSTERIES[self.block]

    def sentence(self) -> str:
        entry, block, answer = self.entry, self.block, self.answer
        figures = f"{entry.title}, {entry.year}: {entry.params:,} parameters, {entry.macs:,} MACs"
        if self.right is None:
            return f"{figures}. What is block {block}?"
        if self.right:
            return f"{figures}. Block {block} is from {answer}: {KINDS[answer]}."
        return f"{figures}. Block {block} is not from {answer}, where {KINDS[answer]}. Look again."

    def versus(self, pinned: Self) -> str:
        if self.network == pinned.network:
            return ""
        params, macs = self.entry.params / pinned.entry.params, self.entry.macs / pinned.entry.macs
        times = f"{params:.2f} times the parameters and {macs:.2f} times the MACs"
        return f"Compared with the pinned {pinned.network}: {times}."

    def view(self) -> str:
        """The map with one network marked, its published figures, and the mystery block drawn."""
        results = "".join(f"<li>{escape(f'{r.figure} ({r.setting}; {r.source})')}</li>" for r in self.entry.published)
        return self._map() + (f"<ul>{results}</ul>" if results else "") + diagram(mystery(self.block))

    def _map(self) -> str:
        left, bottom, width, height = 60, 250, 520, 220

        def place(entry: Entry) -> tuple[float, float]:
            x = (math.log10(entry.macs) - 8) / 2.4
            y = (math.log10(entry.params) - 5.8) / 2.2
            return left + width * x, bottom - height * y

        axis = f'<path d="M{left} {bottom - height}V{bottom}H{left + width}" stroke="currentColor" fill="none"/>'
        parts = [axis]
        for power, words in ((8, "0.1 G"), (9, "1 G"), (10, "10 G")):
            parts.append(text(left + width * (power - 8) / 2.4, bottom + 16, words, size=11, anchor="middle"))
        for power, words in ((6, "1 M"), (7, "10 M"), (8, "100 M")):
            parts.append(text(left - 6, bottom - height * (power - 5.8) / 2.2 + 4, words, size=11, anchor="end"))
        parts.append(text(left + width / 2, bottom + 34, "MACs for one image at its input size", anchor="middle"))
        parts.append(text(left, bottom - height - 8, "parameters"))
        for entry in FAMILY.values():
            x, y = place(entry)
            shape, colour = HOMES[entry.home]
            marked = entry is self.entry
            parts.append(_mark(x, y, 8 if marked else 5, shape, colour, marked))
        x, y = place(self.entry)
        ends = x > left + width * 0.6
        parts.append(
            text(x - 13 if ends else x + 13, y + 4, self.entry.name, size=13, anchor="end" if ends else "start")
        )
        return svg(640, bottom + 44, parts, f"Networks by MACs and parameters, both on log scales. {self.sentence()}")


def _mark(x: float, y: float, size: int, shape: str, colour: str, marked: bool) -> str:
    style = f'fill="{colour}" fill-opacity="{0.9 if marked else 0.45}" stroke="currentColor"'
    if shape == "o":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {style}/>'
    turned = f' transform="rotate(45 {x:.1f} {y:.1f})"' if shape == "d" else ""
    return f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size}" height="{2 * size}" {style}{turned}/>'


def family_map_explorer() -> "Panel":
    """An explorer of the whole family; its presets are four landmarks."""
    marks = ("googlenet", "inception_v3", "inception_v4", "xception")
    title = "A map of the family, and three blocks to name"
    return explorer(title, FamilyMap, {name: FamilyMap(name) for name in marks})
