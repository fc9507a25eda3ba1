"""The family map: every network by its weights and its cost, and three blocks to be named by their looks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import torch

from ..family import FAMILY, Entry
from ..models.bn_inception import avg_pool
from ..models.bn_inception import inception as bn_block
from ..models.inception_resnet import block17
from ..models.inception_v3 import inception_b
from ..show.drawing import diagram
from ..show.palette import BLUE, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILLION
from ..tracing import Node, trace
from .svg import svg, text

if TYPE_CHECKING:
    from .panel import Panel, View

NAMES = tuple(FAMILY)
KINDS = {
    "GoogLeNet": "each of a 1x1, a 3x3, a 5x5 and a pool has a branch of its own",
    "BN-Inception": "two 3x3 stand where GoogLeNet has a 5x5",
    "Inception-v3": "kernels of one row or one column stand in a line",
    "Inception-ResNet": "the block's output is added to its input",
    "Xception": "each convolution reads one channel at a time",
}
"""What a block can be, and the mark to know it by."""
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
class FamilyMap:
    """A network to mark on the map, a mystery block, and the reader's answer; all are positions in their lists.

    `answer` 0 is no answer, then the names of `KINDS` in order. Raises ValueError for a position that is not there.
    """

    network: int = 2
    block: int = 0
    answer: int = 0

    def __post_init__(self) -> None:
        for what, most in (("network", len(NAMES)), ("block", len(MYSTERIES)), ("answer", len(KINDS) + 1)):
            if not 0 <= getattr(self, what) < most:
                raise ValueError(f"{what} is {getattr(self, what)}, and runs from 0 to {most - 1}")

    @property
    def entry(self) -> Entry:
        return FAMILY[NAMES[self.network]]

    @property
    def letter(self) -> str:
        return list(MYSTERIES)[self.block]

    @property
    def right(self) -> bool | None:
        """Whether the answer names the block's network; None without an answer."""
        return list(KINDS)[self.answer - 1] == MYSTERIES[self.letter] if self.answer else None


def map_sentence(shown: FamilyMap) -> str:
    """The marked network's figures, then what there is to say about the answer."""
    entry = shown.entry
    figures = f"{entry.title}, {entry.year}: {entry.params:,} parameters, {entry.macs:,} MACs"
    if shown.right is None:
        return f"{figures}. What is block {shown.letter}?"
    given = list(KINDS)[shown.answer - 1]
    if shown.right:
        return f"{figures}. Block {shown.letter} is of {given}: {KINDS[given]}."
    return f"{figures}. Block {shown.letter} is not of {given}, where {KINDS[given]}: look again."


def map_view(shown: FamilyMap) -> str:
    """HTML: the map with one network marked, its published figures, and the mystery block drawn."""
    results = "".join(f"<li>{r.figure} ({r.setting}; {r.source})</li>" for r in shown.entry.published)
    drawing: str = diagram(mystery(shown.letter))._repr_html_()
    facts = f"<ul>{results}</ul>" if results else ""
    return _map(shown) + f"<p><b>{map_sentence(shown)}</b></p>{facts}{drawing}"


def _map(shown: FamilyMap) -> str:
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
    parts.append(text(left + width / 2, bottom + 34, "MACs for one image of its size", anchor="middle"))
    parts.append(text(left, bottom - height - 8, "parameters"))
    for entry in FAMILY.values():
        x, y = place(entry)
        shape, colour = HOMES[entry.home]
        marked = entry is shown.entry
        parts.append(_mark(x, y, 8 if marked else 5, shape, colour, marked))
    x, y = place(shown.entry)
    ends = x > left + width * 0.6
    parts.append(text(x - 13 if ends else x + 13, y + 4, shown.entry.name, size=13, anchor="end" if ends else "start"))
    return svg(640, bottom + 44, parts, f"Networks by MACs and parameters, both on log scales. {map_sentence(shown)}")


def _mark(x: float, y: float, size: int, shape: str, colour: str, marked: bool) -> str:
    style = f'fill="{colour}" fill-opacity="{0.9 if marked else 0.45}" stroke="currentColor"'
    if shape == "o":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" {style}/>'
    turned = f' transform="rotate(45 {x:.1f} {y:.1f})"' if shape == "d" else ""
    return f'<rect x="{x - size:.1f}" y="{y - size:.1f}" width="{2 * size}" height="{2 * size}" {style}{turned}/>'


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    shown = FamilyMap(**settings)
    html = map_view(shown)
    if reference and reference["network"] != shown.network:
        other = FAMILY[NAMES[reference["network"]]]
        params, macs = shown.entry.params / other.params, shown.entry.macs / other.macs
        html += f"<p>Against the pinned {other.name}: {params:.2f} times the parameters, {macs:.2f} times the MACs.</p>"
    return View(html, map_sentence(shown))


def family_map_explorer() -> "Panel":
    """The explorer of chapter 00; its presets are four networks that mark the way."""
    from .panel import Panel, choose

    marks = ("googlenet", "inception_v3", "inception_v4", "xception")
    return Panel(
        "The family on a map, and three blocks without names",
        {
            "network": choose("Network", *NAMES),
            "block": choose("Mystery block", *MYSTERIES),
            "answer": choose("Your answer", "not yet", *KINDS),
        },
        {name: {"network": NAMES.index(name), "block": 0, "answer": 0} for name in marks},
        _view,
    )
