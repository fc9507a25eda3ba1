"""Does the squeeze of an Inception block hurt? The recorded cloud of chapter 03.

Three versions of the challenge network. "full": each of its blocks is a 3x3. "squeeze": a 1x1 to a quarter of the
channels that arrive, then the 3x3 to the same width as before, as Inception's branches do it. "narrow": plain 3x3
blocks again, with so few channels that the whole network costs as many MACs as the second. Learning rates are chosen
for each arm on 1,000 validation images.

    python experiments/squeeze.py          writes assets/records/03_squeeze.json
"""

from functools import cache, partial
from typing import Any

import torch
from torch import nn

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.network import InceptionNet
from inception_edu.shorthand import Item, branch
from inception_edu.train.loop import accuracy, adamw, fit, flip, one_cycle
from tools.recording import Record, cloud, device, tune

RECIPE: dict[str, Any] = {
    "epochs": 20,
    "batch_size": 100,
    "optimizer": adamw,
    "schedule": one_cycle,
    "augment": flip,
    "progress": False,
}
RATES = (0.003, 0.01, 0.03)
WIDTHS = {"block_1": 48, "block_2": 64, "block_3": 96}
NARROW = {"block_1": 21, "block_2": 27, "block_3": 41}


def squeezed(in_channels: int, channels: int, **style: Any) -> nn.Module:
    """A 1x1 to a quarter of the channels, then a 3x3; batch norm and ReLU after both."""
    return branch(in_channels, (in_channels // 4, 1), (channels, 3), **style)


ARMS: dict[str, dict[str, Item]] = {
    "full": {},
    "squeeze": {name: partial(squeezed, channels=channels) for name, channels in WIDTHS.items()},
    "narrow": {name: (channels, 3) for name, channels in NARROW.items()},
}


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to train on, to choose by and to test on."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def network(arm: str, seed: int = 0) -> InceptionNet:
    """(N, 1, 28, 28) -> (N, 10)."""
    torch.manual_seed(seed)
    return challenge_network(**ARMS[arm])


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, and the mean training loss of each pass."""
    train, valid, test = data()
    net = network(arm, seed).to(device())
    history = fit(net, train, lr=rate, seed=seed, **RECIPE)
    return {
        "valid": round(accuracy(net, valid), 4),
        "test": round(accuracy(net, test), 4),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }


def main() -> None:
    """Chooses a rate for each arm, then trains all three with the same ten seeds."""
    costs = {arm: ie.trace(network(arm), BUDGET.image) for arm in ARMS}
    if abs(costs["narrow"].macs / costs["squeeze"].macs - 1) > 0.02:
        raise ValueError(f"narrow costs {costs['narrow'].macs:,} MACs and squeeze {costs['squeeze'].macs:,}: over 2 %")
    record = Record(
        "03_squeeze",
        made_by="experiments/squeeze.py",
        network="challenge network: stem 24, blocks of 48, 64 and 96 channels on grids of 14, 7 and 7; batch norm",
        optimiser="AdamW, weight decay 0.01",
        schedule="one cycle: up for the first quarter of the steps, then a cosine down to zero",
        batch_size=RECIPE["batch_size"],
        images=len(data()[0]),
        tested=len(data()[2]),
        epochs=RECIPE["epochs"],
        augmentation="half of the images mirrored",
        narrow=NARROW,
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))


if __name__ == "__main__":
    main()
