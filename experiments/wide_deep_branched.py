"""The recorded clouds of chapter 07: the same MACs spent on width, on depth, or on branches; and the same time.

`python experiments/wide_deep_branched.py` writes assets/records/07_wide_deep_branched.json, and with the word
`clock` after it 07_wide_deep_branched_time.json, from 6 processes one after the other, because within one
process caches and memory stay as they happen to be.

Four versions of the challenge network. Three cost the same MACs within 2 %: one wide 3x3 in each of its blocks,
four narrow 3x3s, or Inception-v4's block A made narrow. The fourth is wide again, so wide that a batch of 100
images takes about as long as with branches on the machine that recorded it; on others it may not.
"""

import json
import subprocess
import sys
import time
from functools import partial
from statistics import median
from typing import Any

import torch
from challenge_blocks import clothes, costs, record, trained
from torch import nn

from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.models.inception_v4 import inception_a
from inception_edu.shorthand import branch
from tools.recording import Record


def deep(in_channels: int, channels: int, **style: Any) -> nn.Module:
    """Four 3x3 convolutions in a row."""
    return branch(in_channels, *[(channels, 3)] * 4, **style)


def narrow_a(in_channels: int, ends: int, **style: Any) -> nn.Module:
    """Inception-v4's block A, each of whose four branches ends in `ends` channels instead of 96."""
    return inception_a(in_channels, **style | {"width": ends / 96})


ARMS: dict[str, dict[str, Any]] = {
    "wide": {"block_1": (36, 3), "block_2": (48, 3), "block_3": (76, 3)},
    "deep": {f"block_{i}": partial(deep, channels=c) for i, c in enumerate((14, 20, 32), 1)},
    "branches": {f"block_{i}": partial(narrow_a, ends=c) for i, c in enumerate((15, 24, 36), 1)},
    "wide, same time": {"block_1": (72, 3), "block_2": (96, 3), "block_3": (152, 3)},
}


@torch.inference_mode()
def times(batch: int, repeats: int) -> dict[str, float]:
    """Median milliseconds of a forward pass of `batch` images, one thread, the arms taking turns."""
    nets = {arm: challenge_network(**blocks).eval() for arm, blocks in ARMS.items()}
    taken: dict[str, list[float]] = {arm: [] for arm in nets}
    x = torch.randn(batch, *BUDGET.image)
    for net in nets.values():
        net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for turn in range(repeats + 3):
        for arm, net in nets.items():
            start = time.perf_counter()
            net(x)
            if turn >= 3:
                taken[arm].append(1000 * (time.perf_counter() - start))
    return {arm: round(median(each), 3) for arm, each in taken.items()}


def clock() -> None:
    """The times of all arms, each time in a fresh process."""
    kept = Record("07_wide_deep_branched_time", made_by="experiments/wide_deep_branched.py clock", arms=costs(ARMS))
    kept.about |= {"unit": "ms", "threads": 1}
    once = [sys.executable, __file__, "once"]
    for i in range(6):
        kept.once(f"{i}", lambda: json.loads(subprocess.run(once, check=True, capture_output=True).stdout))


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training of an arm."""
    return trained(ARMS[arm], clothes(), rate, seed)


if __name__ == "__main__":
    torch.set_num_threads(1)
    match sys.argv[1:]:
        case ["clock"]:
            clock()
        case ["once"]:
            print(json.dumps({"one image": times(1, 40), "100 images": times(100, 4)}))
        case _:
            record("07_wide_deep_branched", "wide_deep_branched", run, ARMS, clothes())
