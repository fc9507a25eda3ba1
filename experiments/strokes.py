"""Do pairs of strokes do as well as squares if they are trained as pairs? The record of chapter 06.

The small GoogLeNet of the course, with its eight large kernels as they are ("squares"), or each as an nx1 and a 1xn
with a batch norm and a ReLU between ("pairs 0.5"); the number is middle channels over channels out. Validation images
choose each arm's rate. The squares' networks are also cut to their nearest pairs and not trained again ("cut").

    python experiments/strokes.py    writes assets/records/06_strokes.json
"""

from functools import cache
from typing import Any

import torch
from torch import nn

import inception_edu as ie
from inception_edu.bricks import ConvUnit
from inception_edu.course.strokes import nearest_pair
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import ONE_MINUTE, SMALL_GOOGLENET, accuracy, fit
from tools.recording import Record, cloud, device, tune

RECIPE: dict[str, Any] = ONE_MINUTE | {"epochs": 10, "batch_size": 64, "progress": False}
SHARES = (0.125, 0.25, 0.5)
ARMS = ("squares", *(f"pairs {share:g}" for share in SHARES))
RATES = (0.03, 0.1, 0.3)


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """5,000 images to learn from, 1,000 to choose by, 10,000 to test on."""
    return *split_validation(load_fashion("train")), load_fashion("test")


def large(net: nn.Module) -> list[ConvUnit]:
    """The units with kernels larger than 1x1."""
    return [unit for unit in net.modules() if isinstance(unit, ConvUnit) and unit.conv.kernel_size != (1, 1)]


def network(arm: str) -> nn.Module:
    """(N, 1, 28, 28) -> (N, 10)."""
    net = ie.build("googlenet", **SMALL_GOOGLENET)
    for unit in large(net) if arm != "squares" else ():
        conv, share = unit.conv, float(arm.split()[1])
        n, middle = conv.kernel_size[0], int(share * conv.out_channels)
        unit.conv = nn.Sequential(  # type: ignore[assignment]
            ConvUnit(conv.in_channels, middle, (n, 1)),
            nn.Conv2d(middle, conv.out_channels, (1, n), padding=(0, n // 2), bias=False),
        )
    return net


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of right answers, the mean loss of each pass, and for squares what is left of them, cut."""
    train, valid, test = data()
    torch.manual_seed(seed)
    net = network(arm).to(device())
    history = fit(net, train, **RECIPE | {"lr": rate}, seed=seed)
    result: dict[str, Any] = {
        "valid": round(accuracy(net, valid), 4),
        "test": round(accuracy(net, test), 4),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }
    if arm == "squares":
        whole = {unit: unit.conv for unit in large(net)}
        for share in SHARES:
            for unit, square in whole.items():
                unit.conv = nearest_pair(square, int(share * square.out_channels))  # type: ignore[assignment]
            result[f"cut {share:g}"] = round(accuracy(net, test), 4)
    return result


if __name__ == "__main__":
    costs = {arm: ie.trace(network(arm), (1, 28, 28)) for arm in ARMS}
    record = Record(
        "06_strokes",
        made_by="experiments/strokes.py",
        network="the small GoogLeNet of the course; its eight layers with large kernels are squares or pairs",
        optimiser="SGD with Nesterov momentum 0.9, weight decay 5e-4",
        schedule="up to the rate in a quarter of the steps, then a cosine down to zero",
        augmentation="half of the images mirrored",
        images=len(data()[0]),
        tested=len(data()[2]),
        epochs=RECIPE["epochs"],
        batch_size=RECIPE["batch_size"],
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES), seeds=(100, 101)))
