"""Recorded runs of chapter 08: what does a residual sum do for 6 and for 16 blocks?

`python experiments/residuals.py` writes assets/records/08_residuals.json, in about ten minutes on one core.
Runs that are already in the file are not repeated, so it can be stopped and restarted.

"plain" and "residual" of one depth have the same layers, start from the same weights and see the same images in the
same order: one outputs `relu(F(x))`, the other `relu(x + 0.2 F(x))`. "unscaled" adds `F(x)` unscaled. The arms
without batch norm have none anywhere. Learning rates are chosen for each arm on 1,000 validation images.
"""

from functools import cache, partial
from typing import Any

import torch
from torch import nn

from inception_edu.data.fashion import LabelledImages, balanced_choice, load_fashion, split_validation
from inception_edu.models.inception_resnet import residual
from inception_edu.network import InceptionNet, stack
from inception_edu.running import predict
from inception_edu.shorthand import Item
from inception_edu.tracing import trace
from inception_edu.train.loop import fit, flip
from tools.recording import Record, cloud, tune

STEM: dict[str, Item] = {"stem_1": (16, 3, 2), "stem_2": (32, 3, 2), "stem_3": (48, 3, 2)}
RECIPE: dict[str, Any] = {"epochs": 4, "batch_size": 50, "augment": flip, "progress": False}
IMAGES, TESTED = 100, 2500
"""Training images a class, and how many of the test images are used."""

SCALES = {"plain": None, "residual": 0.2, "unscaled": 1.0}
RATES = (0.003, 0.01, 0.03)
ARMS = ("plain 6", "residual 6", "plain 16", "residual 16", "unscaled 16")
WITHOUT_NORM = ("plain 16 without batch norm", "residual 16 without batch norm")


def block(channels: int, scale: float | None, **style: Any) -> nn.Module:
    """Two branches of 16 channels, a linear 1x1 back to the trunk, and the sum; the scale None omits the sum."""
    made = residual(channels, ((16, 1),), ((16, 1), (16, 3)), scale=scale or 1.0, **style)
    return made if scale else nn.Sequential(made[0].body, made[1])  # type: ignore[index]


def network(arm: str) -> InceptionNet:
    """(N, 1, 28, 28) -> (N, 10); the blocks are on a 4x4 grid of 48 channels."""
    kind, count, *rest = arm.split()
    blocks: dict[str, Item] = {f"block_{i + 1}": partial(block, scale=SCALES[kind]) for i in range(int(count))}
    return stack(1, 10, STEM | blocks, name=arm, batch_norm=not rest)


@cache
def data() -> tuple[LabelledImages, LabelledImages, LabelledImages]:
    """The images to train on, to choose by and to test on."""
    train, valid = split_validation(load_fashion("train"))
    return train[balanced_choice(train.labels, IMAGES)], valid, load_fashion("test")[:TESTED]


def run(arm: str, rate: float, seed: int) -> dict[str, Any]:
    """One training: shares of 1, the mean training loss of every pass, and the share of dead channels at the end.

    A channel of the last block counts as dead if it is 0 at every position of every test image used.
    """
    train, valid, test = data()
    torch.manual_seed(seed)
    net = network(arm)
    try:
        history = fit(net, train, valid, lr=rate, seed=seed, **RECIPE)
    except FloatingPointError as error:
        return {"valid": 0.1, "test": 0.1, "diverged": str(error)}
    with torch.no_grad():
        maps = predict(net.features, test.images)
        right = net.classifier(maps).argmax(1) == test.labels
    return {
        "valid": history.last.valid_accuracy,
        "test": round(right.double().mean().item(), 5),
        "losses": [round(epoch.loss, 4) for epoch in history.epochs],
        "dead": round((maps.amax((0, 2, 3)) == 0).double().mean().item(), 4),
    }


def main() -> None:
    """All arms with batch norm over 10 seeds, then two without it over 3."""
    record = Record(
        "08_residuals",
        made_by="experiments/residuals.py",
        recipe=f"{10 * IMAGES} training images, 4 passes in batches of 50, AdamW, one cycle; {TESTED} test images",
        macs={arm: trace(network(arm), (1, 28, 28)).macs for arm in ARMS},
        params={arm: trace(network(arm), (1, 28, 28)).params for arm in ARMS},
    )
    rates: dict[str, float] = {}
    for arms, seeds in ((ARMS[:4], 10), (ARMS[4:], 10), (WITHOUT_NORM, 3)):
        rates |= (tuned := tune(record, run, dict.fromkeys(arms, RATES)))
        record.about["rates"] = rates
        cloud(record, run, tuned, range(seeds))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
