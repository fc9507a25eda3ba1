"""What every chapter shares: a prediction held against its answer, recorded runs, and the budget challenge."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from torch import nn

from .bricks import Item, chain, out_channels
from .data import asset
from .files import write_whole
from .network import InceptionNet, classifier
from .tracing import trace


def compare(guess: float | None, answer: float, unit: str = "") -> str:
    """A reader's guess beside the answer, in a sentence; `None` means that nothing was guessed."""
    words = f"{answer:,} {unit}".strip()
    if guess is None:
        return f"You wrote no guess this time. It is {words}."
    if guess == answer:
        return f"Exactly: {words}."
    if guess <= 0 or answer <= 0:
        return f"You wrote {guess:,}. It is {words}."
    ratio = guess / answer
    off = f"{ratio:.3g} times too high" if ratio > 1 else f"{1 / ratio:.3g} times too low"
    return f"You wrote {guess:,}, which is {off}. It is {words}."


def load_record(name: str) -> dict[str, Any]:
    """A recorded experiment of assets/records, which names the script that makes it again.

    Raises FileNotFoundError for a name that is not there.
    """
    record: dict[str, Any] = json.loads(asset(f"records/{name}.json").read_text(encoding="utf-8"))
    return record


def by_seed(record: dict[str, Any], arm: str, what: str = "test") -> list[float]:
    """One result of every run of an arm, in the order of seeds: the runs "arm/0", "arm/1" and so on."""
    runs: dict[str, Any] = record["runs"]
    seeds = sorted(int(key.rpartition("/")[2]) for key in runs if key.rpartition("/")[0] == arm)
    return [runs[f"{arm}/{seed}"][what] for seed in seeds]


@dataclass(frozen=True)
class Paired:
    """Two arms that ran with the same seeds: one difference for each seed.

    `mean` is their mean, `error` its standard error (their standard deviation over the root of their number).
    """

    mean: float
    error: float
    count: int

    @property
    def counts(self) -> bool:
        """Whether the mean lies more than two standard errors from 0, which the course takes for an effect."""
        return abs(self.mean) > 2 * self.error

    def __str__(self) -> str:
        return f"{self.mean:+.2f} points, standard error {self.error:.2f}, {self.count} pairs"


def paired(first: Sequence[float], second: Sequence[float]) -> Paired:
    """`second` less `first`, seed by seed; shares of 1 go in, points (hundredths) come out.

    Raises ValueError where there are fewer than two pairs, or runs without a partner.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"{len(first)} and {len(second)} runs make no pairs: both arms need the same 2 or more seeds")
    differences = [100 * (b - a) for a, b in zip(first, second, strict=True)]
    return Paired(fmean(differences), stdev(differences) / math.sqrt(len(differences)), len(differences))


@dataclass(frozen=True)
class Budget:
    """The limits of the challenge: parameters, and MACs (conv and linear multiply-adds) for one (1, 28, 28) image."""

    params: int = 150_000
    macs: int = 10_000_000
    image: tuple[int, int, int] = (1, 28, 28)

    def verdict(self, net: nn.Module) -> str:
        """What `net` costs, and whether it stays within the budget.

        Raises ShapeError when the network cannot read the image or does not end in 10 logits.
        """
        node = trace(net, self.image)
        if node.output.shape != (10,):
            raise ValueError(f"the challenge has 10 classes, and this network puts out {node.output.shape}")
        over = [
            f"{have - limit:,} {what} too many"
            for have, limit, what in ((node.params, self.params, "parameters"), (node.macs, self.macs, "MACs"))
            if have > limit
        ]
        cost = f"{node.params:,} of {self.params:,} parameters, {node.macs:,} of {self.macs:,} MACs"
        return f"{cost}: " + (" and ".join(over) if over else "within the budget")


BUDGET = Budget()
"""The budget of the challenge that runs through the course."""


def challenge_network(**blocks: Item) -> InceptionNet:
    """The network that the reader owns: a stem and three named blocks on grids of 14 and 7, (N, 1, 28, 28) -> (N, 10).

    Without arguments its blocks are plain 3x3 convolutions. `block_1`, `block_2` and `block_3` replace
    them one by one; anything that `branch` accepts will do. Raises ValueError for another name.
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
    """The reader's own decisions about the challenge network, in a file beside the chapters.

    Shown as a table in a notebook. Noting the same change of the same chapter again replaces what was noted.
    """

    COLUMNS = ("chapter", "change", "params", "macs", "predicted", "measured", "decision", "why")

    def __init__(self, path: str | Path = "logbook.json") -> None:
        """Reads the file where there is one. Raises ValueError, naming it, where it is not a logbook."""
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
        """Adds one decision; accuracies are those on validation images, in per cent."""
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
        heads = "".join(f"<th>{column}</th>" for column in self.COLUMNS)
        rows = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(entry[column]))}</td>" for column in self.COLUMNS) + "</tr>"
            for entry in self.entries
        )
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
