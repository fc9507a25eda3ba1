"""Node tree -> SVG, with the same tree told in words for readers who cannot see it.

`layout` decides what stands where and returns plain records, `diagram` writes them down as SVG,
`describe` says the same in sentences. The layout is a recursion over the tree: a `Sequential` is a
line of boxes from top to bottom, a `Concat` stands side by side between a split point and a bar,
a `Residual` is its body beside a shortcut, joined in a circle with a plus. A network whose blocks
are all folded is a row of boxes for each grid, read like lines of text.
"""

import hashlib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import NamedTuple

from torch import nn

from . import palette
from .bricks import Concat, ConvUnit, Residual
from .labels import kind, label
from .network import InceptionNet
from .tracing import Node, Signal

Point = tuple[float, float]

SIZES = {"label": 13.0, "name": 13.0, "note": 11.0, "edge": 11.5, "caption": 15.0}
"""Font size in px of each role of text; what is bold is in `BOLD`."""
BOLD = {"name", "caption"}
LINE = 15.0  # from one line of text in a box to the next
PAD = 8.0  # between a box's text and its edge
DROP = 20.0  # from a split point down to what it feeds
GAP = 32.0  # from one box down to the next, with room for a number beside the line
BRANCHES = 22.0  # between branches
BAR = 26.0  # height of a concat bar
PLUS = 11.0  # radius of the circle with a plus
MARGIN = 14.0
STEP, TURN = 26.0, 44.0  # from a folded block to the next of its row, and to the next row
TALL, WIDE = 1500.0, 1100.0  # a line of opened blocks is broken into columns beyond this height, within this width
ROW = 920.0  # widest row of folded blocks
SHARE, SHARE_WIDTH = 17.0, 92.0  # height and least width of the bar and percentage of a share of MACs
# What a shape's edges take from its width on either side.
SLANT = {"depthwise": 4.0, "block": 7.0, "head": 7.0, "pool": 10.0, "linear": 11.0}
SMALL = {"norm", "activation", "dropout", "reshape", "identity"}  # drawn as pills
RUN = 3  # as many equal blocks in a row are drawn once


class Line(NamedTuple):
    """One line of text in a box, and its role in `SIZES`."""

    text: str
    role: str


class Box(NamedTuple):
    """One drawn unit: what shape it has, where it stands (left, top), and what it says.

    `share` is its part of the whole drawing's MACs, None where none is shown; `copies` is how many
    equal blocks it stands for.
    """

    kind: str
    x: float
    y: float
    width: float
    height: float
    lines: tuple[Line, ...]
    share: float | None = None
    copies: int = 1

    @property
    def text_width(self) -> float:
        """The px that the text may take; the rest goes to slanted edges and a margin."""
        return self.width - 2 * (SLANT.get(self.kind, 3.0) + 1)


class Wire(NamedTuple):
    """A line through corner points; `dashed` where only training goes."""

    points: tuple[Point, ...]
    arrow: bool = True
    dashed: bool = False


class Words(NamedTuple):
    """Text outside boxes; `x` is its start, middle or end by `anchor`, `y` its vertical middle."""

    text: str
    x: float
    y: float
    role: str = "edge"
    anchor: str = "start"


class Frame(NamedTuple):
    """The outline around an opened block: left, top, width, height; dashed where only training goes."""

    x: float
    y: float
    width: float
    height: float
    dashed: bool = False


@dataclass(slots=True)
class Layout:
    """What stands where, in px: everything that `diagram` writes down, and nothing else."""

    width: float = 0.0
    height: float = 0.0
    boxes: list[Box] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    dots: list[Point] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)

    def wire(self, *points: Point, arrow: bool = True, dashed: bool = False) -> None:
        """Adds a line through the points, leaving out those that repeat the one before."""
        kept = [point for i, point in enumerate(points) if not i or point != points[i - 1]]
        if len(kept) > 1:
            self.wires.append(Wire(tuple(kept), arrow, dashed))


class Diagram(str):
    """SVG text; a notebook shows it as a picture that carries its description."""

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


def diagram(node: Node, depth: int | None = None, *, macs_share: bool = False) -> Diagram:
    """`node` (what `trace` returned) as SVG text, opened `depth` levels down.

    At depth 1 each child of `node` is one box. Without a depth a block opens fully and a whole
    network shows one box a block. Boxes are labelled as in the tables: kernel, kind, "/2" for a
    stride, "V" for no padding. Lines carry channels, and the grid where it changes. `macs_share`
    adds the share of the drawing's MACs (multiply-adds of convolutions and linear layers, one
    image, auxiliary heads left out) to each box that has any.

    Raises TypeError for what is not a `Node` and ValueError for a depth below 1.
    """
    text = describe(node, depth, macs_share=macs_share)
    return Diagram(_svg(layout(node, depth, macs_share=macs_share), text), text)


