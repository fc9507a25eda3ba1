"""Node tree -> where everything is drawn, as plain records in px, for `drawing` to write down and tests to check.

A recursion over the tree: a `Sequential` is a line of boxes from top to bottom, the branches of a
`Concat` are side by side between a split point and a bar, a `Residual` is its body next to a
shortcut, joined in a circle with a plus. A network whose blocks are all folded is a row of boxes
for each grid, read like lines of text.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..bricks import Concat, Product, Residual
from ..network import InceptionNet
from ..tracing import Node
from .describing import (
    SMALL,
    Run,
    box_of,
    checked,
    flow,
    gist,
    in_order,
    listed,
    name_of,
    runs_of,
    shape,
    skipped,
    without_relu,
)

Point = tuple[float, float]

SIZES = {"label": 13.0, "name": 13.0, "note": 11.0, "edge": 11.5, "caption": 15.0}
"""Font size in px of each role of text; the bold roles are in `BOLD`."""
BOLD = {"name", "caption"}
LINE = 15.0  # from one line of text in a box to the next
PAD = 8.0  # between a box's text and its edge
DROP = 20.0  # from a split point down to what it feeds
GAP = 32.0  # from one box down to the next, with room for a number next to the line
BRANCHES = 22.0  # between branches
BAR = 26.0  # height of a concat bar
PLUS = 11.0  # radius of the circle with a plus
MARGIN = 14.0
STEP, TURN = 26.0, 44.0  # from a folded block to the next of its row, and to the next row
TALL, WIDE = 1500.0, 1100.0  # a line of opened blocks is broken into columns above this height, within this width
ROW = 920.0  # widest row of folded blocks
SHARE, SHARE_WIDTH = 17.0, 92.0  # height and least width of the bar and percentage of a share of MACs
# What a shape's edges take from its width on either side.
SLANT = {"depthwise": 4.0, "block": 7.0, "head": 7.0, "pool": 10.0, "linear": 11.0}


class Line(NamedTuple):
    """One line of text in a box, and its role in `SIZES`."""

    text: str
    role: str


class Box(NamedTuple):
    """One drawn unit: its shape, its left and top, and its text.

    `share` is its part of the whole drawing's MACs, None where none is shown; `copies` is how many
    equal blocks it represents.
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
    """A line through corner points; `dashed` where it is used in training only."""

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
    """The outline around an opened block: left, top, width, height; dashed where it is used in training only."""

    x: float
    y: float
    width: float
    height: float
    dashed: bool = False


@dataclass(slots=True)
class Layout:
    """Where everything is, in px: all that `diagram` writes down, and nothing else."""

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


class Exit(NamedTuple):
    """Where values leave a part: how far right of its axis, and what to write next to the line."""

    dx: float
    text: str


def _room(text: str) -> float:
    """The width to reserve for text next to a line; a little of it may reach into the gap that follows."""
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


class Unit(NamedTuple):
    """What one box says and how large it must be, known before any place is."""

    kind: str
    lines: tuple[Line, ...]
    width: float
    height: float
    share: float | None
    copies: int


