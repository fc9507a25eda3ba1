"""The budget challenge: a small network of the reader's own, its limits, and a logbook of decisions about it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ..data.files import write_whole
from ..network import InceptionNet, classifier
from ..shorthand import Item, chain, out_channels
from ..show.html import table
from ..tracing import trace


@dataclass(frozen=True)
class Budget:
    """The limits of the challenge: parameters, and MACs (conv and linear multiply-adds) for one (1, 28, 28) image."""

    params: int = 150_000
    macs: int = 10_000_000
    image: tuple[int, int, int] = (1, 28, 28)

    def verdict(self, net: nn.Module) -> str:
        """What `net` costs, and whether that is within the budget.

        Raises ShapeError if the network cannot read the image, ValueError if it does not end in 10 logits.
        """
        node = trace(net, self.image)
        if node.output.shape != (10,):
            raise ValueError(f"the challenge has 10 classes, and this network outputs {node.output.shape}")
        over = [
            f"{have - limit:,} {what} over"
            for have, limit, what in ((node.params, self.params, "parameters"), (node.macs, self.macs, "MACs"))
            if have > limit
        ]
        cost = f"{node.params:,} of {self.params:,} parameters, {node.macs:,} of {self.macs:,} MACs"
        return f"{cost}: " + (" and ".join(over) if over else "within the budget")


BUDGET = Budget()
"""The budget of the challenge that runs through the course."""


def challenge_network(**blocks: Item) -> InceptionNet:
    """The reader's own network: a stem and three named blocks on grids of 14 and 7, (N, 1, 28, 28) -> (N, 10).

    Without arguments its blocks are plain 3x3 convolutions. `block_1`, `block_2` and `block_3` replace
    them one by one with anything that `branch` accepts. Raises ValueError for another name.
    """
    items: dict[str, Item] = {
        "stem": (24, 3),
        "pool_1": nn.MaxPool2d(2),
        "block_1": (48, 3),
        "pool_2": nn.MaxPool2d(2),
        "block_2": (64, 3),
        "block_3": (96, 3),
    }
    if unknown := [name for name in blocks if name not in ("block_1", "block_2", "block_3")]:
        raise ValueError(f"the challenge network has no {unknown[0]!r}; block_1, block_2 and block_3 can be replaced")
    built = chain(1, items | blocks)
    channels = 1
    for block in built.values():
        channels = out_channels(block, channels)
    return InceptionNet(built, classifier(channels, 10), name="challenge")


class Logbook:
    """The reader's own decisions about the challenge network, in a file next to the chapters.

    A notebook shows it as a table. Noting the same change of the same chapter again replaces the old note.
    """

    COLUMNS = ("chapter", "change", "params", "macs", "predicted", "measured", "decision", "why")

    def __init__(self, path: str | Path = "logbook.json") -> None:
        """Reads the file if there is one. Raises ValueError, naming it, if it is not a logbook."""
        self.path = Path(path)
        self.entries: list[dict[str, Any]] = []
        if self.path.exists():
            try:
                self.entries = json.loads(self.path.read_text(encoding="utf-8"))
                [tuple(entry[column] for column in self.COLUMNS) for entry in self.entries]
            except (ValueError, TypeError, KeyError) as error:
                raise ValueError(
                    f"{self.path} is not a logbook of this course: move it away to begin a new one"
                ) from error

    def note(
        self,
        chapter: str,
        change: str,
        net: nn.Module,
        *,
        predicted: float | None,
        measured: float,
        keep: bool,
        why: str,
    ) -> "Logbook":
        """Adds one decision; accuracies are those on validation images, in percent."""
        node = trace(net, BUDGET.image)
        decision = "keep" if keep else "reject"
        values = (chapter, change, node.params, node.macs, predicted, measured, decision, why)
        others = [e for e in self.entries if (e["chapter"], e["change"]) != (chapter, change)]
        self.entries = [*others, dict(zip(self.COLUMNS, values, strict=True))]
        write_whole(self.path, json.dumps(self.entries, indent=1, ensure_ascii=False) + "\n")
        return self

    def __repr__(self) -> str:
        return "\n".join(
            f"{e['chapter']}: {e['change']}: {e['measured']:.1f} % ({e['params']:,} parameters, {e['macs']:,} MACs), "
            f"{e['decision']}: {e['why']}"
            for e in self.entries
        )

    def _repr_html_(self) -> str:
        rows = [[_cell(entry[column]) for column in self.COLUMNS] for entry in self.entries]
        return table(self.COLUMNS, rows, left=(0, 1, 6, 7))


def _cell(value: Any) -> Any:
    if value is None:
        return "none"
    return f"{value:.1f}" if isinstance(value, float) else value
