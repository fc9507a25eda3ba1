"""Do kernels of several sizes side by side help with clothes of ten sizes? The cloud of a side road of chapter 02.

    python experiments/mixed_kernels.py          writes assets/records/02_real_scales.json

Three arms that differ in kernels only, at equal MACs within 2 %: 3x3 alone, 5x5 alone, or 1x1, 3x3 and 5x5 side by
side, in the blocks of the challenge network.
"""

from functools import cache, partial
from typing import Any

import torch

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.course.scales import at_many_sizes, mixed
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.train.loop import accuracy, adamw, fit, flip, one_cycle
from tools.recording import Record, cloud, device, tune

ARMS: dict[str, dict[str, Any]] = {
    "3x3": {"block_1": (32, 3), "block_2": (40, 3), "block_3": (64, 3)},
    "5x5": {"block_1": (15, 5), "block_2": (21, 5), "block_3": (37, 5)},
    "mixed": {f"block_{i}": partial(mixed, channels=c) for i, c in ((1, 28), (2, 36), (3, 56))},
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


@cache
def clothes() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to learn from, to choose by and to test on, each at a size and a place that never change."""
    learn, valid = split_validation(at_many_sizes(load_fashion("train"), 0))
    return learn, valid, at_many_sizes(load_fashion("test"), 1)


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, and the mean training loss of each pass."""
    learn, valid, test = clothes()
    torch.manual_seed(seed)
    net = challenge_network(**ARMS[arm]).to(device())
    history = fit(net, learn, lr=rate, seed=seed, **RECIPE)
    return {
        "valid": round(accuracy(net, valid), 4),
        "test": round(accuracy(net, test), 4),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
    }


def main() -> None:
    """Chooses a rate for each arm, then trains all three with the same ten seeds."""
    costs = {arm: ie.trace(challenge_network(**blocks), BUDGET.image) for arm, blocks in ARMS.items()}
    record = Record(
        "02_real_scales",
        made_by="experiments/mixed_kernels.py",
        network="challenge network: stem 24, batch norm after every convolution, blocks of one kind in each arm",
        optimiser="AdamW, weight decay 0.01",
        schedule="one cycle: up for the first quarter of the steps, then a cosine down to zero",
        batch_size=RECIPE["batch_size"],
        images=len(clothes()[0]),
        tested=len(clothes()[2]),
        epochs=RECIPE["epochs"],
        augmentation="half of the images mirrored",
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))


if __name__ == "__main__":
    main()
