"""Node tree -> SVG: `layout` says where everything is, `describe` says it in words, and this file writes both down."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from html import escape

from torch import nn

from ..tracing import Node, traced
from . import palette
from .describing import SMALL, describe, percent
from .layout import BOLD, LINE, PLUS, SHARE, SIZES, SLANT, Box, Layout, Point, Wire, Words, layout


class Diagram(str):
    """SVG text; a notebook shows it as a picture with its description."""

    description: str

    def __new__(cls, svg: str, description: str = "") -> "Diagram":
        made = super().__new__(cls, svg)
        made.description = description
        return made

    def __repr__(self) -> str:
        return self.description

    def _repr_html_(self) -> str:
        # image/svg+xml would reach the page as an <img> without a name; inline, title and desc are read out.
        return f"<div>{self!s}</div>"


def diagram(
    what: Node | nn.Module, shape: Sequence[int] | None = None, *, depth: int | None = None, macs_share: bool = False
) -> Diagram:
    """A drawing as SVG text, opened `depth` levels down.

    | argument     | what it is                                                                               |
    |--------------|------------------------------------------------------------------------------------------|
    | `what`       | what `trace` returned, or any module together with a `shape`                             |
    | `shape`      | the image that the module reads, (C, H, W)                                               |
    | `depth`      | levels to open: at 1 each child is one box; None opens a block fully and a network once  |
    | `macs_share` | adds to each box its share of the drawing's MACs (conv and linear multiply-adds, batch 1, |
    |              | auxiliary heads left out)                                                                |

    Boxes are labelled as in the tables: kernel, kind, "/2" for a stride, "V" for no padding. Lines carry channels,
    and the grid where it changes.

    Raises TypeError for what can be neither, ValueError for a depth below 1, and what `trace` raises.
    """
    node = traced(what, shape)
    text = describe(node, depth, macs_share=macs_share)
    return Diagram(_svg(layout(node, depth, macs_share=macs_share), text), text)


_SCOPE = ".inception-diagram"
_STYLE = "".join(
    [
        f"{_SCOPE}{{color:{palette.INK};max-width:100%;height:auto}}",
        f"@media (prefers-color-scheme:dark){{{_SCOPE}{{color:{palette.INK_ON_DARK}}}}}",
        f"{_SCOPE} text{{font-family:{palette.FONT};fill:currentColor}}",
        *(
            f"{_SCOPE} .ie-{role}{{font-size:{size:g}px{';font-weight:600' if role in BOLD else ''}}}"
            for role, size in SIZES.items()
        ),
        f"{_SCOPE} .ie-note,{_SCOPE} .ie-edge{{fill-opacity:.8}}",
        f"{_SCOPE} path{{fill:none;stroke:currentColor;stroke-width:1.2}}",
        f"{_SCOPE} .ie-tip{{fill:currentColor;stroke:none}}",
        f"{_SCOPE} .ie-frame{{stroke-opacity:.45}}",
        f"{_SCOPE} .ie-dashed{{stroke-dasharray:5 3}}",
        f"{_SCOPE} .ie-plain{{fill:currentColor;fill-opacity:.05}}",
        *(f"{_SCOPE} .ie-{kind}{{fill:{hue};fill-opacity:.22}}" for kind, hue in palette.KINDS.items()),
        f"{_SCOPE} .ie-bar{{fill:currentColor;fill-opacity:.75;stroke:none}}",
        f"{_SCOPE} .ie-track{{fill:currentColor;fill-opacity:.15;stroke:none}}",
    ]
)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _path(*points: Point, close: bool = True) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + ("Z" if close else "")


def _rectangle(x: float, y: float, width: float, height: float, r: float = 0.0) -> str:
    if not r:
        return _path((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    a, c = f"a{_n(r)} {_n(r)} 0 0 1", _n(r)
    across, down = _n(width - 2 * r), _n(height - 2 * r)
    return f"M{_n(x + r)} {_n(y)}h{across}{a} {c} {c}v{down}{a} -{c} {c}h-{across}{a} -{c} -{c}v-{down}{a} {c} -{c}Z"


def _outline(box: Box) -> str:
    """The path of a box: each kind has a shape of its own."""
    kind, x, y, width, height = box[:5]
    right, low, cut = x + width, y + height, SLANT.get(kind, 0.0)
    match kind:
        case "pool":
            return _path((x, y), (right, y), (right - cut, low), (x + cut, low))
        case "linear":
            middle = y + height / 2
            return _path(
                (x, middle), (x + cut, y), (right - cut, y), (right, middle), (right - cut, low), (x + cut, low)
            )
        case "block" | "head":
            return _path(
                *((x + cut, y), (right - cut, y), (right, y + cut), (right, low - cut)),
                *((right - cut, low), (x + cut, low), (x, low - cut), (x, y + cut)),
            )
        case "depthwise":
            return _rectangle(x, y, width, height) + _rectangle(x + 3, y + 3, width - 6, height - 6)
        case "sum":
            middle, arm = x + PLUS, PLUS - 5
            cross = _path((middle - arm, y + PLUS), (middle + arm, y + PLUS), close=False)
            cross += _path((middle, y + PLUS - arm), (middle, y + PLUS + arm), close=False)
            return _rectangle(x, y, width, height, PLUS) + cross
        case _ if kind in SMALL:
            return _rectangle(x, y, width, height, min(height / 2, 24.0))
    return _rectangle(x, y, width, height)


def _back_edge(box: Box, lift: float) -> str:
    """The visible part of a block that is drawn `lift` px behind another: a strip along the top and the right."""
    cut, (x, y, width, height) = SLANT["block"], box[1:5]
    left, top, right, low = x + lift, y - lift, x + width + lift, y + height - lift
    return _path(
        *((left + cut - 4, top + 4), (left + cut, top), (right - cut, top), (right, top + cut), (right, low - cut)),
        *((right - 4, low - cut + 4), (right - 4, top + cut + 4), (right - cut - 4, top + 4)),
    )


def _drawn_box(box: Box) -> Iterator[str]:
    hue = box.kind if box.kind in palette.KINDS else "plain"
    for lift in range(4, 4 * min(box.copies, 3), 4):
        yield f'<path class="ie-{hue}" d="{_back_edge(box, lift)}"/>'
    yield f'<path class="ie-{hue}{" ie-dashed" if box.kind == "head" else ""}" d="{_outline(box)}"/>'
    middle = box.x + box.width / 2
    y = box.y + (box.height - LINE * len(box.lines) - (0 if box.share is None else SHARE)) / 2 + LINE / 2
    for line in box.lines:
        yield _text(Words(line.text, middle, y, line.role, "middle"))
        y += LINE
    if box.share is not None:
        start, end = box.x + (box.width - box.text_width) / 2 + 3, box.x + (box.width + box.text_width) / 2 - 3
        track = end - start - 46
        yield f'<path class="ie-track" d="{_rectangle(start, y - 2, track, 6)}"/>'
        yield f'<path class="ie-bar" d="{_rectangle(start, y - 2, max(1.0, track * box.share), 6)}"/>'
        yield _text(Words(percent(box.share), end, y + 1, "note", "end"))


def _text(words: Words) -> str:
    text, x, y, role, anchor = words
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="ie-{role}" x="{_n(x)}" y="{_n(y + 0.36 * SIZES[role])}"{at}>{escape(text)}</text>'


def _line(wire: Wire) -> str:
    """The path of a line, its corners rounded, ending within the tip of its arrow."""
    points = list(wire.points)
    if wire.arrow:
        points[-1] = _towards(points[-1], points[-2], 5.0)
    path = f"M{_n(points[0][0])} {_n(points[0][1])}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        r = min(7.0, math.dist(before, corner) / 2, math.dist(corner, after) / 2)
        (x1, y1), (x2, y2) = _towards(corner, before, r), _towards(corner, after, r)
        path += f"L{_n(x1)} {_n(y1)}Q{_n(corner[0])} {_n(corner[1])} {_n(x2)} {_n(y2)}"
    return path + f"L{_n(points[-1][0])} {_n(points[-1][1])}"


def _towards(start: Point, goal: Point, step: float) -> Point:
    share = step / math.dist(start, goal)
    return start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share


def _tip(wire: Wire) -> str:
    (x, y), (back_x, back_y) = wire.points[-1], _towards(wire.points[-1], wire.points[-2], 8.0)
    side_x, side_y = (y - back_y) * 0.42, (back_x - x) * 0.42
    return _path((x, y), (back_x + side_x, back_y + side_y), (back_x - side_x, back_y - side_y))


def _svg(sheet: Layout, text: str) -> str:
    """The sheet as SVG; `text` is its description, and names its ids, so that pictures on a page do not clash."""
    key = "ie-" + hashlib.sha256(text.encode()).hexdigest()[:10]
    title, _, rest = text.partition(". ")
    width, height = math.ceil(sheet.width), math.ceil(sheet.height)
    dots = "".join(_rectangle(x - 2.5, y - 2.5, 5, 5, 2.5) for x, y in sheet.dots)
    # One path for all lines of a kind: where two run together, they are not painted twice.
    paths = [
        ("ie-wire", "".join(_line(wire) for wire in sheet.wires if not wire.dashed)),
        ("ie-dashed", "".join(_line(wire) for wire in sheet.wires if wire.dashed)),
        ("ie-tip", "".join(_tip(wire) for wire in sheet.wires if wire.arrow) + dots),
    ]
    frames = (
        f'<path class="ie-frame{" ie-dashed" if frame.dashed else ""}" d="{_rectangle(*frame[:4], 8)}"/>'
        for frame in sheet.frames
    )
    lines = (f'<path class="{name}" d="{path}"/>' for name, path in paths if path)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="inception-diagram" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-labelledby="{key}-title {key}-desc">',
            f'<title id="{key}-title">{escape(title)}</title>',
            f'<desc id="{key}-desc">{escape(rest)}</desc>',
            f"<style>{_STYLE}</style>",
            *frames,
            *lines,
            *(piece for box in sheet.boxes for piece in _drawn_box(box)),
            *(_text(words) for words in sheet.words),
            "</svg>\n",
        ]
    )
