"""The table that explorers of blocks share: a row for each branch, the totals, the change against another setting."""

from collections.abc import Sequence

from ..tracing import Node

HEADS = ("branch", "channels out", "parameters", "MACs", "activations, kB", "receptive field")


def branch_table(node: Node, names: Sequence[str], reference: Node | None = None, *, whole: str = "together") -> str:
    """HTML: what each child of `node` puts out and costs under its name of `names`, then the whole of `node`.

    MACs count conv and linear multiply-adds at batch 1; activations are kB of float32 that the branch's layers
    put out; the receptive field is in cells of the block's input, its height where both sides differ. With a
    `reference` that differs a last row gives the change in per cent. Raises ValueError for another number of names.
    """
    rows = [_cells(name, child) for name, child in zip(names, node.children, strict=True)]
    rows.append(_cells(whole, node))
    if reference and _totals(reference) != _totals(node):
        change = [f"{new / was - 1:+.1%}" for new, was in zip(_totals(node), _totals(reference), strict=True)]
        rows.append(["against the reference", *change, ""])
    body = "".join(
        f"<tr{' class=ie-total' if i == len(node.children) else ''}><th scope='row'>{row[0]}</th>"
        + "".join(f"<td>{cell}</td>" for cell in row[1:])
        + "</tr>"
        for i, row in enumerate(rows)
    )
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _totals(node: Node) -> tuple[int, int, int, int]:
    return node.output.channels, node.params, node.macs, node.activation_bytes


def _cells(name: str, node: Node) -> list[str]:
    channels, params, macs, size = _totals(node)
    field = "x".join(map(str, dict.fromkeys(node.output.field))) if node.output.field else "unknown"
    return [name, f"{channels}", f"{params:,}", f"{macs:,}", f"{size / 1000:,.0f}", field]