class _Plan:
    """Measures every box of one drawing, then places them.

    `units` has the boxes by the `id` of their node; a node that is opened has none. All are drawn as wide as the
    widest, so that branches look even. `total` is what shares of MACs are shares of, 0 where none are shown.
    """

    def __init__(self, root: Node, depth: int, total: int) -> None:
        self.total = total
        self.units: dict[int, Unit] = {}
        self.runs = [run for run in runs_of(root) if not skipped(run.node)] or [Run(root.children[:1])]
        many = isinstance(root.module, InceptionNet) or len(self.runs) > 7
        self.in_rows = in_order(root) and depth == 1 and many
        if in_order(root):
            for run in self.runs:
                self.measure(run.node, depth - 1, len(run.nodes), run.title)
                if run.head and depth > 1:
                    self.measure(run.head, depth - 1, 0)  # its MACs are not part of the total
                elif run.head:
                    self.unit(run.head, "head", [Line("auxiliary head", "label"), Line("training only", "note")], 0)
        elif not skipped(root):
            self.measure(root, depth, 1)
        self.width = max([84.0, *(unit.width for unit in self.units.values())])

    def measure(self, node: Node, depth: int, times: int, title: str = "") -> None:
        """Makes a unit of each box that `node` becomes, opened `depth` levels; it occurs `times` times."""
        if depth >= 1 and node.children:
            for child in node.children:
                if not skipped(child):
                    self.measure(child, depth - 1, times)
            return
        if title:
            lines = [Line(title, "name"), Line(gist(node), "note")]
        else:
            lines = [Line(text, "label") for text in (not self.in_rows and listed(node)) or [gist(node)]]
        lines += [Line("no ReLU", "note")] * without_relu(node) + [Line(shape(node.output), "note")] * self.in_rows
        self.unit(node, box_of(node), lines, times)

    def unit(self, node: Node, kind: str, lines: Sequence[Line], times: int) -> None:
        share = times * node.macs / self.total if self.total and times and node.macs else None
        needed = [text_width(*line) for line in lines] + [SHARE_WIDTH] * (share is not None)
        width = max(needed) + 2 * (PAD + SLANT.get(kind, 0.0))
        height = LINE * len(lines) + (9 if kind in SMALL else 19 + SHARE * bool(self.total))
        self.units[id(node)] = Unit(kind, tuple(lines), width, height, share, max(times, 1) if self.in_rows else 1)

    def legend(self) -> str:
        """What the shorthand in this drawing's boxes means."""
        texts = (line.text for unit in self.units.values() for line in unit.lines if line.role != "name")
        words = sorted({word for text in texts for word in text.split()})
        parts = [f"{word}: stride {word[1:]}" for word in words if re.fullmatch(r"/\d+(x\d+)?", word)]
        parts += ["V: no padding (valid)"] * ("V" in words) + ["%: share of the MACs"] * bool(self.total)
        return ", ".join(parts)

    def box(self, node: Node, height: float = 0.0) -> Part:
        """One box, at least `height` high, with what to write next to the line that leaves it."""
        kind, lines, _, least, share, copies = self.units[id(node)]
        width, height = self.width, max(height, least)
        # A line says its channels once: a ReLU or a dropout does not repeat them.
        same = box_of(node) in SMALL and node.output.shape == node.input.shape

        def draw(sheet: Layout, x: float, y: float) -> None:
            sheet.boxes.append(Box(kind, x - width / 2, y, width, height, lines, share, copies))

        return Part(width / 2, width / 2, height, (Exit(0, "" if same else flow(node)),), draw)

    def part(self, node: Node, *, loose: bool = False) -> Part:
        """`node`, opened unless it has a box; `loose` leaves the joining of its ends to the `Concat` around it."""
        if id(node) in self.units:
            return self.box(node)
        if skipped(node):
            return Part(4, 4, 0, (Exit(0, ""),), lambda sheet, x, y: None, entered=False)
        if isinstance(node.form, Concat | Product):
            return self.concat(node, loose and isinstance(node.form, Concat))
        if isinstance(node.form, Residual):
            return self.residual(node)
        steps = [child for child in node.children if not skipped(child)] or [node.children[0]]
        return self.chain([(self.part(step, loose=loose and step is steps[-1]), None) for step in steps])

    def chain(self, items: Sequence[tuple[Part, Part | None]]) -> Part:
        """Parts from top to bottom, each with the auxiliary head that reads it, which is drawn to the right."""
        lane = max(part.right for part, _ in items) + BRANCHES
        left, right = max(part.left for part, _ in items), lane - BRANCHES
        tops, height, free = [], 0.0, 0.0
        for part, head in items:
            if head:
                height = max(height, free - part.height)  # below the head before it
            tops.append(height)
            height += part.height
            right = max(right, *(exit.dx + _room(exit.text) for exit in part.exits))
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

    def concat(self, node: Node, loose: bool) -> Part:
        """Branches side by side, ending level, as the papers draw them; the bar of a `Product` says so."""
        joins = isinstance(node.form, Concat)
        branches = [self.part(child, loose=joins) for child in node.children]
        ends, axes, edge = [], [], 0.0
        for branch, child in zip(branches, node.children, strict=True):
            exits = [Exit(exit.dx, exit.text or flow(child)) for exit in branch.exits]
            ends.append(exits)
            axes.append(edge + branch.left)
            edge = axes[-1] + max(branch.right, *(exit.dx + _room(exit.text) for exit in exits)) + BRANCHES
        width = edge - BRANCHES
        middle = (axes[0] + axes[-1]) / 2
        near = min(axes, key=lambda axis: abs(axis - middle))
        if abs(near - middle) <= 10:  # no small jog next to a branch that is nearly in the middle
            middle = near
        tall = max(branch.height for branch in branches)
        height = DROP + tall + (0 if loose else GAP + BAR)
        out = [Exit(axis - middle + e.dx, e.text) for axis, exits in zip(axes, ends, strict=True) for e in exits]

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
                line = Line("concat" if joins else "multiply", "label")
                sheet.boxes.append(Box("concat", start, y + height - BAR, width, BAR, (line,)))

        return Part(
            middle, width - middle, height, tuple(out) if loose else (Exit(0, flow(node)),), draw, entered=False
        )

    def residual(self, node: Node) -> Part:
        """The body, and to its right the shortcut, joined in the circle with a plus."""
        assert isinstance(node.form, Residual)
        body, side = map(self.part, node.children)
        into, around = body.exits[0].text or flow(node.children[0]), side.exits[0].text or flow(node.children[1])
        scale = f"x {node.form.scale:g}" if node.form.scale != 1 else ""
        lane = max(body.right, _room(into)) + BRANCHES + side.left
        tall = max(body.height, side.height)
        height = DROP + tall + GAP + 2 * PLUS
        left = max(body.left, _room(scale))
        right = lane + max(side.right, _room(around) if side.entered else 0)

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
                sheet.words.append(Words(around, x + lane + 7, low + (GAP - 6) / 2))
            sheet.boxes.append(Box("sum", x - PLUS, plus - PLUS, 2 * PLUS, 2 * PLUS, ()))

        return Part(left, right, height, (Exit(0, flow(node)),), draw, entered=False)

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

    def root(self, node: Node) -> Part:
        """Everything below the caption, from the first box to the output's shape."""
        if not in_order(node):
            return _ended(self.part(node), shape(node.output))
        if self.in_rows:
            return self.rows(self.runs)
        items = []
        for run in self.runs:
            part = self.part(run.node)
            if id(run.node) not in self.units:
                # After a ReLU the line is bare inside a block, but between blocks it says what flows.
                part = part._replace(exits=(Exit(0, part.exits[0].text or flow(run.node)),))
                part = self.framed(part, run.title) if run.title else part
            items.append((part, self.head(run.head) if run.head else None))
        return self.columns(items, shape(node.output))

    def head(self, node: Node) -> Part:
        """An auxiliary head and what it outputs."""
        part = self.part(node)
        if id(node) not in self.units:
            part = self.framed(part, "auxiliary head", "training only")
        return _ended(part, shape(node.output), dashed=True)

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
        tall = max(self.units[id(run.node)].height for run in runs)
        parts = [self.box(run.node, tall) for run in runs]
        heads = [self.head(run.head) if run.head else None for run in runs]
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
                    copies, kind = len(runs[i].nodes), box_of(runs[i].node)
                    right = axis + lead + 4 * (min(copies, 3) - 1) - (SLANT["pool"] / 2 if kind == "pool" else 0)
                    end = axis + lead + STEP
                    if i == len(runs) - 1:
                        sheet.wire((right, middle), (end, middle))
                        sheet.words.append(Words(shape(runs[i].node.output), end + 4, middle))
                    elif i != row[-1]:
                        next_pool = box_of(runs[i + 1].node) == "pool"
                        sheet.wire((right, middle), (end + (SLANT["pool"] / 2 if next_pool else 0), middle))
                    else:
                        # An auxiliary head is drawn where the line would leave.
                        turn, out = y + low - TURN / 2, end - STEP / 2 if head else axis
                        start = [(right, middle), (out, middle)] if head else [(axis, bottom)]
                        sheet.wire(*start, (out, turn), (x, turn), (x, y + low))

        ends = [(len(row) - 1) * across + lead for row in rows]
        ends[-1] += STEP + 4 + text_width(shape(runs[-1].node.output), "edge")
        ends += [(len(row) - 1) * across + lead + STEP for row in rows if heads[row[-1]]]
        return Part(lead, max(ends), height - TURN, (), draw)


