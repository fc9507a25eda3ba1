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
from functools import cache, partial
from statistics import median
from typing import Any

import torch
from torch import nn

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.models.inception_v4 import inception_a
from inception_edu.shorthand import branch
from inception_edu.train.loop import accuracy, adamw, fit, flip, one_cycle
from tools.recording import Record, cloud, device, tune


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
RECIPE: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 100,
    "optimizer": adamw,
    "schedule": one_cycle,
    "augment": flip,
    "progress": False,
}
RATES = (0.003, 0.01, 0.03)


def facts() -> dict[str, Any]:
    """Parameters and MACs of every arm."""
    nodes = {arm: ie.trace(challenge_network(**blocks), BUDGET.image) for arm, blocks in ARMS.items()}
    return {arm: {"params": node.params, "macs": node.macs} for arm, node in nodes.items()}


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
    record = Record("07_wide_deep_branched_time", made_by="experiments/wide_deep_branched.py clock", arms=facts())
    record.about |= {"unit": "ms", "threads": 1}
    once = [sys.executable, __file__, "once"]
    for i in range(6):
        record.once(f"{i}", lambda: json.loads(subprocess.run(once, check=True, capture_output=True).stdout))


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to train on, to choose by and to test on."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, and the mean training loss of each pass."""
    learn, valid, test = data()
    torch.manual_seed(seed)
    net = challenge_network(**ARMS[arm]).to(device())
    history = fit(net, learn, lr=rate, seed=seed, **RECIPE)
    return {
        "valid": round(accuracy(net, valid), 4),
        "test": round(accuracy(net, test), 4),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }


def train() -> None:
    """Chooses a rate for each arm, then trains all four with the same ten seeds."""
    record = Record(
        "07_wide_deep_branched",
        made_by="experiments/wide_deep_branched.py",
        network="challenge network: stem 24, batch norm after every convolution, blocks of one kind in each arm",
        optimiser="AdamW, weight decay 0.01",
        schedule="one cycle: up for the first quarter of the steps, then a cosine down to zero",
        batch_size=RECIPE["batch_size"],
        images=len(data()[0]),
        tested=len(data()[2]),
        epochs=RECIPE["epochs"],
        augmentation="half of the images mirrored",
        arms=facts(),
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))


if __name__ == "__main__":
    torch.set_num_threads(1)
    match sys.argv[1:]:
        case ["clock"]:
            clock()
        case ["once"]:
            print(json.dumps({"one image": times(1, 40), "100 images": times(100, 4)}))
        case _:
            train()
