"""Recorded runs of chapter 08: four small networks averaged, against one, and against one of four times the cost.

`python experiments/ensembles.py` writes assets/records/08_ensembles.json, in about two minutes on one core.
Every group of four has seeds of its own, so no network is in two groups.
"""

from functools import cache, partial
from typing import Any

import torch

from inception_edu.data.fashion import LabelledImages, balanced_choice, load_fashion, split_validation
from inception_edu.network import InceptionNet, stack
from inception_edu.running import predict
from inception_edu.tracing import trace
from inception_edu.train.loop import fit, flip
from tools.recording import Record, cloud, tune

SMALL = {"conv_1": (16, 3, 2), "conv_2": (32, 3, 2), "conv_3": (48, 3)}
RECIPE: dict[str, Any] = {"epochs": 3, "batch_size": 50, "augment": flip, "progress": False}
IMAGES, TESTED = 200, 5000
"""Training images a class, and how many of the test images are used."""

WIDTHS, COUNTS = {"four small": 1.0, "one large": 2.0}, {"four small": 4, "one large": 1}


def network(arm: str) -> InceptionNet:
    """Three 3x3 convolutions, at twice the widths for "one large": (N, 1, 28, 28) -> (N, 10)."""
    return stack(1, 10, SMALL, name=arm, width=WIDTHS[arm])


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to train on, to choose by and to test on."""
    train, valid = split_validation(load_fashion("train"))
    return train[balanced_choice(train.labels, IMAGES)], valid, load_fashion("test")[:TESTED]


def probabilities(arm: str, rate: float, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Those of the validation images and of the test images after one training."""
    train, valid, test = data()
    torch.manual_seed(seed)
    net = network(arm)
    fit(net, train, lr=rate, seed=seed, **RECIPE)
    return predict(net, valid.images).softmax(1), predict(net, test.images).softmax(1)


def run(arm: str, rate: float, seed: int, *, count: int = 0) -> dict[str, Any]:
    """The accuracies of the averaged probabilities, and of each network alone, as shares of 1."""
    members = [probabilities(arm, rate, 10 * seed + i) for i in range(count or COUNTS[arm])]
    labels = [images.labels for images in data()[1:]]

    def share(chances: torch.Tensor, truth: torch.Tensor) -> float:
        return round((chances.argmax(1) == truth).double().mean().item(), 5)

    valid, test = (torch.stack(each).mean(0) for each in zip(*members, strict=True))
    return {
        "valid": share(valid, labels[0]),
        "test": share(test, labels[1]),
        "singles": [share(each, labels[1]) for _, each in members],
    }


def main() -> None:
    """Rates are chosen for single networks; then ten groups of four and ten large networks."""
    record = Record(
        "08_ensembles",
        made_by="experiments/ensembles.py",
        recipe=f"{10 * IMAGES} training images, 3 passes in batches of 50, AdamW, one cycle; {TESTED:,} test images",
        macs={arm: trace(network(arm), (1, 28, 28)).macs for arm in WIDTHS},
        params={arm: trace(network(arm), (1, 28, 28)).params for arm in WIDTHS},
    )
    rates = tune(record, partial(run, count=1), dict.fromkeys(WIDTHS, (0.004, 0.012, 0.036)))
    cloud(record, run, rates)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
