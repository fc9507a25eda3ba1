"""Ways to make an Inception network cheaper, each alone and together, against simply making it narrower: chapter 09.

    python experiments/light_front.py --device cuda --jobs 3      writes assets/records/09_front.json
    python experiments/light_front.py time                        writes assets/records/09_front_time.json, in about a
                                                                  minute on one core

One network of four small Inception blocks. Learning rates are chosen for each arm on validation images; then every
arm is trained with the same seven seeds. The times are milliseconds per image on one thread with channels last, in
turns, plain and with the norms folded in; they belong to the machine that the record names.
"""

import sys
from functools import cache, partial
from statistics import median
from time import thread_time
from typing import Any

import torch
from torch import nn

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.network import InceptionNet, stack
from inception_edu.shorthand import branch
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, device, tune
from tools.results import in_turns, machine

RATES = (0.003, 0.01, 0.03)
RECIPE: dict[str, Any] = {"epochs": 15, "batch_size": 125, "augment": flip, "progress": False}


def separable(in_channels: int, channels: int, kernel: int, between: bool, **style: Any) -> nn.Module:
    """Depthwise, then 1x1 with its norm and ReLU; `between` them a norm and a ReLU of their own, or nothing."""
    depthwise = ConvUnit(
        *(in_channels, in_channels, kernel), groups=in_channels, batch_norm=between, relu=between, bias=False
    )
    return nn.Sequential(depthwise, ConvUnit(in_channels, channels, 1))


def block(
    in_channels: int,
    channels: int,
    reduce: bool = False,
    small: bool = False,
    between: bool | None = None,
    **style: Any,
) -> Concat:
    """1x1 | 3x3 | 5x5 | pool, 1x1: a quarter of the channels from each branch; separable unless `between` is None."""
    quarter = channels // 4

    def tower(kernel: int) -> nn.Module:
        kernels = [3, 3] if small and kernel == 5 else [kernel]
        reduction = [(quarter // 2, 1)] if reduce else []
        if between is None:
            return branch(in_channels, *reduction, *((quarter, k) for k in kernels))
        halves = [partial(separable, channels=quarter, kernel=k, between=between) for k in kernels]
        return branch(in_channels, *reduction, *halves)

    pool = nn.MaxPool2d(3, 1, padding=1)
    return Concat(branch(in_channels, (quarter, 1)), tower(3), tower(5), branch(in_channels, pool, (quarter, 1)))


def network(fewer: bool = False, times: float = 1, **how: Any) -> InceptionNet:
    """Stem, blocks to 32 channels on 14x14, blocks to 64 on 7x7: two each, or one each if `fewer`; widths `times`."""
    stem, narrow, wide = (round(times * channels) for channels in (16, 32, 64))
    first, second = (partial(block, channels=channels, **how) for channels in (narrow, wide))
    items: dict[str, Any] = {"stem": (stem, 3, 2), "block_1": first, "block_2": first}
    items |= {"pool": nn.MaxPool2d(2), "block_3": second, "block_4": second}
    if fewer:
        del items["block_2"], items["block_4"]
    return stack(1, 10, items, name="light")


ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "half as wide": {"times": 0.5},
    "a quarter as wide": {"times": 0.25},
    "reductions": {"reduce": True},
    "small kernels": {"small": True},
    "separable, nothing between": {"between": False},
    "separable, norm and ReLU between": {"between": True},
    "fewer blocks": {"fewer": True},
    "all four": {"reduce": True, "small": True, "between": True, "fewer": True},
}


@cache
def images() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """Training, validation and test images: 5,000, 1,000 and 10,000."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: accuracies at the end, and the training loss of every pass."""
    train, valid, test = images()
    torch.manual_seed(seed)
    net = network(**ARMS[arm]).to(device())
    losses = [round(epoch.loss, 4) for epoch in fit(net, train, lr=rate, seed=seed, **RECIPE).epochs]
    return {"valid": accuracy(net, valid), "test": round(accuracy(net, test), 4), "losses": losses}


def train() -> None:
    """Counts every arm, chooses its rate, and trains it with every seed."""
    nodes = {arm: ie.trace(network(**how), (1, 28, 28)) for arm, how in ARMS.items()}
    record = Record(
        "09_front",
        made_by="experiments/light_front.py",
        images=5000,
        epochs=RECIPE["epochs"],
        batch_size=RECIPE["batch_size"],
        optimizer="AdamW, weight decay 0.01",
        schedule="one cycle: up from a tenth during the first quarter of the steps, then a cosine to zero",
        augment="flip",
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in nodes.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)), range(7))


@torch.inference_mode()
def time() -> None:
    """Milliseconds per image of every arm, by batch: medians of turns that all arms take one after another."""
    record = Record("09_front_time", made_by="experiments/light_front.py time", threads=1, machine=machine())
    nets = {arm: network(**how).eval().to(memory_format=torch.channels_last) for arm, how in ARMS.items()}
    ways = {"plain": nets, "fused": {arm: ie.fuse(net) for arm, net in nets.items()}}
    for batch, rounds in ((1, 200), (64, 15)):
        x = torch.randn(batch, 1, 28, 28).contiguous(memory_format=torch.channels_last)
        works = {(way, arm): partial(net, x) for way, each in ways.items() for arm, net in each.items()}
        for (way, arm), seconds in in_turns(works, rounds, warm_up=3, clock=thread_time).items():
            record.runs.setdefault(f"milliseconds/{way}/{batch}", {})[arm] = round(1000 * median(seconds) / batch, 4)
    record.write()


if __name__ == "__main__":
    torch.set_num_threads(1)
    time() if "time" in sys.argv else train()
