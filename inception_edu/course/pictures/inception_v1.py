"""Chapter 04: where GoogLeNet's parameters and multiply-adds are."""

import matplotlib.pyplot as plt

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, ORANGE
from ...tracing import Node


def twin_bars(node: Node) -> Picture:
    """Parameters to the left and MACs to the right, part by part, of a traced GoogLeNet."""
    parts = {"stem": [child for child in node.children if child.name.startswith(("conv", "pool_1", "pool_2", "lrn"))]}
    parts |= {child.name.split("_")[1]: [child] for child in node.children if child.name.startswith("inception")}
    parts["linear"] = [node.children[-1]]
    params = [100 * sum(child.params for child in part) / node.params for part in parts.values()]
    macs = [100 * sum(child.macs for child in part) / node.macs for part in parts.values()]
    style()
    fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True, layout="constrained")
    for ax, shares, colour, title in ((left, params, BLUE, "parameters"), (right, macs, ORANGE, "multiply-adds")):
        ax.barh(list(parts), shares, color=colour)
        for row, share in enumerate(shares):
            step, side = (-3, "right") if ax is left else (3, "left")
            ax.annotate(f"{share:.0f}", (share, row), (step, 0), textcoords="offset points", va="center", ha=side)
        ax.set(title=title, xlabel="% of the network")
    left.invert_xaxis()
    left.invert_yaxis()
    left.yaxis.tick_right()
    rows = "; ".join(f"{name} {p:.0f} and {m:.0f}" for name, p, m in zip(parts, params, macs, strict=True))
    return show(fig, f"Twin bars along GoogLeNet, percent of all parameters and of all multiply-adds: {rows}.")