# ---------------------------------------------------------------------------------------------------------------------
# What is shown of a node
# ---------------------------------------------------------------------------------------------------------------------


def _checked(node: Node, depth: int | None) -> int:
    """The depth to draw."""
    if not isinstance(node, Node):
        raise TypeError(
            f"a diagram is drawn from what trace returns, diagram(trace(module, (C, H, W))), "
            f"not from {type(node).__name__}"
        )
    if depth is None:
        return 1 if isinstance(node.module, InceptionNet) else 99
    if not isinstance(depth, int) or depth < 1:
        raise ValueError(f"a diagram needs a depth that is a whole number of at least 1, got {depth}")
    return depth


def _name(node: Node) -> str:
    """Its own name, the words of its box where it is a mere unit, or else "block"."""
    module = node.module
    return getattr(module, "name", "") or node.name or (label(module) if not node.children else "block")


def _kind(node: Node) -> str:
    if not node.children and isinstance(node.module, nn.Sequential) and not isinstance(node.module, ConvUnit):
        return "identity"  # it holds nothing, so it changes nothing
    return "block" if node.children else kind(node.module)


def _skipped(node: Node) -> bool:
    """Whether it is drawn as a mere line: it hands on what it gets."""
    return _kind(node) == "identity"


def _shape(signal: Signal) -> str:
    """`256 x 28x28`, or `1000` for a vector."""
    return str(signal.channels) if signal.flat else f"{signal.channels} x {signal.height}x{signal.width}"


def _flow(node: Node) -> str:
    """What to write beside the line that leaves it: channels, and the grid where it changes."""
    same = node.output.shape[1:] == node.input.shape[1:]
    return str(node.output.channels) if same else _shape(node.output)


def _linear(node: Node) -> bool:
    """Whether it is a unit without its ReLU, which the box then says."""
    return isinstance(node.module, ConvUnit) and not hasattr(node.module, "relu")


def _gist(node: Node) -> str:
    """A folded block in a few words."""
    if not node.children:
        return label(node.module) or "identity"
    if isinstance(node.module, Concat):
        return f"{len(node.children)} branches"
    if isinstance(node.module, Residual):
        scale = node.module.scale
        return "residual" if scale == 1 else f"residual x {scale:g}"
    parts = [child for child in node.children if _kind(child) not in SMALL] or node.children
    kinds, gists = [_kind(part) for part in parts], [_gist(part) for part in parts]
    if len(parts) == 1:
        return gists[0]
    if kinds == ["depthwise", "conv"]:
        return gists[0].replace("depthwise", "separable")
    if "block" not in kinds and len(set(kinds)) == 1:
        return f"{len(parts)} {kinds[0]}s"
    if len(set(gists)) == 1:
        return f"{len(parts)} x {gists[0]}"
    if "block" not in kinds and len(parts) <= 3:
        return ", ".join(kinds)
    return ", ".join(gists) if len(parts) == 2 else f"{len(node.children)} parts"


def _listed(node: Node) -> list[str]:
    """The labels of a folded line of a few units, which say more than its gist; empty for anything else."""
    inner = [child for child in node.children if not _skipped(child)]
    if not _in_order(node) or len(inner) > 4 or any(child.children for child in inner):
        return []
    return [label(child.module) for child in inner]


def _equal(one: Node, other: Node) -> bool:
    """Whether two nodes look and cost the same."""
    return (
        (one.input.shape, one.output.shape, one.params, one.macs)
        == (other.input.shape, other.output.shape, other.params, other.macs)
        and (label(one.module), _linear(one)) == (label(other.module), _linear(other))
        and len(one.children) == len(other.children)
        and all(_equal(*pair) for pair in zip(one.children, other.children, strict=True))
    )


class Run(NamedTuple):
    """Equal blocks in a row, drawn once, and the auxiliary head that reads the last of them."""

    nodes: tuple[Node, ...]
    head: Node | None = None

    @property
    def node(self) -> Node:
        return self.nodes[-1]

    @property
    def title(self) -> str:
        """`inception_3a`, or `block17 x 20`; empty for a name that says no more than the box does."""
        if len(self.nodes) == 1:
            said = self.node.name.isdigit() or self.node.name in _gist(self.node)
            return "" if said else self.node.name
        stem = re.sub(r"_?\d+$", "", self.node.name) or "block"
        return f"{stem} x {len(self.nodes)}"


