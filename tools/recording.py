"""Recorded clouds: the same experiment over many seeds, saved in assets/records so that a stopped script can continue.

>>> record = Record("05_batch_norm", made_by="experiments/batch_norm.py", network="...")
>>> rates = tune(record, run, ARMS, RATES)            # validation images choose a learning rate for each arm
>>> cloud(record, run, ARMS, rates, seeds=range(10))  # the same seeds for every arm: paired differences

`run(arm, rate, seed)` trains once and returns the results to save, "valid" and "test" among them.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from inception_edu.data.files import write_whole

RECORDS = Path(__file__).resolve().parent.parent / "assets" / "records"

Run = Callable[[str, float, int], dict[str, Any]]
"""Arm, learning rate and seed -> results; "valid" and "test" are shares of 1."""


class Record:
    """The file assets/records/`name`.json: facts about the experiment, and its runs by key."""

    def __init__(self, name: str, **about: Any) -> None:
        self.path = RECORDS / f"{name}.json"
        self.about: dict[str, Any] = {"torch": torch.__version__, **about}
        self.runs: dict[str, Any] = json.loads(self.path.read_text())["runs"] if self.path.exists() else {}

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What `make` returns, made only if the file has no such key yet, and written at once."""
        if key not in self.runs:
            self.runs[key] = make()
            self.write()
        return self.runs[key]

    def write(self) -> None:
        """The whole file, or the old one unchanged."""
        self.path.parent.mkdir(exist_ok=True)
        write_whole(self.path, json.dumps({**self.about, "runs": self.runs}, indent=1) + "\n")


def in_fresh_processes(code: str, runs: int) -> list[list[float]]:
    """The numbers that `code` prints, a list for each of `runs` processes made one after another.

    For timings: within one process caches and clock speed stay as they happen to be.
    """
    command = [sys.executable, "-c", code]
    outputs = (subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(runs))
    return [[float(word) for word in output.split()] for output in outputs]


def tune(
    record: Record, run: Run, arms: Iterable[str], rates: Mapping[str, Sequence[float]], seed: int = 100
) -> dict[str, float]:
    """The learning rate of each arm with the best validation accuracy; the file lists those tried and chosen."""
    chosen = {}
    for arm in tqdm(list(arms), unit="arm"):
        tried = {
            rate: record.once(f"tuning/{arm}/{rate}", lambda r=rate, a=arm: run(a, r, seed)) for rate in rates[arm]
        }
        chosen[arm] = max(tried, key=lambda rate: tried[rate]["valid"])
    record.about["rates"] = chosen
    record.write()
    return chosen


def cloud(
    record: Record, run: Run, arms: Sequence[str], rates: Mapping[str, float], seeds: Iterable[int] = range(10)
) -> None:
    """Every arm with every seed, all arms of a seed one after another."""
    for seed in tqdm(list(seeds), unit="seed"):
        for arm in arms:
            record.once(f"{arm}/{seed}", lambda a=arm, s=seed: run(a, rates[a], s))
