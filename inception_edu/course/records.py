"""Recorded experiments, and their arms compared seed by seed."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from torch import Tensor

from ..data.files import asset


def load_record(name: str) -> dict[str, Any]:
    """A recorded experiment of assets/records, which names the script that made it.

    Raises FileNotFoundError for an unknown name.
    """
    record: dict[str, Any] = json.loads(asset(f"records/{name}.json").read_text(encoding="utf-8"))
    return record


def by_seed(record: dict[str, Any], arm: str, what: str = "test") -> list[float]:
    """One result of every run of an arm, ordered by seed: the runs "arm/0", "arm/1" and so on."""
    runs: dict[str, Any] = record["runs"]
    seeds = sorted(int(key.rpartition("/")[2]) for key in runs if key.rpartition("/")[0] == arm)
    return [runs[f"{arm}/{seed}"][what] for seed in seeds]


T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131)
"""Student's t for 95 %, two-sided, for 2, 3, ... 16 pairs."""


@dataclass(frozen=True)
class Paired:
    """Two arms that ran with the same seeds: one difference for each seed.

    `mean` is their mean, `error` its standard error (their standard deviation over the root of their number), `low`
    and `high` the 95 % interval by Student's t for that many pairs (1.96 for more than 16).
    """

    mean: float
    error: float
    count: int

    @property
    def half(self) -> float:
        """Half the width of the interval."""
        return (T[self.count - 2] if self.count - 2 < len(T) else 1.96) * self.error

    @property
    def low(self) -> float:
        return self.mean - self.half

    @property
    def high(self) -> float:
        return self.mean + self.half

    @property
    def counts(self) -> bool:
        """Whether the interval leaves out 0, which the course counts as an effect."""
        return abs(self.mean) > self.half

    def __str__(self) -> str:
        return f"{self.mean:+.2f} points, 95 % interval {self.low:+.2f} to {self.high:+.2f}, {self.count} pairs"


def paired(first: Sequence[float] | Tensor, second: Sequence[float] | Tensor) -> Paired:
    """`second` minus `first`, seed by seed; takes shares of 1, (seeds,), and returns points (hundredths).

    Raises ValueError if there are fewer than two pairs, or runs without a partner.
    """
    if len(first) != len(second) or len(first) < 2:
        raise ValueError(f"{len(first)} and {len(second)} runs make no pairs: both arms need the same 2 or more seeds")
    differences = [100 * (float(b) - float(a)) for a, b in zip(first, second, strict=True)]
    return Paired(fmean(differences), stdev(differences) / math.sqrt(len(differences)), len(differences))
