"""How far a learning rate can be raised with and without batch norm: the recorded grid of chapter 05.

The small GoogLeNet of the course with batch norm ("with") and with biases instead ("without"), both from a He start,
at each absolute learning rate from 0.001 to 3, with the same five seeds. Nothing is chosen: the grid is the result.

    python experiments/norm_and_rate.py    writes assets/records/05_norm_and_rate.json
"""

from functools import cache
from typing import Any

import torch
from starts import kaiming_start
from torch import nn

import inception_edu as ie
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import SMALL_GOOGLENET, accuracy, fit, flip
from tools.recording import Record, cloud, device


def momentum(parameters: Any, lr: float) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum 0.9 and no weight decay."""
    return torch.optim.SGD(parameters, lr, momentum=0.9)


RECIPE: dict[str, Any] = {
    "epochs": 10,
    "batch_size": 64,
    "optimizer": momentum,
    "schedule": None,
    "augment": flip,
    "progress": False,
}
SEEDS = range(5)
RATES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
ARMS = {"with": True, "without": False}
STUCK = 2.25
"""With a last loss above this a network has learned next to nothing: guessing scores ln 10 = 2.303."""


@cache
def data() -> tuple[LabelledImages, LabelledImages]:
    """The images to train on and to test on."""
    return split_validation(load_fashion("train"))[0], load_fashion("test")


def network(arm: str, seed: int = 0) -> nn.Module:
    """(N, 1, 28, 28) -> (N, 10)."""
    torch.manual_seed(seed)
    return kaiming_start(ie.build("googlenet", **SMALL_GOOGLENET | {"batch_norm": ARMS[arm]}))


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training at a constant rate: how it ended, the share of right answers, and the mean loss of each pass.

    A diverged run has no losses.
    `arm` is "with" or "without", followed by anything.
    """
    train, test = data()
    net = network(arm.split()[0], seed).to(device())
    losses: list[float] = []
    try:
        losses = [round(epoch.loss, 4) for epoch in fit(net, train, lr=rate, seed=seed, **RECIPE).epochs]
        end = "stuck" if losses[-1] > STUCK else "learned"
    except FloatingPointError as error:
        end = "diverged: " + str(error).split(",")[0]
    return {"end": end, "test": round(accuracy(net, test), 4), "losses": losses}


def main() -> None:
    """Every arm at every rate, with the same seeds."""
    train, test = data()
    costs = {arm: ie.trace(network(arm), (1, 28, 28)) for arm in ARMS}
    record = Record(
        "05_norm_and_rate",
        made_by="experiments/norm_and_rate.py",
        network="the small GoogLeNet of the course, He start: convolutions 2 / inputs, biases 0; dropout 0.4 in both",
        optimiser="SGD with momentum 0.9, no weight decay",
        schedule="constant rate, no warm-up",
        batch_size=RECIPE["batch_size"],
        images=len(train),
        tested=len(test),
        epochs=RECIPE["epochs"],
        steps_per_epoch=len(train) // RECIPE["batch_size"],
        augmentation="half of the images mirrored",
        stuck_above=STUCK,
        rates=RATES,
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, {f"{arm} {rate:g}": rate for rate in RATES for arm in ARMS}, SEEDS)


if __name__ == "__main__":
    main()
