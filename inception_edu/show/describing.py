"""What a drawing shows of a Node tree, and the same in sentences for readers who cannot see it.

The first half is what `layout` and `describe` both need of a node: its kind, its words, its runs
of equal blocks. `describe` then goes through the tree box by box, as `layout` draws it.
"""

import re
from typing import NamedTuple

from torch import nn

from ..bricks import Concat, ConvUnit, Product, Residual
from ..layers import Signal
from ..network import InceptionNet
from ..tracing import Node
from .labels import box, label

SMALL = {"norm", "activation", "dropout", "reshape", "identity"}  # drawn as pills
RUN = 3  # this many equal blocks in a row are drawn once


def checked(node: Node, depth: int | None) -> int:
    """The depth to draw. Raises ValueError for one below 1."""
    if depth is None:
        return 1 if isinstance(node.module, InceptionNet) else 99
    if not isinstance(depth, int) or depth < 1:
        raise ValueError(f"a diagram needs a depth that is a whole number of at least 1, got {depth}")
    return depth


def name_of(node: Node) -> str:
    """Its own name, its class if the reader wrote that, the words of its box if it is a single unit, or "block"."""
    own = getattr(node.module, "name", "") or node.name
    if own:
        return str(own)
    if node.module is not node.form:
        return type(node.module).__name__
    return label(node.form) if not node.children else "block"


def box_of(node: Node) -> str:
    """The shape it is drawn in: "block" if it has children, else what `labels.box` says."""
    if node.children:
        return "block"
    if isinstance(node.form, nn.Sequential) and not isinstance(node.form, ConvUnit):
        return "identity"  # it holds nothing, so it changes nothing
    return box(node.form)


def skipped(node: Node) -> bool:
    """Whether it is drawn as a mere line: it passes on its input."""
    return box_of(node) == "identity"


def shape(signal: Signal) -> str:
    """`256 x 28x28`, or `1000` for a vector."""
    return f"{signal.channels} x {'x'.join(map(str, signal.sides))}" if signal.sides else str(signal.channels)


def flow(node: Node) -> str:
    """What to write next to the line that leaves it: channels, and the grid where it changes."""
    same = node.output.sides == node.input.sides
    return str(node.output.channels) if same else shape(node.output)


def without_relu(node: Node) -> bool:
    """Whether it is a unit without a ReLU, which its box then says."""
    return isinstance(node.form, ConvUnit) and not hasattr(node.form, "relu")


def gist(node: Node) -> str:
    """A folded block in a few words."""
    if not node.children:
        return label(node.form) or "identity"
    if isinstance(node.form, Concat):
        return f"{len(node.children)} branches"
    if isinstance(node.form, Product):
        return f"product of {len(node.children)}"
    if isinstance(node.form, Residual):
        scale = node.form.scale
        return "residual" if scale == 1 else f"residual x {scale:g}"
    parts = [child for child in node.children if box_of(child) not in SMALL] or node.children
    kinds, gists = [box_of(part) for part in parts], [gist(part) for part in parts]
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


def listed(node: Node) -> list[str]:
    """The labels of a folded chain of a few units, which say more than its gist; empty for anything else."""
    inner = [child for child in node.children if not skipped(child)]
    if not in_order(node) or len(inner) > 4 or any(child.children for child in inner):
        return []
    return [label(child.form) for child in inner]


def _equal(one: Node, other: Node) -> bool:
    """Whether two nodes look and cost the same."""
    return (
        (one.input.shape, one.output.shape, one.params, one.macs)
        == (other.input.shape, other.output.shape, other.params, other.macs)
        and (label(one.form), without_relu(one)) == (label(other.form), without_relu(other))
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
            name = self.node.name.lower()
            said = name.isdigit() or name in gist(self.node).lower() or name == type(self.node.form).__name__.lower()
            return "" if said else self.node.name
        stem = re.sub(r"_?\d+$", "", self.node.name) or "block"
        return f"{stem} x {len(self.nodes)}"


def runs_of(node: Node) -> list[Run]:
    """The children of `node` in order, with at least `RUN` equal blocks in a row grouped."""
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


def in_order(node: Node) -> bool:
    """Whether its children come one after the other."""
    return bool(node.children) and not isinstance(node.form, Concat | Product | Residual)


def percent(share: float) -> str:
    """`67.7 %` for 0.677, with one decimal; `<0.1 %` for what would round to zero."""
    return "<0.1 %" if 0 < share < 0.0005 else f"{share:.1%}".replace("%", " %")


# ---------------------------------------------------------------------------------------------------------------------
# In words
# ---------------------------------------------------------------------------------------------------------------------

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def _count(n: int) -> str:
    return _NUMBERS[n] if n < len(_NUMBERS) else str(n)


def _spoken(signal: Signal) -> str:
    return "x".join(map(str, signal.shape))


def _joined(node: Node) -> str:
    return "multiplied" if isinstance(node.form, Product) else "concatenated"


def _words(text: str) -> str:
    """A label without its shorthand: `3x3 conv /2 V` -> `3x3 conv with stride 2 without padding`."""
    return re.sub(r" V$", " without padding", re.sub(r" /(\S+)", r" with stride \1", text))


class _Teller:
    """Says what `layout` draws, with the same depth and the same runs.

    `total` is what shares are shares of, 0 if none are given; `times` is how often the part being described occurs.
    """

    def __init__(self, total: int, times: int = 1) -> None:
        self.total = total
        self.times = times

    def box(self, node: Node) -> str:
        """One box: what it is, and its output where that differs from its input."""
        module = node.form
        text = " then ".join(map(_words, listed(node) or [gist(node)]))
        if isinstance(module, Residual) or (in_order(node) and text.startswith("residual")):
            text = text.replace("residual", "residual block").replace(" x ", " with its body scaled by ")
        if without_relu(node):
            text += " without ReLU"
        if node.output.shape != node.input.shape or box_of(node) in ("conv", "linear"):
            same = node.output.sides == node.input.sides
            text += f" to {node.output.channels if same else _spoken(node.output)}"
        if self.total and node.macs:
            text += f" ({percent(self.times * node.macs / self.total)} of the MACs)"
        return text

    def part(self, node: Node, depth: int) -> str:
        """`node` opened `depth` levels, as a piece of a sentence."""
        if depth < 1 or not node.children:
            return self.box(node)
        if isinstance(node.form, Concat | Product):
            return f"a fork into {_count(len(node.children))}, {_joined(node)} ({self.branches(node, depth)})"
        if isinstance(node.form, Residual):
            return f"a residual block ({self.sum(node.form, node, depth)})"
        steps = [self.part(child, depth - 1) for child in node.children if not skipped(child)]
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
        if isinstance(node.form, Concat | Product):
            count = _count(len(node.children)).capitalize()
            branches = f"{count} {'branch' if count == 'One' else 'branches'}, {_joined(node)}"
            return f"{branches}: {self.branches(node, depth)}"
        if isinstance(node.form, Residual):
            return f"Residual block, {self.sum(node.form, node, depth)}"
        if not node.children:
            return self.box(node)
        return "In order: " + "; ".join(self.run(run, depth - 1) for run in runs_of(node) if not skipped(run.node))


def describe(node: Node, depth: int | None = None, *, macs_share: bool = False) -> str:
    """What the diagram of `node` shows, in words: shapes in and out, then every box and how they are joined.

    Takes and raises the same as `diagram`.
    """
    depth = checked(node, depth)
    whole = _Teller(node.macs if macs_share else 0).whole(node, depth)
    return f"{name_of(node)}: {_spoken(node.input)} to {_spoken(node.output)}. {whole}."
