"""Node tree -> tables of shapes and cost, as text, HTML or plain records."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from tabulate import tabulate
from torch import nn

from ..layers import Sides
from ..tracing import Node, traced
from .html import table
from .labels import label

HEADERS = ("part", "what", "output (C, H, W)", "parameters", "MACs", "share of MACs", "receptive field", "jump")
PRODUCTS = "matrix products"


@dataclass(frozen=True)
class Row:
    """One line: a part of the network with its numbers. `field` and `jump` are None where they are not known."""

    part: str
    what: str
    output: Sides
    params: int
    macs: int
    products: int
    activations: int
    field: Sides | None
    jump: Sides | None
    training_only: bool = False

    def cells(self, total_macs: int) -> tuple[str, ...]:
        """The line as text, in the order of `HEADERS` with the products after the MACs' share."""
        macs = f"({self.macs:,})" if self.training_only else f"{self.macs:,}"
        share = "" if self.training_only or not total_macs else f"{self.macs / total_macs:.1%}"
        return (
            *(self.part, self.what, " x ".join(map(str, self.output)), f"{self.params:,}", macs, share),
            *(f"{self.products:,}", _sides(self.field), _sides(self.jump)),
        )


def _sides(value: Sides | None) -> str:
    if value is None:
        return "unknown"
    return "x".join(map(str, dict.fromkeys(value) if len(set(value)) == 1 else value))


@dataclass(frozen=True)
class Table:
    """What `summary` returns: prints as text, shows as HTML in a notebook, `records()` for everything else."""

    title: str
    rows: tuple[Row, ...]
    total: Row
    note: str = ""

    def _columns(self) -> tuple[list[list[str]], list[str], list[str]]:
        """Cells, headers and sides; products have a column where there are any."""
        cells = [list(row.cells(self.total.macs)) for row in (*self.rows, self.total)]
        headers, sides = [*HEADERS[:6], PRODUCTS, *HEADERS[6:]], ["left"] * 3 + ["right"] * 6
        if not self.total.products:
            for line in (*cells, headers, sides):
                del line[6]
        return cells, headers, sides

    def __str__(self) -> str:
        cells, headers, sides = self._columns()
        text = tabulate(cells, headers, "simple", colalign=sides, disable_numparse=True)
        return f"{self.title}\n{text}" + (f"\n{self.note}" if self.note else "")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        cells, headers, _ = self._columns()
        note = f"<p>{escape(self.note)}</p>" if self.note else ""
        return table(headers, cells, total=-1, caption=self.title, left=range(3)) + note

    def records(self) -> list[dict[str, Any]]:
        """The rows and the total as plain dictionaries; MACs are conv and linear multiply-adds at batch 1."""
        return [asdict(row) for row in (*self.rows, self.total)]


def summary(what: Node | nn.Module, shape: Sequence[int] | None = None, *, depth: int = 1) -> Table:
    """A table of shapes and cost; its rows are disjoint parts, so that the columns add up to the total.

    | argument | what it is                                                    |
    |----------|---------------------------------------------------------------|
    | `what`   | what `trace` returned, or any module together with a `shape`  |
    | `shape`  | the image that the module reads, (C, H, W)                    |
    | `depth`  | how many levels down the rows are                             |

    MACs count the multiply-adds of convolutions and linear layers for one image; products of two computed values, as
    in attention, have a column of their own. Auxiliary heads have rows of their own: their parameters belong to the
    total; their MACs, in brackets, do not, because only training runs them. Parameters that a part holds directly, or
    that nothing runs, have rows of their own, too. Receptive field and jump are in pixels of the image.

    Raises TypeError for what can be neither, ValueError for a depth below 1, and what `trace` raises.
    """
    node = traced(what, shape)
    if depth < 1:
        raise ValueError(f"a table needs a depth of at least 1, got {depth}")
    name = getattr(node.module, "name", "") or node.name or type(node.module).__name__
    size = " x ".join(map(str, node.input.shape))
    title = f"{name} on {size}: {node.params:,} parameters, {node.macs:,} MACs"
    title += f" and {node.products:,} in products of computed values" if node.products else ""
    unread = list(node.unread())
    note = f"Counted by one run, as a whole: {', '.join(unread)}." if unread else ""
    return Table(title, tuple(_rows(node, depth, "")), _row(node, "total", ""), note)


def _rows(node: Node, depth: int, path: str) -> Iterator[Row]:
    """The parts `depth` levels below `node`, or above where there is nothing further down."""
    if depth == 0 or not node.children:
        yield _row(node, path or node.name, label(node.form))
        return
    heads = {head.name: head for head in node.aux}
    for child in node.children:
        yield from _rows(child, depth - 1, f"{path}.{child.name}" if path else child.name)
        if child.name in heads:
            yield _row(heads[child.name], f"auxiliary head on {child.name}", "training only", training_only=True)
    if node.own_params:
        out = node.output
        what = "its own, or never run"
        yield Row(path or "the whole", what, out.shape, node.own_params, 0, 0, 0, out.field, out.jump)


def _row(node: Node, part: str, what: str, *, training_only: bool = False) -> Row:
    out, cost = node.output, (node.params, node.macs, node.products, node.activations)
    return Row(part, what, out.shape, *cost, out.field, out.jump, training_only)
