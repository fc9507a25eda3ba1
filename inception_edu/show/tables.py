"""Node tree -> tables of shapes and cost, as text, HTML or plain records."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from ..tracing import Node
from .labels import label

HEADERS = ("part", "what", "output (C, H, W)", "parameters", "MACs", "share of MACs", "receptive field", "jump")


@dataclass(frozen=True)
class Row:
    """One line: a part of the network, its numbers as numbers."""

    part: str
    what: str
    output: tuple[int, ...]
    params: int
    macs: int
    activations: int
    field: tuple[int, int]
    jump: tuple[int, int]
    training_only: bool = False

    def cells(self, total_macs: int) -> tuple[str, ...]:
        macs = f"({self.macs:,})" if self.training_only else f"{self.macs:,}"
        share = "" if self.training_only or not total_macs else f"{self.macs / total_macs:.1%}"
        return (
            *(self.part, self.what, " x ".join(map(str, self.output)), f"{self.params:,}", macs, share),
            *(_pair(self.field), _pair(self.jump)),
        )


def _pair(value: tuple[int, int]) -> str:
    return str(value[0]) if value[0] == value[1] else f"{value[0]}x{value[1]}"


@dataclass(frozen=True)
class Table:
    """What `summary` returns: prints as text, shows as HTML in a notebook, `records()` for everything else."""

    title: str
    rows: tuple[Row, ...]
    total: Row

    def _cells(self) -> list[tuple[str, ...]]:
        return [row.cells(self.total.macs) for row in (*self.rows, self.total)]

    def __str__(self) -> str:
        sides = ("left", "left", "left", *["right"] * 5)
        return f"{self.title}\n" + tabulate(self._cells(), HEADERS, "simple", colalign=sides, disable_numparse=True)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        sides = ("left", "left", "left", *["right"] * 5)
        table = tabulate(self._cells(), HEADERS, "html", colalign=sides, disable_numparse=True)
        table = re.sub("<(t[dh])>", r'<\1 style="text-align: left;">', str(table))  # notebooks align to the right
        return table.replace("<table>", f"<table>\n<caption>{self.title}</caption>", 1)

    def records(self) -> list[dict[str, Any]]:
        """The rows and the total as plain dictionaries; MACs are conv and linear multiply-adds at batch 1."""
        return [{name: getattr(row, name) for name in Row.__dataclass_fields__} for row in (*self.rows, self.total)]


def summary(node: Node, depth: int = 1) -> Table:
    """A table of `node`, `depth` levels down: the rows are disjoint parts, so that the columns add up to the total.

    MACs count the multiply-adds of convolutions and linear layers for one image. Auxiliary heads stand in
    rows of their own: their parameters belong to the total; their MACs, in brackets, do not, because only
    training runs them. Receptive field and jump are in pixels of the traced image.

    Raises ValueError for a depth below 1.
    """
    if depth < 1:
        raise ValueError(f"a table needs a depth of at least 1, got {depth}")
    name = getattr(node.module, "name", "") or node.name or type(node.module).__name__
    shape = " x ".join(map(str, node.input.shape))
    title = f"{name} on {shape}: {node.params:,} parameters, {node.macs:,} MACs"
    return Table(title, tuple(_rows(node, depth, "")), _row(node, "total", ""))


def _rows(node: Node, depth: int, path: str) -> Iterator[Row]:
    """The parts `depth` levels below `node`, or above where there is nothing further down."""
    if depth == 0 or not node.children:
        yield _row(node, path or node.name, label(node.module))
        return
    heads = {head.name: head for head in node.aux}
    for child in node.children:
        yield from _rows(child, depth - 1, f"{path}.{child.name}" if path else child.name)
        if child.name in heads:
            yield _row(heads[child.name], f"auxiliary head on {child.name}", "training only", training_only=True)


def _row(node: Node, part: str, what: str, *, training_only: bool = False) -> Row:
    out = node.output
    return Row(part, what, out.shape, node.params, node.macs, node.activations, out.field, out.jump, training_only)
