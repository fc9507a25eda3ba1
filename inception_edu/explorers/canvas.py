"""The canvas: five garments to arrange, and what the small GoogLeNet finds among them."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Self

from torch import Tensor

from ..course.canvas import HEIGHT, SIDE, WIDTH, Found, Garment, find, lay_out, network
from ..data.fashion import CLASS_NAMES, to_pixels
from ..explain import class_maps
from ..running import threads
from ..show.palette import CYCLE, YELLOW
from .pixels import grey
from .settings import Settings, choice, explorer, knob
from .svg import svg

if TYPE_CHECKING:
    from .panel import Panel

NAMES = ("T-shirt", "trouser", "sneaker", "bag", "ankle boot")
NO_MAP = "none"
SCALE = 4


@dataclass(frozen=True)
class Canvas(Settings):
    """Where the five garments are: row and column of the top left pixel of each, and the class whose map is shown."""

    t_shirt_top: int = knob(4, "T-shirt, row", 0, HEIGHT - SIDE)
    t_shirt_left: int = knob(2, "T-shirt, column", 0, WIDTH - SIDE)
    trouser_top: int = knob(50, "Trouser, row", 0, HEIGHT - SIDE)
    trouser_left: int = knob(24, "Trouser, column", 0, WIDTH - SIDE)
    sneaker_top: int = knob(6, "Sneaker, row", 0, HEIGHT - SIDE)
    sneaker_left: int = knob(56, "Sneaker, column", 0, WIDTH - SIDE)
    bag_top: int = knob(52, "Bag, row", 0, HEIGHT - SIDE)
    bag_left: int = knob(74, "Bag, column", 0, WIDTH - SIDE)
    ankle_boot_top: int = knob(20, "Ankle boot, row", 0, HEIGHT - SIDE)
    ankle_boot_left: int = knob(108, "Ankle boot, column", 0, WIDTH - SIDE)
    map: str = choice(NO_MAP, "Map of the evidence for", (NO_MAP, *CLASS_NAMES))

    @property
    def garments(self) -> tuple[Garment, ...]:
        """The five, in the order of their controls."""
        fields = (name.lower().replace("-", "_").replace(" ", "_") for name in NAMES)
        return tuple(
            Garment(name, getattr(self, f"{field}_top"), getattr(self, f"{field}_left"))
            for name, field in zip(NAMES, fields, strict=True)
        )

    @property
    def found(self) -> list[Found]:
        """What the network names, and where."""
        return _found(self.garments)

    def sentence(self) -> str:
        found = self.found
        right = sum(any(_same(one, seen) for seen in found) for one in self.garments)
        names = ", ".join(f"{each.name} ({each.probability:.0%})" for each in found) or "nothing"
        return f"{right} of 5 garments found. From left to right, the network says: {names}."

    def versus(self, pinned: Self) -> str:
        return f"In the pinned arrangement: {pinned.sentence()}"

    def view(self) -> str:
        """The canvas with a frame around what was found; a garment can be dragged."""
        image, found = lay_out(self.garments), self.found
        parts = [grey(to_pixels(image[0, 0]).numpy(), SCALE)]
        if self.map != NO_MAP:
            parts += _evidence(image, CLASS_NAMES.index(self.map))
        for number, each in enumerate(found):
            x, y, colour = SCALE * each.left, SCALE * each.top, CYCLE[number % len(CYCLE)]
            frame = f'x="{x}" y="{y}" width="{SCALE * SIDE}" height="{SCALE * SIDE}"'
            parts.append(f'<rect {frame} fill="none" stroke="{colour}" stroke-width="2"/>')
            base = y - 5 if y > 20 else y + SCALE * SIDE + 14
            words = f"{each.name} {each.probability:.0%}"
            look = 'font-size="13" fill="white" stroke="black" stroke-width="3" paint-order="stroke"'
            parts.append(f'<text x="{x + 2}" y="{base}" {look}>{words}</text>')
        for garment in self.garments:
            name = garment.name.lower().replace("-", "_").replace(" ", "_")
            place = f'x="{SCALE * garment.left}" y="{SCALE * garment.top}"'
            size = f'width="{SCALE * SIDE}" height="{SCALE * SIDE}"'
            drag = f'data-drag="{name}_left {name}_top" data-unit="{SCALE}"'
            parts.append(f'<rect {place} {size} fill="transparent" {drag}/>')
        shown = "" if self.map == NO_MAP else f" The area of a circle shows the evidence for {self.map}."
        return svg(SCALE * WIDTH, SCALE * HEIGHT, parts, f"A canvas with five garments. {self.sentence()}{shown}")


@lru_cache(maxsize=64)
def _found(garments: tuple[Garment, ...]) -> list[Found]:
    with threads():
        return find(network(), lay_out(garments))


def _same(laid: Garment, seen: Found) -> bool:
    return laid.name == seen.name and max(abs(laid.top - seen.top), abs(laid.left - seen.left)) <= SIDE // 2


@cache
def _empty() -> Tensor:
    """The class maps of a canvas with nothing on it: what the network makes of black."""
    with threads():
        return class_maps(network(), lay_out([]))[0]


def _evidence(image: Tensor, label: int) -> list[str]:
    """A circle at each place of the last grid where the class gets more than from an empty canvas, by how much."""
    with threads():
        cells = (class_maps(network(), image)[0] - _empty())[label].clamp(min=0)
    high = max(cells.max().item(), 1e-6)
    across, down = SCALE * WIDTH / cells.shape[1], SCALE * HEIGHT / cells.shape[0]
    circles = []
    for row, values in enumerate(cells.tolist()):
        for column, value in enumerate(values):
            radius = 0.5 * down * (value / high) ** 0.5
            if radius > 1:
                place = f'cx="{across * (column + 0.5):.1f}" cy="{down * (row + 0.5):.1f}" r="{radius:.1f}"'
                circles.append(f"<circle {place}/>")
    inside = "".join(circles)
    return [
        f'<g fill="none" stroke="{colour}" stroke-width="{width}">{inside}</g>'
        for colour, width in (("black", 4), (YELLOW, 2))  # readable over black and over white
    ]


def canvas_explorer() -> "Panel":
    """The explorer of chapter 00: spread out, in a row, close together, at the edges."""
    row: dict[str, Any] = {name: 28 for name in Canvas.__dataclass_fields__ if name.endswith("_top")}
    left = [name for name in Canvas.__dataclass_fields__ if name.endswith("_left")]
    presets = {
        "spread out": Canvas(),
        "in a row": Canvas(**row | dict(zip(left, (0, 28, 56, 84, 112), strict=True))),
        "close together": Canvas(**row | dict(zip(left, (20, 38, 56, 74, 92), strict=True))),
        "at the edges": Canvas(0, 0, 56, 0, 0, 56, 56, 56, 28, 112),
    }
    return explorer("Five garments on a canvas", Canvas, presets)
