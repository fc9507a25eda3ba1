"""Do kernels of several sizes side by side help with clothes of ten sizes? The cloud of a side road of chapter 02.

    python experiments/mixed_kernels.py          writes assets/records/02_real_scales.json

Three arms that differ in kernels only, at equal MACs within 2 %: 3x3 alone, 5x5 alone, or 1x1, 3x3 and 5x5 side by
side, in the blocks of the challenge network.
"""

from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.course.scales import at_many_sizes, mixed
from inception_edu.data.fashion import LabelledImages, load_fashion, split_validation
from inception_edu.running import predict
from inception_edu.train.loop import accuracy, fit, flip
from tools.recording import Record, cloud, device, tune

ARMS: dict[str, dict[str, Any]] = {
    "3x3": {"block_1": (32, 3), "block_2": (40, 3), "block_3": (64, 3)},
    "5x5": {"block_1": (15, 5), "block_2": (21, 5), "block_3": (37, 5)},
    "mixed": {f"block_{i}": partial(mixed, channels=c) for i, c in ((1, 28), (2, 36), (3, 56))},
}
RECIPE: dict[str, Any] = {"epochs": 2, "batch_size": 50, "augment": flip}
RATES = (0.005, 0.015, 0.045)


@cache
def clothes() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """5,000 to learn from, 1,000 to choose by, 5,000 to test on."""
    learn, valid = split_validation(at_many_sizes(load_fashion("train"), 0), 100)
    return learn, valid, at_many_sizes(load_fashion("test")[:5000], 1)


def right_by_class(logits: Tensor, labels: Tensor) -> list[float]:
    """The share of images of each class, 0 to 9, whose highest logit (N, 10) is their own."""
    right = (logits.argmax(1) == labels).float()
    return [right[labels == label].mean().item() for label in range(10)]


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training; "test" is the mean over the classes."""
    learn, valid, test = clothes()
    torch.manual_seed(seed)
    net = challenge_network(**ARMS[arm]).to(device())
    fit(net, learn, lr=rate, seed=seed, progress=False, **RECIPE)
    by_class = right_by_class(predict(net, test.images), test.labels)
    return {
        "valid": round(accuracy(net, valid), 4),
        "test": round(sum(by_class) / 10, 4),
        "by_class": [round(share, 3) for share in by_class],
    }


if __name__ == "__main__":
    costs = {arm: ie.trace(challenge_network(**blocks), BUDGET.image) for arm, blocks in ARMS.items()}
    record = Record(
        "02_real_scales",
        made_by="experiments/mixed_kernels.py",
        arms={arm: {"params": node.params, "macs": node.macs} for arm, node in costs.items()},
        images=len(clothes()[0]),
        epochs=RECIPE["epochs"],
    )
    cloud(record, run, tune(record, run, dict.fromkeys(ARMS, RATES)))
