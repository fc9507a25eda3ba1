"""Kernels of several lengths against one length on series, at equal MACs: a recorded cloud of chapter 11.

The series are scan lines: a Fashion-MNIST image shrunk to seven rows of 14 values (averages of 4x2 pixels), its rows
joined end to end. Three InceptionTime blocks read the 98 values; arms differ only in the lengths of the kernels, with
as many kernels of each as bring the MACs closest to those of the mixed arm.

    python experiments/scan_lines.py           writes assets/records/11_scan_lines.json
"""

from typing import Any

import torch

from inception_edu import trace
from inception_edu.course.views import scan_lines
from inception_edu.data.fashion import load_fashion, split_validation
from inception_edu.models.text import inception_time
from inception_edu.network import InceptionNet
from inception_edu.train.loop import accuracy, fit
from tools.recording import Record, cloud, tune

ARMS: dict[str, dict[str, Any]] = {
    "3, 9 and 27": {"lengths": (3, 9, 27), "each": 6},
    "3 only": {"lengths": (3,), "each": 28},
    "9 only": {"lengths": (9,), "each": 19},
    "27 only": {"lengths": (27,), "each": 9},
}
RATES = (0.01, 0.03)
RECIPE: dict[str, Any] = {"epochs": 2, "batch_size": 50, "progress": False}
TRAIN, VALID = map(scan_lines, split_validation(load_fashion("train")))
TEST = scan_lines(load_fashion("test"))


def build(arm: str) -> InceptionNet:
    """The network of an arm: (N, 1, 1, 98) -> (N, 10)."""
    return inception_time(num_classes=10, depth=3, bottleneck=12, **ARMS[arm])


def run(arm: str, rate: float, seed: int) -> dict[str, float]:
    """One training on 2,500 series; tuning (seeds from 100) looks at validation series only."""
    torch.manual_seed(seed)
    net = build(arm)
    fit(net, TRAIN[::2], lr=rate, seed=seed, **RECIPE)
    found = {"valid": accuracy(net, VALID)}
    return found if seed >= 100 else found | {"test": accuracy(net, TEST)}


def main() -> None:
    """Tunes each arm, then runs all with the same seeds."""
    nodes = {arm: trace(build(arm), (1, 1, 98)) for arm in ARMS}
    costs = {arm: {"params": node.params, "macs": node.macs} for arm, node in nodes.items()}
    record = Record("11_scan_lines", script="experiments/scan_lines.py", recipe=RECIPE, costs=costs)
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)), range(5))


if __name__ == "__main__":
    main()
