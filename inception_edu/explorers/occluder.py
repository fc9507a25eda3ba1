"""The occluder: a square laid on a picture of the test set, and what a trained network then says it is."""
# mypy: untyped-calls-exclude=torch

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from ..data.fashion import BLACK, LabelledImages, load_fashion, to_pixels
from ..data.files import asset
from ..explain import class_activation_map
from ..network import InceptionNet
from ..running import predict, threads
from ..show.palette import BLUE, ORANGE, VERMILLION
from ..train.loop import load
from .svg import bar, svg, text

if TYPE_CHECKING:
    from .panel import Panel, View

SIDE = 28
PAINTS = {"grey": 0.0, "black": BLACK}
"""What the square is filled with, as a normalised pixel: the average of all pictures, or their background."""


@cache
def network() -> InceptionNet:
    """The small GoogLeNet that ships with the course."""
    return load(asset("checkpoints/small_googlenet.safetensors"))


@cache
def pictures() -> LabelledImages:
    """The first test picture of each class that the network names rightly: ten of them, in the order of the classes."""
    test = load_fashion("test")[:200]
    with threads(), torch.no_grad():
        right = predict(network(), test.images).argmax(1) == test.labels
    return test[[int((right & (test.labels == label)).nonzero()[0]) for label in range(10)]]


@dataclass(frozen=True)
class Occluder:
    """A square of `size` pixels with its top left corner at (`row`, `column`), on the picture of a class.

    `paint` is a position in `PAINTS`, `shown` is 1 where the class activation map is drawn too. A size of 0 covers
    nothing. Raises ValueError for a square that does not lie inside the picture.
    """

    picture: int = 0
    row: int = 10
    column: int = 10
    size: int = 0
    paint: int = 0
    shown: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.picture < 10 or self.paint not in (0, 1) or self.shown not in (0, 1):
            raise ValueError("picture runs from 0 to 9, paint and shown are 0 or 1")
        if min(self.row, self.column, self.size) < 0 or max(self.row, self.column) + self.size > SIDE:
            raise ValueError(
                f"a square of {self.size} from row {self.row} and column {self.column} reaches beyond the picture of "
                f"{SIDE}x{SIDE} pixels"
            )

    @property
    def image(self) -> Tensor:
        """The covered picture, (1, 28, 28), normalised."""
        image = pictures().images[self.picture].clone()
        paint = list(PAINTS.values())[self.paint]
        image[:, self.row : self.row + self.size, self.column : self.column + self.size] = paint
        return image

    @property
    def chances(self) -> list[float]:
        """What the network makes of it: a probability for each class."""
        return list(_chances(self.picture, self.row, self.column, self.size, self.paint))

    @property
    def answer(self) -> int:
        return max(range(10), key=self.chances.__getitem__)

    @property
    def flipped(self) -> bool:
        """Whether the network now names another class than the picture's."""
        return self.answer != self.picture


@lru_cache(maxsize=512)
def _chances(picture: int, row: int, column: int, size: int, paint: int) -> tuple[float, ...]:
    with threads(), torch.no_grad():
        logits = network().eval()(Occluder(picture, row, column, size, paint).image[None])
    return tuple(logits.softmax(1)[0].tolist())


@cache
def class_map(picture: int) -> Tensor:
    """Where the evidence for the picture's own class lies: the map (h, w) of its logit, without an occluder."""
    return class_activation_map(network(), pictures().images[picture : picture + 1], picture)[0]


def at_the_peak(picture: int, size: int, paint: int = 0) -> Occluder:
    """A square of `size` laid over the highest cell of the class activation map, as far as the edge allows."""
    peak = class_map(picture)
    row, column = divmod(int(peak.argmax()), peak.shape[1])
    places = ((place + 0.5) * SIDE / peak.shape[0] - size / 2 for place in (row, column))
    top, left = (min(max(round(place), 0), SIDE - size) for place in places)
    return Occluder(picture, top, left, size, paint)


def smallest_at_the_peak(picture: int, paint: int = 0) -> int | None:
    """The side of the smallest square over the map's peak that changes the answer; None where none up to 28 does."""
    return next((size for size in range(1, SIDE + 1) if at_the_peak(picture, size, paint).flipped), None)


