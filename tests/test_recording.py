"""Recorded experiments: a rate is chosen inside its grid, and what is in the file is not made again."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tools import recording
from tools.recording import Record, cloud, tune


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Record:
    monkeypatch.setattr(recording, "RECORDS", tmp_path)
    return Record("00_made", made_by="a test")


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """Validates best at a rate of 0.3 for "high" and of 0.003 for "low"."""
    return {"valid": -abs(math.log(rate / {"high": 0.3, "low": 0.003}[arm])), "test": seed}


def test_the_grid_grows_until_the_best_rate_lies_inside_it(record: Record) -> None:
    assert tune(record, run, {"high": (0.01, 0.03, 0.1), "low": (0.01, 0.03, 0.1)}) == {"high": 0.3, "low": 0.0033}
    assert {"tuning/high/0.9/100", "tuning/low/0.0011/100"} <= set(record.runs)
    assert json.loads(record.path.read_text())["rates"] == {"high": 0.3, "low": 0.0033}


def test_a_second_start_makes_only_what_is_missing(record: Record) -> None:
    made: list[tuple[str, int]] = []

    def counted(arm: str, rate: float, seed: int) -> dict[str, Any]:
        made.append((arm, seed))
        return run(arm, rate, seed)

    cloud(record, counted, {"high": 0.3}, range(2))
    cloud(Record("00_made"), counted, {"high": 0.3, "low": 0.003}, range(3))
    assert made == [("high", 0), ("high", 1), ("low", 0), ("low", 1), ("high", 2), ("low", 2)]
    assert list(json.loads(record.path.read_text())["runs"])[:2] == ["high/0", "high/1"]
