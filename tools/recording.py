"""Recorded clouds: the same experiment over many seeds, saved in assets/records so that a stopped script can continue.

>>> record = Record("05_norm_and_rate", made_by="experiments/norm_and_rate.py", network="...")
>>> rates = tune(record, run, dict.fromkeys(ARMS, RATES))   # validation images choose a learning rate for each arm
>>> cloud(record, run, rates)                               # the same seeds for every arm: paired differences

`run(arm, rate, seed)` trains once and returns the results to save, "valid" and "test" among them. It is a function of
a module, so that `--jobs 8` runs eight at a time in processes of their own; it trains on `device()`, which
`--device cuda` sets.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import Any

import torch
from tqdm import tqdm

from inception_edu.data.files import write_whole

RECORDS = Path(__file__).resolve().parent.parent / "assets" / "records"

Run = Callable[[str, float, int], dict[str, Any]]
"""Arm, learning rate and seed -> results; "valid" and "test" are shares of 1."""


@cache
def options() -> argparse.Namespace:
    """What the script was called with: `--jobs`, runs at a time, and `--device`. Processes started later see it too."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, each in a process with one thread")
    parser.add_argument("--device", default="cpu", help="where to train: cpu, or cuda")
    return parser.parse_known_args()[0]


def device() -> torch.device:
    """Where runs train."""
    return torch.device(options().device)


class Record:
    """The file assets/records/`name`.json: facts about the experiment, and its runs by key."""

    def __init__(self, name: str, **about: Any) -> None:
        self.path = RECORDS / f"{name}.json"
        self.about: dict[str, Any] = {"torch": torch.__version__, "device": device().type, **about}
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


@cache
def _pool(jobs: int) -> Executor:
    # A process that was forked cannot use a GPU.
    return ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,))


def fill(record: Record, run: Run, wanted: Mapping[str, tuple[str, float, int]]) -> None:
    """Makes the runs that the record lacks, key -> (arm, rate, seed), and writes each as soon as it is there."""
    missing = {key: asked for key, asked in wanted.items() if key not in record.runs}
    bar = tqdm(total=len(missing), desc=record.path.stem, unit="run")
    if options().jobs == 1:
        torch.set_num_threads(1)
        for key, asked in missing.items():
            record.once(key, lambda asked=asked: run(*asked))
            bar.update()
        return
    running = {_pool(options().jobs).submit(run, *asked): key for key, asked in missing.items()}
    for done in as_completed(running):
        record.once(running[done], done.result)
        bar.update()


def tune(
    record: Record, run: Run, rates: Mapping[str, Sequence[float]], seeds: Sequence[int] = (100,)
) -> dict[str, float]:
    """Arm -> the rate with the best mean validation accuracy, out of those listed for it; the file lists the chosen.

    Where the best is the lowest or the highest that was tried, the list grows by one step beyond it.
    """
    tried = {arm: sorted(listed) for arm, listed in rates.items()}
    while True:
        keys = {(arm, rate): [f"tuning/{arm}/{rate}/{s}" for s in seeds] for arm in tried for rate in tried[arm]}
        fill(
            record,
            run,
            {key: (*which, seed) for which, each in keys.items() for key, seed in zip(each, seeds, strict=True)},
        )
        valid = {which: fmean(record.runs[key]["valid"] for key in each) for which, each in keys.items()}
        chosen = {arm: max(tried[arm], key=lambda rate, arm=arm: valid[arm, rate]) for arm in tried}
        at_an_edge = [arm for arm, rate in chosen.items() if rate in (tried[arm][0], tried[arm][-1])]
        for arm in at_an_edge:
            first, second, *_, last = tried[arm]
            step = second / first
            beyond = first / step if chosen[arm] == first else last * step
            tried[arm] = sorted([*tried[arm], float(f"{beyond:.2g}")])
        if not at_an_edge:
            record.about["rates"] = chosen
            record.write()
            return chosen


def cloud(record: Record, run: Run, rates: Mapping[str, float], seeds: Iterable[int] = range(10)) -> None:
    """Every arm with every seed, all arms of a seed one after another; the keys are "arm/seed"."""
    fill(record, run, {f"{arm}/{seed}": (arm, rate, seed) for seed in seeds for arm, rate in rates.items()})
