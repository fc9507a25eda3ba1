"""The occluder: a square laid on a picture of the test set, and what a trained network then says it is."""
# mypy: untyped-calls-exclude=torch

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from ..course.canvas import network, pictures
from ..data.fashion import BLACK, CLASS_NAMES, to_pixels
from ..explain import class_activation_map
from ..running import threads
from ..show.palette import BLUE, ORANGE, VERMILLION
from .pixels import grey
from .settings import Settings, choice, explorer, knob
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel

SIDE = 28
PAINTS = {"grey": 0.0, "black": BLACK}
"""What the square is filled with, as a normalised pixel: the average of all pictures, or their background."""


@dataclass(frozen=True)
class Occluder(Settings):
    """A square of `size` pixels with its top left corner at (`row`, `column`), on the picture of a class.

    `paint` is a name of `PAINTS`; `cam` is "shown" where the class activation map is drawn too. A size of 0 covers
    nothing. Raises ValueError for a square that is not inside the picture.
    """

    picture: str = choice(CLASS_NAMES[0], "Picture", CLASS_NAMES)
    row: int = knob(10, "Top of the square", 0, SIDE - 1)
    column: int = knob(10, "Left side of the square", 0, SIDE - 1)
    size: int = knob(0, "Side of the square", 0, SIDE)
    paint: str = choice("grey", "Paint", PAINTS)
    cam: str = choice("hidden", "Class activation map", ("hidden", "shown"))

    def __post_init__(self) -> None:
        super().__post_init__()
        if max(self.row, self.column) + self.size > SIDE:
            raise ValueError(
                f"a {self.size}x{self.size} square at row {self.row} and column {self.column} goes over the edge of "
                f"the {SIDE}x{SIDE} picture; neither may be more than {SIDE - self.size}"
            )

    @property
    def label(self) -> int:
        """The number of the picture's class."""
        return CLASS_NAMES.index(self.picture)

    @property
    def image(self) -> Tensor:
        """The covered picture, (1, 28, 28), normalised."""
        image = pictures().images[self.label].clone()
        image[:, self.row : self.row + self.size, self.column : self.column + self.size] = PAINTS[self.paint]
        return image

    @property
    def chances(self) -> tuple[float, ...]:
        """What the network makes of it: a probability for each class."""
        return _chances(replace(self, cam="hidden"))  # the map changes nothing

    @property
    def answer(self) -> int:
        return max(range(10), key=self.chances.__getitem__)

    @property
    def flipped(self) -> bool:
        """Whether the network now names a class other than the picture's."""
        return self.answer != self.label

    def sentence(self) -> str:
        said, chance = CLASS_NAMES[self.answer], self.chances[self.answer]
        covered = f"{self.size}x{self.size} pixels covered, {self.size**2} in all" if self.size else "nothing covered"
        verdict = "flipped" if self.flipped else "still right"
        return f"{self.picture}, {covered}: the network says {said} ({chance:.0%}), {verdict}."

    def versus(self, pinned: Self) -> str:
        if self.picture != pinned.picture:
            return ""
        lost = 100 * (self.chances[self.label] - pinned.chances[self.label])
        return f"Compared with the pinned square, the right class changes by {lost:+.1f} percentage points."

    def view(self) -> str:
        """The picture under its square, the map where it is asked for, and a bar for each class's probability."""
        scale = 9
        full = scale * SIDE
        parts = [grey(to_pixels(self.image[0]).numpy(), scale)]
        if self.size:
            x, y, side = scale * self.column, scale * self.row, scale * self.size
            parts.append(
                f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="none" stroke="{ORANGE}" stroke-width="2"/>'
            )
        if self.cam == "shown":
            cells = class_map(self.label)
            high, rows = cells.abs().max().item(), cells.shape[0]
            for row, values in enumerate(cells.tolist()):
                for column, value in enumerate(values):
                    cell = full / rows
                    radius = 0.42 * cell * (abs(value) / high) ** 0.5
                    dashes = "" if value > 0 else ' stroke-dasharray="4 3"'
                    place = f'cx="{cell * (column + 0.5):.1f}" cy="{cell * (row + 0.5):.1f}" r="{radius:.1f}"'
                    colour = BLUE if value > 0 else VERMILLION
                    parts.append(f'<circle {place} fill="none" stroke="{colour}" stroke-width="3"{dashes}/>')
        for line, (name, chance) in enumerate(zip(CLASS_NAMES, self.chances, strict=True)):
            y = 4 + 25 * line
            parts.append(text(full + 100, y + 14, name, anchor="end"))
            parts += bar(full + 108, y, 180 * chance, 18, BLUE, "", hatched=line == self.label)
            parts.append(text(full + 114 + 180 * chance, y + 14, f"{chance:.0%}"))
        return svg(full + 340, full + 6, parts, f"The picture under its square, and a bar per class. {self.sentence()}")


@lru_cache(maxsize=512)
def _chances(shown: Occluder) -> tuple[float, ...]:
    with threads(), torch.no_grad():
        logits = network().eval()(shown.image[None])
    return tuple(logits.softmax(1)[0].tolist())


@cache
def class_map(picture: int) -> Tensor:
    """Where the evidence for the picture's own class is: the map (h, w) of its logit, without an occluder."""
    return class_activation_map(network(), pictures().images[picture : picture + 1], picture)[0]


def at_the_peak(picture: int, size: int, paint: str = "grey") -> Occluder:
    """A square of `size` laid over the highest cell of the class activation map, as far as the edge allows."""
    peak = class_map(picture)
    row, column = divmod(int(peak.argmax()), peak.shape[1])
    places = ((place + 0.5) * SIDE / peak.shape[0] - size / 2 for place in (row, column))
    top, left = (min(max(round(place), 0), SIDE - size) for place in places)
    return Occluder(CLASS_NAMES[picture], top, left, size, paint)


def smallest_at_the_peak(picture: int, paint: str = "grey") -> int | None:
    """The side of the smallest square over the map's peak that changes the answer; None where none up to 28 does."""
    return next((size for size in range(1, SIDE + 1) if at_the_peak(picture, size, paint).flipped), None)


def occluder_explorer() -> "Panel":
    """The explorer of chapter 10; its presets are pictures that are easy and hard to flip."""
    names = (CLASS_NAMES[label] for label in (0, 4, 7, 9))
    return explorer("Hide as little as you can", Occluder, {name: Occluder(name) for name in names})