def _runs(node: Node) -> list[Run]:
    """The children of `node` in order, with at least `RUN` equal blocks in a row put together."""
    heads = {head.name: head for head in node.aux}
    groups: list[list[Node]] = []
    for child in node.children:
        if groups and child.children and groups[-1][-1].name not in heads and _equal(groups[-1][-1], child):
            groups[-1].append(child)
        else:
            groups.append([child])
    return [
        Run(tuple(part), heads.get(part[-1].name))
        for group in groups
        for part in ([group] if len(group) >= RUN else [[child] for child in group])
    ]


def _in_order(node: Node) -> bool:
    """Whether its children stand one behind the other."""
    return bool(node.children) and not isinstance(node.module, Concat | Residual)


# ---------------------------------------------------------------------------------------------------------------------
# In words
# ---------------------------------------------------------------------------------------------------------------------

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _count(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def _spoken(signal: Signal) -> str:
    return "x".join(map(str, signal.shape))


def _words(text: str) -> str:
    """A label without its shorthand: `3x3 conv /2 V` -> `3x3 conv with stride 2 without padding`."""
    return re.sub(r" V$", " without padding", re.sub(r" /(\S+)", r" with stride \1", text))


class _Teller:
    """Says what `layout` draws, with the same depth and the same runs.

    `total` is what shares are shares of, 0 where none are said; `times` is how often what is being told stands there.
    """

    def __init__(self, total: int, times: int = 1) -> None:
        self.total = total
        self.times = times

    def box(self, node: Node) -> str:
        """One box: what it is, and what comes out where that is not what goes in."""
        module = node.module
        text = " then ".join(map(_words, _listed(node) or [_gist(node)]))
        if isinstance(module, Residual) or (_in_order(node) and text.startswith("residual")):
            text = text.replace("residual", "residual block").replace(" x ", " with its body scaled by ")
        if _linear(node):
            text += " without ReLU"
        if node.output.shape != node.input.shape or _kind(node) in ("conv", "linear"):
            same = node.output.shape[1:] == node.input.shape[1:]
            text += f" to {node.output.channels if same else _spoken(node.output)}"
        if self.total and node.macs:
            text += f" ({_percent(self.times * node.macs / self.total)} of the MACs)"
        return text

    def part(self, node: Node, depth: int) -> str:
        """`node` opened `depth` levels, as a piece of a sentence."""
        if depth < 1 or not node.children:
            return self.box(node)
        if isinstance(node.module, Concat):
            return f"a fork into {_count(len(node.children))}, concatenated ({self.branches(node, depth)})"
        if isinstance(node.module, Residual):
            return f"a residual block ({self.sum(node.module, node, depth)})"
        steps = [self.part(child, depth - 1) for child in node.children if not _skipped(child)]
        return ", then ".join(steps) or "identity"

    def branches(self, node: Node, depth: int) -> str:
        return "; ".join(self.part(child, depth - 1) for child in node.children)

    def sum(self, module: Residual, node: Node, depth: int) -> str:
        body, shortcut = (self.part(child, depth - 1) for child in node.children)
        scale = f", scaled by {module.scale:g}" if module.scale != 1 else ""
        return f"body{scale}: {body}; added to the shortcut: {shortcut}"

    def run(self, run: Run, depth: int) -> str:
        """A child of a chain, with its name."""
        node = run.node
        name = f"{run.title}: " if run.title else ""
        if len(run.nodes) > 1:
            name = f"{run.nodes[0].name} to {node.name}, {_count(len(run.nodes))} equal blocks: "
        text = name + _Teller(self.total, len(run.nodes)).part(node, depth)
        if run.head:
            text += ", which an auxiliary head reads in training only"
            text += f" ({_Teller(0).part(run.head, depth)})" if depth >= 1 else ""
        return text

    def whole(self, node: Node, depth: int) -> str:
        """The root, as a sentence."""
        if isinstance(node.module, Concat):
            count = _count(len(node.children)).capitalize()
            return f"{count} {'branch' if count == 'One' else 'branches'}, concatenated: {self.branches(node, depth)}"
        if isinstance(node.module, Residual):
            return f"Residual block, {self.sum(node.module, node, depth)}"
        if not node.children:
            return self.box(node)
        return "In order: " + "; ".join(self.run(run, depth - 1) for run in _runs(node) if not _skipped(run.node))


def describe(node: Node, depth: int | None = None, *, macs_share: bool = False) -> str:
    """What the diagram of `node` shows, in words: shapes in and out, then every box and how they are joined.

    Takes and raises the same as `diagram`.
    """
    depth = _checked(node, depth)
    whole = _Teller(node.macs if macs_share else 0).whole(node, depth)
    return f"{_name(node)}: {_spoken(node.input)} to {_spoken(node.output)}. {whole}."


# ---------------------------------------------------------------------------------------------------------------------
# What stands where
# ---------------------------------------------------------------------------------------------------------------------

# Advance widths of DejaVu Sans in em, the widest system face in common use: what fits in it fits in the others.
_EM = {
    char: width
    for width, chars in (
        (0.29, "ijlIJ'"),
        (0.34, "., /:;|\\f"),
        (0.40, "-t()[]r!"),
        (0.53, "szc?*_"),
        (0.59, "kFLvxyP"),
        (0.69, "KAVBRXZC"),
        (0.77, "UHNDG&"),
        (0.84, "wMOQ+<=>~"),
        (0.98, "mW%@"),
    )
    for char in chars
}


def text_width(text: str, role: str = "label") -> float:
    """About how many px `text` takes, a little more than in most systems' fonts."""
    width = sum(_EM.get(char, 0.64) for char in text) * SIZES[role]
    return width * 1.12 if role in BOLD else width


def _percent(share: float) -> str:
    return "<0.1 %" if 0 < share < 0.0005 else f"{share:.1%}".replace("%", " %")


class Exit(NamedTuple):
    """Where values leave a part: how far right of its axis, and what to write beside the line."""

    dx: float
    text: str


def _beside(text: str) -> float:
    """How far text beside a line asks for room; a little of it may reach into the gap that follows."""
    return text_width(text, "edge") - 1


class Part(NamedTuple):
    """A piece of the drawing: its reach left and right of the axis on which it is entered, and how to draw it.

    `draw(sheet, x, y)` puts it on a sheet, entered at (x, y). `entered` says whether the line that
    leads there ends in an arrow; a split point and a mere line have none.
    """

    left: float
    right: float
    height: float
    exits: tuple[Exit, ...]
    draw: Callable[[Layout, float, float], None]
    entered: bool = True


class _Plan:
    """Lays out one tree. All unit boxes of a drawing have the same width, so that branches look even.

    `width` is that width; `layout` builds the tree a first time to learn it and a second time to use it.
    `total` is what shares are shares of, 0 where none are shown; `times` is how often what is being
    built stands there, 0 in an auxiliary head, whose MACs are no part of the total.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.times = 1
        self.width = 84.0
        self.labels: set[str] = set()

    def legend(self) -> list[str]:
        """What the shorthand in this drawing's boxes means."""
        words = sorted({word for text in self.labels for word in text.split()})
        parts = [f"{word}: stride {word[1:]}" for word in words if re.fullmatch(r"/\d+(x\d+)?", word)]
        parts += ["V: no padding (valid)"] * ("V" in words) + ["%: share of the MACs"] * bool(self.total)
        return [", ".join(parts)] if parts else []

    def unit(
        self, kind: str, lines: Sequence[Line], macs: int, text: str, copies: int = 1, height: float = 0.0
    ) -> Part:
        """One box, at least `height` high, with what to write beside the line that leaves it."""
        share = self.times * macs / self.total if self.total and self.times and macs else None
        needed = [text_width(*line) for line in lines] + ([] if share is None else [SHARE_WIDTH])
        self.width = max(self.width, max(needed) + 2 * (PAD + SLANT.get(kind, 0.0)))
        self.labels.update(line.text for line in lines if line.role != "name")
        width = self.width
        height = max(height, LINE * len(lines) + (9 if kind in SMALL else 19 + SHARE * bool(self.total)))

        def draw(sheet: Layout, x: float, y: float) -> None:
            sheet.boxes.append(Box(kind, x - width / 2, y, width, height, tuple(lines), share, copies))

        return Part(width / 2, width / 2, height, (Exit(0, text),), draw)

    def box(self, node: Node, title: str = "") -> Part:
        """A leaf, or a block that stays folded."""
        if title:
            lines = [Line(title, "name"), Line(_gist(node), "note")]
        else:
            lines = [Line(text, "label") for text in _listed(node) or [_gist(node)]]
        if _linear(node):
            lines.append(Line("no ReLU", "note"))
        # A line says its channels once: a ReLU or a dropout does not repeat them.
        same = _kind(node) in SMALL and node.output.shape == node.input.shape
        return self.unit(_kind(node), lines, node.macs, "" if same else _flow(node))

    def part(self, node: Node, depth: int, *, loose: bool = False) -> Part:
        """`node` opened `depth` levels; `loose` leaves the joining of its ends to the `Concat` around it."""
        if _skipped(node):
            return Part(4, 4, 0, (Exit(0, ""),), lambda sheet, x, y: None, entered=False)
        if depth < 1 or not node.children:
            return self.box(node)
        if isinstance(node.module, Concat):
            return self.concat(node, depth, loose)
        if isinstance(node.module, Residual):
            return self.residual(node, depth)
        steps = [child for child in node.children if not _skipped(child)] or [node.children[0]]
        return self.chain([(self.part(step, depth - 1, loose=loose and step is steps[-1]), None) for step in steps])

    def chain(self, items: Sequence[tuple[Part, Part | None]]) -> Part:
        """Parts from top to bottom, each with the auxiliary head that reads it, which hangs to the right."""
        lane = max(part.right for part, _ in items) + BRANCHES
        left, right = max(part.left for part, _ in items), lane - BRANCHES
        tops, height, free = [], 0.0, 0.0
        for part, head in items:
            if head:
                height = max(height, free - part.height)  # below the head before it
            tops.append(height)
            height += part.height
            right = max(right, *(exit.dx + _beside(exit.text) for exit in part.exits))
            if head:
                right = max(right, lane + head.left + head.right)
                free = height + 2 * DROP + head.height + GAP
            height += GAP if part.exits[0].text or head else DROP
        bottom = tops[-1] + items[-1][0].height
        height = max(bottom, free)

        def draw(sheet: Layout, x: float, y: float) -> None:
            for i, (part, head) in enumerate(items):
                part.draw(sheet, x, y + tops[i])
                end = y + tops[i] + part.height
                if head:
                    axis, foot = x + lane + head.left, end + 2 * DROP
                    sheet.dots.append((x, end + 8))
                    sheet.wire((x, end + 8), (axis, end + 8), (axis, foot), arrow=head.entered, dashed=True)
                    head.draw(sheet, axis, foot)
                if i + 1 < len(items):
                    _leave(sheet, part.exits[0], x, end, y + tops[i + 1], items[i + 1][0].entered, mirror=bool(head))
            for exit in items[-1][0].exits:
                sheet.wire((x + exit.dx, y + bottom), (x + exit.dx, y + height), arrow=False)

        return Part(left, right, height, items[-1][0].exits, draw, items[0][0].entered)

    def concat(self, node: Node, depth: int, loose: bool) -> Part:
        """Branches side by side, ending level, as the papers draw them."""
        branches = [self.part(child, depth - 1, loose=True) for child in node.children]
        ends = [
            tuple(Exit(exit.dx, exit.text or _flow(child)) for exit in branch.exits)
            for branch, child in zip(branches, node.children, strict=True)
        ]
        axes, edge = [], 0.0
        for branch, exits in zip(branches, ends, strict=True):
            axes.append(edge + branch.left)
            edge = axes[-1] + max(branch.right, *(exit.dx + _beside(exit.text) for exit in exits))
            edge += BRANCHES
        width = edge - BRANCHES
        middle = (axes[0] + axes[-1]) / 2
        near = min(axes, key=lambda axis: abs(axis - middle))
        if abs(near - middle) <= 10:  # no small jog beside a branch that stands nearly in the middle
            middle = near
        tall = max(branch.height for branch in branches)
        height = DROP + tall if loose else DROP + tall + GAP + BAR
        out = tuple(Exit(axis - middle + e.dx, e.text) for axis, exits in zip(axes, ends, strict=True) for e in exits)

        def draw(sheet: Layout, x: float, y: float) -> None:
            start = x - middle
            sheet.dots.append((x, y))
            for axis, branch, exits in zip(axes, branches, ends, strict=True):
                top = y + DROP + tall - branch.height
                sheet.wire((x, y), (start + axis, y), (start + axis, top), arrow=branch.entered)
                branch.draw(sheet, start + axis, top)
                if not loose:
                    for exit in exits:
                        _leave(sheet, exit, start + axis, y + DROP + tall, y + DROP + tall + GAP, True)
            if not loose:
                line = Line("concat", "label")
                sheet.boxes.append(Box("concat", start, y + height - BAR, width, BAR, (line,)))

        if loose:
            return Part(middle, width - middle, height, out, draw, entered=False)
        return Part(middle, width - middle, height, (Exit(0, _flow(node)),), draw, entered=False)

    def residual(self, node: Node, depth: int) -> Part:
        """The body, and to its right the shortcut, joined in the circle with a plus."""
        assert isinstance(node.module, Residual)
        body, side = (self.part(child, depth - 1) for child in node.children)
        into, beside = body.exits[0].text or _flow(node.children[0]), side.exits[0].text or _flow(node.children[1])
        scale = f"x {node.module.scale:g}" if node.module.scale != 1 else ""
        lane = max(body.right, _beside(into)) + BRANCHES + side.left
        tall = max(body.height, side.height)
        height = DROP + tall + GAP + 2 * PLUS
        left = max(body.left, _beside(scale))
        right = lane + max(side.right, _beside(beside) if side.entered else 0)

        def draw(sheet: Layout, x: float, y: float) -> None:
            low = y + DROP + tall
            plus = low + GAP + PLUS
            sheet.dots.append((x, y))
            sheet.wire((x, y), (x, low - body.height), arrow=body.entered)
            body.draw(sheet, x, low - body.height)
            _leave(sheet, Exit(0, into), x, low, plus - PLUS, True)
            if scale:
                sheet.words.append(Words(scale, x - 7, low + (GAP - 6) / 2, anchor="end"))
            sheet.wire((x, y), (x + lane, y), (x + lane, low - side.height), arrow=side.entered)
            side.draw(sheet, x + lane, low - side.height)
            sheet.wire((x + lane, low), (x + lane, plus), (x + PLUS, plus))
            if side.entered:
                sheet.words.append(Words(beside, x + lane + 7, low + (GAP - 6) / 2))
            sheet.boxes.append(Box("sum", x - PLUS, plus - PLUS, 2 * PLUS, 2 * PLUS, ()))

        return Part(left, right, height, (Exit(0, _flow(node)),), draw, entered=False)

    def framed(self, part: Part, title: str, note: str = "") -> Part:
        """An opened block with a frame around it and its name in the corner; with a note it is for training only."""
        pad, top = 14.0, 42.0 if note else 26.0
        aside = max(text_width(title, "name"), text_width(note, "note")) + 3  # left of the line that enters
        left, right = max(part.left, aside) + pad, max(part.right, min(part.left, aside)) + pad
        height = top + part.height + pad

        def draw(sheet: Layout, x: float, y: float) -> None:
            sheet.frames.append(Frame(x - left, y, left + right, height, bool(note)))
            sheet.words.append(Words(title, x - left + 9, y + 14, "name"))
            if note:
                sheet.words.append(Words(note, x - left + 9, y + 29, "note"))
            sheet.wire((x, y), (x, y + top), arrow=part.entered, dashed=bool(note))
            part.draw(sheet, x, y + top)
            for exit in part.exits:
                end = x + exit.dx, y + top + part.height
                sheet.wire(end, (end[0], y + height), arrow=False, dashed=bool(note))

        return Part(left, right, height, part.exits, draw, entered=False)

    # The root

    def root(self, node: Node, depth: int) -> Part:
        """Everything below the caption, from the first box to the output's shape."""
        if not _in_order(node):
            return _ended(self.part(node, depth), _shape(node.output))
        runs = [run for run in _runs(node) if not _skipped(run.node)] or [Run(node.children[:1])]
        if depth == 1 and (isinstance(node.module, InceptionNet) or len(runs) > 7):
            return self.rows(runs)
        items = []
        for run in runs:
            self.times = len(run.nodes)
            if depth > 1 and run.node.children:
                part = self.part(run.node, depth - 1)
                # Behind a ReLU the line is bare inside a block, but between blocks it says what flows.
                part = part._replace(exits=(Exit(0, part.exits[0].text or _flow(run.node)),))
                part = self.framed(part, run.title) if run.title else part
            else:
                part = self.box(run.node, run.title)
            items.append((part, self.head(run.head, depth - 1) if run.head else None))
        return self.columns(items, _shape(node.output))

    def head(self, node: Node, depth: int) -> Part:
        """An auxiliary head and what it puts out; one box where it stays folded."""
        if depth < 1:
            lines = (Line("auxiliary head", "label"), Line("training only", "note"))
            part = self.unit("head", lines, 0, "")
        else:
            self.times = 0
            part = self.framed(self.part(node, depth), "auxiliary head", "training only")
        return _ended(part, _shape(node.output), dashed=True)

    def columns(self, items: Sequence[tuple[Part, Part | None]], output: str) -> Part:
        """One column, or several where height asks for them and width allows, read like a newspaper's."""
        whole = self.chain(items)
        gutter = 3 * BRANCHES
        room = int((WIDE + gutter) // (whole.left + whole.right + gutter))
        count = max(1, min(room, math.ceil(whole.height / TALL)))
        groups: list[list[tuple[Part, Part | None]]] = [[]]
        height = 0.0
        for part, head in items:
            step = max(part.height, head.height if head else 0) + GAP
            if groups[-1] and len(groups) < count and height + step / 2 > whole.height / count * len(groups):
                groups.append([])
            groups[-1].append((part, head))
            height += step
        parts = [self.chain(group) for group in groups]
        parts[-1] = _ended(parts[-1], output)
        axes, edge = [], 0.0
        for part in parts:
            axes.append(edge + part.left)
            edge = axes[-1] + part.right + gutter

        def draw(sheet: Layout, x: float, y: float) -> None:
            for i, part in enumerate(parts):
                here = x - axes[0] + axes[i]
                part.draw(sheet, here, y)
                if i + 1 < len(parts):
                    there, low, high = here - axes[i] + axes[i + 1], y + part.height + DROP, y - DROP
                    turn = there - parts[i + 1].left - gutter / 2
                    corners = (here, low), (turn, low), (turn, high), (there, high), (there, y)
                    sheet.wire((here, y + part.height), *corners, arrow=parts[i + 1].entered)

        tall = max(part.height + DROP for part in parts)
        return Part(axes[0], edge - gutter - axes[0], tall, (), draw, parts[0].entered)

    def rows(self, runs: Sequence[Run]) -> Part:
        """A row of equal boxes for each grid, read like lines of text; a box that halves the grid opens a new row."""

        def unit(run: Run, height: float = 0.0) -> Part:
            node, self.times = run.node, len(run.nodes)
            lines = [Line(run.title, "name")] if run.title else []
            lines += [Line(_gist(node), "note" if lines else "label")]
            lines += [Line("no ReLU", "note")] if _linear(node) else []
            lines += [Line(_shape(node.output), "note")]
            return self.unit(_kind(node), lines, node.macs, "", self.times, height)

        tall = max(unit(run).height for run in runs)
        parts = [unit(run, tall) for run in runs]
        heads = [self.head(run.head, 0) if run.head else None for run in runs]
        across, lead = self.width + STEP, self.width / 2
        per_row = max(2, int((ROW + STEP) // across))
        rows: list[list[int]] = []
        for i, run in enumerate(runs):
            before, after = run.nodes[0].input, run.nodes[-1].output
            halved = after.height <= 0.6 * before.height and not after.flat
            if not rows or halved or len(rows[-1]) == per_row:
                rows.append([])
            rows[-1].append(i)
        tops, height = [], 0.0
        for row in rows:
            tops.append(height)
            hung = [head.height + DROP for i in row if (head := heads[i])]
            height += tall + max(hung, default=0) + TURN

        def draw(sheet: Layout, x: float, y: float) -> None:
            for row, top, low in zip(rows, tops, [*tops[1:], height], strict=True):
                for column, i in enumerate(row):
                    axis, middle, bottom = x + column * across, y + top + tall / 2, y + top + tall
                    parts[i].draw(sheet, axis, y + top)
                    if head := heads[i]:
                        sheet.wire((axis, bottom), (axis, bottom + DROP), dashed=True)
                        head.draw(sheet, axis, bottom + DROP)
                    copies, kind = len(runs[i].nodes), _kind(runs[i].node)
                    right = axis + lead + 4 * (min(copies, 3) - 1) - (SLANT["pool"] / 2 if kind == "pool" else 0)
                    end = axis + lead + STEP
                    if i == len(runs) - 1:
                        sheet.wire((right, middle), (end, middle))
                        sheet.words.append(Words(_shape(runs[i].node.output), end + 4, middle))
                    elif i != row[-1]:
                        next_pool = _kind(runs[i + 1].node) == "pool"
                        sheet.wire((right, middle), (end + (SLANT["pool"] / 2 if next_pool else 0), middle))
                    else:
                        turn, out = y + low - TURN / 2, end - STEP / 2
                        # An auxiliary head hangs where the line would leave.
                        start = (
                            [(right, middle), (out, middle), (out, turn)] if head else [(axis, bottom), (axis, turn)]
                        )
                        sheet.wire(*start, (x, turn), (x, y + low))

        ends = [(len(row) - 1) * across + lead for row in rows]
        ends[-1] += STEP + 4 + text_width(_shape(runs[-1].node.output), "edge")
        ends += [(len(row) - 1) * across + lead + STEP for row in rows if heads[row[-1]]]
        return Part(lead, max(ends), height - TURN, (), draw)


def _ended(part: Part, text: str, *, dashed: bool = False) -> Part:
    """`part` with an arrow out of it and the shape that comes out."""
    width = text_width(text, "edge") / 2

    def draw(sheet: Layout, x: float, y: float) -> None:
        part.draw(sheet, x, y)
        foot = y + part.height
        sheet.wire((x, foot), (x, foot + DROP), dashed=dashed)
        sheet.words.append(Words(text, x, foot + DROP + 9, anchor="middle"))

    height = part.height + DROP + 16
    return Part(max(part.left, width), max(part.right, width), height, (), draw, part.entered)


def _leave(
    sheet: Layout, exit: Exit, x: float, top: float, bottom: float, arrow: bool, *, mirror: bool = False
) -> None:
    """The line from an exit of a part whose axis is `x` down to the next, with its channels beside it."""
    x += exit.dx
    sheet.wire((x, top), (x, bottom), arrow=arrow)
    if exit.text:
        side, anchor = (-7, "end") if mirror else (7, "start")
        sheet.words.append(Words(exit.text, x + side, top + (min(bottom - top, GAP) - 5) / 2, anchor=anchor))


def layout(node: Node, depth: int | None = None, *, macs_share: bool = False) -> Layout:
    """Where everything stands in the diagram of `node`, in px. Takes and raises the same as `diagram`."""
    depth = _checked(node, depth)
    plan = _Plan(node.macs if macs_share else 0)
    plan.root(node, depth)
    part = plan.root(node, depth)
    given = _shape(node.input)
    legend = plan.legend()
    headings = [(_name(node), "caption"), (f"{node.params:,} parameters, {node.macs:,} MACs", "note")]
    left = max(part.left, text_width(given, "edge") / 2)
    inner = max(left + part.right, *(text_width(*text) for text in headings), *(text_width(t, "note") for t in legend))
    axis = MARGIN + left + (inner - left - part.right) / 2
    sheet = Layout(width=inner + 2 * MARGIN)
    y = MARGIN
    for text, role in headings:
        sheet.words.append(Words(text, MARGIN, y + SIZES[role] / 2, role))
        y += SIZES[role] + 6
    y += 22
    sheet.words.append(Words(given, axis, y, anchor="middle"))
    sheet.wire((axis, y + 9), (axis, y + 9 + DROP), arrow=part.entered)
    part.draw(sheet, axis, y + 9 + DROP)
    y += 9 + DROP + part.height + MARGIN + (6 if legend else 0)
    for text in legend:
        sheet.words.append(Words(text, MARGIN, y + SIZES["note"] / 2, "note"))
        y += LINE
    sheet.height = y + (MARGIN if legend else 0)
    return sheet


# ---------------------------------------------------------------------------------------------------------------------
# As SVG
# ---------------------------------------------------------------------------------------------------------------------

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


def _edge_behind(box: Box, lift: float) -> str:
    """What shows of a block that lies `lift` px behind another of its stack: a strip along the top and the right."""
    cut, (x, y, width, height) = SLANT["block"], box[1:5]
    left, top, right, low = x + lift, y - lift, x + width + lift, y + height - lift
    return _path(
        *((left + cut - 4, top + 4), (left + cut, top), (right - cut, top), (right, top + cut), (right, low - cut)),
        *((right - 4, low - cut + 4), (right - 4, top + cut + 4), (right - cut - 4, top + 4)),
    )


def _drawn_box(box: Box) -> Iterator[str]:
    hue = box.kind if box.kind in palette.KINDS else "plain"
    for lift in range(4, 4 * min(box.copies, 3), 4):
        yield f'<path class="ie-{hue}" d="{_edge_behind(box, lift)}"/>'
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
        yield _text(Words(_percent(box.share), end, y + 1, "note", "end"))


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