def _ended(part: Part, text: str, *, dashed: bool = False) -> Part:
    """`part` with an arrow out of it and the shape of its output."""
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
    """The line from an exit of a part whose axis is `x` down to the next, with its channels next to it."""
    x += exit.dx
    sheet.wire((x, top), (x, bottom), arrow=arrow)
    if exit.text:
        side, anchor = (-7, "end") if mirror else (7, "start")
        sheet.words.append(Words(exit.text, x + side, top + (min(bottom - top, GAP) - 5) / 2, anchor=anchor))


def layout(node: Node, depth: int | None = None, *, macs_share: bool = False) -> Layout:
    """Where everything is in the diagram of `node`, in px. Takes and raises the same as `diagram`."""
    depth = checked(node, depth)
    plan = _Plan(node, depth, node.macs if macs_share else 0)
    part = plan.root(node)
    given = shape(node.input)
    legend = plan.legend()
    params = node.params - sum(head.params for head in node.aux)  # as their MACs are not counted either
    price = f"{params:,} parameters, {node.macs:,} MACs" + " without the auxiliary heads" * bool(node.aux)
    headings = [(name_of(node), "caption"), (price, "note")]
    left = max(part.left, text_width(given, "edge") / 2)
    inner = max(left + part.right, *(text_width(*text) for text in headings), text_width(legend, "note"))
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
    sheet.height = y + 9 + DROP + part.height + MARGIN
    if legend:
        sheet.words.append(Words(legend, MARGIN, sheet.height + 6 + SIZES["note"] / 2, "note"))
        sheet.height += 6 + LINE + MARGIN
    return sheet
