"""What explorers of blocks share: a table with a row for each branch, and the change from another setting."""

from collections.abc import Sequence

from ..show.html import table
from ..tracing import Node

HEADS = ("branch", "channels out", "parameters", "MACs", "activations, kB", "receptive field")


def branch_table(node: Node, names: Sequence[str], *, whole: str = "total", activations: bool = True) -> str:
    """HTML: what each child of `node` outputs and costs under its name of `names`, then the whole of `node`.

    MACs count conv and linear multiply-adds at batch 1; `activations` are kB of float32 that the branch's convolutions
    output, a column to leave out where a pool's own output matters; the receptive field is in cells of the block's
    input, (height)x(width) where they differ. Raises ValueError if there is not one name per child.
    """
    named = [*zip(names, node.children, strict=True), (whole, node)]
    rows = [
        (
            *(name, each.output.channels, each.params, each.macs, f"{each.activation_bytes / 1000:,.0f}"),
            "x".join(map(str, dict.fromkeys(each.output.field or ("unknown",)))),
        )
        for name, each in named
    ]
    kept = [place for place, head in enumerate(HEADS) if activations or not head.startswith("activations")]
    return table([HEADS[place] for place in kept], [[row[place] for place in kept] for row in rows], total=-1)


def change(now: Node, was: Node, *, activations: bool = True) -> str:
    """By what percentages the channels, parameters, MACs and `activations` of `now` differ from those of `was`."""
    pairs = {
        "channels out": (now.output.channels, was.output.channels),
        "parameters": (now.params, was.params),
        "MACs": (now.macs, was.macs),
    }
    if activations:
        pairs["activations"] = (now.activation_bytes, was.activation_bytes)
    changes = ", ".join(f"{a / b - 1:+.1%} {what}" for what, (a, b) in pairs.items())
    return f"Compared with the pinned setting: {changes}."