def occluder_sentence(shown: Occluder) -> str:
    """What is covered and what the network says, in one sentence."""
    names = pictures().class_names
    said, chance = names[shown.answer], shown.chances[shown.answer]
    covered = f"{shown.size}x{shown.size} pixels covered, {shown.size**2} in all" if shown.size else "nothing covered"
    verdict = "flipped" if shown.flipped else "still right"
    return f"{names[shown.picture]}, {covered}: the network says {said} ({chance:.0%}), {verdict}"


def occluder_view(shown: Occluder) -> str:
    """HTML: the picture under its square, the map where it is asked for, and a bar for each class's probability."""
    return _drawing(shown) + f"<p><b>{occluder_sentence(shown)}.</b></p>"


def _drawing(shown: Occluder) -> str:
    scale = 9
    full = scale * SIDE
    parts = [_png(to_pixels(shown.image[0]), 0, full)]
    if shown.size:
        x, y, side = scale * shown.column, scale * shown.row, scale * shown.size
        parts.append(
            f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="none" stroke="{ORANGE}" stroke-width="2"/>'
        )
    if shown.shown:
        cells = class_map(shown.picture)
        high, rows = cells.abs().max().item(), cells.shape[0]
        for row, values in enumerate(cells.tolist()):
            for column, value in enumerate(values):
                cell = full / rows
                radius = 0.42 * cell * (abs(value) / high) ** 0.5
                dashes = "" if value > 0 else ' stroke-dasharray="4 3"'
                place = f'cx="{cell * (column + 0.5):.1f}" cy="{cell * (row + 0.5):.1f}" r="{radius:.1f}"'
                colour = BLUE if value > 0 else VERMILLION
                parts.append(f'<circle {place} fill="none" stroke="{colour}" stroke-width="3"{dashes}/>')
    for line, (name, chance) in enumerate(zip(pictures().class_names, shown.chances, strict=True)):
        y = 4 + 25 * line
        parts.append(text(full + 100, y + 14, name, anchor="end"))
        parts += bar(full + 108, y, 180 * chance, 18, BLUE, "", hatched=line == shown.picture)
        parts.append(text(full + 114 + 180 * chance, y + 14, f"{chance:.0%}"))
    return svg(
        full + 340, full + 6, parts, f"The picture under its square, and a bar a class. {occluder_sentence(shown)}."
    )


def _png(pixels: Tensor, x: int, side: int) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels.numpy()).save(buffer, "png")
    data = base64.b64encode(buffer.getvalue()).decode()
    place = f'x="{x}" y="0" width="{side}" height="{side}" style="image-rendering:pixelated"'
    return f'<image {place} href="data:image/png;base64,{data}"/>'


def _view(*, reference: Mapping[str, int] | None = None, **settings: int) -> "View":
    from .panel import View

    shown = Occluder(**settings)
    html = occluder_view(shown)
    if reference and reference["picture"] == shown.picture:
        lost = 100 * (shown.chances[shown.picture] - Occluder(**reference).chances[shown.picture])
        html += f"<p>Against the pinned square the right class changes by {lost:+.1f} points.</p>"
    return View(html, occluder_sentence(shown))


def occluder_explorer() -> "Panel":
    """The explorer of chapter 10; its presets are pictures that are easy and hard to flip."""
    from .panel import Control, Panel, choose

    start = {"row": 10, "column": 10, "size": 0, "paint": 0, "shown": 0}
    names = pictures().class_names
    return Panel(
        "Hide as little as you can",
        {
            "picture": choose("Picture", *names),
            "row": Control("Top of the square", 0, SIDE - 1),
            "column": Control("Left side of the square", 0, SIDE - 1),
            "size": Control("Side of the square", 0, SIDE),
            "paint": choose("Paint", *PAINTS),
            "shown": choose("Class activation map", "hidden", "shown"),
        },
        {names[label]: {"picture": label, **start} for label in (0, 4, 7, 9)},
        _view,
    )
